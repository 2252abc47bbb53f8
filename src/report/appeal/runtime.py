# ---------------------------------------------------------------------------------------------------
# From here on: the player, which is the same in every script. It needs Python 3.8 or later, Linux, and
# nothing else. It sends what the steps above send, and waits for what they expect.
# ---------------------------------------------------------------------------------------------------
import contextlib, fcntl, glob, os, pty, random, re, selectors, signal, socket, struct, subprocess, sys, termios, time

STARTING = 20.0       # seconds that a program may take to start
QUIET = 1.5           # seconds without an event after which nothing more is expected
NOT_HERE = "%s is not in this folder: run the script in the folder of your program, or give a command after --"
stage = None          # the conversation that is being played


class Failed(Exception):
    """A step does not hold. The message says what came instead."""


def encoded(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def squeezed(text):
    return "".join(encoded(text).decode("utf-8", "replace").split())


def numberless(text):
    return re.sub("[0-9]+", "0", encoded(text).decode("utf-8", "replace")).strip()


def visible(text):
    """The text with everything escaped that a terminal would act on."""
    text = encoded(text).decode("utf-8", "backslashreplace")
    plain = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}

    def shown(each):
        return plain.get(each) or ("\\x%02x" if ord(each) < 128 else "\\u{%x}") % ord(each)
    return "".join(each if each.isprintable() else shown(each) for each in text)


def kind_of_line(fits):
    return lambda text="": lambda line: fits(line, encoded(text))


Line = kind_of_line(lambda line, text: line == text)                # this line, to the byte
Begins = kind_of_line(lambda line, text: line.startswith(text) and (not text or line[len(text):][:1] in b" \t\r"))
Contains = kind_of_line(lambda line, text: text in line)
Words = kind_of_line(lambda line, text: squeezed(text) in squeezed(line))           # spaces may differ
SameWords = kind_of_line(lambda line, text: squeezed(line) == squeezed(text))       # these words alone
Like = kind_of_line(lambda line, text: numberless(line) == numberless(text))        # numbers may differ
Anything = kind_of_line(lambda line, text: True)


def cannot_start(why):
    print("\n%s" % visible(why))
    sys.exit(2)


def step(text, expected=None):
    """The calls that follow play this line of the transcript."""
    stage.step, stage.expected = text, expected or "that this step holds"
    stage.tell("-- %s" % text)


def wait(seconds):
    stage.settle()
    stage.wait(seconds)


def dialect(message=None, length_in_front=False, one_at_a_time=False):
    """How this program marks the end of a message, where it is not by a line end."""
    stage.message, stage.length_in_front = message or stage.message, length_in_front
    stage.one_at_a_time = one_at_a_time


