//! The terminal's raw mode: the program receives each key at once, and the terminal does not echo
//! it.

use std::io::{self, stdin};
use std::sync::OnceLock;

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// The terminal's original settings. There is only one terminal, and any thread that ends the
/// program must be able to restore it.
static ORIGINAL: OnceLock<Termios> = OnceLock::new();

/// Raw mode is on while this exists. Dropping it restores the terminal, also in a panic.
#[derive(Debug)]
pub struct RawMode {
    settings: Termios,
}

impl RawMode {
    /// Switches the terminal on standard input to raw mode.
    pub fn enter() -> io::Result<Self> {
        let original = tcgetattr(stdin())?;
        let raw_mode = Self {
            settings: raw(ORIGINAL.get_or_init(|| original)),
        };
        raw_mode.resume()?;
        Ok(raw_mode)
    }

    /// Switches back to raw mode after other programs used the terminal.
    pub fn resume(&self) -> io::Result<()> {
        // Keep unread input: the user may have typed ahead.
        Ok(tcsetattr(stdin(), OptionalActions::Now, &self.settings)?)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the terminal's original settings if raw mode was ever on.
pub fn restore() {
    if let Some(original) = ORIGINAL.get() {
        // A terminal that is gone needs no settings.
        let _ = tcsetattr(stdin(), OptionalActions::Now, original);
    }
}

fn raw(original: &Termios) -> Termios {
    let mut raw = original.clone();
    raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
    // Ctrl-C stays a signal, and must not discard what was typed before it.
    raw.local_modes |= LocalModes::ISIG | LocalModes::NOFLSH;
    // Ctrl-S would stop the output and so block the program.
    raw.input_modes -= InputModes::IXON;
    raw.special_codes[SpecialCodeIndex::VMIN] = 1;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    raw
}
