//! Speed of splitting lines and parsing messages, compared with only searching for line ends in the
//! same bytes: `cargo bench`.

use chat_conformance::protocol::{Line, LineSplitter, Message};
use chat_conformance::server::room::{Action, ConnectionId, Room};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// One MiB of chat messages with texts of this many bytes.
fn said(size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < 1 << 20 {
        bytes.extend_from_slice(format!("@alice: {}\n", "x".repeat(size)).as_bytes());
    }
    bytes
}

/// In pieces, as read from a socket.
const SEGMENT: usize = 64 << 10;
const SIZES: [usize; 3] = [16, 64, 1024];

#[divan::bench(args = SIZES)]
fn a_bare_search(bencher: Bencher, size: usize) {
    let bytes = said(size);
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench_local(|| {
            memchr::memchr_iter(b'\n', black_box(&bytes))
                .map(|end| end & 1)
                .sum::<usize>()
        });
}

#[divan::bench(args = SIZES)]
fn lines(bencher: Bencher, size: usize) {
    let bytes = said(size);
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench_local(|| each_line(&bytes, |line| usize::from(line.is_empty())));
}

/// Parsing alone: the lines are split and checked for UTF-8 before.
#[divan::bench(args = SIZES)]
fn messages(bencher: Bencher, size: usize) {
    let bytes = said(size);
    let lines: Vec<&str> = std::str::from_utf8(&bytes)
        .expect("is text")
        .lines()
        .collect();
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench_local(|| {
            black_box(&lines)
                .iter()
                .map(|line| usize::from(Message::parse(line).is_some()))
                .sum::<usize>()
        });
}

#[divan::bench(args = SIZES)]
fn lines_and_messages(bencher: Bencher, size: usize) {
    let bytes = said(size);
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench_local(|| {
            each_line(&bytes, |line| {
                let text = std::str::from_utf8(line).expect("is text");
                usize::from(Message::parse(text).is_some())
            })
        });
}

/// What the server does with each line: split, parse, and compare with the sender's name.
#[divan::bench(args = SIZES)]
fn the_servers_share(bencher: Bencher, size: usize) {
    let bytes = said(size);
    let mut room = Room::default();
    let alice = ConnectionId(0);
    room.hear(alice, Line::Whole(b"REGISTER alice CHAT/1.0"));
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench_local(|| {
            let mut splitter = LineSplitter::default();
            let mut relayed = 0;
            for mut segment in black_box(bytes.as_slice()).chunks(SEGMENT) {
                while let Some(line) = splitter.next(&mut segment) {
                    relayed += usize::from(matches!(room.hear(alice, line), Action::Relay(_)));
                }
            }
            relayed
        });
}

fn each_line(bytes: &[u8], count: impl Fn(&[u8]) -> usize) -> usize {
    let mut splitter = LineSplitter::default();
    let mut counted = 0;
    for mut segment in black_box(bytes).chunks(SEGMENT) {
        while let Some(line) = splitter.next(&mut segment) {
            counted += match line {
                Line::Whole(bytes) => count(bytes),
                Line::TooLong => 0,
            };
        }
    }
    counted
}
