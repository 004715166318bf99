//! A moment in the past, as the command line names it.

use std::str::FromStr;

use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};

/// A moment in the past: a date, a time, or how long ago. Dates and times without an offset are in
/// UTC, as everything that is shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Since {
    /// Then.
    At(Timestamp),
    /// So long ago.
    Ago(Span),
}

impl Since {
    /// The moment, as seen from now.
    pub(super) fn moment(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(then) => *then,
            // Before the beginning of time is the beginning of time.
            Self::Ago(span) => now
                .to_zoned(TimeZone::UTC)
                .checked_sub(*span)
                .map_or(Timestamp::MIN, |then| then.timestamp()),
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(then) = text.parse::<Timestamp>() {
            return Ok(Self::At(then));
        }
        if let Ok(then) = text.parse::<DateTime>() {
            let zoned = then.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
            return Ok(Self::At(zoned.timestamp()));
        }
        match text.parse::<Span>() {
            Ok(span) if span.is_positive() => Ok(Self::Ago(span)),
            _ => Err(format!(
                "`{text}` is neither a date such as `2026-11-21` or `2026-11-21T16:32`, nor a time \
                 back such as `7d` or `12h`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let now = "2026-11-21T16:32:12Z".parse().unwrap();
        for (text, expected) in [
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-20T12:30", "2026-11-20T12:30:00Z"),
            ("2026-11-20 12:30:01", "2026-11-20T12:30:01Z"),
            ("2026-11-20T12:30:00Z", "2026-11-20T12:30:00Z"),
            ("2026-11-20T12:30:00+02:00", "2026-11-20T10:30:00Z"),
            ("7d", "2026-11-14T16:32:12Z"),
            ("12h", "2026-11-21T04:32:12Z"),
            ("1w 1d", "2026-11-13T16:32:12Z"),
            ("1 month", "2026-10-21T16:32:12Z"),
            ("PT5M", "2026-11-21T16:27:12Z"),
        ] {
            let since: Since = text.parse().unwrap();
            assert_eq!(since.moment(now).to_string(), expected, "{text}");
        }
        for text in ["", "yesterday", "0s", "7d ago", "-7d", "12", "2026-13-01"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_past_has_a_beginning() {
        let now = "2026-11-21T16:32:12Z".parse().unwrap();
        let since: Since = "19000y".parse().unwrap();
        assert_eq!(since.moment(now), Timestamp::MIN);
    }
}
