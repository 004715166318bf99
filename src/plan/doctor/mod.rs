//! What is the matter with an environment before anything is begun: the judgement of `doctor`.
//!
//! A [`Finding`] is one line of its table: what was looked at, whether that will do, and where it will
//! not, the one thing to do about it. Judging is pure; whoever looks gives what was seen.

mod account;
mod permissions;
mod quotas;
mod services;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use account::{account, clock, credentials};
pub use permissions::{Tries, not_simulated, permissions, principal, tried};
pub use quotas::{Load, Quota, least_seconds, quotas, untold};
pub use services::{
    Examined, Image, alarms, breakers, containers, images, parameters, services, watched,
};

/// What is looked at, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The local repository.
    Git,
    /// Who we are, and how we came to it.
    Credentials,
    /// Whether this is the right account.
    Account,
    /// Whether this machine's clock is AWS's.
    Clock,
    /// What we may do.
    Permissions,
    /// The record of deployments.
    Store,
    /// The services in ECS.
    Services,
    /// Their containers.
    Containers,
    /// Whether ECS ends what fails.
    Breakers,
    /// The alarms that watch rollouts.
    Alarms,
    /// The parameters that name images.
    Parameters,
    /// The images themselves.
    Images,
    /// The file with Terraform's state.
    Terraform,
    /// AWS's quotas, and how long a deployment of everything takes at the least.
    Quotas,
}

impl Check {
    /// Its name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Credentials => "credentials",
            Self::Account => "account",
            Self::Clock => "clock",
            Self::Permissions => "permissions",
            Self::Store => "store",
            Self::Services => "services",
            Self::Containers => "containers",
            Self::Breakers => "circuit breakers",
            Self::Alarms => "alarms",
            Self::Parameters => "parameters",
            Self::Images => "images",
            Self::Terraform => "terraform",
            Self::Quotas => "quotas",
        }
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// Nobody looked, because of something else that failed.
    Skipped,
    /// A deployment works, and something about it may not be as expected.
    Warn,
    /// Commands fail because of it, or Terraform undoes what they do.
    Fail,
}

impl Grade {
    /// Its word in the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "-",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How it came out.
    pub grade: Grade,
    /// What was found, in words.
    pub text: String,
    /// What to do about it, as one imperative sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    /// All is well.
    #[must_use]
    pub fn ok(check: Check, text: impl Into<String>) -> Self {
        Self { check, grade: Grade::Ok, text: text.into(), fix: None }
    }

    /// It works, with something to know.
    #[must_use]
    pub fn warn(check: Check, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, grade: Grade::Warn, text: text.into(), fix: Some(fix.into()) }
    }

    /// It does not work.
    #[must_use]
    pub fn fail(check: Check, text: impl Into<String>, fix: Option<String>) -> Self {
        Self { check, grade: Grade::Fail, text: text.into(), fix }
    }

    /// Nobody looked.
    #[must_use]
    pub fn skipped(check: Check, why: impl Into<String>) -> Self {
        Self { check, grade: Grade::Skipped, text: why.into(), fix: None }
    }
}

/// The most things that a line names.
const NAMED: usize = 6;

/// Things in backticks, up to a number.
fn listed<T: std::fmt::Display>(things: &[T]) -> String {
    let named: Vec<String> = things.iter().take(NAMED).map(|one| format!("`{one}`")).collect();
    let named = named.join(", ");
    match things.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
