//! Recognises what the runtime of a language prints about a crash: nobody wrote it for the user.

/// The lines without those that a runtime printed about a crash.
pub fn without_crashes<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut kept = Vec::new();
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        if let Some(last) = last_of_crash(line) {
            // Skip the trace; if its last line is missing, skip everything.
            let _ = lines.by_ref().find(|line| line.starts_with(last));
            continue;
        }
        let is_above_trace = lines.peek().is_some_and(|next| is_frame(next));
        if !begins_trace(line) && !is_frame(line) && !is_above_trace {
            kept.push(line.trim_end());
            continue;
        }
        while lines.next_if(|line| is_indented(line)).is_some() {}
        // In Python the error comes after the indented trace; in the other languages before it.
        if line.trim_start().starts_with("Traceback") || is_place_in_python(line) {
            lines.next();
        }
    }
    kept
}

/// Whether all of these lines that have words in them are about a crash, and at least one is.
pub fn is_only_a_crash(text: &str) -> bool {
    let has_letters = |line: &&str| line.chars().any(char::is_alphabetic);
    let left = without_crashes(text.lines());
    text.lines().any(|line| has_letters(&line)) && !left.iter().any(has_letters)
}

/// Prefix of the last line of a crash that begins with `line`, if the error is inside the trace.
fn last_of_crash(line: &str) -> Option<&'static str> {
    let is_script_position = || {
        let (path, number) = line.rsplit_once(':')?;
        let is_script = [".js", ".mjs", ".cjs"]
            .iter()
            .any(|end| path.ends_with(end));
        (is_script && number.parse::<u32>().is_ok()).then_some(())
    };
    if line.starts_with("thread '") && line.contains("panicked at") {
        Some("note: run with `RUST_BACKTRACE=")
    } else if line.starts_with("panic: ") || FATAL_IN_GO.iter().any(|error| line.starts_with(error))
    {
        Some("exit status ")
    } else if line.starts_with("node:") || is_script_position().is_some() {
        Some("Node.js v")
    } else {
        None
    }
}

/// Beginnings of lines that only runtimes print: about Python and its event loop, threads of Java, C and C++, Ruby,
/// PHP, Lua, Go, Rust, Node and others.
const BEGINNINGS: [&str; 32] = [
    "Traceback (most recent call last)",
    "Exception in thread",
    "Exception in callback",
    "Exception ignored in",
    "During handling of the above exception",
    "The above exception was the direct cause",
    "Task exception was never retrieved",
    "Future exception was never retrieved",
    "future: <",
    "Task was destroyed but it is pending",
    "task: <",
    "handle: <",
    "Fatal Python error",
    "Caused by: ",
    "Error: Could not find or load main class",
    "Error: Unable to access jarfile",
    "terminate called ",
    "libc++abi: ",
    "*** stack smashing detected",
    "*** buffer overflow detected",
    "double free or corruption",
    "free(): ",
    "malloc(): ",
    "munmap_chunk(): ",
    "corrupted size",
    "#<Thread:",
    "fatal runtime error: ",
    "note: run with `RUST_BACKTRACE=",
    "Error: Os {",
    "Error: Custom {",
    "Node.js v",
    "(Use `node --trace",
];

/// Lines that only runtimes and shells print, as a whole: a program may use the same words in a sentence.
const WHOLE_LINES: [&str; 11] = [
    "Segmentation fault",
    "Aborted",
    "Bus error",
    "Illegal instruction",
    "Floating point exception",
    "Trace/breakpoint trap",
    "Stack trace:",
    "stack traceback:",
    "stack backtrace:",
    "Stacktrace:",
    "PHP Stack trace:",
];

/// What a runtime of Go calls a fatal error.
const FATAL_IN_GO: [&str; 4] = [
    "fatal error: all goroutines are asleep",
    "fatal error: concurrent map",
    "fatal error: unexpected signal",
    "fatal error: stack overflow",
];

/// Beginnings of what the interpreter of Perl says itself; the words of a `die` are the program's.
const OF_PERL: [&str; 12] = [
    "Can't call method",
    "Can't locate ",
    "Can't use ",
    "Use of uninitialized value",
    "Undefined subroutine",
    "Not a",
    "Modification of a read-only value",
    "Illegal division by zero",
    "Died at ",
    "syntax error at ",
    "BEGIN failed",
    "Compilation failed",
];

fn begins_trace(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '+', '|']);
    BEGINNINGS
        .iter()
        .any(|beginning| line.starts_with(beginning))
        || WHOLE_LINES.contains(&line.trim_end())
        || is_unhandled(line)
        || number_after(line, "exit status ").is_some_and(str::is_empty)
        || number_after(line, "goroutine ").is_some_and(|rest| rest.starts_with(" ["))
        || number_after(line, "(node:").is_some_and(|rest| rest.starts_with(')'))
        || line.starts_with("** (") && line.contains("Error) ")
        // `bash: line 1: 4711 Segmentation fault (core dumped) ./client`
        || line.contains("(core dumped)")
        || line.contains(" Segmentation fault ")
        || line.contains("AddressSanitizer")
        || line.contains(": Assertion `")
        || line.contains("terminated with exception (report_on_exception")
        || line.starts_with("thread '") && line.contains("has overflowed its stack")
        || is_of_lua(line)
        || is_of_php(line)
        || is_of_perl(line)
        || is_place_in_ruby(line)
        || is_place_in_python(line)
        || is_warning_of_python(line)
}

