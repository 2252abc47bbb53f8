//! The meaning of each line of a transcript.

use chat_conformance::transcript::syntax::{Action, Key, MessageKind, Role, Step, Transcript};
use chat_conformance::transcript::{parse, render};

/// Parses `source`.
fn parsed(source: &str) -> Transcript {
    parse("test.chat", source)
        .unwrap_or_else(|errors| panic!("{}", render("test.chat", source, &errors, false)))
}

/// The headlines of the errors in `source`.
fn errors(source: &str) -> Vec<String> {
    let errors = parse("test.chat", source).expect_err("a fault");
    errors.into_iter().map(|error| error.message).collect()
}

/// The last step of a server transcript in which alice is registered.
fn server_step(line: &str) -> Step {
    last_step(&format!(
        "# A sentence.\ncovers S-REG-1\n\nalice joins\n{line}\n"
    ))
}

/// The last step of a client transcript.
fn client_step(line: &str) -> Step {
    last_step(&format!(
        "# A sentence.\ncovers C-REG-1\n\nclient starts as alice\n{line}\n"
    ))
}

fn last_step(source: &str) -> Step {
    parsed(source).steps.pop().expect("a step")
}

fn alice() -> String {
    "alice".into()
}

#[test]
fn a_whole_transcript() {
    let source = "\
# A name in use is refused,
# and its first holder keeps it.
covers S-REG-5 S-REG-7

alice joins

# Only a comment.
impostor\tconnects
impostor >  REGISTER  alice CHAT/1.0 
impostor   < 401 ...
";
    let step = |line, column, source: &str, action| Step {
        line,
        column,
        source: source.into(),
        action,
    };
    let impostor = || "impostor".to_owned();
    let expected = Transcript {
        sentence: "A name in use is refused, and its first holder keeps it.".into(),
        covers: vec!["S-REG-5".into(), "S-REG-7".into()],
        role: Role::Server,
        steps: vec![
            step(
                5,
                7,
                "alice joins",
                Action::Joins {
                    actor: alice(),
                    name: alice(),
                },
            ),
            step(
                8,
                10,
                "impostor connects",
                Action::Connects {
                    actor: impostor(),
                    times: 1,
                },
            ),
            step(
                9,
                10,
                "impostor >  REGISTER  alice CHAT/1.0 ",
                Action::Says {
                    actor: impostor(),
                    line: " REGISTER  alice CHAT/1.0 ".into(),
                },
            ),
            step(
                10,
                12,
                "impostor < 401 ...",
                Action::Gets {
                    actor: impostor(),
                    line: "401".into(),
                    open_ended: true,
                },
            ),
        ],
    };
    assert_eq!(parsed(source), expected);
    assert_eq!(parsed(&source.replace('\n', "\r\n")), expected);
    assert_eq!(parsed(&format!("\u{feff}{source}")), expected);
    assert_eq!(parsed(source.trim_end_matches('\n')), expected);
}

#[test]
fn steps_of_chat_users() {
    let actor = alice;
    let bytes = |text: &str| text.as_bytes().to_vec();
    let cases = [
        (
            "alice joins as heir",
            Action::Joins {
                actor: actor(),
                name: "heir".into(),
            },
        ),
        (
            "alice connects 300 times",
            Action::Connects {
                actor: actor(),
                times: 300,
            },
        ),
        (
            "alice connects 1 time",
            Action::Connects {
                actor: actor(),
                times: 1,
            },
        ),
        (
            r#"alice sends "hel""#,
            Action::Sends {
                actor: actor(),
                bytes: bytes("hel"),
                times: 1,
            },
        ),
        (
            r#"alice sends "x" 1048576 times"#,
            Action::Sends {
                actor: actor(),
                bytes: bytes("x"),
                times: 1_048_576,
            },
        ),
        (
            r#"alice hears "wave\n" 8000 times"#,
            Action::Hears {
                actor: actor(),
                bytes: bytes("wave\n"),
                times: 8000,
            },
        ),
        (
            "alice hears nothing",
            Action::HearsNothing { actor: actor() },
        ),
        (
            "alice stops reading",
            Action::StopsReading { actor: actor() },
        ),
        ("alice closes", Action::Closes { actor: actor() }),
        ("alice resets", Action::Resets { actor: actor() }),
        (
            "alice is disconnected",
            Action::IsDisconnected { actor: actor() },
        ),
        ("4 seconds pass", Action::Pass { seconds: 4 }),
        ("1 second passes", Action::Pass { seconds: 1 }),
        ("server prints its port", Action::PrintsItsPort),
        ("another server starts", Action::AnotherStarts),
        ("server is interrupted", Action::IsInterrupted),
        ("server is terminated", Action::IsTerminated),
        (
            "server ends",
            Action::Ends {
                actor: "server".into(),
            },
        ),
        (
            "server grows by at most 16 MiB",
            Action::GrowsByAtMost { bytes: 16 << 20 },
        ),
        (
            "server grows by at most 512 KiB",
            Action::GrowsByAtMost { bytes: 512 << 10 },
        ),
    ];
    for (line, action) in cases {
        let step =
            server_step(&format!("  {}\t", line.replace(' ', " \t ")).replace("wave \t", "wave"));
        assert_eq!(step.source, line.to_owned());
        assert_eq!(step.action, action, "{line}");
    }
}

