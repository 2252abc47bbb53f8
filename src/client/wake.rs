//! What other threads have to tell the event loop: signals, and the end of connecting.

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

/// This many requests to leave, and the program ends whatever holds it up, such as a terminal that
/// takes no output.
const LAST_INTERRUPT: usize = 3;

/// Something that another thread has to tell.
#[derive(Debug)]
pub enum Wake {
    /// The connection is there, or cannot be.
    Connected(Result<TcpStream, ConnectError>),
    /// The user wants to leave: SIGINT, SIGTERM or SIGHUP.
    Interrupted,
    /// The user wants to suspend the program: SIGTSTP.
    Suspended,
    /// The program goes on after it was stopped: SIGCONT.
    Continued,
    /// The terminal has another size: SIGWINCH.
    Resized,
}

/// Where the event loop hears of it; a descriptor to poll, and then the news.
#[derive(Debug)]
pub struct Alarm {
    news: Receiver<Wake>,
    sender: Sender<Wake>,
    bell: UnixStream,
    /// A byte written here makes the descriptor readable.
    button: Arc<UnixStream>,
}

impl Alarm {
    /// An alarm that nothing rings yet.
    pub fn new() -> io::Result<Self> {
        let (sender, news) = mpsc::channel();
        let (bell, button) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        button.set_nonblocking(true)?;
        Ok(Self {
            news,
            sender,
            bell,
            button: Arc::new(button),
        })
    }

    /// Has signals ring it.
    pub fn ring_on_signals(&self) -> Result<(), Box<dyn std::error::Error>> {
        let ring = self.ringer();
        let mut interrupts = 0;
        ctrlc::set_handler(move || {
            interrupts += 1;
            if interrupts == LAST_INTERRUPT {
                raw_mode::restore();
                std::process::exit(1);
            }
            ring(Wake::Interrupted);
        })?;

        let ring = self.ringer();
        let mut signals = Signals::new([SIGTSTP, SIGCONT, SIGWINCH])?;
        thread::spawn(move || {
            for signal in signals.forever() {
                ring(match signal {
                    SIGTSTP => Wake::Suspended,
                    SIGCONT => Wake::Continued,
                    _ => Wake::Resized,
                });
            }
        });
        Ok(())
    }

    /// Connects in the background, and rings when that is done.
    pub fn ring_on_connection(&self, address: Address) {
        let ring = self.ringer();
        thread::spawn(move || ring(Wake::Connected(connect(&address))));
    }

    /// What has happened since the last call.
    pub fn news(&self) -> Vec<Wake> {
        // Emptied first: what rings after that makes it readable anew.
        while matches!((&self.bell).read(&mut [0; 64]), Ok(1..)) {}
        self.news.try_iter().collect()
    }

    fn ringer(&self) -> impl Fn(Wake) + Send + use<> {
        let (sender, button) = (self.sender.clone(), Arc::clone(&self.button));
        move |wake| {
            // Neither fails but when the event loop has ended, or is rung already.
            let _ = sender.send(wake);
            let _ = (&*button).write(&[0]);
        }
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
