//! `conform record`: writes a transcript while people chat.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chat_conformance::conformance::program::limits::Limits;
use chat_conformance::conformance::program::supervisor::Orphanage;
use chat_conformance::conformance::program::target::Target;
use chat_conformance::recording::relay::{Progress, relay};
use chat_conformance::recording::writer::transcript;
use chat_conformance::stress::error::LoadError;
use chat_conformance::stress::server_process::ServerProcess;

use crate::arguments::RecordCommand;
use crate::subjects::server_target;
use crate::{HOLDS, complain, own_program, print, refuse, watch_for_interruption};

/// Records until Ctrl-C, or until the server ends, and writes the transcript.
pub fn record(command: &RecordCommand) -> ExitCode {
    match try_record(command) {
        Ok(()) => ExitCode::from(HOLDS),
        Err(why) => refuse(&why),
    }
}

fn try_record(command: &RecordCommand) -> Result<(), String> {
    check_free(&command.out, command.force)?;
    let target = server_target(&command.server)?;
    let harness = own_program()?;
    let cancelled = watch_for_interruption()?;
    let _orphanage = Orphanage::open();
    let (server, address) = match &target {
        Target::Running(address) => {
            TcpStream::connect_timeout(address, Duration::from_secs(5))
                .map_err(|why| format!("cannot connect to chat://{address}: {why}"))?;
            (None, *address)
        }
        Target::Command(words) | Target::Pair { server: words, .. } => {
            let server = ServerProcess::start(&harness, words, Limits::default(), &cancelled)
                .map_err(told)?;
            let address = server.address();
            (Some(server), address)
        }
    };
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .map_err(|why| format!("cannot listen for clients: {why}"))?;
    let own = listener
        .local_addr()
        .map_err(|why| format!("cannot listen for clients: {why}"))?;
    print(&format!("chat://{own}\n"));
    complain("connect clients to this address; press Ctrl-C to stop and write the transcript");

    let progress = || {
        if cancelled.load(Ordering::SeqCst) {
            Progress::Stopped
        } else if server.as_ref().is_some_and(ServerProcess::has_ended) {
            Progress::ServerEnded
        } else {
            Progress::GoesOn
        }
    };
    let (recording, full) = relay(&listener, address, progress)
        .map_err(|why| format!("cannot wait for events: {why}"))?;
    if let Some(full) = full {
        complain(&format!("the recording stops here: {full}"));
    } else if let Some(end) = server.as_ref().and_then(ServerProcess::end) {
        complain(&format!("the server ended: {end}"));
    }
    let Some(text) = transcript(&recording)
        .map_err(|why| format!("the recording makes no transcript: {why}"))?
    else {
        return Err("no client connected, so there is nothing to write".to_owned());
    };
    write(&command.out, &text, command.force)?;
    print(&format!(
        "wrote {}: fill in the first line and covers\n",
        command.out.display()
    ));
    Ok(())
}

/// Checks the file before the recording, so that a typing error does not lose it.
fn check_free(file: &Path, force: bool) -> Result<(), String> {
    if file.is_dir() {
        return Err(format!("cannot write {}: it is a folder", file.display()));
    }
    if !force && file.symlink_metadata().is_ok() {
        return Err(exists(file));
    }
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    match folder.map(fs::metadata) {
        Some(Ok(folder)) if !folder.is_dir() => Err(format!(
            "cannot write {}: it is not in a folder",
            file.display()
        )),
        Some(Err(why)) => Err(format!("cannot write {}: {why}", file.display())),
        _ => Ok(()),
    }
}

fn write(file: &Path, text: &str, force: bool) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options
        .open(file)
        .and_then(|mut opened| opened.write_all(text.as_bytes()));
    written.map_err(|why| match why.kind() {
        std::io::ErrorKind::AlreadyExists => exists(file),
        _ => format!("cannot write {}: {why}", file.display()),
    })
}

fn exists(file: &Path) -> String {
    format!("{} exists; --force overwrites it", file.display())
}

fn told(error: LoadError) -> String {
    match error {
        LoadError::Server(why) | LoadError::Generator(why) => why,
        LoadError::Interrupted => "interrupted before the server listened".to_owned(),
    }
}
