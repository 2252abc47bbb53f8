//! Whose connection it is that the harness accepted: in the machine's network any program can open one.

use std::net::TcpStream;

use crate::conformance::program::system::{self, Holder, SocketTable};

/// Whether one of `processes` opened this connection, by what the system says. A program that has ended by then is
/// recognised by `name`, its user's name, in what it sent.
pub(super) fn is_of(
    stream: &TcpStream,
    sockets: &SocketTable,
    mut processes: impl FnMut() -> Vec<i32>,
    name: Option<&str>,
) -> bool {
    let (Ok(theirs), Ok(ours)) = (stream.peer_addr(), stream.local_addr()) else {
        return gives_name(stream, name);
    };
    let mut holder = system::holder(sockets, theirs, ours, &processes());
    if holder == Holder::Other {
        // A process that has just started may have been missed, and one that has just ended holds nothing.
        holder = system::holder(sockets, theirs, ours, &processes());
    }
    match holder {
        Holder::Asked | Holder::Unknown => true,
        Holder::Other => false,
        Holder::Nobody => gives_name(stream, name),
    }
}

/// Whether what was sent contains the name. The other end is closed, so that all of it is there.
fn gives_name(stream: &TcpStream, name: Option<&str>) -> bool {
    const MOST: usize = 4096;
    let Some(name) = name.map(str::as_bytes) else {
        return false;
    };
    let mut sent = vec![0; MOST];
    let length = stream
        .set_nonblocking(true)
        .and_then(|()| stream.peek(&mut sent))
        .unwrap_or(0);
    name.is_empty() || sent[..length].windows(name.len()).any(|part| part == name)
}
