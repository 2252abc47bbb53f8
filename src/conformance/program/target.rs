//! The program under test, and how it gets its arguments.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::transcript::syntax::{Action, Transcript};

/// The program under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A command, started afresh for each transcript.
    Command(Vec<String>),
    /// A server that is already running, and keeps running.
    Running(SocketAddr),
    /// The command of a server and that of its own clients.
    Pair {
        /// The server's.
        server: Vec<String>,
        /// A client's, to be given a name and an address.
        client: Vec<String>,
    },
}

impl Target {
    /// Program and arguments, or the address, as shown in reports.
    pub fn shown(&self) -> Vec<String> {
        match self {
            Target::Command(command) => command.clone(),
            Target::Running(address) => vec![format!("chat://{address}")],
            Target::Pair { server, client } => {
                let and = ["with".to_owned()];
                server.iter().chain(&and).chain(client).cloned().collect()
            }
        }
    }

    /// Whether the harness starts the program, rather than finding it running.
    pub fn is_started_here(&self) -> bool {
        !matches!(self, Target::Running(_))
    }
}

/// The address to connect to: loopback if the server listens on every address.
pub fn to_speak_to(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Placeholders in a client's command.
const PLACES: [&str; 4] = ["{name}", "{url}", "{host}", "{port}"];

/// A word in braces in a client's command that is not a placeholder.
pub fn unknown_place(command: &[String]) -> Option<&str> {
    let is_place = |word: &&str| {
        let inner = word
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        inner.is_some_and(|inner| !inner.is_empty() && inner.chars().all(char::is_alphabetic))
    };
    let mut places = command.iter().map(String::as_str).filter(is_place);
    places.find(|word| !PLACES.contains(word))
}

/// Completes a client's command with the user name and an address of the form `chat://host:port`.
///
/// Replaces `{name}`, `{url}`, `{host}` and `{port}` if the command contains any of these. Otherwise appends the name
/// and then the address; with `address_first`, the address and then the name. Returns `None` if the command takes
/// host and port separately and the address has no such parts.
pub fn client_command(
    command: &[String],
    name: &str,
    url: &str,
    address_first: bool,
) -> Option<Vec<String>> {
    let is_used = |place: &str| command.iter().any(|word| word.contains(place));
    if !PLACES.into_iter().any(is_used) {
        let mut appended = [name.to_owned(), url.to_owned()];
        if address_first {
            appended.reverse();
        }
        return Some(command.iter().cloned().chain(appended).collect());
    }
    let parts = url
        .strip_prefix("chat://")
        .and_then(|rest| rest.rsplit_once(':'));
    if (is_used("{host}") || is_used("{port}")) && parts.is_none() {
        return None;
    }
    let (host, port) = parts.unwrap_or_default();
    let fill = |word: &String| {
        word.replace("{name}", name)
            .replace("{url}", url)
            .replace("{host}", host)
            .replace("{port}", port)
    };
    Some(command.iter().map(fill).collect())
}

/// Whether a client's command can express every address in the transcript.
pub fn takes_every_address(command: &[String], transcript: &Transcript) -> bool {
    transcript.steps.iter().all(|step| match &step.action {
        Action::ClientStarts { name, address } => {
            client_command(command, name, address, false).is_some()
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn name_and_address_are_appended_or_put_where_they_are_asked_for() {
        let completed =
            |command: &str, url: &str| client_command(&words(command), "alice", url, false);
        let url = "chat://127.0.0.1:80";
        assert_eq!(
            completed("python3 client.py", url),
            Some(words("python3 client.py alice chat://127.0.0.1:80"))
        );
        assert_eq!(
            client_command(&words("client.py"), "alice", url, true),
            Some(words("client.py chat://127.0.0.1:80 alice"))
        );
        assert_eq!(
            completed("client -a {url} -n {name}", url),
            Some(words("client -a chat://127.0.0.1:80 -n alice"))
        );
        assert_eq!(
            completed("client {host} {port}", url),
            Some(words("client 127.0.0.1 80"))
        );
        assert_eq!(completed("client {host} {port}", "nonsense"), None);
        assert_eq!(
            completed("client {url}", "nonsense"),
            Some(words("client nonsense"))
        );
    }
}
