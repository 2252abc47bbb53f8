//! Writes a recorded conversation as a transcript. Pure.

use super::conversation::{Deed, Part, parts};
use super::event::Recording;
use super::messages::Speech;
use super::names::actors;
use crate::conformance::conversation::utterance::Utterance;
use crate::transcript::{format, is_plain, quoted};

/// The head of a recorded transcript. A person fills it in: as it is, it does not parse, and each line has an error
/// that says what is missing.
const HEAD: &str = "#\ncovers\n";
/// A head that parses, with which the steps are formatted.
const STAND_IN: &str = "# It holds.\ncovers W-LINE-1\n";

/// The transcript of a recording, as `conform fmt` formats it, with an empty head; `None` if nothing happened.
///
/// # Errors
/// The steps do not parse, which is an error of this program: the text, with why not.
pub fn transcript(recording: &Recording) -> Result<Option<String>, String> {
    let steps = steps(&parts(recording));
    if steps.is_empty() {
        return Ok(None);
    }
    let text = format(&format!("{STAND_IN}\n{steps}")).map_err(|errors| {
        let errors: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        format!("{}:\n{steps}", errors.join(", "))
    })?;
    let steps = text.strip_prefix(STAND_IN).unwrap_or(&text);
    Ok(Some(format!("{HEAD}{steps}")))
}

/// What a line does in the conversation. A blank line comes before each new topic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Topic {
    Arrival,
    Speech,
    Hearing,
    End,
}

/// The steps, each on a line.
fn steps(parts: &[Part]) -> String {
    let actors = actors(parts);
    let mut text = String::new();
    let mut before: Option<(Topic, Option<usize>)> = None;
    for part in parts {
        let (line, topic, connection) = match part {
            Part::Client { connection, deed } => {
                let actor = actors.get(*connection).map_or("", String::as_str);
                (step(actor, deed), topic(deed), Some(*connection))
            }
            Part::ServerIsInterrupted => ("server is interrupted".to_owned(), Topic::Speech, None),
            Part::ServerEnds => ("server ends".to_owned(), Topic::End, None),
        };
        if before.is_some_and(|before| begins_paragraph(before, (topic, connection))) {
            text.push('\n');
        }
        text.push_str(&line);
        text.push('\n');
        before = Some((topic, connection));
    }
    text
}

fn topic(deed: &Deed) -> Topic {
    match deed {
        Deed::Joins(_) | Deed::Connects => Topic::Arrival,
        Deed::Says(_) => Topic::Speech,
        Deed::Hears(_) | Deed::HearsUnfinished(_) => Topic::Hearing,
        Deed::Leaves { .. } | Deed::IsDisconnected => Topic::End,
    }
}

/// Whether a blank line separates two steps: what is said and what follows from it stay together, and so does what one
/// client does.
fn begins_paragraph(before: (Topic, Option<usize>), now: (Topic, Option<usize>)) -> bool {
    let is_same_client = before.1.is_some() && before.1 == now.1;
    match (before.0, now.0) {
        (Topic::Arrival, Topic::Arrival) | (_, Topic::Hearing | Topic::End) => false,
        (Topic::Arrival | Topic::Speech, Topic::Speech) => !is_same_client,
        _ => true,
    }
}

/// The line for what a client did.
fn step(actor: &str, deed: &Deed) -> String {
    match deed {
        Deed::Joins(name) if name == actor => format!("{actor} joins"),
        Deed::Joins(name) => format!("{actor} joins as {name}"),
        Deed::Connects => format!("{actor} connects"),
        Deed::Says(Speech::Message(message)) => match readable(message) {
            Some(text) => format!("{actor} > {text}"),
            None => format!("{actor} sends {}", quoted(&line(message))),
        },
        Deed::Says(Speech::Bytes(bytes)) => format!("{actor} sends {}", quoted(bytes)),
        Deed::Hears(message) => match readable(message) {
            Some(text) => match Utterance::of(text) {
                // The words of a status are the server's own choice.
                Utterance::Status { code, .. } => format!("{actor} < {code} ..."),
                _ if text == "..." || text.ends_with(" ...") => {
                    format!("{actor} hears {}", quoted(&line(message)))
                }
                _ => format!("{actor} < {text}"),
            },
            None => format!("{actor} hears {}", quoted(&line(message))),
        },
        Deed::HearsUnfinished(bytes) => format!(
            "# {actor} received {} without a line end, which a step cannot say.",
            quoted(bytes)
        ),
        Deed::Leaves { reset: false } => format!("{actor} closes"),
        Deed::Leaves { reset: true } => format!("{actor} resets"),
        Deed::IsDisconnected => format!("{actor} is disconnected"),
    }
}

fn line(message: &[u8]) -> Vec<u8> {
    [message, b"\n"].concat()
}

