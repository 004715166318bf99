//! What becomes of tasks that run an image: how a user makes a deployment fail.
//!
//! A fate is bound to a text that an image URI is matched with, from the moment it is set; tasks
//! that have pulled their images by then keep what they were given.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::sandbox::state::Entity;

/// What becomes of a container.
///
/// As text: `healthy`, `crash[=CODE][@SECONDS]`, `unhealthy` or `unpullable`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fate {
    /// It runs until it is stopped.
    #[default]
    Healthy,
    /// It exits by itself; when it is essential, its task stops.
    Crash {
        /// The exit code; 1 unless told.
        code: i32,
        /// Seconds after its start; 1 unless told.
        after: u32,
    },
    /// It runs, but its health check fails, as if there were one where its definition has none;
    /// when it is essential, ECS replaces its task.
    Unhealthy,
    /// Its image cannot be pulled.
    Unpullable,
}

impl Fate {
    /// When a container that started at `start` exits by itself, and with which code.
    pub(super) fn exit(self, start: Timestamp) -> Option<(Timestamp, i32)> {
        match self {
            Self::Crash { code, after } => {
                Some((start + SignedDuration::from_secs(i64::from(after)), code))
            }
            Self::Healthy | Self::Unhealthy | Self::Unpullable => None,
        }
    }
}

/// Why a text is not a fate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fate: one of healthy, crash[=CODE][@SECONDS], unhealthy and unpullable is")]
pub struct FateError(String);

impl FromStr for Fate {
    type Err = FateError;

    fn from_str(text: &str) -> Result<Self, FateError> {
        let wrong = || FateError(text.to_owned());
        match text {
            "healthy" => return Ok(Self::Healthy),
            "unhealthy" => return Ok(Self::Unhealthy),
            "unpullable" => return Ok(Self::Unpullable),
            _ => {}
        }
        let rest = text.strip_prefix("crash").ok_or_else(wrong)?;
        let (code, after) = rest.split_once('@').map_or((rest, None), |(code, s)| (code, Some(s)));
        let code = match code {
            "" => 1,
            code => {
                let code = code.strip_prefix('=').and_then(|code| code.parse::<u8>().ok());
                i32::from(code.ok_or_else(wrong)?)
            }
        };
        let after = after.map_or(Ok(1), str::parse).map_err(|_error| wrong())?;
        Ok(Self::Crash { code, after })
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healthy => f.pad("healthy"),
            Self::Unhealthy => f.pad("unhealthy"),
            Self::Unpullable => f.pad("unpullable"),
            Self::Crash { code, after } => f.pad(&format!("crash={code}@{after}")),
        }
    }
}

impl TryFrom<String> for Fate {
    type Error = FateError;
    fn try_from(text: String) -> Result<Self, FateError> {
        text.parse()
    }
}

impl From<Fate> for String {
    fn from(fate: Fate) -> Self {
        fate.to_string()
    }
}

/// One setting of a fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Setting {
    /// What an image URI is matched with.
    image: String,
    /// What becomes of its containers.
    fate: Fate,
    /// From when on.
    since: Timestamp,
}

/// All fates that were set, in their order. An image of which nothing is said is healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fates {
    /// The settings, oldest first.
    settings: Vec<Setting>,
}

impl Entity for Fates {
    const KIND: &'static str = "ecs.fates";
}

impl Fates {
    /// Sets what becomes of an image's containers from `since` on.
    pub(super) fn set(&mut self, image: &str, fate: Fate, since: Timestamp) {
        self.settings.push(Setting { image: image.to_owned(), fate, since });
    }

    /// The fates that hold at last, by the texts they are bound to.
    pub(super) fn list(&self) -> Vec<(String, Fate)> {
        let mut latest: Vec<(String, Fate)> = Vec::new();
        for setting in &self.settings {
            latest.retain(|(image, _)| *image != setting.image);
            latest.push((setting.image.clone(), setting.fate));
        }
        latest.retain(|(_, fate)| *fate != Fate::Healthy);
        latest
    }

    /// What becomes of a container whose image is pulled at `moment`.
    ///
    /// A text matches the URI that it equals, and every URI that it ends at a `/`: `web:v2` is
    /// `….amazonaws.com/web:v2` and `library/web:v2`, but not `myweb:v2`. Where several match, the
    /// longest text wins, and of equal ones the latest setting.
    pub(super) fn of(&self, image: &str, moment: Timestamp) -> Fate {
        self.settings
            .iter()
            .filter(|setting| setting.since <= moment && matches(&setting.image, image))
            .max_by_key(|setting| setting.image.len())
            .map_or(Fate::Healthy, |setting| setting.fate)
    }
}

/// Whether a text means an image.
fn matches(text: &str, image: &str) -> bool {
    image
        .strip_suffix(text)
        .is_some_and(|before| !text.is_empty() && (before.is_empty() || before.ends_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn fates_are_read_and_written() {
        for (text, fate, written) in [
            ("healthy", Fate::Healthy, "healthy"),
            ("crash", Fate::Crash { code: 1, after: 1 }, "crash=1@1"),
            ("crash=137", Fate::Crash { code: 137, after: 1 }, "crash=137@1"),
            ("crash@30", Fate::Crash { code: 1, after: 30 }, "crash=1@30"),
            ("crash=0@5", Fate::Crash { code: 0, after: 5 }, "crash=0@5"),
            ("unhealthy", Fate::Unhealthy, "unhealthy"),
            ("unpullable", Fate::Unpullable, "unpullable"),
        ] {
            assert_eq!(text.parse(), Ok(fate));
            assert_eq!(fate.to_string(), written);
        }
        for text in ["", "Crash", "crash=", "crash=256", "crash@", "crash@x", "crash1"] {
            assert!(text.parse::<Fate>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_longest_match_wins_and_then_the_latest() {
        let mut fates = Fates::default();
        fates.set("web:v2", Fate::Unpullable, at(0));
        fates.set("team/web:v2", Fate::Unhealthy, at(0));
        assert_eq!(fates.of("host/team/web:v2", at(1)), Fate::Unhealthy);
        assert_eq!(fates.of("host/other/web:v2", at(1)), Fate::Unpullable);
        assert_eq!(fates.of("myweb:v2", at(1)), Fate::Healthy);
        fates.set("web:v2", Fate::Healthy, at(5));
        assert_eq!(fates.of("web:v2", at(4)), Fate::Unpullable, "a fate is not retroactive");
        assert_eq!(fates.of("web:v2", at(5)), Fate::Healthy);
        assert_eq!(fates.list(), [("team/web:v2".to_owned(), Fate::Unhealthy)]);
    }
}
