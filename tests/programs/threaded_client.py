#!/usr/bin/env python3
"""A CHAT/1.0 client with a thread for the keyboard and one for the socket, as a textbook has it."""

import os
import re
import signal
import socket
import sys
import threading

VERSION = "CHAT/1.0"
LONGEST_LINE = 64 * 1024


def end(status, notice):
    """From whatever thread: the others may be waiting for a key or a message."""
    print(notice, flush=True)
    os._exit(status)


def lines_of(connection):
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
            text = line.decode("utf-8", "replace")
            yield text[:-1] if text.endswith("\r") else text


def harmless(text):
    return "".join("?" if ord(c) < 32 or 127 <= ord(c) < 160 and c != "\u0085" else c for c in text)


def receive(lines):
    for line in lines:
        if line == f"DISCONNECT {VERSION}":
            end(0, "The server is shutting down. Goodbye!")
        print(harmless(line), flush=True)
    end(1, "The connection to the server is lost.")


def parse_address(address):
    match = re.fullmatch(r"chat://([^/:@\s]+):([0-9]{1,5})/?", address)
    if not match or not 0 < int(match[2]) < 65536:
        end(2, f"{address} is no address; it must be chat://host:port")
    return match[1], int(match[2])


def main():
    if len(sys.argv) != 3:
        end(2, "Usage: threaded_client.py NAME chat://HOST:PORT")
    name = sys.argv[1]
    try:
        connection = socket.create_connection(parse_address(sys.argv[2]))
    except OSError as error:
        end(1, f"Cannot connect to {sys.argv[2]}: {error}")

    def say(line):
        try:
            connection.sendall(line.encode("utf-8", "surrogateescape") + b"\n")
        except OSError:
            end(1, "The connection to the server is lost.")

    def leave(*_):
        say(f"DISCONNECT {name} {VERSION}")
        end(0, "Goodbye!")

    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    say(f"REGISTER {name} {VERSION}")
    lines = lines_of(connection)
    answer = next(lines, None)
    if answer is None:
        end(1, "The server closed the connection without an answer.")
    if answer.split(" ")[0] != "200":
        end(1, "The server refuses the registration: " + harmless(answer))
    print("Connected. Type to talk, Ctrl-C leaves.", flush=True)
    threading.Thread(target=receive, args=(lines,), daemon=True).start()
    for line in iter(sys.stdin.buffer.readline, b""):
        text = line.decode("utf-8", "surrogateescape").rstrip("\n")
        if text:
            say(f"@{name}: {text}")
    leave()


main()
