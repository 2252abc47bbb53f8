"""Servers that use up time, each in its own way: python3 hostile_server.py MODE MARKER."""

import os
import socket
import sys
import threading
import time

mode = sys.argv[1]


def serve(connection):
    try:
        while mode == "talks":
            connection.sendall(b"so much to say\n" * 1000)
        while True:
            received = connection.recv(4096)
            if not received:
                return
            if mode == "hesitates":
                time.sleep(4)
                connection.sendall(b"200 Registration successful\n")
    except OSError:
        pass


def listen():
    listener = socket.create_server(("127.0.0.1", 0))
    print("port", listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=[connection], daemon=True).start()


if mode == "never-listens":
    time.sleep(1000)
if mode == "floods":
    # The whole of it is bounded, should nobody end it.
    for _ in range(200_000):
        os.write(1, b"\x1b[65535S\x1b[2Jwords\r\n" * 100)
listen()