class Stage:
    """The program, the actors, and the one loop that watches them all."""

    def __init__(self, command, patience):
        self.command, self.patience = command, patience
        self.begun = self.changed = time.monotonic()
        self.programs, self.actors, self.listener, self.last_actor = [], [], None, None
        self.message, self.length_in_front, self.one_at_a_time = rb"([^\n]*?)\r?\n", False, False

    def tell(self, text):
        self.changed = time.monotonic()
        print("%8.3f s  %s" % (self.changed - self.begun, text if len(text) < 300 else text[:300] + " ..."), flush=True)

    def wait(self, seconds, ready=lambda: False):
        """Watches everything until something is so, or the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            answer, left = ready(), deadline - time.monotonic()
            if answer or left < 0:
                return answer
            with selectors.PollSelector() as sources:
                for each in filter(lambda program: program.is_open, self.programs):
                    sources.register(each.terminal, selectors.EVENT_READ, each.read)
                for each in filter(lambda actor: not actor.ended, self.actors):
                    sources.register(each.sockets[-1], selectors.EVENT_READ, each.read)
                if self.listener:
                    sources.register(self.listener, selectors.EVENT_READ, self.programs[0].accepts)
                for source, _ in sources.select(max(0, min(left, 0.02))):
                    source.data()

    def wait_for_quiet(self):
        self.settle()
        self.wait(self.patience, lambda: time.monotonic() - self.changed > QUIET)

    def settle(self):
        """Waits, for a limited time, until the program has read everything and rests: so it sees all in order."""
        self.wait(2, self.all_is_read)
        self.wait(0.01)
        self.wait(0.3, lambda: not any(state in "RD" for each in self.programs for _, state in each.processes()))
        self.wait(0)
        self.last_actor = None

    def all_is_read(self):
        ours = {each.getsockname()[1] for actor in self.actors for each in actor.sockets}
        listens = {each.port for each in self.programs}
        return not any(unread and (there in ours or state == "0A" and here in listens)
                       for _, here, there, state, unread, _ in sockets())

    def end(self):
        for actor in self.actors:
            actor.drop(reset=True)
        while self.programs:
            self.programs.pop().kill()


class Program:
    """The program under test, on a terminal of its own."""

    def __init__(self):
        self.printed, self.since, self.port, self.sent = b"", 0, None, []

    def start(self, command):
        script = next((word for word in command[1:] if not word.startswith("-")), "")
        if re.search(r"\.(py|js|mjs|pl|rb|php|lua|jar|sh|ts)$", script) and not os.path.exists(script):
            cannot_start(NOT_HERE % script)
        self.terminal, other_side = pty.openpty()
        fcntl.ioctl(other_side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONUNBUFFERED", "LC_ALL")}
        environment.update(TERM="xterm-256color", LANG="C.UTF-8", PYTHONDONTWRITEBYTECODE="1")
        try:
            self.process = subprocess.Popen(
                command, stdin=other_side, stdout=other_side, stderr=other_side, env=environment,
                start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        except (OSError, ValueError) as why:
            is_not_here = isinstance(why, FileNotFoundError) and "/" in command[0]
            cannot_start(NOT_HERE % command[0] if is_not_here else "%s cannot be started: %s" % (command[0], why))
        os.close(other_side)
        self.is_open = True
        stage.programs.append(self)
        stage.tell("%s is started: %s" % (self.role, visible(" ".join(command))))

    def read(self):
        data = b""
        with contextlib.suppress(OSError):           # the program is gone
            data = os.read(self.terminal, 65536)
        self.is_open, self.printed = bool(data), (self.printed + data)[:1 << 22]
        if data:
            stage.tell("%s prints  %s" % (self.role, visible(data)))
        if b"\x1b[6n" in data:       # some line editors ask where the cursor is
            self.press(b"\x1b[1;1R")

    def press(self, keys):
        if self.is_open:
            os.write(self.terminal, keys)

    def how_ended(self):
        code = self.process.poll()
        return None if code is None else "exit status %d" % code if code >= 0 else "signal %d" % -code

    def processes(self):
        """The processes of its session, with their states."""
        stats = (text_of("/proc/%s/stat" % name).rpartition(")") for name in os.listdir("/proc") if name.isdigit())
        fields = ((begin.split(" ")[0], rest.split()) for begin, _, rest in stats)
        return [(int(pid), words[0]) for pid, words in fields
                if words[3:4] == [str(self.process.pid)] and words[0] not in "ZX"]

    def send_signal(self, number, pids):
        for pid in pids:
            with contextlib.suppress(OSError):       # it ended meanwhile
                os.kill(pid, number)

    def kill(self):
        while self.processes():
            self.send_signal(signal.SIGKILL, [pid for pid, _ in self.processes()])
            time.sleep(0.01)
        self.process.wait()
        os.close(self.terminal)

    def something_happens(self, text=None):
        """What the program prints from now on is about what happens now."""
        stage.settle()
        self.since = len(self.printed)
        stage.tell(text) if text else None

    def is_interrupted(self):
        """Ctrl-C as a key; a program that takes keys as they are and ignores this one gets the signal."""
        self.something_happens("Ctrl-C is pressed")
        makes_signal = self.is_open and termios.tcgetattr(self.terminal)[3] & termios.ISIG
        self.press(b"\x03")
        if not makes_signal and not stage.wait(1, lambda: self.how_ended() or any(each.lines for each in stage.actors)):
            self.send_signal(signal.SIGINT, [self.process.pid])

    def is_terminated(self):
        self.something_happens("SIGTERM is sent")
        self.send_signal(signal.SIGTERM, [self.process.pid])

    def ends(self):
        if not stage.wait(stage.patience, self.how_ended):
            raise Failed("it was still running after %.1f s" % stage.patience)
        stage.tell("%s ends    (%s)" % (self.role, self.how_ended()))


class Actor:
    """Somebody who is played here, and talks with the program."""

    def __init__(self, name):
        self.name, self.sockets, self.ended = name, [], "there is no connection"
        self.data, self.lines = b"", []          # what came and was not taken yet

    def has_connection(self, sock, sent=""):
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ended, self.data, self.lines = None, b"", []
        self.sockets.append(sock)
        stage.tell("%-8s : is connected%s" % (self.name, ", and sends %s" % visible(sent) if sent else ""))

    def read(self):
        try:
            data = self.sockets[-1].recv(65536)
            self.ended = None if data else "the connection was closed"
        except OSError:
            data, self.ended = b"", "the connection was reset"
        stage.tell("%-8s %s" % (self.name, "< " + visible(data) if data else ": " + self.ended))
        self.data += data
        while True:
            length = re.match(rb" *([0-9]+)", self.data[:10])
            message = rb"(?s).{10}(.{%d})" % int(length.group(1)) if stage.length_in_front and length else stage.message
            found = re.match(message, self.data)
            if not found:
                return
            self.lines, self.data = self.lines + [found.group(1)], self.data[found.end():]

    def drop(self, reset):
        for each in self.sockets:
            if reset:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()
        self.sockets, self.ended = [], self.ended or "the connection was closed"

    def acts(self, apart=False):
        """The program deals with what one actor does before another one acts."""
        if apart or stage.one_at_a_time or stage.last_actor not in (None, self):
            stage.settle()
        stage.wait(0.3, stage.all_is_read)
        stage.last_actor = self

    def connects(self, times=1, and_sends=""):
        """Connects; with `and_sends` so that the program finds the connection and these bytes together."""
        program = stage.programs[0]
        for _ in range(times):
            self.acts()
            stopped = [pid for pid, _ in program.processes()] if and_sends else []
            program.send_signal(signal.SIGSTOP, stopped)
            stage.wait(1, lambda: all(state in "Tt" for pid, state in program.processes() if pid in stopped))
            try:
                sock = socket.create_connection(program.address, timeout=stage.patience)
                sock.sendall(encoded(and_sends))
                self.has_connection(sock, and_sends)
            except OSError as why:
                raise Failed("no connection: %s" % why)
            finally:
                program.send_signal(signal.SIGCONT, stopped)

    def sends(self, data, times=1, apart=False):
        """Sends these bytes; with `apart` in a segment of their own."""
        data, program = encoded(data) * times, stage.programs[0]
        program.something_happens() if stage.listener else self.acts(apart)
        program.sent.append((data, len(program.printed)))
        stage.tell("%-8s > %s" % (self.name, visible(data)))

        def is_sent():
            nonlocal data
            try:
                data = data[self.sockets[-1].send(data):] if not self.ended else b""
            except OSError as why:   # a broken connection shows when it is read
                return not isinstance(why, BlockingIOError)
            return not data
        if not stage.wait(stage.patience, is_sent):
            raise Failed("it was not read within %.1f s" % stage.patience)

    def gets(self, *kinds, only_after=None, times=1):
        """Waits for a line of one of these kinds. With `only_after`, only such lines may come before it."""
        for _ in range(times):
            line = self.next_line()
            while not any(fits(line) for fits in kinds):
                if only_after is not None and not any(fits(line) for fits in only_after):
                    raise Failed("the line `%s`" % visible(line))
                line = self.next_line()
        return line

    def next_line(self):
        if stage.wait(stage.patience, lambda: self.lines or self.ended) and self.lines:
            return self.lines.pop(0)
        raise Failed("`%s` without a line end" % visible(self.data) if self.data else
                     self.ended or "nothing arrived within %.1f s" % stage.patience)

    def registers(self, data, kinds, again_after, at_once=False, only_after=None):
        """Connects and registers; again while the name is not free yet."""
        deadline, line = time.monotonic() + stage.patience, None
        while line is None or again_after(line):
            if time.monotonic() > deadline:
                raise Failed("the line `%s`" % visible(line))
            self.connects(and_sends=data if at_once else "")
            at_once or self.sends(data)
            line = self.gets(*kinds, again_after, only_after=only_after)

    def gets_nothing(self, before=None, only=()):
        """Nothing comes but `only`: before the line with the text `before`, or until all is quiet."""
        if not before or not stage.wait(stage.patience, lambda: any(encoded(before) in line for line in self.lines)):
            stage.wait_for_quiet()
        for line in self.lines + ([self.data] if self.data.strip() else []):
            if not any(fits(line) for fits in only) and (not before or encoded(before) not in line):
                raise Failed("the line `%s`" % visible(line))

    def never_gets(self, kind):
        """No such line comes any more."""
        stage.wait_for_quiet()
        for line in filter(kind, self.lines):
            raise Failed("the line `%s`" % visible(line))

    def is_still_connected(self):
        stage.wait_for_quiet()
        if self.ended:
            raise Failed("the connection of %s was closed before" % self.name)

    def is_disconnected(self):
        if not stage.wait(stage.patience, lambda: self.ended):
            raise Failed("it was still open after %.1f s" % stage.patience)

    def closes(self, reset=False):
        stage.programs[0].something_happens("%-8s : %s its connection" % (self.name, "resets" if reset else "closes"))
        for each in self.sockets if not reset and not self.ended else []:
            each.shutdown(socket.SHUT_WR)
        stage.wait(0 if reset else 0.1, lambda: self.ended)
        self.drop(reset)
        stage.last_actor = self


def text_of(path):
    """What the file contains; nothing where it cannot be read."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
    return ""


