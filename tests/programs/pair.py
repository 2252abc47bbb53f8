"""A server and its own clients in a dialect of their own, which no other program speaks: each message is a length and
a text. `pair.py --list` shows the ways in which the two can be unusual or wrong.

    pair.py [--way WAY] server
    pair.py [--way WAY] client NAME chat://HOST:PORT
"""

import os
import select
import signal
import socket
import sys
import termios
import time

WAYS = [
    # Right.
    "none", "arguments-swapped", "no-answer", "late-registration", "fixed-port",
    "listens-on-all-addresses", "raw-terminal", "clears-the-screen",
    # Wrong.
    "relays-nothing", "shows-at-enter", "relays-to-one", "relays-to-the-first-two", "ends-when-one-leaves",
    "forgets-all-when-one-leaves", "client-ignores-ctrl-c", "takes-every-name", "refused-client-stays",
    "refused-client-is-silent", "refusal-ends-the-server", "clients-outlive-the-server", "clients-end-without-a-word",
    "server-ignores-ctrl-c", "name-stays-taken", "message-drops-what-is-typed", "server-crashes-at-start",
    "client-crashes-at-start", "client-never-connects", "first-of-two-at-once-is-lost",
]


def send(connection, text):
    connection.sendall(b"%d:%s" % (len(text), text.encode()))


class Messages:
    """Splits what arrives."""

    def __init__(self, connection):
        self.connection, self.rest = connection, b""

    def read(self):
        data = self.connection.recv(4096)
        if not data:
            return None
        self.rest += data
        found = []
        while b":" in self.rest:
            length, _, text = self.rest.partition(b":")
            if len(text) < int(length):
                break
            found.append(text[: int(length)].decode())
            self.rest = text[int(length):]
        return found


def serve(way):
    if way == "server-crashes-at-start":
        raise RuntimeError("the server is broken")
    if way == "listens-on-all-addresses" and socket.has_dualstack_ipv6():
        # As servers in Java and Node do. Their clients often understand no address in brackets.
        listener = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        listener = socket.create_server(("127.0.0.1", 47115 if way == "fixed-port" else 0))
    print("listening at", listener.getsockname()[1], flush=True)
    clients, names, ever = {}, {}, set()

    def stop(*_):
        if way == "server-ignores-ctrl-c":
            return
        for connection in names:
            send(connection, "bye")
        sys.exit(0)

    signal.signal(signal.SIGINT, stop)
    while True:
        ready, _, _ = select.select([listener, *clients], [], [])
        if way == "first-of-two-at-once-is-lost":
            # Whoever writes while another one waits to be read is not heard.
            time.sleep(0.05)
            readable = select.select([one for one in names], [], [], 0)[0]
            waiting = [one for one in readable if b"say" in one.recv(4096, socket.MSG_PEEK)]
            if len(waiting) > 1:
                clients[waiting[0]].read()
                continue
        for connection in ready:
            if connection is listener:
                new, _ = listener.accept()
                clients[new] = Messages(new)
                continue
            try:
                messages = clients[connection].read()
            except OSError:
                messages = None
            for message in messages if messages is not None else ["leave"]:
                verb, _, text = message.partition(" ")
                if verb == "name":
                    taken = text in names.values() or (way == "name-stays-taken" and text in ever)
                    if taken and way == "refusal-ends-the-server":
                        sys.exit(1)
                    if taken and way != "takes-every-name":
                        send(connection, "taken")
                    else:
                        names[connection] = text
                        ever.add(text)
                        if way != "no-answer":
                            send(connection, "welcome")
                elif verb == "say":
                    others = [other for other in names if other is not connection]
                    if way == "relays-nothing":
                        others = []
                    if way == "relays-to-one":
                        others = others[:1]
                    if way == "relays-to-the-first-two":
                        others = [other for other in others if other in list(names)[:2]]
                    for other in others:
                        try:
                            send(other, f"from {names[connection]} {text}")
                        except OSError:
                            pass
                elif verb == "leave":
                    if names.pop(connection, None) and way == "ends-when-one-leaves":
                        sys.exit(0)
                    if way == "forgets-all-when-one-leaves":
                        names.clear()
                    clients.pop(connection, None)
                    connection.close()
                    break


def chat(way, name, address):
    if way == "client-crashes-at-start":
        raise RuntimeError("the client is broken")
    if way == "client-never-connects":
        signal.pause()
    host, port = address[len("chat://"):].rsplit(":", 1)
    connection = socket.create_connection((host, int(port)))
    if way == "late-registration":
        time.sleep(0.3)
    send(connection, f"name {name}")
    messages = Messages(connection)

    def leave(*_):
        if way == "client-ignores-ctrl-c":
            return
        send(connection, "leave")
        sys.exit(0)

    signal.signal(signal.SIGINT, leave)
    if way == "raw-terminal":
        settings = termios.tcgetattr(0)
        settings[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
        termios.tcsetattr(0, termios.TCSANOW, settings)
    typed = b""
    while True:
        ready, _, _ = select.select([0] if way == "shows-at-enter" else [0, connection], [], [])
        if way == "shows-at-enter":
            ready += select.select([connection], [], [], 0)[0]
        if connection in ready:
            found = messages.read()
            if found is None:
                if way != "clients-outlive-the-server":
                    sys.exit(0)
                signal.pause()
            for message in found:
                verb, _, text = message.partition(" ")
                if verb == "from":
                    sender, _, text = text.partition(" ")
                    if way == "message-drops-what-is-typed":
                        termios.tcflush(0, termios.TCIFLUSH)
                    if way == "clears-the-screen":
                        print("\x1b[2J\x1b[H", end="")
                    print(f"\r<{sender}> {text}\r", flush=True)
                elif verb == "taken":
                    if way == "refused-client-stays":
                        print("that name is taken", flush=True)
                        continue
                    if way != "refused-client-is-silent":
                        print("that name is taken", flush=True)
                    sys.exit(1)
                elif verb == "bye":
                    if way == "clients-outlive-the-server":
                        signal.pause()
                    if way != "clients-end-without-a-word":
                        print("\rthe server has shut down\r", flush=True)
                    sys.exit(0)
        if 0 in ready:
            data = os.read(0, 4096)
            if way == "raw-terminal":
                os.write(1, data.replace(b"\r", b"\r\n"))
                if b"\x03" in data:
                    leave()
                data = data.replace(b"\r", b"\n")
            *lines, typed = (typed + data).split(b"\n")
            for line in lines:
                send(connection, f"say {line.decode()}")


def main():
    words = sys.argv[1:]
    if words == ["--list"]:
        print("\n".join(WAYS))
        return
    way = "none"
    if words[0] == "--way":
        way, words = words[1], words[2:]
    if way not in WAYS:
        sys.exit(f"there is no way {way}")
    if words[0] == "server":
        serve(way)
    else:
        name, address = words[1:]
        if way == "arguments-swapped":
            name, address = address, name
        chat(way, name, address)


main()