#[test]
fn steps_against_a_client() {
    let server = || "server".to_owned();
    let user = || "user".to_owned();
    let cases = [
        (
            "server > 200 OK",
            Action::Says {
                actor: server(),
                line: "200 OK".into(),
            },
        ),
        (
            "server < REGISTER alice CHAT/1.0",
            Action::Gets {
                actor: server(),
                line: "REGISTER alice CHAT/1.0".into(),
                open_ended: false,
            },
        ),
        (
            r#"server sends "\x00""#,
            Action::Sends {
                actor: server(),
                bytes: vec![0],
                times: 1,
            },
        ),
        (
            r#"server hears "a\nb\n""#,
            Action::Hears {
                actor: server(),
                bytes: b"a\nb\n".into(),
                times: 1,
            },
        ),
        (
            "server hears nothing",
            Action::HearsNothing { actor: server() },
        ),
        ("server closes", Action::Closes { actor: server() }),
        ("server resets", Action::Resets { actor: server() }),
        (
            "server is disconnected",
            Action::IsDisconnected { actor: server() },
        ),
        (
            r#"user types "lo\n""#,
            Action::Types {
                actor: user(),
                text: "lo\n".into(),
            },
        ),
        (
            "user presses Ctrl-C",
            Action::Presses {
                actor: user(),
                key: Key::CtrlC,
            },
        ),
        (
            "user presses Ctrl-D",
            Action::Presses {
                actor: user(),
                key: Key::CtrlD,
            },
        ),
        (
            "user < @bob: hi",
            Action::Gets {
                actor: "user".into(),
                line: "@bob: hi".into(),
                open_ended: false,
            },
        ),
        (
            "user sees an error",
            Action::SeesMessage {
                actor: user(),
                kind: MessageKind::Error,
            },
        ),
        (
            "user sees a notice",
            Action::SeesMessage {
                actor: user(),
                kind: MessageKind::Notice,
            },
        ),
        (
            r#"terminal never gets "\x1b[2J""#,
            Action::TerminalNeverGets {
                bytes: b"\x1b[2J".into(),
            },
        ),
        ("client is terminated", Action::IsTerminated),
        (
            "client ends",
            Action::Ends {
                actor: "client".into(),
            },
        ),
        (
            "client grows by at most 16 MiB",
            Action::GrowsByAtMost { bytes: 16 << 20 },
        ),
        ("31 seconds pass", Action::Pass { seconds: 31 }),
    ];
    for (line, action) in cases {
        let step = client_step(line);
        assert_eq!(step.source, line.to_owned());
        assert_eq!(step.action, action, "{line}");
    }
}

#[test]
fn a_pause() {
    let source = "# A sentence.\ncovers S-MSG-1\nalice joins\nserver is paused\nalice > hi\n\
                  alice closes\nserver goes on\nserver ends\n";
    let steps = parsed(source).steps;
    assert_eq!(steps[1].action, Action::IsPaused);
    assert_eq!(steps[4].action, Action::GoesOn);
    let source = "# A sentence.\ncovers C-MSG-3\nclient starts as alice\nclient is paused\nserver > hi\n\
                  user types \"hi\\n\"\nuser presses Ctrl-C\nclient goes on\n";
    let steps = parsed(source).steps;
    assert_eq!(steps[1].action, Action::IsPaused);
    assert_eq!(steps[5].action, Action::GoesOn);
}

