//! How other threads notify the event loop of signals and of the connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use signal_hook::consts::{SIGCONT, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use super::address::Address;
use super::connect::{ConnectError, connect};
use super::raw_mode;

/// After this many requests to leave, the program ends at once, even if a blocked terminal holds it
/// up.
const MAX_INTERRUPTS: usize = 3;

/// A notification from another thread.
#[derive(Debug)]
pub enum Wake {
    /// The connection is open or has failed.
    Connected(Result<TcpStream, ConnectError>),
    /// The user wants to leave: SIGINT, SIGTERM or SIGHUP.
    Interrupted,
    /// The user wants to suspend the program: SIGTSTP.
    Suspended,
    /// The program continues after it was stopped: SIGCONT.
    Continued,
    /// The terminal's size has changed: SIGWINCH.
    Resized,
}

/// Receives notifications: a descriptor to poll, and a queue.
#[derive(Debug)]
pub struct Alarm {
    notifications: Receiver<Wake>,
    sender: Sender<Wake>,
    receiver_end: UnixStream,
    /// Writing a byte here makes the descriptor readable.
    sender_end: Arc<UnixStream>,
}

impl Alarm {
    /// An alarm without any sources.
    pub fn new() -> io::Result<Self> {
        let (sender, notifications) = mpsc::channel();
        let (receiver_end, sender_end) = UnixStream::pair()?;
        receiver_end.set_nonblocking(true)?;
        sender_end.set_nonblocking(true)?;
        Ok(Self {
            notifications,
            sender,
            receiver_end,
            sender_end: Arc::new(sender_end),
        })
    }

    /// Makes signals send notifications.
    pub fn notify_on_signals(&self) -> Result<(), Box<dyn std::error::Error>> {
        let notify = self.notifier();
        let mut interrupts = 0;
        ctrlc::set_handler(move || {
            interrupts += 1;
            if interrupts == MAX_INTERRUPTS {
                raw_mode::restore();
                std::process::exit(1);
            }
            notify(Wake::Interrupted);
        })?;

        let notify = self.notifier();
        let mut signals = Signals::new([SIGTSTP, SIGCONT, SIGWINCH])?;
        thread::spawn(move || {
            for signal in signals.forever() {
                notify(match signal {
                    SIGTSTP => Wake::Suspended,
                    SIGCONT => Wake::Continued,
                    _ => Wake::Resized,
                });
            }
        });
        Ok(())
    }

    /// Connects in the background and sends a notification when done.
    pub fn connect_in_background(&self, address: Address) {
        let notify = self.notifier();
        thread::spawn(move || notify(Wake::Connected(connect(&address))));
    }

    /// All notifications since the last call.
    pub fn notifications(&self) -> Vec<Wake> {
        // Empty it first: later notifications make it readable again.
        while matches!((&self.receiver_end).read(&mut [0; 64]), Ok(1..)) {}
        self.notifications.try_iter().collect()
    }

    fn notifier(&self) -> impl Fn(Wake) + Send + use<> {
        let (sender, sender_end) = (self.sender.clone(), Arc::clone(&self.sender_end));
        move |wake| {
            // These fail only if the event loop has ended, or if the descriptor is readable
            // already.
            let _ = sender.send(wake);
            let _ = (&*sender_end).write(&[0]);
        }
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver_end.as_fd()
    }
}
