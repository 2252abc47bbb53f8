//! The readers of what a program under test sends and prints.

use std::sync::LazyLock;

use chat_conformance::conformance::play::inbox::{Inbox, Known, Memory, Reading, known_messages};
use chat_conformance::conformance::program::crash::is_only_a_crash;
use chat_conformance::conformance::program::dialect::{
    Dialect, Framing, HEADER, length_in, single_message,
};
use chat_conformance::conformance::program::output::{banner_in, beyond_banner, own_words};
use chat_conformance::conformance::program::profile::Profile;
use chat_conformance::conformance::program::screen::Screen;
use chat_conformance::transcript::parse;

use super::{Target, reads, texts};

const FRAMINGS: [Framing; 4] = [Framing::Line, Framing::Crlf, Framing::Bare, Framing::Length];

pub const INBOX: Target = Target {
    name: "inbox",
    run: inbox,
    seeds: || {
        let said: [&[u8]; 5] = [
            b"200 Registration successful\n@alice: hi\r\n\n@bob: hi there\nDISC\xffONNECT CHAT/1.0\n",
            b"@alice: hi@alice: hi there\xff@bob: 200 and more\xffDISCONNECT CHAT/1.0\n",
            b"5         hello27        200 Registration \xffsuccessful",
            b"Welcome bob!@alice: hi\nWelcome bob!@bob: that was all, number 3\n",
            b"99999999999999999999\xff18446744073709551615",
        ];
        let kinds = 0..16;
        kinds
            .flat_map(|kind| said.map(|said| [&[kind], said].concat()))
            .collect()
    },
    words: &[
        "@alice: hi",
        "@alice: hi there",
        "@bob: 200 and more",
        "DISCONNECT CHAT/1.0",
        "200 Registration successful",
        "401 ",
        "5         ",
        "0         ",
        "@bob: that was all, number ",
        "\r\n",
        "\n",
    ],
};

/// A transcript whose messages resemble each other.
static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let transcript = "# It holds.\ncovers S-MSG-1\n\nalice joins\nbob joins\nbob < @alice: hi\nbob < @alice: hi there\n\
                      alice < @bob: 200 and more\nalice < @bob: DISCONNECT CHAT/1.0\n";
    known_messages(&parse("fuzz.chat", transcript).expect("is a transcript"))
});

/// Nothing that arrives is lost, doubled or moved; marked messages do not depend on the reads.
fn inbox(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    let framing = FRAMINGS[usize::from(kind % 4)];
    let profile = Profile {
        adds_to_messages: kind & 4 != 0,
        leaves_notices_unended: kind & 8 != 0,
        ..Profile::PLAIN
    };
    let mut inbox = Inbox::new(
        Reading::of(framing, &profile),
        KNOWN.clone(),
        Memory::default(),
    );
    let reads = reads(data);
    for read in &reads {
        inbox.receive(read);
    }
    inbox.pause();
    let unfinished = inbox.unfinished().to_vec();
    let count = inbox.count();
    assert_eq!(inbox.messages_from(0).count(), count);
    let messages: Vec<Vec<u8>> = std::iter::from_fn(|| inbox.take_next()).collect();
    assert_eq!((messages.len(), inbox.count()), (count, count));
    assert!(!inbox.is_full() || unfinished.len() > 1 << 18);

    let arrived = reads.concat();
    let found = [messages.concat(), unfinished.clone()].concat();
    match framing {
        Framing::Line | Framing::Crlf if !profile.leaves_notices_unended => {
            let mut lines: Vec<&[u8]> = arrived.split(|byte| *byte == b'\n').collect();
            assert_eq!(lines.pop(), Some(unfinished.as_slice()));
            let ended = lines
                .iter()
                .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
            assert!(ended.eq(messages.iter().map(Vec::as_slice)), "{messages:?}");
        }
        Framing::Length => {
            let length = messages
                .iter()
                .map(|message| HEADER + message.len())
                .sum::<usize>();
            assert_eq!(length + unfinished.len(), arrived.len());
        }
        _ => {
            let without_ends = |bytes: &[u8]| -> Vec<u8> {
                bytes
                    .iter()
                    .copied()
                    .filter(|byte| !matches!(byte, b'\r' | b'\n'))
                    .collect()
            };
            assert_eq!(without_ends(&found), without_ends(&arrived));
        }
    }
}

