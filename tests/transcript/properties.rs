//! Properties of every transcript, and of every text that is not one.

use chat_conformance::transcript::syntax::{Step, Transcript};
use chat_conformance::transcript::{format, parse, render};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn no_near_miss_makes_the_parser_panic(text in near_miss()) {
        check(&text)?;
    }

    #[test]
    fn formatting_keeps_the_meaning(text in transcript()) {
        let before = parse("", &text).map_err(|errors| fail(&text, &errors))?;
        let tidy = format(&text).map_err(|errors| fail(&text, &errors))?;
        let after = parse("", &tidy).map_err(|errors| fail(&tidy, &errors))?;
        prop_assert_eq!(without_places(before), without_places(after));
        prop_assert_eq!(comments(&text), comments(&tidy));
    }

    #[test]
    fn formatting_twice_changes_nothing(text in transcript()) {
        let once = format(&text).map_err(|errors| fail(&text, &errors))?;
        prop_assert_eq!(format(&once).ok(), Some(once));
    }

    #[test]
    fn formatted_text_is_tidy(text in transcript()) {
        let tidy = format(&text).map_err(|errors| fail(&text, &errors))?;
        prop_assert!(tidy.ends_with('\n') && !tidy.ends_with("\n\n"));
        prop_assert!(!tidy.starts_with('\n') && !tidy.contains("\n\n\n"));
    }

    #[test]
    fn a_step_knows_its_place(text in transcript()) {
        let transcript = parse("", &text).map_err(|errors| fail(&text, &errors))?;
        let lines: Vec<&str> = text.split('\n').collect();
        for step in transcript.steps {
            let from: String = lines[step.line - 1].chars().skip(step.column - 1).collect();
            let word = from.split([' ', '\t', '\r']).next().unwrap_or_default();
            prop_assert!(step.source.split(' ').any(|known| known == word), "{:?} in {:?}", word, step);
        }
    }
}

/// A text is either a transcript that can be formatted, or it has errors that can be drawn and
/// point into it.
fn check(text: &str) -> Result<(), TestCaseError> {
    match parse("name.chat", text) {
        Ok(transcript) => {
            let tidy = format(text).map_err(|errors| fail(text, &errors))?;
            let again = parse("", &tidy).map_err(|errors| fail(&tidy, &errors))?;
            prop_assert_eq!(without_places(transcript), without_places(again));
        }
        Err(errors) => {
            prop_assert!(!errors.is_empty());
            prop_assert!(errors.is_sorted_by_key(|error| (error.line, error.column)));
            let lines: Vec<&str> = text.split('\n').collect();
            for error in &errors {
                prop_assert!((1..=lines.len()).contains(&error.line), "{:?}", error);
                let width = lines[error.line - 1].chars().count();
                prop_assert!((1..=width + 1).contains(&error.column), "{:?}", error);
                prop_assert!(!error.label.is_empty(), "{:?}", error);
            }
            let drawn = render("name.chat", text, &errors, false);
            prop_assert_eq!(
                drawn.matches("error: ").count() >= errors.len(),
                true,
                "{}",
                drawn
            );
        }
    }
    Ok(())
}

fn fail(text: &str, errors: &[chat_conformance::transcript::Diagnostic]) -> TestCaseError {
    TestCaseError::fail(render("generated", text, errors, false))
}

fn without_places(mut transcript: Transcript) -> Transcript {
    let forget = |step: &mut Step| (step.line, step.column) = (0, 0);
    transcript.steps.iter_mut().for_each(forget);
    transcript
}

fn comments(text: &str) -> Vec<String> {
    let blank = [' ', '\t', '\r'];
    let lines = text.split('\n').map(|line| line.trim_matches(blank));
    lines
        .filter_map(|line| line.strip_prefix('#'))
        .map(|comment| comment.trim_start_matches(blank).to_owned())
        .collect()
}

/// Lines made of pieces of the language, in any order.
fn near_miss() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "alice",
        "bob",
        "server",
        "client",
        "user",
        "terminal",
        "another",
        "covers",
        "S-REG-1",
        "C-REG-1",
        "W-LINE-1",
        "joins",
        "connects",
        ">",
        "<",
        "sends",
        "hears",
        "nothing",
        "stops",
        "reading",
        "closes",
        "resets",
        "is",
        "disconnected",
        "interrupted",
        "terminated",
        "ends",
        "starts",
        "as",
        "at",
        "\"x\"",
        "\"\\n\"",
        "\"\\u{",
        "\\",
        "\"",
        "{host}",
        "\"{\"",
        "0",
        "1",
        "2",
        "99999999999",
        "times",
        "time",
        "second",
        "seconds",
        "pass",
        "passes",
        "prints",
        "its",
        "port",
        "grows",
        "by",
        "most",
        "16",
        "MiB",
        "types",
        "presses",
        "Ctrl-C",
        "sees",
        "an",
        "error",
        "a",
        "notice",
        "never",
        "gets",
        "#",
        "...",
        "é",
        "\u{a0}",
        "“",
        "\r",
    ]);
    let gap = prop::sample::select(vec![" ", " ", " ", "  ", "\t", ""]);
    let line = vec((piece, gap), 0..6).prop_map(|pieces| {
        pieces
            .into_iter()
            .map(|(piece, gap)| format!("{piece}{gap}"))
            .collect()
    });
    let opening = prop::sample::select(vec![
        "",
        "# A sentence.\ncovers S-REG-1\nalice joins\nbob joins\n",
        "# A sentence.\ncovers C-REG-1\nclient starts as alice\n",
        "# A sentence.\ncovers P-1\nalice starts\nbob starts\n",
    ]);
    (opening, vec(line, 0..8))
        .prop_map(|(opening, lines): (_, Vec<String>)| opening.to_owned() + &lines.join("\n"))
}

