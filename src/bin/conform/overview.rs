//! The progress display while a class is graded: one line for the class, and one for each submission being judged.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;

use chat_conformance::conformance::evidence::visible_name;
use chat_conformance::conformance::run::Progress;
use chat_conformance::grading::class_run::ClassProgress;
use chat_conformance::transcript::syntax::Role;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::progress_target;

/// The lines at the bottom of the terminal, one for the whole and one for each submission at work.
pub struct Overview {
    lines: MultiProgress,
    whole: ProgressBar,
    at_work: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Overview {
    /// For `count` submissions, of which `settled` have results already.
    pub fn new(count: usize, settled: usize) -> Overview {
        let lines = MultiProgress::with_draw_target(progress_target());
        let as_u64 = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let whole = lines.add(ProgressBar::new(as_u64(count)));
        whole.set_style(style(
            "{bar:30} {pos}/{len} submissions, {elapsed} elapsed{left} {msg}",
            settled,
        ));
        whole.set_position(as_u64(settled));
        whole.enable_steady_tick(Duration::from_millis(200));
        Overview {
            lines,
            whole,
            at_work: Mutex::new(BTreeMap::new()),
        }
    }

    /// Shows a step.
    pub fn show(&self, progress: ClassProgress<'_>) {
        match progress {
            ClassProgress::Began(name) => {
                let line = self.lines.add(ProgressBar::new_spinner());
                line.set_style(style("  {spinner} {elapsed:>4} {prefix:24!} {msg}", 0));
                line.set_prefix(visible_name(name));
                line.enable_steady_tick(Duration::from_millis(200));
                self.at_work(|lines| lines.insert(name.to_owned(), line));
            }
            ClassProgress::Step(name, role, step) => self.step(name, role, step),
            ClassProgress::Recorded(record) => {
                let line = self.at_work(|lines| lines.remove(&record.submission));
                if let Some(line) = line {
                    line.finish_and_clear();
                    self.whole.inc(1);
                }
            }
            ClassProgress::ControlBegan => self
                .whole
                .set_message("(and checking the bundled reference)"),
            ClassProgress::ControlEnded(true) => self.whole.set_message(""),
            ClassProgress::ControlEnded(false) => {
                self.whole.set_message(
                    "(the reference failed on this machine: some submissions are judged again)",
                );
            }
            ClassProgress::Again(_) => self.whole.dec(1),
        }
    }

    fn step(&self, name: &str, role: Role, step: Progress<'_>) {
        let message = match step {
            Progress::Probing => format!("{role}: probing"),
            Progress::Began(case, _) => case.name.clone(),
            Progress::Finished(..) => return,
        };
        self.at_work(|lines| {
            if let Some(line) = lines.get(name) {
                line.set_message(message);
            }
        });
    }

    fn at_work<T>(&self, act: impl FnOnce(&mut BTreeMap<String, ProgressBar>) -> T) -> T {
        let mut lines = self
            .at_work
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        act(&mut lines)
    }

    /// Removes all lines.
    pub fn clear(&self) {
        self.at_work(|lines| lines.values().for_each(ProgressBar::finish_and_clear));
        self.whole.finish_and_clear();
    }
}

/// A progress line; `{left}` is about how long the rest takes, once more than `settled` things are done.
pub fn style(template: &str, settled: usize) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let settled = u64::try_from(settled).unwrap_or(u64::MAX);
    style.with_key("left", move |state: &ProgressState, out: &mut dyn Write| {
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let done = count(state.pos().saturating_sub(settled));
        let open = count(state.len().unwrap_or(0).saturating_sub(state.pos()));
        if done > 0 && open > 0 {
            // Programs take very different times, so only the time of all so far tells anything.
            let left = HumanDuration(state.elapsed() * open / done);
            let _ = write!(out, ", about {left} left");
        }
    })
}
