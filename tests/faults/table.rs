//! What the faulty programs can do wrong, and what the suite must say about each.
#![allow(
    dead_code,
    reason = "each program reads its own half, and only the test reads all of it"
)]

use serde_json::json;
use std::io::{self, Write};

/// One way to be wrong.
pub struct Fault {
    /// What `--fault` calls it.
    pub name: &'static str,
    /// What the program then does.
    pub sentence: &'static str,
    /// Requirements that the suite must report as failed.
    pub breaks: &'static [&'static str],
    /// Further requirements that it may report as failed or blocked.
    pub consequences: &'static [&'static str],
    /// Further requirements that cannot be asked about: it may report them as blocked, and no worse.
    pub blocks: &'static [&'static str],
    /// Further requirements that it need not be asked about, since it does not speak so.
    pub not_applicable: &'static [&'static str],
    /// Requirements that hold by construction and can be asked about without the broken one: the suite must
    /// report them as passed.
    pub holds: &'static [&'static str],
}

/// The right program and every fault of `table`: the values of `--fault`.
pub fn names(table: &'static [Fault]) -> impl Iterator<Item = &'static str> {
    std::iter::once("none").chain(table.iter().map(|fault| fault.name))
}

/// Prints `table`, each fault an object of JSON on a line of its own.
pub fn print(table: &[Fault]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for fault in table {
        let object = json!({
            "fault": fault.name,
            "sentence": fault.sentence,
            "breaks": fault.breaks,
            "consequences": fault.consequences,
            "blocks": fault.blocks,
            "not_applicable": fault.not_applicable,
            "holds": fault.holds,
        });
        writeln!(out, "{object}")?;
    }
    Ok(())
}

const fn fault(
    name: &'static str,
    sentence: &'static str,
    breaks: &'static [&'static str],
    consequences: &'static [&'static str],
) -> Fault {
    Fault {
        name,
        sentence,
        breaks,
        consequences,
        blocks: &[],
        not_applicable: &[],
        holds: &[],
    }
}

/// A fault in the way of these rows too.
const fn in_the_way(fault: Fault, blocks: &'static [&'static str]) -> Fault {
    Fault { blocks, ..fault }
}

/// A fault beside which these rows hold, and can be seen to hold.
const fn beside(fault: Fault, holds: &'static [&'static str]) -> Fault {
    Fault { holds, ..fault }
}

/// Another dialect: charged once, and what cannot be asked in it is not asked.
const fn dialect(
    name: &'static str,
    sentence: &'static str,
    not_applicable: &'static [&'static str],
) -> Fault {
    Fault {
        name,
        sentence,
        breaks: &["W-LINE-1"],
        consequences: &[],
        blocks: &[],
        not_applicable,
        holds: &[],
    }
}

/// What is about lines in segments, about less than a message, and about more than one can hold.
const ONLY_IN_LINES: &[&str] = &[
    "S-MSG-6", "W-LINE-2", "W-LINE-3", "S-DISC-5", "S-DISC-7", "S-HARD-3", "S-HARD-4", "C-HARD-3",
];

/// What cannot be asked where nobody can register.
const NEEDS_REGISTRATION: &[&str] = &[
    "W-LINE-1", "W-LINE-2", "W-LINE-3", "S-REG-2", "S-REG-3", "S-REG-4", "S-REG-5", "S-REG-6",
    "S-REG-7", "S-MSG-1", "S-MSG-2", "S-MSG-3", "S-MSG-4", "S-MSG-5", "S-MSG-6", "S-CONC-1",
    "S-CONC-2", "S-CONC-3", "S-DISC-1", "S-DISC-2", "S-DISC-3", "S-DISC-4", "S-DISC-5", "S-DISC-6",
    "S-DISC-7", "S-SHUT-1", "S-SHUT-2", "S-RUN-1", "S-HARD-1", "S-HARD-2", "S-HARD-3", "S-HARD-4",
    "S-HARD-5", "S-HARD-6", "S-HARD-7",
];

/// What cannot be asked where nobody can be heard, or not everybody.
const NEEDS_RELAYING: &[&str] = &[
    "W-LINE-1", "W-LINE-2", "W-LINE-3", "S-REG-3", "S-REG-5", "S-REG-7", "S-MSG-2", "S-MSG-3",
    "S-MSG-4", "S-MSG-5", "S-MSG-6", "S-CONC-1", "S-CONC-2", "S-CONC-3", "S-DISC-1", "S-DISC-2",
    "S-DISC-3", "S-DISC-5", "S-DISC-6", "S-DISC-7", "S-SHUT-1", "S-SHUT-2", "S-RUN-1", "S-HARD-1",
    "S-HARD-2", "S-HARD-3", "S-HARD-4", "S-HARD-5", "S-HARD-6",
];

/// What holds, and can be asked about, where nobody is heard.
const HOLDS_WITHOUT_RELAYING: &[&str] = &[
    "W-LINE-1", "S-PORT-1", "S-PORT-2", "S-REG-1", "S-REG-2", "S-REG-3", "S-REG-4", "S-REG-5",
    "S-REG-6", "S-CONC-2", "S-CONC-3", "S-DISC-2", "S-DISC-4", "S-DISC-5", "S-DISC-7", "S-SHUT-1",
    "S-SHUT-2", "S-RUN-1", "S-HARD-7",
];

