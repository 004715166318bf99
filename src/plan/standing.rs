//! Where a service stands that somebody began to move and nobody saw arrive.
//!
//! Unknown is not failed: what was begun is looked for in ECS, and only what is found decides
//! whether it is done, followed or left alone.

use crate::model::{
    EcsDeployment, EcsDeploymentId, ObservedService, StepBefore, TaskDefinitionArn,
};

/// A move of a service as far as the record knows it: a step on its way forward, or back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun<'a> {
    /// What was there before its first effect.
    pub(super) before: &'a StepBefore,
    /// The task definition it moves to, once that was recorded.
    pub(super) task_definition: Option<&'a TaskDefinitionArn>,
    /// The ECS deployment that moves it, once that was recorded.
    pub(super) ecs_deployment: Option<&'a EcsDeploymentId>,
}

/// Where the service stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Where the move found it: what is left is to be done.
    NotMoved,
    /// On its way, or there: the rollout is to be followed.
    Moved {
        /// What it moves to.
        task_definition: TaskDefinitionArn,
        /// The rollout.
        ecs_deployment: EcsDeploymentId,
    },
    /// Back where the move found it, by ECS's own doing.
    Back {
        /// What it is set to now.
        to: Option<TaskDefinitionArn>,
        /// ECS's words.
        reason: String,
    },
    /// Moved by somebody else.
    Elsewhere {
        /// Their rollout.
        by: EcsDeploymentId,
        /// What it moves to.
        task_definition: Option<TaskDefinitionArn>,
    },
}

/// Looks where a service stands. `has_content` tells whether the revision that the service is set
/// to has what the move wants.
#[must_use]
pub(super) fn standing(begun: Begun<'_>, service: &ObservedService, has_content: bool) -> Standing {
    let known = begun.task_definition.zip(begun.ecs_deployment);
    if let Some((task_definition, ecs_deployment)) = known {
        // Whatever became of it since, following it tells.
        return Standing::Moved {
            task_definition: task_definition.clone(),
            ecs_deployment: ecs_deployment.clone(),
        };
    }
    let Some(primary) = service.primary() else { return Standing::NotMoved };
    if begun.before.ecs_deployment.as_ref() == Some(&primary.id) {
        return Standing::NotMoved;
    }
    match &primary.task_definition {
        // What was deployed anew as it was, and what ECS goes back to, run the same revision.
        now if primary.is_a_rollback() && *now == begun.before.task_definition => unmoved(primary),
        Some(now) if is_ours(begun, now, has_content) => {
            Standing::Moved { task_definition: now.clone(), ecs_deployment: primary.id.clone() }
        }
        now if *now == begun.before.task_definition => unmoved(primary),
        now => Standing::Elsewhere { by: primary.id.clone(), task_definition: now.clone() },
    }
}

/// Whether a new rollout of this revision can only be the one that was begun.
fn is_ours(begun: Begun<'_>, now: &TaskDefinitionArn, has_content: bool) -> bool {
    match (begun.task_definition, &begun.before.task_definition) {
        (Some(wanted), _) => wanted == now,
        (None, Some(before)) => has_content && before.family() == now.family(),
        (None, None) => has_content,
    }
}

/// A new rollout of the revision that was there before: ECS went back, or somebody restarted it.
fn unmoved(primary: &EcsDeployment) -> Standing {
    if primary.is_a_rollback() {
        return Standing::Back {
            to: primary.task_definition.clone(),
            reason: primary.rollout_state_reason.clone(),
        };
    }
    Standing::NotMoved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::RolloutState,
        plan::test_support::{arn, deployment, service},
    };

    fn before() -> StepBefore {
        StepBefore {
            task_definition: Some(arn("web", 1)),
            ecs_deployment: Some(EcsDeploymentId::new("ecs-svc/1")),
            ..StepBefore::default()
        }
    }

    fn stands(
        task_definition: Option<&TaskDefinitionArn>,
        live: EcsDeployment,
        has_content: bool,
    ) -> Standing {
        let before = before();
        let begun = Begun { before: &before, task_definition, ecs_deployment: None };
        standing(begun, &service(vec![live]), has_content)
    }

    #[test]
    fn what_is_known_is_followed_whatever_runs() {
        let (before, ours) = (before(), EcsDeploymentId::new("ecs-svc/2"));
        let begun = Begun {
            before: &before,
            task_definition: Some(&arn("web", 2)),
            ecs_deployment: Some(&ours),
        };
        let live = service(vec![deployment(9, true, 2, RolloutState::Completed)]);
        let moved =
            Standing::Moved { task_definition: arn("web", 2), ecs_deployment: ours.clone() };
        assert_eq!(standing(begun, &live, false), moved);
    }

    #[test]
    fn an_unknown_rollout_is_found_by_what_it_runs() {
        let moved = |number| Standing::Moved {
            task_definition: arn("web", number),
            ecs_deployment: EcsDeploymentId::new(format!("ecs-svc/{number}")),
        };
        let live = |number| deployment(number, true, 1, RolloutState::InProgress);
        assert_eq!(stands(None, live(1), false), Standing::NotMoved);
        assert_eq!(stands(None, live(1), true), Standing::NotMoved);
        assert_eq!(stands(None, live(2), true), moved(2));
        assert_eq!(stands(Some(&arn("web", 2)), live(2), true), moved(2));
        for (known, content) in [(None, false), (Some(&arn("web", 2)), true)] {
            let other = stands(known, live(3), content);
            assert!(matches!(other, Standing::Elsewhere { .. }), "{other:?}");
        }
    }

    #[test]
    fn the_same_revision_anew_is_ours_only_when_that_was_wanted() {
        let mut again = deployment(7, true, 2, RolloutState::Completed);
        again.task_definition = Some(arn("web", 1));
        assert!(matches!(
            stands(Some(&arn("web", 1)), again.clone(), true),
            Standing::Moved { .. }
        ));
        assert_eq!(stands(Some(&arn("web", 2)), again.clone(), false), Standing::NotMoved);
        let mut rolled_back = again.clone();
        rolled_back.rollout_state_reason =
            "ECS deployment ecs-svc/6 failed: rolling back".to_owned();
        for wanted in [Some(&arn("web", 1)), None] {
            let stands = stands(wanted, rolled_back.clone(), true);
            assert!(matches!(stands, Standing::Back { .. }), "a restart that failed: {stands:?}");
        }
        again.rollout_state_reason =
            "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.".to_owned();
        assert!(matches!(stands(Some(&arn("web", 2)), again, false), Standing::Back { .. }));
    }
}
