class Server(Program):
    """A server: found by the port on which its processes listen."""

    role = "server"

    def starts(self, answering=None):
        """Starts the server, and waits until it listens; of several ports, this one answers a registration."""
        self.answering = answering
        self.start(stage.command)
        stage.wait(STARTING, lambda: self.listening()[answering or 0:] or self.how_ended() and not self.processes())
        stage.settle()
        addresses, printed = self.listening(), visible(self.printed[-500:])
        if not addresses:
            how = "the program ended (%s)" % self.how_ended() if self.how_ended() else "it listened on no port"
            raise Failed("%s; it printed `%s`" % (how, printed))
        family, self.port = next((each for each in addresses if self.has_printed(each[1])), addresses[0])
        if answering is not None:
            family, self.port = addresses[min(answering, len(addresses) - 1)]
        self.address = ("127.0.0.1" if family == socket.AF_INET else "::1", self.port)

    def another_starts(self):
        other = Server()
        other.role = "another server"
        other.starts(self.answering)
        if other.port == self.port:
            raise Failed("both listen on port %d" % self.port)

    def listening(self):
        """Where its processes listen, as the system says, in the order of their descriptors."""
        folders = ("/proc/%d/fd" % pid for pid, _ in self.processes())
        files = (file for folder in folders for file in sorted(glob.glob(folder + "/*"), key=lambda file: (len(file), file)))
        own = [what_is_at(file) for file in files]
        found = [(own.index("socket:[%s]" % number), family, here) for family, here, _, state, _, number in sockets()
                 if state == "0A" and "socket:[%s]" % number in own]
        ports = {}
        for _, family, here in sorted(found):
            ports.setdefault(here, family)
        return [(family, here) for here, family in ports.items()]

    def has_printed(self, number):
        return str(number).encode() in re.findall(rb"[0-9]+", self.printed)

    def prints_its_port(self):
        if not stage.wait(stage.patience, lambda: self.has_printed(self.port)):
            raise Failed("it listens on port %d and printed `%s`" % (self.port, visible(self.printed[-500:])))
