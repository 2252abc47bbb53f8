//! What a replay does differently for the requirements that its transcript is about.

use super::charge::requirement_of;
use crate::conformance::conversation::cause::looks_up_host;
use crate::conformance::conversation::expectation::{Comparison, Exactness};
use crate::conformance::evidence::shortfall::Inapplicable;
use crate::conformance::evidence::topic::Topic;
use crate::conformance::play::policy::Policy;
use crate::conformance::program::dialect::{Dialect, single_message};
use crate::conformance::program::profile::Profile;
use crate::conformance::suite::id;
use crate::conformance::suite::table::Table;
use crate::transcript::syntax::{Action, Role, Transcript};

/// The policy of replays of `transcript` against a program with this profile. A requirement that the suite does not
/// have is judged by each transcript for itself.
pub fn policy(transcript: &Transcript, profile: &Profile, table: &Table) -> Policy {
    let covers = |ids: &[&str]| transcript.covers_any(ids);
    let judges = |id: &str| covers(&[id]) || !table.has(id);
    let lenient = Policy::lenient(dialect(transcript, profile.dialect));
    Policy {
        comparison: comparison(transcript.role, judges),
        judges: Topic::all()
            .filter(|topic| judges(requirement_of(*topic)))
            .collect(),
        awaits_registration_answer: judges(id::S_REG_1),
        comes_without_words: covers(&[id::S_CONC_3]),
        leaves_clients_quiet: covers(&[id::S_CONC_1, id::S_CONC_2]),
        looks_for_late_copies: covers(&[id::S_MSG_1, id::S_MSG_2]),
        gives_name_first: judges(id::C_ARG_1),
        counts_copies_on_screen: judges(id::C_MSG_2),
        ..lenient
    }
}

/// A line is compared exactly where a transcript is about it, and else by its words.
fn comparison(role: Role, judges: impl Fn(&str) -> bool) -> Comparison {
    let (message, text, goodbye) = match role {
        Role::Server => (id::S_MSG_1, id::S_MSG_6, id::S_SHUT_1),
        // Nobody reads what a server and its clients say to each other.
        Role::Client | Role::Pair => (id::C_MSG_1, id::C_MSG_5, id::C_SHUT_1),
    };
    let line_or = |id: &str, otherwise: Exactness| {
        if judges(id) {
            Exactness::Line
        } else {
            otherwise
        }
    };
    // What was half there when something happened must not lose a space at the seam.
    let joins = [id::W_LINE_2, id::C_MSG_3];
    let message_otherwise = if judges(text) || joins.into_iter().any(&judges) {
        Exactness::Text
    } else {
        Exactness::Words
    };
    // Whatever a client's first words are, it may be right in all else.
    let register_otherwise = if judges(id::C_ARG_1) {
        Exactness::Words
    } else {
        Exactness::Anything
    };
    Comparison {
        message: line_or(message, message_otherwise),
        goodbye: line_or(goodbye, Exactness::Words),
        register: line_or(id::C_REG_1, register_otherwise),
        disconnect: line_or(id::C_QUIT_1, Exactness::Words),
    }
}

/// In which dialect a transcript is replayed against a program that speaks `own`: what asks for line ends is
/// asked in lines.
pub fn dialect(transcript: &Transcript, own: Dialect) -> Dialect {
    if transcript.covers_any(&[id::W_LINE_1]) {
        Dialect::LINE
    } else {
        own
    }
}

/// Why a transcript cannot be asked of a program with this profile, if it cannot.
pub fn why_not_applicable(transcript: &Transcript, profile: &Profile) -> Option<Inapplicable> {
    let covers = |ids: &[&str]| transcript.covers_any(ids);
    let mut actions = transcript.steps.iter().map(|step| &step.action);
    let begins_registration = |action: &Action| match action {
        Action::Sends { bytes, .. } => begins_registration(bytes),
        _ => false,
    };
    let is_about_segments = covers(&[id::W_LINE_2, id::W_LINE_3]);
    if profile.registers_without_end
        && is_about_segments
        && actions.clone().any(begins_registration)
    {
        return Some(Inapplicable::RegistersWithoutEnd);
    }
    if profile.relays_reads && is_about_segments {
        return Some(Inapplicable::RelaysReads);
    }
    let is_paused = |action: &Action| *action == Action::IsPaused;
    if profile.adds_to_messages && actions.clone().any(is_paused) {
        return Some(Inapplicable::LeavesEndsOpen);
    }
    let asks_name_service = |action: &Action| match action {
        Action::ClientStarts { address, .. } => looks_up_host(address),
        _ => false,
    };
    if !profile.has_own_network && actions.clone().any(asks_name_service) {
        return Some(Inapplicable::AsksNameService);
    }
    if dialect(transcript, profile.dialect).reads.is_lines() {
        return None;
    }
    if is_about_segments {
        return Some(Inapplicable::NoLines);
    }
    /// Number of bytes that programs read at a time; without line ends, more are two messages.
    const USUAL_READ: usize = 1024;
    let cannot_be_framed = |action: &Action| match action {
        Action::Says { line, .. } => line.is_empty() || line.len() > USUAL_READ,
        Action::Sends { bytes, times, .. } => *times > 1 || single_message(bytes).is_none(),
        _ => false,
    };
    actions
        .any(cannot_be_framed)
        .then_some(Inapplicable::NotWholeMessages)
}

