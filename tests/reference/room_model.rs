//! Compares the pure part of the server with a simple model: a list of who is registered, and what
//! each of them has received.

use chat_conformance::protocol::{Line, Status};
use chat_conformance::server::backlog::Backlog;
use chat_conformance::server::broker::{Broker, Client, Stage};
use chat_conformance::server::log::{Level, Log};
use chat_conformance::server::room::{Action, ConnectionId, Ignored, Room};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, IoSlice, Write};

const CONNECTIONS: usize = 5;

prop_state_machine! {
    /// Each line does what the model predicts.
    #[test]
    fn the_room_matches_the_model(sequential 1..60 => RoomUnderTest);

    /// Every member receives what the model predicts, once and in order, however the input is split
    /// into segments and however few bytes a socket accepts at a time.
    #[test]
    fn the_broker_delivers_what_the_model_predicts(sequential 1..30 => BrokerUnderTest);
}

// What clients send, and the model.

/// What a client sends. The model knows what it means; the room has to parse it.
#[derive(Debug, Clone)]
enum Utterance {
    Register(&'static str),
    Disconnect(&'static str),
    Say(&'static str, &'static str),
    Rubbish(&'static str),
    NotUtf8,
    TooLong,
}

impl Utterance {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Utterance::Register(name) => format!("REGISTER {name} CHAT/1.0").into_bytes(),
            Utterance::Disconnect(name) => format!("DISCONNECT {name} CHAT/1.0").into_bytes(),
            Utterance::Say(name, text) => format!("@{name}: {text}").into_bytes(),
            Utterance::Rubbish(line) => line.as_bytes().to_vec(),
            Utterance::NotUtf8 => b"@ann: \xff".to_vec(),
            Utterance::TooLong => vec![b'x'; 9000],
        }
    }
}

fn utterance() -> impl Strategy<Value = Utterance> {
    // One name is a prefix of another, and one consists of the protocol's own words.
    let name = || select(vec!["ann", "anna", "CHAT/1.0"]);
    let text = select(vec![
        "",
        "hi",
        "DISCONNECT ann CHAT/1.0",
        "@anna: hi",
        "é: \u{2028} \0",
    ]);
    let rubbish = select(vec![
        "",
        "hello",
        "@ann:hi",
        "REGISTER ann",
        "REGISTER ann CHAT/1.1",
        "register ann CHAT/1.0",
        "REGISTER ann anna CHAT/1.0",
        "DISCONNECT CHAT/1.0",
        "200 Registration successful",
    ]);
    prop_oneof![
        6 => name().prop_map(Utterance::Register),
        2 => name().prop_map(Utterance::Disconnect),
        8 => (name(), text).prop_map(|(name, text)| Utterance::Say(name, text)),
        1 => rubbish.prop_map(Utterance::Rubbish),
        1 => Just(Utterance::NotUtf8),
        1 => Just(Utterance::TooLong),
    ]
}

/// What the server has to do about it.
#[derive(Debug, Clone, PartialEq)]
enum Consequence {
    Welcome,
    Refused(Status<'static>),
    Relayed(String),
    Released,
    Ignored(Ignored),
}

#[derive(Debug, Clone, Default)]
struct Model {
    /// Names of the registered connections.
    members: BTreeMap<usize, &'static str>,
    /// Connections that were refused or released, and have not ended yet.
    leaving: Vec<usize>,
    /// What the last line did.
    last: Option<Consequence>,
    /// What each connection has received since it began.
    heard: BTreeMap<usize, Vec<String>>,
}

impl Model {
    fn take(&mut self, who: usize, said: &Utterance) -> Consequence {
        let consequence = match self.members.get(&who) {
            Some(own) => match said {
                Utterance::Say(name, text) if name == own => {
                    Consequence::Relayed(format!("@{name}: {text}"))
                }
                Utterance::Disconnect(name) if name == own => Consequence::Released,
                Utterance::Say(..) | Utterance::Disconnect(_) => {
                    Consequence::Ignored(Ignored::AnothersName)
                }
                Utterance::Register(_) => Consequence::Ignored(Ignored::SecondRegistration),
                Utterance::Rubbish(_) => Consequence::Ignored(Ignored::Unknown),
                Utterance::NotUtf8 => Consequence::Ignored(Ignored::NotUtf8),
                Utterance::TooLong => Consequence::Ignored(Ignored::TooLong),
            },
            None => match said {
                Utterance::Register(name) if self.members.values().any(|taken| taken == name) => {
                    Consequence::Refused(Status::ALREADY_REGISTERED)
                }
                Utterance::Register(name) => {
                    self.members.insert(who, name);
                    Consequence::Welcome
                }
                _ => Consequence::Refused(Status::INVALID),
            },
        };
        if matches!(consequence, Consequence::Refused(_) | Consequence::Released) {
            self.members.remove(&who);
            self.leaving.push(who);
        }
        self.last = Some(consequence.clone());
        consequence
    }

