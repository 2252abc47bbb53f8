#!/usr/bin/env python3
"""A CHAT/1.0 client on selectors, written from the assignment alone.

It leaves line editing to the terminal, and clears the line before it shows a message.
"""

import os
import selectors
import signal
import socket
import sys
import unicodedata
from urllib.parse import urlparse

VERSION = "CHAT/1.0"
LONGEST_LINE = 64 * 1024


class Ending(Exception):
    """Why the conversation is over, and the exit status."""

    def __init__(self, notice, status):
        super().__init__(notice)
        self.status = status


class Client:
    def __init__(self, name, connection):
        self.name = name
        self.connection = connection
        self.registered = False
        self.typed = b""
        self.received = b""

    def send(self, line):
        try:
            self.connection.sendall(line + b"\n")
        except OSError:
            pass  # noticed where it is read from

    def read_connection(self, selector):
        try:
            segment = self.connection.recv(4096)
        except OSError:
            segment = b""
        if not segment:
            raise Ending("The connection to the server is lost.", 1)
        *lines, self.received = (self.received + segment).split(b"\n")
        for line in lines:
            self.hear(line[:-1] if line.endswith(b"\r") else line, selector)
        if len(self.received) > LONGEST_LINE:
            raise Ending("The server sends a line without end.", 1)

    def hear(self, line, selector):
        if not self.registered:
            if line.split(b" ")[0] != b"200":
                raise Ending("The server refuses the registration: " + harmless(line), 1)
            self.registered = True
            show("Welcome, " + self.name)
            selector.register(sys.stdin, selectors.EVENT_READ, self.read_keyboard)
        elif line == f"DISCONNECT {VERSION}".encode():
            raise Ending("The server has been shut down.", 0)
        else:
            show(harmless(line))

    def read_keyboard(self, _selector):
        keys = os.read(sys.stdin.fileno(), 4096)
        *lines, self.typed = (self.typed + keys).split(b"\n")
        for line in lines if keys else [self.typed]:
            if line:
                self.send(f"@{self.name}: ".encode() + line)
        if not keys:
            self.leave()
        show("")

    def leave(self):
        if self.registered:
            self.send(f"DISCONNECT {self.name} {VERSION}".encode())
        raise Ending("Goodbye.", 0)

    def talk(self, interrupted):
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ, self.read_connection)
            selector.register(interrupted, selectors.EVENT_READ, lambda _selector: self.leave())
            self.send(f"REGISTER {self.name} {VERSION}".encode())
            while True:
                for key, _ in selector.select():
                    key.data(selector)


def harmless(line):
    """Text without what could move the cursor or change a colour."""
    text = line.decode("utf-8", "replace")
    return "".join("?" if unicodedata.category(c) == "Cc" and c != "\u0085" else c for c in text)


def show(text):
    """A line of its own, and the prompt below it."""
    sys.stdout.buffer.write(("\r\x1b[K" + (text + "\n" if text else "") + "> ").encode("utf-8"))
    sys.stdout.buffer.flush()


def parse_address(address):
    url = urlparse(address)
    if url.scheme != "chat" or not url.hostname or not url.port or url.path.strip("/"):
        raise ValueError("it must be chat://host:port")
    return url.hostname, url.port


def main():
    if len(sys.argv) != 3:
        raise Ending("Usage: client.py NAME chat://HOST:PORT", 2)
    try:
        connection = socket.create_connection(parse_address(sys.argv[2]))
    except ValueError as error:
        raise Ending(f"{sys.argv[2]} is not an address: {error}", 2) from None
    except OSError as error:
        raise Ending(f"No server at {sys.argv[2]}: {error}", 1) from None
    interrupted, wakeup = socket.socketpair()
    wakeup.setblocking(False)
    signal.set_wakeup_fd(wakeup.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    Client(sys.argv[1], connection).talk(interrupted)


try:
    main()
except Ending as ending:
    print(f"\n{ending}", flush=True)
    sys.exit(ending.status)
