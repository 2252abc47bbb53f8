//! Whose connection it is that the harness accepted: in the machine's network any program can open one.

use std::net::TcpStream;

use super::stage::Stage;
use crate::conformance::program::process::RunningProgram;
use crate::conformance::program::system::{self, Holder};
use crate::transcript::syntax::Action;

impl Stage<'_> {
    /// Whether the program under test opened this connection.
    pub(super) fn is_of_subject(&mut self, stream: &TcpStream) -> bool {
        if self.setting.profile.has_own_network {
            return true;
        }
        let mut holder = self.holder(stream);
        if holder == Holder::Other {
            // A process that has just started may have been missed, and one that has just ended holds nothing.
            holder = self.holder(stream);
        }
        match holder {
            Holder::Asked | Holder::Unknown => true,
            Holder::Other => false,
            // A program that says its words and ends at once is still to be heard.
            Holder::Nobody => self.gives_name(stream),
        }
    }

    /// Closes the connection of another program.
    pub(super) fn refuse(&mut self, stream: TcpStream) {
        drop(stream);
        // Once is enough: a program that connects again and again is not to fill the log.
        if !std::mem::replace(&mut self.has_refused, true) {
            self.log
                .note("a connection from a program that is not under test was refused");
        }
    }

    fn holder(&mut self, stream: &TcpStream) -> Holder {
        let (Ok(theirs), Ok(ours)) = (stream.peer_addr(), stream.local_addr()) else {
            return Holder::Nobody;
        };
        let subjects = self.subjects.iter_mut();
        let processes: Vec<i32> = subjects.flat_map(RunningProgram::processes).collect();
        system::holder(&self.sockets, theirs, ours, &processes)
    }

    /// Whether what was said on it contains the name that the program under test was given. Its other end is
    /// closed, so that all of it is there.
    fn gives_name(&self, stream: &TcpStream) -> bool {
        const MOST: usize = 4096;
        let name = self
            .transcript()
            .steps
            .iter()
            .find_map(|step| match &step.action {
                Action::ClientStarts { name, .. } => Some(name.as_bytes()),
                _ => None,
            });
        let Some(name) = name else { return false };
        let mut said = vec![0; MOST];
        let length = stream
            .set_nonblocking(true)
            .and_then(|()| stream.peek(&mut said))
            .unwrap_or(0);
        name.is_empty() || said[..length].windows(name.len()).any(|part| part == name)
    }
}
