//! What must follow from what happens to a client, by the requirements.

use super::act::{Act, Cut, End, Message, Opening};
use crate::exploration::script::Script;
use crate::exploration::text::Text;

/// The transcript of a conversation. Act 0 is its opening; the others follow.
pub fn script(name: &str, opening: &Opening, acts: &[Act]) -> Script {
    let mut model = Model {
        name,
        script: Script::default(),
        act: 0,
        has_ended: false,
    };
    model.open(opening);
    for (index, act) in acts.iter().enumerate() {
        model.act = index + 1;
        if !model.has_ended {
            model.perform(act);
        }
    }
    model.script
}

struct Model<'a> {
    name: &'a str,
    script: Script,
    /// The act under way.
    act: usize,
    has_ended: bool,
}

impl Model<'_> {
    fn step(&mut self, step: impl Into<String>) {
        self.script.step(self.act, step);
    }

    fn open(&mut self, opening: &Opening) {
        let name = self.name;
        if let Opening::BadAddress(address) = opening {
            self.step(format!("client starts as {name} at \"{address}\""));
            self.step("user sees an error");
            self.step("client ends");
            if address.contains("{port}") {
                self.step("server hears nothing");
            }
            self.has_ended = true;
            return;
        }
        self.step(format!("client starts as {name}"));
        self.step(format!("server < REGISTER {name} CHAT/1.0"));
        match opening {
            Opening::BadAddress(_) => {}
            Opening::Accepted(sizes) => self.sends("200 Registration successful", sizes),
            Opening::AcceptedLate => {
                self.step("3 seconds pass");
                self.sends("200 Registration successful", &[]);
            }
            Opening::AcceptedWithMessage(message) => {
                let both = format!("200 Registration successful\n{}\n", line(message));
                self.script.sends(self.act, "server", both.as_bytes());
                self.sees(message);
            }
            Opening::Refused {
                line,
                sizes,
                closes,
            } => {
                self.sends(line, sizes);
                // What the client says about the answer may come before or after the connection is closed.
                self.step(if *closes {
                    "server closes"
                } else {
                    "user sees an error"
                });
                self.step("client ends");
                self.has_ended = true;
            }
        }
    }

    fn perform(&mut self, act: &Act) {
        self.script.pause();
        match act {
            Act::Types(text) => {
                self.types(&format!("{}\n", text.shown()));
                self.says(text);
            }
            Act::Pastes(texts) => {
                let all: String = texts
                    .iter()
                    .map(|text| format!("{}\n", text.shown()))
                    .collect();
                self.types(&all);
                texts.iter().for_each(|text| self.says(text));
            }
            Act::TypesAround { text, messages } => {
                let (begun, rest) = halves(text);
                self.types(&begun);
                for message in messages {
                    self.script.says(self.act, "server", &line(message));
                    self.sees(message);
                }
                self.types(&format!("{rest}\n"));
                self.says(text);
            }
            Act::TypesAtOnce { text, message } => {
                self.step("client is paused");
                self.script.says(self.act, "server", &line(message));
                self.types(&format!("{}\n", text.shown()));
                self.step("client goes on");
                self.sees(message);
                self.says(text);
            }
            Act::Receives { messages, cut } => self.receives(messages, cut),
            Act::SendsNothing => self.step("server hears nothing"),
            Act::Ends { how, half_typed } => self.end(how, half_typed.as_ref()),
        }
    }

    fn types(&mut self, keys: &str) {
        let quoted = crate::transcript::quoted(keys.as_bytes());
        self.step(format!("user types {quoted}"));
    }

    fn says(&mut self, text: &Text) {
        let line = format!("@{}: {}", self.name, text.shown());
        self.script.gets(self.act, "server", &line);
    }

    fn sees(&mut self, message: &Message) {
        self.step(format!("user < {}", line(message)));
    }

    fn receives(&mut self, messages: &[Message], cut: &Cut) {
        let lines: Vec<String> = messages.iter().map(line).collect();
        let all: String = lines.iter().map(|line| format!("{line}\n")).collect();
        match cut {
            // One after the other: a copy is told from its original by what the screen showed before.
            Cut::Lines => {
                for (line, message) in lines.iter().zip(messages) {
                    self.script.says(self.act, "server", line);
                    self.sees(message);
                }
                return;
            }
            Cut::CarriageReturns => {
                for (line, message) in lines.iter().zip(messages) {
                    let line = format!("{line}\r\n");
                    self.script.sends(self.act, "server", line.as_bytes());
                    self.sees(message);
                }
                return;
            }
            Cut::OneSegment => self.script.sends(self.act, "server", all.as_bytes()),
            Cut::InParts(sizes) => {
                self.script
                    .sends_in_parts(self.act, "server", all.as_bytes(), sizes)
            }
        }
        messages.iter().for_each(|message| self.sees(message));
    }

    /// The server sends a line, in parts where there are sizes.
    fn sends(&mut self, line: &str, sizes: &[usize]) {
        if sizes.is_empty() {
            self.script.says(self.act, "server", line);
        } else {
            self.script
                .sends_in_parts(self.act, "server", format!("{line}\n").as_bytes(), sizes);
        }
    }

    fn end(&mut self, how: &End, half_typed: Option<&Text>) {
        if let Some(text) = half_typed {
            let (begun, _) = halves(text);
            self.types(&begun);
        }
        match how {
            End::Interrupt => {
                self.step("user presses Ctrl-C");
                let goodbye = format!("DISCONNECT {} CHAT/1.0", self.name);
                self.script.gets(self.act, "server", &goodbye);
            }
            End::Goodbye => self.sends("DISCONNECT CHAT/1.0", &[]),
            End::GoodbyeInParts(sizes) => self.sends("DISCONNECT CHAT/1.0", sizes),
            End::GoodbyeBehind(messages) => {
                let lines = messages.iter().map(line);
                let goodbye = ["DISCONNECT CHAT/1.0".to_owned()];
                let all: String = lines
                    .chain(goodbye)
                    .map(|line| format!("{line}\n"))
                    .collect();
                self.script.sends(self.act, "server", all.as_bytes());
            }
            End::Closed => self.step("server closes"),
            End::ClosedWithinLine => {
                self.script.sends(self.act, "server", b"@bob: I was about");
                self.step("server closes");
            }
        }
        if *how != End::Interrupt {
            self.step("user sees a notice");
        }
        self.step("client ends");
        self.has_ended = true;
    }
}

