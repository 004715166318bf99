//! What the sandbox is told to do, and what it tells back, as JSON has it too.
//!
//! Durations are texts such as `5m` or `PT5M`.

use std::{num::NonZeroU64, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sandbox::{Capacity, Fate, Scope, Speed};

/// What sandbox this is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// The version of the program.
    pub version: String,
    /// Whether it has been seeded since the last reset.
    pub is_seeded: bool,
    /// The time.
    pub clock: ClockReading,
}

/// What the clocks show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The services' clock.
    pub now: Timestamp,
    /// The machine's.
    pub machine: Timestamp,
    /// How many seconds pass on the services' clock in one on the machine's.
    pub speed: Speed,
}

/// How many there were of what has been forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleared {
    /// The number.
    pub cleared: usize,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What failed.
    pub error: String,
    /// Why, and why that.
    pub causes: Vec<String>,
}

/// How fast the services' clock is to go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSpeed {
    /// How many seconds in one on the machine's clock; 0 stops it.
    pub speed: Speed,
}

/// That points are to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetCrash {
    /// The number of the point at which a process is to end, from 1; none ends where there is none.
    #[serde(default)]
    pub after: Option<NonZeroU64>,
}

/// How far the services' clock is to be put forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advance {
    /// So far.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub by: Duration,
}

/// What is to become of containers of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetFate {
    /// The image's URI, or its end after a `/`, for example `web:4246187`.
    pub image: String,
    /// What becomes of them.
    pub fate: Fate,
}

/// How long tasks are to take from being provisioned to running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetTaskStart {
    /// So long, on the services' clock.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub after: Duration,
}

/// How long sessions of roles are to last at most, whatever is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSessions {
    /// So long, on the machine's clock, in whole seconds.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub at_most: Duration,
}

/// A task that is to stop, as if somebody had stopped it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopTask {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its id or ARN.
    pub task: String,
    /// Why, for the task's `stoppedReason`.
    pub reason: String,
}

/// A task whose Spot capacity is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterruptTask {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its id or ARN.
    pub task: String,
}

/// Whether there is to be room for tasks of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetCapacity {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// Whether there is room.
    pub capacity: Capacity,
}

/// A service that is to be behind a target group, as if it had always been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetTargetGroup {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// The container that is reached.
    pub container: String,
    /// At which port.
    pub port: u16,
}

/// What a service was put behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Its ARN.
    pub target_group_arn: String,
}

/// A service that is to be deployed to another task definition, as if somebody else had done it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointService {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// The task definition: a family, `family:revision` or an ARN.
    pub task_definition: String,
}

/// An image that is to be pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutImage {
    /// Where its repository is.
    #[serde(default)]
    pub scope: Scope,
    /// Its repository, which is created if there is none.
    pub repository: String,
    /// Its tag.
    pub tag: String,
    /// The commit that it was built from, for its label `org.opencontainers.image.revision`.
    #[serde(default)]
    pub revision: Option<String>,
}

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The image's digest.
    pub digest: String,
}

/// An image that is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteImage {
    /// Where its repository is.
    #[serde(default)]
    pub scope: Scope,
    /// Its repository.
    pub repository: String,
    /// Its digest; or a tag, which is then taken off it.
    pub reference: String,
}

/// A tag that is to name another image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveTag {
    /// Where the repository is.
    #[serde(default)]
    pub scope: Scope,
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The image's digest, or another tag of it.
    pub to: String,
}

/// A parameter that is to have another value, as if somebody else had put it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutParameter {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}
