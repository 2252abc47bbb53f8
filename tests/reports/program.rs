//! The report on one program at a terminal: its failures, its requirements, and its root cause.

use chat_conformance::conformance::judge::result::{RunResult, Verdict};
use chat_conformance::report::Style;
use chat_conformance::report::terminal::program::render;
use chat_conformance::report::terminal::{failure, summary};

use crate::recorded::{self, client, good, hostile, server};
use crate::{COLOURED, PLAIN, assert_fits, assert_has, uncoloured, unseen};

fn failures(result: &RunResult) -> String {
    failure::render(result, PLAIN)
}

fn line<'a>(shown: &'a str, id: &str) -> &'a str {
    let of_id = |line: &&str| line.trim_start().starts_with(id);
    let lines = shown
        .lines()
        .skip_while(|line| !line.contains("requirements ━"));
    lines.clone().find(of_id).expect("the line is there")
}

#[test]
fn a_server_that_ends_at_once() {
    insta::assert_snapshot!(render(&recorded::ends_at_once(), PLAIN));
}

#[test]
fn a_server_with_several_faults() {
    insta::assert_snapshot!(render(&server(), PLAIN));
}

#[test]
fn a_server_that_passes() {
    insta::assert_snapshot!(render(&good(), PLAIN));
}

#[test]
fn a_failure_shows_the_requirement_and_the_line_that_failed() {
    assert_has(
        &failures(&server()),
        &[
            "━━ ✗ S-REG-5 fails (must) ━━",
            "The server answers a registration under a name in use with status 401, and the\n",
            "Assignment says:  “If the user name given during registration",
            "What to look at:  Look the name up",
            "\nserver/registration/refused\n  A name in use is refused, and its first holder",
            "  This says nothing about S-REG-7: blocked by S-REG-5.\n",
            "     8 | impostor > REGISTER alice CHAT/1.0\n",
            "  >  9 | impostor < 401 ...\n       |          ^ failed here\n",
            "  expected  401 ...\n  received  200 Registration successful\n",
            "    ├─────────────────────>│    (connects)\n",
            "✗ not what line 9 expects\n",
        ],
    );
}

#[test]
fn a_difference_in_a_line_is_marked_to_the_character() {
    assert_has(
        &failures(&server()),
        &[
            "  expected  @alice: two  spaces, and a tail\n",
            "  received  @alice: two spaces, and a tail\n",
            "                        ^ missing here\n",
        ],
    );
}

#[test]
fn a_crash_is_in_the_conversation() {
    assert_has(
        &failures(&server()),
        &[
            "━━ ✗ S-DISC-5 fails (implied) ━━",
            "(prints 6 lines, see below)",
            "(closes the connection)",
            "(ends: exit status 1)",
            "✗ line 8: no connection: Connection refused",
            " s  printed:\n    Traceback (most recent call last):\n      File",
            "    ConnectionResetError: [Errno 104] Connection reset by peer\n",
        ],
    );
}

#[test]
fn a_blocking_failure_that_no_requirement_shows_is_shown_at_the_end() {
    const SEEN: &str = "  Expected the line `401 ...`, got: the line `200";
    let mut result = server();
    assert!(!failures(&result).contains(SEEN));
    let is_kept = |verdict| verdict == Verdict::Blocked;
    result.transcripts.retain(|judged| is_kept(judged.verdict));
    let shown = failures(&result);
    assert!(shown.contains(SEEN), "{shown}");
}

#[test]
fn what_is_blocked_is_counted_and_what_is_unsure_is_explained() {
    assert_has(
        &failures(&server()),
        &[
            "– blocked by S-REG-5: 2 transcripts\n  server/registration/refused-is-not-heard",
            "? unsure: server/hardening/other-name\n",
            "  The harness could not do its part: the system refused a second",
            "? unsure: server/starting/port-printed\n",
            "  It fails in 1 of 3 runs: line 4: expected the server to print its",
        ],
    );
}

#[test]
fn a_client_stands_between_its_user_and_the_server() {
    assert_has(
        &failures(&client()),
        &[
            "     time  user  client  server\n",
            "    ├─────>│       │    (types \"hel\")\n",
            "    │      │<──────┤    @bob: hi\n",
            "    │      ├──────>│    @alice: lo\n",
            "             │      │       ✗    ✗ not what line 12 expects\n",
        ],
    );
}

#[test]
fn a_correct_program_has_no_failures() {
    assert_eq!(failures(&good()), "");
}

#[test]
fn a_group_with_a_failure_lists_every_requirement_with_its_verdict() {
    let shown = render(&server(), PLAIN);
    for (id, words) in [
        ("S-REG-1", "✓ pass      must"),
        ("S-REG-5", "✗ fail      must"),
        ("S-REG-7", "– blocked   must"),
        ("S-PORT-2", "? unsure"),
        ("S-MSG-6", "· untested  implied"),
        ("S-HARD-7", "(hardening)"),
    ] {
        assert!(line(&shown, id).contains(words), "{id}\n{shown}");
    }
    for words in ["blocked by S-REG-5\n", "in server/registration/refused\n"] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
}

#[test]
fn a_group_that_passes_is_one_line() {
    let shown = render(&good(), PLAIN);
    let line = shown.lines().find(|line| line.starts_with("Registration "));
    assert!(
        line.is_some_and(|line| line.contains("✓ 3 of 3 pass")),
        "{shown}"
    );
    assert!(!shown.contains("S-REG-1"), "{shown}");
}

#[test]
fn hardening_is_counted_apart() {
    let shown = summary::totals(&server(), PLAIN).replace("\n  ", " ");
    for total in [
        "✗ 5 of 10 requirements pass (3 of 7 must, 2 of 3 implied); \
         3 failed, 1 blocked, 1 unsure, 1 untested.",
        "not counted): 1 of 2 passes; 1 unsure.",
        "14 transcripts in 4.2 s.",
    ] {
        assert!(shown.contains(total), "{total}\n{shown}");
    }
    let shown = summary::totals(&good(), PLAIN);
    assert!(shown.contains("✓ 10 of 10 requirements pass"), "{shown}");
}

#[test]
fn a_single_fault_is_no_root_cause() {
    assert!(render(&recorded::ends_at_once(), PLAIN).contains("start here"));
    for result in [server(), good()] {
        assert!(!render(&result, PLAIN).contains("start here"));
    }
}

#[test]
fn it_fits_the_terminal() {
    for width in [72, 80, 120] {
        let style = Style { width, ..PLAIN };
        for result in [server(), client(), hostile()] {
            assert_fits(&failure::render(&result, style), width);
        }
    }
    for width in [60, 80, 100, 160] {
        let style = Style { width, ..PLAIN };
        assert_fits(&summary::table(&server(), style), width);
        assert_fits(&summary::totals(&server(), style), width);
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let shown = render(&server(), COLOURED);
    assert!(shown.contains("\x1b["));
    assert_eq!(uncoloured(&shown), render(&server(), PLAIN));
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    let hostile_end = recorded::with_output(recorded::ends_at_once(), recorded::HOSTILE);
    for (result, words) in [(hostile(), "\\x1b[2J"), (hostile_end, "evil")] {
        let shown = render(&result, PLAIN);
        assert!(shown.contains(words), "{shown}");
        assert_eq!(unseen(&shown), None, "{shown:?}");
    }
}
