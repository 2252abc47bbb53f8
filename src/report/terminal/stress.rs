//! The outcome of a load test, on a terminal.

use std::fmt::Write;

use crate::report::Style;
use crate::report::text::{Ink, cut, harmless, pad, paragraph, ruled};
use crate::stress::message::name;
use crate::stress::outcome::{Bottleneck, Latency, Outcome, Usage};
use crate::stress::spec::{Length, LoadSpec};
use crate::stress::witness::{Breach, Kind};

/// Columns of the names in the table.
const NAME: usize = 11;

/// The outcome for a person at a terminal.
pub fn render(outcome: &Outcome, style: Style) -> String {
    let mut shown = heading(outcome, style);
    shown += &table(outcome);
    shown += "\n";
    shown += &plot(&outcome.latency, style);
    for breach in &outcome.breaches {
        shown += "\n";
        shown += &breach_shown(breach, style);
    }
    shown += "\n";
    shown + &verdict(outcome, style)
}

fn heading(outcome: &Outcome, style: Style) -> String {
    let server = harmless(&outcome.server.join(" "));
    let title = ruled(&format!("stress: {server}"), style.prose());
    let title = style.ink(Ink::Heading, &title);
    format!(
        "{title}\n{}\n",
        paragraph(&load(&outcome.spec), "", style.prose())
    )
}

/// The load, as a sentence.
fn load(spec: &LoadSpec) -> String {
    let pace = match spec.rate {
        Some(rate) => format!("{rate} messages a second in all"),
        None if spec.unpaced => {
            "as fast as the server reads them, however far behind the readers are".to_owned()
        }
        None => "as fast as the sockets accept them".to_owned(),
    };
    let length = match spec.length {
        Length::Seconds(seconds) => format!("for {seconds} s"),
        Length::Messages(count) => format!("until {} are sent", grouped(count)),
    };
    let mut description = format!(
        "{} clients; {} of them send texts of {} bytes, {pace}, {length}",
        spec.clients, spec.senders, spec.size
    );
    for (count, what) in [
        (spec.churning, "come and go"),
        (spec.slow, "stop reading now and then"),
    ] {
        if count > 0 {
            let _ = write!(description, "; {count} {what}");
        }
    }
    if let Some(rate) = spec.read_rate {
        let _ = write!(
            description,
            "; clients that only listen read {} bytes a second",
            grouped(rate)
        );
    }
    if spec.busy > 0 {
        let _ = write!(description, "; {} threads keep the machine busy", spec.busy);
    }
    description + "."
}

fn table(outcome: &Outcome) -> String {
    let rate = |count: u64| scaled(ratio(count, outcome.seconds));
    let Latency {
        p50,
        p99,
        p99_9,
        max,
        ..
    } = outcome.latency;
    let mut rows = vec![
        (
            "Sent",
            format!(
                "{} messages, {} a second",
                grouped(outcome.sent.messages),
                rate(outcome.sent.messages)
            ),
        ),
        (
            "Delivered",
            format!(
                "{}, {} a second, {}B a second",
                grouped(outcome.delivered.messages),
                rate(outcome.delivered.messages),
                rate(outcome.delivered.bytes)
            ),
        ),
        (
            "Latency",
            format!(
                "p50 {}, p99 {}, p99.9 {}, at most {}",
                time(p50),
                time(p99),
                time(p99_9),
                time(max)
            ),
        ),
    ];
    if outcome.spec.churning + outcome.spec.slow > 0 {
        let visits = outcome.visits;
        rows.push((
            "Visits",
            format!(
                "{} came back; {} said goodbye, {} vanished, {} did not read and were dropped",
                visits.came_back, visits.left, visits.vanished, visits.dropped
            ),
        ));
    }
    if outcome.spec.slow > 0 || outcome.spec.unpaced || outcome.spec.read_rate.is_some() {
        rows.push(("Slow", slow_readers(outcome)));
    }
    match &outcome.usage {
        Some(usage) => {
            rows.push(("Processor", processor(outcome, usage)));
            rows.push(("Memory", memory(outcome, usage)));
        }
        None => rows.push((
            "Server",
            "not started by conform, so its usage is not measured".to_owned(),
        )),
    }
    rows.push(("Held back", held_back(outcome)));
    rows.iter()
        .map(|(name, value)| format!("{}{value}\n", pad(name, NAME)))
        .collect()
}

/// How the server treats clients that read slowly or not at all.
fn slow_readers(outcome: &Outcome) -> String {
    /// In seconds; the machine may cause shorter standstills.
    const LONG: f64 = 0.5;
    let visits = outcome.visits;
    let dropped = |count: u64, when: &str| {
        let were = if count == 1 {
            "client was"
        } else {
            "clients were"
        };
        (count > 0).then(|| format!("{} {were} dropped {when}", grouped(count)))
    };
    let held_up = (outcome.standstill > LONG).then(|| {
        format!(
            "all clients waited, for {:.1} s at most",
            outcome.standstill
        )
    });
    let remarks: Vec<String> = [
        dropped(visits.dropped_while_reading, "although they kept reading"),
        dropped(visits.dropped, "while they did not read"),
        held_up,
    ]
    .into_iter()
    .flatten()
    .collect();
    if remarks.is_empty() {
        return "no client was dropped, and none waited for long".to_owned();
    }
    remarks.join("; ")
}

