//! `conform list` and `conform explain`, on the small suite.

use chat_conformance::conformance::suite::Case;
use chat_conformance::conformance::suite::requirement::Requirement;
use chat_conformance::report::terminal::{explain, list};

use crate::recorded::{HOSTILE, SUITE, requirements};
use crate::{assert_fits, unseen};

fn refused() -> Case {
    let mut cases = SUITE.cases.iter();
    let refused = cases.find(|case| case.name.ends_with("/refused"));
    refused.expect("is in the suite").clone()
}

fn name_in_use() -> Requirement {
    let mut requirements = requirements().into_iter();
    let found = requirements.find(|requirement| requirement.id == "S-REG-5");
    found.expect("is in the suite")
}

#[test]
fn each_requirement_has_its_transcripts_below_it() {
    let shown = list::render(&SUITE.requirements, &SUITE.cases);
    let both = "\n          server/broadcast/to-others\n          server/broadcast/unchanged\n";
    for part in [
        "S-MSG-1   must       The server relays a message",
        both,
        "\n15 requirements, 16 transcripts.\n",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}

#[test]
fn a_requirement_without_a_transcript_cannot_be_overlooked() {
    let shown = list::render(&SUITE.requirements, &SUITE.cases);
    let missing = "          ✗ no transcript tests it\n";
    assert!(shown.contains(missing), "{shown}");
    let end = "✗ 1 without a transcript: S-MSG-6\n";
    assert!(shown.ends_with(end), "{shown}");
    let covered = list::render(&[name_in_use()], &[refused()]);
    assert!(!covered.contains("no transcript tests"), "{covered}");
}

#[test]
fn an_unknown_id_is_reported() {
    let mut case = refused();
    case.transcript.covers.push("S-REG-99".to_owned());
    let shown = list::render(&requirements(), &[case]);
    let unknown = "server/registration/refused covers S-REG-99";
    assert!(shown.contains(unknown), "{shown}");
}

#[test]
fn a_requirement_has_its_words_its_advice_and_its_transcripts() {
    let page = explain::requirement(&name_in_use(), &[&refused()]);
    for part in [
        "S-REG-5 (must",
        "The server answers a registration under a name in use with status 401",
        "Assignment says:  “",
        "What to look at:  Look the name up",
        "  server/registration/refused\n    A name in use is refused",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert_fits(&page, 80);
    let page = explain::requirement(&name_in_use(), &[]);
    assert!(page.contains("✗ No transcript tests it."), "{page}");
}

#[test]
fn a_transcript_has_its_text_and_what_it_judges() {
    let page = explain::transcript(&refused(), &requirements());
    for part in [
        "    impostor > REGISTER alice CHAT/1.0\n",
        "  S-REG-5 (must",
        "  S-REG-7 (must",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let page = explain::transcript(&refused(), &[]);
    let unknown = "  S-REG-5: ✗ there is no such requirement\n";
    assert!(page.contains(unknown), "{page}");
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    let mut case = refused();
    HOSTILE.clone_into(&mut case.source);
    HOSTILE.clone_into(&mut case.name);
    case.transcript.covers = vec![HOSTILE.to_owned()];
    let requirements = requirements();
    let pages = [
        explain::transcript(&case, &requirements),
        explain::requirement(&requirements[0], &[&case]),
        list::render(&requirements, &[case]),
    ];
    for page in pages {
        assert_eq!(unseen(&page), None, "{page:?}");
    }
}
