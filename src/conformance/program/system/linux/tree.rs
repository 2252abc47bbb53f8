//! The processes below one process, followed over time.

use std::time::{Duration, Instant};

use super::processes::{cpu_time_with_ended, descendants, end, last_id_given, process, state};
use crate::conformance::program::system::kinds::{Process, end_all};

/// All descendants of one process. An update is cheap, and cheapest if no process was started on the machine since
/// the last one.
#[derive(Debug)]
pub struct ProcessTree {
    root: i32,
    /// Start time of the root, which distinguishes it from a later process with the same id.
    root_started: Option<u64>,
    known: Vec<Process>,
    /// The latest process id of the machine at the last update.
    last_id: Option<i32>,
    /// When a newer process id was first seen.
    last_new: Instant,
}

/// How long a process may be invisible after its id was assigned; this is long only on a very busy machine.
const LONGEST_UNSEEN: Duration = Duration::from_secs(2);

/// The id of no process.
const NOBODY: i32 = -1;

impl ProcessTree {
    /// The tree below `root`, without `root` itself.
    pub fn below(root: i32) -> ProcessTree {
        ProcessTree {
            root,
            root_started: process(root).map(|root| root.started),
            known: Vec::new(),
            last_id: None,
            last_new: Instant::now(),
        }
    }

    /// Ids of the processes that exist now.
    pub fn ids(&mut self) -> Vec<i32> {
        let last_id = last_id_given();
        if last_id.is_none() || last_id != self.last_id {
            self.last_id = last_id;
            self.last_new = Instant::now();
        }
        let found = if self.last_new.elapsed() < LONGEST_UNSEEN {
            descendants(self.root)
        } else {
            Vec::new()
        };
        // A process that its parent no longer lists may have been adopted.
        let seen = |id| found.iter().find(|found| found.id == id).copied();
        self.known.retain(|known| {
            let now = seen(known.id).or_else(|| process(known.id));
            now.is_some_and(|now| now.started == known.started)
        });
        for new in found {
            if !self.known.iter().any(|known| known.id == new.id) {
                self.known.push(new);
            }
        }
        self.known.iter().map(|process| process.id).collect()
    }

    /// Processor time of all processes, including those that have ended, if they were collected.
    pub fn cpu_time(&mut self) -> Duration {
        let ids = self.ids();
        cpu_time_with_ended(self.root, &ids)
    }

    /// Ends all processes, and those that they start meanwhile. Gives up if the system does not end them.
    pub fn kill(&mut self) {
        end_all(end, || {
            let root_started = process(self.root).map(|root| root.started);
            if root_started.is_none() || root_started != self.root_started {
                // Processes below that id now, if any, are unrelated.
                self.root = NOBODY;
            }
            self.last_id = None;
            self.ids();
            self.look_below_known();
            let is_left = |process: &Process| !matches!(state(process.id), None | Some('Z' | 'X'));
            let left: Vec<Process> = self.known.iter().copied().filter(is_left).collect();
            (!left.is_empty()).then_some(left)
        });
    }

    /// Adds the new children of the known processes. Once the root has ended, they are no longer below it.
    fn look_below_known(&mut self) {
        let found: Vec<Process> = self
            .known
            .iter()
            .flat_map(|known| descendants(known.id))
            .collect();
        for new in found {
            if !self.known.iter().any(|known| known.id == new.id) {
                self.known.push(new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// The kernel assigns an id a moment before the process becomes visible.
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
    fn those_that_were_started_meanwhile_are_ended_too() {
        const LONGEST: Duration = Duration::from_secs(60);
        let script = "for i in 1 2 3; do sh -c 'sleep 60; sleep 60' & done; cat";
        let mut root = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("starts");
        let id = i32::try_from(root.id()).expect("an id");
        let mut tree = ProcessTree::below(id);
        let begun = Instant::now();
        while tree.ids().len() < 4 && begun.elapsed() < LONGEST {
            std::thread::yield_now();
        }
        crate::conformance::program::system::stop(&[id]);
        tree.kill();
        let is_over = |process: &Process| matches!(state(process.id), None | Some('Z' | 'X'));
        assert!(!tree.known.is_empty() && tree.known.iter().all(is_over));
        root.kill().expect("is there");
        root.wait().expect("ends");
    }

    #[test]
    fn the_processor_time_of_processes_that_are_gone_is_known() {
        const BURNT: Duration = Duration::from_millis(50);
        let script = "for i in 1 2 3 4 5; do sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'; done; \
                      echo; cat";
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut tree = ProcessTree::below(i32::try_from(shell.id()).expect("an id"));
        let mut said = [0];
        std::io::Read::read_exact(shell.stdout.as_mut().expect("is piped"), &mut said)
            .expect("says that they are gone");
        assert!(tree.cpu_time() >= BURNT);
        drop(shell.stdin.take());
        shell.wait().expect("ends");
    }

    #[test]
    fn what_is_started_after_the_root_has_ended_is_ended_too() {
        use std::io::{BufRead, BufReader, Write};
        const LONGEST: Duration = Duration::from_secs(60);
        const SCRIPT: &str =
            "exec 3<&0; sh -c 'read line; sleep 60 & echo $!; wait' <&3 & exec 3<&-; wait";
        let mut root = Command::new("sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut tree = ProcessTree::below(i32::try_from(root.id()).expect("an id"));
        let begun = Instant::now();
        while tree.ids().is_empty() && begun.elapsed() < LONGEST {
            std::thread::yield_now();
        }
        let mut input = root.stdin.take().expect("has one");
        let output = root.stdout.take().expect("has one");
        root.kill().expect("is there");
        root.wait().expect("ends");
        writeln!(input, "go").expect("is read");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("says it");
        let late = process(line.trim().parse().expect("an id")).expect("is there");
        tree.kill();
        let is_over = matches!(state(late.id), None | Some('Z' | 'X'));
        crate::conformance::program::system::kill(late);
        assert!(is_over);
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
