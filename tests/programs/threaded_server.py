#!/usr/bin/env python3
"""A CHAT/1.0 server with a thread for each client, as a textbook has it. It never flushes what it prints."""

import os
import signal
import socket
import struct
import threading

VERSION = "CHAT/1.0"
LONGEST_LINE = 16 * 1024
LONGEST_SEND = struct.pack("ll", 1, 0)  # seconds and microseconds

members = {}  # name -> socket
changing = threading.Lock()


def say(connection, line):
    try:
        connection.sendall(line + b"\n")
    except OSError:
        # It is gone, or does not read: its own thread sees the end.
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def lines_of(connection):
    """One after the other, without their ends, until there are no more."""
    rest = b""
    while len(rest) <= LONGEST_LINE:
        try:
            segment = connection.recv(4096)
        except OSError:
            return
        if not segment:
            return
        *lines, rest = (rest + segment).split(b"\n")
        for line in lines:
            yield line[:-1] if line.endswith(b"\r") else line


def register(line, connection):
    """The name that is registered now, or None where the registration is refused."""
    words = line.split(b" ")
    name = words[1] if len(words) == 3 else b""
    if words[0] != b"REGISTER" or words[-1] != VERSION.encode() or not name.decode("utf-8", "ignore").isprintable():
        name = b""
    if not name:
        say(connection, b"400 Invalid registration")
        return None
    with changing:
        if name in members:
            say(connection, b"401 Client already registered")
            return None
        say(connection, b"200 Registration successful")
        members[name] = connection
    return name


def attend(connection):
    lines = lines_of(connection)
    first = next(lines, None)
    name = None if first is None else register(first, connection)
    for line in lines if name else ():
        if line == b"DISCONNECT " + name + b" " + VERSION.encode():
            break
        if line.startswith(b"@" + name + b": "):
            with changing:
                for other, to in members.items():
                    if other != name:
                        say(to, line)
    with changing:
        if name and members.get(name) is connection:
            del members[name]
    end(connection)


def end(connection):
    """Says that nothing follows, and takes what still comes: unread, it would make the end a reset."""
    try:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        while connection.recv(4096):
            pass
    except OSError:
        pass
    connection.close()


def leave(*_):
    for connection in list(members.values()):
        say(connection, f"DISCONNECT {VERSION}".encode())
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    os._exit(0)


def main():
    listener = socket.create_server(("", 0), backlog=512)
    print("Waiting for clients at port", listener.getsockname()[1])
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, LONGEST_SEND)
        threading.Thread(target=attend, args=(connection,), daemon=True).start()


main()
