# What is particular to conversations with a server: everybody named is a chat user who is played here.


class User(Talker):
    """A chat user who is played here."""

    def __init__(self, name):
        super().__init__(name)
        self.standing = "new"     # then asking, in, refused, left
        self.known_as = None      # the name that it asked for
        self.came_after = self.left_after = 0   # how much had been said by then

    def connects(self, times=1, and_speaks_at_once=False):
        """Opens a connection, and says nothing."""
        for _ in range(times):
            stage.acts(self)
            if and_speaks_at_once:
                stage.hold_still()
            try:
                sock = socket.create_connection(stage.address, timeout=stage.patience)
            except OSError as why:
                stage.let_go()
                raise FellShort("that %s can connect" % self.name, str(why))
            self.connections.append(Connection(self, sock))
            self.standing, self.begun = "new", b""
            stage.tell("%-8s : connects" % self.name)

    def joins(self, name=None):
        """Connects, registers and gets status 200; once more where the name may not be free yet."""
        name = name or self.name
        deadline = time.monotonic() + stage.patience
        while True:
            self.connects(and_speaks_at_once=stage.profile["arrives_with_words"])
            self.says("REGISTER %s CHAT/1.0" % name)
            if stage.registers_silently():
                return self.is_taken_for_registered()
            line = self.status()
            code = parsed(decoded(line))[1]
            if code == "200":
                self.standing = "in"
                if stage.profile["waits_for_first_message"] and not stage.rows & {"S-CONC-1", "S-CONC-2"}:
                    self.says_as_fence()
                return
            if code != "401" or name not in stage.freed or time.monotonic() > deadline:
                raise FellShort("the line `200 ...`", "the line `%s`" % visible(line))
            stage.look(0.02)

    def status(self):
        """The first line with a status; what comes before it is passed over."""
        while True:
            line, received = self.next_message()
            if line is None:
                raise FellShort("the line `200 ...`", received)
            text = decoded(line)
            if parsed(text)[0] == "STATUS":
                return line
            if self.is_hidden_success(text):
                return b"200"
            if FENCE not in text and stage.meaning(self, text) in stage.rows:
                raise FellShort("the line `200 ...`", received)

    def is_hidden_success(self, text):
        return ("S-REG-1" not in stage.rows and stage.meaning(self, text) == NOTICE
                and "200" in re.split(r"[\W_]+", text))

    def is_taken_for_registered(self):
        stage.settle()
        stage.wait_for_quiet()
        self.standing = "in"

    def says(self, line):
        """Says one line."""
        if not self.is_connected():
            if self.standing != "in":
                return stage.tell("%-8s : has no connection any more to say `%s` on" % (self.name, visible(line)))
            raise FellShort("that %s is still connected" % self.name,
                            "the connection of %s was closed before" % self.name)
        if parsed(line)[0] == "DISCONNECT":
            self.sets_notices_aside()
        self.send(framed(line))
        self.has_said(line)

    def sets_notices_aside(self):
        """What the server told of its own before a DISCONNECT is no answer to it."""
        stage.settle()
        stage.look(0)
        kept, connection = [], self.connection()
        for message in iter(connection.take, None):
            if stage.meaning(self, decoded(message)) != NOTICE:
                kept.append(message)
        for message in reversed(kept):
            connection.reads.insert(0, framed(message, stage.writes))

    def has_said(self, line):
        super().has_said(line)
        kind, name, _ = parsed(line)
        before = self.standing
        if kind == "REGISTER":
            self.came_after = len(stage.sayings)
            if before == "new":
                self.standing, self.known_as = "asking", name
        elif kind == "DISCONNECT" and before == "in" and name == self.known_as:
            stage.freed.add(name)
            self.left_after = len(stage.sayings)
            self.standing = "left"
        stage.sayings.append((self, line, before, stage.known_as(self)))

    def has_got(self, text, wanted):
        kind, code, _ = parsed(text)
        if kind == "STATUS" and code == "200" and self.standing == "asking":
            self.standing = "in"
        elif kind == "STATUS" and code in ("400", "401"):
            self.standing = "refused"

    def gets(self, line):
        if line == "200 ..." and stage.registers_silently():
            return self.is_taken_for_registered()
        return super().gets(line)

    def is_passed_over(self, text, wanted):
        """Whether a line is about something else than what is asked about here."""
        meaning = stage.meaning(self, text)
        if FENCE in text:
            return True
        if wanted == "200 ..." and self.is_hidden_success(text):
            self.standing = "in"
            self.connection().reads.insert(0, framed("200", stage.writes))
            return True
        kind, code, _ = parsed(wanted[:-4] if wanted.endswith(" ...") else wanted)
        about = {"200": "S-REG-1", "400": "S-REG-3", "401": "S-REG-5"}.get(code)
        must_come_first = kind == "STATUS" and (about is None or about in stage.rows)
        if meaning == NOTICE:
            return not must_come_first
        return meaning is not None and meaning not in stage.rows

    def hears_nothing(self):
        """Nothing has come that was not accounted for: the next that comes is a line of this script's."""
        stage.settle()
        if not stage.raise_fence(self):
            stage.wait_for_quiet(1.0)
        connection = self.connection()
        for message in iter(lambda: connection.take(is_over=True), None):
            self.refuses(message)
        if connection.reads:
            self.refuses(connection.waiting())
            connection.reads = []
        stage.silences.append((self, len(stage.sayings)))

    def refuses(self, line):
        text = decoded(line)
        meaning = stage.meaning(self, text)
        if FENCE not in text and (meaning is None or meaning in stage.rows):
            raise FellShort("that %s hears nothing" % self.name, "the line `%s`" % visible(line))

    def says_as_fence(self):
        line = "@%s: %s %d" % (self.known_as, FENCE, stage.fences)
        stage.fences += 1
        stage.spoken.append(line)
        self.send(framed(line))
        return line

    def lets_go_of(self, connections):
        super().lets_go_of(connections)
        if self.standing == "in":
            stage.freed.add(self.known_as)
        self.left_after, self.standing = len(stage.sayings), "left"


