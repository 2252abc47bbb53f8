//! The processes below one, followed from look to look.

use std::fs;
use std::ops::RangeInclusive;

use super::{Process, descendants, kill, process};

/// Everything that came of one process. A look costs little where nothing new was started on the
/// machine, since process ids are given out in order.
#[derive(Debug)]
pub struct ProcessTree {
    root: i32,
    known: Vec<Process>,
    /// The last id given out when it was looked last.
    last_id: Option<i32>,
}

impl ProcessTree {
    /// The tree below `root`, which is not in it itself.
    pub fn below(root: i32) -> ProcessTree {
        ProcessTree {
            root,
            known: Vec::new(),
            last_id: None,
        }
    }

    /// Ids of those that are there now.
    pub fn ids(&mut self) -> Vec<i32> {
        let last_id = last_id_given();
        match (self.last_id, last_id) {
            (Some(before), Some(now)) if before == now => {}
            (Some(before), Some(now)) if before < now => self.add_among(before + 1..=now),
            _ => self.known = descendants(self.root),
        }
        self.last_id = last_id;
        self.known
            .retain(|known| process(known.id).is_some_and(|now| now.started == known.started));
        self.known.iter().map(|process| process.id).collect()
    }

    /// Ends at once those that are there now.
    pub fn kill(&mut self) {
        self.ids();
        self.known.drain(..).for_each(kill);
    }

    /// Takes in those of the newly given ids that belong to the tree. One that was started meanwhile
    /// by a process with a higher id waits for the second round.
    fn add_among(&mut self, ids: RangeInclusive<i32>) {
        loop {
            let before = self.known.len();
            for new in ids.clone().filter_map(process) {
                let is_known = self.known.iter().any(|known| known.id == new.id);
                let is_child = new.parent == self.root
                    || self.known.iter().any(|known| known.id == new.parent);
                // Most ids are others': what costs more is asked last.
                if is_child && !is_known && is_process(new.id) {
                    self.known.push(new);
                }
            }
            if self.known.len() == before {
                return;
            }
        }
    }
}

fn last_id_given() -> Option<i32> {
    fs::read_to_string("/proc/loadavg")
        .ok()?
        .split_whitespace()
        .last()?
        .parse()
        .ok()
}

/// Threads have ids of the same kind, and are found by them under `/proc` too.
fn is_process(id: i32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) else {
        return false;
    };
    let group = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    group.and_then(|group| group.trim().parse().ok()) == Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn processes_are_followed_as_they_come_and_go() {
        let mut tree = ProcessTree::below(rustix::process::getpid().as_raw_pid());
        let own = |child: &std::process::Child| i32::try_from(child.id()).expect("an id");
        let start = || {
            Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .expect("starts")
        };
        let mut first = start();
        assert!(tree.ids().contains(&own(&first)));
        let mut second = start();
        let ids = tree.ids();
        assert!(ids.contains(&own(&first)) && ids.contains(&own(&second)));
        for child in [&mut first, &mut second] {
            child.kill().expect("is there");
            child.wait().expect("ends");
        }
        let ids = tree.ids();
        assert!(!ids.contains(&own(&first)) && !ids.contains(&own(&second)));
    }
}