#[test]
fn steps_of_people() {
    let alice = || "alice".to_owned();
    let source =
        |step: &str| format!("# A sentence.\ncovers P-1\nzoe starts\nalice starts\n{step}\n");
    for (line, action) in [
        (
            "impostor starts as alice",
            Action::PersonStarts {
                actor: "impostor".into(),
                name: alice(),
            },
        ),
        (
            "bob starts",
            Action::PersonStarts {
                actor: "bob".into(),
                name: "bob".into(),
            },
        ),
        (
            r#"alice types "hi\n""#,
            Action::Types {
                actor: alice(),
                text: "hi\n".into(),
            },
        ),
        (
            "alice < @zoe: hi",
            Action::Gets {
                actor: alice(),
                line: "@zoe: hi".into(),
                open_ended: false,
            },
        ),
        (
            "alice presses Ctrl-C",
            Action::Presses {
                actor: alice(),
                key: Key::CtrlC,
            },
        ),
        (
            "alice sees a notice",
            Action::SeesMessage {
                actor: alice(),
                kind: MessageKind::Notice,
            },
        ),
        ("alice ends", Action::Ends { actor: alice() }),
        ("server is interrupted", Action::IsInterrupted),
        (
            "server ends",
            Action::Ends {
                actor: "server".into(),
            },
        ),
    ] {
        let transcript = parse("pair", &source(line)).expect(line);
        assert_eq!(transcript.role, Role::Pair);
        assert_eq!(transcript.steps[2].source, line);
        assert_eq!(transcript.steps[2].action, action, "{line}");
    }
}

/// `client` is the program under test, and its steps have a word for each mistake.
#[test]
fn a_misspelt_client_is_not_a_person() {
    let source = "# A sentence.\ncovers C-REG-1\n\nclinet starts as alice\n";
    let errors = parse("client", source).expect_err("is misspelt");
    let message = render("client", source, &errors, false);
    assert!(message.contains("did you mean `client`?"), "{message}");
}

#[test]
fn a_client_is_started_with_an_address() {
    let start = |line: &str| {
        let transcript = parsed(&format!("# A sentence.\ncovers C-ARG-1\n{line}\n"));
        assert_eq!(transcript.role, Role::Client);
        transcript.steps.into_iter().next().expect("a step").action
    };
    let client = |address: &str| Action::ClientStarts {
        name: alice(),
        address: address.into(),
    };
    assert_eq!(
        start("client starts as alice"),
        client("chat://{host}:{port}")
    );
    for address in [
        "http://{host}:{port}",
        "chat://{host}:{unused}",
        "chat://{host}",
        "",
    ] {
        let line = format!("client starts as alice at \"{address}\"");
        assert_eq!(start(&line), client(address));
    }
}

