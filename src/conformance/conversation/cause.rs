//! What makes a client end, by the steps of its transcript.

use serde::{Deserialize, Serialize};

use super::utterance::Utterance;
use crate::transcript::syntax::{Action, Key, Step};

/// Why a client ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The user pressed Ctrl-C, or the client was sent SIGTERM.
    Interrupted,
    /// The user ended the input with Ctrl-D.
    EndOfInput,
    /// The server closed or reset the connection.
    ConnectionLost,
    /// The server answered with status 400.
    Rejected,
    /// The server answered with status 401.
    NameTaken,
    /// The server said `DISCONNECT CHAT/1.0`.
    ServerLeft,
    /// The client was given an address at which nobody listens, or whose host does not exist.
    NobodyListens,
    /// The client was given something that is no address.
    BadAddress,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 8] = [
        Cause::Interrupted,
        Cause::EndOfInput,
        Cause::ConnectionLost,
        Cause::Rejected,
        Cause::NameTaken,
        Cause::ServerLeft,
        Cause::NobodyListens,
        Cause::BadAddress,
    ];

    /// The latest reason to end that `steps` gave a client.
    pub fn in_steps(steps: &[Step]) -> Option<Cause> {
        let mut latest_first = (0..steps.len()).rev();
        latest_first.find_map(|at| match &steps[at].action {
            Action::Presses {
                key: Key::CtrlC, ..
            }
            | Action::IsTerminated => Some(Cause::Interrupted),
            Action::Presses {
                key: Key::CtrlD, ..
            } => Some(Cause::EndOfInput),
            Action::Closes { .. } | Action::Resets { .. } => Some(Cause::ConnectionLost),
            Action::Says { line, .. } => Cause::said(line),
            Action::Sends { .. } => {
                let sent = sent_in_a_row(&steps[..=at]);
                let sent = String::from_utf8_lossy(&sent);
                sent.lines().rev().find_map(Cause::said)
            }
            Action::ClientStarts { address, .. }
                if address.contains("{unused}") || names_unknown_host(address) =>
            {
                Some(Cause::NobodyListens)
            }
            Action::ClientStarts { address, .. } if !is_right(address) => Some(Cause::BadAddress),
            _ => None,
        })
    }

    /// What the harness's server says that makes a client end.
    fn said(line: &str) -> Option<Cause> {
        match Utterance::of(line) {
            Utterance::Status { code: "400", .. } => Some(Cause::Rejected),
            Utterance::Status { code: "401", .. } => Some(Cause::NameTaken),
            Utterance::Goodbye => Some(Cause::ServerLeft),
            _ => None,
        }
    }
}

/// Whether an address is one of the harness's server.
fn is_right(address: &str) -> bool {
    let place = address.strip_prefix("chat://");
    let parts = place.and_then(|place| place.split_once(':'));
    matches!(
        parts,
        Some(("{host}" | "localhost", "{port}" | "{short_port}"))
    )
}

/// Whether an address names a host that does not exist: by RFC 6761, none does under `.invalid`.
pub fn names_unknown_host(address: &str) -> bool {
    host(address).is_some_and(|host| host.ends_with(".invalid"))
}

/// Whether a client may ask the name service about the host of this address. One that cuts the address at its last colon
/// looks up `[127.0.0.1` as well.
pub fn looks_up_host(address: &str) -> bool {
    host(address).is_some_and(|host| !["", "{host}", "localhost"].contains(&host))
}

fn host(address: &str) -> Option<&str> {
    let place = address.strip_prefix("chat://")?;
    let (host, _) = place.rsplit_once(':')?;
    Some(host)
}

/// What the last of `steps` and those right before it sent: a line may come in many parts.
fn sent_in_a_row(steps: &[Step]) -> Vec<u8> {
    let bytes = |step: &Step| match &step.action {
        Action::Sends {
            bytes, times: 1, ..
        } => Some(bytes.clone()),
        _ => None,
    };
    let mut in_a_row: Vec<Vec<u8>> = steps.iter().rev().map_while(bytes).collect();
    in_a_row.reverse();
    in_a_row.concat()
}
