# What is particular to conversations with a client: its server and the person at the keyboard are played here.


class Screen:
    """What a person sees on the program's terminal: as much of a terminal as chat programs use."""

    COLUMNS, ROWS = 120, 40

    def __init__(self):
        self.rows, self.wrapped = [[]], set()
        self.top = self.row = self.column = 0
        self.saved = (0, 0)
        self.unread = b""

    def show(self, data):
        """Shows what was printed. Returns what the terminal answers to it."""
        self.unread += data
        answers = b""
        sequence = re.compile(rb"\x1b\[([0-?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()].|\x1b[^\[\]()]"
                              rb"|[\x00-\x1a\x1c-\x7f]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
                              rb"|[\xf0-\xf4][\x80-\xbf]{3}|[\xc2-\xdf](?![\x80-\xbf]|\Z)"
                              rb"|[\xe0-\xef](?![\x80-\xbf]{2}|[\x80-\xbf]?\Z)"
                              rb"|[\xf0-\xf4](?![\x80-\xbf]{3}|[\x80-\xbf]{0,2}\Z)|[\x80-\xc1\xf5-\xff]",
                              re.DOTALL)
        at = 0
        while True:
            found = sequence.match(self.unread, at)
            if not found:
                break
            at = found.end()
            answers += self.obey(found) or b""
        self.unread = self.unread[at:] if len(self.unread) - at < 4096 else b""
        return answers

    def obey(self, found):
        text = found.group()
        if found.group(2):
            return self.control(found.group(1), found.group(2))
        if text == b"\r":
            self.column = 0
        elif text == b"\n":
            self.next_row()
        elif text == b"\b":
            self.column = max(0, self.column - 1)
        elif text == b"\t":
            self.column = min(self.COLUMNS - 1, self.column // 8 * 8 + 8)
        elif text in (b"\x1b7", b"\x1b8"):
            if text == b"\x1b7":
                self.saved = (self.row, self.column)
            else:
                self.row, self.column = self.saved
        elif text[0] >= 32 and text != b"\x7f":
            self.write(text.decode("utf-8", "replace"))

    def control(self, parameters, last):
        numbers = [int(number) for number in parameters.split(b";") if number.isdigit()]
        first = numbers[0] if numbers else 0
        line = self.rows[self.row]
        if last in b"AF":
            self.row = max(self.top, self.row - max(1, first))
        elif last in b"BE":
            self.go_to(min(self.row + max(1, first), self.top + self.ROWS - 1), self.column)
        elif last == b"C":
            self.column = min(self.COLUMNS - 1, self.column + max(1, first))
        elif last == b"D":
            self.column = max(0, self.column - max(1, first))
        elif last == b"G":
            self.column = max(1, first) - 1
        elif last in b"Hf":
            column = numbers[1] if len(numbers) > 1 else 1
            self.go_to(self.top + min(self.ROWS, max(1, first)) - 1, min(self.COLUMNS, max(1, column)) - 1)
        elif last == b"K":
            if first in (0, 2):
                del line[self.column:]
            if first in (1, 2):
                line[:self.column + 1] = [" "] * min(len(line), self.column + 1)
        elif last == b"J":
            if first == 0:
                del line[self.column:]
            for row in range(self.row + 1 if first == 0 else self.top, len(self.rows)):
                if first != 1 or row < self.row:
                    self.rows[row] = []
        elif last == b"P":
            del line[self.column:self.column + max(1, first)]
        elif last == b"@":
            line[self.column:self.column] = [" "] * max(1, first)
        elif last == b"s":
            self.saved = (self.row, self.column)
        elif last == b"u":
            self.row, self.column = self.saved
        elif last == b"n" and first == 6:
            return b"\x1b[%d;%dR" % (self.row - self.top + 1, self.column + 1)
        elif last == b"n" and first == 5:
            return b"\x1b[0n"
        elif last == b"c" and not parameters.startswith((b"?", b">")):
            return b"\x1b[?1;2c"

    def go_to(self, row, column):
        while len(self.rows) <= row:
            self.rows.append([])
        self.row, self.column = row, column

    def next_row(self):
        self.go_to(self.row + 1, self.column)
        self.top = max(self.top, self.row - self.ROWS + 1)

    def write(self, character):
        if self.column >= self.COLUMNS:
            self.wrapped.add(self.row)
            self.next_row()
            self.column = 0
        line = self.rows[self.row]
        line.extend(" " * (self.column - len(line)))
        line[self.column:self.column + 1] = [character]
        self.column += 2 if unicodedata.east_asian_width(character) in "WF" else 1

    def text(self):
        ends = ("" if row in self.wrapped else "\n" for row in range(len(self.rows)))
        return "".join("".join(line) + end for line, end in zip(self.rows, ends))


def times_seen(text, words):
    if not words.strip():
        return 0
    return text.count(words) or squeezed(text).count(squeezed(words))


def own_words(text):
    """What is left when the traces of a crash are taken out, if that has a word in it."""
    last_of = {"thread '": "note: run with `RUST_BACKTRACE=", "panic: ": "exit status ", "node:": "Node.js v"}
    traces = ("Traceback (most recent call last)", "Exception in thread", "Exception ignored in",
              "During handling of the above exception", "The above exception was the direct cause", "Caused by: ")
    kept, lines = [], text.splitlines()
    while lines:
        line = lines.pop(0)
        last = next((last for first, last in last_of.items() if line.startswith(first)), None)
        if last is None and re.search(r"\.[mc]?js:\d+$", line):
            last = "Node.js v"
        if last is not None and (not line.startswith("thread '") or "panicked at" in line):
            while lines and not lines.pop(0).startswith(last):
                pass
        elif line.startswith(traces):
            while lines and lines[0][:1].isspace():
                lines.pop(0)
            if line.startswith("Traceback"):
                lines[:1] = []
        else:
            kept.append(line.rstrip())
    kept = "\n".join(kept).strip()
    return kept if re.search(r"[^\W\d_]{2}", kept) else None


def without_given(line, given):
    """The words of a line that do not stem from what the program was given."""
    for part in given:
        line = line.replace(part, " ")
    return [word for word in line.split() if re.search(r"[^\W_]", word)]


class ClientStage(Stage):
    """A conversation with a client."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.screen = Screen()
        self.shown = {}           # what was sent to be shown, with how often it was there before
        self.printed_before = 0   # how much had been printed when something last happened to the client
        self.greeting = []        # what it prints where all goes well
        self.given = []
        self.deaf = []             # sockets that each hold a port at which nobody listens

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)

    def accept(self):
        try:
            sock, _ = self.listener.accept()
        except OSError:
            return
        server = self.talkers[0]
        server.connections.append(Connection(server, sock))
        self.tell("%-8s : the client connects" % server.name)

    def printed(self):
        return self.program().printed

    def take_what_is_printed(self):
        for _ in range(50):
            before = len(self.printed())
            self.look(0.002)
            if len(self.printed()) == before:
                return

    def something_happens(self):
        """What the client prints from now on is about what happens now."""
        self.settle()
        self.take_what_is_printed()
        self.printed_before = len(self.printed())

    def starts(self, name, url):
        command = completed(self.command, name, url, self.profile["takes_address_first"]
                            and "C-ARG-1" not in self.rows)
        if command is None:
            raise CannotStart("the command takes host and port apart, so that `%s` cannot be given to it" % url)
        parts = set(re.split("[:/]", url)) | {url, name}
        self.given = sorted(filter(None, parts), key=len, reverse=True)
        program = self.start(command)
        program.on_printed = lambda text: program.press(self.screen.show(text))

    def words_since(self, start):
        since = Screen()
        since.show(self.printed()[start:start + 65536])
        lines = since.text().splitlines()
        if start == 0:
            lines = [line for line in lines if without_given(line, self.given) not in self.greeting]
        return "\n".join(lines)


def completed(command, name, url, address_first):
    """The command of a client with the user's name and the server's address."""
    if not any(place in word for word in command for place in ("{name}", "{url}", "{host}", "{port}")):
        return command + ([url, name] if address_first else [name, url])
    found = re.fullmatch("chat://(.*):(.*)", url, re.DOTALL)
    if not found and any("{host}" in word or "{port}" in word for word in command):
        return None
    host, port = found.groups() if found else ("", "")
    return [word.replace("{name}", name).replace("{url}", url).replace("{host}", host).replace("{port}", port)
            for word in command]


class PlayedServer(Talker):
    """The server that the client talks with."""

    def expects_on_screen(self, line):
        words = substance(line)
        stage.shown[words] = times_seen(stage.screen.text(), words)

    def says(self, line):
        """Says one line."""
        stage.something_happens()
        self.expects_on_screen(line)
        self.has_said(line)
        self.send(framed(line))

    def sends(self, data, times=1):
        stage.something_happens()
        for line in decoded(encoded(data)).splitlines():
            self.expects_on_screen(line)
        super().sends(data, times)

    def gets(self, line):
        """The next line that the client sends is this one."""
        if not self.connections:
            stage.wait(STARTING, lambda: self.connections or stage.program().how_ended())
            stage.look(0)
            if not self.connections:
                raise FellShort("that the client connects", "no connection")
        super().gets(line)

    def is_passed_over(self, text, wanted):
        return bool(self.heard) and self.heard[-1] == text and "C-MSG-1" not in stage.rows

    def has_got(self, text, wanted):
        """Something else was taken for the registration, which may still follow it."""
        if parsed(wanted)[0] != "REGISTER" or text == wanted:
            return
        stage.settle()
        stage.wait_for_quiet()
        kept = [message for message in iter(self.connection().take, None)
                if message[:8].upper() != b"REGISTER"]
        self.connection().reads[:0] = [framed(message, stage.writes) for message in kept]

    def hears_nothing(self):
        """The client has sent nothing that was not accounted for."""
        stage.settle()
        stage.wait_for_quiet(1.0)
        received = b"".join(connection.waiting() for connection in self.connections)
        if received:
            raise FellShort("that the server hears nothing", "`%s`" % visible(received))

    def closes(self):
        stage.something_happens()
        super().closes()

    def resets(self):
        stage.something_happens()
        super().resets()


class Person:
    """The person at the keyboard."""

    def types(self, keys):
        stage.something_happens()
        stage.tell("user types %s" % visible(keys))
        stage.program().press(encoded(keys.replace("\n", "\r")))

    def presses(self, key):
        if key == "Ctrl-D":
            return self.types("\x04")
        stage.settle()
        is_signal = stage.program().turns_ctrl_c_into_a_signal()
        self.types("\x03")
        server = stage.talkers[0]
        acted = lambda: stage.program().how_ended() or (server.connection() and server.connection().reads)
        # A program that took the terminal out of its line mode gets only the key.
        if not is_signal and not stage.wait(1, acted):
            stage.program().send_signal(signal.SIGINT)

    def is_shown(self, line):
        """The text of a message is to be seen on the terminal, once."""
        words = substance(line)
        before = stage.shown.get(words, 0)

        def is_seen():
            return (times_seen(stage.screen.text(), words) > before
                    or before == 0 and words in decoded(stage.printed()))
        if not stage.wait(stage.patience, is_seen):
            last = stage.screen.text().rstrip().split("\n")[-1]
            raise FellShort("`%s` on the screen" % visible(words),
                            "a screen whose last line is `%s`" % visible(last) if last else "an empty screen")
        stage.settle()
        stage.take_what_is_printed()
        copies = times_seen(stage.screen.text(), words) - before
        if copies > 1 and "C-MSG-2" in stage.rows:
            raise FellShort("`%s` on the screen, once" % visible(words), "it is there %d times" % copies)

    def sees_an_error(self):
        self.is_told("that the user is told what went wrong")

    def sees_a_notice(self):
        self.is_told("that the user is told what happened")

    def is_told(self, expected):
        """The client has said something of its own since the last event; a bare traceback is nothing."""
        start = stage.printed_before
        said = lambda: own_words(stage.words_since(start))
        stage.wait(stage.patience, lambda: said() or stage.program().how_ended())
        stage.take_what_is_printed()
        if not said():
            words = stage.words_since(start)
            received = ("a bare traceback" if "Traceback" in words else
                        "only `%s`" % visible(words.strip()) if words.strip() else "nothing on the screen")
            raise FellShort(expected, received)


class Terminal:
    """The terminal that the client prints on."""

    def never_gets(self, text):
        stage.settle()
        stage.wait_for_quiet(1.0)
        if encoded(text) in stage.printed():
            raise FellShort("that `%s` never reaches the terminal" % visible(text), "it did")


class Client:
    """The client that is judged."""

    def starts(self, name, at="chat://{host}:{port}"):
        """Starts it with a name and the address of the server that is played here."""
        host, port = stage.listener.getsockname()
        here = "chat://%s:%d" % (host, port)
        deaf = socket.socket()
        deaf.bind((host, 0))
        stage.deaf.append(deaf)
        url = at.replace("{host}", host).replace("{port}", str(port)).replace(
            "{unused}", str(deaf.getsockname()[1]))
        if url != here:
            self.is_rehearsed(name, here)
        stage.starts(name, url)

    def is_rehearsed(self, name, here):
        """What it prints where all goes well is no word about what goes wrong."""
        stage.tell("first, what it prints where the address is right:")
        stage.starts(name, here)
        server = stage.talkers[0]
        stage.wait(STARTING, lambda: server.connections and server.connection().reads
                   or stage.program().how_ended())
        stage.take_what_is_printed()
        stage.greeting = [words for words in (without_given(line, stage.given) for line in stage.screen.text().splitlines())
                          if words]
        for connection in server.connections:
            connection.sock.close()
        stage.program().end()
        server.connections, stage.programs, stage.screen = [], [], Screen()
        stage.tell("and now:")

    def is_terminated(self):
        stage.something_happens()
        stage.program().send_signal(signal.SIGTERM)

    def ends(self):
        stage.wait_for_end()


def cast(new_stage, talk):
    """Gives everybody in a conversation a part in it, and plays it."""
    parts = {"server": PlayedServer("server"), "user": Person(), "terminal": Terminal(), "client": Client()}
    names = talk.__code__.co_varnames[:talk.__code__.co_argcount]
    new_stage.talkers = [parts["server"]]
    new_stage.open()
    talk(*(parts[name] for name in names))


STAGE = ClientStage