/// A valid transcript in any layout.
fn transcript() -> impl Strategy<Value = String> {
    let server = (
        Just("covers S-REG-1 W-LINE-1\nalice joins\nbob joins as heir"),
        lines(server_step()),
    );
    let client = (
        Just("covers C-REG-1 W-LINE-1\nclient starts as alice"),
        lines(client_step()),
    );
    let pair = (
        Just("covers P-1 P-12\nalice starts as B-2_c\nbob starts"),
        lines(pair_step()),
    );
    let ends = prop_oneof![Just("\n"), Just("\r\n")];
    (
        lines(comment()),
        prop_oneof![server, client, pair],
        ends,
        any::<bool>(),
    )
        .prop_map(|(comments, (head, steps), end, ended)| {
            let text = format!("# A sentence.\n{comments}{head}\n{steps}# The end.");
            let text = text.replace('\n', end);
            if ended { text + end } else { text }
        })
}

fn lines(line: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let line = prop_oneof![4 => line, 1 => Just(String::new()), 1 => comment()];
    vec(line.prop_map(|line| line + "\n"), 0..8).prop_map(|lines| lines.concat())
}

fn comment() -> impl Strategy<Value = String> {
    "[ \t]{0,2}#[ \t]{0,2}[^\n\r]{0,9}"
}

fn server_step() -> impl Strategy<Value = String> {
    let actor = prop::sample::select(vec!["alice", "bob"]);
    let fixed = prop::sample::select(vec![
        "server prints its port",
        "another server starts",
        "server is interrupted",
        "server is terminated",
        "server grows by at most 1024 KiB",
        "1 second passes",
        "007 seconds pass",
        "erin joins",
        "carol connects 3 times",
        "dave connects 1 time",
    ]);
    let acts = prop::sample::select(vec!["joins", "connects", "hears nothing", "joins as B-2_c"]);
    prop_oneof![
        3 => speech(actor.clone().boxed()),
        2 => moved(actor.clone().boxed()),
        1 => spaced(fixed.prop_map(str::to_owned).boxed()),
        1 => spaced((actor, acts).prop_map(|(actor, acts)| format!("{actor} {acts}")).boxed()),
    ]
}

fn pair_step() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "alice < @bob: hi ...",
        "bob sees an error",
        "bob sees a notice",
        "alice types \"hel\"",
        "server is interrupted",
        "12 seconds pass",
    ]);
    spaced(fixed.prop_map(str::to_owned).boxed())
}

fn client_step() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "server hears nothing",
        "user < @bob: hi ...",
        "user presses Ctrl-C",
        "user presses Ctrl-D",
        "user sees an error",
        "user sees a notice",
        "client is terminated",
        "client grows by at most 16 MiB",
        "12 seconds pass",
    ]);
    let quoted = literal().prop_map(|text| format!("terminal never gets \"{text}\""));
    prop_oneof![
        3 => speech(Just("server").boxed()),
        2 => moved(Just("server").boxed()),
        2 => spaced(fixed.prop_map(str::to_owned).boxed()),
        1 => quoted,
    ]
}

/// `alice > ...`, `alice < ...`: the text may be anything without a line end.
fn speech(actor: BoxedStrategy<&'static str>) -> impl Strategy<Value = String> {
    let said = prop_oneof![
        "[^\n\r]{0,12}",
        "[ .a]{0,6}( \\.\\.\\.)?",
        Just("a\rb".to_owned())
    ];
    (actor, gap(), prop_oneof![Just(">"), Just("<")], said)
        .prop_map(|(actor, gap, arrow, said)| format!("{actor}{gap}{arrow} {said}"))
}

/// `alice sends "..." 3 times`, `alice hears "...\n" 3 times`.
fn moved(actor: BoxedStrategy<&'static str>) -> impl Strategy<Value = String> {
    let verb = prop_oneof![Just(("sends", "")), Just(("hears", "\\n"))];
    let times = prop_oneof![Just(""), Just("1 time"), Just("3 times"), Just("100 times")];
    (actor, gap(), verb, literal(), gap(), times).prop_map(
        |(actor, gap, (verb, end), text, wide, times)| {
            format!("{actor}{gap}{verb}{wide}\"{text}{end}\"{gap}{times}")
        },
    )
}

/// Contents of a quoted string.
fn literal() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[^\n\r\"\\\\]",
        prop::sample::select(vec![
            "\\n", "\\r", "\\t", "\\0", "\\\\", "\\\"", "\\x1b", "\\u{e9}", "# "
        ])
        .prop_map(str::to_owned),
    ];
    vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

/// The same words with other spacing.
fn spaced(line: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    (line, gap()).prop_map(|(line, gap)| {
        let words: Vec<&str> = line.split(' ').collect();
        words.join(&gap) + &gap
    })
}

fn gap() -> impl Strategy<Value = String> {
    "[ \t]{1,3}"
}
