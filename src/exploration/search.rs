//! The search for conversations that fail: many at a time, each against a fresh process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::attribution::{
    Signature, can_be_passed_over, candidates, circumstances, explored, sentence,
};
use super::conversation::{Conversation, Reading};
use super::random::Random;
use super::script::Script;
use super::shrink::{Shrunk, smallest};
use crate::conformance::conversation::leaving::leavings;
use crate::conformance::evidence::shortfall::Got;
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::judge::charge::charge;
use crate::conformance::judge::transcript_policy::{policy, why_not_applicable};
use crate::conformance::program::dialect::{Dialect, Framing};
use crate::conformance::program::profile::Profile;
use crate::conformance::session::Session;
use crate::conformance::suite::requirement::Requirement;
use crate::conformance::suite::table::Table;
use crate::conformance::suite::{Case, id};
use crate::transcript::syntax::{Role, Transcript};

/// How to explore.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The requirements of the suite.
    pub requirements: &'a [Requirement],
    /// The relations between them.
    pub table: &'a Table,
    /// The same seed gives the same conversations.
    pub seed: u64,
    /// How long to look for failures. What was found by then is still confirmed and made smaller.
    pub duration: Duration,
    /// Begin no further conversation once there are so many findings; `None` for as many as there are. Those that are
    /// examined at that moment may add some.
    pub enough: Option<usize>,
    /// Number of conversations at the same time; at least 1.
    pub at_once: usize,
}

/// A conversation that fails, as small as it gets.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Id of the requirement that it belongs to.
    pub requirement: String,
    /// Id of the requirement that the step which fails belongs to, if to any.
    pub charged: Option<String>,
    /// What was seen.
    pub signature: Signature,
    /// Ids of the requirements that its circumstances are about; none where a line came that is wrong wherever it comes.
    pub circumstances: Vec<&'static str>,
    /// Number of the random conversation that it was found in.
    pub number: u64,
    /// Its transcript.
    pub case: Case,
    /// The runs of the transcript, all of which failed in this way.
    pub runs: Vec<Evidence>,
    /// The nearest simpler conversation, which the program passes: it shows that only what the two differ in goes
    /// wrong. `None` where the requirement speaks for itself.
    pub counterpart: Option<(Case, Vec<Evidence>)>,
}

/// What came of a search.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// One for each requirement and shape.
    pub found: Vec<Finding>,
    /// How many conversations were tried.
    pub tried: u64,
    /// Numbers of those that failed once and then passed or failed in another way.
    pub unsteady: Vec<u64>,
    /// How many could not be replayed to a result.
    pub without_result: u64,
}

/// Failures of the same signature are examined so often; after that they count as known.
const MOST_EXAMINED: usize = 3;
/// So often a failure that could not be confirmed does not count as examined.
const MOST_UNSTEADY: usize = 10;
/// How often the program must fail in the same way before anything is said about it.
const CONFIRMATIONS: usize = 2;
/// Maximum number of simpler conversations that are tried, first for the same failure, then for any.
const MOST_ATTEMPTS: usize = 120;
/// Maximum time for the one, and for the other.
const LONGEST_SHRINKING: Duration = Duration::from_secs(60);
const LONGEST_MAKING_PLAIN: Duration = Duration::from_secs(30);

/// Explores until the time is over or `cancelled` is set; what was found by then is returned.
pub fn search<C: Conversation>(
    session: &Session<'_>,
    role: Role,
    search: Search<'_>,
    cancelled: &AtomicBool,
    progress: &(dyn Fn(u64, usize) + Sync),
) -> Findings {
    let explorer = Explorer {
        session,
        role,
        search,
        reading: reading(&session.setting.profile),
        cancelled,
        deadline: Instant::now() + search.duration,
        next: AtomicU64::new(0),
        state: Mutex::default(),
        progress,
    };
    explorer.examine_quirks::<C>();
    std::thread::scope(|scope| {
        for _ in 0..search.at_once {
            scope.spawn(|| explorer.work::<C>());
        }
    });
    let state = explorer.state.into_inner();
    let mut findings = state.unwrap_or_else(PoisonError::into_inner).findings;
    findings.found.sort_by_key(|finding| finding.number);
    leave_out_consequences(&mut findings.found);
    findings
}

