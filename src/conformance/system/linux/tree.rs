//! The processes below one, followed from look to look.

use std::fs;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::{Process, descendants, kill, process};

/// Everything that came of one process. A look costs little where nothing new was started on the
/// machine, since process ids are given out in order.
#[derive(Debug)]
pub struct ProcessTree {
    root: i32,
    known: Vec<Process>,
    /// The last id given out when it was looked last.
    last_id: Option<i32>,
    /// Ids behind which there was no process to be seen, and since when.
    unseen: Vec<(i32, Instant)>,
}

/// An id is given out before its process can be seen, a moment that is long only on a very busy machine. What cannot
/// be seen for so long was gone before it was looked for.
const LONGEST_UNSEEN: Duration = Duration::from_secs(5);

impl ProcessTree {
    /// The tree below `root`, which is not in it itself.
    pub fn below(root: i32) -> ProcessTree {
        ProcessTree {
            root,
            known: Vec::new(),
            last_id: None,
            unseen: Vec::new(),
        }
    }

    /// Ids of those that are there now.
    pub fn ids(&mut self) -> Vec<i32> {
        let last_id = last_id_given();
        match (self.last_id, last_id) {
            (Some(before), Some(now)) if before <= now => self.add_among(before + 1..=now),
            (_, now) => {
                /// How many processes may be about to be seen.
                const ABOUT_TO_COME: i32 = 64;
                self.known = descendants(self.root);
                if let Some(now) = now {
                    self.add_among(now - ABOUT_TO_COME..=now);
                }
            }
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

    /// Takes in those of the newly given ids, and of those unseen before, that belong to the tree. One that was started meanwhile
    /// by a process with a higher id waits for the second round.
    fn add_among(&mut self, new_ids: RangeInclusive<i32>) {
        let now = Instant::now();
        let mut ids = std::mem::take(&mut self.unseen);
        ids.retain(|(_, since)| now.duration_since(*since) < LONGEST_UNSEEN);
        ids.extend(new_ids.map(|id| (id, now)));
        loop {
            let before = self.known.len();
            self.unseen.clear();
            for &(id, since) in &ids {
                let Some(new) = process(id) else {
                    self.unseen.push((id, since));
                    continue;
                };
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

    /// The kernel gives out an id a moment before its process can be seen.
    #[test]
    fn no_process_is_missed_by_looking_while_it_starts() {
        use std::sync::mpsc::{TryRecvError, channel};
        const STARTS: usize = 500;
        let (started, news) = channel();
        let (seen, has_seen) = channel();
        let root = rustix::process::getpid().as_raw_pid();
        let looker = std::thread::spawn(move || {
            let mut tree = ProcessTree::below(root);
            loop {
                let before: Result<i32, TryRecvError> = news.try_recv();
                let ids = tree.ids();
                match before {
                    Ok(child) => seen.send(ids.contains(&child)).expect("is waited for"),
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        });
        let mut missed = 0;
        for _ in 0..STARTS {
            let mut child = Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .expect("starts");
            started
                .send(i32::try_from(child.id()).expect("an id"))
                .expect("it looks");
            missed += usize::from(!has_seen.recv().expect("it looks"));
            drop(child.stdin.take());
            child.wait().expect("ends");
        }
        drop(started);
        looker.join().expect("ends");
        assert_eq!(missed, 0);
    }

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
