//! Connections and the program come to their ends.

use std::time::{Duration, Instant};

use super::cast::Cast;
use super::heard::milliseconds;
use super::peer::End;
use super::replay::Replay;
use super::setting::Stop;
use super::watch::Watch;
use crate::conformance::evidence::EventKind;
use crate::conformance::evidence::shortfall::{Expected, Got};

impl Replay<'_> {
    /// Closes in an orderly way: says that nothing follows, takes what still arrives, and is gone.
    pub(super) fn close(&mut self, actor: &str) -> Result<(), Stop> {
        self.settling.acts(&mut self.cast, actor)?;
        self.let_digest()?;
        let held: Vec<usize> = self.connections_of(actor);
        for position in &held {
            self.cast.peers[*position].finish_sending();
        }
        self.closing.extend(held);
        self.gone(actor, false);
        // A program that is paused is let to take what there is first.
        if self.settling.is_holding_still() {
            return Ok(());
        }
        self.finish_closing()
    }

    /// Closes the connections on which nothing more is sent, once the program has closed them too or has had time to.
    fn finish_closing(&mut self) -> Result<(), Stop> {
        let closing = std::mem::take(&mut self.closing);
        let settle = self.setting.timeouts.settle();
        self.cast.wait_for(settle, |cast| {
            closing
                .iter()
                .all(|position| !cast.peers[*position].is_open())
                .then_some(())
        })?;
        for position in closing {
            self.cast.peers[position].close();
        }
        Ok(())
    }

    pub(super) fn reset(&mut self, actor: &str) -> Result<(), Stop> {
        self.settling.acts(&mut self.cast, actor)?;
        self.let_digest()?;
        for position in self.connections_of(actor) {
            self.cast.peers[position].reset();
        }
        self.gone(actor, true);
        Ok(())
    }

    fn connections_of(&self, actor: &str) -> Vec<usize> {
        let peers = &self.cast.peers;
        let is_held =
            |position: &usize| peers[*position].actor == actor && !peers[*position].is_closed();
        (0..peers.len()).filter(is_held).collect()
    }

    fn gone(&mut self, actor: &str, reset: bool) {
        self.settling.acts_next(actor);
        self.room.left(actor, reset);
        self.cast.log.record(EventKind::Closed {
            actor: actor.to_owned(),
            by_program: false,
            reset,
        });
    }

    pub(super) fn be_disconnected(&mut self, actor: &str) -> Result<(), Stop> {
        let patience = self.setting.timeouts.answer();
        let end: Option<End> = self.cast.wait_for(patience, |cast| {
            let peer = cast.peer(actor)?;
            if peer.inbox().is_full() {
                // The end comes behind what nobody looks at any more.
                peer.inbox_mut().take(|_| true);
            }
            peer.end().cloned()
        })?;
        if end.is_some() {
            return Ok(());
        }
        let expected = Expected::Closed {
            actor: actor.to_owned(),
        };
        let after = milliseconds(patience);
        Err(self.short(expected, Got::StillOpen { after }))
    }

    // The program's process.

    /// Stops the program until it goes on, so that what is done meanwhile is there at the same time.
    pub(super) fn pause(&mut self) -> Result<(), Stop> {
        if self.settling.pause(&mut self.cast)? {
            self.record_signal("SIGSTOP");
        }
        self.room.paused();
        Ok(())
    }

    pub(super) fn go_on(&mut self) -> Result<(), Stop> {
        if self.settling.go_on(&mut self.cast)? {
            self.record_signal("SIGCONT");
        }
        self.room.went_on();
        if self.closing.is_empty() {
            return Ok(());
        }
        self.finish_closing()
    }

    fn record_signal(&mut self, signal: &str) {
        let signal = signal.to_owned();
        self.cast.record_of(0, EventKind::Signalled { signal });
    }

    pub(super) fn let_pass(&mut self, time: Duration) -> Result<(), Stop> {
        self.let_digest()?;
        self.cast.look_on_for(time)
    }

    pub(super) fn terminate(&mut self) -> Result<(), Stop> {
        self.let_digest()?;
        let Some(program) = self.cast.programs.first_mut() else {
            return Err(self.not_in_this_role());
        };
        program.terminate();
        self.room.asked_to_end();
        self.record_signal("SIGTERM");
        Ok(())
    }

    pub(super) fn compare_memory(&mut self, bound: u64) -> Result<(), Stop> {
        self.let_digest()?;
        let bytes = self.memory.growth(&mut self.cast);
        if bytes <= bound {
            return Ok(());
        }
        Err(self.short(Expected::Growth { at_most: bound }, Got::Growth { bytes }))
    }

    /// Waits for the end of this one of the processes that were started; connections stay open meanwhile.
    pub(super) fn wait_for_end(&mut self, program: usize) -> Result<(), Stop> {
        let timeouts = self.setting.timeouts;
        let patience = timeouts.end();
        let begun = Instant::now();
        let dropped = |cast: &Cast<'_>| cast.dropped_by(program);
        let dropped_before = dropped(&self.cast);
        let lost = self.cast.watch(patience, |cast| {
            let dropped = dropped(cast) - dropped_before;
            let Some(program) = cast.programs.get(program) else {
                return Watch::On;
            };
            let is_lost = program.is_lost();
            match program.how_ended() {
                Some(_) => Watch::Done(Some(is_lost)),
                None if begun.elapsed() > timeouts.patience() && is_flood(dropped) => {
                    Watch::Done(None)
                }
                None => Watch::On,
            }
        })?;
        let got = match lost.flatten() {
            Some(false) => return Ok(()),
            Some(true) => Got::EndUnknown,
            None => Got::StillRunning {
                after: milliseconds(begun.elapsed().min(patience)),
            },
        };
        Err(self.short(Expected::Ends, got))
    }
}

/// Whether a program that should end prints on instead: so many bytes beyond what its screen keeps. Then it is not the
/// machine that keeps it from ending, however busy it makes the machine.
fn is_flood(dropped: usize) -> bool {
    /// More than a program says as it ends, in bytes.
    const FLOOD: usize = 1024 * 1024;
    dropped > FLOOD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_as_it_ends_is_no_flood() {
        assert!(!is_flood(0) && !is_flood(64 * 1024));
        assert!(is_flood(2 * 1024 * 1024));
    }
}