fn is_indented(line: &str) -> bool {
    line.starts_with(char::is_whitespace) || line.starts_with('#')
}

/// What follows a beginning and a number.
fn number_after<'l>(line: &'l str, beginning: &str) -> Option<&'l str> {
    let rest = line.strip_prefix(beginning)?;
    let after = rest.trim_start_matches(|character: char| character.is_ascii_digit());
    (after.len() < rest.len()).then_some(after.trim_end())
}

/// `Unhandled exception: ...`, `Uncaught TypeError: ...`, `Fatal error: Uncaught Error: ...`
fn is_unhandled(line: &str) -> bool {
    const ERRORS: [&str; 4] = ["exception", "error", "promise", "rejection"];
    let lower = line.to_ascii_lowercase();
    let lower = lower.strip_prefix("php ").unwrap_or(&lower);
    let lower = lower.strip_prefix("fatal error:").unwrap_or(lower);
    let lower = lower.trim_start_matches([' ', '[']);
    let rest = ["unhandled", "uncaught"]
        .iter()
        .find_map(|word| lower.strip_prefix(word));
    rest.is_some_and(|rest| ERRORS.iter().any(|error| rest.contains(error)))
}

/// `Can't call method "print" on an undefined value at client.pl line 12.`
fn is_of_perl(line: &str) -> bool {
    let Some((before, number)) = line.rsplit_once(" line ") else {
        return false;
    };
    let has_place = before.rsplit(' ').nth(1) == Some("at");
    let has_number = number.starts_with(|character: char| character.is_ascii_digit());
    has_place && has_number && OF_PERL.iter().any(|beginning| line.starts_with(beginning))
}

/// A line of a trace of Java, JavaScript, C# or Ruby, below the error.
fn is_frame(line: &str) -> bool {
    let frame = line.trim();
    let is_place = |frame: &str| is_place_in_script(frame) || is_method(frame);
    let is_frame = frame.strip_prefix("at ").is_some_and(is_place)
        || frame.strip_prefix("from ").is_some_and(is_place_in_ruby);
    line.starts_with(char::is_whitespace) && is_frame
}

/// `main (/src/client.js:3:9)`, `/src/client.js:3:9`
fn is_place_in_script(frame: &str) -> bool {
    let mut parts = frame.trim_end_matches(')').rsplit(':');
    let mut is_number = || parts.next().is_some_and(|part| part.parse::<u32>().is_ok());
    is_number() && is_number()
}

/// `Client.main(Client.java:12)`, `Client.Main() in /src/Client.cs:line 7`
fn is_method(frame: &str) -> bool {
    let (method, rest) = frame.split_once('(').unwrap_or_default();
    method.contains('.') && !method.contains(' ') && rest.contains(')')
}

/// `client.rb:12:in 'connect': Connection refused (Errno::ECONNREFUSED)`
fn is_place_in_ruby(line: &str) -> bool {
    line.split_once(":in ").is_some_and(|(place, what)| {
        let number = place.rsplit(':').next().unwrap_or_default();
        number.parse::<u32>().is_ok() && what.starts_with(['`', '\''])
    })
}

/// `  File "client.py", line 3`, which stands alone above an error of syntax.
fn is_place_in_python(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("File \"") && line.contains("\", line ")
}

/// `client.py:3: DeprecationWarning: There is no current event loop`
fn is_warning_of_python(line: &str) -> bool {
    let mut parts = line.splitn(3, ':');
    let (_, number, warning) = (parts.next(), parts.next(), parts.next());
    let is_numbered = number.is_some_and(|number| number.parse::<u32>().is_ok());
    let name = warning.and_then(|warning| warning.trim_start().split(':').next());
    is_numbered && name.is_some_and(|name| name.ends_with("Warning") && !name.contains(' '))
}

/// `lua5.4: client.lua:3: attempt to index a nil value`
fn is_of_lua(line: &str) -> bool {
    let (program, rest) = line.split_once(": ").unwrap_or_default();
    program.starts_with("lua") && !program.contains(' ') && rest.contains(".lua:")
}

