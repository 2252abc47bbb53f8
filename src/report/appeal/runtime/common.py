# ---------------------------------------------------------------------------------------------------
# From here on: what plays the conversation. It is the same in every such script, and needs Python 3.8
# or later, Linux, and nothing else.
# ---------------------------------------------------------------------------------------------------

import atexit
import fcntl
import linecache
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import unicodedata

STARTING = 20.0       # seconds that the program may take to start
PAUSE = 0.3           # who is silent for so long has no more to say
FENCE = "that was all, number"
PHRASES = [b"200 Registration successful", b"400 Invalid registration",
           b"401 Client already registered", b"DISCONNECT CHAT/1.0"]
NOTICE = "a notice"
stage = None          # everybody and everything in the conversation that is being played


class FellShort(Exception):
    """A step did not hold."""

    def __init__(self, expected, received, wanted=None, got=None):
        super().__init__(expected)
        self.expected, self.received, self.wanted, self.got = expected, received, wanted, got


class CannotStart(Exception):
    """There is no such program."""


def visible(text):
    """A text that a terminal will only show."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    escapes = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0", "\\": "\\\\"}

    def shown(character):
        code = ord(character)
        if character in escapes:
            return escapes[character]
        if 0xDC80 <= code < 0xDD00:      # a byte that is no UTF-8
            return "\\x%02x" % (code - 0xDC00)
        if character == " " or unicodedata.category(character)[0] not in "CZ":
            return character
        return ("\\x%02x" if code < 128 else "\\u{%x}") % code
    return "".join(map(shown, text))


def decoded(line):
    return line.decode("utf-8", "replace")


def encoded(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def squeezed(text):
    return "".join(text.split())


def has_words(text, words):
    """Whether the words are in the text when white space counts for nothing."""
    return squeezed(words) != "" and squeezed(words) in squeezed(text)


def parsed(line):
    """What kind of line it is by the protocol, its name or number, and its text."""
    for kind, form in [("REGISTER", r"REGISTER ([^ ]+) CHAT/1\.0"), ("GOODBYE", r"DISCONNECT CHAT/1\.0"),
                       ("DISCONNECT", r"DISCONNECT ([^ ]+) CHAT/1\.0"), ("MESSAGE", r"@([^ ]+?): (.*)"),
                       ("STATUS", r"([0-9]{3})(?:\s(.*))?")]:
        found = re.fullmatch(form, line, re.DOTALL)
        if found:
            name, text = (found.groups() + (None, None))[:2]
            return kind, name, text
    return "OTHER", None, None


def substance(line):
    """What of a line must be there in whatever form it is passed on or shown."""
    kind, _, text = parsed(line)
    return text if kind == "MESSAGE" else line


def is_expected(line, wanted, rows):
    """Whether a line is what is waited for, as exactly as the requirements in question ask for it."""
    text = decoded(line)
    if wanted.endswith(" ..."):
        wanted = wanted[:-4]
        rest = text[len(wanted):]
        return text.startswith(wanted) and (not wanted or not rest or rest[0].isspace())
    if line == wanted.encode("utf-8"):
        return True
    kind, _, said = parsed(wanted)
    if kind == "MESSAGE":
        if rows & {"S-MSG-1", "C-MSG-1"}:
            return False
        return said in text if rows & {"S-MSG-6", "C-MSG-5"} else has_words(text, said)
    same_words = squeezed(text) == squeezed(wanted)
    if kind == "REGISTER":
        return "C-REG-1" not in rows and (same_words or "C-ARG-1" not in rows)
    if kind == "GOODBYE":
        return same_words and not rows & {"S-SHUT-1", "C-SHUT-1"}
    return kind == "DISCONNECT" and same_words and "C-QUIT-1" not in rows


class Program:
    """The program that is judged, on a terminal of its own."""

    def __init__(self, command):
        self.terminal, other_side = pty.openpty()
        fcntl.ioctl(other_side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        hidden = ("PYTHONUNBUFFERED", "COLUMNS", "LINES", "LC_ALL", "LANGUAGE", "NO_COLOR")
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        environment.update(TERM="xterm-256color", LANG="C.UTF-8", PYTHONDONTWRITEBYTECODE="1")
        try:
            self.process = subprocess.Popen(
                command, stdin=other_side, stdout=other_side, stderr=other_side, env=environment,
                start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        except (OSError, ValueError) as why:
            os.close(self.terminal)
            raise CannotStart("%s cannot be started: %s" % (visible(command[0] if command else ""), why))
        finally:
            os.close(other_side)
        os.set_blocking(self.terminal, False)
        self.terminal_is_open = True
        self.printed = b""
        self.known = {self.process.pid: start_of(self.process.pid)}
        self.on_printed = lambda text: None
        RUNNING.append(self)

    def read(self):
        try:
            text = os.read(self.terminal, 65536)
        except BlockingIOError:
            return
        except OSError:
            text = b""
        if not text:
            self.terminal_is_open = False
            return
        self.printed = (self.printed + text)[:1 << 20]
        stage.tell("it prints  %s" % visible(text))
        self.on_printed(text)

    def press(self, keys):
        while keys and self.terminal_is_open:
            try:
                keys = keys[os.write(self.terminal, keys):]
            except BlockingIOError:
                stage.look(0.05)
            except OSError:
                return

    def turns_ctrl_c_into_a_signal(self):
        try:
            return bool(termios.tcgetattr(self.terminal)[3] & termios.ISIG)
        except termios.error:
            return False

    def send_signal(self, number):
        if self.how_ended() is None:
            os.kill(self.process.pid, number)
            stage.tell("it gets    %s" % signal.Signals(number).name)

    def how_ended(self):
        code = self.process.poll()
        if code is None:
            return None
        return "exit status %d" % code if code >= 0 else "signal %d" % -code

    def processes(self):
        """Ids of the processes that came of it and are still there."""
        found = [pid for pid, start in self.known.items() if start and start_of(pid) == start]
        for pid in found:
            for task in listed("/proc/%d/task" % pid):
                for child in read_of("/proc/%d/task/%s/children" % (pid, task)).split():
                    if int(child) not in found:
                        found.append(int(child))
                        self.known[int(child)] = start_of(int(child))
        return found

    def end(self):
        """Ends every process that came of it."""
        for _ in range(20):
            left = self.processes()
            in_session = [int(pid) for pid in listed("/proc") if pid.isdigit()
                          and fields_of(pid)[3:4] == [str(self.process.pid)]]
            for pid in set(left + in_session + ([self.process.pid] if self.process.poll() is None else [])):
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            self.process.wait()
            if not left and not in_session:
                break
            time.sleep(0.01)
        os.close(self.terminal)
        RUNNING.remove(self)


RUNNING = []


def end_all():
    for program in list(RUNNING):
        program.end()


def read_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def listed(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def fields_of(pid):
    """State, parent, group, session and so on of a process that is there and no zombie."""
    fields = read_of("/proc/%s/stat" % pid).rpartition(")")[2].split()
    return fields if fields and fields[0] not in "ZX" else []


def start_of(pid):
    fields = fields_of(pid)
    return fields[19] if len(fields) > 19 else None


class Connection:
    """One connection of somebody who is played here."""

    def __init__(self, owner, sock):
        self.owner, self.sock = owner, sock
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ports = (sock.getpeername()[1], sock.getsockname()[1])
        self.reads = []       # what came and was not taken yet, one entry a read
        self.heard_at = time.monotonic()
        self.ended = None     # how, where it did
        self.is_ours_no_more = False

    def is_open(self):
        return self.ended is None and not self.is_ours_no_more

    def read(self):
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data, self.ended = b"", "the connection was reset"
        if data:
            self.reads.append(data)
            self.heard_at = time.monotonic()
            stage.tell("%-8s < %s" % (self.owner.name, visible(data)))
        else:
            self.ended = self.ended or "the connection was closed"
            stage.tell("%-8s : %s" % (self.owner.name, self.ended))

    def waiting(self):
        return b"".join(self.reads)

    def drop(self, length):
        while length and self.reads:
            first = self.reads.pop(0)
            if len(first) > length:
                self.reads.insert(0, first[length:])
            length -= min(length, len(first))

    def take(self, is_over=False, wanted=()):
        """The next message that came, without its end; None where there is none yet."""
        waiting = self.waiting()
        if stage.writes == "length":
            number = waiting[:10].strip(b" ")
            if len(waiting) < 10 or not number.isdigit() or len(waiting) < 10 + int(number):
                return None
            self.drop(10 + int(number))
            return waiting[10:10 + int(number)]
        if stage.writes == "bare":
            length = self.bare_length(waiting, is_over, wanted)
            if not length:
                return None
            self.drop(length)
            self.drop(len(self.waiting()) - len(self.waiting().lstrip(b"\r\n")))
            return without_end(waiting[:length]) or self.take(is_over, wanted)
        line, end, _ = waiting.partition(b"\n")
        if not end:
            return None
        self.drop(len(line) + 1)
        return line[:-1] if line.endswith(b"\r") else line

    def bare_length(self, waiting, is_over, wanted):
        """Where a message ends that nothing marks the end of: behind words that are known, or else where
        the read ended."""
        known = {encoded(line) for line in [*PHRASES, *wanted, *stage.spoken] if line}
        known = sorted(known, key=len, reverse=True)
        for message in known:
            if waiting.startswith(message):
                end = 0
                for read in self.reads:
                    end += len(read)
                    if end >= len(message):
                        break
                if re.match(rb"[\r\n]*(@|DISCONNECT |[0-9]{3}( |\Z)|\Z)", waiting[len(message):end]):
                    return len(message)
        if any(message.startswith(waiting) for message in known):
            return len(waiting) if is_over else 0
        first = self.reads[0]
        within = [first.find(message) for message in known if message.startswith(b"@")]
        return min([place for place in within if place > 0], default=len(first))


def without_end(line):
    line = line[:-1] if line.endswith(b"\n") else line
    return line[:-1] if line.endswith(b"\r") else line


class Talker:
    """Somebody who is played here, and talks with the program."""

    def __init__(self, name):
        self.name = name
        self.connections = []
        self.begun = b""          # what it sent of a line that has no end yet
        self.heard = []           # what it got and was meant to get

    def connection(self):
        return self.connections[-1] if self.connections else None

    def is_connected(self):
        return bool(self.connections) and self.connections[-1].is_open()

    def send(self, data):
        stage.acts(self)
        stage.tell("%-8s > %s" % (self.name, visible(data)))
        deadline = time.monotonic() + stage.patience
        while data and self.is_connected():
            try:
                data = data[self.connection().sock.send(data):]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise FellShort("that all of what %s sends is read" % self.name, "it is not")
                stage.look(0.05)
            except OSError:
                break             # a broken connection shows itself when it is read
        stage.let_go()

    def sends(self, data, times=1):
        """Sends these bytes in a segment of their own."""
        data = encoded(data)
        if not stage.held:
            stage.settle()
        for line in (self.begun + data).split(b"\n")[:-1]:
            self.has_said(decoded(line[:-1] if line.endswith(b"\r") else line))
        self.begun = (self.begun + data).rpartition(b"\n")[2]
        is_message = data.endswith(b"\n") and data.count(b"\n") == 1 and len(data) > 1
        self.send(framed(data[:-1]) if is_message and stage.reads != "line" else data * times)

    def has_said(self, line):
        stage.spoken.append(line)

    def next_message(self, wanted=()):
        """The next message, or what came instead of one."""
        deadline = time.monotonic() + stage.patience
        while True:
            connection = self.connection()
            if connection:
                longest = PAUSE if stage.writes == "bare" else 1.0
                is_quiet = time.monotonic() - connection.heard_at > longest
                is_over = bool(connection.reads) and (connection.ended is not None or is_quiet)
                message = connection.take(is_over, wanted)
                if message is not None:
                    return message, "the line `%s`" % visible(message)
                if is_over:
                    return None, "`%s` without a line end" % visible(connection.waiting())
                if connection.ended:
                    return None, connection.ended
            if time.monotonic() > deadline:
                return None, "nothing within %.1f s" % stage.patience
            stage.look(0.02)

    def gets(self, line):
        """The next line is this one; ` ...` stands for whatever follows."""
        expected = "the line `%s`" % visible(line)
        passed_over = ""
        while True:
            message, received = self.next_message([] if line.endswith(" ...") else [line])
            if message is None:
                raise FellShort(expected, received + passed_over)
            text = decoded(message)
            if is_expected(message, line, stage.rows):
                self.heard.append(text)
                return self.has_got(text, line)
            if not self.is_passed_over(text, line):
                raise FellShort(expected, received, line, text)
            passed_over = "; before that came the line `%s`" % visible(text)
            stage.tell("           (that is not what is waited for, and passed over)")

    def has_got(self, text, wanted):
        pass

    def hears(self, lines, times=1):
        """These whole lines in a row."""
        for line in decoded(encoded(lines) * times).split("\n")[:-1]:
            self.gets(line)

    def closes(self):
        """Closes the connection in an orderly way: what still comes is read."""
        stage.acts(self)
        stage.settle()
        held = [connection for connection in self.connections if not connection.is_ours_no_more]
        for connection in held:
            try:
                connection.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        stage.wait(0.1, lambda: not any(connection.is_open() for connection in held))
        self.lets_go_of(held)

    def resets(self):
        stage.acts(self)
        stage.settle()
        held = [connection for connection in self.connections if not connection.is_ours_no_more]
        for connection in held:
            reset_when_closed(connection.sock)
        self.lets_go_of(held)

    def lets_go_of(self, connections):
        for connection in connections:
            connection.is_ours_no_more = True
            connection.sock.close()
        stage.unsettled = self
        stage.tell("%-8s : closed its connection" % self.name)

    def is_disconnected(self):
        if not stage.wait(stage.patience, lambda: self.connection() and self.connection().ended):
            raise FellShort("that the connection of %s is closed" % self.name,
                            "it was still open %.1f s later" % stage.patience)


def reset_when_closed(sock):
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass


def framed(message, framing=None):
    """A message as the program reads it."""
    message, framing = encoded(message), framing or stage.reads
    if framing == "length":
        return b"%-10d" % len(message) + message
    return message if framing == "bare" else message + b"\n"


class Stage:
    """Everybody and everything in one conversation, and the one loop that watches them."""

    def __init__(self, conversation, command, patience):
        self.about, self.command, self.patience = conversation, command, patience
        self.rows = set(conversation["rows"])
        self.reads, self.writes = conversation["reads"], conversation["writes"]
        self.profile = conversation["profile"]
        self.begun = time.monotonic()
        self.programs, self.talkers, self.listener = [], [], None
        self.spoken = []          # every line that somebody said
        self.unsettled = None     # who did something that the program may not have dealt with yet
        self.held = []            # processes that are stopped until somebody's words have arrived
        self.is_deaf = self.is_restless = False
        self.changed_at = self.begun
        self.address = (None, None)   # where a server that is judged listens

    def tell(self, text):
        self.changed_at = time.monotonic()
        print("%8.3f s  %s" % (self.changed_at - self.begun, text if len(text) < 300 else text[:300] + " (cut)"),
              flush=True)

    def program(self):
        return self.programs[0]

    def start(self, command):
        program = Program(command)
        self.programs.append(program)
        self.tell("it starts  %s" % visible(" ".join(command)))
        return program

    def connections(self):
        return [connection for talker in self.talkers for connection in talker.connections]

    def look(self, seconds):
        """Waits at most so long for something to happen, and takes note of all that did."""
        sources = {program.terminal: program.read for program in self.programs if program.terminal_is_open}
        sources.update((each.sock.fileno(), each.read) for each in self.connections() if each.is_open())
        if self.listener:
            sources[self.listener.fileno()] = self.accept
        poll = select.poll()
        for source in sources:
            poll.register(source, select.POLLIN)
        for source, _ in poll.poll(seconds * 1000):
            sources[source]()

    def wait(self, seconds, ready):
        """Looks on until something is so, or the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            answer = ready()
            left = deadline - time.monotonic()
            if answer or left <= 0:
                return answer
            self.look(min(left, 0.02))

    def wait_for_quiet(self, seconds=0.2):
        self.wait(2, lambda: time.monotonic() - self.changed_at > seconds)

    def acts(self, talker):
        """Before somebody does something the program is to have dealt with what others did."""
        if not self.held:
            is_same = self.unsettled is talker
            if self.unsettled and (not is_same or self.reads == "bare" or self.profile["relays_reads"]):
                self.settle()
            elif self.unsettled:
                self.wait(0.3, self.all_is_read)
            self.unsettled = talker

    def settle(self):
        """Waits, for a bounded time, until the program has read all and rests."""
        self.unsettled = None
        if not os.path.exists("/proc/self/stat"):
            return self.wait_for_quiet()
        self.look(0)
        if not self.wait(0.03 if self.is_deaf else 2, self.all_is_read):
            self.is_deaf = True
            return
        marks = [None, self.mark_of_rest()]

        def rests():
            marks[:] = [marks[1], self.mark_of_rest()]
            return marks[0] is not None and marks[0] == marks[1]
        self.look(0.005)
        self.is_restless = not self.wait(0.03 if self.is_restless else 0.3, rests)

    def all_is_read(self):
        """Whether the program has read all that was sent to it, and accepted all that connected."""
        ports = {connection.ports for connection in self.connections() if connection.is_open()}
        for local, remote, state, waiting, _ in sockets():
            is_listening_here = state == "0A" and local[1] == self.address[1]
            if waiting and (is_listening_here or (local[1], remote[1]) in ports):
                return False
        return True

    def mark_of_rest(self):
        """None while something runs; equal to the last one if nothing ran since."""
        switches = 0
        for program in self.programs:
            for pid in program.processes():
                for task in listed("/proc/%d/task" % pid):
                    status = read_of("/proc/%d/task/%s/status" % (pid, task))
                    if re.search(r"^State:\s+[RD]", status, re.MULTILINE):
                        return None
                    switches += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", status)))
        return switches

    def hold_still(self):
        """Stops the program, so that what follows is all there when it goes on."""
        self.settle()
        self.held = [pid for program in self.programs for pid in program.processes()]
        for pid in self.held:
            os.kill(pid, signal.SIGSTOP)
        self.wait(1, lambda: all((fields_of(pid) or "T")[0] in "Tt" for pid in self.held))

    def let_go(self):
        for pid in self.held:
            try:
                os.kill(pid, signal.SIGCONT)
            except OSError:
                pass
        self.held = []

    def interrupt(self):
        """Ctrl-C, as a key where the terminal makes a signal of it."""
        self.settle()
        if self.program().turns_ctrl_c_into_a_signal():
            self.tell("Ctrl-C is pressed")
            self.program().press(b"\x03")
        else:
            self.program().send_signal(signal.SIGINT)

    def wait_for_end(self):
        if not self.wait(self.patience, lambda: self.program().how_ended()):
            raise FellShort("that the program ends", "it was still running %.1f s later" % self.patience)
        self.look(0)
        self.tell("it ends    %s" % self.program().how_ended())

    def strike(self):
        for connection in self.connections():
            if not connection.is_ours_no_more:
                reset_when_closed(connection.sock)
                connection.sock.close()
        if self.listener:
            self.listener.close()
        for program in self.programs:
            if program in RUNNING:
                program.end()


