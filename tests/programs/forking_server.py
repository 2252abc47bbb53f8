#!/usr/bin/env python3
"""A CHAT/1.0 server with a process for each client.

The child takes the lines apart and hands them to its parent, one a packet; the parent knows who is
registered, and writes.
"""

import os
import selectors
import signal
import socket
import struct
import sys

VERSION = b"CHAT/1.0"
LONGEST_LINE = 16 * 1024
LONGEST_SEND = struct.pack("ll", 1, 0)  # seconds and microseconds


class Client:
    def __init__(self, connection, words):
        self.connection = connection
        self.words = words  # what the child hands over
        self.name = None

    def say(self, line):
        try:
            self.connection.sendall(line + b"\n")
        except OSError:
            # It is gone, or does not read: the child sees the end.
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def read_lines(connection, words):
    """The child: all lines, one a packet, and then nothing."""
    rest = b""
    while len(rest) <= LONGEST_LINE:
        try:
            segment = connection.recv(4096)
        except OSError:
            segment = b""
        if not segment:
            break
        *lines, rest = (rest + segment).split(b"\n")
        for line in lines:
            words.send(b":" + (line[:-1] if line.endswith(b"\r") else line))
    os._exit(0)


class Server:
    def __init__(self, listener):
        self.listener = listener
        self.selector = selectors.DefaultSelector()
        self.members = {}  # name -> Client
        self.clients = set()

    def accept(self, _):
        connection, _ = self.listener.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, LONGEST_SEND)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            # The others' connections are none of its business, and must not stay open for it.
            self.listener.close()
            ours.close()
            for client in self.clients:
                client.connection.close()
                client.words.close()
            read_lines(connection, theirs)
        theirs.close()
        client = Client(connection, ours)
        self.clients.add(client)
        self.selector.register(ours, selectors.EVENT_READ, lambda _: self.hear(client))

    def hear(self, client):
        packet = client.words.recv(LONGEST_LINE + 4096)
        if not packet:
            self.drop(client)
        elif client.name is None:
            self.register(client, packet[1:])
        elif packet[1:] == b"DISCONNECT " + client.name + b" " + VERSION:
            self.drop(client)
        elif packet[1:].startswith(b"@" + client.name + b": "):
            for member in self.members.values():
                if member is not client:
                    member.say(packet[1:])

    def register(self, client, line):
        words = line.split(b" ")
        is_well_formed = len(words) == 3 and words[0] == b"REGISTER" and words[2] == VERSION
        if not is_well_formed or not words[1] or not words[1].decode("utf-8", "ignore").isprintable():
            client.say(b"400 Invalid registration")
            self.drop(client)
        elif words[1] in self.members:
            client.say(b"401 Client already registered")
            self.drop(client)
        else:
            client.say(b"200 Registration successful")
            client.name = words[1]
            self.members[client.name] = client

    def drop(self, client):
        if client.name is not None:
            del self.members[client.name]
        self.clients.discard(client)
        self.selector.unregister(client.words)
        try:
            client.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        client.connection.close()
        client.words.close()

    def leave(self, _):
        for member in self.members.values():
            member.say(b"DISCONNECT " + VERSION)
        for client in self.clients:
            try:
                client.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        sys.exit(0)


def main():
    listener = socket.create_server(("", 0), backlog=512)
    print("Waiting for clients at port", listener.getsockname()[1], flush=True)
    server = Server(listener)
    interrupted, wakeup = socket.socketpair()
    wakeup.setblocking(False)
    signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server.selector.register(listener, selectors.EVENT_READ, server.accept)
    server.selector.register(interrupted, selectors.EVENT_READ, server.leave)
    while True:
        for key, _ in server.selector.select():
            key.data(key)


main()
