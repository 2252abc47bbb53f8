class Server(Program):
    """A server: found by the port on which its processes listen."""

    role = "server"

    def starts(self):
        """Starts the server, and waits until it listens."""
        self.start(stage.command)
        stage.wait(STARTING, lambda: self.listening() or self.how_ended() and not self.processes())
        stage.settle()
        addresses, printed = self.listening(), visible(self.printed[-500:])
        if not addresses:
            how = "the program ended (%s)" % self.how_ended() if self.how_ended() else "it listened on no port"
            raise Failed("%s; it printed `%s`" % (how, printed))
        family, self.port = next((each for each in addresses if self.has_printed(each[1])), addresses[0])
        self.address = ("127.0.0.1" if family == socket.AF_INET else "::1", self.port)

    def another_starts(self):
        other = Server()
        other.role = "another server"
        other.starts()
        if other.port == self.port:
            raise Failed("both listen on port %d" % self.port)

    def listening(self):
        """Where its processes listen, as the system says."""
        files = (file for pid, _ in self.processes() for file in glob.glob("/proc/%d/fd/*" % pid))
        own = {os.path.basename(os.path.realpath(file)) for file in files}
        return [(family, here) for family, here, _, state, _, number in sockets()
                if state == "0A" and "socket:[%s]" % number in own]

    def has_printed(self, number):
        return str(number).encode() in re.findall(rb"[0-9]+", self.printed)

    def prints_its_port(self):
        if not stage.wait(stage.patience, lambda: self.has_printed(self.port)):
            raise Failed("it listens on port %d and printed `%s`" % (self.port, visible(self.printed[-500:])))