class ServerStage(Stage):
    """What was said in a conversation with a server, and what a line that comes means by that."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.sayings = []         # who said what, standing how, under which name
        self.freed = set()        # names that were given up
        self.silences = []        # who heard nothing, and how much had been said by then
        self.fences = 1

    def known_as(self, user):
        return user.known_as

    def registers_silently(self):
        return self.profile["registers_silently"] and "S-REG-1" not in self.rows

    def source_of(self, text):
        """Which saying was the last of those that the text may have come from."""
        for at in reversed(range(len(self.sayings))):
            said = self.sayings[at][1]
            if parsed(said)[0] != "REGISTER" and has_words(text, substance(said)):
                return at
        return None

    def meaning(self, user, text):
        """The requirement that a line breaks; NOTICE for words of the server's own; None for what is usual."""
        at = self.source_of(text)
        if at is not None:
            if self.sayings[at][0] is not user and (at < user.came_after or at < user.left_after):
                return "S-MSG-1"
            return self.meaning_of_relayed(user, text, self.sayings[at])
        kind = parsed(text)[0]
        if kind in ("OTHER", "MESSAGE") and self.is_about_another(user, text):
            return NOTICE
        if user.standing == "left":
            return "S-DISC-3"
        if kind == "GOODBYE":
            return None
        if kind == "DISCONNECT":
            return "S-DISC-6"
        if kind == "STATUS":
            return NOTICE if user.standing == "in" else None
        return NOTICE

    def meaning_of_relayed(self, user, text, saying):
        speaker, said, standing, own_name = saying
        is_own = speaker is user
        kind, name, _ = parsed(said)
        if kind == "DISCONNECT":
            return "S-DISC-3" if is_own else "S-DISC-6"
        if standing == "in" and kind == "MESSAGE" and name != own_name:
            return "S-HARD-1"
        if standing == "in" and user.standing == "in" and is_own:
            return "S-MSG-2"
        if is_own and user.standing in ("new", "asking"):
            return None
        if standing in ("refused", "new"):
            return "S-REG-7"
        if standing == "left":
            return "S-DISC-1"
        if user.standing != "in":
            return {"refused": "S-REG-7", "left": "S-DISC-1"}.get(user.standing, "S-MSG-3")
        copies = sum(has_words(line, substance(said)) for _, line, *_ in self.sayings)
        heard = sum(line == text or has_words(line, substance(said)) for line in user.heard)
        return "S-MSG-1" if heard >= copies else None

    def is_about_another(self, user, text):
        """Whether a line names somebody who has registered, and not the one who got it."""
        words = re.split(r"[^\w-]+", text)
        named = [speaker is user for speaker, said, *_ in self.sayings
                 if parsed(said)[0] == "REGISTER" and parsed(said)[1] in words]
        return bool(named) and True not in named

    def raise_fence(self, user):
        """Makes another registered user say a line, and waits until it is there."""
        speakers = [other for other in self.talkers
                    if other is not user and other.is_connected() and other.standing == "in"]
        if user.standing != "in" or not speakers:
            return False
        self.tell("(%s says a line of this script's: what %s was still to hear comes before it)"
                  % (speakers[-1].name, user.name))
        line = speakers[-1].says_as_fence()
        words = encoded(substance(line))
        return self.wait(self.patience, lambda: words in user.connection().waiting() or not user.is_connected())

    def check_late_arrivals(self):
        """Whether anything came later where nothing was to come."""
        is_about_copies = bool(self.rows & {"S-MSG-1", "S-MSG-2"})
        self.wait(0.5 if is_about_copies else 0.02, lambda: None)
        for user in self.talkers:
            said_before = max([before for silent, before in self.silences if silent is user], default=0)
            connection = user.connection()
            for message in iter(lambda: connection and connection.take(is_over=True), None):
                at = self.source_of(decoded(message))
                is_meant = is_about_copies or at is not None and at < said_before
                if is_meant and self.meaning(user, decoded(message)) is not None:
                    user.refuses(message)

    def start_listening(self):
        """Starts the server, and waits until it listens somewhere."""
        program = self.start(self.command)
        found = self.wait(STARTING, lambda: listening(program) or
                          (program.how_ended() and not program.processes() and "ended"))
        self.look(0)
        printed = visible(program.printed[-500:]) or "nothing"
        if not found:
            raise FellShort("that the server listens on a port", "none within %.1f s; it printed %s"
                            % (STARTING, printed))
        if found == "ended":
            raise FellShort("that the server listens on a port", "it ended (%s); it printed %s"
                            % (program.how_ended(), printed))
        self.settle()
        found = listening(program) or found
        if len({port for _, port in found}) > 1:
            # Of several ports the one that it tells its users of, once it does.
            told = lambda: [address for address in listening(program) if has_number(program.printed, address[1])]
            found = self.wait(2, told) or found
        told = [address for address in found if has_number(program.printed, address[1])]
        host, port = (told or found)[0]
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port