/// What a server can do wrong.
#[rustfmt::skip]
pub const SERVER: &[Fault] = &[
    // The wire.
    dialect("bare", "reads and writes every message bare, without an LF", ONLY_IN_LINES),
    dialect("bare-trimmed", "takes a read for a message, with or without an LF, and writes bare", ONLY_IN_LINES),
    dialect("writes-bare", "reads lines, and writes bare", &[]),
    dialect("reads-bare", "takes a read for a message, and writes lines", ONLY_IN_LINES),
    dialect("length-in-front", "reads and writes the length of a message in ten bytes before it", ONLY_IN_LINES),
    fault("carriage-return-at-the-end-only", "takes away a CR at the end of a segment only",
        &["W-LINE-1"], &["S-REG-1"]),
    beside(fault("reads-crlf", "takes a line for ended only at CR LF",
        &["W-LINE-1"], &[]), &["W-LINE-2", "W-LINE-3", "S-REG-1", "S-REG-3", "S-MSG-1", "S-DISC-7"]),
    // Only beside a DISCONNECT that is heeded does it show what is not.
    Fault { holds: &["S-DISC-2"], ..fault("carriage-return-kept-at-disconnect", "takes no notice of a DISCONNECT that ends with CRLF",
        &["W-LINE-1"], &[]) },
    fault("carriage-return-kept", "takes the CR of a CRLF for part of the line",
        &["W-LINE-1"], &[]),
    in_the_way(fault("partial-line-lost", "throws away what a read leaves unfinished",
        // Thousands of lines in a row are cut by reads wherever they are; and one segment ends a line and begins another.
        &["W-LINE-2"], &["S-HARD-4"]), &["W-LINE-3"]),
    fault("half-behind-registration-lost", "loses the part of a line that comes in one segment with the registration",
        &["W-LINE-3"], &[]),
    fault("pause-loses-part", "throws away the first part of a line if the next comes after half a second",
        &["W-LINE-2"], &[]),
    fault("split-line-kills", "crashes when a read does not end with a line",
        // Thousands of lines in a row are cut by reads wherever they are, and so does one who is gone in
        // the middle of a line.
        &["W-LINE-2"], &["W-LINE-3", "S-DISC-7", "S-HARD-3", "S-HARD-4"]),
    // One that takes a registration without an end is charged for that, not for parts of it too.
    fault("split-registration-refused", "takes the first segment of a registration for all of it",
        &["W-LINE-1"], &[]),
    fault("read-is-message", "takes each read that ends in LF for one message, and forgets any other",
        // What is said in quick succession comes in one read.
        &["W-LINE-2", "W-LINE-3"], &["S-HARD-4"]),
    fault("first-of-segment-only", "hears only the first line of a read",
        // What is said in quick succession comes in one read.
        &["W-LINE-3"], &["S-HARD-4"]),
    fault("burst-reversed-beside-a-message", "relays a burst backwards when another message is there at the same time",
        &["W-LINE-3"], &[]),
    fault("last-of-burst-lost", "loses the last line of a read that has several",
        // What is said in quick succession comes in one read.
        &["W-LINE-3"], &["S-HARD-4"]),
    beside(fault("notices-unended", "tells the others who has come, without the end of a line",
        &["W-LINE-1"], &[]), &["S-REG-1", "S-MSG-1", "S-SHUT-1", "S-SHUT-2"]),
    fault("registration-swallows", "loses what comes in one segment with the registration",
        &["W-LINE-3"], &[]),
    fault("lost-at-1024", "reads 1,024 bytes at a time, and loses the line that crosses the end of a read",
        // A burst is several messages in a segment, and messages in order.
        &["W-LINE-3"], &["S-HARD-4"]),
    fault("lost-at-4096", "reads 4,096 bytes at a time, and loses the line that crosses the end of a read",
        // A burst is several messages in a segment, and messages in order.
        &["W-LINE-3"], &["S-HARD-4"]),

    fault("half-line-lost-at-a-departure", "forgets the first part of a line when another connection ends before the rest comes",
        &["W-LINE-2"], &[]),
    fault("five-hundred-at-most", "hears only the first 500 lines of a read",
        &["W-LINE-3"], &["S-HARD-4"]),
    fault("one-decoder-for-all", "decodes what all connections send as one stream",
        &["S-MSG-6"], &["S-HARD-2"]),
    fault("byte-85-cut", "takes a last byte 0x85 for a line end",
        &["S-MSG-6"], &[]),
    fault("many-parts-refused", "gives up on a registration that comes in more than ten segments",
        &["W-LINE-2"], &[]),
    fault("cut-crlf-lost", "loses an LF that comes in another segment than its CR",
        &["W-LINE-2"], &[]),
    fault("tail-of-segment-lost", "loses the beginning of a line that comes in one segment with the end of another",
        // Thousands of lines in a row are cut by reads wherever they are.
        &["W-LINE-2"], &["W-LINE-3", "S-HARD-4"]),
    fault("last-words-lost", "loses the lines of a segment behind which the connection is closed",
        &["W-LINE-3"], &[]),
    // The port.
    fault("fixed-port", "listens on a port of its own choice",
        &["S-PORT-1"], &[]),
    in_the_way(fault("ends-at-once", "ends a moment after it has printed its port",
        &["S-PORT-1"], &["S-PORT-2", "S-REG-1"]), NEEDS_REGISTRATION),
    fault("port-unprinted", "does not say on which port it listens",
        &["S-PORT-2"], &[]),
    fault("wrong-port-printed", "says the next port",
        &["S-PORT-2"], &[]),

    // Registration.
    in_the_way(fault("registration-unanswered", "never answers a registration",
        // No one can register.
        &["S-REG-1"], &[]), NEEDS_REGISTRATION),
    in_the_way(fault("registers-silently", "registers clients, and never answers",
        // The exact words of an answer that does not come.
        &["S-REG-1"], &[]), &["S-REG-2"]),
    fault("greets-in-front", "says Welcome, and then 200 in a write of its own",
        &["S-REG-1"], &[]),
    in_the_way(fault("hidden-200", "greets in front of the 200",
        // The exact words are not seen.
        &["S-REG-1"], &[]), &["S-REG-2"]),
    fault("letters-only", "refuses names with digits, `_` or `-`",
        &["S-REG-1"], &[]),
    in_the_way(fault("prefix-in-use", "takes a name for used when a longer one begins with it",
        // Whether a name is refused among similar ones.
        &["S-REG-1"], &[]), &["S-REG-5"]),
    in_the_way(fault("part-in-use", "takes a name for used when it contains one in use, or is a part of one",
        // The same, and a leaver among similar names.
        &["S-REG-1"], &[]), &["S-REG-5", "S-DISC-1"]),
    fault("misspelt-200", "says `200 Registration succesful`",
        &["S-REG-2"], &[]),
    fault("small-200", "says `200 registration successful`",
        &["S-REG-2"], &[]),
    fault("other-400", "says `400 Bad request`",
        &["S-REG-4"], &[]),
    fault("other-401", "says `401 Name taken`",
        &["S-REG-6"], &[]),
    in_the_way(fault("any-version", "takes a registration of any version",
        // The words of the answer.
        &["S-REG-3"], &[]), &["S-REG-4"]),
    in_the_way(fault("version-optional", "takes a registration without a version",
        // Where a registration without a version is to be refused first.
        &["S-REG-3"], &[]), &["S-REG-4", "S-REG-7"]),
    fault("two-word-name", "takes the first word of a name of two",
        &["S-REG-3"], &[]),
    fault("words-after-version", "takes a registration with words after the version",
        &["S-REG-3"], &[]),
    fault("nameless", "takes a registration without a name",
        &["S-REG-3"], &[]),
    in_the_way(fault("any-verb", "takes any verb for REGISTER",
        // The words of the answer.
        &["S-REG-3"], &[]), &["S-REG-4"]),
    fault("small-verb", "takes `register` for REGISTER",
        &["S-REG-3"], &[]),
    in_the_way(fault("no-refusal", "does not answer what is malformed",
        // The words of an answer that does not come, and what follows a refusal.
        &["S-REG-3"], &[]), &["S-REG-4", "S-REG-7"]),
    fault("empty-line-ignored", "does not answer an empty line before registration",
        &["S-REG-3"], &[]),
    in_the_way(fault("message-first-ignored", "does not answer a message before registration",
        // The refusal is watched in the same conversation.
        &["S-REG-3"], &[]), &["S-REG-4", "S-REG-7"]),
    in_the_way(fault("refusal-kills", "ends after it has refused a malformed registration",
        // Where something malformed is said on the way.
        &["S-REG-3"], &["S-HARD-2", "S-HARD-5"]), &["S-REG-4", "S-REG-7", "S-MSG-3", "S-SHUT-1"]),
    in_the_way(fault("in-use-kills", "ends after it has refused a name in use",
        // The refusal is watched in the same conversation.
        &["S-REG-5"], &[]), &["S-REG-6", "S-REG-7", "S-DISC-2", "S-MSG-3", "S-SHUT-1"]),
    in_the_way(fault("malformed-registers", "refuses what is malformed with 400, and relays to it all the same",
        // The refusal is watched in the same conversation.
        &["S-REG-7"], &[]), &["S-REG-3"]),
    fault("stranger-disconnects", "lets a DISCONNECT before registration remove whom it names",
        &["S-REG-3", "S-HARD-2"], &[]),
    in_the_way(fault("in-use-and-malformed-swapped", "answers 401 where 400 is due, and 400 where 401 is",
        // The exact words go with the codes.
        &["S-REG-3", "S-REG-5"], &[]), &["S-REG-4", "S-REG-6", "S-REG-7"]),
    fault("names-of-its-language", "refuses names that mean something in its programming language",
        &["S-REG-1"], &[]),
    fault("name-checked-too-early", "looks whether a name is free some time before it takes it",
        &["S-REG-5"], &[]),
    fault("long-names-shared", "lets a name of more than 31 bytes be registered twice",
        &["S-REG-5"], &[]),
    in_the_way(fault("names-shared", "lets two clients have one name",
        // No one is ever refused for a name in use.
        &["S-REG-5"], &[]), &["S-REG-6", "S-REG-7", "S-DISC-2"]),
    in_the_way(fault("newcomer-wins", "gives a name in use to the newcomer",
        // The refusal is watched in the same conversation.
        &["S-REG-5"], &[]), &["S-REG-6", "S-REG-7", "S-DISC-2"]),
    in_the_way(fault("holder-thrown-out", "refuses a name in use, and throws out its holder all the same",
        // The refusal is watched in the same conversation. Who is thrown out hears no goodbye.
        &["S-REG-5"], &["S-SHUT-1"]), &["S-REG-7"]),
    fault("names-compared-in-part", "compares the first 32 bytes of names only",
        &["S-REG-1"], &[]),
    fault("talk-of-one-keeps-out", "registers nobody any more once somebody has talked while nobody else was there",
        &["S-REG-1"], &[]),
    fault("refused-reset-frees-the-name", "takes a name from its holder when a client that was refused it resets its connection",
        &["S-REG-5"], &[]),
    fault("reset-leaves-its-name", "takes whoever connects after a reset for the one who was reset",
        &["S-MSG-3"], &["S-DISC-7"]),
    fault("silent-after-talk-dropped", "closes the connection of a client that falls silent after it has talked",
        &["S-CONC-1"], &[]),
    fault("waits-for-the-refused", "does not end while a client that was refused is connected",
        &["S-SHUT-2"], &["S-HARD-7"]),
    in_the_way(fault("refused-hears", "relays to a client that it refused with 401",
        // The refusal is watched in the same conversation.
        &["S-REG-7"], &[]), &["S-REG-5"]),
    in_the_way(fault("refused-speaks", "relays what a client says that it refused with 401",
        // The refusal is watched in the same conversation.
        &["S-REG-7"], &[]), &["S-REG-5"]),

    fault("any-dot-in-version", "takes any character for the dot of the version",
        &["S-REG-3"], &[]),
    fault("any-minor-version", "takes a registration of any version that begins with CHAT/1",
        &["S-REG-3"], &[]),
    fault("small-version", "takes `chat/1.0` for CHAT/1.0",
        &["S-REG-3"], &[]),
    fault("foreign-version", "takes a registration with the version HTTP/1.1",
        &["S-REG-3"], &[]),
    fault("empty-name", "takes a registration with nothing between two spaces for a name",
        &["S-REG-3"], &[]),
    fault("version-twice", "takes a registration with its version twice",
        &["S-REG-3"], &[]),
    fault("verb-twice", "takes a registration with its verb twice",
        &["S-REG-3"], &[]),
    fault("capitalised-verb", "takes `Register` for REGISTER",
        &["S-REG-3"], &[]),
    fault("longer-verb", "takes a verb that begins with REGISTER for it",
        &["S-REG-3"], &[]),
    fault("verb-optional", "takes a registration without its verb",
        &["S-REG-3"], &[]),
    in_the_way(fault("verb-alone-kills", "crashes on REGISTER alone",
        &["S-REG-3"], &[]), &["S-REG-4"]),
    in_the_way(fault("refused-leaving-mutes", "relays nothing any more after a client that it refused has closed its connection",
        &["S-REG-3"], &["S-REG-5"]), &["S-MSG-3"]),
    fault("refused-name-spent", "keeps the name of a malformed registration in use",
        &["S-REG-3"], &[]),
    in_the_way(fault("refuses-ever-after", "registers no new name any more after it has refused one in use",
        // Where a newcomer comes before the holder of the refused name leaves.
        &["S-REG-5"], &[]), &["S-DISC-2", "S-SHUT-1"]),
    in_the_way(fault("refused-counts-as-holder", "keeps a name in use after a DISCONNECT if it was refused to somebody",
        &["S-DISC-2"], &[]), &["S-REG-5"]),
    in_the_way(fault("refused-speaks-as-holder", "relays what a client says under the name that it was refused",
        &["S-REG-7"], &[]), &["S-REG-5"]),
    in_the_way(fault("malformed-speaks-as-any", "relays what a client refused with 400 says in the name of a member",
        &["S-REG-7"], &[]), &["S-REG-3"]),
    fault("one-letter-refused", "refuses names of one letter",
        &["S-REG-1"], &[]),
    fault("short-names-only", "refuses names of more than 32 bytes",
        &["S-REG-1"], &[]),
    fault("words-reserved", "refuses names that are words of the protocol",
        &["S-REG-1"], &[]),
    fault("other-400-for-messages", "says `400 Not registered` to a message before registration",
        &["S-REG-4"], &[]),
    // Messages.
    beside(in_the_way(fault("relays-nothing", "relays nothing",
        &["S-MSG-1"], &[]), NEEDS_RELAYING), HOLDS_WITHOUT_RELAYING),
    in_the_way(fault("one-direction", "relays only to those who registered after the sender",
        // Whoever waits for the answer of a later one waits in vain.
        &["S-MSG-1"], &[]), NEEDS_RELAYING),
    in_the_way(fault("other-direction", "relays only to those who registered before the sender",
        &["S-MSG-1"], &[]), NEEDS_RELAYING),
    in_the_way(fault("newest-deaf", "relays nothing to the newest of more than two",
        &["S-MSG-1"], &[]), NEEDS_RELAYING),
    in_the_way(fault("quick-second-lost", "loses what one says within two seconds of the last",
        &["S-MSG-1"], &[]), NEEDS_RELAYING),
    fault("history-told", "tells a newcomer all that was ever said",
        // Where very much was said, that takes its time.
        &["S-MSG-1"], &["S-HARD-4"]),
    fault("history-first", "tells a newcomer all that was ever said, and then the 200",
        // It is not registered yet; and where very much was said, that takes its time.
        &["S-MSG-1"], &["S-MSG-3", "S-HARD-4"]),
    in_the_way(Fault { not_applicable: ONLY_IN_LINES, ..fault("bare-prefixed", "reads and writes bare, and puts a second `@name: ` in front of what it relays",
        &["W-LINE-1", "S-MSG-1"], &[]) }, NEEDS_RELAYING),
    in_the_way(Fault { not_applicable: ONLY_IN_LINES, ..fault("bare-with-tail", "reads and writes bare, and puts ` (sent)` behind what it relays",
        &["W-LINE-1", "S-MSG-1"], &[]) }, NEEDS_RELAYING),
    fault("sender-unnamed", "relays the text alone",
        &["S-MSG-1"], &[]),
    fault("sender-in-capitals", "relays the sender's name in capitals",
        &["S-MSG-1"], &[]),
    in_the_way(fault("text-in-capitals", "relays what is said in capitals",
        &["S-MSG-1"], &[]), NEEDS_RELAYING),
    fault("space-added", "relays with a second space after the colon",
        &["S-MSG-1"], &[]),
    in_the_way(fault("one-hears", "relays to one other client only",
        // Wherever three talk.
        &["S-MSG-1"], &[]), NEEDS_RELAYING),
    in_the_way(fault("third-deaf", "relays nothing to the third client",
        // Wherever three talk.
        &["S-MSG-1"], &[]), NEEDS_RELAYING),
    in_the_way(fault("third-mute", "relays nothing of what the third client says",
        // Wherever three talk.
        &["S-MSG-1"], &[]), NEEDS_RELAYING),
    fault("twice-after-return", "relays every message twice to a user who left and came back",
        &["S-MSG-1"], &[]),
    fault("twice", "relays every message twice",
        &["S-MSG-1"], &[]),
    fault("spaces-squeezed", "relays runs of spaces as one",
        &["S-MSG-1"], &[]),
    fault("ends-trimmed", "relays a text without the spaces around it",
        &["S-MSG-1"], &[]),
    fault("prefixed", "writes `> ` before what it relays",
        &["S-MSG-1"], &[]),
    fault("long-text-cut", "relays the first 512 bytes of a text",
        &["S-MSG-1"], &[]),
    fault("marked-name-echoed", "relays to the sender too whose name has a hyphen",
        &["S-MSG-2"], &[]),
    fault("echo", "relays to the sender too",
        &["S-MSG-2"], &[]),
    fault("stranger-hears", "relays to connections that did not register",
        &["S-MSG-3"], &[]),
    fault("disconnect-in-text", "takes a text with DISCONNECT in it for a DISCONNECT",
        &["S-MSG-4"], &[]),
    fault("register-in-text", "does not relay a text with REGISTER in it",
        &["S-MSG-4"], &[]),
    fault("version-in-text", "does not relay a text with CHAT/1.0 in it",
        &["S-MSG-4"], &[]),
    fault("cut-at-colon", "relays a text up to its first colon",
        &["S-MSG-4"], &[]),
    fault("cut-at-at", "relays a text up to its first `@`",
        &["S-MSG-4"], &[]),
    fault("newest-first", "gathers for a moment, and relays the newest first",
        // Several messages in one segment are out of order too, and what is said after a DISCONNECT
        // may be relayed before it.
        &["S-MSG-5"], &["W-LINE-2", "W-LINE-3", "S-DISC-1", "S-DISC-3", "S-DISC-6"]),
    fault("utf8-kills", "crashes on what is not ASCII",
        &["S-MSG-6"], &["S-HARD-5"]),
    fault("ascii-only", "relays `?` for what is not ASCII",
        &["S-MSG-6"], &[]),
    fault("latin-1", "reads Latin-1, and writes UTF-8",
        &["S-MSG-6"], &[]),
    beside(fault("decodes-reads", "decodes each read by itself, and writes U+FFFD for a character that is cut",
        &["S-MSG-6"], &[]), &["W-LINE-2", "W-LINE-3", "S-MSG-1"]),
    beside(fault("decodes-reads-or-crashes", "decodes each read by itself, and crashes on a character that is cut",
        &["S-MSG-6"], &["S-HARD-5"]), &["W-LINE-2", "W-LINE-3", "S-MSG-1"]),
    fault("unicode-line-ends", "takes U+0085 and U+2028 for ends of lines",
        &["S-MSG-6"], &[]),

    fault("percent-lost", "does not relay a text with a `%` in it",
        &["S-MSG-1"], &[]),
    fault("braces-stripped", "relays a text without its braces",
        &["S-MSG-1"], &[]),
    fault("escapes-decoded", "relays a tab for `\\t`",
        &["S-MSG-1"], &[]),
    fault("long-lines-late", "relays a long line later than the short one behind it",
        &["S-MSG-5"], &["W-LINE-3"]),
    fault("dollars-halved", "relays one dollar sign for two, as a pattern for replacements would",
        &["S-MSG-1"], &[]),
    fault("tags-stripped", "relays a text without its tags",
        &["S-MSG-1"], &[]),
    fault("slash-is-command", "does not relay a text that begins with `/`",
        &["S-MSG-1"], &[]),
    fault("quit-in-text", "takes the text `quit` for a DISCONNECT",
        &["S-MSG-1"], &[]),
    fault("single-letter-lost", "does not relay a text of one byte",
        &["S-MSG-1"], &[]),
    fault("tabs-expanded", "relays four spaces for a tab",
        &["S-MSG-1"], &[]),
    fault("blank-text-lost", "does not relay a text of spaces only",
        &["S-MSG-1"], &[]),
    Fault { not_applicable: ONLY_IN_LINES, ..fault("bare-and-full-read-awaited", "reads and writes bare, and waits for more when a read has 512 bytes",
        &["W-LINE-1", "S-MSG-1"], &[]) },
    fault("full-buffer-awaited", "waits for more when what it read fills a buffer of 512 bytes",
        &["S-MSG-1"], &[]),
    fault("prefix-taken-out-of-text", "takes the sender's prefix out of the text, too",
        &["S-MSG-4"], &[]),
    fault("disconnect-of-others-in-text", "takes a text for a DISCONNECT of the client that it names",
        &["S-MSG-4"], &[]),
    fault("disconnect-small-in-text", "takes a text with `disconnect` in it for a DISCONNECT",
        &["S-MSG-4"], &[]),
    fault("mention-is-private", "relays a text with `@name` in it to that client only",
        &["S-MSG-4"], &[]),
    fault("other-status-in-text", "does not relay a text that begins with status 200 or 401",
        &["S-MSG-4"], &[]),
    fault("wide-spaces-trimmed", "relays a text without the wide spaces around it",
        &["S-MSG-6"], &[]),
    fault("invisible-lost", "relays a text without U+FEFF and U+200B",
        &["S-MSG-6"], &[]),
    fault("direction-lost", "relays a text without U+202E",
        &["S-MSG-6"], &[]),
    fault("echo-when-alone", "sends a message back to a sender who is alone",
        &["S-MSG-2"], &[]),
    fault("lost-beside-a-message", "loses a message when another one is there at the same time",
        &["S-MSG-1"], &[]),
    fault("lost-beside-a-disconnect", "loses what is said while another client says DISCONNECT",
        &["S-MSG-1"], &[]),
    fault("echo-among-two", "sends a message back to a sender who is one of two",
        &["S-MSG-2"], &[]),
    fault("echo-after-one-left", "sends messages back to their senders after somebody has left",
        &["S-MSG-2"], &[]),
    fault("change-mutes-the-others", "relays only what the newest says after somebody has left and a third one has come",
        &["S-MSG-1"], &[]),
    fault("refused-leaves-its-name", "relays to the connection that comes after one that was refused a name in use",
        &["S-MSG-3"], &[]),
    fault("half-registered-hear", "relays to connections that have sent a part of their registration",
        &["S-MSG-3"], &[]),
    fault("first-stranger-hears", "relays to a connection that came before all members",
        &["S-MSG-3"], &[]),
    fault("eleventh-deaf", "relays nothing to the eleventh client",
        &["S-MSG-1"], &[]),
    in_the_way(fault("senders-of-letters-only", "relays only what clients with names of letters say",
        &["S-MSG-1"], &[]), &["S-MSG-2"]),
    fault("similar-names-unheard", "does not relay to a client whose name begins the name of the sender",
        &["S-MSG-1"], &[]),
    // Many at once.
    in_the_way(fault("one-at-a-time", "serves the next client when the last one has left",
        // Everything that takes two clients.
        &["S-CONC-1"], &["S-CONC-2"]), NEEDS_REGISTRATION),
    fault("refused-beside-a-newcomer", "refuses a newcomer with 401 when another one registers at the same time",
        &["S-REG-1"], &[]),
    in_the_way(fault("two-at-most", "closes the third connection",
        // Everything that takes three clients.
        &["S-CONC-1"], &["S-CONC-2"]), NEEDS_REGISTRATION),
    in_the_way(fault("first-message-awaited", "sees to nobody else until who has registered says something",
        // Where somebody is connected who says nothing yet.
        &["S-CONC-1", "S-CONC-2"], &[]), &["W-LINE-1", "S-MSG-3", "S-CONC-3", "S-HARD-6"]),
    in_the_way(fault("three-at-most", "closes the fourth connection",
        &["S-CONC-1"], &["S-CONC-2"]), NEEDS_REGISTRATION),
    fault("late-words-lost", "never reads a connection again on which nothing has come at accept",
        &["S-CONC-3"], &[]),
    in_the_way(fault("late-words-kill", "crashes when nothing has come on a connection at accept",
        &["S-CONC-2", "S-CONC-3"], &[]), &["S-MSG-3", "S-DISC-5", "S-DISC-7", "S-HARD-6"]),
    fault("idle-dropped", "drops a client that says nothing for 3 s",
        // On a busy machine a crowd, and a client that hears very many lines, say nothing for so long.
        &["S-CONC-1"], &["S-HARD-4", "S-HARD-6"]),
    in_the_way(fault("silent-holds-up", "waits for the first word of a connection before it accepts the next",
        // Where somebody is connected who says nothing yet.
        &["S-CONC-2"], &[]), &["S-CONC-3", "S-HARD-6"]),
    in_the_way(fault("silent-kills", "crashes when one registers while another is connected and has not",
        // Where somebody is connected who says nothing yet.
        &["S-CONC-2"], &["S-REG-5"]), &["S-CONC-3", "S-HARD-6"]),
    fault("late-forgotten", "never reads a connection again that does not register within 1 s",
        &["S-CONC-3"], &[]),
    fault("overtaken-forgotten", "forgets a connection when a later one registers first",
        &["S-CONC-3"], &[]),

    fault("thirty-at-most", "does not serve the thirty-first connection",
        &["S-CONC-2"], &["S-HARD-6"]),
    fault("ten-at-most", "closes the eleventh connection",
        // Silent connections count as well.
        &["S-CONC-1"], &["S-CONC-2", "S-HARD-6"]),
    // Leaving.
    in_the_way(fault("disconnect-ignored", "takes a DISCONNECT for nothing",
        // How a DISCONNECT is honoured, and conversations that contain one.
        &["S-DISC-1", "S-DISC-2", "S-DISC-4"], &[]), &["S-DISC-3", "S-DISC-6"]),
    fault("hears-on", "relays to a client for 2 s after its DISCONNECT",
        // What depends on the DISCONNECT being honoured; and it is late to close.
        &["S-DISC-1"], &["S-DISC-3", "S-DISC-6", "S-DISC-4"]),
    fault("name-kept", "keeps a name in use after a DISCONNECT",
        &["S-DISC-2"], &[]),
    fault("last-is-answered", "answers the DISCONNECT of the last client with its own",
        &["S-DISC-3"], &[]),
    fault("marked-names-stay", "takes no notice of a DISCONNECT with a `-` in the name",
        &["S-DISC-1"], &["S-DISC-2"]),
    in_the_way(fault("disconnect-answered", "answers a DISCONNECT with 200",
        // The leaving is watched in the same conversation.
        &["S-DISC-3"], &[]), &["S-DISC-1"]),
    fault("left-open", "leaves the connection open after a DISCONNECT",
        &["S-DISC-4"], &[]),
    fault("second-leaving-ignored", "keeps a name in use when it is left for the second time",
        &["S-DISC-2", "S-DISC-5"], &["S-DISC-7"]),
    fault("capitals-spent", "keeps a name with capitals in use",
        &["S-DISC-2"], &[]),
    fault("close-keeps-name", "keeps the name of a client that closed its connection",
        &["S-DISC-5"], &[]),
    fault("close-kills", "crashes when a client closes its connection without a DISCONNECT",
        // A crowd closes too.
        &["S-DISC-5"], &["S-HARD-6"]),
    fault("close-mutes", "relays nothing any more after a client closed its connection",
        // A crowd closes too.
        &["S-DISC-5"], &["S-HARD-6"]),
    fault("lost-beside-a-leaver", "loses what is said while another client closes its connection",
        // To look at a connection that was reset takes the error away: it then looks like one that was closed.
        &["S-DISC-5"], &["S-DISC-7"]),
    fault("kept-beside-a-leaver", "keeps the name of the second of two clients that close their connections at the same time",
        &["S-DISC-5"], &[]),
    beside(in_the_way(fault("farewell-kills", "crashes when somebody says DISCONNECT",
        // Whoever comes after that finds nobody.
        &["S-RUN-1"], &[]), &["S-DISC-1", "S-DISC-2", "S-DISC-3", "S-DISC-4", "S-DISC-6"]),
        &["W-LINE-3", "S-SHUT-1", "S-REG-3"]),
    in_the_way(fault("second-last-kills", "crashes when the second-last client says DISCONNECT",
        // Whoever comes after that finds nobody.
        &["S-RUN-1"], &[]), &["S-DISC-1", "S-DISC-2", "S-DISC-3", "S-DISC-4", "S-DISC-6"]),
    in_the_way(fault("disconnect-told-as-end", "says `DISCONNECT CHAT/1.0` to the others when somebody has said DISCONNECT",
        // The leaving is watched in the same conversation.
        &["S-DISC-6"], &[]), &["S-DISC-1", "S-DISC-3"]),
    in_the_way(fault("disconnect-relayed", "relays a DISCONNECT to the others",
        // The leaving is watched in the same conversation.
        &["S-DISC-6"], &[]), &["S-DISC-1"]),
    fault("reset-keeps-name", "keeps the name of a client that reset its connection",
        &["S-DISC-7"], &[]),
    in_the_way(fault("reset-kills", "crashes when a client resets its connection",
        // A crowd resets too.
        &["S-DISC-7"], &["S-HARD-6"]), &["S-RUN-1"]),
    fault("lost-beside-a-reset", "loses what is said while another connection is reset",
        &["S-DISC-7"], &[]),
    fault("reset-mutes", "relays nothing any more after a reset",
        // A crowd resets too.
        &["S-DISC-7"], &["S-HARD-6"]),

    // The end.
    fault("silent-end", "ends without a word",
        // The end is watched in the same conversation, and SIGTERM asks for the same.
        &["S-SHUT-1"], &["S-SHUT-2", "S-HARD-7"]),
    fault("first-told-only", "says goodbye to the first client only",
        // The end is watched in the same conversation, and SIGTERM asks for the same.
        &["S-SHUT-1"], &["S-SHUT-2", "S-HARD-7"]),
    fault("last-not-told", "says goodbye to all but the last client",
        // The end is watched in the same conversation, and SIGTERM asks for the same.
        &["S-SHUT-1"], &["S-SHUT-2", "S-HARD-7"]),
    fault("farewell-named", "says `DISCONNECT name CHAT/1.0` at its end",
        // The end is watched in the same conversation, and SIGTERM asks for the same.
        &["S-SHUT-1"], &["S-SHUT-2", "S-HARD-7"]),
    fault("farewell-small", "says `disconnect CHAT/1.0` at its end",
        // The end is watched in the same conversation, and SIGTERM asks for the same.
        &["S-SHUT-1"], &["S-SHUT-2", "S-HARD-7"]),
    fault("interrupt-unheeded", "takes no notice of Ctrl-C",
        &["S-SHUT-1", "S-SHUT-2"], &["S-HARD-4"]),
    fault("second-told-otherwise", "says `DISCONNECT` alone to the second client",
        // The end is watched in the same conversation, and SIGTERM asks for the same.
        &["S-SHUT-1"], &["S-SHUT-2", "S-HARD-7"]),
    fault("never-ends", "says goodbye, and stays",
        // The goodbye is watched in the same conversation, and other ends ask for the same.
        &["S-SHUT-2"], &["S-SHUT-1", "S-HARD-4", "S-HARD-7"]),
    fault("waits-for-the-deaf", "does not end while a client does not read what it was sent",
        &["S-SHUT-2"], &["S-HARD-4", "S-HARD-7"]),
    fault("waits-for-all", "ends only when every client has left",
        // The goodbye is watched in the same conversation, and other ends ask for the same.
        &["S-SHUT-2"], &["S-SHUT-1", "S-HARD-4", "S-HARD-7"]),
    // Where the only client is gone for a while.
    in_the_way(fault("ends-when-empty", "ends when its last client has left",
        &["S-RUN-1"], &[]), &["S-DISC-5", "S-DISC-7"]),
    in_the_way(fault("last-close-ends", "ends when its last client closes its connection without a DISCONNECT",
        &["S-RUN-1"], &[]), &["S-DISC-5"]),
    in_the_way(fault("last-reset-ends", "ends when the connection of its last client is reset",
        &["S-RUN-1"], &[]), &["S-DISC-7"]),
    in_the_way(fault("mute-when-emptied", "relays nothing any more after its last client has left",
        &["S-RUN-1"], &[]), &["S-DISC-5", "S-DISC-7"]),

    fault("newest-leaving-mutes", "relays nothing any more after the newest of more than two has said DISCONNECT",
        &["S-DISC-1"], &[]),
    fault("newest-close-mutes", "relays nothing any more after the newest of more than two has closed its connection",
        &["S-DISC-5"], &[]),
    fault("newest-reset-mutes", "relays nothing any more after the newest of more than two has reset its connection",
        &["S-DISC-7"], &[]),
    fault("disconnect-and-close-mutes", "relays nothing any more after a client has said DISCONNECT and closed its connection",
        &["S-DISC-2"], &[]),
    fault("close-in-mid-line-kills", "crashes when a connection is closed in the middle of a line",
        &["S-DISC-5"], &[]),
    fault("stranger-reset-kills", "crashes when a connection is reset that did not register",
        &["S-DISC-7"], &["S-HARD-6"]),
    fault("leaver-removes-namesakes", "removes all whose names begin with that of who says DISCONNECT",
        &["S-DISC-1"], &[]),
    fault("disconnect-relayed-behind-a-message", "relays a DISCONNECT that comes in one segment with a message",
        &["S-DISC-6"], &[]),
    fault("vanishing-announced", "sends the others a DISCONNECT for a client that closes its connection",
        &["S-DISC-6"], &[]),
    fault("disconnect-relayed-in-pairs", "relays a DISCONNECT to the only other client",
        &["S-DISC-6"], &[]),
    fault("newest-left-open", "leaves the connection of the newest client open after its DISCONNECT",
        &["S-DISC-4"], &[]),
    fault("only-one-untold", "says no goodbye to its only client",
        &["S-SHUT-1"], &["S-HARD-7"]),
    fault("goodbye-stops-at-the-gone", "says goodbye to the first client only after a connection was closed or reset",
        &["S-SHUT-1"], &["S-SHUT-2"]),
    fault("goodbye-stops-at-the-refused", "says goodbye to the first client only after somebody was refused",
        &["S-SHUT-1"], &[]),
    fault("goodbye-stops-at-the-silent", "says no goodbye while a connection has not registered",
        &["S-SHUT-1"], &[]),
    fault("ten-told", "says goodbye to the first ten clients only",
        &["S-SHUT-1"], &[]),
    fault("waits-for-those-who-left", "does not end once a client has said DISCONNECT",
        &["S-SHUT-2"], &[]),
    fault("emptied-never-ends", "takes no notice of Ctrl-C after its last client has left",
        &["S-SHUT-2"], &[]),
    // Beyond the assignment.
    fault("any-sender", "relays a message under another user's name",
        &["S-HARD-1"], &[]),
    fault("anyone-disconnects", "lets a client remove another by a DISCONNECT",
        &["S-HARD-2"], &[]),
    fault("long-line-kills", "crashes on a line that is too long",
        &["S-HARD-3"], &[]),
    fault("long-line-hoarded", "keeps a line without end many times over",
        &["S-HARD-3"], &[]),
    fault("slow-reader-holds-up", "waits until a client has read, and all wait with it",
        // Nor does it hear that it is to end.
        &["S-HARD-4", "S-SHUT-2"], &[]),
    fault("invalid-utf8-kills", "crashes on what is not UTF-8",
        &["S-HARD-5"], &[]),
    fault("nul-kills", "crashes on a NUL",
        &["S-HARD-5"], &[]),
    fault("crowd-kills", "crashes when more than 100 are connected",
        &["S-HARD-6"], &[]),
    fault("sigterm-unheeded", "takes no notice of SIGTERM, and just dies of it",
        &["S-HARD-7"], &[]),
];

