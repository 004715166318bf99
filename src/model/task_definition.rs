//! A task definition as ECS holds it, with its content kept as the raw JSON it came in.

use serde::{Deserialize, Serialize};

use super::arn::TaskDefinitionArn;

/// One revision of a task definition.
///
/// `document` is the JSON object that `DescribeTaskDefinition` returned under `taskDefinition`,
/// byte for byte, so that fields newer than this program survive being copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDefinition {
    /// The revision's ARN.
    pub arn: TaskDefinitionArn,
    /// Whether a service can still be moved to it.
    pub status: TaskDefinitionStatus,
    /// The whole content, as raw JSON.
    pub document: String,
    /// The revision's tags, which ECS keeps beside the content. Without those that AWS reserves.
    pub tags: Vec<Tag>,
}

/// Whether a revision can be used (ECS API reference, `TaskDefinition.status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskDefinitionStatus {
    /// Services can be moved to it.
    Active,
    /// Deregistered: what runs goes on, but no service can be moved to it.
    Inactive,
    /// On its way out.
    DeleteInProgress,
}

/// A tag of an AWS resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value, which may be empty.
    pub value: String,
}