def sockets():
    """Of each TCP socket: its address, the other side's, its state, what waits to be read, its number."""
    for family, path in [(socket.AF_INET, "/proc/net/tcp"), (socket.AF_INET6, "/proc/net/tcp6")]:
        for line in read_of(path).splitlines()[1:]:
            words = line.split()
            yield (address_in(family, words[1]), address_in(family, words[2]), words[3],
                   int(words[4].split(":")[1], 16), words[9])


def address_in(family, text):
    digits, port = text.split(":")
    parts = [int(digits[at:at + 8], 16) for at in range(0, len(digits), 8)]
    return socket.inet_ntop(family, struct.pack("=%dI" % len(parts), *parts)), int(port, 16)


def seconds_pass(seconds):
    stage.settle()
    stage.tell("%d s pass" % seconds)
    stage.wait(seconds, lambda: None)


def play(conversation, command, patience):
    """Plays one conversation against a fresh process; whether all held."""
    global stage
    print("\n%s\n  %s\n" % (conversation["name"], conversation["sentence"]))
    stage = STAGE(conversation, command, patience)
    try:
        cast(stage, conversation["talk"])
        print("\n  All of it holds.")
        return True
    except FellShort as why:
        tell_shortfall(why, conversation["talk"].__code__)
        return False
    finally:
        stage.strike()


