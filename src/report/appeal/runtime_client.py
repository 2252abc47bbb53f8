def listener(has_four_digits, is_by_name):
    """A socket that listens. The name of this machine may stand for its address of either kind."""
    if is_by_name and socket.has_dualstack_ipv6():
        return socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    for port in random.sample(range(1024, 10000), 200) if has_four_digits else [0]:
        with contextlib.suppress(OSError):       # it is taken
            return socket.create_server(("127.0.0.1", port))
    raise Failed("no port is free")


class Client(Program):
    """A client: a user types into its terminal, and reads there."""

    role = "client"

    def starts_with(self, name, url, url_first=False):
        """Starts the client: the arguments stand where the command has a place for them, or else at its end."""
        stage.listener, self.unused = listener("{short_port}" in url, "//localhost:" in url), socket.socket()
        self.unused.bind(("127.0.0.1", 0))       # a port on which nobody listens
        ports = [str(each.getsockname()[1]) for each in (stage.listener, self.unused)]
        url = url.replace("{host}", "127.0.0.1").replace("{port}", ports[0]).replace("{short_port}", ports[0])
        url = url.replace("{unused}", ports[1])
        url = url.replace("{overflowing}", str(int(ports[0]) + 65536))
        host, _, port = url.replace("chat://", "").rpartition(":")
        places = {"{name}": name, "{url}": url, "{host}": host, "{port}": port}
        filled = [re.sub(r"\{(name|url|host|port)\}", lambda found: places[found.group()], word) for word in stage.command]
        self.start(filled if filled != stage.command else filled + ([url, name] if url_first else [name, url]))

    def accepts(self):
        stage.actors[0].has_connection(stage.listener.accept()[0])

    def connects_to(self, server):
        if not stage.wait(STARTING, lambda: server.sockets or self.how_ended()) or not server.sockets:
            raise Failed("no connection was opened")

    def types(self, keys):
        self.something_happens("user types %s" % visible(keys))
        self.press(encoded(keys))

    def words(self, printed):
        """What stands in what was printed, without escape sequences."""
        escapes = r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b.|\r"
        return re.sub(escapes, "", printed.decode("utf-8", "replace"))

    def shows(self, text, once=False):
        """The text is on the terminal, after it was sent."""
        start = next((printed for data, printed in reversed(self.sent) if squeezed(text) in squeezed(data)), 0)
        times = lambda: squeezed(self.words(self.printed[start:])).count(squeezed(text))
        if not stage.wait(stage.patience, times):
            last = self.words(self.printed).strip().split("\n")[-1]
            raise Failed("the last line on the terminal is `%s`" % visible(last))
        if once:
            stage.wait_for_quiet()
        if once and times() > 1:
            raise Failed("it is there %d times" % times())

    def tells_the_user(self, unless=b"", never="$^"):
        """It prints words since the last event, other than lines of `unless` and what matches `never`."""
        def news():
            words = re.sub(never, "", self.words(self.printed[self.since:]), flags=re.MULTILINE)
            lines = [numberless(line) for line in words.split("\n") if re.search(r"[^\W\d_]{2}", line)]
            return set(lines) - set(map(numberless, self.words(encoded(unless)).split("\n")))
        stage.wait(stage.patience, lambda: news() or self.how_ended() and not self.is_open)
        if not news():
            raise Failed("only `%s` was printed" % visible(self.words(self.printed[self.since:]).strip()))

    def never_prints(self, text):
        stage.wait_for_quiet()
        if encoded(text) in self.printed:
            raise Failed("it reached the terminal")
