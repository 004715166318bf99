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
/// As text: `crash[=CODE][@SECONDS]`, `oom[@SECONDS]`, `task-exit[=CODE][@SECONDS]`, or one of the words of [`WORDS`].
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
    /// It uses more memory than it may, and is killed; when it is essential, its task stops.
    Oom {
        /// Seconds after its start; 1 unless told.
        after: u32,
    },
    /// Its program is built for another processor: it exits at once, and its log says why.
    ExecFormat,
    /// It runs, but its health check fails, as if there were one where its definition has none;
    /// when it is essential, ECS replaces its task.
    Unhealthy,
    /// It runs, but answers the health checks of its service's target group with 502; ECS replaces
    /// its task. Where there is no target group, nobody asks it.
    TargetUnhealthy,
    /// Its image cannot be pulled.
    Unpullable,
    /// Its image has no manifest for the platform of the task.
    WrongPlatform,
    /// A secret that its definition names cannot be read.
    NoSecret,
    /// The execution role of its task cannot be assumed, so that no task is started at all.
    NoRole,
    /// It exits by itself when it was given another command, as one-off tasks are. What services
    /// run is not touched by it.
    TaskExit {
        /// The exit code; 0 unless told.
        code: i32,
        /// Seconds after its start; 1 unless told.
        after: u32,
    },
}

/// What becomes of a container that was given another command, unless a fate says otherwise.
const COMMAND_DONE: Fate = Fate::TaskExit { code: 0, after: 1 };

/// The fates that are one word.
const WORDS: [(&str, Fate); 8] = [
    ("healthy", Fate::Healthy),
    ("exec-format", Fate::ExecFormat),
    ("unhealthy", Fate::Unhealthy),
    ("target-unhealthy", Fate::TargetUnhealthy),
    ("unpullable", Fate::Unpullable),
    ("wrong-platform", Fate::WrongPlatform),
    ("no-secret", Fate::NoSecret),
    ("no-role", Fate::NoRole),
];

impl Fate {
    /// When a container that started at `start` exits by itself, and with which code.
    pub(super) fn exit(self, start: Timestamp) -> Option<(Timestamp, i32)> {
        let (after, code) = match self {
            Self::Crash { code, after } | Self::TaskExit { code, after } => (after, code),
            Self::Oom { after } => (after, 128 + 9),
            Self::ExecFormat => (0, 1),
            _ => return None,
        };
        Some((start + SignedDuration::from_secs(i64::from(after)), code))
    }

    /// ECS's words on a container that exited by itself, where it has any.
    pub(super) fn exit_reason(self) -> Option<&'static str> {
        matches!(self, Self::Oom { .. })
            .then_some("OutOfMemoryError: Container killed due to memory usage")
    }

    /// Whether it is about one-off tasks, and not about services.
    fn is_of_tasks(self) -> bool {
        matches!(self, Self::TaskExit { .. })
    }
}

/// Why a text is not a fate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a fate: one of healthy, crash[=CODE][@SECONDS], oom[@SECONDS], exec-format, \
     unhealthy, target-unhealthy, unpullable, wrong-platform, no-secret, no-role and \
     task-exit[=CODE][@SECONDS] is"
)]
pub struct FateError(String);

impl FromStr for Fate {
    type Err = FateError;

    fn from_str(text: &str) -> Result<Self, FateError> {
        if let Some((_, fate)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*fate);
        }
        let wrong = || FateError(text.to_owned());
        let (what, after) = text.split_once('@').map_or((text, None), |(w, s)| (w, Some(s)));
        let after = after.map_or(Ok(1), str::parse).map_err(|_error| wrong())?;
        if what == "oom" {
            return Ok(Self::Oom { after });
        }
        if let Some(code) = what.strip_prefix("task-exit") {
            return Ok(Self::TaskExit { code: exit_code(code, 0).ok_or_else(wrong)?, after });
        }
        let code = what.strip_prefix("crash").and_then(|code| exit_code(code, 1));
        Ok(Self::Crash { code: code.ok_or_else(wrong)?, after })
    }
}

