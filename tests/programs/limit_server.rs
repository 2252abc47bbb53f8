//! A server that does the minimum that relaying takes, in one thread: the limit that the
//! reference's speed is compared with.
//!
//! It trusts all clients: a line that begins with `R` registers, a line that begins with `D` ends
//! the connection, and any other line is relayed without parsing it. It reads everything available,
//! and writes to each member once from one shared chunk. It stops reading while a member has much
//! left to receive. It is only for measuring, not an example of a server.

use std::io::{IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::os::fd::AsRawFd;

use chat_conformance::server::raise_descriptor_limit;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);
const MAX_ROUND: usize = 1 << 20;
/// It stops reading while more than this many bytes wait for one member.
const MAX_WAITING: usize = 1 << 20;

struct Peer {
    stream: TcpStream,
    is_member: bool,
    partial: Vec<u8>,
    waiting: Vec<u8>,
    own: Range<usize>,
}

fn main() {
    raise_descriptor_limit();
    let mut poll = Poll::new().expect("a poller");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    rustix::net::listen(&listener, 4096).expect("a longer backlog");
    listener.set_nonblocking(true).expect("does not block");
    println!("{}", listener.local_addr().expect("it listens").port());
    poll.registry()
        .register(
            &mut SourceFd(&listener.as_raw_fd()),
            LISTENER,
            Interest::READABLE,
        )
        .expect("is watched");
    let mut events = Events::with_capacity(1024);
    let mut peers: Vec<Option<Peer>> = Vec::new();
    let (mut chunk, mut buffer) = (Vec::new(), vec![0; 256 << 10]);
    let mut readable: Vec<usize> = Vec::new();
    loop {
        let waits = |peer: &Peer| peer.waiting.len() > MAX_WAITING;
        let is_full = peers.iter().flatten().any(waits);
        let wait = (!readable.is_empty() && !is_full).then_some(std::time::Duration::ZERO);
        poll.poll(&mut events, wait).expect("waits");
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut peers);
                continue;
            }
            let Token(index) = event.token();
            if event.is_writable() {
                flush(&mut peers[index], &poll, index);
            }
            if event.is_readable() && !readable.contains(&index) {
                readable.push(index);
            }
        }
        chunk.clear();
        let mut later = Vec::new();
        let mut spoke = Vec::new();
        for index in readable.drain(..) {
            if is_full || chunk.len() > MAX_ROUND {
                later.push(index);
                continue;
            }
            let Some(peer) = &mut peers[index] else {
                continue;
            };
            let start = chunk.len();
            let goes_on = take(peer, &mut buffer, &mut chunk);
            peer.own = start..chunk.len();
            spoke.push(index);
            match goes_on {
                Some(true) => later.push(index),
                Some(false) => {}
                None => peers[index] = None,
            }
        }
        readable = later;
        if !chunk.is_empty() {
            for (index, peer) in peers.iter_mut().enumerate() {
                give(peer, &chunk, &poll, index);
            }
        }
        for index in spoke {
            if let Some(peer) = &mut peers[index] {
                peer.own = 0..0;
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, peers: &mut Vec<Option<Peer>>) {
    while let Ok((stream, _)) = listener.accept() {
        stream.set_nonblocking(true).expect("does not block");
        let _ = stream.set_nodelay(true);
        let free = peers
            .iter()
            .position(Option::is_none)
            .filter(|_| peers.len() < 1000);
        let index = free.unwrap_or(peers.len());
        poll.registry()
            .register(
                &mut SourceFd(&stream.as_raw_fd()),
                Token(index),
                Interest::READABLE,
            )
            .expect("is watched");
        let peer = Some(Peer {
            stream,
            is_member: false,
            partial: Vec::new(),
            waiting: Vec::new(),
            own: 0..0,
        });
        match free {
            Some(index) => peers[index] = peer,
            None => peers.push(peer),
        }
    }
}

/// Adds whole lines to the chunk. Returns whether there may be more input, or `None` if the
/// connection has ended.
fn take(peer: &mut Peer, buffer: &mut [u8], chunk: &mut Vec<u8>) -> Option<bool> {
    let count = match peer.stream.read(buffer) {
        Ok(0) => return None,
        Ok(count) => count,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Some(false),
        Err(_) => return None,
    };
    let read = &buffer[..count];
    let Some(end) = memchr::memrchr(b'\n', read) else {
        peer.partial.extend_from_slice(read);
        return Some(true);
    };
    let first = peer.partial.first().copied().unwrap_or(read[0]);
    if first == b'D' {
        return None;
    }
    if peer.is_member {
        chunk.append(&mut peer.partial);
        chunk.extend_from_slice(&read[..=end]);
    } else {
        peer.is_member = true;
        peer.partial.clear();
        peer.waiting
            .extend_from_slice(b"200 Registration successful\n");
        let waiting = std::mem::take(&mut peer.waiting);
        let _ = peer.stream.write(&waiting);
    }
    peer.partial.extend_from_slice(&read[end + 1..]);
    Some(true)
}

fn give(slot: &mut Option<Peer>, chunk: &[u8], poll: &Poll, index: usize) {
    let Some(peer) = slot.as_mut().filter(|peer| peer.is_member) else {
        return;
    };
    let (before, after) = (&chunk[..peer.own.start], &chunk[peer.own.end..]);
    if before.len() + after.len() == 0 {
        return;
    }
    let mut written = 0;
    if peer.waiting.is_empty() {
        written = peer
            .stream
            .write_vectored(&[IoSlice::new(before), IoSlice::new(after)])
            .unwrap_or(0);
        if written == before.len() + after.len() {
            return;
        }
        let both = Interest::READABLE | Interest::WRITABLE;
        let _ =
            poll.registry()
                .reregister(&mut SourceFd(&peer.stream.as_raw_fd()), Token(index), both);
    }
    peer.waiting
        .extend_from_slice(&before[written.min(before.len())..]);
    peer.waiting
        .extend_from_slice(&after[written.saturating_sub(before.len())..]);
}

fn flush(slot: &mut Option<Peer>, poll: &Poll, index: usize) {
    let Some(peer) = slot else { return };
    match peer.stream.write(&peer.waiting) {
        Ok(count) => drop(peer.waiting.drain(..count)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
        // A failed member must go, since nobody is read while it has much left to receive.
        Err(_) => {
            *slot = None;
            return;
        }
    }
    if peer.waiting.is_empty() {
        peer.waiting = Vec::new();
        let _ = poll.registry().reregister(
            &mut SourceFd(&peer.stream.as_raw_fd()),
            Token(index),
            Interest::READABLE,
        );
    }
}
