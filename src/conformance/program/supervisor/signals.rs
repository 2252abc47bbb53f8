//! Signals that a process inherits as ignored.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// After exec a caught signal has its default action, but an ignored one stays ignored. So every signal that a shell
/// or `nohup` may have set to be ignored is caught here.
pub(super) fn catch_signals() -> io::Result<()> {
    use signal_hook::consts::*;
    let noticed = Arc::new(AtomicBool::new(false));
    let inherited = [
        SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGTSTP, SIGTTIN,
        SIGTTOU, SIGWINCH,
    ];
    for signal in inherited {
        signal_hook::flag::register(signal, Arc::clone(&noticed))?;
    }
    Ok(())
}
