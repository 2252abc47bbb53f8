//! Threads that compete with the server and the load for processor time, as other programs on a
//! machine do.

use std::hint::spin_loop;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Threads that spin until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Busy {
    is_over: Arc<AtomicBool>,
}

impl Busy {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// When the system does not allow that many threads.
    pub fn threads(count: usize) -> io::Result<Busy> {
        let is_over = Arc::new(AtomicBool::new(false));
        // If starting one fails, dropping this ends the others.
        let busy = Busy {
            is_over: Arc::clone(&is_over),
        };
        for _ in 0..count {
            let is_over = Arc::clone(&is_over);
            std::thread::Builder::new().spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    spin_loop();
                }
            })?;
        }
        Ok(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
