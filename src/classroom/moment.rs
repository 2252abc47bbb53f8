//! Times as learning systems write them.
//!
//! Some systems write universal time, others the clock of the course without saying which. So a moment remembers
//! whether its offset is known. A moment without one is read in the zone of the moment that it is compared with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// A date and time of day, with or without an offset from universal time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment {
    /// Seconds on the local clock since 1970-01-01 00:00.
    local: i64,
    /// Minutes by which the local clock is ahead of universal time, if known.
    offset: Option<i16>,
}

impl Moment {
    /// A moment from its parts; `None` if there is no such date or time. `offset` is in minutes.
    pub fn new(
        (year, month, day): (i64, u8, u8),
        (hour, minute, second): (u8, u8, u8),
        offset: Option<i16>,
    ) -> Option<Moment> {
        let is_date = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day);
        // A minute with a leap second has 61.
        let is_time = hour < 24 && minute < 60 && second < 61;
        let is_offset = offset.is_none_or(|offset| (-24 * 60..=24 * 60).contains(&offset));
        (is_date && is_time && is_offset).then(|| Moment {
            local: days_before(year, month, day) * DAY
                + (i64::from(hour) * 60 + i64::from(minute)) * MINUTE
                + i64::from(second),
            offset,
        })
    }

    /// Reads a moment in any of the formats that learning systems use.
    pub fn read(text: &str) -> Option<Moment> {
        let text = text.trim();
        digits_only(text)
            .or_else(|| in_iso(text))
            .or_else(|| in_english(text))
    }

    /// Seconds from `earlier` to this moment. If only one of them has an offset, the other one gets it.
    pub fn seconds_since(self, earlier: Moment) -> i64 {
        let universal = |moment: Moment, other: Moment| {
            let offset = moment.offset.or(other.offset).unwrap_or(0);
            moment.local - i64::from(offset) * MINUTE
        };
        universal(self, earlier) - universal(earlier, self)
    }

    /// This moment so many seconds later, on the same clock.
    #[must_use]
    pub fn later(self, seconds: i64) -> Moment {
        Moment {
            local: self.local + seconds,
            ..self
        }
    }

    /// The same moment on the clock of `other`.
    #[must_use]
    pub fn on_clock_of(self, other: Moment) -> Moment {
        match (self.offset, other.offset) {
            (Some(own), Some(others)) => Moment {
                local: self.local + (i64::from(others) - i64::from(own)) * MINUTE,
                offset: other.offset,
            },
            (own, others) => Moment {
                local: self.local,
                offset: own.or(others),
            },
        }
    }

    /// Whether it is on a Saturday or Sunday of its own clock.
    pub fn is_on_weekend(self) -> bool {
        // 1970-01-01 was a Thursday.
        let weekday = (self.local.div_euclid(DAY) + 4).rem_euclid(7);
        weekday == 6 || weekday == 0
    }

    /// Whether its offset from universal time is known.
    pub fn has_offset(self) -> bool {
        self.offset.is_some()
    }
}

impl fmt::Display for Moment {
    /// `2021-10-19 23:54:59 +00:00`, without the offset if it is unknown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.local.div_euclid(DAY));
        let second = self.local.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
        )?;
        let Some(offset) = self.offset else {
            return Ok(());
        };
        let sign = if offset < 0 { '-' } else { '+' };
        let offset = offset.unsigned_abs();
        write!(f, " {sign}{:02}:{:02}", offset / 60, offset % 60)
    }
}

impl FromStr for Moment {
    type Err = String;
    fn from_str(text: &str) -> Result<Moment, String> {
        Moment::read(text).ok_or_else(|| format!("{text:?} is not a time"))
    }
}

impl TryFrom<String> for Moment {
    type Error = String;
    fn try_from(text: String) -> Result<Moment, String> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> String {
        moment.to_string()
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date. The year begins in March, so that the leap day is its last.
fn days_before(year: i64, month: u8, day: u8) -> i64 {
    let month = i64::from(month);
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + day_of_year - 719_468
}

/// The date so many days after 1970-01-01.
fn date_of(days: i64) -> (i64, u8, u8) {
    // The estimate is never too late.
    let longest = if days < 0 { 365 } else { 366 };
    let mut year = 1970 + days.div_euclid(longest);
    while days_before(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut left = days - days_before(year, 1, 1);
    let mut month = 1;
    while left >= i64::from(days_in(year, month)) {
        left -= i64::from(days_in(year, month));
        month += 1;
    }
    (year, month, u8::try_from(left + 1).unwrap_or(1))
}

/// `20211019235459000`: how Sakai writes universal time.
fn digits_only(text: &str) -> Option<Moment> {
    let is_one = (14..=17).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_one {
        return None;
    }
    let part = |from: usize, to: usize| text[from..to].parse::<u8>().ok();
    Moment::new(
        (text[..4].parse().ok()?, part(4, 6)?, part(6, 8)?),
        (part(8, 10)?, part(10, 12)?, part(12, 14)?),
        Some(0),
    )
}

/// `2021-10-19T23:54:59.123Z` and its relatives.
fn in_iso(text: &str) -> Option<Moment> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut date = date.split('-');
    let mut next = || date.next();
    let date = (
        next()?.parse().ok()?,
        next()?.parse().ok()?,
        next()?.parse().ok()?,
    );
    let rest = rest.strip_prefix(['T', 't', ' ', '_'])?.trim_start();
    let end = rest
        .find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, ':' | '.'))
        .unwrap_or(rest.len());
    let (time, zone) = rest.split_at(end);
    Moment::new(date, clock(time)?, offset(zone.trim())?)
}

