//! The reference's own readers: lines, messages, the address, the keyboard.

use chat_conformance::client::address::Address;
use chat_conformance::client::editor::{Editor, Outcome};
use chat_conformance::client::keys::KeyDecoder;
use chat_conformance::client::visible::{columns, visible};
use chat_conformance::conformance::conversation::utterance::Utterance;
use chat_conformance::protocol::{Line, LineSplitter, MAX_LINE, Message};

use super::{Target, reads, texts};

pub const LINES: Target = Target {
    name: "lines",
    run: lines,
    seeds: || {
        let mut seeds = texts(&["one\r\ntwo\nthree", "\n\n\r\r\n", ""]);
        seeds.push(b"REGISTER al\xffice CHAT/1.0\r\xff\n@alice: hi\n@ali\xffce: there\n".to_vec());
        let long = |length: usize| [&vec![b'x'; length][..], b"\xff\r\nend\n"].concat();
        seeds.extend([MAX_LINE - 2, MAX_LINE - 1, MAX_LINE, MAX_LINE + 1].map(long));
        seeds
    },
    words: &["\r\n", "\n"],
};

/// Splitting does not depend on the reads, and agrees with a definition of lines that is much simpler.
fn lines(data: &[u8]) {
    let reads = reads(data);
    let mut splitter = LineSplitter::default();
    let mut found: Vec<Option<Vec<u8>>> = Vec::new();
    for mut input in reads.iter().copied() {
        while let Some(line) = splitter.next(&mut input) {
            found.push(match line {
                Line::Whole(bytes) => Some(bytes.to_vec()),
                Line::TooLong => None,
            });
        }
        assert!(input.is_empty(), "it takes all that it is given");
    }

    let stream = reads.concat();
    let mut pieces: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
    let unfinished = pieces.pop().unwrap_or_default();
    let line = |piece: &&[u8]| {
        let line = piece.strip_suffix(b"\r").unwrap_or(piece);
        (piece.len() < MAX_LINE).then(|| line.to_vec())
    };
    let mut expected: Vec<Option<Vec<u8>>> = pieces.iter().map(line).collect();
    if unfinished.len() >= MAX_LINE {
        expected.push(None);
    }
    assert_eq!(found, expected);
}

pub const MESSAGE: Target = Target {
    name: "message",
    run: message,
    seeds: || {
        texts(&[
            "REGISTER alice CHAT/1.0",
            "DISCONNECT alice CHAT/1.0",
            "DISCONNECT CHAT/1.0",
            "@alice: hi, DISCONNECT CHAT/1.0",
            "@a:b: : @bob: ",
            "200 Registration successful",
            "401",
            "DISCONNECT CHAT/1.0 CHAT/1.0",
        ])
    },
    words: &[
        "REGISTER ",
        "DISCONNECT ",
        " CHAT/1.0",
        "@",
        ": ",
        "\u{a0}",
        "\u{85}",
        "200 ",
    ],
};

/// A message is read as it is written, and the harness, which has a reader of its own, understands it the same way.
fn message(data: &[u8]) {
    let Ok(line) = std::str::from_utf8(data) else {
        return;
    };
    let Some(message) = Message::parse(line) else {
        return;
    };
    let written = message.to_string();
    assert_eq!(Message::parse(&written), Some(message));
    assert!(!line.contains('\n'));
    let understood = Utterance::of(line);
    let expected = match message {
        Message::Register(name) => Utterance::Register {
            name: name.as_str(),
        },
        Message::Disconnect(name) => Utterance::Disconnect {
            name: name.as_str(),
        },
        Message::Shutdown => Utterance::Goodbye,
        Message::Chat { from, text } => Utterance::Message {
            name: from.as_str(),
            text: text.as_str(),
        },
        Message::Status(status) => {
            // The phrase may be missing, with its space.
            let phrase = status.phrase();
            assert!(matches!(understood, Utterance::Status { phrase: also, .. } if also == phrase));
            return;
        }
    };
    assert_eq!(understood, expected);
    assert_eq!(written, line);
}

pub const ADDRESS: Target = Target {
    name: "address",
    run: address,
    seeds: || {
        texts(&[
            "chat://localhost:5000",
            "chat://[::1]:65535/",
            "CHAT://Example.org:1",
            "chat://münchen.de:5000",
            "chat://alice:secret@127.0.0.1:5000/room?x#y",
            "http://localhost:80",
            "chat:localhost",
            "chat://0x7f.1:5000",
        ])
    },
    words: &[
        "chat:", "//", "://", "@", ":", "[", "]", "%", "0x", "?", "#", "..", "\u{ad}", "xn--",
        "65536",
    ],
};

/// An address is read as it is written; an error names what to do.
fn address(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for text in [
        text.to_owned(),
        format!("chat://{text}"),
        format!("chat://localhost:{text}"),
    ] {
        match text.parse::<Address>() {
            Ok(address) => assert_eq!(address.to_string().parse(), Ok(address)),
            Err(error) => assert!(error.to_string().ends_with("chat://host:port")),
        }
    }
}

pub const KEYS: Target = Target {
    name: "keys",
    run: keys,
    seeds: || {
        let mut seeds = texts(&[
            "hello\r",
            "aé日👍e\u{301}\x1b[D\x1b[D\x1b[3~\x7f\x17\n",
            "one\ntwo\n\x1b[A\x1b[A\x1b[B\x01x\x05y\x0b\x15\x04",
            "\x1b[200~pasted\x1b[201~\x1bOH\x1bOF\x1b[1;5D",
        ]);
        seeds.push(b"a\xc3b\xe6\x97\xf0\x9f\x1b[\n".to_vec());
        seeds
    },
    words: &[
        "\x1b[", "\x1bO", "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[3~", "\x7f", "\x17", "\x15",
        "\u{200d}", "\u{9b}",
    ],
};

/// A line that is typed can be sent, and what is drawn of it fits into the row and is harmless.
fn keys(data: &[u8]) {
    const LIMIT: usize = 100;
    let mut decoder = KeyDecoder::default();
    let mut editor = Editor::new(LIMIT);
    let mut keys = Vec::new();
    for (number, byte) in data.iter().enumerate() {
        decoder.decode(*byte, &mut keys);
        for key in keys.drain(..) {
            if let Some(Outcome::Line(line)) = editor.press(key) {
                assert!(
                    line.len() <= LIMIT && !line.contains(['\n', '\r', '\x1b']),
                    "{line:?}"
                );
            }
        }
        let width = [0, 1, 2, 7, 80][number % 5];
        let row = editor.row(width);
        let room = width.saturating_sub(1);
        assert!(row.cursor <= room, "{row:?} in {width} columns");
        assert!(
            row.text.chars().map(columns).sum::<usize>() <= room,
            "{row:?} in {width} columns"
        );
        assert_eq!(visible(&row.text), row.text);
    }
}
