//! How a service's rollout ended.

use serde::{Deserialize, Serialize};

use super::{
    arn::{EcsDeploymentId, TaskDefinitionArn},
    release::DeploymentNumber,
};

/// How one service's rollout ended. Only [`Verdict::Verified`] is success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Our deployment is complete, it is the PRIMARY one, no old task runs, and the running
    /// tasks have the release's digests.
    Verified,
    /// Our deployment ended without success, and the service was not put back.
    Failed {
        /// Why, in one sentence.
        reason: String,
    },
    /// Our deployment ended without success, and ECS put the service back.
    RolledBack {
        /// What runs now.
        to: Option<TaskDefinitionArn>,
        /// Why, in ECS's words.
        reason: String,
        /// What made ECS put it back.
        #[serde(default)]
        cause: RollbackCause,
    },
    /// Our deployment failed, and so did ECS's rollback.
    RollbackFailed {
        /// Why, in ECS's words.
        reason: String,
    },
    /// Our deployment was stopped, neither by a failure nor by another deployment, and the service
    /// was not put back.
    Stopped {
        /// Why, in ECS's words.
        reason: String,
    },
    /// Another deployment took ours's place.
    Superseded {
        /// The deployment that is PRIMARY now.
        by: Option<EcsDeploymentId>,
        /// What it runs.
        task_definition: Option<TaskDefinitionArn>,
        /// Whether ours was complete before.
        #[serde(default)]
        completed: bool,
        /// The deployment of this record that made it; none where another tool or a hand did.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        deployment: Option<DeploymentNumber>,
    },
    /// Our deployment is complete and still the PRIMARY one, and the service is set to something
    /// else, or tasks of it run something else.
    Drifted {
        /// What the service is set to, or what the tasks run.
        task_definition: Option<TaskDefinitionArn>,
    },
    /// AWS took the request to move the service, and started no deployment for it.
    NoDeployment {
        /// What was found instead, in one sentence.
        reason: String,
    },
    /// The rollout did not end within the time given; it may go on.
    TimedOut {
        /// How long we waited, in seconds.
        seconds: u64,
        /// What it was doing.
        last_seen: String,
    },
    /// Nothing was done: another service failed first, or the command was interrupted.
    NotStarted {
        /// Why.
        reason: String,
    },
    /// An effect was asked for and its outcome is not known.
    Unknown {
        /// What was asked and what came back.
        reason: String,
    },
}

impl Verdict {
    /// The words of all verdicts, each with what it means and the exit code of a deployment in which
    /// it is the worst one and nothing is put back by us; for the documentation.
    pub const MEANINGS: [(&'static str, &'static str, u8); 11] = [
        (
            "VERIFIED",
            "Our deployment is complete and the PRIMARY one, no task of an earlier one runs, and \
             the running tasks have the release's digests.",
            0,
        ),
        (
            "FAILED",
            "It ended without success, and the service was not put back: by the circuit breaker or \
             an alarm without rollback, by tasks that keep failing without a circuit breaker, by \
             AWS's refusal, by the deletion of the service, or because the digests that run are \
             others.",
            4,
        ),
        (
            "ROLLED_BACK",
            "It ended without success, and ECS put the service back. `cause` is `CIRCUIT_BREAKER`, \
             `ALARM`, `USER` (somebody stopped it), `HOOK` (a lifecycle hook failed or timed out) or \
             `OTHER`.",
            3,
        ),
        (
            "ROLLBACK_FAILED",
            "It ended without success, and ECS could not put the service back: what ran before does \
             not come up either, or ECS had no completed deployment to go back to.",
            5,
        ),
        (
            "STOPPED",
            "It was stopped, neither by a failure that ECS tells of nor by another deployment, and \
             the service was not put back.",
            4,
        ),
        (
            "SUPERSEDED",
            "Another deployment took its place: `by`, which runs `task_definition`. With \
             `completed`, ours was complete before. `deployment` names the deployment of this \
             record that made the other one; without it another tool or a hand did.",
            4,
        ),
        (
            "DRIFTED",
            "It is complete and the PRIMARY one, and the service is set to something else all the \
             same, or tasks of it run something else.",
            4,
        ),
        (
            "NO_DEPLOYMENT",
            "AWS took the request and started no deployment for it: the service runs what it ran.",
            3,
        ),
        ("TIMED_OUT", "It did not end within `--timeout`; it goes on in ECS.", 8),
        (
            "NOT_STARTED",
            "Nothing was done: another service failed first, or nothing more was to be begun.",
            4,
        ),
        (
            "UNKNOWN",
            "Something was asked of AWS, and neither its answer nor a look at the service tells \
             what came of it.",
            8,
        ),
    ];