/// `23:54`, `23:54:59`, `23:54:59.123`.
fn clock(text: &str) -> Option<(u8, u8, u8)> {
    let mut parts = text.split(':');
    let (hour, minute) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let second = match parts.next() {
        Some(second) => second.split('.').next()?.parse().ok()?,
        None => 0,
    };
    parts.next().is_none().then_some((hour, minute, second))
}

/// The offset that ends a time; `Some(None)` if there is none, and `None` if it cannot be read.
fn offset(text: &str) -> Option<Option<i16>> {
    if text.is_empty() {
        return Some(None);
    }
    if ["Z", "z", "UTC", "GMT"].contains(&text) {
        return Some(Some(0));
    }
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|letter| *letter != ':').collect();
    let is_offset = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_offset {
        return None;
    }
    let (hours, minutes): (i16, i16) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    Some(Some(sign * (hours * 60 + minutes)))
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// `Oct 19, 2021 1154 PM`, `Oct 19, 2021 11:54 PM`, `Tuesday, 19 October 2021, 11:54 PM`.
fn in_english(text: &str) -> Option<Moment> {
    let words = text
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != ':')
        .filter(|word| !word.is_empty());
    let (mut year, mut month, mut day, mut time) = (None, None, None, None);
    let mut half = None;
    for word in words {
        let lower = word.to_ascii_lowercase();
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        if word.contains(':') {
            time = Some(clock(word)?);
        } else if is_number && word.len() <= 2 && day.is_none() {
            day = word.parse().ok();
        } else if is_number && word.len() == 4 && year.is_none() {
            year = word.parse().ok();
        } else if is_number && (3..=4).contains(&word.len()) && time.is_none() {
            let (hour, minute) = word.split_at(word.len() - 2);
            time = Some((hour.parse().ok()?, minute.parse().ok()?, 0));
        } else if lower == "am" || lower == "pm" {
            half = Some(lower == "pm");
        } else if let Some(at) = MONTHS.iter().position(|month| lower.starts_with(month)) {
            month = u8::try_from(at + 1).ok();
        }
    }
    let (hour, minute, second) = time?;
    let hour = match half {
        Some(is_afternoon) if (1..=12).contains(&hour) => hour % 12 + 12 * u8::from(is_afternoon),
        Some(_) => return None,
        None => hour,
    };
    Moment::new((year?, month?, day?), (hour, minute, second), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        Moment::read(text).map_or_else(|| "none".to_owned(), |moment| moment.to_string())
    }

    #[test]
    fn every_system_s_format_is_read() {
        for (text, expected) in [
            ("20211019235459000", "2021-10-19 23:54:59 +00:00"),
            ("2021-10-19T23:54:59.123Z\n", "2021-10-19 23:54:59 +00:00"),
            ("2021-10-19 23:54:59 -0400", "2021-10-19 23:54:59 -04:00"),
            (
                "2021-10-19 23:54:59.123456000 -04:00",
                "2021-10-19 23:54:59 -04:00",
            ),
            ("2021-10-19 23:54", "2021-10-19 23:54:00"),
            ("Oct 19, 2021 1154 PM", "2021-10-19 23:54:00"),
            ("Oct 9, 2021 905 AM", "2021-10-09 09:05:00"),
            ("Oct 19, 2021 12:05 AM", "2021-10-19 00:05:00"),
            ("Tuesday, 19 October 2021, 11:54 PM", "2021-10-19 23:54:00"),
            ("2021-02-29 10:00", "none"),
            ("2021-10-19 25:00", "none"),
            ("yesterday", "none"),
            ("Oct 19, 2021 13:05 PM", "none"),
            ("", "none"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn offsets_are_used_where_they_are_known() {
        let moment = |text: &str| Moment::read(text).expect(text);
        let due = moment("2021-10-19T23:55:00-04:00");
        let seconds = |text: &str| moment(text).seconds_since(due);
        assert_eq!(seconds("2021-10-20T03:55:30Z"), 30);
        assert_eq!(seconds("2021-10-19 23:56"), 60);
        assert_eq!(
            moment("2021-10-20T03:55:30Z").on_clock_of(due).to_string(),
            "2021-10-19 23:55:30 -04:00"
        );
        assert!(moment("2021-10-23 00:00").is_on_weekend());
        assert!(moment("2021-10-24 23:59").is_on_weekend());
        assert!(!moment("2021-10-25 00:00").is_on_weekend());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            local in -60_000_000_000_i64..250_000_000_000,
            offset in prop::option::of(-840_i16..840),
        ) {
            let moment = Moment { local, offset };
            prop_assert_eq!(Moment::read(&moment.to_string()), Some(moment));
        }

        #[test]
        fn no_text_is_too_much(text in "\\PC{0,40}") {
            let _ = Moment::read(&text);
        }
    }
}
