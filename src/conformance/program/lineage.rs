//! Finds out who started this process, to decide whether a bundled program may run.
//!
//! A submission that starts the bundled server would get the reference's marks. A secret cannot prevent that, because
//! programs of one user can read each other's arguments. But a program cannot change the processes above it, so the
//! bundled programs look at those.

use crate::conformance::program::environment::Purpose;
use crate::conformance::program::system::{self, Ancestor};

/// The name of the judging program's executable.
const HARNESS: &str = "conform";
/// The names of the bundled programs' executables.
pub const BUNDLED: [&str; 3] = [HARNESS, "chat-server", "chat-client"];
/// The command that starts a supervisor, and its option that says on whose behalf.
pub(super) const SUPERVISE: &str = "supervise";
pub(super) const PURPOSE: &str = "--purpose=";

/// Checks that this process may be the bundled reference: the harness itself must have started it.
///
/// # Errors
/// Why not, and what to do instead.
pub fn may_be_reference() -> Result<(), String> {
    if cfg!(target_os = "linux") {
        is_reference_below(&system::ancestors())
    } else {
        Ok(())
    }
}

/// Checks that this process may be `chat-server` or `chat-client`: it must not run on behalf of a submission.
///
/// # Errors
/// Why not.
pub fn may_be_bundled_program() -> Result<(), String> {
    is_bundled_program_below(&system::ancestors(), system::is_confined())
}

fn is_reference_below(ancestors: &[Ancestor]) -> Result<(), String> {
    let refusal = || {
        "this command is for conform itself: chat-server and chat-client are the same programs"
            .to_owned()
    };
    let (parent, above) = ancestors.split_first().ok_or_else(refusal)?;
    let is_started_for_it = parent.has_same_executable == Some(true)
        && purpose_of_supervisor(parent) == Some(Purpose::Reference);
    let is_harness = |one: &Ancestor| one.has_same_executable.unwrap_or(one.name == HARNESS);
    // The harness is right above its supervisor, and no other process of the harness is above it. Otherwise a program
    // under test has started the harness.
    let is_below_another = above.iter().any(|one| purpose_of_supervisor(one).is_some())
        || above.iter().skip(1).any(is_harness);
    if is_started_for_it && !is_below_another {
        Ok(())
    } else {
        Err(refusal())
    }
}

fn is_bundled_program_below(ancestors: &[Ancestor], is_confined: bool) -> Result<(), String> {
    let is_of_submission = |one: &Ancestor| {
        let grades = one.arguments.get(1).is_some_and(|word| word == "grade");
        purpose_of_supervisor(one) == Some(Purpose::Submission) || (one.name == HARNESS && grades)
    };
    // The first process of a container has no ancestors either. A program under test that hides its ancestors is also
    // confined.
    let is_unknown = |one: &Ancestor| one.arguments.is_empty() && one.name.is_empty();
    let are_hidden = ancestors.last().is_none_or(is_unknown);
    if ancestors.iter().any(is_of_submission) || (are_hidden && is_confined) {
        return Err("the bundled programs cannot be handed in as a submission".to_owned());
    }
    Ok(())
}

/// On whose behalf a supervisor was started, by its arguments; `None` for any other process.
fn purpose_of_supervisor(process: &Ancestor) -> Option<Purpose> {
    use clap::ValueEnum;
    let mut arguments = process.arguments.iter().skip(1);
    if arguments.next().is_none_or(|word| word != SUPERVISE) {
        return None;
    }
    let mut options = arguments.take_while(|word| *word != "--");
    let purpose = options.find_map(|word| word.strip_prefix(PURPOSE));
    // Without the option, assume the strictest purpose.
    let purpose = purpose.and_then(|word| Purpose::from_str(word, false).ok());
    Some(purpose.unwrap_or(Purpose::Submission))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(words: &str, has_same_executable: Option<bool>) -> Ancestor {
        let arguments: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let name = arguments[0].rsplit('/').next().unwrap_or_default();
        Ancestor {
            name: name.to_owned(),
            has_same_executable,
            arguments,
        }
    }

    const OF_REFERENCE: &str = "conform supervise --purpose=reference -- conform reference-server";
    const OF_PROGRAM: &str = "conform supervise --purpose=program -- chat-server";
    const OF_SUBMISSION: &str = "conform supervise --purpose=submission -- sh --purpose=reference";

    #[test]
    fn the_reference_runs_below_the_harness_alone() {
        let (own, foreign, unknown) = (Some(true), Some(false), None);
        let shell = || process("bash", foreign);
        for above in [
            vec![process("conform grade class", own), shell()],
            vec![process("conform grade class", unknown), shell()],
            // The tests of this package use the harness as a library.
            vec![process("conformance-0123456789abcdef", foreign), shell()],
        ] {
            let all = [vec![process(OF_REFERENCE, own)], above].concat();
            assert_eq!(is_reference_below(&all), Ok(()), "{all:?}");
        }
    }

    #[test]
    fn the_reference_runs_for_nobody_else() {
        let (own, foreign, unknown) = (Some(true), Some(false), None);
        let shell = || process("bash", foreign);
        let reference = || process(OF_REFERENCE, own);
        let harness = || process("conform grade class", own);
        for (what, all) in [
            ("by hand", vec![shell()]),
            (
                "by a submission",
                vec![process(OF_SUBMISSION, own), harness()],
            ),
            ("by a program", vec![process(OF_PROGRAM, own), harness()]),
            ("through a shell", vec![shell(), reference(), harness()]),
            (
                "by a supervisor that a submission starts",
                vec![reference(), shell(), process(OF_SUBMISSION, own), harness()],
            ),
            (
                "by a harness that a submission starts",
                vec![
                    reference(),
                    harness(),
                    process(OF_SUBMISSION, unknown),
                    harness(),
                ],
            ),
            (
                "by one that has ended its supervisor",
                vec![reference(), shell(), harness()],
            ),
            (
                "by one that has ended its supervisor, where the harness is closed",
                vec![
                    reference(),
                    process("conform server x", foreign),
                    process("conform grade class", unknown),
                ],
            ),
            (
                "by another program with the same arguments",
                vec![process(OF_REFERENCE, foreign), shell()],
            ),
            ("by nobody", Vec::new()),
        ] {
            assert!(is_reference_below(&all).is_err(), "{what}");
        }
    }

    #[test]
    fn bundled_programs_run_for_anybody_but_a_submission() {
        let own = Some(true);
        let shell = || process("bash", Some(false));
        for all in [
            vec![shell()],
            vec![process(OF_PROGRAM, own), process("conform server", own)],
            vec![shell(), process(OF_REFERENCE, own)],
        ] {
            for is_confined in [false, true] {
                let allowed = is_bundled_program_below(&all, is_confined);
                assert_eq!(allowed, Ok(()), "{all:?}");
            }
        }
        for all in [
            vec![process(OF_SUBMISSION, own)],
            vec![shell(), shell(), process(OF_SUBMISSION, None), shell()],
            // Its supervisor has ended.
            vec![shell(), process("/bin/conform grade class", None)],
            vec![process("conform supervise -- x --purpose=program", own)],
        ] {
            let allowed = is_bundled_program_below(&all, false);
            assert!(allowed.is_err(), "{all:?}");
        }
        // Without visible ancestors: in a container, and for a program under test.
        let unknown = Ancestor {
            arguments: Vec::new(),
            name: String::new(),
            has_same_executable: None,
        };
        for all in [vec![], vec![unknown]] {
            assert_eq!(is_bundled_program_below(&all, false), Ok(()));
            assert!(is_bundled_program_below(&all, true).is_err(), "{all:?}");
        }
    }
}
