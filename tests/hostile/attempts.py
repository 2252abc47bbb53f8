"""What a hostile submission tries, each attempt in a process of its own: `attempts.py`. Prints a line for each, with
`reached` or `held` in front. What it needs to know stands in the environment:

FOLDER   the folder of a class, with `mate/server.py`, `results.csv`, `secret`, a socket `socket` and a file `program`
VICTIM   id of a process of the same user that waits; it listens at the abstract socket `conform-victim-VICTIM`
PORT     the TCP port of 127.0.0.1 at which it listens
DEVICE   the device of another terminal
TMUX     the socket of a tmux server
MOST     the number of descriptors that it may have open
MARK     a name for what is left behind
"""

import ctypes
import errno
import fcntl
import os
import platform
import pty
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

C = ctypes.CDLL(None, use_errno=True)
VICTIM = int(os.environ["VICTIM"])
FOLDER = os.environ["FOLDER"]
MARK = os.environ["MARK"]
X86 = platform.machine() == "x86_64"


def check(result):
    """What the C library gave, or its error."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def call(x86, other, *arguments):
    """A system call by its number on x86-64 and elsewhere. An error about the arguments shows that it is allowed."""
    try:
        check(C.syscall(x86 if X86 else other, *arguments))
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOSYS, errno.EACCES):
            raise
    return True


def read(path):
    with open(path, "rb") as file:
        return file.read(64)


def write(path, mode="r+b"):
    with open(path, mode) as file:
        file.write(b"changed by a submission\n")


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        connection.connect(address)


def type_for_somebody(_):
    fcntl.ioctl(0, 0x5412, b"\n")


def other_terminal(_):
    with open(os.environ["DEVICE"], "wb") as terminal:
        terminal.write(b"\033[2J")


def open_other_terminal():
    return os.open(os.environ["DEVICE"], os.O_RDWR | os.O_NOCTTY)


def resize_other_terminal(_):
    fcntl.ioctl(open_other_terminal(), 0x5414, struct.pack("HHHH", 1, 1, 0, 0))


def take_other_terminal(_):
    """In a session of its own, which has no terminal yet."""
    os.setsid()
    fcntl.ioctl(open_other_terminal(), 0x540E, 0)


def type_into_tmux(_):
    words = ["tmux", "-S", os.environ["TMUX"], "send-keys", "-t", "main", MARK, "Enter"]
    environment = {name: value for name, value in os.environ.items() if name != "TMUX"}
    run = subprocess.run(words, env=environment, timeout=20, stdin=subprocess.DEVNULL, capture_output=True)
    if run.returncode != 0:
        raise OSError(errno.EPERM, run.stderr.decode())


def find_descriptors(_):
    """Those beyond standard input, output and error; the first that this opens itself is closed again."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and os.path.exists(f"/proc/self/fd/{name}"):
            return
    raise OSError(errno.ENOENT, "none")