def what_is_at(link):
    """Where a link of the system leads, such as that of a descriptor; nowhere if it is gone meanwhile."""
    try:
        return os.readlink(link)
    except OSError:
        return ""


def sockets():
    """Of each TCP socket: family, port here, port there, state, what waits to be read, number."""
    for family, path in [(socket.AF_INET, "/proc/net/tcp"), (socket.AF_INET6, "/proc/net/tcp6")]:
        for words in map(str.split, text_of(path).splitlines()[1:]):
            here, there, unread = (int(words[at].rpartition(":")[2], 16) for at in (1, 2, 4))
            yield family, here, there, words[3], unread, words[9]


def holds(conversation, program, command, patience):
    """Plays one conversation with a fresh process; returns whether every step holds."""
    global stage
    stage = Stage(command, patience)
    try:
        names = conversation.__code__.co_varnames[1:conversation.__code__.co_argcount]
        stage.actors = [Actor(name.rstrip("_")) for name in names]
        print("\n%s\n" % conversation.__doc__)
        conversation(program(), *stage.actors)
        print("\n  Every step holds.")
        return True
    except Failed as why:
        ended = stage.programs and stage.programs[0].how_ended()
        print("\n  This step fails:  %s\n  expected  %s\n  received  %s%s"
              % (stage.step, stage.expected, why, "; the program had ended (%s)" % ended if ended else ""))
        return False
    finally:
        stage.end()


def main(program, command, conversations, unplayable):
    sys.stdout.reconfigure(errors="backslashreplace")
    patience, words = 10.0, sys.argv[1:]
    if "--" in words:
        words, command = words[:words.index("--")], words[words.index("--") + 1:]
    if words[:1] == ["--patience"] and re.match(r"[0-9.]+$", "".join(words[1:])):
        patience, words = float(words[1]), []
    if words or not command or not sys.platform.startswith("linux"):
        cannot_start("usage, on Linux: python3 %s [--patience SECONDS] [-- COMMAND ...]" % os.path.basename(sys.argv[0]))
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    held = [holds(conversation, program, command, patience) for conversation in conversations]
    print("\n%s%d of %d conversations hold." % ("".join(why + "\n" for why in unplayable), sum(held), len(held)))
    sys.exit(3 if not held else 0 if all(held) else 1)
