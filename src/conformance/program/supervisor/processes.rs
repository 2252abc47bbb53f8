//! The processes of a program: collected, counted, signalled and ended.

use std::io::{self, BufRead};
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use signal_hook::consts::{SIGSYS, SIGXCPU, SIGXFSZ};

use super::report::report;
use crate::conformance::program::system;

/// A second safety net below the supervisors: adopts the processes of a program that ends its own supervisor, and
/// ends them when dropped. Drop it after all supervisors have ended.
#[derive(Debug)]
#[must_use]
pub struct Orphanage(());

impl Orphanage {
    /// From now on this process adopts orphans, and programs under test cannot inspect it.
    pub fn open() -> Orphanage {
        system::adopt_orphans();
        system::close_to_others();
        Orphanage(())
    }
}

impl Drop for Orphanage {
    fn drop(&mut self) {
        end_descendants();
    }
}

/// Collects every process that ends, and reports the end of the program.
pub(super) fn reap(subject: i32, over: &AtomicBool, were_too_many: &AtomicBool) {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_pid() == subject => {
                over.store(true, Ordering::SeqCst);
                let why = if were_too_many.load(Ordering::SeqCst) {
                    ": ended by the harness, because it had too many processes"
                } else {
                    ""
                };
                report(&format!("ended {}{why}", how_it_ended(status)));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn how_it_ended(status: WaitStatus) -> String {
    let status = ExitStatus::from_raw(status.as_raw());
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(SIGXCPU)) => format!("signal {SIGXCPU}: its processor time was used up"),
        (None, Some(SIGSYS)) => format!(
            "signal {SIGSYS}: it used system calls of another kind of processor; a 32-bit program cannot run in the cage"
        ),
        (None, Some(SIGXFSZ)) => format!("signal {SIGXFSZ}: a file that it wrote was too large"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Ends a program that starts more processes than its limit. Counting all processes that are visible is cheap, so the
/// program's own are counted only when there are many more than at first. The first process of a namespace sees no others.
pub(super) fn end_when_too_many(most: u64, is_first: bool, were_too_many: &AtomicBool) {
    const PAUSE: Duration = Duration::from_millis(20);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let own_id = rustix::process::getpid().as_raw_pid();
    let tasks = || match is_first {
        true => system::visible_processes(),
        false => system::tasks_on_this_machine(),
    };
    let at_first = tasks();
    let id_of_too_many = i32::try_from(most).unwrap_or(i32::MAX);
    // Ids begin anew some time, so this holds until there was a great one.
    let mut are_few = is_first;
    loop {
        std::thread::sleep(PAUSE);
        are_few &= system::last_id_given().is_some_and(|id| id < id_of_too_many);
        if are_few {
            continue;
        }
        let more = tasks().saturating_sub(at_first);
        let mut count = 0;
        let mut are_too_many = || {
            system::visit_descendants(own_id, |_| {
                count += 1;
                if count > most {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            count > most
        };
        if more > most && are_too_many() {
            were_too_many.store(true, Ordering::SeqCst);
            end_descendants();
        }
    }
}

/// Forwards the signals that the harness requests, until it closes the pipe.
pub(super) fn obey(subject: i32, over: &AtomicBool) {
    for line in io::stdin().lock().lines() {
        let signal = match line.as_deref() {
            Ok("interrupt") => Signal::INT,
            Ok("terminate") => Signal::TERM,
            Ok(_) => continue,
            Err(_) => return,
        };
        // Once the process is collected, its id may be reused.
        if let Some(pid) = Pid::from_raw(subject).filter(|_| !over.load(Ordering::SeqCst)) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Ends every process below this one, as far as the system allows. Returns whether none is left.
pub(super) fn end_descendants() -> bool {
    let own_id = rustix::process::getpid().as_raw_pid();
    system::end_all(system::end, || {
        // Processes that have ended are collected. Orphans become children of this process, so without children there
        // is nothing below it.
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => return None,
            }
        }
        // Stops each process before looking for its children.
        let mut left = Vec::new();
        system::visit_descendants(own_id, |process| {
            system::stop(&[process.id]);
            left.push(process);
            ControlFlow::Continue(())
        });
        // The list may be empty although there are children: a process that is about to end is not listed.
        Some(left)
    })
}