/// Leaves out what another finding explains: one about a circumstance that this one has too, which has no circumstances
/// that this one lacks. Both may be about it; then this one has more.
fn leave_out_consequences(found: &mut Vec<Finding>) {
    let circumstances = |finding: &Finding| -> BTreeSet<String> {
        let ids = finding.circumstances.iter();
        ids.map(|id| (*id).to_owned()).collect()
    };
    let explains = |other: &Finding, finding: &Finding| {
        let own = circumstances(finding);
        let mut of_other = circumstances(other);
        of_other.insert(other.requirement.clone());
        let has_more = own.len() > of_other.len() || !own.contains(&finding.requirement);
        of_other.is_subset(&own) && has_more
    };
    let all = found.clone();
    found.retain(|finding| !all.iter().any(|other| explains(other, finding)));
}

/// What a program with this profile can be sent.
fn reading(profile: &Profile) -> Reading {
    let takes_segments = profile.dialect.reads.is_lines() && !profile.relays_reads;
    Reading {
        takes_segments,
        takes_both_line_ends: takes_segments && profile.dialect.reads == Framing::Line,
        takes_registrations_in_parts: takes_segments && !profile.registers_without_end,
    }
}

#[derive(Default)]
struct State {
    findings: Findings,
    /// How often each signature was examined, but for what could not be confirmed.
    examined: BTreeMap<Signature, usize>,
    /// How often each signature could not be confirmed.
    unsteady: BTreeMap<Signature, usize>,
}

struct Explorer<'a> {
    session: &'a Session<'a>,
    role: Role,
    search: Search<'a>,
    reading: Reading,
    cancelled: &'a AtomicBool,
    deadline: Instant,
    next: AtomicU64,
    state: Mutex<State>,
    progress: &'a (dyn Fn(u64, usize) + Sync),
}

/// Ids of the requirements that a program breaks in its plainest conversation, by what the probe found: elsewhere they
/// are taken into account.
fn quirks(profile: &Profile) -> Vec<&'static str> {
    let reads_otherwise = profile.registers_without_end || profile.relays_reads;
    [
        (
            profile.dialect != Dialect::LINE || reads_otherwise,
            id::W_LINE_1,
        ),
        (profile.registers_silently, id::S_REG_1),
        (profile.takes_address_first, id::C_ARG_1),
    ]
    .into_iter()
    .filter_map(|(is_so, id)| is_so.then_some(id))
    .collect()
}

