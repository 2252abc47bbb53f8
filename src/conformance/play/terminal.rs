//! A person at a client's terminal: what they type, and what they see.

use std::time::{Duration, Instant};

use memchr::memmem::find;

use super::cast::Cast;
use super::replay::Replay;
use super::setting::Stop;
use super::watch::{Glances, Watch};
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::shortfall::{Expected, Got, Note};
use crate::conformance::evidence::{EventKind, Excerpt, Outcome};
use crate::conformance::program::crash::is_only_a_crash;
use crate::conformance::program::output::{banner_in, beyond_banner, own_words};
use crate::conformance::program::process::RunningProgram;
use crate::conformance::program::screen::Screen;
use crate::transcript::syntax::MessageKind;

/// What a person at a client's terminal has seen and given so far.
#[derive(Debug, Default)]
pub(super) struct User {
    /// Position of the client among the programs of the replay.
    program: usize,
    /// What was sent to be shown, with how often it was shown before.
    expected: Vec<Shown>,
    /// What was sent of a line that has no end yet, and what was on the screen before.
    begun: Vec<u8>,
    screen_before: String,
    /// How much had been printed when something last happened to the program.
    printed_before: usize,
    /// What the program was given as its arguments, and parts of it.
    given: Vec<String>,
}

/// What was on the screen when something was sent that is to be seen there.
#[derive(Debug)]
struct Shown {
    substance: String,
    before: Times,
}

/// How often words are to be seen.
#[derive(Debug, Default, Clone, Copy)]
struct Times {
    /// To the letter.
    literally: usize,
    /// With white space left aside, since a program may break lines where it likes.
    squeezed: usize,
}

impl Times {
    fn of(words: &str, text: &str) -> Times {
        if words.trim().is_empty() {
            return Times::default();
        }
        Times {
            literally: text.matches(words).count(),
            squeezed: times_squeezed(words, text),
        }
    }

    /// How often they were added, now that this is the text. It is squeezed only where they are not there to the letter:
    /// that takes time, and the text is looked at often.
    fn added(self, words: &str, text: &str) -> usize {
        if words.trim().is_empty() {
            return 0;
        }
        match text.matches(words).count().saturating_sub(self.literally) {
            0 => times_squeezed(words, text).saturating_sub(self.squeezed),
            times => times,
        }
    }
}

impl User {
    /// At the terminal of this one of the replay's programs, which was given these arguments.
    pub(super) fn at(program: usize, given: Vec<String>) -> User {
        User {
            program,
            given,
            ..User::default()
        }
    }

    /// Position of the client among the programs of the replay.
    pub(super) fn program(&self) -> usize {
        self.program
    }

    /// What is printed from now on is about what happens now.
    pub(super) fn notice_what_was_printed(&mut self, cast: &mut Cast<'_>) {
        self.take_what_was_printed(cast);
        self.printed_before = cast.screen(self.program).printed().len();
    }

    /// What a program wrote to its terminal takes a moment to come out at the other side.
    fn take_what_was_printed(&self, cast: &mut Cast<'_>) {
        const MOMENT: Duration = Duration::from_millis(2);
        const MOST: usize = 50;
        for _ in 0..MOST {
            let before = cast.screen(self.program).printed().len();
            cast.look(MOMENT);
            if cast.screen(self.program).printed().len() == before {
                return;
            }
        }
    }

    /// Notes that this line is about to be sent to the client, which is to show it.
    pub(super) fn expect(&mut self, cast: &mut Cast<'_>, line: &str) {
        self.expect_all(cast, &[line.as_bytes(), b"\n"].concat());
    }

    /// Notes that these bytes are about to be sent to the client, which is to show the lines that they end.
    pub(super) fn expect_all(&mut self, cast: &mut Cast<'_>, bytes: &[u8]) {
        // A line that comes in parts may be shown at its first one.
        if self.begun.is_empty() {
            self.screen_before = cast.screen(self.program).text().to_owned();
        }
        self.begun.extend_from_slice(bytes);
        let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let whole: Vec<u8> = self.begun.drain(..=end).collect();
        for line in String::from_utf8_lossy(&whole).lines() {
            let substance = substance(line).to_owned();
            let before = Times::of(&substance, &self.screen_before);
            self.expected.push(Shown { substance, before });
        }
    }