pub const DIALECT: Target = Target {
    name: "dialect",
    run: dialect,
    seeds: || {
        texts(&[
            "line",
            "crlf/bare",
            "bare/length",
            "7         message",
            "a\nb\r\nc\n",
            "200 x\r\n",
        ])
    },
    words: &["line", "crlf", "bare", "length", "/", "5         ", "\r\n"],
};

/// A dialect is read as it is written, and a message survives its framing.
fn dialect(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(dialect) = text.parse::<Dialect>() {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
        }
    }
    Framing::shown_by(data);
    length_in(data);
    let ended = Framing::Crlf.end_lines(data);
    assert_eq!(Framing::Crlf.end_lines(&ended), ended);
    let line = [data, b"\n"].concat();
    assert!(single_message(&line).is_none_or(|message| message == data));
    let message: Vec<u8> = data
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    for framing in FRAMINGS {
        let reading = Reading::of(framing, &Profile::PLAIN);
        let mut inbox = Inbox::new(reading, Known::from([]), Memory::default());
        inbox.receive(&framing.frame(&message));
        inbox.pause();
        let is_nothing = framing == Framing::Bare && message.is_empty();
        let expected = (!is_nothing).then(|| message.clone());
        assert_eq!(inbox.take_next(), expected, "{framing}");
        assert_eq!(inbox.take_next(), None, "{framing}");
    }
}

pub const SCREEN: Target = Target {
    name: "screen",
    run: screen,
    seeds: || {
        texts(&[
            "Listening on port 5000\r\n",
            "Traceback (most recent call last):\n  File \"server.py\", line 1, in <module>\nValueError: x\n",
            "\x1b[2J\x1b[1;1Hhello\x1b[6n\x1b[?1049hother\x1b[?1049l",
            "\x1b[31mred\x1b[0m\r\x1b[K> \x1b]0;title\x07\x1b[5;10r\x1bM\x1bD",
            "thread 'main' panicked at src/main.rs:1:1:\nboom\n",
            "日本👍e\u{301}\x1b[3@\x1b[2P\x1b[2X\x08\t\x1b[1000B",
        ])
    },
    words: &[
        "\x1b[",
        "\x1b]",
        "\x1b[?1049h",
        "\x1b[?1049l",
        "\x1b[6n",
        "\x1b[2J",
        "\x1b[3J",
        "\x1bc",
        "\x1bM",
        "\x1b[1;1H",
        "\x1b[99999",
        "Traceback (most recent call last):\n",
        "  File \"",
        "panicked at",
        "Error: ",
        "\r\n",
        "日",
        "\u{301}",
        "conform: ",
    ],
};

/// What is on the screen does not depend on the reads, and is never more than the screen keeps.
fn screen(data: &[u8]) {
    const MOST_TEXT: usize = 2 << 20;
    let reads = reads(data);
    let mut in_reads = Screen::default();
    let answers: Vec<u8> = reads.iter().flat_map(|read| in_reads.show(read)).collect();
    let mut at_once = Screen::default();
    assert_eq!(at_once.show(&reads.concat()), answers);
    assert_eq!(at_once.text(), in_reads.text());
    let text = in_reads.text();
    assert!(text.len() < MOST_TEXT);
    own_words(text);
    is_only_a_crash(text);
    let given = ["alice".to_owned()];
    let banner = banner_in(text, &given);
    assert_eq!(own_words(&beyond_banner(text, &banner, &given)), None);
}
