//! Finding out where the server under test listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::cast::Cast;
use super::setting::Stop;
use super::watch::Glances;
use crate::conformance::program::system;

/// Where a process listens: by what the system says, or, where it says nothing, by what was printed.
pub(super) fn address(cast: &mut Cast<'_>, position: usize) -> Option<SocketAddr> {
    if cfg!(target_os = "linux") {
        let found = addresses(cast, position);
        if let Some(rank) = cast.setting.profile.answering_port {
            return found.get(usize::from(rank)).copied();
        }
        if found.len() < 2 {
            return found.first().copied();
        }
        // If it listens on several, the one that it has printed, if it has printed one by now.
        let text = cast.screen(0).text();
        let is_printed = |address: &&SocketAddr| has_number(text, address.port());
        return found.iter().find(is_printed).or(found.first()).copied();
    }
    let text = cast.screen(0).text();
    let numbers = text.split(|character: char| !character.is_ascii_digit());
    let mut ports = numbers.filter_map(|digits| digits.parse::<u16>().ok());
    let port = ports.rfind(|port| *port >= 1024)?;
    Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// One address for each port on which a process listens, in the order in which it opened them.
pub(super) fn addresses(cast: &mut Cast<'_>, position: usize) -> Vec<SocketAddr> {
    let processes = cast.programs[position].processes();
    let mut found: Vec<SocketAddr> = Vec::new();
    for address in system::listening(&cast.sockets, &processes) {
        if found.iter().all(|known| known.port() != address.port()) {
            found.push(address);
        }
    }
    found
}

/// Which of several addresses a program tells its users, once it does, where it is not known which one answers.
pub(super) fn printed_address(
    cast: &mut Cast<'_>,
    position: usize,
) -> Result<Option<SocketAddr>, Stop> {
    const TIME_TO_TELL: Duration = Duration::from_secs(2);
    let is_known = cast.setting.profile.answering_port.is_some();
    if is_known || addresses(cast, position).len() < 2 {
        return Ok(None);
    }
    let mut glances = Glances::new();
    cast.watch(TIME_TO_TELL, |cast| {
        glances.look(cast.screen(0).printed().len(), || {
            let found = addresses(cast, position);
            let text = cast.screen(0).text();
            let mut printed = found.into_iter().filter(|at| has_number(text, at.port()));
            printed.next()
        })
    })
}

/// Whether a number stands in a text by itself, not as a part of a longer one.
pub(super) fn has_number(text: &str, number: u16) -> bool {
    let number = number.to_string();
    let mut numbers = text.split(|character: char| !character.is_ascii_digit());
    numbers.any(|digits| digits == number)
}
