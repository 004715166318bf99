//! A service as ECS was last seen with it: what its tasks run, and what it is set to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{arn::TaskDefinitionArn, observed::ObservedService};

/// A service as it was last seen while a step worked on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// The task definition it was set to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_definition: Option<TaskDefinitionArn>,
    /// How many tasks it wanted.
    #[serde(default)]
    pub desired: i32,
    /// The tasks that ran, by what they run, most first.
    #[serde(default)]
    pub tasks: Vec<SeenTasks>,
}

/// Tasks that run the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenTasks {
    /// What they run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_definition: Option<TaskDefinitionArn>,
    /// How many.
    pub running: i32,
    /// Whether CodeDeploy left them when it gave up, beside those that have production traffic.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub left_over: bool,
}

impl Seen {
    /// What a look at a service shows.
    #[must_use]
    pub fn of(service: &ObservedService, at: Timestamp) -> Self {
        let mut tasks: Vec<SeenTasks> = Vec::new();
        for one in service.deployments.iter().filter(|one| one.running > 0) {
            let left_over = service.is_left_over(one);
            let is_same = |seen: &&mut SeenTasks| {
                (&seen.task_definition, seen.left_over) == (&one.task_definition, left_over)
            };
            match tasks.iter_mut().find(is_same) {
                Some(seen) => seen.running += one.running,
                None => tasks.push(SeenTasks {
                    task_definition: one.task_definition.clone(),
                    running: one.running,
                    left_over,
                }),
            }
        }
        tasks.sort_by_key(|seen| (seen.left_over, std::cmp::Reverse(seen.running)));
        let set_to = service.production().and_then(|now| now.task_definition.clone());
        Self {
            at,
            task_definition: set_to.or_else(|| service.task_definition.clone()),
            desired: service.desired,
            tasks,
        }
    }
}