/// What cannot be asked where nobody gets to talk.
#[rustfmt::skip]
const NEEDS_A_TALK: &[&str] = &[
    "W-LINE-1", "W-LINE-2", "W-LINE-3", "C-ARG-1", "C-REG-1", "C-REG-2",
    "C-REG-3", "C-REG-4", "C-MSG-1", "C-MSG-2", "C-MSG-3", "C-MSG-4", "C-MSG-5", "C-QUIT-1",
    "C-QUIT-2", "C-SHUT-1", "C-SHUT-2", "C-HARD-1", "C-HARD-2", "C-HARD-3",
];

/// What cannot be asked of a client that connects to no address: a wrong one is refused by accident.
#[rustfmt::skip]
const NEEDS_A_CONNECTION: &[&str] = &[
    "W-LINE-1", "W-LINE-2", "W-LINE-3", "C-ARG-1", "C-ARG-2", "C-ARG-3", "C-REG-1", "C-REG-2",
    "C-REG-3", "C-REG-4", "C-MSG-1", "C-MSG-2", "C-MSG-3", "C-MSG-4", "C-MSG-5", "C-QUIT-1",
    "C-QUIT-2", "C-SHUT-1", "C-SHUT-2", "C-HARD-1", "C-HARD-2", "C-HARD-3",
];

