//! What can happen to a request.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// How long an answer is kept back, in milliseconds, on the machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Latency(u32);

impl Latency {
    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u32) -> Self {
        Self(millis)
    }

    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }

    /// Both, one after the other.
    pub(super) const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// What happens to a request.
///
/// As text: `throttle`, `deny`, `conflict`, `expired`, `skew=SECONDS`, `error`, `error-after`, `timeout`, `drop`,
/// `drop-after`, `latency=MILLISECONDS` or `quota`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FaultKind {
    /// It is refused as one too many: `ThrottlingException`, "Rate exceeded".
    Throttle,
    /// It is refused for want of a permission: `AccessDeniedException`.
    Deny,
    /// It is refused because it contradicts what is there: `ConflictException`.
    Conflict,
    /// It is refused because the session that signed it is over: `ExpiredTokenException`.
    Expired,
    /// The services' clock is ahead of the client's by so many seconds, or behind: what is signed with a
    /// time that is off by more than five minutes is refused.
    Skew(i32),
    /// The service fails with a 500, and nothing is done.
    Error,
    /// It is done, then the service fails with a 500.
    ErrorAfter,
    /// It is done, but the answer never comes.
    Timeout,
    /// The connection is cut, and nothing is done.
    Drop,
    /// It is done, then the connection is cut.
    DropAfter,
    /// The answer is late.
    Latency(Latency),
    /// It is refused while more of its kind come than AWS lets through, see AWS's quotas.
    Quota,
}

/// Why a text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a fault: throttle, deny, conflict, expired, skew=SECONDS, error, error-after, timeout, drop, drop-after, \
     latency=MILLISECONDS and quota are"
)]
pub struct FaultKindError(String);

impl FromStr for FaultKind {
    type Err = FaultKindError;

    fn from_str(text: &str) -> Result<Self, FaultKindError> {
        Ok(match text {
            "throttle" => Self::Throttle,
            "deny" => Self::Deny,
            "conflict" => Self::Conflict,
            "expired" => Self::Expired,
            "error" => Self::Error,
            "error-after" => Self::ErrorAfter,
            "timeout" => Self::Timeout,
            "drop" => Self::Drop,
            "drop-after" => Self::DropAfter,
            "quota" => Self::Quota,
            other => Self::with_number(other).ok_or_else(|| FaultKindError(other.to_owned()))?,
        })
    }
}

impl FaultKind {
    /// One with a number.
    fn with_number(text: &str) -> Option<Self> {
        match text.split_once('=')? {
            ("latency", millis) => Some(Self::Latency(Latency(millis.parse().ok()?))),
            ("skew", seconds) => Some(Self::Skew(seconds.parse().ok()?)),
            _ => None,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttle => f.pad("throttle"),
            Self::Deny => f.pad("deny"),
            Self::Conflict => f.pad("conflict"),
            Self::Expired => f.pad("expired"),
            Self::Skew(seconds) => f.pad(&format!("skew={seconds}")),
            Self::Error => f.pad("error"),
            Self::ErrorAfter => f.pad("error-after"),
            Self::Timeout => f.pad("timeout"),
            Self::Drop => f.pad("drop"),
            Self::DropAfter => f.pad("drop-after"),
            Self::Latency(latency) => f.pad(&format!("latency={}", latency.0)),
            Self::Quota => f.pad("quota"),
        }
    }
}

impl TryFrom<String> for FaultKind {
    type Error = FaultKindError;

    fn try_from(text: String) -> Result<Self, FaultKindError> {
        text.parse()
    }
}

impl From<FaultKind> for String {
    fn from(kind: FaultKind) -> Self {
        kind.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_and_written() {
        for text in [
            "throttle",
            "deny",
            "conflict",
            "expired",
            "skew=-3600",
            "error",
            "error-after",
            "timeout",
            "drop",
            "drop-after",
            "latency=60",
            "quota",
        ] {
            assert_eq!(text.parse::<FaultKind>().unwrap().to_string(), text);
        }
        for text in
            ["", "Throttle", "latency", "latency=", "latency=-1", "latency=1s", "skew=1h", "drop=1"]
        {
            assert!(text.parse::<FaultKind>().is_err(), "{text}");
        }
    }
}