impl Explorer<'_> {
    /// Holds the plainest conversation under each requirement that the probe found to be broken.
    fn examine_quirks<C: Conversation>(&self) {
        let script = C::plain().script();
        for id in quirks(&self.session.setting.profile) {
            if Instant::now() >= self.deadline || self.is_over() {
                return;
            }
            if let Some(finding) = self.quirk(&script, id) {
                self.keep(finding);
            }
        }
    }

    fn quirk(&self, script: &Script, id: &str) -> Option<Finding> {
        let requirement = self.requirement(id)?;
        let case = case(script, id, &requirement.sentence, id)?;
        let runs: Option<Vec<Evidence>> = (0..=CONFIRMATIONS)
            .map(|_| self.replay(&case.transcript))
            .collect();
        let runs = runs?;
        let of = |run: &Evidence| Signature::of(&case.transcript, run, self.search.table);
        let signature = runs.first().and_then(of)?;
        let is_same = |run: &Evidence| of(run).as_ref() == Some(&signature);
        runs.iter().all(is_same).then(|| Finding {
            requirement: id.to_owned(),
            charged: signature.charged.clone(),
            signature,
            circumstances: Vec::new(),
            number: 0,
            case,
            runs: runs.clone(),
            counterpart: None,
        })
    }

    fn work<C: Conversation>(&self) {
        while Instant::now() < self.deadline && !self.is_over() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let mut random = Random::of_conversation(self.search.seed, number);
            let conversation = C::random(&mut random, self.reading);
            let left_out = self.well_known();
            let covers = self.covers(&left_out);
            let run = self.run(&conversation.script(), &covers);
            let failure = self.with_state(|state| {
                let findings = &mut state.findings;
                findings.tried += 1;
                let has_result = run.as_ref().is_some_and(|(_, run)| run.is_conclusive());
                findings.without_result += u64::from(!has_result);
                (self.progress)(findings.tried, findings.found.len());
                let (transcript, run) = run?;
                let signature = Signature::of(&transcript, &run, self.search.table)?;
                let examined = state.examined.entry(signature.clone()).or_default();
                *examined += 1;
                let step = failed_step(&run)?;
                (*examined <= MOST_EXAMINED).then_some((signature, step))
            });
            if let Some((signature, step)) = failure {
                self.examine(number, conversation, signature, step, &left_out);
            }
        }
    }

    /// Whether nothing more is to be found.
    fn is_over(&self) -> bool {
        let found = || self.with_state(|state| state.findings.found.len());
        self.cancelled.load(Ordering::Relaxed)
            || self.search.enough.is_some_and(|enough| found() >= enough)
    }

    fn with_state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ids of the requirements that are known well enough to fail: mistakes about them are passed over where the
    /// rest of a conversation can go on, so that others are found.
    fn well_known(&self) -> Vec<String> {
        self.with_state(|state| {
            let well_known = state.examined.iter();
            well_known
                .filter(|(_, times)| **times >= MOST_EXAMINED)
                .filter_map(|(signature, _)| signature.charged.clone())
                .collect()
        })
    }

    /// Ids of the requirements that a conversation is judged by where these are left out.
    fn covers(&self, left_out: &[String]) -> Vec<&str> {
        let mut left_out: Vec<&str> = left_out.iter().map(String::as_str).collect();
        let profile = &self.session.setting.profile;
        if profile.registers_silently {
            left_out.push(id::S_REG_1);
        }
        if profile.takes_address_first {
            left_out.push(id::C_ARG_1);
        }
        // Where these are covered, a conversation is not applicable.
        if !self.reading.takes_segments {
            left_out.extend([id::W_LINE_2, id::W_LINE_3]);
        }
        if !self.reading.takes_registrations_in_parts {
            left_out.push(id::W_LINE_2);
        }
        explored(self.search.requirements, self.role, &left_out)
    }

    /// Replays a conversation. `None` where it cannot be asked of this program, or everything is to stop.
    fn run(&self, script: &Script, covers: &[&str]) -> Option<(Transcript, Evidence)> {
        if script.is_empty() || covers.is_empty() {
            return None;
        }
        let (_, transcript) = script
            .transcript("explored", "A random conversation.", covers)
            .ok()?;
        let run = self.replay(&transcript)?;
        Some((transcript, run))
    }

    fn replay(&self, transcript: &Transcript) -> Option<Evidence> {
        let profile = &self.session.setting.profile;
        if why_not_applicable(transcript, profile).is_some() {
            return None;
        }
        let policy = policy(transcript, profile, self.search.table);
        self.session.replay(transcript, &policy)
    }

    /// How a conversation fails, if it does.
    fn failure(&self, script: &Script, covers: &[&str]) -> Option<Signature> {
        let (transcript, run) = self.run(script, covers)?;
        Signature::of(&transcript, &run, self.search.table)
    }

    /// Confirms a failure, makes it small, and keeps it unless there is one like it.
    fn examine<C: Conversation>(
        &self,
        number: u64,
        conversation: C,
        signature: Signature,
        step: usize,
        left_out: &[String],
    ) {
        let covers = self.covers(left_out);
        let fails = |script: &Script| self.failure(script, &covers).as_ref() == Some(&signature);
        let script = conversation.script();
        if !(0..CONFIRMATIONS).all(|_| fails(&script)) {
            return self.is_unsteady(number, &signature);
        }
        let deadline = Instant::now() + LONGEST_SHRINKING;
        let still_fails = |candidate: &C| Instant::now() < deadline && fails(&candidate.script());
        let act = script.act_of(step).unwrap_or(usize::MAX);
        let shortest = conversation.until(act);
        let failing = if still_fails(&shortest) {
            shortest
        } else {
            conversation
        };
        let shortened = smallest(failing.clone(), MOST_ATTEMPTS, still_fails).conversation;
        let passed_over: Vec<String> = left_out
            .iter()
            .filter(|id| can_be_passed_over(id))
            .cloned()
            .collect();
        let covers = self.covers(&passed_over);
        let (plainest, seen) = self.plainest(shortened, signature.clone(), &covers);
        let finding = self.finding(number, &plainest, seen, &covers);
        match finding.or_else(|| self.by_itself(number, failing, &signature)) {
            Some(finding) => self.keep(finding),
            None => self.is_unsteady(number, &signature),
        }
    }

    /// The finding that a conversation makes where it is judged by the requirement alone that its failure is charged to. Under
    /// all requirements it may have become too small for that: what comes at its end is looked for by some only.
    fn by_itself<C: Conversation>(
        &self,
        number: u64,
        failing: C,
        signature: &Signature,
    ) -> Option<Finding> {
        let covers = [signature.charged.as_deref()?];
        let deadline = Instant::now() + LONGEST_SHRINKING;
        let fails = |candidate: &C| {
            let is_in_time = Instant::now() < deadline;
            is_in_time && self.failure(&candidate.script(), &covers).as_ref() == Some(signature)
        };
        if !fails(&failing) {
            return None;
        }
        let mut shrunk = smallest(failing, MOST_ATTEMPTS, fails);
        shrunk.is_smallest &= Instant::now() < deadline;
        self.finding(number, &shrunk, signature.clone(), &covers)
    }

    /// The plainest conversation near a failing one that fails in whatever way, and how: a consequence leads to what it
    /// follows from. A text that arrives garbled, say, is not about the order of two texts of which it was the first.
    fn plainest<C: Conversation>(
        &self,
        failing: C,
        signature: Signature,
        covers: &[&str],
    ) -> (Shrunk<C>, Signature) {
        let deadline = Instant::now() + LONGEST_MAKING_PLAIN;
        let mut seen = signature;
        let fails_steadily = |candidate: &C| {
            if Instant::now() >= deadline {
                return false;
            }
            let script = candidate.script();
            let Some(first) = self.failure(&script, covers) else {
                return false;
            };
            let is_steady = self.failure(&script, covers).as_ref() == Some(&first);
            if is_steady {
                seen = first;
            }
            is_steady
        };
        let mut plainest = smallest(failing, MOST_ATTEMPTS, fails_steadily);
        plainest.is_smallest &= Instant::now() < deadline;
        (plainest, seen)
    }

    /// What could not be confirmed is not known well enough yet: other conversations may confirm it.
    fn is_unsteady(&self, number: u64, signature: &Signature) {
        if self.cancelled.load(Ordering::Relaxed) {
            return;
        }
        self.with_state(|state| {
            state.findings.unsteady.push(number);
            let unsteady = state.unsteady.entry(signature.clone()).or_default();
            *unsteady += 1;
            if *unsteady < MOST_UNSTEADY {
                if let Some(examined) = state.examined.get_mut(signature) {
                    *examined = examined.saturating_sub(1);
                }
            }
        });
    }

    fn keep(&self, finding: Finding) {
        self.with_state(|state| {
            let is_like = |other: &Finding| {
                other.requirement == finding.requirement
                    && other.signature.shape == finding.signature.shape
            };
            let found = &mut state.findings.found;
            match found.iter_mut().find(|other| is_like(other)) {
                // Of two like it the smaller one is told.
                Some(other) if finding.case.source.len() < other.case.source.len() => {
                    *other = finding;
                }
                Some(_) => {}
                None => found.push(finding),
            }
        });
    }

    /// The finding that a small conversation makes: the first requirement under which it fails every time.
    fn finding<C: Conversation>(
        &self,
        number: u64,
        shrunk: &Shrunk<C>,
        signature: Signature,
        covers: &[&str],
    ) -> Option<Finding> {
        let smallest = &shrunk.conversation;
        let script = smallest.script();
        let (transcript, run) = self.run(&script, covers)?;
        if Signature::of(&transcript, &run, self.search.table).as_ref() != Some(&signature) {
            return None;
        }
        let charge = charge(&transcript, &run, self.search.table);
        // A client that shows messages only at the next key is blocked at its keyboard. Where it notices other things only
        // then, that explains them if it is found too.
        let awaits_key = charge
            .as_ref()
            .is_some_and(|charge| charge.rests_on.as_deref() == Some(id::C_MSG_3));
        let charged = charge.map(|charge| match charge.requirement.as_str() {
            id::C_MSG_2 if awaits_key => id::C_MSG_3.to_owned(),
            _ => charge.requirement,
        });
        let fails_after_last =
            !is_mistake(&run) && self.fails_after_last(&transcript, &run, smallest, covers);
        let is_service = charged.as_deref().is_none_or(|id| !can_be_passed_over(id));
        let first = (fails_after_last && is_service).then(|| id::S_RUN_1.to_owned());
        let mut circumstances = circumstances(smallest, charged.as_deref(), &signature.shape);
        let others = candidates(&circumstances, shrunk.is_smallest, charged.as_deref());
        circumstances.extend(awaits_key.then_some(id::C_MSG_3));
        circumstances.extend(fails_after_last.then_some(id::S_RUN_1));
        // An echo is one whatever came before.
        if is_mistake(&run) {
            circumstances.clear();
        }
        for id in first.into_iter().chain(others) {
            let Some(requirement) = self.requirement(&id) else {
                continue;
            };
            let (_, draft) = script.transcript("explored", "A case.", &[&id]).ok()?;
            let runs: Option<Vec<Evidence>> =
                (0..=CONFIRMATIONS).map(|_| self.replay(&draft)).collect();
            let runs = runs?;
            let is_same = |run: &Evidence| {
                let seen = Signature::of(&draft, run, self.search.table);
                seen.is_some_and(|seen| seen.shape == signature.shape)
            };
            if !runs.iter().all(is_same) {
                continue;
            }
            let step = runs.first().and_then(failed_step)?;
            let sentence = match is_mistake(&run) {
                true => requirement.sentence.clone(),
                false => sentence(&draft, step, requirement, &smallest.circumstances()),
            };
            let case = case(&script, &id, &sentence, &id)?;
            let counterpart = charged
                .as_ref()
                .filter(|charged| **charged != id)
                .and_then(|charged| self.counterpart(smallest, charged, &id));
            return Some(Finding {
                requirement: id,
                charged,
                signature,
                circumstances,
                number,
                case,
                runs,
                counterpart,
            });
        }
        None
    }

    /// Whether the conversation fails because nobody was left: the same one with somebody beside it passes.
    fn fails_after_last<C: Conversation>(
        &self,
        transcript: &Transcript,
        run: &Evidence,
        smallest: &C,
        covers: &[&str],
    ) -> bool {
        let until_then = failed_step(run).and_then(|at| transcript.steps.get(..=at));
        let mut left = leavings(until_then.unwrap_or_default())
            .into_iter()
            .flatten();
        if !left.any(|leaving| leaving.is_last) {
            return false;
        }
        let Some(beside_somebody) = smallest.beside_somebody() else {
            return false;
        };
        let script = beside_somebody.script();
        let passes = |_| {
            let run = self.run(&script, covers);
            run.is_some_and(|(_, run)| run.outcome == Outcome::Completed)
        };
        (0..CONFIRMATIONS).all(passes)
    }

    fn requirement(&self, id: &str) -> Option<&Requirement> {
        let mut all = self.search.requirements.iter();
        all.find(|requirement| requirement.id == id)
    }

    /// The nearest simpler conversation that passes and asks about the requirement that the failed step belongs to.
    fn counterpart<C: Conversation>(
        &self,
        smallest: &C,
        charged: &str,
        id: &str,
    ) -> Option<(Case, Vec<Evidence>)> {
        const MOST: usize = 10;
        let simpler = smallest.simpler();
        // Those that leave out least come last.
        for candidate in simpler.iter().rev().take(MOST) {
            let script = candidate.script();
            let sentence = "The same in plainer circumstances works.";
            let Some(case) = case(&script, charged, sentence, &format!("{id}-counterpart")) else {
                continue;
            };
            let asks = |step: &str| case.source.contains(step);
            if !asks(" < ") && !asks("joins") {
                continue;
            }
            let run = self.replay(&case.transcript)?;
            if run.outcome == Outcome::Completed {
                return Some((case, vec![run]));
            }
        }
        None
    }
}

