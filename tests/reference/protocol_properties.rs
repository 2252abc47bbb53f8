//! What holds for every input of the protocol's pure part.

use chat_conformance::protocol::{Line, LineSplitter, MAX_LINE, Message, Name, Status, Text};
use proptest::collection::vec;
use proptest::prelude::*;

/// A line as an owned value; `None` where it was too long.
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

/// What lines are, said in the simplest way: over the whole stream at once.
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

/// Streams in which line ends are frequent and some lines are near or over the bound.
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

/// What a message says, kept for the message to borrow.
#[derive(Debug, Clone)]
enum Said {
    Register(Name),
    Disconnect(Name),
    Shutdown,
    Chat(Name, String),
    Status(u16, String),
}

impl Said {
    fn message(&self) -> Message<'_> {
        let text = |text| Text::new(text).expect("no LF in it");
        match self {
            Said::Register(name) => Message::Register(name.borrowed()),
            Said::Disconnect(name) => Message::Disconnect(name.borrowed()),
            Said::Shutdown => Message::Shutdown,
            Said::Chat(from, words) => Message::Chat {
                from: from.borrowed(),
                text: text(words),
            },
            Said::Status(code, phrase) => {
                Message::Status(Status::new(*code, text(phrase)).unwrap())
            }
        }
    }
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        name().prop_map(Said::Register),
        name().prop_map(Said::Disconnect),
        Just(Said::Shutdown),
        (name(), text()).prop_map(|(from, text)| Said::Chat(from, text)),
        (0..=999u16, text()).prop_map(|(code, phrase)| Said::Status(code, phrase)),
    ]
}

/// Lines that are nearly messages: right words and wrong ones, in any number.
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
    /// W-LINE-1, W-LINE-2, W-LINE-3: segments do not matter, and no other line is too long.
    #[test]
    fn every_way_to_cut_a_stream_yields_the_same_lines((stream, cuts) in stream_with_cuts()) {
        prop_assert_eq!(split(&stream, &cuts), lines_of(&stream));
    }

    #[test]
    fn byte_by_byte_is_a_way_to_cut_too(stream in vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200)) {
        let everywhere: Vec<usize> = (0..=stream.len()).collect();
        prop_assert_eq!(split(&stream, &everywhere), lines_of(&stream));
    }

    #[test]
    fn no_line_is_longer_than_the_bound((stream, cuts) in stream_with_cuts()) {
        for line in split(&stream, &cuts).into_iter().flatten() {
            prop_assert!(line.len() < MAX_LINE);
        }
    }

    #[test]
    fn what_is_printed_parses_to_itself(said in said()) {
        let message = said.message();
        let line = message.to_string();
        prop_assert_eq!(Message::parse(&line), Some(message));
    }

    #[test]
    fn what_parses_prints_what_was_read(line in nearly_a_message()) {
        if let Some(message) = Message::parse(&line) {
            // The one other spelling: a space after a number that no words follow.
            let read = if line.len() == 4 { line.trim_end_matches(' ') } else { &line };
            prop_assert_eq!(message.to_string(), read);
        }
    }

    #[test]
    fn no_line_panics_and_no_name_breaks_its_rule(line in any::<String>()) {
        let _ = Message::parse(&line);
        if let Ok(name) = line.parse::<Name>() {
            prop_assert!((1..=64).contains(&name.as_str().len()));
            prop_assert!(!name.as_str().contains(|c: char| c.is_whitespace() || c.is_control()));
        }
    }

    /// The short way to know a user's own message is the same as the long one.
    #[test]
    fn a_name_knows_its_own_messages(
        name in name(),
        line in prop_oneof![
            nearly_a_message(),
            said().prop_map(|said| said.message().to_string()),
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
