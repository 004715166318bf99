//! One-off tasks: commands that are run once before a service is moved, such as a migration.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{id::ContainerName, release::DeploymentNumber};

/// A command that is run once, in a task of the revision that a service is about to be moved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTask {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// The container that is given the command.
    pub container: ContainerName,
    /// How long it is waited for, in seconds.
    pub timeout_seconds: u64,
}

impl RunTask {
    /// How long it is waited for.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// The command in one line, as a shell would take it.
    #[must_use]
    pub fn line(&self) -> String {
        self.command.iter().map(|word| quoted(word)).collect::<Vec<String>>().join(" ")
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// How far a one-off task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BeforeTaskStatus {
    /// It was not asked for yet.
    #[default]
    Pending,
    /// It is about to be asked for, or was.
    Intent,
    /// ECS has it; its end was not seen yet.
    Running,
    /// Its container exited with 0, or a person says that it succeeded.
    Succeeded,
    /// Its container exited with another code, or never ran.
    Failed,
    /// It can not be found any more, or stopped without an exit code, and nobody knows how far it
    /// came. It is never run again by itself.
    Unknown,
    /// It was left out, as whoever deployed wished.
    Skipped,
}

impl BeforeTaskStatus {
    /// Whether it was asked for, as far as is known, and its end is not recorded.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Intent | Self::Running | Self::Unknown)
    }
}

/// A one-off task of a step, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeTask {
    /// What is run.
    #[serde(flatten)]
    pub run: RunTask,
    /// How far it is.
    #[serde(default)]
    pub status: BeforeTaskStatus,
    /// The task's ARN, once ECS has told it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_arn: Option<String>,
    /// The exit code of its container.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_code: Option<i32>,
    /// When it was about to be asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// When its end was seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<Timestamp>,
    /// Who says that it succeeded, where nobody saw its end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmed_by: Option<String>,
    /// The deployment whose one-off task of the same service has an end that nobody knows, where
    /// this one is run, or left out, all the same.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answers_for: Option<DeploymentNumber>,
}

impl BeforeTask {
    /// A task that is still to be asked for.
    #[must_use]
    pub fn new(run: RunTask) -> Self {
        Self {
            run,
            status: BeforeTaskStatus::Pending,
            task_arn: None,
            exit_code: None,
            started_at: None,
            finished_at: None,
            confirmed_by: None,
            answers_for: None,
        }
    }

    /// A task that is left out.
    #[must_use]
    pub fn skipped(run: RunTask) -> Self {
        Self { status: BeforeTaskStatus::Skipped, ..Self::new(run) }
    }

    /// Its id, the last part of its ARN.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.task_arn.as_deref()?.rsplit('/').next()
    }

    /// Whether it may run now, as far as is known.
    #[must_use]
    pub fn may_run(&self) -> bool {
        matches!(self.status, BeforeTaskStatus::Intent | BeforeTaskStatus::Running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_a_shell_takes_it() {
        for (words, line) in [
            (vec!["python", "manage.py", "migrate"], "python manage.py migrate"),
            (vec!["sh", "-c", "a && b"], "sh -c 'a && b'"),
            (vec!["echo", "it's", ""], "echo 'it'\\''s' ''"),
        ] {
            let run = RunTask {
                command: words.into_iter().map(str::to_owned).collect(),
                container: ContainerName::new("app").unwrap(),
                timeout_seconds: 1,
            };
            assert_eq!(run.line(), line);
        }
    }
}