/// What cannot be asked of a client that ends when it is accepted.
#[rustfmt::skip]
const NEEDS_ACCEPTANCE: &[&str] = &[
    "W-LINE-1", "W-LINE-2", "W-LINE-3", "C-MSG-1", "C-MSG-2", "C-MSG-3", "C-MSG-4", "C-MSG-5",
    "C-QUIT-1", "C-QUIT-2", "C-SHUT-1", "C-SHUT-2", "C-HARD-1", "C-HARD-2", "C-HARD-3",
];

/// What a client can do wrong.
#[rustfmt::skip]
pub const CLIENT: &[Fault] = &[
    // The wire.
    dialect("bare", "reads and writes every message bare, without an LF", ONLY_IN_LINES),
    dialect("bare-trimmed", "takes a read for a message, with or without an LF, and writes bare", ONLY_IN_LINES),
    dialect("writes-bare", "reads lines, and writes bare", &[]),
    dialect("reads-bare", "takes a read for a message, and writes lines", ONLY_IN_LINES),
    dialect("length-in-front", "reads and writes the length of a message in ten bytes before it", ONLY_IN_LINES),
    fault("carriage-return-refused", "takes no line that ends in CRLF",
        &["W-LINE-1"], &[]),
    in_the_way(fault("partial-line-lost", "throws away what a read leaves unfinished",
        // A character is cut by the end of a segment.
        &["W-LINE-2"], &[]), &["C-MSG-5"]),
    // One that takes what has no end yet for a message reads bare, whatever else it takes.
    dialect("segment-is-message", "shows the parts of a message as they come", ONLY_IN_LINES),
    fault("first-of-segment-only", "takes only the first line of a read",
        &["W-LINE-3"], &[]),
    fault("last-of-burst-lost", "loses the last line of a read that has several",
        &["W-LINE-3"], &[]),
    fault("rest-behind-a-line-taken", "takes the beginning of a line that comes in one segment with the one before for a line",
        &["W-LINE-2"], &[]),
    fault("lines-run-together", "takes several lines in one read for one line",
        &["W-LINE-3"], &[]),
    fault("goodbye-with-answer-shown", "shows a goodbye that comes in one segment with the answer to its registration",
        &["W-LINE-3"], &[]),
    fault("answer-swallows", "loses what comes in one segment with the answer to its registration",
        &["W-LINE-3"], &[]),

    fault("answer-in-parts-lost", "loses an answer to its registration that comes in more than two reads",
        &["W-LINE-2"], &[]),
    fault("many-parts-lost", "loses a line that comes in more than eight reads",
        &["W-LINE-2"], &[]),
    // The arguments.
    fault("arguments-swapped", "takes the address first, then the name",
        &["C-ARG-1"], &[]),
    in_the_way(fault("fixed-port", "connects to a port of its own choice",
        &["C-ARG-1"], &[]), NEEDS_A_CONNECTION),
    in_the_way(fault("connects-nowhere", "says of every address that it cannot connect",
        &["C-ARG-1"], &[]), NEEDS_A_CONNECTION),
    in_the_way(fault("crashes-at-start", "ends with a traceback, whatever it is given",
        &["C-ARG-1"], &[]), NEEDS_A_CONNECTION),
    fault("letters-only", "takes names of letters only",
        &["C-ARG-1"], &[]),
    fault("any-scheme", "takes any scheme for chat",
        &["C-ARG-2"], &[]),
    fault("scheme-optional", "takes an address without a scheme",
        &["C-ARG-2"], &[]),
    fault("host-optional", "takes an address without a host for this machine",
        &["C-ARG-2"], &[]),
    fault("bad-address-silent", "ends without a word when the address is none",
        &["C-ARG-2"], &[]),
    fault("bad-address-traceback", "ends with a traceback when the address is none",
        &["C-ARG-2"], &[]),
    fault("bad-address-stays", "says that the address is none, and stays",
        &["C-ARG-2"], &[]),
    fault("half-a-bracket-crashes", "ends with a traceback when a bracket of the host does not close",
        &["C-ARG-2"], &[]),
    // A host with half a bracket is an address for these, at which nobody is.
    fault("bad-connection-silent", "ends without a word when nobody listens",
        &["C-ARG-3"], &["C-ARG-2"]),
    fault("bad-connection-traceback", "ends with a traceback when nobody listens",
        &["C-ARG-3"], &["C-ARG-2"]),
    fault("bad-connection-stays", "says that nobody listens, and stays",
        &["C-ARG-3"], &["C-ARG-2"]),
    fault("unknown-host-crashes", "ends with a traceback when the host does not exist",
        &["C-ARG-3"], &[]),
    fault("host-ignored", "connects to this machine, whatever host is given",
        &["C-ARG-3"], &["C-ARG-2"]),

    fault("one-letter-refused", "takes no name of one letter",
        &["C-ARG-1"], &[]),
    fault("name-cut", "takes the first 32 bytes of a name",
        &["C-ARG-1"], &["C-MSG-1"]),
    fault("scheme-ends-so", "takes any scheme that ends with chat",
        &["C-ARG-2"], &[]),
    fault("name-like-scheme-refused", "takes a name that begins with chat for the address",
        &["C-ARG-1"], &[]),
    fault("scheme-begins-so", "takes any scheme that begins with chat",
        &["C-ARG-2"], &[]),
    fault("port-overflows", "keeps the last 16 bits of a port that is too great",
        &["C-ARG-2"], &[]),
    fault("scheme-empty", "takes an address with an empty scheme",
        &["C-ARG-2"], &[]),
    fault("port-digits-taken", "takes a port with letters behind it",
        &["C-ARG-2"], &[]),
    fault("empty-port-crashes", "ends with a traceback when nothing stands behind the colon",
        &["C-ARG-2"], &[]),
    fault("negative-port-crashes", "ends with a traceback when the port is negative",
        &["C-ARG-2"], &[]),
    fault("no-place-crashes", "ends with a traceback when nothing stands behind the scheme",
        &["C-ARG-2"], &[]),
    // Registration: without it there is nothing to see of the rest.
    in_the_way(fault("registers-never", "says nothing at first",
        &["C-REG-1"], &[]), NEEDS_A_TALK),
    in_the_way(fault("greets-first", "says HELLO, and then registers",
        &["C-REG-1"], &[]), NEEDS_A_TALK),
    in_the_way(fault("registers-small", "says `register`",
        &["C-REG-1"], &[]), NEEDS_A_TALK),
    in_the_way(fault("registers-without-version", "leaves out the version",
        &["C-REG-1"], &[]), NEEDS_A_TALK),
    in_the_way(fault("registers-in-capitals", "registers the name in capitals",
        &["C-REG-1"], &[]), NEEDS_A_TALK),
    in_the_way(fault("typing-unsent", "sends nothing of what is typed",
        // Wherever something is typed.
        &["C-REG-2"], &[]), &["W-LINE-1", "C-MSG-1", "C-MSG-3", "C-MSG-5", "C-HARD-2"]),
    in_the_way(fault("crashes-on-200", "ends with a traceback when it is accepted",
        &["C-REG-2"], &[]), NEEDS_ACCEPTANCE),
    Fault {
        breaks: &["W-LINE-1", "C-REG-2"],
        blocks: NEEDS_ACCEPTANCE,
        ..dialect("bare-and-crashes-on-200", "takes a read for a message, and crashes when it is accepted",
            ONLY_IN_LINES)
    },
    fault("400-unheeded", "takes a 400 for a 200",
        &["C-REG-3"], &[]),
    fault("400-silent", "ends without a word on 400",
        &["C-REG-3"], &[]),
    fault("400-panics", "panics on 400",
        &["C-REG-3"], &[]),
    fault("400-told-by-others", "ends on 400 with a trace of Ruby",
        &["C-REG-3"], &[]),
    fault("400-stays", "ends on 400 only when the connection closes",
        &["C-REG-3"], &[]),
    fault("400-waits-for-enter", "ends on 400 only after Enter",
        &["C-REG-3"], &[]),
    fault("401-unheeded", "takes a 401 for a 200",
        &["C-REG-4"], &[]),
    fault("401-late-shown", "shows a refusal with 401 like a message when it comes after two seconds",
        &["C-REG-4"], &[]),
    fault("401-silent", "ends without a word on 401",
        &["C-REG-4"], &[]),
    fault("401-stays", "ends on 401 only when the connection closes",
        &["C-REG-4"], &[]),
    fault("401-waits-for-enter", "ends on 401 only after Enter",
        &["C-REG-4"], &[]),

    // Messages.
    fault("prefix-missing", "sends what is typed without `@name: `",
        &["C-MSG-1"], &[]),
    fault("prefix-tight", "leaves out the space after `@name:`",
        &["C-MSG-1"], &[]),
    fault("prefix-angular", "writes `<name> ` before what is typed",
        &["C-MSG-1"], &[]),
    fault("spaces-squeezed", "sends runs of spaces as one",
        &["C-MSG-1"], &[]),
    fault("typed-cut", "sends the first 80 bytes of what is typed",
        &["C-MSG-1"], &[]),
    fault("typed-sent-twice", "sends what is typed twice",
        // Where nothing else may be sent.
        &["C-MSG-1"], &["C-MSG-3"]),
    in_the_way(fault("shows-nothing", "shows no message",
        // Wherever something is to be seen.
        &["C-MSG-2"], &[]), &["W-LINE-1", "W-LINE-2", "W-LINE-3", "C-MSG-3", "C-MSG-4", "C-MSG-5", "C-HARD-1"]),
    fault("shown-twice", "shows every message twice",
        &["C-MSG-2"], &[]),
    in_the_way(fault("shown-after-enter", "shows messages only when the user next presses Enter",
        // Wherever something is to be seen.
        &["C-MSG-3"], &[]), &["W-LINE-1", "W-LINE-2", "W-LINE-3", "C-MSG-2", "C-MSG-4", "C-MSG-5", "C-HARD-1"]),
    in_the_way(fault("waits-for-keyboard", "takes what the server does only when the user next presses Enter",
        // Wherever something is to be seen, and where the server ends.
        &["C-MSG-3"], &[]), &["W-LINE-1", "W-LINE-2", "W-LINE-3", "C-MSG-2", "C-MSG-4", "C-MSG-5",
            "C-SHUT-1", "C-SHUT-2", "C-HARD-1", "C-HARD-3"]),
    in_the_way(fault("first-word-shown", "shows the first word of a message",
        // Wherever something is to be seen.
        &["C-MSG-2"], &[]), &["W-LINE-1", "W-LINE-2", "W-LINE-3", "C-MSG-3", "C-MSG-4", "C-MSG-5", "C-HARD-1"]),
    in_the_way(fault("quick-second-lost", "shows nothing of what comes within two seconds of the last message",
        &["C-MSG-2"], &[]), &["W-LINE-3", "C-MSG-3", "C-MSG-4", "C-MSG-5", "C-HARD-1"]),
    in_the_way(fault("sent-late", "sends what was typed when the next line is typed",
        &["C-REG-2"], &[]), &["W-LINE-1", "C-MSG-1", "C-MSG-3", "C-MSG-5", "C-HARD-2"]),
    fault("greets-others", "says a message of its own when it is accepted",
        &["C-MSG-1"], &[]),
    fault("typed-lost-beside-a-message", "loses a typed line when a message comes at the same time",
        &["C-MSG-3"], &[]),
    fault("half-typed-lost-at-second", "loses what is half typed when a second message comes",
        &["C-MSG-3"], &[]),
    fault("half-typed-lost", "loses what is half typed when a message comes",
        &["C-MSG-3"], &[]),
    in_the_way(fault("disconnect-in-text", "takes a message with DISCONNECT in it for a DISCONNECT",
        // A line separator is tried with a DISCONNECT behind it.
        &["C-MSG-4"], &[]), &["C-MSG-5"]),
    fault("status-in-text", "takes a message with 400 in it for a refusal",
        &["C-MSG-4"], &[]),
    fault("cut-at-colon", "shows a message up to its second colon",
        &["C-MSG-4"], &[]),
    fault("decodes-reads", "decodes each read by itself, though a character may be cut",
        &["C-MSG-5"], &[]),
    fault("ascii-sent", "sends `?` for what is not ASCII",
        &["C-MSG-5"], &[]),
    fault("ascii-shown", "shows `?` for what is not ASCII",
        &["C-MSG-5"], &[]),
    fault("latin-1-sent", "reads Latin-1 from the keyboard, and sends UTF-8",
        &["C-MSG-5"], &[]),
    fault("latin-1-shown", "reads Latin-1 from the server, and shows UTF-8",
        &["C-MSG-5"], &[]),
    fault("unicode-line-ends", "takes U+0085 and U+2028 for ends of lines",
        &["C-MSG-5"], &[]),

    fault("dollars-halved", "sends one dollar sign for two, as a pattern for replacements would",
        &["C-MSG-1"], &[]),
    fault("shown-dollars-halved", "shows one dollar sign for two, as a pattern for replacements would",
        &["C-MSG-2"], &[]),
    fault("wide-line-cut-at-message", "sends the last 77 characters of a line when a message came while it was typed",
        &["C-MSG-3"], &[]),
    fault("own-prefix-not-again", "sends what is typed without a prefix where it has one",
        &["C-MSG-1"], &[]),
    fault("typed-trimmed", "sends what is typed without the spaces around it",
        &["C-MSG-1"], &[]),
    fault("blank-unsent", "does not send a line of spaces only",
        &["C-MSG-1"], &[]),
    fault("full-line-unsent", "does not send a line that fills its buffer of 255 bytes",
        &["C-MSG-1"], &[]),
    fault("backspace-takes-a-byte", "takes a byte back at Backspace, and not a character",
        &["C-MSG-5"], &[]),
    fault("backspace-is-text", "does not know Backspace",
        &["C-MSG-1"], &["C-MSG-5"]),
    fault("zero-unsent", "does not send `0`",
        &["C-MSG-1"], &[]),
    fault("options-unshown", "does not show a text that begins like an option",
        &["C-MSG-2"], &[]),
    fault("replacement-unshown", "does not show a text with U+FFFD",
        &["C-MSG-5"], &[]),
    fault("vanishing-after-own-word-silent", "ends without a word when the connection closes after its user has typed DISCONNECT in a text",
        &["C-SHUT-2"], &[]),
    fault("single-letter-unsent", "does not send a single letter",
        &["C-MSG-1"], &[]),
    fault("quit-leaves", "leaves when `quit` or `exit` is typed",
        &["C-MSG-1"], &[]),
    fault("slash-is-command", "does not send what begins with `/`",
        &["C-MSG-1"], &[]),
    fault("typed-escapes-decoded", "sends a letter for a typed escape",
        &["C-MSG-1"], &[]),
    fault("typed-braces-stripped", "sends what is typed without its braces",
        &["C-MSG-1"], &[]),
    fault("long-message-cut", "sends the first 1,000 bytes of a message",
        &["C-MSG-1"], &[]),
    fault("typed-read-in-parts", "decodes what is typed 64 bytes at a time, though a character may be cut",
        &["C-MSG-5"], &[]),
    fault("typed-cut-late", "sends the first 512 bytes of what is typed",
        &["C-MSG-1"], &[]),
    fault("answer-awaited-briefly", "waits for the answer to its registration for 1.5 s",
        &["C-REG-2"], &[]),
    fault("shown-tags-stripped", "shows a message without its tags",
        &["C-MSG-2"], &[]),
    fault("shown-escapes-decoded", "shows a letter for an escape in a message",
        &["C-MSG-2"], &[]),
    fault("shown-cut", "shows the first 100 characters of a message",
        &["C-MSG-2"], &[]),
    fault("silence-ends", "ends when the server says nothing for five seconds",
        &["C-MSG-2"], &["C-MSG-1"]),
    fault("six-colours", "crashes when the seventh sender speaks, since it has six colours",
        &["C-MSG-2"], &[]),
    fault("own-words-unshown", "does not show a message whose text was typed last",
        &["C-MSG-2"], &[]),
    fault("prefix-taken-out-of-text", "takes the sender's prefix out of the text, too",
        &["C-MSG-4"], &[]),
    fault("separators-unshown", "does not show a message with U+2028 in it",
        &["C-MSG-5"], &[]),
    fault("repeat-unshown", "does not show a message that is the same as the last one",
        &["C-MSG-2"], &[]),
    fault("namesakes-unshown", "does not show messages of senders whose names begin with its own",
        &["C-MSG-2"], &[]),
    fault("mention-unshown", "does not show a text that begins with `@`",
        &["C-MSG-4"], &[]),
    fault("401-in-text", "takes a message with 401 in it for a refusal",
        &["C-MSG-4"], &[]),
    fault("own-disconnect-in-text", "takes a text with its own DISCONNECT in it for a DISCONNECT",
        &["C-MSG-4"], &[]),
    fault("disconnect-small-in-text", "takes a text with `disconnect` in it for a DISCONNECT",
        &["C-MSG-4"], &[]),
    // Leaving.
    in_the_way(fault("interrupt-silent", "ends on Ctrl-C without a DISCONNECT",
        // The end is watched in the same conversation.
        &["C-QUIT-1"], &[]), &["C-QUIT-2"]),
    in_the_way(fault("leaves-nameless", "leaves with `DISCONNECT CHAT/1.0`",
        // The end is watched in the same conversation, and Ctrl-D asks for the same.
        &["C-QUIT-1"], &["C-HARD-2"]), &["C-QUIT-2"]),
    in_the_way(fault("leaves-without-version", "leaves with `DISCONNECT name`",
        // The end is watched in the same conversation, and Ctrl-D asks for the same.
        &["C-QUIT-1"], &["C-HARD-2"]), &["C-QUIT-2"]),
    in_the_way(fault("interrupt-stays", "says goodbye on Ctrl-C, and ends when the connection closes",
        // The goodbye is watched in the same conversation.
        &["C-QUIT-2"], &[]), &["C-QUIT-1"]),
    fault("interrupt-unheeded", "takes no notice of Ctrl-C",
        &["C-QUIT-1", "C-QUIT-2"], &[]),
    fault("interrupt-waits-for-enter", "takes notice of Ctrl-C when the user next presses Enter",
        &["C-QUIT-1", "C-QUIT-2"], &[]),

    fault("interrupt-before-answer-unheeded", "takes no notice of Ctrl-C before the answer to its registration",
        &["C-QUIT-2"], &[]),
    in_the_way(fault("interrupt-after-message-silent", "ends on Ctrl-C without a DISCONNECT after a message has come",
        &["C-QUIT-1"], &[]), &["C-QUIT-2"]),
    // The server's end.
    in_the_way(fault("farewell-unheeded", "takes no notice of the server's DISCONNECT",
        // The wire is tried with a DISCONNECT too.
        &["C-SHUT-1"], &[]), &["W-LINE-1", "W-LINE-2", "W-LINE-3"]),
    fault("farewell-silent", "ends without a word on the server's DISCONNECT",
        &["C-SHUT-1"], &[]),
    in_the_way(fault("farewell-stays", "ends on the server's DISCONNECT only when the connection closes",
        // The wire is tried with a DISCONNECT too.
        &["C-SHUT-1"], &[]), &["W-LINE-1", "W-LINE-2", "W-LINE-3"]),
    in_the_way(fault("farewell-waits-for-enter", "ends on the server's DISCONNECT only after Enter",
        // The wire is tried with a DISCONNECT too.
        &["C-SHUT-1"], &[]), &["W-LINE-1", "W-LINE-2", "W-LINE-3"]),
    fault("vanishing-unheeded", "takes no notice when the connection closes",
        &["C-SHUT-2"], &[]),
    fault("vanishing-silent", "ends without a word when the connection closes",
        &["C-SHUT-2"], &[]),
    fault("vanishing-traceback", "ends with a traceback when the connection closes",
        &["C-SHUT-2"], &[]),
    fault("vanishing-stays", "says that the connection is closed, and stays",
        &["C-SHUT-2"], &[]),
    fault("vanishing-floods", "says for ever that the connection is closed",
        &["C-SHUT-2"], &[]),

    fault("vanishing-within-a-line-unheeded", "takes no notice when the connection closes after a part of a line",
        &["C-SHUT-2"], &[]),
    fault("vanishing-in-mid-line-unheeded", "takes no notice when the connection closes while a line is half typed",
        &["C-SHUT-2"], &[]),
    fault("vanishing-after-talk-silent", "ends without a word when the connection closes after a message has come",
        &["C-SHUT-2"], &[]),
    // Beyond the assignment.
    fault("escapes-shown", "lets escape sequences through to the terminal",
        &["C-HARD-1"], &[]),
    fault("end-of-input-unheeded", "takes no notice of the end of input",
        &["C-HARD-2"], &[]),
    fault("end-of-input-silent", "ends at the end of input without a DISCONNECT",
        &["C-HARD-2"], &[]),
    fault("long-line-hoarded", "keeps a line without end many times over",
        &["C-HARD-3"], &[]),
    fault("long-line-hangs", "hangs on a line without end",
        &["C-HARD-3"], &[]),
];