fn line(message: &Message) -> String {
    format!("@{}: {}", message.from, message.text.shown())
}

/// A text in two halves, both of whole characters and neither empty but for a text of one character.
fn halves(text: &Text) -> (String, String) {
    let all: Vec<char> = text.shown().chars().collect();
    let (begun, rest) = all.split_at(all.len().div_ceil(2));
    (begun.iter().collect(), rest.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(opening: &Opening, acts: &[Act]) -> String {
        let script = script("alice", opening, acts);
        let (text, _) = script
            .transcript("test", "A case.", &["C-MSG-1"])
            .expect("is a transcript");
        text.split_once("\n\n").expect("has a head").1.to_owned()
    }

    fn message(word: usize) -> Message {
        Message {
            from: "bob".to_owned(),
            text: Text::plain(word),
        }
    }

    #[test]
    fn what_is_typed_is_sent_and_what_arrives_is_shown() {
        let acts = [
            Act::TypesAround {
                text: Text::plain(0),
                messages: vec![message(1)],
            },
            Act::Ends {
                how: End::Interrupt,
                half_typed: Some(Text::plain(2)),
            },
            Act::Types(Text::plain(3)),
        ];
        let expected = "client starts as alice\nserver < REGISTER alice CHAT/1.0\nserver > 200 Registration \
                        successful\n\nuser types \"apri\"\nserver > @bob: balcony\nuser   < @bob: balcony\nuser \
                        types \"cot\\n\"\nserver < @alice: apricot\n\nuser types \"can\"\nuser presses \
                        Ctrl-C\nserver < DISCONNECT alice CHAT/1.0\nclient ends\n";
        assert_eq!(shown(&Opening::Accepted(Vec::new()), &acts), expected);
    }

    #[test]
    fn nothing_follows_a_refusal() {
        let opening = Opening::Refused {
            line: "400 Invalid registration".to_owned(),
            sizes: vec![2],
            closes: true,
        };
        let expected = "client starts as alice\nserver < REGISTER alice CHAT/1.0\nserver sends \"40\"\nserver \
                        sends \"0 Invalid registration\\n\"\nserver closes\nclient ends\n";
        assert_eq!(shown(&opening, &[Act::SendsNothing]), expected);
    }

    #[test]
    fn a_bad_address_is_never_spoken_to() {
        let opening = Opening::BadAddress("http://{host}:{port}".to_owned());
        let expected = "client starts as alice at \"http://{host}:{port}\"\nuser sees an error\nclient \
                        ends\nserver hears nothing\n";
        assert_eq!(shown(&opening, &[]), expected);
    }
}