fn processor(outcome: &Outcome, usage: &Usage) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    let each = usage.cpu_seconds * 1e9 / outcome.delivered.messages.max(1) as f64;
    format!(
        "the server {:.1} s of {:.1} s, {each:.0} ns a delivery; the load {:.1} s",
        usage.cpu_seconds, outcome.seconds, outcome.generator.cpu_seconds
    )
}

fn memory(outcome: &Outcome, usage: &Usage) -> String {
    let clients = outcome.spec.clients.max(1) as u64;
    let of_all = usage.memory_registered.saturating_sub(usage.memory_before);
    format!(
        "{} when all were registered, {} bytes a client; at most {}; {} at the end",
        bytes(usage.memory_registered),
        of_all / clients,
        bytes(usage.memory_peak),
        bytes(usage.memory_after)
    )
}

fn held_back(outcome: &Outcome) -> String {
    match outcome.bottleneck() {
        Bottleneck::Rate => "by the requested rate, which was reached".to_owned(),
        Bottleneck::Generator => {
            "by the load generator; the server may be able to do more".to_owned()
        }
        Bottleneck::Machine => {
            "by the machine: messages were sent late although neither side was busy".to_owned()
        }
        Bottleneck::Server => "by the server, which was always busy".to_owned(),
        Bottleneck::Both => "by both: server and load generator were always busy".to_owned(),
        Bottleneck::Neither if outcome.usage.is_none() => {
            "not by the load generator, which had time left".to_owned()
        }
        Bottleneck::Neither => {
            "by neither: they waited for each other or for the system".to_owned()
        }
    }
}

/// The distribution of the latency, one bar for each doubling.
fn plot(latency: &Latency, style: Style) -> String {
    const BAR: u64 = 40;
    let all: u64 = latency.distribution.iter().map(|(_, count)| count).sum();
    let longest = latency
        .distribution
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(0);
    let mut shown = String::new();
    for (bound, count) in &latency.distribution {
        let eighths = (count * BAR * 8).div_ceil(longest.max(1));
        let share = 100.0 * ratio(*count, ratio(all, 1.0));
        let share = if share < 0.01 {
            "< 0.01 %".to_owned()
        } else {
            format!("{share:.2} %")
        };
        let _ = writeln!(
            shown,
            "{:>12}  {:>9}  {}",
            format!("< {}", time(*bound)),
            share,
            style.ink(Ink::Quiet, &bar(eighths))
        );
    }
    shown
}

fn bar(eighths: u64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let (whole, part) = (
        usize::try_from(eighths / 8).unwrap_or(0),
        usize::try_from(eighths % 8).unwrap_or(0),
    );
    "█".repeat(whole) + PARTS[part]
}

fn breach_shown(breach: &Breach, style: Style) -> String {
    let what = format!("✗ {} {}", name(breach.client), harmless(&breach.what));
    let mut shown = style.ink(Ink::Bad, &what) + "\n";
    for (index, heard) in breach.around.iter().enumerate() {
        let is_it = breach.revealed_by == Some(index);
        let mark = if is_it { "→" } else { " " };
        let line = cut(&harmless(&heard.line), style.prose().saturating_sub(16));
        #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
        let line = format!("{mark} {:>10.6} s  {line}", heard.at as f64 / 1e6);
        shown += &style.ink(if is_it { Ink::Bad } else { Ink::Quiet }, &line);
        shown += "\n";
    }
    shown
}

fn verdict(outcome: &Outcome, style: Style) -> String {
    if outcome.holds() {
        let line = "✓ Every client received every message once, unchanged and in order, and nobody else received any.";
        return style.ink(Ink::Good, line) + "\n";
    }
    let each: Vec<String> = outcome
        .counts
        .iter()
        .map(|(kind, count)| format!("{} {}", grouped(*count), words(*kind)))
        .collect();
    style.ink(Ink::Bad, &format!("✗ {}.", each.join(", "))) + "\n"
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Lost => "lost",
        Kind::OutOfOrder => "out of order",
        Kind::Repeated => "repeated",
        Kind::Changed => "changed",
        Kind::Returned => "returned to the sender",
        Kind::Unregistered => "delivered to a client that was not registered",
        Kind::Closed => "disconnected without a reason",
        Kind::Refused => "refused",
        Kind::Stuck => "not read by the server",
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures to look at")]
fn ratio(count: u64, of: f64) -> f64 {
    if of > 0.0 { count as f64 / of } else { 0.0 }
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Three digits and the letter of a power of a thousand, such as `12.3 M`.
fn scaled(number: f64) -> String {
    let mut number = number;
    for letter in ["", "k", "M"] {
        if number < 999.5 {
            return format!("{} {letter}", three_digits(number))
                .trim_end()
                .to_owned();
        }
        number /= 1000.0;
    }
    format!("{} G", three_digits(number))
}

fn three_digits(number: f64) -> String {
    match number {
        0.0..9.995 => format!("{number:.2}"),
        9.995..99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

fn time(microseconds: u64) -> String {
    let time = ratio(microseconds, 1.0);
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..1_000_000 => format!("{} ms", three_digits(time / 1e3)),
        _ => format!("{} s", three_digits(time / 1e6)),
    }
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", three_digits(ratio(bytes, 1_048_576.0))),
    }
}