/// Reads `=CODE`, or nothing.
fn exit_code(text: &str, default: i32) -> Option<i32> {
    match text {
        "" => Some(default),
        code => code.strip_prefix('=')?.parse::<u8>().ok().map(i32::from),
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { code, after } => f.pad(&format!("crash={code}@{after}")),
            Self::Oom { after } => f.pad(&format!("oom@{after}")),
            Self::TaskExit { code, after } => f.pad(&format!("task-exit={code}@{after}")),
            word => {
                let found = WORDS.iter().find(|(_, fate)| fate == word);
                f.pad(found.map_or("healthy", |(word, _)| word))
            }
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
            let takes_back = |fate: &Fate| {
                setting.fate == Fate::Healthy || fate.is_of_tasks() == setting.fate.is_of_tasks()
            };
            latest.retain(|(image, fate)| *image != setting.image || !takes_back(fate));
            latest.push((setting.image.clone(), setting.fate));
        }
        latest.retain(|(_, fate)| *fate != Fate::Healthy);
        latest
    }

    /// Whether the role of any task may be told of.
    pub(super) fn name_roles(&self) -> bool {
        self.settings.iter().any(|one| matches!(one.fate, Fate::NoRole | Fate::NoSecret))
    }

    /// What becomes of a container whose image is pulled at `moment`.
    ///
    /// A text matches the URI that it equals, and every URI that it ends at a `/`: `web:v2` is
    /// `….amazonaws.com/web:v2` and `library/web:v2`, but not `myweb:v2`. Where several match, the
    /// longest text wins, and of equal ones the latest setting.
    pub(super) fn of(&self, image: &str, moment: Timestamp) -> Fate {
        self.latest(image, moment, |fate| !fate.is_of_tasks()).unwrap_or(Fate::Healthy)
    }

    /// The same for a container that was given another command, and runs: it exits.
    pub(super) fn of_command(&self, image: &str, moment: Timestamp) -> Fate {
        let told = self.latest(image, moment, |fate| fate.is_of_tasks() || fate == Fate::Healthy);
        told.filter(|fate| fate.is_of_tasks()).unwrap_or(COMMAND_DONE)
    }

    /// The latest setting of those that count.
    fn latest(
        &self,
        image: &str,
        moment: Timestamp,
        counts: impl Fn(Fate) -> bool,
    ) -> Option<Fate> {
        let settings = self.settings.iter().filter(|setting| counts(setting.fate));
        settings
            .filter(|setting| setting.since <= moment && matches(&setting.image, image))
            .max_by_key(|setting| setting.image.len())
            .map(|setting| setting.fate)
    }
}

/// Whether a text means an image.
pub(super) fn matches(text: &str, image: &str) -> bool {
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
            ("oom", Fate::Oom { after: 1 }, "oom@1"),
            ("oom@7", Fate::Oom { after: 7 }, "oom@7"),
            ("exec-format", Fate::ExecFormat, "exec-format"),
            ("target-unhealthy", Fate::TargetUnhealthy, "target-unhealthy"),
            ("unpullable", Fate::Unpullable, "unpullable"),
            ("wrong-platform", Fate::WrongPlatform, "wrong-platform"),
            ("no-secret", Fate::NoSecret, "no-secret"),
            ("no-role", Fate::NoRole, "no-role"),
        ] {
            assert_eq!(text.parse(), Ok(fate));
            assert_eq!(fate.to_string(), written);
        }
        for text in
            ["", "Crash", "crash=", "crash=256", "crash@", "crash@x", "crash1", "oom=1", "oom@"]
        {
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

    #[test]
    fn one_off_commands_have_a_fate_of_their_own() {
        let mut fates = Fates::default();
        let exit = |code, after| Fate::TaskExit { code, after };
        for (text, fate) in [("task-exit", exit(0, 1)), ("task-exit=3@60", exit(3, 60))] {
            assert_eq!(text.parse(), Ok(fate));
            assert_eq!(fate.to_string().parse(), Ok(fate));
        }
        assert!("task-exit=".parse::<Fate>().is_err());
        assert_eq!(fates.of_command("web:v2", at(1)), exit(0, 1));
        fates.set("web:v2", Fate::Crash { code: 9, after: 1 }, at(0));
        fates.set("web:v2", exit(3, 60), at(0));
        assert_eq!(fates.of("web:v2", at(1)), Fate::Crash { code: 9, after: 1 });
        assert_eq!(fates.of_command("web:v2", at(1)), exit(3, 60));
        assert_eq!(fates.list().len(), 2);
        fates.set("web:v2", Fate::Healthy, at(3));
        assert_eq!(fates.of_command("web:v2", at(3)), exit(0, 1));
        assert_eq!(fates.list(), []);
    }
}
