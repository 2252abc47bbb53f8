#!/usr/bin/env python3
"""A CHAT/1.0 server with several faults at once, for the recorded results that the reports are tested on.

It gives a name in use away, squeezes spaces in messages, crashes when a client closes its connection without a
DISCONNECT, and prints its port only sometimes.
"""

import selectors
import signal
import socket
import sys
import time

VERSION = "CHAT/1.0"
connections = {}  # socket -> [name, or None before the registration, and unread bytes]


def say(connection, line):
    connection.sendall(line.encode() + b"\n")


def members():
    return [connection for connection, (name, _) in connections.items() if name]


def register(connection, line):
    words = line.split(" ")
    if len(words) != 3 or words[0] != "REGISTER" or words[2] != VERSION:
        return say(connection, "400 Invalid registration")
    connections[connection][0] = words[1]
    say(connection, "200 Registration successful")


def relay(sender, line):
    for member in members():
        if member is not sender:
            say(member, " ".join(line.split()))


def take(connection, line):
    name = connections[connection][0]
    if name is None:
        register(connection, line)
    elif line == f"DISCONNECT {name} {VERSION}":
        leave(connection)
    elif line.startswith(f"@{name}: "):
        relay(connection, line)


def leave(connection):
    del connections[connection]
    selector.unregister(connection)
    connection.close()


def read(connection):
    segment = connection.recv(4096)
    if not segment:
        raise ConnectionResetError(104, "Connection reset by peer")
    *lines, connections[connection][1] = (connections[connection][1] + segment).split(b"\n")
    for line in lines:
        if connection in connections:
            take(connection, line.decode().rstrip("\r"))


def end(*_):
    for member in members():
        say(member, f"DISCONNECT {VERSION}")
    sys.exit()


selector = selectors.DefaultSelector()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, end)
listener = socket.create_server(("", 0))
selector.register(listener, selectors.EVENT_READ)
if time.time_ns() // 1000 % 2:
    print(f"Listening on port {listener.getsockname()[1]}", flush=True)
while True:
    for key, _ in selector.select():
        if key.fileobj is listener:
            connection, _ = listener.accept()
            connections[connection] = [None, b""]
            selector.register(connection, selectors.EVENT_READ)
        else:
            read(key.fileobj)