def listening(program):
    """Where the processes of the program listen, by what the system says."""
    numbers, is_readable = set(), False
    for pid in program.processes():
        for descriptor in listed("/proc/%d/fd" % pid):
            is_readable = True
            try:
                link = os.readlink("/proc/%d/fd/%s" % (pid, descriptor))
            except OSError:
                continue
            numbers.update(re.findall(r"socket:\[(\d+)\]", link))
    found = [local for local, _, state, _, number in sockets() if state == "0A" and number in numbers]
    if found or is_readable:
        return found
    # Nothing is to be seen of its processes: a number that it printed, at which somebody answers.
    for number in re.findall(rb"\d+", program.printed):
        if 1024 <= int(number) <= 65535:
            try:
                socket.create_connection(("127.0.0.1", int(number)), timeout=1).close()
                return [("127.0.0.1", int(number))]
            except OSError:
                pass
    return []


def has_number(printed, number):
    return str(number).encode() in re.findall(rb"\d+", printed)


class Server:
    """The server that is judged."""

    def prints_its_port(self):
        port, program = stage.address[1], stage.program()
        if not stage.wait(stage.patience, lambda: has_number(program.printed, port)):
            raise FellShort("that it prints %d, where it listens, on its terminal" % port,
                            "`%s`" % visible(program.printed[-500:]) if program.printed else "nothing was printed")

    def another_starts(self):
        if stage.start_listening()[1] == stage.address[1]:
            raise FellShort("a port of its own", "both listen on port %d" % stage.address[1])

    def is_interrupted(self):
        stage.interrupt()

    def is_terminated(self):
        stage.settle()
        stage.program().send_signal(signal.SIGTERM)

    def ends(self):
        stage.wait_for_end()


def cast(new_stage, talk):
    """Gives everybody in a conversation a part in it, and plays it."""
    names = talk.__code__.co_varnames[:talk.__code__.co_argcount]
    parts = [Server() if name == "server" else User(name.rstrip("_")) for name in names]
    new_stage.talkers = [part for part in parts if isinstance(part, User)]
    new_stage.address = new_stage.start_listening()
    talk(*parts)
    new_stage.check_late_arrivals()


STAGE = ServerStage