/// Whether a line came that is wrong wherever it comes.
fn is_mistake(run: &Evidence) -> bool {
    matches!(&run.outcome, Outcome::FellShort(shortfall)
        if matches!(shortfall.got, Got::Line { meaning, .. } if meaning.is_mistake()))
}

fn failed_step(run: &Evidence) -> Option<usize> {
    match &run.outcome {
        Outcome::FellShort(shortfall) => Some(shortfall.step),
        _ => None,
    }
}

fn case(script: &Script, covers: &str, sentence: &str, name: &str) -> Option<Case> {
    let name = name.to_lowercase();
    let (source, transcript) = script.transcript(&name, sentence, &[covers]).ok()?;
    Some(Case {
        name,
        source,
        transcript,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::evidence::shape::Shape;
    use crate::transcript::parse;

    /// What is left of findings that each belong to a requirement and have circumstances.
    fn left(found: &[(&str, &[&'static str])]) -> Vec<String> {
        let source = "# A case.\ncovers S-MSG-1\n\nalice joins\n";
        let finding = |(id, circumstances): &(&str, &[&'static str])| Finding {
            requirement: (*id).to_owned(),
            charged: None,
            signature: Signature {
                charged: None,
                shape: Shape::Other("nothing"),
            },
            circumstances: circumstances.to_vec(),
            number: 1,
            case: Case {
                name: "case".to_owned(),
                source: source.to_owned(),
                transcript: parse("case", source).expect("is a transcript"),
            },
            runs: Vec::new(),
            counterpart: None,
        };
        let mut found = found.iter().map(finding).collect();
        leave_out_consequences(&mut found);
        let left = found.into_iter();
        left.map(|finding| finding.requirement).collect()
    }

    #[test]
    fn what_another_finding_explains_is_no_finding() {
        let in_parts = ("W-LINE-2", &["W-LINE-2"][..]);
        let closes_in_mid_line = ("S-DISC-5", &["S-DISC-5", "W-LINE-2"][..]);
        assert_eq!(left(&[closes_in_mid_line, in_parts]), ["W-LINE-2"]);
        assert_eq!(left(&[closes_in_mid_line]), ["S-DISC-5"]);
        // There was no time to find out whether its circumstances matter.
        let undecided = ("C-SHUT-1", &["W-LINE-3"][..]);
        let in_one_segment = ("W-LINE-3", &["W-LINE-3"][..]);
        assert_eq!(left(&[undecided, in_one_segment]), ["W-LINE-3"]);
        assert_eq!(left(&[undecided, in_parts]), ["C-SHUT-1", "W-LINE-2"]);
        // What is wrong by itself is so after something else too.
        let malformed = ("S-REG-3", &[][..]);
        let in_use_after_malformed = ("S-REG-5", &["S-REG-3"][..]);
        assert_eq!(left(&[malformed, in_use_after_malformed]), ["S-REG-3"]);
        // An echo is one whatever came before.
        let echo = ("S-MSG-2", &[][..]);
        assert_eq!(left(&[echo, in_parts]), ["S-MSG-2", "W-LINE-2"]);
        assert_eq!(left(&[in_parts, in_parts]), ["W-LINE-2", "W-LINE-2"]);
    }
}