def hoard_descriptors(_):
    """As many as possible, held while all the other attempts are made."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        signal.alarm(120)
        last = 0
        try:
            while True:
                last = os.open("/dev/null", os.O_RDONLY)
        except OSError:
            pass
        # The numbers are given without a gap.
        os.write(writer, str(last + 1).encode())
        signal.pause()
    os.close(writer)
    number = int(os.read(reader, 64))
    if number <= int(os.environ["MOST"]):
        raise OSError(errno.EMFILE, f"{number} at most")


def fill_with_bytes(folder):
    """Eight times as much as one file may have."""
    for number in range(8):
        with open(os.path.join(folder, f"{MARK}-{number}"), "wb") as file:
            file.write(bytes(1000 * 1000))


def fill_with_files(folder):
    for number in range(70_000):
        os.close(os.open(os.path.join(folder, f"{MARK}-{number}"), os.O_CREAT | os.O_WRONLY))


def leave_a_file(folder):
    write(os.path.join(folder, MARK), "wb")


def leave_a_semaphore(_):
    key = int.from_bytes(MARK.encode()[-4:], "big") & 0x7FFFFFFF
    check(C.semget(key, 1, 0o1600))


def leave_a_process(_):
    """In a session of its own, below nobody, and heedless of signals."""
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for descriptor in range(3):
        os.close(descriptor)
    time.sleep(60)
    os._exit(0)


def leave_a_process_at_a_terminal(_):
    """It leaves its own terminal, and controls another one if it can get one."""
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        os.read(reader, 1)
        return
    with open("/dev/tty", "rb", buffering=0) as terminal:
        fcntl.ioctl(terminal, 0x5422)
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    try:
        other_side, terminal = pty.openpty()
        # Without its other side the terminal would be gone.
        os.set_inheritable(other_side, True)
        fcntl.ioctl(terminal, 0x540E, 0)
    except OSError:
        terminal = os.open("/dev/null", os.O_RDWR)
    for descriptor in range(3):
        os.dup2(terminal, descriptor)
    # The pipe closes by itself when the new program begins.
    os.execvpe("sleep", ["sleep", "60"], {**os.environ, "MARK": MARK + "-terminal"})


def find_processes(_):
    if str(VICTIM) not in os.listdir("/proc"):
        raise OSError(errno.ENOENT, "not there")


def inspect_by_ptrace(_):
    check(C.ptrace(0x4206, VICTIM, None, None))
    check(C.ptrace(17, VICTIM, None, None))


def inspect_memory(_):
    with open(f"/proc/{VICTIM}/mem", "rb"):
        pass


def new_user_namespace(_):
    check(C.unshare(0x10000000))


def raw_socket(_):
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


def start_program(path):
    if os.spawnv(os.P_WAIT, path, [path, "--version"]) != 0:
        raise OSError(errno.ENOENT, "cannot be started")


def link_out(path):
    os.symlink(path, "link")
    try:
        read("link")
    finally:
        os.unlink("link")


def setting(path):
    with open(path, "r+b"):
        pass


def take_console(_):
    with open("/dev/tty", "rb+", buffering=0) as terminal:
        fcntl.ioctl(terminal, 0x541D)


def raise_limits(_):
    many = 1 << 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (many, many))


ATTEMPTS = [
    ("find-descriptors", find_descriptors),
    ("hoard-descriptors", hoard_descriptors),
    ("read-mate", lambda _: read(f"{FOLDER}/mate/server.py")),
    ("copy-mate-by-link", lambda _: link_out(f"{FOLDER}/mate/server.py")),
    ("change-mate", lambda _: write(f"{FOLDER}/mate/server.py")),
    ("change-results", lambda _: write(f"{FOLDER}/results.csv")),
    ("read-secret", lambda _: read(f"{FOLDER}/secret")),
    ("change-system", lambda _: write("/etc/" + MARK, "xb")),
    ("start-harness", lambda _: start_program(f"{FOLDER}/program")),
    ("find-processes", find_processes),
    ("signal-process", lambda _: os.kill(VICTIM, 0)),
    ("signal-everybody", lambda _: os.kill(-1, 0)),
    ("inspect-by-ptrace", inspect_by_ptrace),
    ("inspect-memory", inspect_memory),
    ("read-environment", lambda _: read(f"/proc/{VICTIM}/environ")),
    ("use-socket-file", lambda _: connect(socket.AF_UNIX, f"{FOLDER}/socket")),
    ("use-abstract-socket", lambda _: connect(socket.AF_UNIX, f"\0conform-victim-{VICTIM}")),
    ("use-port", lambda _: connect(socket.AF_INET, ("127.0.0.1", int(os.environ["PORT"])))),
    ("type-for-somebody", type_for_somebody),
    ("write-to-terminal", other_terminal),
    ("resize-terminal", resize_other_terminal),
    ("take-terminal", take_other_terminal),
    ("type-into-tmux", type_into_tmux),
    ("take-console", take_console),
    ("raise-limits", raise_limits),
    ("new-terminal", lambda _: os.close(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))),
    ("change-settings", lambda _: setting("/proc/sys/vm/swappiness")),
    ("new-user-namespace", new_user_namespace),
    ("raw-socket", raw_socket),
    ("use-keyrings", lambda _: call(250, 219, 0, -3, 1)),
    ("use-bpf", lambda _: call(321, 280, 0, None, 0)),
    ("use-io-uring", lambda _: call(425, 425, 0, None)),
    ("use-userfaultfd", lambda _: call(323, 282, -1)),
    ("use-perf-events", lambda _: call(298, 241, None, 0, -1, -1, 0)),
    ("mount", lambda _: call(165, 40, None, None, None, 0, None)),
    ("open-by-handle", lambda _: call(304, 265, -1, None, 0)),
    ("fill-disk-with-bytes", lambda _: fill_with_bytes(".")),
    ("fill-temporary-with-bytes", lambda _: fill_with_bytes(os.environ["TMPDIR"])),
    ("fill-with-files", lambda _: fill_with_files(os.environ["TMPDIR"])),
    ("leave-shared-memory", lambda _: leave_a_file("/dev/shm")),
    ("leave-temporary-file", lambda _: leave_a_file("/tmp")),
    ("leave-semaphore", leave_a_semaphore),
    ("leave-process", leave_a_process),
    ("leave-process-at-terminal", leave_a_process_at_a_terminal),
]


def main():
    for name, attempt in ATTEMPTS:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            try:
                attempt(None)
            except BaseException as error:
                print("held", name, type(error).__name__, getattr(error, "errno", ""), flush=True)
                os._exit(0)
            print("reached", name, flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            print("held", name, "signal", os.WTERMSIG(status), flush=True)
    print("done", flush=True)


main()
