//! Waiting for the next message that an actor gets.

use std::time::Duration;

use super::cast::Cast;
use super::peer::End;
use super::setting::Stop;
use super::watch::Watch;
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::evidence::Excerpt;
use crate::conformance::evidence::shortfall::Got;
use crate::conformance::program::dialect::Framing;

/// What came of waiting for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Message(Vec<u8>),
    /// Text without the end of a message, and nothing after it.
    Unfinished(Vec<u8>),
    End(End),
    Nothing(Duration),
    NoConnection(Duration),
}

impl Heard {
    /// As evidence; a message as a line with this meaning.
    pub(super) fn got(&self, meaning: Meaning, framing: Framing) -> Got {
        match self {
            Heard::Message(line) => got_line(line, meaning),
            Heard::Unfinished(text) => Got::Unfinished {
                text: Excerpt::of(text),
                framing,
            },
            Heard::End(End::Orderly) => Got::Closed,
            Heard::End(End::Reset) => Got::Reset,
            Heard::End(End::NotConnected(reason)) => Got::NotConnected {
                reason: reason.clone(),
            },
            Heard::Nothing(patience) => Got::Nothing {
                after: milliseconds(*patience),
            },
            Heard::NoConnection(patience) => Got::NoConnection {
                after: milliseconds(*patience),
            },
        }
    }
}

/// A line as evidence.
pub(super) fn got_line(line: &[u8], meaning: Meaning) -> Got {
    Got::Line {
        line: Excerpt::of(line),
        meaning,
        freed: None,
    }
}

/// A time as evidence.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Maximum pause within a message: a program that began one, is silent for this time and rests does not continue.
const LONGEST_WITHIN_A_MESSAGE: Duration = Duration::from_secs(1);
const BETWEEN_MARKS: Duration = Duration::from_millis(5);

/// Waits for the next message that `actor` gets.
pub(super) fn next_message(
    cast: &mut Cast<'_>,
    actor: &str,
    patience: Duration,
) -> Result<Heard, Stop> {
    let settle = cast.setting.timeouts.settle();
    let unended = patience.min(LONGEST_WITHIN_A_MESSAGE.max(settle));
    let mut mark = None;
    let heard = cast.watch(patience, |cast| {
        let Some(peer) = cast.peer(actor) else {
            return Watch::On;
        };
        let ends_by_pause = peer.inbox().waits_for_pause();
        let longest = if ends_by_pause { settle } else { unended };
        let has_begun = !peer.inbox().unfinished().is_empty();
        let rests = has_begun && peer.quiet_for() >= longest && {
            // The pause may be the harness's own, with the rest there already.
            cast.look(Duration::ZERO);
            let before = std::mem::replace(&mut mark, cast.mark_of_rest());
            mark.is_some() && mark == before
        };
        let Some(peer) = cast.peer(actor) else {
            return Watch::On;
        };
        let end = peer.end().cloned();
        let quiet = peer.quiet_for();
        // A program that never rests is not waited for long.
        let is_over = rests || ends_by_pause && quiet >= unended;
        let is_over = end.is_some() || is_over && quiet >= longest;
        let inbox = peer.inbox_mut();
        if is_over {
            inbox.pause();
        }
        match (inbox.take_next(), inbox.unfinished(), end) {
            (Some(message), ..) => Watch::Done(Heard::Message(message)),
            (None, [], Some(end)) => Watch::Done(Heard::End(end)),
            (None, [], None) => Watch::On,
            (None, unfinished, _) if is_over => Watch::Done(Heard::Unfinished(unfinished.to_vec())),
            (None, ..) => Watch::Again(longest.saturating_sub(quiet).max(BETWEEN_MARKS)),
        }
    })?;
    if let Some(heard) = heard {
        return Ok(heard);
    }
    cast.setting.timeouts.waited_in_vain();
    let Some(peer) = cast.peer(actor) else {
        return Ok(Heard::NoConnection(patience));
    };
    Ok(match peer.inbox().unfinished() {
        [] => Heard::Nothing(patience),
        unfinished => Heard::Unfinished(unfinished.to_vec()),
    })
}
