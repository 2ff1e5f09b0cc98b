//! Durations as GNU's `timeout` takes them: a floating point number and a unit.

use std::time::Duration;

/// How long something may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// No limit: `0`, infinity, or more than can be counted.
    Never,
    /// This long, rounded up to a nanosecond, so that nothing is early.
    After(Duration),
}

impl Limit {
    /// The time, or as long as can be counted.
    pub(crate) const fn or_max(self) -> Duration {
        match self {
            Self::Never => Duration::MAX,
            Self::After(time) => time,
        }
    }

    /// In seconds, or `None` when there is no limit.
    pub(crate) fn seconds(self) -> Option<f64> {
        match self {
            Self::Never => None,
            Self::After(time) => Some(time.as_secs_f64()),
        }
    }
}

/// What `text` says, or `None` when it is no duration.
pub(crate) fn parse(text: &[u8]) -> Option<Limit> {
    let (number, unit) = match text.split_last()? {
        (b's', number) => (number, 1.0),
        (b'm', number) => (number, 60.0),
        (b'h', number) => (number, 3_600.0),
        (b'd', number) if !ends_in_hexadecimal(text) => (number, 86_400.0),
        _ => (text, 1.0),
    };
    let seconds = number_of(number).or_else(|| number_of(text).filter(|seconds| seconds.is_infinite()))? * unit;
    if seconds.is_nan() || seconds < 0.0 {
        return None;
    }
    if seconds == 0.0 || seconds.is_infinite() {
        return Some(Limit::Never);
    }
    Some(Duration::try_from_secs_f64(seconds).map_or(Limit::Never, |time| Limit::After(rounded_up(time, seconds))))
}

/// `time` is the nearest to `seconds`, and may be early.
fn rounded_up(time: Duration, seconds: f64) -> Duration {
    if time.as_secs_f64() < seconds { time.saturating_add(Duration::from_nanos(1)) } else { time }
}

/// Whether a `d` at the end is a digit.
fn ends_in_hexadecimal(text: &[u8]) -> bool {
    let has = |letter: u8| text.iter().any(|byte| byte.eq_ignore_ascii_case(&letter));
    has(b'x') && !has(b'p')
}

/// A number as C writes it: decimal or hexadecimal, with an exponent, or infinity.
fn number_of(text: &[u8]) -> Option<f64> {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let text = &text[text.iter().take_while(|byte| blank(byte)).count()..];
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    // What Rust would take too, a second sign.
    if matches!(digits.first(), None | Some(b'+' | b'-')) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => hexadecimal(digits)?,
        None => digits.parse().ok()?,
    };
    Some(if negative { -value } else { value })
}

/// The digits after `0x`, with a point and a binary exponent that may both be left out.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = match text.split_once(['p', 'P']) {
        Some((digits, exponent)) => (digits, exponent_of(exponent)?),
        None => (text, 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(part.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let places = i32::try_from(part.len()).ok()?.checked_mul(4)?;
    Some(value * 2.0_f64.powi(exponent.saturating_sub(places)))
}

fn exponent_of(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let bound = if text.starts_with('-') { i32::MIN / 2 } else { i32::MAX / 2 };
    Some(text.parse().unwrap_or(bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Limit> {
        parse(text.as_bytes())
    }

    #[test]
    fn numbers_are_those_of_c() {
        for (text, micros) in [
            ("1", 1_000_000),
            ("1.5s", 1_500_000),
            (".5", 500_000),
            ("5.", 5_000_000),
            ("+2", 2_000_000),
            (" 2", 2_000_000),
            ("1e1", 10_000_000),
            ("1E-1m", 6_000_000),
            ("0x10", 16_000_000),
            ("0x1p-3", 125_000),
            ("0x1.1d", 1_113_281),
            ("0x1p0d", 86_400_000_000),
            ("2h", 7_200_000_000),
        ] {
            let found = of(text).map(|limit| limit.or_max().as_micros());
            assert_eq!(found, Some(micros), "{text}");
        }
    }

    #[test]
    fn nothing_and_for_ever_are_no_limit() {
        for text in
            ["0", "-0", "0d", "0.0", "inf", "infinity", "infinityd", "INF", "1e400", "1e-400", "9999999999999999999d"]
        {
            assert_eq!(of(text), Some(Limit::Never), "{text}");
        }
    }

    #[test]
    fn garbage_and_negative_times_are_none() {
        for text in [
            "", "s", "abc", "1x", "1ss", "1ms", "1 ", "1e", "0x", ".", "1,5", "nan", "-1", "--1", "1S", "1D", "0x1p",
            "\u{e9}",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn the_smallest_time_is_a_nanosecond() {
        assert_eq!(of("1e-300"), Some(Limit::After(Duration::from_nanos(1))));
    }
}
