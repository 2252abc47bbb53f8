//! The Python that the tests start.

use std::process::Command;
use std::sync::OnceLock;

/// The path of the interpreter behind `python3`; `None` where there is none.
///
/// `python3` may be a script that looks for the interpreter first (pyenv, asdf), which takes longer than Python needs
/// to start. The tests start Python hundreds of times, so they look for it once.
pub fn python() -> Option<&'static str> {
    static INTERPRETER: OnceLock<Option<String>> = OnceLock::new();
    let found = INTERPRETER.get_or_init(|| {
        let mut asked = Command::new("python3");
        let output = asked.args(["-c", "import sys; print(sys.executable)"]);
        let output = output.output().ok()?;
        let path = String::from_utf8(output.stdout).ok()?;
        let path = path.trim_end();
        (output.status.success() && !path.is_empty()).then(|| path.to_owned())
    });
    found.as_deref()
}