/// Whether these bytes begin with a registration, or with a part of one, and do not end with the end of a line.
fn begins_registration(bytes: &[u8]) -> bool {
    const VERB: &[u8] = b"REGISTER ";
    let is_beginning = bytes.starts_with(VERB) || VERB.starts_with(bytes);
    is_beginning && !bytes.is_empty() && !bytes.ends_with(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::parse;

    fn transcript(covers: &str, steps: &str) -> Transcript {
        let source = format!("# A case.\ncovers {covers}\n\n{steps}\n");
        parse("case", &source).expect("is a transcript")
    }

    #[test]
    fn what_is_about_lines_is_not_asked_of_a_program_that_reads_none() {
        let bare: Dialect = "bare/line".parse().expect("is one");
        let not_applicable = |covers: &str, steps: &str| {
            let transcript = transcript(covers, steps);
            let why_not = |dialect| {
                let profile = Profile {
                    dialect,
                    ..Profile::PLAIN
                };
                why_not_applicable(&transcript, &profile)
            };
            assert_eq!(why_not(Dialect::LINE), None);
            assert_eq!(why_not("line/bare".parse().expect("is one")), None);
            why_not(bare).is_some()
        };
        let joins = "alice joins\n";
        assert!(not_applicable("W-LINE-2", joins));
        assert!(not_applicable("W-LINE-3", joins));
        assert!(!not_applicable("W-LINE-1", joins));
        let with = |step: &str| format!("{joins}{step}\n");
        assert!(not_applicable("S-MSG-1", &with("alice sends \"half\"")));
        assert!(not_applicable("S-MSG-1", &with("alice sends \"\\n\"")));
        assert!(not_applicable("S-MSG-1", &with("alice sends \"a\\nb\\n\"")));
        assert!(not_applicable(
            "S-MSG-1",
            &with("alice sends \"a\\n\" 2 times")
        ));
        assert!(not_applicable("S-MSG-1", &with("alice >")));
        assert!(!not_applicable(
            "S-MSG-1",
            &with("alice sends \"@alice: \\xff\\n\"")
        ));
        assert!(!not_applicable("S-MSG-1", &with("alice > @alice: hi")));
    }

    #[test]
    fn messages_that_nobody_can_tell_apart_are_not_caused() {
        let is_asked = |steps: &str, adds_to_messages| {
            let transcript = transcript("S-MSG-1", &format!("alice joins\n{steps}"));
            let profile = Profile {
                adds_to_messages,
                ..Profile::PLAIN
            };
            why_not_applicable(&transcript, &profile).is_none()
        };
        let pause = "server is paused\nalice > @alice: hi\nserver goes on\n";
        assert!(is_asked(pause, false));
        assert!(!is_asked(pause, true));
        assert!(is_asked("alice > @alice: hi\n", true));
    }

    #[test]
    fn a_registration_in_parts_is_not_sent_to_a_program_that_takes_the_first_part() {
        let is_asked = |covers: &str, sent: &str, registers_without_end: bool| {
            let source =
                format!("# A case.\ncovers {covers}\n\nalice connects\nalice sends \"{sent}\"\n");
            let transcript = parse("case", &source).expect("is a transcript");
            let profile = Profile {
                registers_without_end,
                ..Profile::PLAIN
            };
            why_not_applicable(&transcript, &profile).is_none()
        };
        assert!(!is_asked("W-LINE-2", "REGISTER al", true));
        assert!(!is_asked("W-LINE-2", "R", true));
        assert!(is_asked("W-LINE-2", "REGISTER al", false));
        assert!(is_asked("W-LINE-2", "REGISTER alice CHAT/1.0\\n", true));
        assert!(is_asked("W-LINE-2", "@alice: hal", true));
        let with_half_a_message = "REGISTER alice CHAT/1.0\\n@alice: hal";
        assert!(!is_asked("W-LINE-3", with_half_a_message, true));
        assert!(is_asked("W-LINE-3", with_half_a_message, false));
        assert!(is_asked("W-LINE-1", "REGISTER alice CHAT/1.0", true));
    }

    #[test]
    fn a_host_is_looked_up_only_in_a_network_of_its_own() {
        let is_asked = |address: &str, has_own_network: bool| {
            let source =
                format!("# A case.\ncovers C-ARG-3\n\nclient starts as alice at \"{address}\"\n");
            let transcript = parse("case", &source).expect("is a transcript");
            let profile = Profile {
                has_own_network,
                ..Profile::PLAIN
            };
            why_not_applicable(&transcript, &profile).is_none()
        };
        assert!(is_asked("chat://{host}:{unused}", false));
        assert!(is_asked("chat://nobody.invalid:{port}", true));
        assert!(!is_asked("chat://nobody.invalid:{port}", false));
        assert!(!is_asked("chat://[{host}:{port}", false));
        assert!(is_asked("chat://:{port}", false));
    }
}