    /// The text of a message is to be seen, once; how the sender is shown is the client's choice.
    pub(super) fn see(&mut self, replay: &mut Replay<'_>, line: &str) -> Result<(), Stop> {
        let at = self.program;
        let substance = substance(line);
        let mut latest_first = self.expected.iter().rev();
        let earlier = latest_first.find(|shown| shown.substance == substance);
        let before = earlier.map_or(Times::default(), |shown| shown.before);
        let patience = replay.setting.timeouts.answer();
        let expected = |once| Expected::OnScreen {
            text: Excerpt::of(substance.as_bytes()),
            once,
        };
        let is_there = |cast: &mut Cast<'_>| {
            let seen = before.added(substance, cast.screen(at).text()) > 0;
            // A terminal may not show every character that a program rightly prints.
            let mut is_printed = || find(cast.screen(at).printed(), substance.as_bytes()).is_some();
            (seen || (before.squeezed == 0 && is_printed())).then_some(())
        };
        let mut glances = Glances::new();
        let asked = Instant::now();
        let cast = &mut replay.cast;
        let is_seen = cast.watch(patience, |cast| {
            glances.look(cast.screen(at).printed().len(), || is_there(cast))
        })?;
        if is_seen.or_else(|| is_there(cast)).is_none() {
            replay.setting.timeouts.waited_in_vain();
            let text = cast.screen(at).text();
            let last_line = text.trim_end().lines().last();
            let last_line = last_line.map(|line| Excerpt::of(line.as_bytes()));
            let mut stop = replay.short(expected(false), Got::Screen { last_line });
            if let Outcome::FellShort(shortfall) = &mut *stop {
                shortfall.waited_for_enter = self.is_noticed_after_enter(replay, is_there)?;
            }
            return Err(stop);
        }
        replay.setting.timeouts.replied_within(asked.elapsed());
        replay.let_digest()?;
        self.take_what_was_printed(&mut replay.cast);
        let text = replay.cast.screen(at).text();
        let times = before.added(substance, text);
        if times > 1 && replay.policy.counts_copies_on_screen {
            return Err(replay.short(expected(true), Got::Copies { times }));
        }
        Ok(())
    }

    /// Presses these keys one after the other.
    pub(super) fn type_keys(&self, replay: &mut Replay<'_>, keys: &str) -> Result<(), Stop> {
        let Some(program) = replay.cast.programs.get_mut(self.program) else {
            return Err(replay.not_in_this_role());
        };
        program.press(keys.as_bytes());
        replay.cast.record_of(
            self.program,
            EventKind::Typed {
                bytes: keys.as_bytes().to_vec(),
            },
        );
        Ok(())
    }

    /// As a key first. A program that took the terminal out of its line mode gets only the byte: where it does
    /// nothing about it, it is sent the signal.
    pub(super) fn press_ctrl_c(&self, replay: &mut Replay<'_>) -> Result<(), Stop> {
        const TIME_TO_ACT: Duration = Duration::from_secs(1);
        let at = self.program;
        let patience = TIME_TO_ACT.max(replay.setting.timeouts.settle());
        let program = replay.cast.programs.get(at);
        let is_signal = program.is_some_and(RunningProgram::turns_ctrl_c_into_a_signal);
        self.type_keys(replay, "\x03")?;
        if is_signal {
            return Ok(());
        }
        let cast = &mut replay.cast;
        let acted = cast.wait_for(patience, |cast| has_ended_or_spoken(cast, at))?;
        if acted.is_none() {
            if let Some(program) = cast.programs.get_mut(at) {
                program.interrupt();
            }
            cast.record_of(
                at,
                EventKind::Signalled {
                    signal: "SIGINT".to_owned(),
                },
            );
            cast.log.note(Note::KeyDidNothing);
        }
        Ok(())
    }

    /// Whether something is so only once Enter is pressed.
    pub(super) fn is_noticed_after_enter<'a>(
        &self,
        replay: &mut Replay<'a>,
        is_so: impl Fn(&mut Cast<'a>) -> Option<()>,
    ) -> Result<bool, Stop> {
        const TIME_TO_NOTICE: Duration = Duration::from_millis(500);
        let patience = TIME_TO_NOTICE.max(replay.setting.timeouts.answer() / 4);
        let program = replay.cast.programs.get(self.program);
        if program.is_none_or(|program| program.how_ended().is_some()) {
            return Ok(false);
        }
        self.type_keys(replay, "\r")?;
        Ok(replay.cast.wait_for(patience, is_so)?.is_some())
    }

    /// Words of the program's own since the last thing that happened to it; a bare traceback does not count.
    pub(super) fn see_message(
        &self,
        replay: &mut Replay<'_>,
        kind: MessageKind,
    ) -> Result<(), Stop> {
        /// Maximum number of bytes that a person could be expected to read.
        const MOST_TO_READ: usize = 64 * 1024;
        let at = self.program;
        let patience = replay.setting.timeouts.answer();
        let from = self.printed_before;
        let before = self.lines_printed_before(&mut replay.cast);
        // What is printed is shown once, and as far as a person could read it.
        let mut since = Screen::default();
        let mut shown = from;
        let given = &self.given;
        // A part of a line may be shown when the rest cannot come, and tells nothing of why.
        let begun = String::from_utf8_lossy(&self.begun);
        let without_part = |line: &str| without_part(line, &begun);
        let mut words = |cast: &mut Cast<'_>| {
            let printed = cast.screen(at).printed();
            let to = printed.len().min(from + MOST_TO_READ);
            since.show(&printed[shown..to]);
            shown = to;
            let usual = if from > 0 {
                &before[..]
            } else {
                cast.setting.banner
            };
            let said: Vec<String> = since.text().lines().map(without_part).collect();
            own_words(&beyond_banner(&said.join("\n"), usual, given))
        };
        let mut glances = Glances::new();
        let asked = Instant::now();
        let cast = &mut replay.cast;
        cast.watch(patience, |cast| {
            if cast.how_ended(at).is_some() {
                return Watch::Done(());
            }
            let amount = cast.screen(at).printed().len().min(from + MOST_TO_READ);
            glances.look(amount, || words(cast).map(drop))
        })?;
        if words(cast).is_some() {
            cast.setting.timeouts.replied_within(asked.elapsed());
            return Ok(());
        }
        if cast.how_ended(at).is_none() {
            cast.setting.timeouts.waited_in_vain();
        }
        let mut since = Screen::default();
        since.show(&cast.screen(at).printed()[from..]);
        let got = match since.text().trim() {
            text if is_only_a_crash(text) => Got::Traceback,
            text => Got::Printed {
                text: Excerpt::of(text.as_bytes()),
            },
        };
        Err(replay.short(Expected::Message { about: kind }, got))
    }

    /// The lines that the program printed before something last happened to it, as far as they matter: the latest.
    fn lines_printed_before(&self, cast: &mut Cast<'_>) -> Vec<String> {
        const MOST: usize = 16 * 1024;
        let printed = &cast.screen(self.program).printed()[..self.printed_before];
        let mut screen = Screen::default();
        screen.show(&printed[printed.len().saturating_sub(MOST)..]);
        banner_in(screen.text(), &self.given)
    }
}

