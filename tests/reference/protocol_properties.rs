//! Properties of the protocol's pure part, for any input.

use chat_conformance::protocol::{Line, LineSplitter, MAX_LINE, Message, Name, Status, Text};
use proptest::collection::vec;
use proptest::prelude::*;

/// An owned line; `None` if it was too long.
type Found = Option<Vec<u8>>;

fn split(stream: &[u8], cuts: &[usize]) -> Vec<Found> {
    let mut splitter = LineSplitter::default();
    let mut found = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([stream.len()]) {
        let mut input = &stream[start..end];
        while let Some(line) = splitter.next(&mut input) {
            found.push(match line {
                Line::Whole(bytes) => Some(bytes.to_vec()),
                Line::TooLong => None,
            });
        }
        assert!(input.is_empty(), "a splitter takes all that it is given");
        start = end;
    }
    found
}

/// The simplest definition of lines: splits the whole stream at once.
fn lines_of(stream: &[u8]) -> Vec<Found> {
    let mut pieces: Vec<&[u8]> = stream.split(|&byte| byte == b'\n').collect();
    let unfinished = pieces.pop().expect("split gives at least one piece");
    let mut lines: Vec<Found> = pieces
        .iter()
        .map(|piece| {
            let line = piece.strip_suffix(b"\r").unwrap_or(piece);
            (piece.len() < MAX_LINE).then(|| line.to_vec())
        })
        .collect();
    if unfinished.len() >= MAX_LINE {
        lines.push(None);
    }
    lines
}

/// Streams with many line ends, and with lines near or over the limit.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => vec(any::<u8>(), 0..20),
        4 => Just(b"\n".to_vec()),
        3 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        2 => (MAX_LINE - 4..MAX_LINE + 4).prop_map(|length| vec![b'x'; length]),
        1 => (1..3 * MAX_LINE).prop_map(|length| vec![b'y'; length]),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn stream_with_cuts() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    stream().prop_flat_map(|stream| {
        let cuts = vec(0..=stream.len(), 0..30).prop_map(|mut cuts| {
            cuts.sort_unstable();
            cuts
        });
        (Just(stream), cuts)
    })
}

fn name() -> impl Strategy<Value = Name> {
    let character = any::<char>().prop_filter("no white space, no control", |c| {
        !c.is_whitespace() && !c.is_control()
    });
    let word = vec(character, 1..=16).prop_map(String::from_iter);
    prop_oneof![
        word,
        "[@:a-z0-9]{1,3}",
        "REGISTER|DISCONNECT|CHAT/1\\.0|200"
    ]
    .prop_map(|word| word.parse().expect("one word of at most 64 bytes"))
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>().prop_filter("one line", |c| *c != '\n'), 0..40).prop_map(String::from_iter)
}

/// Owned contents for a message, which borrows from them.
#[derive(Debug, Clone)]
enum OwnedMessage {
    Register(Name),
    Disconnect(Name),
    Shutdown,
    Chat(Name, String),
    Status(u16, String),
}

impl OwnedMessage {
    fn message(&self) -> Message<'_> {
        let text = |text| Text::new(text).expect("no LF in it");
        match self {
            OwnedMessage::Register(name) => Message::Register(name.borrowed()),
            OwnedMessage::Disconnect(name) => Message::Disconnect(name.borrowed()),
            OwnedMessage::Shutdown => Message::Shutdown,
            OwnedMessage::Chat(from, words) => Message::Chat {
                from: from.borrowed(),
                text: text(words),
            },
            OwnedMessage::Status(code, phrase) => {
                Message::Status(Status::new(*code, text(phrase)).unwrap())
            }
        }
    }
}

fn owned_message() -> impl Strategy<Value = OwnedMessage> {
    prop_oneof![
        name().prop_map(OwnedMessage::Register),
        name().prop_map(OwnedMessage::Disconnect),
        Just(OwnedMessage::Shutdown),
        (name(), text()).prop_map(|(from, text)| OwnedMessage::Chat(from, text)),
        (0..=999u16, text()).prop_map(|(code, phrase)| OwnedMessage::Status(code, phrase)),
    ]
}

/// Lines that resemble messages: right and wrong words, in any number.
fn nearly_a_message() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("REGISTER".to_owned()),
        Just("DISCONNECT".to_owned()),
        Just("CHAT/1.0".to_owned()),
        "[@:a-z0-9 \t\r\u{a0}\u{2028}é]{0,6}",
        "[0-9]{2,4}",
        ".{0,70}",
    ];
    vec(word, 0..6).prop_map(|words| words.join(" "))
}

proptest! {
    /// W-LINE-1, W-LINE-2, W-LINE-3: segments do not matter, and only lines over the limit are too
    /// long.
    #[test]
    fn every_split_of_a_stream_gives_the_same_lines((stream, cuts) in stream_with_cuts()) {
        prop_assert_eq!(split(&stream, &cuts), lines_of(&stream));
    }

    #[test]
    fn splitting_byte_by_byte_gives_the_same_lines(stream in vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200)) {
        let everywhere: Vec<usize> = (0..=stream.len()).collect();
        prop_assert_eq!(split(&stream, &everywhere), lines_of(&stream));
    }

    #[test]
    fn no_line_exceeds_the_limit((stream, cuts) in stream_with_cuts()) {
        for line in split(&stream, &cuts).into_iter().flatten() {
            prop_assert!(line.len() < MAX_LINE);
        }
    }

    #[test]
    fn a_formatted_message_parses_to_itself(owned_message in owned_message()) {
        let message = owned_message.message();
        let line = message.to_string();
        prop_assert_eq!(Message::parse(&line), Some(message));
    }

    #[test]
    fn a_parsed_line_formats_to_itself(line in nearly_a_message()) {
        if let Some(message) = Message::parse(&line) {
            // The only other spelling: a space after a code without a phrase.
            let read = if line.len() == 4 { line.trim_end_matches(' ') } else { &line };
            prop_assert_eq!(message.to_string(), read);
        }
    }

    #[test]
    fn no_line_panics_and_every_name_is_valid(line in any::<String>()) {
        let _ = Message::parse(&line);
        if let Ok(name) = line.parse::<Name>() {
            prop_assert!((1..=64).contains(&name.as_str().len()));
            prop_assert!(!name.as_str().contains(|c: char| c.is_whitespace() || c.is_control()));
        }
    }

    /// The fast path for a user's own messages agrees with the general parser.
    #[test]
    fn text_in_agrees_with_parse(
        name in name(),
        line in prop_oneof![
            nearly_a_message(),
            owned_message().prop_map(|owned_message| owned_message.message().to_string()),
            (name(), text()).prop_map(|(name, text)| format!("@{name}:{text}")),
        ],
    ) {
        let own = format!("@{name}: {line}");
        prop_assert_eq!(name.text_in(&own), Some(line.as_str()));
        let parsed = match Message::parse(&line) {
            Some(Message::Chat { from, text }) if from == name => Some(text.as_str().to_owned()),
            _ => None,
        };
        prop_assert_eq!(name.text_in(&line).map(str::to_owned), parsed);
    }
}