    fn end(&mut self, who: usize) {
        self.members.remove(&who);
        self.leaving.retain(|other| *other != who);
        self.last = None;
    }
}

// The room, line by line.

#[derive(Debug, Clone)]
enum RoomTransition {
    Line(usize, Utterance),
    End(usize),
}

struct RoomModel;

impl ReferenceStateMachine for RoomModel {
    type State = Model;
    type Transition = RoomTransition;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<RoomTransition> {
        prop_oneof![
            6 => (0..CONNECTIONS, utterance())
                .prop_map(|(who, said)| RoomTransition::Line(who, said)),
            1 => (0..CONNECTIONS).prop_map(RoomTransition::End),
        ]
        .boxed()
    }

    fn preconditions(model: &Model, transition: &RoomTransition) -> bool {
        match transition {
            RoomTransition::Line(who, _) => !model.leaving.contains(who),
            RoomTransition::End(_) => true,
        }
    }

    fn apply(mut model: Model, transition: &RoomTransition) -> Model {
        match transition {
            RoomTransition::Line(who, said) => {
                model.take(*who, said);
            }
            RoomTransition::End(who) => model.end(*who),
        }
        model
    }
}

struct RoomUnderTest;

impl StateMachineTest for RoomUnderTest {
    type SystemUnderTest = Room;
    type Reference = RoomModel;

    fn init_test(_: &Model) -> Room {
        Room::default()
    }

    fn apply(mut room: Room, model: &Model, transition: RoomTransition) -> Room {
        match transition {
            RoomTransition::Line(who, said) => {
                let bytes = said.bytes();
                let line = match said {
                    Utterance::TooLong => Line::TooLong,
                    _ => Line::Whole(&bytes),
                };
                let consequence = match room.hear(ConnectionId(who), line) {
                    Action::Welcome(name) => {
                        assert_eq!(model.members.get(&who), Some(&name.as_str()));
                        Consequence::Welcome
                    }
                    Action::Refuse(status) => Consequence::Refused(status),
                    Action::Relay(line) => Consequence::Relayed(line.to_owned()),
                    Action::Release(_) => Consequence::Released,
                    Action::Ignore(why) => Consequence::Ignored(why),
                };
                assert_eq!(Some(consequence), model.last);
            }
            RoomTransition::End(who) => {
                room.leave(ConnectionId(who));
            }
        }
        room
    }

