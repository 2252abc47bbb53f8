//! A process that hostile programs try to reach.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

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

/// A tmux server of the person who grades, apart from any other on this machine, with a terminal that shows what is
/// typed.
pub struct Tmux {
    name: String,
    socket: PathBuf,
}

impl Tmux {
    /// `None` if there is no tmux on this machine.
    pub fn start() -> Option<Tmux> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut server = Tmux {
            name: format!("conform-hostile-{}-{count}", std::process::id()),
            socket: PathBuf::new(),
        };
        server.tell(&["new-session", "-d", "-s", "main", "timeout 300 cat"])?;
        // Where tmux puts its sockets by itself, programs look for them.
        let socket = server.tell(&["display-message", "-p", "#{socket_path}"]);
        server.socket = socket.expect("it runs").trim().into();
        Some(server)
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether this word was typed. The terminal shows it a moment after tmux accepted it.
    pub fn shows(&self, word: &str) -> bool {
        const LONGEST: Duration = Duration::from_secs(20);
        let deadline = Instant::now() + LONGEST;
        loop {
            let shown = self.tell(&["capture-pane", "-p", "-t", "main"]);
            if shown.is_some_and(|shown| shown.contains(word)) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What this command prints; `None` if it fails.
    fn tell(&self, words: &[&str]) -> Option<String> {
        let mut tmux = Command::new("tmux");
        tmux.args(["-f", "/dev/null", "-L", &self.name]).args(words);
        let output = tmux.env_remove("TMUX").stdin(Stdio::null()).output().ok()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(printed)
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.tell(&["kill-server"]);
        let _ = fs::remove_file(&self.socket);
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
