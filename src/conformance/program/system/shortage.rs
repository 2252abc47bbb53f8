//! Detects that the harness ran out of file descriptors. What it could not look up then says nothing about a program.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::io::Errno;

/// Remembers when this process, or the machine, last ran out of file descriptors.
#[derive(Debug, Default)]
pub struct Shortage(Mutex<Option<Instant>>);

/// The descriptors of this process.
pub static DESCRIPTORS: Shortage = Shortage(Mutex::new(None));

impl Shortage {
    /// Remembers an error that means that no descriptor is left.
    pub fn note(&self, error: &io::Error) {
        let shortages = [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error()));
        if shortages.contains(&error.raw_os_error()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// Returns a result unchanged, and remembers its error.
    ///
    /// # Errors
    /// The one that was passed in.
    pub fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| self.note(error))
    }

    /// Whether there was a shortage at `begun` or later.
    pub fn was_there_since(&self, begun: Instant) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last >= begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lack_of_descriptors_is_a_shortage() {
        let shortage = Shortage::default();
        let begun = Instant::now();
        shortage.note(&io::ErrorKind::NotFound.into());
        assert!(!shortage.was_there_since(begun));
        let error = io::Error::from_raw_os_error(Errno::MFILE.raw_os_error());
        assert!(shortage.noted::<()>(Err(error)).is_err());
        assert!(shortage.was_there_since(begun));
        assert!(!shortage.was_there_since(Instant::now()));
    }
}
