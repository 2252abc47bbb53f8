//! A correct server that mishandles a message now and then, for testing that the load notices.
//!
//! `lossy-server --fault FAULT --every N`: for every N-th message that it relays, one recipient
//! gets the fault.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Parser, ValueEnum};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fault {
    /// The recipient does not get the message.
    Loses,
    /// The recipient gets the message after the next one.
    Reorders,
    /// The recipient gets the message twice.
    Repeats,
    /// The recipient gets the message with a different last letter.
    Changes,
    /// The sender gets the message, too.
    Returns,
    /// All connected clients that are not registered get the message, too.
    TellsStrangers,
    /// The server closes the recipient's connection.
    Disconnects,
    /// The server exits.
    Ends,
    /// The server stops reading.
    Stalls,
    /// The server drops any client that does not read everything within some milliseconds, at any
    /// message.
    DropsSlow,
}

#[derive(Debug, Clone, Copy, Parser)]
struct Arguments {
    #[arg(long)]
    fault: Option<Fault>,
    #[arg(long, default_value_t = 100_000)]
    every: u64,
}

#[derive(Default)]
struct Room {
    members: BTreeMap<String, Member>,
    strangers: Vec<TcpStream>,
    relayed: u64,
}

struct Member {
    stream: TcpStream,
    batch: Vec<u8>,
    /// A line to deliver after the next one.
    held: Option<Vec<u8>>,
}

fn main() {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    println!("{}", listener.local_addr().expect("it listens").port());
    let room = Arc::new(Mutex::new(Room::default()));
    for stream in listener.incoming().flatten() {
        let room = Arc::clone(&room);
        std::thread::spawn(move || serve(stream, &room, arguments));
    }
}

fn serve(mut stream: TcpStream, room: &Mutex<Room>, arguments: Arguments) {
    let enter = || room.lock().unwrap_or_else(PoisonError::into_inner);
    let own = stream.peer_addr().ok();
    enter().strangers.extend(stream.try_clone());
    let mut name: Option<String> = None;
    let mut unread = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut chunk).unwrap_or(0);
        unread.extend_from_slice(&chunk[..count]);
        let Some(end) = unread.iter().rposition(|byte| *byte == b'\n') else {
            if count == 0 {
                break;
            }
            continue;
        };
        let lines: Vec<u8> = unread.drain(..=end).collect();
        let mut room = enter();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let text = String::from_utf8_lossy(line);
            let words: Vec<&str> = text.split_whitespace().collect();
            match (&name, &words[..]) {
                (None, ["REGISTER", new, "CHAT/1.0"]) if !room.members.contains_key(*new) => {
                    let batch = b"200 Registration successful\n".to_vec();
                    let Ok(stream) = stream.try_clone() else {
                        return;
                    };
                    if arguments.fault == Some(Fault::DropsSlow) {
                        let _ = stream.set_write_timeout(Some(Duration::from_millis(20)));
                    }
                    room.members.insert(
                        (*new).to_owned(),
                        Member {
                            stream,
                            batch,
                            held: None,
                        },
                    );
                    room.strangers
                        .retain(|stranger| stranger.peer_addr().ok() != own);
                    name = Some((*new).to_owned());
                }
                (None, _) => {
                    let _ = stream.write_all(b"401 Client already registered\n");
                    return;
                }
                (Some(own), ["DISCONNECT", ..]) => {
                    room.members.remove(own);
                    return;
                }
                (Some(own), _) => room.relay(own, line, arguments),
            }
        }
        room.write_out();
    }
    if let Some(name) = name {
        enter().members.remove(&name);
    }
}

impl Room {
    fn relay(&mut self, sender: &str, line: &[u8], arguments: Arguments) {
        self.relayed += 1;
        let fault = arguments
            .fault
            .filter(|_| self.relayed % arguments.every == 0);
        let mut to_suffer = fault;
        for (_, member) in self.members.iter_mut().filter(|(name, _)| *name != sender) {
            match to_suffer.take() {
                Some(fault) => member.suffer(fault, line),
                None => member.get(line),
            }
        }
        if fault == Some(Fault::Returns) {
            self.members
                .entry(sender.to_owned())
                .and_modify(|member| member.get(line));
        }
        if fault == Some(Fault::TellsStrangers) {
            for stranger in &mut self.strangers {
                let _ = stranger.write_all(line);
            }
        }
    }

    fn write_out(&mut self) {
        for member in self.members.values_mut() {
            // The member's own thread then removes it.
            if member.stream.write_all(&member.batch).is_err() {
                let _ = member.stream.shutdown(Shutdown::Both);
            }
            member.batch.clear();
        }
    }
}

impl Member {
    fn suffer(&mut self, fault: Fault, line: &[u8]) {
        match fault {
            Fault::Loses => {}
            Fault::Reorders => self.held = Some(line.to_vec()),
            Fault::Repeats => self.get(&line.repeat(2)),
            Fault::Changes => {
                let mut changed = line.to_vec();
                let last = changed.len() - 2;
                changed[last] = b'?';
                self.get(&changed);
            }
            Fault::Disconnects => drop(self.stream.shutdown(Shutdown::Both)),
            Fault::Ends => std::process::exit(7),
            Fault::Stalls => loop {
                std::thread::park();
            },
            Fault::Returns | Fault::TellsStrangers | Fault::DropsSlow => self.get(line),
        }
    }

    fn get(&mut self, line: &[u8]) {
        self.batch.extend_from_slice(line);
        self.batch.extend(self.held.take().unwrap_or_default());
    }
}