    /// The verdict in the word of the record and of the output.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Verified => "VERIFIED",
            Self::Failed { .. } => "FAILED",
            Self::RolledBack { .. } => "ROLLED_BACK",
            Self::RollbackFailed { .. } => "ROLLBACK_FAILED",
            Self::Stopped { .. } => "STOPPED",
            Self::Superseded { .. } => "SUPERSEDED",
            Self::Drifted { .. } => "DRIFTED",
            Self::NoDeployment { .. } => "NO_DEPLOYMENT",
            Self::TimedOut { .. } => "TIMED_OUT",
            Self::NotStarted { .. } => "NOT_STARTED",
            Self::Unknown { .. } => "UNKNOWN",
        }
    }

    /// That another deployment took ours's place, made by whoever it was.
    #[must_use]
    pub fn superseded(
        by: Option<EcsDeploymentId>,
        task_definition: Option<TaskDefinitionArn>,
    ) -> Self {
        Self::Superseded { by, task_definition, completed: false, deployment: None }
    }

    /// Whether the service failed for sure: not when nobody knows, and not when somebody else has
    /// moved it on.
    #[must_use]
    pub fn is_definite_failure(&self) -> bool {
        match self {
            Self::Failed { .. }
            | Self::RolledBack { .. }
            | Self::RollbackFailed { .. }
            | Self::Stopped { .. }
            | Self::NoDeployment { .. } => true,
            Self::Verified
            | Self::Superseded { .. }
            | Self::Drifted { .. }
            | Self::TimedOut { .. }
            | Self::NotStarted { .. }
            | Self::Unknown { .. } => false,
        }
    }

    /// Whether somebody else has moved the service on, so that it stays where it is.
    #[must_use]
    pub fn is_taken_over(&self) -> bool {
        matches!(self, Self::Superseded { .. } | Self::Drifted { .. })
    }

    /// Whether nobody knows how the rollout ended.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Unknown { .. })
    }
}

/// What made ECS put a service back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RollbackCause {
    /// The circuit breaker: tasks kept failing.
    CircuitBreaker,
    /// An alarm of the service.
    Alarm,
    /// A person or a program stopped the deployment.
    User,
    /// A lifecycle hook failed, or did not end in time.
    Hook,
    /// Something else, or nothing that ECS tells.
    #[default]
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Every verdict, as the record has it.
    fn every() -> Vec<Value> {
        vec![
            json!({"verdict": "VERIFIED"}),
            json!({"verdict": "FAILED", "reason": "r"}),
            json!({"verdict": "ROLLED_BACK", "to": null, "reason": "r", "cause": "HOOK"}),
            json!({"verdict": "ROLLBACK_FAILED", "reason": "r"}),
            json!({"verdict": "STOPPED", "reason": "r"}),
            json!({
                "verdict": "SUPERSEDED", "by": "ecs-svc/2", "task_definition": null,
                "completed": true, "deployment": 7,
            }),
            json!({"verdict": "DRIFTED", "task_definition": null}),
            json!({"verdict": "NO_DEPLOYMENT", "reason": "r"}),
            json!({"verdict": "TIMED_OUT", "seconds": 3, "last_seen": "l"}),
            json!({"verdict": "NOT_STARTED", "reason": "r"}),
            json!({"verdict": "UNKNOWN", "reason": "r"}),
        ]
    }

    #[test]
    fn words_are_those_of_the_record_and_all_are_documented() {
        let words: Vec<&str> = Verdict::MEANINGS.iter().map(|(word, _, _)| *word).collect();
        for (stored, word) in every().into_iter().zip(&words) {
            let verdict: Verdict = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(verdict.word(), *word);
            assert_eq!(serde_json::to_value(&verdict).unwrap(), stored);
        }
        assert_eq!(every().len(), words.len());
    }

    #[test]
    fn what_an_older_program_wrote_is_read() {
        let back = json!({"verdict": "ROLLED_BACK", "to": null, "reason": "r"});
        let cause = RollbackCause::Other;
        let wanted = Verdict::RolledBack { to: None, reason: "r".to_owned(), cause };
        assert_eq!(serde_json::from_value::<Verdict>(back).unwrap(), wanted);
        let taken = json!({"verdict": "SUPERSEDED", "by": null, "task_definition": null});
        let wanted = Verdict::superseded(None, None);
        assert_eq!(serde_json::from_value::<Verdict>(taken).unwrap(), wanted);
        let newer = json!({"verdict": "ROLLED_BACK", "to": null, "reason": "r", "cause": "FLOOD"});
        assert!(serde_json::from_value::<Verdict>(newer).is_ok());
    }
}
