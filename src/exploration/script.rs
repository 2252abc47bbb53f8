//! From what a model predicts to a transcript, as a person would write it.

use crate::transcript::syntax::Transcript;
use crate::transcript::{format, is_plain, parse, quoted};

/// The steps of a conversation, each with the act that it belongs to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Script {
    steps: Vec<(usize, String)>,
    /// Positions of steps with a blank line before them.
    pauses: Vec<usize>,
}

impl Script {
    /// Adds a step that belongs to an act.
    pub fn step(&mut self, act: usize, step: impl Into<String>) {
        self.steps.push((act, step.into()));
    }

    /// Begins a new paragraph with the next step.
    pub fn pause(&mut self) {
        self.pauses.push(self.steps.len());
    }

    /// Adds a step in which somebody sends a line, with an arrow where an arrow can say it.
    pub fn says(&mut self, act: usize, actor: &str, line: &str) {
        if fits_arrow(line) {
            self.step(act, format!("{actor} > {line}"));
        } else {
            self.sends(act, actor, format!("{line}\n").as_bytes());
        }
    }

    /// Adds a step in which somebody receives a line.
    pub fn gets(&mut self, act: usize, actor: &str, line: &str) {
        if fits_arrow(line) {
            self.step(act, format!("{actor} < {line}"));
        } else {
            let line = quoted(format!("{line}\n").as_bytes());
            self.step(act, format!("{actor} hears {line}"));
        }
    }

    /// Adds a step in which somebody sends bytes in a segment of their own.
    pub fn sends(&mut self, act: usize, actor: &str, bytes: &[u8]) {
        self.step(act, format!("{actor} sends {}", quoted(bytes)));
    }

    /// Adds steps in which somebody sends bytes in segments of these sizes; the rest is one more.
    pub fn sends_in_parts(&mut self, act: usize, actor: &str, bytes: &[u8], sizes: &[usize]) {
        let mut rest = bytes;
        for size in sizes {
            let (part, others) = rest.split_at(rest.len().min(*size));
            if !part.is_empty() && !others.is_empty() {
                self.sends(act, actor, part);
                rest = others;
            }
        }
        self.sends(act, actor, rest);
    }

    /// The act that a step belongs to.
    pub fn act_of(&self, step: usize) -> Option<usize> {
        self.steps.get(step).map(|(act, _)| *act)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The transcript's text, in canonical format, and the transcript.
    ///
    /// # Errors
    /// The text, where it is no transcript: a mistake of a model.
    pub fn transcript(
        &self,
        name: &str,
        sentence: &str,
        covers: &[&str],
    ) -> Result<(String, Transcript), String> {
        let mut source = format!("# {sentence}\ncovers {}\n\n", covers.join(" "));
        for (position, (_, step)) in self.steps.iter().enumerate() {
            if position > 0 && self.pauses.contains(&position) {
                source.push('\n');
            }
            source.push_str(step);
            source.push('\n');
        }
        match (format(&source), parse(name, &source)) {
            (Ok(text), Ok(transcript)) => Ok((text, transcript)),
            _ => Err(source),
        }
    }
}

/// Whether an arrow can say a line.
fn fits_arrow(line: &str) -> bool {
    !line.is_empty() && !line.ends_with("...") && line.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::syntax::Action;

    fn only_action(script: &Script) -> Action {
        let (text, transcript) = script
            .transcript("test", "A case.", &["S-MSG-1"])
            .expect("is a transcript");
        assert!(text.starts_with("# A case.\ncovers S-MSG-1\n\n"), "{text}");
        transcript.steps[1].action.clone()
    }

    #[test]
    fn bytes_are_what_they_were() {
        let all: Vec<u8> = (0..=255).collect();
        for bytes in [
            all,
            "\u{e9}\u{2028}\u{85}\u{301} \"\\\n\r\t\0"
                .as_bytes()
                .to_vec(),
        ] {
            let mut script = Script::default();
            script.step(0, "alice joins");
            script.sends(1, "alice", &bytes);
            match only_action(&script) {
                Action::Sends { bytes: sent, .. } => assert_eq!(sent, bytes),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn lines_are_what_they_were() {
        for line in ["@alice: hi", "@alice:  hi ", "@alice: and so on ..."] {
            let mut script = Script::default();
            script.step(0, "alice joins");
            script.says(1, "alice", line);
            assert_eq!(script.act_of(1), Some(1));
            let said = match only_action(&script) {
                Action::Sends { bytes, .. } => String::from_utf8(bytes).expect("is text"),
                Action::Says { line, .. } => line + "\n",
                other => panic!("{other:?}"),
            };
            assert_eq!(said, format!("{line}\n"));
        }
    }
}
