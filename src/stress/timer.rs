//! A timer that wakes the poller with a finer resolution than its own milliseconds.

use std::io;
use std::time::Duration;

/// A timer that the poller reports as readable.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub struct Timer(std::os::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Timer {
    /// Registers a timer with the poller under `token`.
    pub fn new(token: mio::Token, registry: &mio::Registry) -> io::Result<Timer> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        use std::os::fd::AsRawFd;
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let raw = timer.as_raw_fd();
        registry.register(
            &mut mio::unix::SourceFd(&raw),
            token,
            mio::Interest::READABLE,
        )?;
        Ok(Timer(timer))
    }

    /// Wakes the poller once, after this time.
    pub fn set(&self, after: Duration) -> io::Result<()> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let none = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // Zero would disable the timer.
        let after = after.max(Duration::from_nanos(1));
        let value = Timespec {
            tv_sec: after.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: after.subsec_nanos().into(),
        };
        let once = Itimerspec {
            it_interval: none,
            it_value: value,
        };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}

/// On other systems the poller's own timeout has to do.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub struct Timer;

#[cfg(not(target_os = "linux"))]
impl Timer {
    /// A timer that does nothing.
    pub fn new(_: mio::Token, _: &mio::Registry) -> io::Result<Timer> {
        Ok(Timer)
    }

    /// Does nothing.
    pub fn set(&self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}