    fn check_invariants(room: &Room, model: &Model) {
        let members: Vec<usize> = room.members().map(|id| id.0).collect();
        assert!(members.iter().eq(model.members.keys()));
        for (who, name) in &model.members {
            let registered = room.name(ConnectionId(*who));
            assert_eq!(registered.map(|name| name.as_str()), Some(*name));
        }
    }
}

// The broker, round by round.

/// However short the lines are, the backlog's memory is bounded by what is unread, in whole rounds.
#[test]
fn backlog_memory_is_bounded_even_if_few_bytes_wait() {
    const LIMIT: usize = 1 << 20;
    let mut backlog = Backlog::with_limit(LIMIT);
    let cursor = backlog.enter();
    let (mut rounds, mut waiting) = (0, 0);
    while !backlog.is_full() {
        // A large round leaves a large buffer to reuse for small ones.
        let length = if rounds % 2 == 0 { 100_000 } else { 10 };
        backlog.relay(&"x".repeat(length));
        if length > 10 {
            backlog.exclude(ConnectionId(0), 0);
        } else {
            waiting += length + 1;
        }
        assert!(backlog.close_round());
        backlog.shrink();
        rounds += 1;
    }
    assert!(backlog.held() < LIMIT + 300_000, "{}", backlog.held());
    assert!(
        waiting < 1000 && rounds < 30,
        "{rounds} rounds, {waiting} bytes wait"
    );
    backlog.leave(cursor);
    assert_eq!(backlog.held(), 0);
}

/// What one connection does in a round.
#[derive(Debug, Clone)]
struct Turn {
    who: usize,
    says: Vec<Utterance>,
    /// Size of the segments that its bytes arrive in.
    segment: usize,
    /// Whether the connection then ends without a goodbye.
    ends: bool,
}

/// A round.
#[derive(Debug, Clone)]
struct RoundOfTurns {
    /// At most one turn for each connection.
    turns: Vec<Turn>,
    /// Number of bytes that each connection accepts at the end of the round.
    capacities: [usize; CONNECTIONS],
}

/// Accepts only a limited number of bytes.
struct Sink<'a> {
    capacity: usize,
    taken: &'a mut Vec<u8>,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.capacity == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = bytes.len().min(self.capacity);
        self.capacity -= count;
        self.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> std::io::Result<usize> {
        let mut count = 0;
        for piece in pieces {
            match self.write(piece) {
                Ok(taken) => count += taken,
                Err(error) if count == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct BrokerModel;

impl ReferenceStateMachine for BrokerModel {
    type State = Model;
    type Transition = RoundOfTurns;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<RoundOfTurns> {
        let order = Just((0..CONNECTIONS).collect::<Vec<_>>()).prop_shuffle();
        let who = order.prop_flat_map(|order| subsequence(order, 0..=CONNECTIONS));
        let turns = who.prop_flat_map(|who| {
            let turns = who.into_iter().map(|who| {
                let what = (
                    vec(utterance(), 0..4),
                    1..60usize,
                    proptest::bool::weighted(0.1),
                );
                what.prop_map(move |(says, segment, ends)| Turn {
                    who,
                    says,
                    segment,
                    ends,
                })
            });
            turns.collect::<Vec<_>>()
        });
        let capacity = prop_oneof![2 => Just(0), 2 => 1usize..100, 3 => Just(usize::MAX)];
        (turns, proptest::array::uniform5(capacity))
            .prop_map(|(turns, capacities)| RoundOfTurns { turns, capacities })
            .boxed()
    }

    fn apply(mut model: Model, round: &RoundOfTurns) -> Model {
        for turn in &round.turns {
            for said in &turn.says {
                if !model.leaving.contains(&turn.who) {
                    model.speak(turn.who, said);
                }
            }
            if turn.ends {
                model.end(turn.who);
                model.heard.remove(&turn.who);
            }
        }
        // A connection that leaves may miss lines of its last round, so they are not compared. It
        // ends with the round.
        for who in std::mem::take(&mut model.leaving) {
            model.heard.remove(&who);
        }
        model
    }
}

impl Model {
    fn speak(&mut self, who: usize, said: &Utterance) {
        match self.take(who, said) {
            Consequence::Welcome => self.tell(who, "200 Registration successful"),
            Consequence::Refused(status) => self.tell(who, &status.to_string()),
            Consequence::Relayed(line) => {
                let others: Vec<usize> = self.members.keys().copied().collect();
                for other in others.into_iter().filter(|other| *other != who) {
                    self.tell(other, &line);
                }
            }
            Consequence::Released | Consequence::Ignored(_) => {}
        }
    }

    fn tell(&mut self, who: usize, line: &str) {
        self.heard.entry(who).or_default().push(line.to_owned());
    }
}

struct BrokerUnderTest {
    broker: Broker,
    clients: BTreeMap<usize, Client>,
    heard: BTreeMap<usize, Vec<u8>>,
    /// Connections with bytes left to send.
    behind: BTreeSet<usize>,
}

impl BrokerUnderTest {
    fn turn(&mut self, turn: &Turn) {
        let new = || Client::new(ConnectionId(turn.who), ([127, 0, 0, 1], 7).into());
        let client = self.clients.entry(turn.who).or_insert_with(new);
        let mut bytes = Vec::new();
        for said in &turn.says {
            bytes.extend(said.bytes());
            bytes.push(b'\n');
        }
        for segment in bytes.chunks(turn.segment) {
            self.broker.receive(client, segment);
        }
        if turn.ends {
            self.broker.leave(client, "ends");
            self.forget(turn.who);
        }
    }

    fn forget(&mut self, who: usize) {
        self.clients.remove(&who);
        self.heard.remove(&who);
        self.behind.remove(&who);
    }

    fn end_round(&mut self, capacities: [usize; CONNECTIONS]) {
        // The loop below writes to all of them, including those with nothing new.
        let _ = self.broker.close_round().count();
        for (who, client) in &mut self.clients {
            let taken = self.heard.entry(*who).or_default();
            let before = taken.len();
            let capacity = capacities[*who];
            let mut sink = Sink { capacity, taken };
            let written = self.broker.send(client, &mut sink);
            let written = written.expect("the sink does not fail");
            assert_eq!(written.taken, taken.len() - before);
            if written.is_all {
                self.behind.remove(who);
            } else {
                assert!(
                    capacity < usize::MAX,
                    "a socket without a limit accepts everything"
                );
                self.behind.insert(*who);
            }
        }
        self.broker.end_round();
        if self.behind.is_empty() {
            assert_eq!(
                self.broker.backlog().held(),
                0,
                "everybody has read everything"
            );
        }
    }

    /// Ends the connections that were refused or released. The refused ones have received their
    /// answer.
    fn end_leaving(&mut self) {
        let leaving = |client: &Client| client.stage() == Stage::Leaving;
        let gone: Vec<usize> = self
            .clients
            .iter()
            .filter(|(_, client)| leaving(client))
            .map(|(who, _)| *who)
            .collect();
        for who in gone {
            let client = self.clients.get_mut(&who).expect("it is there");
            self.broker.leave(client, "ends");
            self.forget(who);
        }
    }
}

impl StateMachineTest for BrokerUnderTest {
    type SystemUnderTest = BrokerUnderTest;
    type Reference = BrokerModel;

    fn init_test(_: &Model) -> BrokerUnderTest {
        BrokerUnderTest {
            broker: Broker::new(Log::new(Level::Problems)),
            clients: BTreeMap::new(),
            heard: BTreeMap::new(),
            behind: BTreeSet::new(),
        }
    }

    fn apply(mut test: BrokerUnderTest, _: &Model, round: RoundOfTurns) -> BrokerUnderTest {
        for turn in &round.turns {
            test.turn(turn);
        }
        test.end_round(round.capacities);
        test.end_leaving();
        test
    }

    fn check_invariants(test: &BrokerUnderTest, model: &Model) {
        for who in 0..CONNECTIONS {
            let heard = test.heard.get(&who).map_or(&[][..], Vec::as_slice);
            let lines: String = model
                .heard
                .get(&who)
                .into_iter()
                .flatten()
                .map(|line| line.clone() + "\n")
                .collect();
            let due = if test.behind.contains(&who) {
                assert!(lines.len() >= heard.len(), "what {who} heard");
                &lines.as_bytes()[..heard.len()]
            } else {
                lines.as_bytes()
            };
            let text = String::from_utf8_lossy;
            assert_eq!(text(heard), text(due), "what {who} heard");
        }
    }
}