/// `PHP Warning:  fsockopen(): Unable to connect in /src/client.php on line 3`
fn is_of_php(line: &str) -> bool {
    const KINDS: [&str; 6] = [
        "Fatal error: ",
        "Warning: ",
        "Notice: ",
        "Deprecated: ",
        "Parse error: ",
        "Recoverable fatal error: ",
    ];
    let line = line.strip_prefix("PHP ").unwrap_or(line);
    let is_kind = KINDS.iter().any(|kind| line.starts_with(kind));
    let (_, number) = line.rsplit_once(" on line ").unwrap_or_default();
    is_kind && number.starts_with(|character: char| character.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the runtimes of many languages print, as they print it.
    const CRASHES: [&str; 22] = [
        "Traceback (most recent call last):\n  File \"c.py\", line 3, in <module>\n    main()\nOSError: [Errno 111] Connection refused\n",
        "  File \"c.py\", line 3\n    print(\n         ^\nSyntaxError: '(' was never closed\n",
        "Exception in thread Thread-1 (receive):\nTraceback (most recent call last):\n  File \"t.py\", line 9, in run\nIndexError: list index out of range\n",
        "Task exception was never retrieved\nfuture: <Task finished name='Task-2' coro=<main()> exception=ValueError('x')>\nTraceback (most recent call last):\n  File \"c.py\", line 3, in main\nValueError: x\n",
        "c.py:7: DeprecationWarning: There is no current event loop\n  loop = asyncio.get_event_loop()\n",
        "\nthread 'main' (71) panicked at src/main.rs:4:42:\ncalled `Result::unwrap()` on an `Err` value: ConnectionRefused\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
        "Error: Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }\n",
        "panic: dial tcp 127.0.0.1:1: connect: connection refused\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/client.go:12 +0x18\nexit status 2\n",
        "node:events:495\n      throw er; // Unhandled 'error' event\n      ^\n\nError: connect ECONNREFUSED 127.0.0.1:1\n    at afterConnect (node:net:1)\n  code: 'ECONNREFUSED'\n}\n\nNode.js v18.19.1\n",
        "/src/client.js:3\n  throw new Error(code);\n  ^\n\nError: 400\n    at main (/src/client.js:3:9)\n\nNode.js v18.19.1\n",
        "(node:7) UnhandledPromiseRejectionWarning: Error: 400\n    at main (/src/client.js:3:9)\n(Use `node --trace-warnings ...` to show where the warning was created)\n",
        "Exception in thread \"main\" java.net.ConnectException: Connection refused\n\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)\nCaused by: java.io.IOException: x\n\t... 3 more\n",
        "java.net.ConnectException: Connection refused\n\tat Client.main(Client.java:12)\n",
        "Unhandled exception. System.Net.Sockets.SocketException (111): Connection refused\n   at Client.Main() in /src/Client.cs:line 7\n",
        "terminate called after throwing an instance of 'std::runtime_error'\n  what():  bad address\nAborted (core dumped)\n",
        "Segmentation fault\n",
        "bash: line 1:  4711 Segmentation fault      (core dumped) ./client\n",
        "client.rb:12:in `initialize': Connection refused - connect(2) (Errno::ECONNREFUSED)\n\tfrom client.rb:12:in `new'\n\tfrom client.rb:20:in `<main>'\n",
        "PHP Fatal error:  Uncaught ValueError: bad in /src/client.php:3\nStack trace:\n#0 /src/client.php(9): main()\n#1 {main}\n  thrown in /src/client.php on line 3\n",
        "Warning: stream_socket_client(): Unable to connect (Connection refused) in /src/client.php on line 3\n",
        "Can't call method \"print\" on an undefined value at client.pl line 12.\n",
        "lua: client.lua:3: attempt to index a nil value (local 'socket')\nstack traceback:\n\tclient.lua:3: in main chunk\n\t[C]: in ?\n",
    ];

    #[test]
    fn nothing_is_left_of_a_crash() {
        for crash in CRASHES {
            assert!(
                is_only_a_crash(crash),
                "{:?}",
                without_crashes(crash.lines())
            );
        }
    }

    #[test]
    fn what_the_program_said_before_and_after_is_left() {
        for crash in CRASHES {
            let text = format!("Cannot connect.\n{crash}Bye\n");
            let kept = without_crashes(text.lines()).join(" ");
            let words: Vec<&str> = kept.split_whitespace().collect();
            assert_eq!(words, ["Cannot", "connect.", "Bye"], "{crash}");
        }
    }

    #[test]
    fn reports_of_a_program_are_no_crashes() {
        for report in [
            "Error: cannot connect to 127.0.0.1:1",
            "ConnectionRefusedError: [Errno 111] Connection refused",
            "error: invalid address",
            "Cannot connect: Connection refused at client.pl line 12.",
            "Warning: the server is shutting down",
            "Exception: Connection refused",
            "[Errno 111] Connection refused",
            "fatal: no server",
            "The server closed the connection (exit)",
            "client: 127.0.0.1:1: Connection refused",
            "Not a valid address: the line 3 has no port",
            "@bob: (node:1) from here",
            "Aborted: no such server",
            "fatal error: cannot connect",
            "Unhandled status 400 from the server",
            "Stack trace: none, the server has left",
            "** (server) closed the connection **",
        ] {
            assert_eq!(without_crashes(report.lines()), [report]);
        }
        let with_place = ["Cannot connect", "  at 127.0.0.1:4000"];
        assert_eq!(without_crashes(with_place.into_iter()), with_place);
        assert!(!is_only_a_crash(""));
    }
}