def tell_shortfall(why, code):
    trace = why.__traceback__
    while trace and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    print("\n  It falls short here:")
    if trace:
        step = linecache.getline(code.co_filename, trace.tb_lineno).strip()
        print("  line %d of this script:  %s" % (trace.tb_lineno, step))
    received = why.received
    how_ended = stage.programs and stage.program().how_ended()
    if how_ended:
        received += "; the program had ended (%s)" % how_ended
    print("\n  expected  %s\n  received  %s" % (why.expected, received))
    if why.got is not None:
        wanted = visible(why.wanted[:-4] if why.wanted.endswith(" ...") else why.wanted)
        got = visible(why.got)
        at = len(os.path.commonprefix([wanted, got]))
        print("  %s%s from here on" % (" " * (len("received  the line `") + at), "^" * max(1, len(got) - at)))


def main(row, command, conversations, untold):
    """0: all holds. 1: it does not. 2: the program cannot be started. 3: nothing of it can be replayed."""
    sys.stdout.reconfigure(errors="backslashreplace")
    patience, words = 10.0, sys.argv[1:]
    if "--" in words:
        words, command = words[:words.index("--")], words[words.index("--") + 1:]
    if words[:1] == ["--patience"] and len(words) == 2 and words[1].replace(".", "", 1).isdigit():
        patience, words = float(words[1]), []
    if words or not command:
        print("usage: python3 %s [--patience SECONDS] [-- COMMAND ...]" % os.path.basename(sys.argv[0]))
        return 2
    if not sys.platform.startswith("linux"):
        print("This script needs Linux: elsewhere it cannot see what the program waits for.")
        return 2
    atexit.register(end_all)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    print("%s, asked of: %s" % (row, visible(" ".join(command))))
    try:
        held = [play(conversation, command, patience) for conversation in conversations]
    except CannotStart as why:
        print("\n%s" % why)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted")
        return 130
    for name, why in untold:
        print("\n%s is not replayed by this script: %s" % (name, why))
    if not held:
        return 3
    fell_short = held.count(False)
    if fell_short:
        print("\n%s does not hold: %d of %d conversations fell short." % (row, fell_short, len(held)))
    else:
        print("\n%s holds in all that was replayed here." % row)
    return 1 if fell_short else 0
