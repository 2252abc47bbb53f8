//! Finds out what this system offers, by trying it in another process.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;

use crate::conformance::program::cage::layer::{Layer, OwnFolder, user_of};
use crate::conformance::program::cage::view::sight;
use crate::conformance::program::environment::Environment;
use crate::conformance::program::system;

/// Gains the right to give each replay a network of its own, if the system allows it. Call it while there is only one
/// thread.
pub fn gain_right_to_networks(harness: &Path) {
    // Tried in a thread that has ended by then. Root of a container may lack the right, too.
    if system::has_networks_to_give() {
        return;
    }
    if succeeds(Command::new(harness).arg("try-networks")) {
        // The test succeeded a moment ago. If it fails now, all replays share one network.
        let _ = system::gain_right_to_networks();
    }
}

/// The layers of the cage that this system offers; tests each in another process.
pub fn layers_here(harness: &Path) -> Vec<Layer> {
    let mut layers = Layer::ALL.to_vec();
    layers.retain(|layer| offers(harness, *layer));
    if layers.contains(&Layer::Namespaces) {
        // These contain more, and a person's tools may not be readable for other users.
        layers.retain(|layer| *layer != Layer::OwnUser);
    }
    layers
}

fn offers(harness: &Path, layer: Layer) -> bool {
    // Created and removed here, because the test may have to be ended.
    let private = Permissions::from_mode(0o700);
    let Ok(folder) = tempfile::Builder::new().permissions(private).tempdir() else {
        return false;
    };
    let [hidden, visible] = ["hidden", "visible"].map(|name| folder.path().join(name));
    let made = std::fs::create_dir(&hidden)
        .and_then(|()| std::fs::create_dir(&visible))
        .and_then(|()| std::fs::write(hidden.join("something"), "to be hidden"));
    // A program sees its working directory, so the hidden folder must not be in it.
    let mut trial = Command::new(harness);
    trial.args(["try-layer", layer.word()]).arg(&hidden);
    trial.current_dir(visible);
    made.is_ok() && succeeds(&mut trial)
}

/// Whether a test succeeds in time.
fn succeeds(trial: &mut Command) -> bool {
    const LONGEST: Duration = Duration::from_secs(20);
    trial.stdin(Stdio::null());
    trial.stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut trial) = trial.spawn() else {
        return false;
    };
    let has_ended = i32::try_from(trial.id()).is_ok_and(|id| system::has_ended_within(id, LONGEST));
    if !has_ended {
        let _ = trial.kill();
    }
    trial.wait().is_ok_and(|status| status.success())
}

/// Whether this process can create networks.
pub(super) fn try_networks() -> io::Result<()> {
    system::gain_right_to_networks().and_then(|()| system::enter_own_network())
}

/// Puts one layer around this process, and checks that it works.
pub(super) fn try_layer(layer: Layer, folder: &Path, inside: bool) -> io::Result<()> {
    let secret = folder.join("something");
    if !secret.exists() {
        return Err(io::ErrorKind::NotFound.into());
    }
    match layer {
        Layer::Namespaces if inside => make_view(folder)?,
        Layer::Namespaces => {
            let program = std::env::current_exe()?;
            system::isolate_next_process()?;
            let mut below = Command::new(program);
            below.args(["try-layer", layer.word(), "--inside"]);
            let status = below.arg(folder).status()?;
            return if status.success() {
                Ok(())
            } else {
                Err(io::Error::other("a view cannot be made here"))
            };
        }
        Layer::OwnUser => {
            if !system::can_look_at_other_users() {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            let path = std::env::var_os("PATH").unwrap_or_default();
            let mut tools: Vec<PathBuf> = std::env::split_paths(&path).collect();
            tools.retain(|folder| folder.is_dir());
            system::become_user(user_of(folder))?;
            if let Some(folder) = tools.iter().find(|folder| !folder.is_dir()) {
                let folder = folder.display();
                return Err(io::Error::other(format!(
                    "other users cannot read {folder}"
                )));
            }
        }
        Layer::Landlock => {
            system::give_up_rights(true)?;
            system::restrict_files(&["/usr".into()], &[])?;
        }
        Layer::SystemCalls => {
            system::give_up_rights(true)?;
            system::restrict_calls(false)?;
            // It needs no right otherwise.
            return match system::isolate_next_process() {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
                _ => Err(io::ErrorKind::Unsupported.into()),
            };
        }
    }
    match std::fs::read(&secret) {
        Err(_) => Ok(()),
        Ok(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn make_view(folder: &Path) -> io::Result<()> {
    // Before anything that may take long: the harness ends the process above this one after a timeout.
    system::end_with_parent()?;
    let (_terminal, device) = open_terminal()?;
    let here = std::env::current_dir()?;
    let sight = sight(&[], &Environment::default(), &here);
    let view = system::View {
        place: folder,
        readable: &sight.readable,
        hidden: &[],
        replaced: &[],
        home: None,
        folder: None,
        own: OwnFolder::Kept,
        terminal: &device,
        room: 16,
    };
    system::enter(&view)?;
    system::give_up_rights(true)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(device, flags, Mode::empty())?;
    Ok(())
}

/// A terminal of this process's own: its controlling side and the path of its device.
fn open_terminal() -> io::Result<(OwnedFd, PathBuf)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = rustix::pty::openpt(flags)?;
    rustix::pty::grantpt(&terminal)?;
    rustix::pty::unlockpt(&terminal)?;
    let device = rustix::pty::ptsname(&terminal, Vec::new())?;
    let device = PathBuf::from(OsString::from_vec(device.into_bytes()));
    Ok((terminal, device))
}
