//! The terminal's raw mode: keys come one by one and unechoed, for the editor to show.

use std::io::{self, stdin};
use std::sync::OnceLock;

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// The terminal's settings from before. There is one terminal, and whichever thread ends the
/// program has to be able to restore it.
static ORIGINAL: OnceLock<Termios> = OnceLock::new();

/// The terminal is in raw mode; dropping this restores it, in a panic too.
#[derive(Debug)]
pub struct RawMode {
    settings: Termios,
}

impl RawMode {
    /// Puts the terminal on standard input into raw mode.
    pub fn enter() -> io::Result<Self> {
        let original = tcgetattr(stdin())?;
        let raw_mode = Self {
            settings: raw(ORIGINAL.get_or_init(|| original)),
        };
        raw_mode.resume()?;
        Ok(raw_mode)
    }

    /// Puts it there again, after others had the terminal.
    pub fn resume(&self) -> io::Result<()> {
        // Not discarding what is to be read: somebody may have typed ahead.
        Ok(tcsetattr(stdin(), OptionalActions::Now, &self.settings)?)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the terminal's settings from before raw mode, if it ever was in it.
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
    // Ctrl-S would stop the output, and with it the program.
    raw.input_modes -= InputModes::IXON;
    raw.special_codes[SpecialCodeIndex::VMIN] = 1;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    raw
}