#[test]
fn the_text_after_an_arrow_follows_one_blank() {
    let said = |line: &str| match server_step(line).action {
        Action::Says { line, .. } => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(said("alice >"), "");
    assert_eq!(said("alice > "), "");
    assert_eq!(said("alice >  "), " ");
    assert_eq!(said("alice >\t\t# \"x\\n ...  "), "\t# \"x\\n ...  ");
    assert_eq!(said("alice > a\rb\r"), "a\rb");
    assert_eq!(said("alice > > é\u{a0}"), "> é\u{a0}");
}

#[test]
fn three_dots_make_a_line_open_ended() {
    let got = |line: &str| match server_step(line).action {
        Action::Gets {
            line, open_ended, ..
        } => (line, open_ended),
        other => panic!("{other:?}"),
    };
    assert_eq!(got("alice < 200 ..."), ("200".into(), true));
    assert_eq!(got("alice < ..."), (String::new(), true));
    assert_eq!(got("alice <  ..."), (String::new(), true));
    assert_eq!(got("alice < 200  ..."), ("200 ".into(), true));
    assert_eq!(got("alice < 200..."), ("200...".into(), false));
    assert_eq!(got("alice < 200 ... "), ("200 ... ".into(), false));
    assert_eq!(got("alice <"), (String::new(), false));
}

#[test]
fn escapes_stand_for_bytes() {
    let Action::Sends { bytes, .. } =
        server_step(r#"alice sends "\n\r\t\0\\\"\xfF\u{e9}é\u{1F600}""#).action
    else {
        panic!("not sent");
    };
    assert_eq!(bytes, b"\n\r\t\0\\\"\xff\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80");
}

#[test]
fn a_step_has_limits() {
    let with = |line: &str| format!("# A sentence.\ncovers S-REG-1\nalice joins\n{line}\n");
    parsed(&with(r#"alice sends "x" 16777216 times"#));
    for line in [
        r#"alice sends "x" 16777217 times"#,
        r#"alice sends "xy" 8388609 times"#,
        r#"alice sends "x" 99999999999999999999 times"#,
        r#"alice hears "\n" 16777217 times"#,
        "alice connects 10001 times",
        "601 seconds pass",
    ] {
        assert_eq!(errors(&with(line)), ["the number is too big"], "{line}");
    }
    for line in [
        r#"alice sends "x" 0 times"#,
        "alice connects 00 times",
        "0 seconds pass",
    ] {
        assert_eq!(errors(&with(line)), ["the number is zero"], "{line}");
    }
}

#[test]
fn lines_can_be_received_after_the_end() {
    parsed(
        "# A sentence.\ncovers S-SHUT-2\nalice joins\nserver is interrupted\nserver ends\n\
         alice < DISCONNECT CHAT/1.0\nalice hears nothing\nalice is disconnected\n",
    );
    parsed(
        "# A sentence.\ncovers C-QUIT-2\nclient starts as alice\nuser presses Ctrl-C\nclient ends\n\
         server < DISCONNECT alice CHAT/1.0\nserver is disconnected\nuser sees a notice\n",
    );
}

#[test]
fn actors_can_reconnect() {
    parsed(
        "# A sentence.\ncovers S-DISC-5\nalice joins\nalice closes\nalice joins\nalice resets\n\
         alice connects\nalice is disconnected\nalice hears nothing\nalice joins\nalice > hi\n\
         crowd connects 300 times\ncrowd closes\ncrowd connects 300 times\ncrowd resets\n\
         crowd joins\ncrowd > hi\n",
    );
}

#[test]
fn one_error_is_reported_once() {
    let head = "# A sentence.\ncovers S-REG-1\n";
    for line in [
        "alice jions",
        "Alice joins",
        "alice connects 0 times",
        "alice connects \"",
        "alice\"joins\"",
    ] {
        let source = format!("{head}{line}\nalice > hi\nalice < hi\nbob joins\n");
        assert_eq!(errors(&source).len(), 1, "{line}: {:?}", errors(&source));
    }
    for line in [
        "client start as alice",
        "clinet starts as alice",
        "client starts as",
        "client stats \"",
    ] {
        let source = format!("# A sentence.\ncovers C-REG-1\n{line}\nserver > 200 OK\nuser < hi\n");
        assert_eq!(errors(&source).len(), 1, "{line}: {:?}", errors(&source));
    }
}

#[test]
fn a_transcript_has_limits() {
    let head = "# A sentence.\ncovers S-REG-1\n";
    let actor = |number: usize| -> String {
        let letter = |digit: usize| char::from(b'a' + u8::try_from(digit % 26).expect("small"));
        [
            "x".to_owned(),
            letter(number / 26).to_string(),
            letter(number).to_string(),
        ]
        .concat()
    };
    let joining = |count: usize| -> String {
        let actors = (0..count).map(|number| format!("{} joins\n", actor(number)));
        actors.collect()
    };
    let pausing = |count: usize| "1 second passes\n".repeat(count);
    let ids: String = (1..=101).map(|number| format!(" S-REG-{number}")).collect();
    let too_much = "the number is too big";
    for (text, fault) in [
        (format!("{head}{}", joining(100)), None),
        (
            format!("{head}{}", joining(101)),
            Some("the transcript has too many actors"),
        ),
        (
            format!("{head}{}", joining(150)),
            Some("the transcript has too many actors"),
        ),
        (format!("{head}{}", "alice joins\n".repeat(2000)), None),
        (
            format!("{head}{}", "alice joins\n".repeat(2001)),
            Some("the transcript has too many steps"),
        ),
        (
            format!("# A sentence.\ncovers{ids}\nalice joins\n"),
            Some("the transcript covers too many requirements"),
        ),
        (
            format!("{head}{}\n", "x".repeat(256 * 1024)),
            Some("the transcript is too long"),
        ),
        (format!("{head}{} joins\n", "x".repeat(64)), None),
        (format!("{head}{}", pausing(600)), None),
        (format!("{head}{}", pausing(601)), Some(too_much)),
        (format!("{head}{}", pausing(700)), Some(too_much)),
        (
            format!("{head}alice connects 9000 times\nbob connects 1001 times\n"),
            Some(too_much),
        ),
        (
            format!(
                "{head}alice joins\n{}",
                "alice sends \"x\" 16777216 times\n".repeat(5)
            ),
            Some(too_much),
        ),
    ] {
        let shown = &text[..text.len().min(200)];
        match fault {
            None => assert!(parse("a.chat", &text).is_ok(), "{shown}"),
            Some(fault) => assert_eq!(errors(&text), [fault], "{shown}"),
        }
    }
    let long = errors(&format!("{head}{} joins\n", "x".repeat(65)));
    assert!(long[0].ends_with("is not a valid actor name"), "{long:?}");
}

/// Whatever a file within the limits contains, it is parsed, formatted and reported quickly.
#[test]
fn no_transcript_takes_long_or_gives_a_long_report() {
    use chat_conformance::transcript::{LONGEST, format, render};
    use rustix::time::{ClockId, clock_gettime};
    let head = "# A sentence.\ncovers S-REG-1\nalice joins\n";
    let filled = |text: &str| {
        let text = text.repeat((LONGEST - head.len()) / text.len());
        std::format!("{head}{text}")
    };
    let mut numbered = head.to_owned();
    for number in 0.. {
        let line = std::format!(
            "x{} > hi\n",
            "abcdefghij".chars().nth(number % 10).expect("one")
        );
        if numbered.len() + line.len() > LONGEST {
            break;
        }
        numbered += &line;
    }
    let far = std::format!("{head}{}alice closes\nalice > hi\n", filled("\n"));
    let far = &far[far.len() - LONGEST..];
    for text in [
        filled("x"),
        filled("x\n"),
        filled("x "),
        filled("\n"),
        filled("# x\n"),
        filled("\u{1b}\n"),
        filled("\u{80}"),
        filled("covers S-REG-1\n"),
        filled("coverz S-REG-1\n"),
        filled("alice jions\n"),
        filled("alice > \u{2028}\n"),
        filled("bob sends \"\\u{110000}\"\n"),
        filled("alice sends \"x\" \"y\" "),
        std::format!("{head}alice sends \"{}\"\n", "\\x41".repeat(60_000)),
        std::format!("{head}alice sends \"{}", "x".repeat(200_000)),
        std::format!("{head}alice closes\n{}alice > hi\n", "\n".repeat(250_000)),
        std::format!(
            "# A sentence.\ncovers{}\nalice joins\n",
            " S-REG-1".repeat(30_000)
        ),
        std::format!(
            "# A sentence.\ncovers{}\nalice joins\n",
            " x".repeat(120_000)
        ),
        numbered,
        far.to_owned(),
    ] {
        let begun = clock_gettime(ClockId::ThreadCPUTime);
        let shown: String = text.chars().skip(head.len()).take(40).collect();
        if let Err(diagnostics) = format(&text) {
            let drawn = render("a.chat", &text, &diagnostics, true);
            assert!(drawn.len() < 64 * 1024, "{shown}: {} bytes", drawn.len());
        }
        let took = clock_gettime(ClockId::ThreadCPUTime) - begun;
        // Measured in processor time, so that other programs on the machine do not matter.
        assert!(took.tv_sec < 2, "{shown}: {took:?}");
    }
}
