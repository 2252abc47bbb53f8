//! A process that hostile programs try to reach.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Listens at a socket file, an abstract socket and a port, prints the port, and waits for the end of its input.
const PROGRAM: &str = r#"
import os, socket, sys
file = socket.socket(socket.AF_UNIX)
file.bind(sys.argv[1] + "/socket")
abstract = socket.socket(socket.AF_UNIX)
abstract.bind(f"\0conform-victim-{os.getpid()}")
port = socket.create_server(("127.0.0.1", 0))
for listener in (file, abstract):
    listener.listen()
print(port.getsockname()[1], flush=True)
sys.stdin.read()
"#;

/// The process, and a terminal of another program.
pub struct Victim {
    process: Child,
    port: u16,
    _terminal: OwnedFd,
    device: String,
}

impl Victim {
    /// Starts it; its socket is in `folder`.
    pub fn start(folder: &Path) -> Victim {
        let mut process = Command::new("python3")
            .args(["-c", PROGRAM])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is there");
        let output = process.stdout.take().expect("is piped");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("is read");
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let terminal = openpt(flags).expect("opens");
        grantpt(&terminal).expect("is granted");
        unlockpt(&terminal).expect("is unlocked");
        let device = ptsname(&terminal, Vec::new()).expect("has a name");
        Victim {
            process,
            port: line.trim().parse().expect("a port"),
            _terminal: terminal,
            device: device.into_string().expect("is text"),
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn device(&self) -> &str {
        &self.device
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether a process has this word in its environment, as the programs that are started for it have.
pub fn is_running_with(word: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let variable = format!("MARK={word}");
    { processes }.any(|process| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment)
            .split('\0')
            .any(|text| text == variable)
    })
}

/// Removes the semaphore with the key that this word stands for; whether there was one.
pub fn remove_semaphore(word: &str) -> bool {
    let bytes = word.as_bytes();
    let mut last = [0; 4];
    last.copy_from_slice(&bytes[bytes.len() - 4..]);
    let key = u32::from_be_bytes(last) & 0x7FFF_FFFF;
    Command::new("ipcrm")
        .args(["-S", &key.to_string()])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
