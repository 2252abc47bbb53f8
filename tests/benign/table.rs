//! Right programs that differ wherever that is free to choose: the suite must find nothing wrong with any.
#![allow(
    dead_code,
    reason = "each program reads its own half, and only the test reads all of it"
)]

use serde_json::json;
use std::io::{self, Write};

/// One way to be right.
pub struct Variation {
    /// What it is called.
    pub name: &'static str,
    /// What is particular about the program.
    pub sentence: &'static str,
    /// How to come by the program.
    pub making: Making,
}

/// How to come by a program.
#[derive(Clone, Copy)]
pub enum Making {
    /// The program with the faults, which takes `--variation` and the name.
    Option,
    /// A source in `tests/programs`, run by this interpreter with these options.
    Interpreted(&'static [&'static str], &'static str),
    /// A source in C in `tests/programs`.
    Compiled(&'static str),
}

/// What a server is free to do otherwise.
pub const SERVER: &[Variation] = &[
    option("crlf", "ends its lines with CR and LF"),
    option("byte-by-byte", "writes one byte at a time"),
    option("port-on-stderr", "says its port on standard error"),
    option("port-as-json", "says its port in an object of JSON"),
    option(
        "port-among-numbers",
        "says its port among years, a pid and versions",
    ),
    option(
        "mute-on-a-pipe",
        "says its port to a terminal only, as one does that never flushes",
    ),
    option("slow-start", "takes 3 s to start"),
    option("loopback-only", "listens on loopback only"),
    option("both-families", "listens on IPv6 and IPv4"),
    option(
        "status-page",
        "serves a page about itself at another port, which it opens and says first",
    ),
    option("logs-much", "tells its terminal everything, at length"),
    option("ends-with-1", "ends with status 1 when interrupted"),
    option("ends-with-130", "ends with status 130 when interrupted"),
    option(
        "open-after-refusal",
        "keeps a refused connection for another try",
    ),
    option("announces", "tells all others who comes and who leaves"),
    option("polls", "looks at its sockets every 100 ms, and sleeps"),
    option(
        "spins-when-left",
        "keeps a processor busy once a client closed",
    ),
    written(
        "asyncio",
        "an event loop, in Python",
        PYTHON,
        "good_server.py",
    ),
    written(
        "threads",
        "a thread a client, in Python, that never flushes",
        PYTHON,
        "threaded_server.py",
    ),
    written(
        "processes",
        "a process a client, in Python",
        PYTHON,
        "forking_server.py",
    ),
    written("node", "in Node", NODE, "good_server.js"),
    written(
        "java",
        "a single file of Java, a thread a client",
        JAVA,
        "GoodServer.java",
    ),
    written("perl", "an event loop, in Perl", PERL, "good_server.pl"),
    compiled("c", "an event loop on poll, in C", "good_server.c"),
];

/// What a client is free to do otherwise.
pub const CLIENT: &[Variation] = &[
    option("crlf", "ends its lines with CR and LF"),
    option("byte-by-byte", "writes one byte at a time"),
    option("slow-start", "takes 3 s to start"),
    option("logs-much", "tells its terminal everything, at length"),
    option("timestamps", "shows the time beside each message"),
    option("coloured-prompt", "redraws its prompt, in colours"),
    option("sender-otherwise", "shows a message as `bob says: hello`"),
    option("ends-with-0", "ends with status 0, whatever happened"),
    option("ends-with-1", "ends with status 1, whatever happened"),
    option("ends-with-130", "ends with status 130 on Ctrl-C"),
    option(
        "sends-empty-lines",
        "sends an empty message for an empty line",
    ),
    option("polls", "looks at its socket every 100 ms, and sleeps"),
    option(
        "closes-halfway",
        "says that it sends no more, and waits a moment for the server",
    ),
    option(
        "bracketed-paste",
        "asks the terminal to bracket what is pasted, at each prompt",
    ),
    option(
        "says-farewell",
        "tells the others that it leaves before it says DISCONNECT",
    ),
    written(
        "selectors",
        "an event loop, in Python",
        PYTHON,
        "good_client.py",
    ),
    written(
        "threads",
        "a thread each for keyboard and socket, in Python",
        PYTHON,
        "threaded_client.py",
    ),
    written("node", "in Node, with its readline", NODE, "good_client.js"),
    written("java", "a single file of Java", JAVA, "GoodClient.java"),
    written("perl", "an event loop, in Perl", PERL, "good_client.pl"),
    compiled("c", "an event loop on poll, in C", "good_client.c"),
];

const PYTHON: &[&str] = &["python3"];
const NODE: &[&str] = &["node"];
const JAVA: &[&str] = &["java", "-XX:TieredStopAtLevel=1"];
const PERL: &[&str] = &["perl"];

const fn option(name: &'static str, sentence: &'static str) -> Variation {
    Variation {
        name,
        sentence,
        making: Making::Option,
    }
}

const fn written(
    name: &'static str,
    sentence: &'static str,
    interpreter: &'static [&'static str],
    source: &'static str,
) -> Variation {
    Variation {
        name,
        sentence,
        making: Making::Interpreted(interpreter, source),
    }
}

const fn compiled(name: &'static str, sentence: &'static str, source: &'static str) -> Variation {
    Variation {
        name,
        sentence,
        making: Making::Compiled(source),
    }
}

/// The values of `--variation`.
pub fn option_names(table: &'static [Variation]) -> impl Iterator<Item = &'static str> {
    let options = table
        .iter()
        .filter(|variation| matches!(variation.making, Making::Option));
    std::iter::once("none").chain(options.map(|variation| variation.name))
}

/// Prints `table`, each variation an object of JSON on a line of its own.
pub fn print(table: &[Variation]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for variation in table {
        let (interpreter, source) = match variation.making {
            Making::Option => (None, None),
            Making::Interpreted(interpreter, source) => (Some(interpreter), Some(source)),
            Making::Compiled(source) => (None, Some(source)),
        };
        let object = json!({
            "variation": variation.name,
            "sentence": variation.sentence,
            "interpreter": interpreter,
            "source": source,
        });
        writeln!(out, "{object}")?;
    }
    Ok(())
}
