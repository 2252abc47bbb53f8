#!/usr/bin/env python3
"""A CHAT/1.0 server on asyncio, written from the assignment alone.

It differs from the reference wherever that is free to choose: it keeps a refused connection open
for another try, and it drops what is not UTF-8.
"""

import asyncio
import signal

VERSION = "CHAT/1.0"
LONGEST_LINE = 16 * 1024
LARGEST_BACKLOG = 16 * 1024 * 1024


class Server:
    def __init__(self):
        self.members = {}  # name -> StreamWriter

    async def attend(self, reader, writer):
        """One connection, from its first byte to its last."""
        name = None
        try:
            while True:
                line = await reader.readuntil(b"\n")
                line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
                try:
                    text = line.decode("utf-8")
                except UnicodeDecodeError:
                    text = None
                if name is None:
                    name = self.register(text, writer)
                elif text == f"DISCONNECT {name} {VERSION}":
                    break
                elif text is not None and text.startswith(f"@{name}: "):
                    self.relay(line + b"\n", writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # it closed, sent a line without end, or reset the connection
        except asyncio.CancelledError:
            pass  # the server ends
        finally:
            if name is not None and self.members.get(name) is writer:
                del self.members[name]
            writer.close()

    def register(self, text, writer):
        """The name under which this connection is registered now, if it is."""
        words = (text or "").split(" ")
        well_formed = len(words) == 3 and words[0] == "REGISTER" and words[2] == VERSION
        if not well_formed or not is_name(words[1]):
            writer.write(b"400 Invalid registration\n")
            return None
        if words[1] in self.members:
            writer.write(b"401 Client already registered\n")
            return None
        writer.write(b"200 Registration successful\n")
        self.members[words[1]] = writer
        return words[1]

    def relay(self, message, sender):
        for member in list(self.members.values()):
            if member is sender:
                continue
            if member.transport.get_write_buffer_size() > LARGEST_BACKLOG:
                member.transport.abort()  # it does not read
            else:
                member.write(message)

    async def say_farewell(self):
        for member in self.members.values():
            member.write(f"DISCONNECT {VERSION}\n".encode())
            member.close()
        closing = [asyncio.ensure_future(member.wait_closed()) for member in self.members.values()]
        if closing:
            await asyncio.wait(closing, timeout=2)


def is_name(word):
    return 1 <= len(word) <= 64 and word.isprintable() and not any(c.isspace() for c in word)


async def main():
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    server = Server()
    listener = await asyncio.start_server(server.attend, "0.0.0.0", 0, limit=LONGEST_LINE, backlog=512)
    print("Will wait for clients at port", listener.sockets[0].getsockname()[1], flush=True)
    await interrupted.wait()
    listener.close()
    await server.say_farewell()


asyncio.run(main())
