//! The writer of recorded transcripts.

use chat_conformance::recording::event::{EventKind, Recording};
use chat_conformance::recording::writer::transcript;
use chat_conformance::transcript::{format, parse};

use super::{END_OF_READ, Target};

pub const RECORDING: Target = Target {
    name: "recording",
    run: recording,
    seeds: || {
        let talks: [&[&[u8]]; 4] = [
            &[
                b"c",
                b"0<REGISTER alice CHAT/1.0\n",
                b"0>200 Registration successful\n",
                b"0<@alice: hi\n",
                b"0l",
            ],
            &[
                b"c",
                b"0<REGISTER alice CHAT/1.0",
                b"0>200 Registration successful",
                b"c",
                b"1<REGISTER bob CHAT/1.0",
                b"1>200 Registration successful",
                b"0<@alice: hi@alice: ho",
                b"1>@alice: hi",
                b"0>DISCONNECT CHAT/1.0",
                b"1>DISCONNECT CHAT/1.0",
                b"0d",
                b"1d",
                b"e",
            ],
            &[
                b"c",
                b"0<REGISTER al",
                b"0<ice CHAT/1.0\r\n",
                b"0>401 Client already registered\n",
                b"0r",
            ],
            &[
                b"c",
                b"0<5         hello",
                b"0>3         200",
                b"0<\x00\x1b\x80\"\\ \n\n",
                b"e",
            ],
        ];
        talks.map(|talk| talk.join(&[END_OF_READ][..])).to_vec()
    },
    words: &[
        "0<REGISTER alice CHAT/1.0\n",
        "1<@bob: hi\n",
        "0>200 Registration successful\n",
        "1>@alice: hi\n",
        "0<DISCONNECT alice CHAT/1.0\n",
        "DISCONNECT CHAT/1.0\n",
        "400 Invalid registration\n",
        " ...",
        "\"",
        "\\",
    ],
};

/// Whatever is recorded is a transcript in its layout once somebody has written its head.
///
/// An event is one of `c` (a client connects), `N<` and bytes (it sends), `N>` and bytes (it receives), `Nl` (it
/// leaves), `Nr` (by a reset), `Nd` (the server closes), `e` (the server ends), where N is the client's number.
fn recording(data: &[u8]) {
    let mut recording = Recording::default();
    let mut is_open: Vec<(bool, bool)> = Vec::new();
    for event in data.split(|byte| *byte == END_OF_READ) {
        if event == b"e" {
            recording.server_ended();
            break;
        }
        if event == b"c" {
            if recording.note(is_open.len(), EventKind::Connected).is_err() {
                break;
            }
            is_open.push((true, true));
            continue;
        }
        let [number, kind, bytes @ ..] = event else {
            continue;
        };
        let connection = usize::from(number.wrapping_sub(b'0'));
        let Some((client, server)) = is_open.get_mut(connection) else {
            continue;
        };
        let kind = match kind {
            b'<' if *client && !bytes.is_empty() => EventKind::Said(bytes.to_vec()),
            b'>' if *server && !bytes.is_empty() => EventKind::Heard(bytes.to_vec()),
            b'l' | b'r' if *client => {
                *client = false;
                EventKind::Left {
                    reset: *kind == b'r',
                }
            }
            b'd' if *server => {
                *server = false;
                EventKind::Disconnected
            }
            _ => continue,
        };
        if recording.note(connection, kind).is_err() {
            break;
        }
    }
    let Some(text) = transcript(&recording).expect("is a transcript") else {
        return;
    };
    let completed = text.replacen("#\ncovers\n", "# It holds.\ncovers W-LINE-1\n", 1);
    if let Err(mistakes) = parse("fuzz.chat", &completed) {
        panic!("{mistakes:#?}\n{completed}");
    }
    assert_eq!(format(&completed), Ok(completed));
}