/// Whether a client has ended, or has said something to the harness's server.
pub(super) fn has_ended_or_spoken(cast: &mut Cast<'_>, program: usize) -> Option<()> {
    let has_ended = cast.programs.get(program)?.how_ended().is_some();
    let has_spoken = cast
        .peer("server")
        .is_some_and(|peer| peer.inbox().messages().next().is_some());
    (has_ended || has_spoken).then_some(())
}

/// What of a line is to be seen: the text of a message, or else all of it.
fn substance(line: &str) -> &str {
    match Utterance::of(line) {
        Utterance::Message { text, .. } => text,
        _ => line,
    }
}

/// What a printed line says beside the part of a message that it ends with, and the name of who sent that.
fn without_part(line: &str, begun: &str) -> String {
    let (name, text) = match Utterance::of(begun) {
        Utterance::Message { name, text } => (name, text.trim()),
        _ => ("", begun.trim()),
    };
    match line.trim_end().strip_suffix(text) {
        Some(rest) if !text.is_empty() && !name.is_empty() => rest.replace(name, ""),
        Some(rest) if !text.is_empty() => rest.to_owned(),
        _ => line.to_owned(),
    }
}

fn times_squeezed(words: &str, text: &str) -> usize {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    squeezed(text).matches(&squeezed(words)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_message_is_no_word_of_the_client() {
        let begun = "@bob: it is on";
        let left = |line| without_part(line, begun);
        assert_eq!(left("@bob: it is on"), "@: ");
        assert_eq!(left("[bob] it is on "), "[] ");
        let notice = "Connection lost in the middle of: @bob: it is on";
        assert_eq!(left(notice), "Connection lost in the middle of: @: ");
        assert_eq!(left("The server has gone"), "The server has gone");
        assert_eq!(
            without_part("The server has gone", ""),
            "The server has gone"
        );
    }

    #[track_caller]
    fn are_new(words: &str, before: &str, now: &str, times: usize) {
        let added = Times::of(words, before).added(words, now);
        assert_eq!(added, times, "{words:?} in {now:?}");
    }

    #[test]
    fn words_are_counted_to_the_letter_or_with_white_space_left_aside() {
        are_new("good morning", "", "bob: good morning", 1);
        are_new("good morning", "bob: good morning", "bob: good morning", 0);
        are_new(
            "good morning",
            "",
            "bob: good morning\nbob: good morning",
            2,
        );
        // It is broken into lines by the program.
        are_new("good morning", "", "bob: good\n     morning", 1);
        // Two lines were typed that read the same.
        are_new("good morning", "> good\n> morning", "> good\n> morning", 0);
        let typed = "good\nmorning";
        are_new(
            "good morning",
            typed,
            &format!("{typed}\nbob: good morning"),
            1,
        );
        are_new(" ", "", "bob:  ", 0);
    }
}
