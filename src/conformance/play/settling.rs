//! Letting the program come to rest, so that things are done to it in the order in which the transcript says them.

use std::time::{Duration, Instant};

use super::cast::Cast;
use super::setting::Stop;
use super::watch::{BackOff, Watch};
use crate::conformance::program::system;

/// What the program may not have dealt with yet, and what is known of how it deals with things.
pub(super) struct Settling {
    /// Each message must be read before more is sent, or the program would take them for one.
    one_at_a_time: bool,
    /// The actor whose doing the program may not have dealt with yet.
    unsettled: Option<String>,
    /// The actor who said goodbye, which the program may not have carried out yet.
    leaving: Option<String>,
    /// The program was seen never to rest, so that waiting for its rest is vain.
    is_restless: bool,
    /// The program was seen to leave something unread, so that waiting for that is vain.
    is_deaf: bool,
    /// The program was seen to let somebody wait to be accepted, so that waiting for that is vain.
    is_inattentive: bool,
    /// The processes of the program that are stopped.
    stopped: Vec<i32>,
    /// They are stopped until the transcript says that they go on, rather than until somebody's first words are there.
    is_paused: bool,
}

impl Settling {
    pub(super) fn new(one_at_a_time: bool) -> Settling {
        Settling {
            one_at_a_time,
            unsettled: None,
            leaving: None,
            is_restless: false,
            is_deaf: false,
            is_inattentive: false,
            stopped: Vec::new(),
            is_paused: false,
        }
    }

    /// Notes that `actor` does something, and first lets the program deal with what another did before.
    pub(super) fn acts(&mut self, cast: &mut Cast<'_>, actor: &str) -> Result<(), Stop> {
        if self.is_holding_still() {
            return Ok(());
        }
        if self.leaving.as_deref().is_some_and(|other| other != actor) {
            self.let_leave(cast)?;
        }
        match &self.unsettled {
            Some(other) if other != actor => self.let_digest(cast)?,
            Some(_) if self.one_at_a_time => {
                let has_spoken = cast.peer(actor).is_some_and(|peer| peer.has_spoken());
                if cast.address.is_some() && !has_spoken {
                    self.let_accept(cast)?;
                } else {
                    self.let_digest(cast)?;
                }
            }
            // What one actor says keeps its order by itself, and arrives in segments of its own.
            Some(_) => let_read(cast, actor)?,
            None => {}
        }
        self.unsettled = Some(actor.to_owned());
        Ok(())
    }

    /// Notes that `actor` did something when nothing of others was left to deal with.
    pub(super) fn acts_next(&mut self, actor: &str) {
        self.unsettled = Some(actor.to_owned());
    }

    /// Notes that `actor` said goodbye.
    pub(super) fn says_goodbye(&mut self, actor: &str) {
        self.leaving = Some(actor.to_owned());
    }

    /// Whether the program is stopped.
    pub(super) fn is_holding_still(&self) -> bool {
        !self.stopped.is_empty()
    }

    /// Stops the program until [`Settling::go_on`]. Returns whether it is stopped: programs that could notice the
    /// signals are not, nor are those that the harness did not start.
    pub(super) fn pause(&mut self, cast: &mut Cast<'_>) -> Result<bool, Stop> {
        /// Longer than a thread takes that has just come to rest.
        const LONGEST: Duration = Duration::from_millis(100);
        self.let_leave(cast)?;
        self.let_digest(cast)?;
        let processes = cast.processes();
        if cast.look_until(LONGEST, |_| system::can_be_stopped_unnoticed(&processes))? {
            self.stop(cast, processes)?;
        }
        self.is_paused = self.is_holding_still();
        Ok(self.is_paused)
    }

    /// Lets the program continue after a pause. Returns whether it was stopped.
    pub(super) fn go_on(&mut self, cast: &mut Cast<'_>) -> Result<bool, Stop> {
        let was_paused = std::mem::take(&mut self.is_paused);
        self.let_go();
        self.let_digest(cast)?;
        Ok(was_paused)
    }

    /// Stops the program, so that all that follows is there when it continues.
    pub(super) fn hold_still(&mut self, cast: &mut Cast<'_>) -> Result<(), Stop> {
        self.let_digest(cast)?;
        let processes = cast.processes();
        self.stop(cast, processes)
    }

    fn stop(&mut self, cast: &mut Cast<'_>, processes: Vec<i32>) -> Result<(), Stop> {
        const LONGEST: Duration = Duration::from_secs(1);
        system::stop(&processes);
        self.stopped = processes;
        cast.look_until(LONGEST, |_| system::are_stopped(&self.stopped))?;
        Ok(())
    }

