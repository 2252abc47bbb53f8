#!/usr/bin/env python3
"""Programs that a harness must get rid of: `hostile.py MODE`. Each ends by itself after two minutes.

fork     leaves a daemon of its own session behind that heeds no signal, and ends
ignore   listens, never answers, and heeds no signal
spin     listens, and keeps a processor busy
flood    listens, and writes to its terminal without end
silent   never listens
crash    ends at once with a traceback
multiply listens, and starts processes, 200 in all, that do nothing
hoard    takes a gibibyte of memory, and then listens
orphan   ends its parent, which looks after it, and listens, in a daemon of its own session too
stop     stops its parent, and listens
hold     the same, again and again, in a daemon of its own session
"""

import os
import signal
import socket
import sys
import time

DEADLINE = time.monotonic() + 120


def heed_nothing():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


def listen():
    listener = socket.create_server(("127.0.0.1", 0))
    print("Listening on port", listener.getsockname()[1], flush=True)
    return listener


def wait():
    while time.monotonic() < DEADLINE:
        time.sleep(1)


def fork():
    """Twice, with a new session in between, so that neither group nor parent leads to the daemon."""
    if os.fork():
        os.wait()
        return
    os.setsid()
    heed_nothing()
    if os.fork():
        os._exit(0)
    wait()
    os._exit(0)


def ignore():
    heed_nothing()
    with listen():
        wait()


def spin():
    with listen():
        while time.monotonic() < DEADLINE:
            pass


def flood():
    with listen():
        while time.monotonic() < DEADLINE:
            os.write(1, b"flood " * 1000 + b"\n")


def silent():
    wait()


def crash():
    raise RuntimeError("this program has a fault")


def multiply():
    with listen():
        for _ in range(200):
            if not os.fork():
                break
        wait()


def hoard():
    hoarded = bytearray(1 << 30)
    with listen():
        wait()
    return hoarded


def orphan():
    heed_nothing()
    os.kill(os.getppid(), signal.SIGKILL)
    if not os.fork():
        os.setsid()
    with listen():
        wait()


def stop():
    os.kill(os.getppid(), signal.SIGSTOP)
    with listen():
        wait()


def hold():
    parent = os.getppid()
    if not os.fork():
        os.setsid()
        heed_nothing()
        while time.monotonic() < DEADLINE:
            os.kill(parent, signal.SIGSTOP)
            time.sleep(0.001)
    with listen():
        wait()


MODES = {mode.__name__: mode for mode in (fork, ignore, spin, flood, silent, crash, multiply, hoard, orphan, stop, hold)}

if len(sys.argv) < 2 or sys.argv[1] not in MODES:
    sys.exit(__doc__)
MODES[sys.argv[1]]()