/// The text of a message that people can read after an arrow.
fn readable(message: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(message).ok()?;
    (text.chars().all(is_plain) && !text.ends_with(' ')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::event::EventKind;
    use super::*;
    use crate::transcript::parse;
    use proptest::prelude::*;

    fn recorded(events: &[(usize, EventKind)]) -> Recording {
        let mut recording = Recording::default();
        for (connection, kind) in events {
            recording.note(*connection, kind.clone()).expect("has room");
        }
        recording
    }

    fn said(text: &str) -> EventKind {
        EventKind::Said(text.as_bytes().to_vec())
    }

    fn heard(text: &str) -> EventKind {
        EventKind::Heard(text.as_bytes().to_vec())
    }

    const CLOSED: EventKind = EventKind::Left { reset: false };

    /// The steps of a transcript, checked to be what `conform fmt` writes.
    #[track_caller]
    fn written(recording: &Recording) -> String {
        let text = transcript(recording).expect("parses").expect("has steps");
        let steps = text.strip_prefix("#\ncovers\n\n").expect("has the head");
        let filled_in = format!("# A case.\ncovers S-REG-1\n\n{steps}");
        assert_eq!(format(&filled_in), Ok(filled_in.clone()));
        steps.to_owned()
    }

    fn joined(name: &str, connection: usize, end: &str) -> Vec<(usize, EventKind)> {
        vec![
            (connection, EventKind::Connected),
            (connection, said(&format!("REGISTER {name} CHAT/1.0{end}"))),
            (
                connection,
                heard(&format!("200 Registration successful{end}")),
            ),
        ]
    }

    #[test]
    fn a_chat_reads_as_a_transcript() {
        for end in ["\n", ""] {
            let message = |text: &str| format!("{text}{end}");
            let mut events = joined("alice", 0, end);
            events.extend(joined("Bob", 1, end));
            events.extend([
                (0, said(&message("@alice: hi"))),
                (1, heard(&message("@alice: hi"))),
                (1, said(&message("@Bob: hello"))),
                (0, heard(&message("@Bob: hello"))),
                (2, EventKind::Connected),
                (2, said(&message("REGISTER alice CHAT/1.0"))),
                (2, heard(&message("401 Client already registered"))),
                (2, EventKind::Disconnected),
                (1, said(&message("DISCONNECT Bob CHAT/1.0"))),
                (1, CLOSED),
                (0, EventKind::Left { reset: true }),
            ]);
            assert_eq!(
                written(&recorded(&events)),
                "\
alice joins
bob joins as Bob

alice > @alice: hi
bob   < @alice: hi

bob   > @Bob: hello
alice < @Bob: hello

aliceb connects
aliceb > REGISTER alice CHAT/1.0
aliceb < 401 ...
aliceb is disconnected

bob > DISCONNECT Bob CHAT/1.0
bob closes
alice resets
",
                "{end:?}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_line_are_sent_as_they_were() {
        let mut events = joined("al", 0, "\n");
        events.extend([
            (0, said("@al: he")),
            (0, said("llo\n@al: a\n")),
            (0, EventKind::Said(b"@al: \xff\n".to_vec())),
            (0, said("@al: end \n")),
            (0, said("@al: cr\r\n")),
            (0, said("\n")),
            (0, heard("...\n")),
            (0, heard("@al: and so on ...\n")),
            (0, heard("@al: \u{1b}[2J\n")),
            (0, heard("@al: is cut")),
        ]);
        assert_eq!(
            written(&recorded(&events)),
            r#"al joins
al sends "@al: he"
al sends "llo\n"
al > @al: a
al sends "@al: \xff\n"
al sends "@al: end \n"
al sends "@al: cr\r\n"
al >
al hears "...\n"
al hears "@al: and so on ...\n"
al hears "@al: \x1b[2J\n"
# al received "@al: is cut" without a line end, which a step cannot say.
"#
        );
    }

    #[test]
    fn somebody_who_comes_back_is_the_same_actor() {
        let mut events = joined("al", 0, "\n");
        events.push((0, CLOSED));
        events.extend(joined("al", 1, "\n"));
        assert_eq!(
            written(&recorded(&events)),
            "al joins\nal closes\n\nal joins\n"
        );
    }

    #[test]
    fn the_end_of_the_server_is_the_end_of_the_transcript() {
        let mut events = joined("al", 0, "\n");
        events.extend([
            (0, heard("DISCONNECT CHAT/1.0\n")),
            (0, EventKind::Disconnected),
        ]);
        let mut recording = recorded(&events);
        recording.server_ended();
        assert_eq!(
            written(&recording),
            "al joins\n\nserver is interrupted\nal < DISCONNECT CHAT/1.0\nal is disconnected\nserver ends\n"
        );
    }

    #[test]
    fn the_head_says_what_to_fill_in() {
        let text = transcript(&recorded(&joined("al", 0, "\n")));
        let text = text.expect("parses").expect("has steps");
        let errors = parse("", &text).expect_err("is not filled in");
        let errors: Vec<(usize, &str)> = errors
            .iter()
            .map(|error| (error.line, error.message.as_str()))
            .collect();
        assert_eq!(
            errors,
            [
                (1, "the sentence that says what must hold is missing"),
                (2, "`covers` names no requirement")
            ]
        );
    }

    #[test]
    fn nothing_makes_no_transcript() {
        assert_eq!(transcript(&Recording::default()), Ok(None));
    }

    fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            "REGISTER al CHAT/1.0",
            "REGISTER server CHAT/1.0",
            "200 Fine",
            "401",
            "@al: hi",
            "DISCONNECT CHAT/1.0",
            "DISCONNECT al CHAT/1.0",
            " ...",
            "\r",
            "\n",
            "\n",
            "5         ",
            "\"",
            "#",
        ]);
        let word = prop_oneof![
            4 => words.prop_map(|word| word.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 1..8),
        ];
        prop::collection::vec(word, 1..4).prop_map(|words| words.concat())
    }

    fn any_kind() -> impl Strategy<Value = EventKind> {
        prop_oneof![
            4 => any_bytes().prop_map(EventKind::Said),
            4 => any_bytes().prop_map(EventKind::Heard),
            1 => any::<bool>().prop_map(|reset| EventKind::Left { reset }),
            1 => Just(EventKind::Disconnected),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_can_be_written(
            events in prop::collection::vec((0..4_usize, any_kind()), 0..30),
            server_ends in any::<bool>(),
        ) {
            let mut recording = recorded(&[0, 1, 2, 3].map(|each| (each, EventKind::Connected)));
            for (connection, kind) in events {
                recording.note(connection, kind).expect("has room");
            }
            if server_ends {
                recording.server_ended();
            }
            written(&recording);
        }
    }
}