    /// Lets the program continue where it was stopped for somebody's first words.
    pub(super) fn let_go(&mut self) {
        if self.is_paused {
            return;
        }
        system::resume(&std::mem::take(&mut self.stopped));
    }

    /// Waits until the program has closed the connection of the actor who said goodbye, for as long as it took
    /// over its answers: it may pause between reading a goodbye and carrying it out.
    fn let_leave(&mut self, cast: &mut Cast<'_>) -> Result<(), Stop> {
        let Some(actor) = self.leaving.take() else {
            return Ok(());
        };
        let settle = cast.setting.timeouts.settle();
        cast.wait_for(settle, |cast| {
            let is_gone = cast.peer(&actor).is_none_or(|peer| !peer.is_open());
            is_gone.then_some(())
        })?;
        Ok(())
    }

    /// Waits until the program has read all that was sent to it and all its threads wait in the kernel; for a
    /// bounded time, since some never do.
    pub(super) fn let_digest(&mut self, cast: &mut Cast<'_>) -> Result<(), Stop> {
        const LONGEST: Duration = Duration::from_millis(300);
        const LONGEST_FOR_RESTLESS: Duration = Duration::from_millis(30);
        self.unsettled = None;
        if self.is_holding_still() {
            return Ok(());
        }
        if !cast.can_see_processes() {
            return wait_for_quiet(cast);
        }
        if !self.let_take_all(cast)? {
            return Ok(());
        }
        let longest = if self.is_restless {
            LONGEST_FOR_RESTLESS
        } else {
            LONGEST
        };
        let mut back_off = BackOff::new();
        let mut mark = None;
        let rested = cast.watch(longest, |cast| {
            let now = cast.mark_of_rest();
            if now.is_some() && now == mark {
                return Watch::Done(());
            }
            mark = now;
            Watch::Again(back_off.next())
        })?;
        if rested.is_none() {
            self.is_restless = true;
        }
        Ok(())
    }

    /// Waits until the program has accepted every connection; not for long, since some serve one at a time.
    fn let_accept(&mut self, cast: &mut Cast<'_>) -> Result<(), Stop> {
        const LONGEST: Duration = Duration::from_millis(300);
        if self.is_inattentive {
            return Ok(());
        }
        self.is_inattentive = !cast.look_until(LONGEST, |cast| cast.all_is_accepted())?;
        Ok(())
    }

    /// Waits until the program has read all that was sent to it: much longer than for its rest, since a program
    /// that looks at its connections in turn, with a pause, takes the words of two in any order.
    fn let_take_all(&mut self, cast: &mut Cast<'_>) -> Result<bool, Stop> {
        const LONGEST_FOR_DEAF: Duration = Duration::from_millis(30);
        let longest = if self.is_deaf {
            LONGEST_FOR_DEAF
        } else {
            cast.setting.timeouts.reading()
        };
        let is_taken = cast.look_until(longest, |cast| cast.all_is_taken())?;
        if !is_taken && !self.is_deaf {
            self.is_deaf = true;
            cast.setting.timeouts.read_in_vain();
        }
        Ok(is_taken)
    }
}

/// Waits until what `actor` sent to the program has been read; for a bounded time.
fn let_read(cast: &mut Cast<'_>, actor: &str) -> Result<(), Stop> {
    const LONGEST: Duration = Duration::from_millis(300);
    let Some(position) = cast.position(actor).filter(|_| cast.can_see_processes()) else {
        return Ok(());
    };
    cast.look_until(LONGEST, |cast| cast.has_taken(&cast.peers[position]))?;
    Ok(())
}

/// Waits until nothing has arrived for the settle time; for a bounded time.
pub(super) fn wait_for_quiet(cast: &mut Cast<'_>) -> Result<(), Stop> {
    const LONGEST: Duration = Duration::from_secs(2);
    let settle = cast.setting.timeouts.settle();
    let mut quiet_since = (Instant::now(), cast.log.happened());
    cast.watch(LONGEST, |cast| {
        if cast.log.happened() != quiet_since.1 {
            quiet_since = (Instant::now(), cast.log.happened());
        }
        match settle.saturating_sub(quiet_since.0.elapsed()) {
            Duration::ZERO => Watch::Done(()),
            left => Watch::Again(left),
        }
    })?;
    Ok(())
}
