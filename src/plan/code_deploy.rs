//! How a deployment of CodeDeploy goes: the judge of services that CodeDeploy moves.
//!
//! As with ECS's own rollouts, only our own deployment decides, by its id. A rollback is a
//! deployment of its own, which is followed to its end before there is a verdict.

use super::judge::{Judgement, Watch, superseded};
use crate::model::{
    CodeDeployStatus, CodeDeployment, ObservedService, RollbackCause, RolloutState, Verdict,
};

/// Judges a rollout by the service, our deployment, and the one that rolls it back.
#[must_use]
pub fn judge_code_deploy(
    watch: &Watch,
    service: Option<&ObservedService>,
    (ours, rollback): (Option<&CodeDeployment>, Option<&CodeDeployment>),
) -> Judgement {
    let Some(service) = service.filter(|service| service.status == "ACTIVE") else {
        let reason = "the ECS service was deleted during the rollout".to_owned();
        return Judgement::Ended(Verdict::Failed { reason });
    };
    // Right after it was made, CodeDeploy may not know it yet.
    let Some(ours) = ours else { return Judgement::Wait };
    match ours.status {
        CodeDeployStatus::Succeeded => succeeded(watch, service),
        CodeDeployStatus::Failed | CodeDeployStatus::Stopped => {
            failed(watch, service, (ours, rollback))
        }
        _ => Judgement::Wait,
    }
}

/// Done once our task set is the PRIMARY one, whole, and alone.
fn succeeded(watch: &Watch, service: &ObservedService) -> Judgement {
    let Some(primary) = service.primary() else { return Judgement::Wait };
    if primary.id != watch.ours {
        return superseded(service, true);
    }
    if primary.task_definition.as_ref() != Some(&watch.task_definition) {
        let task_definition = primary.task_definition.clone();
        return Judgement::Ended(Verdict::Drifted { task_definition });
    }
    let is_whole = primary.running >= service.desired;
    if is_whole && service.tasks_of_others(&watch.ours) == 0 {
        return Judgement::Complete;
    }
    Judgement::Wait
}

/// It ended without success: what became of that is the rollback's to tell, if there is one.
fn failed(
    watch: &Watch,
    service: &ObservedService,
    (ours, rollback): (&CodeDeployment, Option<&CodeDeployment>),
) -> Judgement {
    let reason = ours.failure();
    let Some(id) = &ours.rolled_back_by else { return left(watch, service, ours) };
    let Some(rollback) = rollback else { return Judgement::Failing { reason } };
    match rollback.status {
        CodeDeployStatus::Succeeded => back(watch, service, (ours, rollback)),
        CodeDeployStatus::Failed | CodeDeployStatus::Stopped => {
            let why = rollback.failure();
            let reason = format!("{reason}; the rollback {id} failed too: {why}");
            Judgement::Ended(Verdict::RollbackFailed { reason })
        }
        _ => Judgement::Failing { reason: format!("{reason}; CodeDeploy rolls back with {id}") },
    }
}

/// The rollback is done: the service is back, unless somebody has moved it on since.
fn back(
    watch: &Watch,
    service: &ObservedService,
    (ours, rollback): (&CodeDeployment, &CodeDeployment),
) -> Judgement {
    let Some(primary) = service.primary() else { return Judgement::Wait };
    let reason = format!("{}; rolled back by {}", ours.failure(), rollback.id);
    let is_back = watch.before.is_none() || primary.task_definition == watch.before;
    if !is_back {
        return superseded(service, false);
    }
    if primary.rollout_state == Some(RolloutState::InProgress) || primary.running < service.desired
    {
        return Judgement::Failing { reason };
    }
    let to = primary.task_definition.clone();
    Judgement::Ended(Verdict::RolledBack { to, reason, cause: cause(ours) })
}

/// It ended where it was, and nothing is rolled back; or somebody has moved the service on.
fn left(watch: &Watch, service: &ObservedService, ours: &CodeDeployment) -> Judgement {
    let is_others = service
        .primary()
        .is_some_and(|primary| primary.id != watch.ours && primary.task_definition != watch.before);
    let (id, why) = (&ours.id, ours.failure());
    Judgement::Ended(match ours.status {
        _ if is_others => return superseded(service, false),
        CodeDeployStatus::Stopped if cause(ours) == RollbackCause::User => {
            let reason = format!("somebody stopped {id}, and CodeDeploy did not roll back: {why}");
            Verdict::Stopped { reason }
        }
        _ => {
            let reason = format!("CodeDeploy gave {id} up, and did not roll back: {why}");
            Verdict::Failed { reason }
        }
    })
}

/// What ended it.
fn cause(ours: &CodeDeployment) -> RollbackCause {
    match ours.error_code.as_str() {
        "MANUAL_STOP" => RollbackCause::User,
        "ALARM_ACTIVE" => RollbackCause::Alarm,
        "HOOK_EXECUTION_FAILURE" => RollbackCause::Hook,
        "" if ours.status == CodeDeployStatus::Stopped => RollbackCause::User,
        _ => RollbackCause::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{EcsDeployment, EcsDeploymentId, ServiceId, made_by_code_deploy},
        plan::test_support::{arn, deployment, service},
    };

    fn watch() -> Watch {
        Watch {
            service: ServiceId::new("web").unwrap(),
            ours: EcsDeploymentId::new("d-2"),
            task_definition: arn("web", 2),
            before: Some(arn("web", 1)),
            circuit_breaker: true,
        }
    }

    /// A deployment of CodeDeploy.
    fn made(id: &str, status: CodeDeployStatus) -> CodeDeployment {
        let task_definition = Some(arn("web", 2));
        CodeDeployment { task_definition, ..made_by_code_deploy(id, status) }
    }

    /// The PRIMARY task set, with tasks.
    fn primary(id: &str, revision: u64, running: i32) -> EcsDeployment {
        let mut set = deployment(revision, true, running, RolloutState::Completed);
        set.id = EcsDeploymentId::new(id);
        set
    }

    fn judged(
        sets: Vec<EcsDeployment>,
        ours: &CodeDeployment,
        rollback: Option<&CodeDeployment>,
    ) -> Judgement {
        judge_code_deploy(&watch(), Some(&service(sets)), (Some(ours), rollback))
    }

    #[test]
    fn success_needs_our_task_set_to_be_primary_and_alone() {
        let done = made("d-2", CodeDeployStatus::Succeeded);
        assert_eq!(judged(vec![primary("d-2", 2, 2)], &done, None), Judgement::Complete);
        assert_eq!(judged(vec![primary("d-2", 2, 1)], &done, None), Judgement::Wait);
        let mut old = deployment(1, false, 2, RolloutState::Completed);
        old.running = 1;
        assert_eq!(judged(vec![primary("d-2", 2, 2), old], &done, None), Judgement::Wait);
        let other = judged(vec![primary("d-3", 3, 2)], &done, None);
        let Judgement::Ended(Verdict::Superseded { by, completed, .. }) = other else {
            panic!("{other:?}")
        };
        assert_eq!((by, completed), (Some(EcsDeploymentId::new("d-3")), true));
    }

    #[test]
    fn what_is_under_way_or_not_known_yet_is_waited_for() {
        use CodeDeployStatus::{Baking, Created, InProgress, Other, Queued, Ready};
        for status in [Created, Queued, InProgress, Baking, Ready, Other("New".to_owned())] {
            let ours = made("d-2", status);
            assert_eq!(judged(vec![primary("d-2", 2, 0)], &ours, None), Judgement::Wait);
        }
        let nothing = judge_code_deploy(&watch(), Some(&service(vec![])), (None, None));
        assert_eq!(nothing, Judgement::Wait);
    }

    #[test]
    fn a_rollback_is_followed_to_its_end() {
        let mut ours = made("d-2", CodeDeployStatus::Failed);
        ours.error_code = "TIMEOUT".to_owned();
        ours.error = "timed out".to_owned();
        ours.rolled_back_by = Some(EcsDeploymentId::new("d-9"));
        let before = || vec![primary("ecs-svc/1", 1, 2)];
        let failing = judged(before(), &ours, None);
        assert!(matches!(failing, Judgement::Failing { .. }), "{failing:?}");
        let going = made("d-9", CodeDeployStatus::InProgress);
        let failing = judged(before(), &ours, Some(&going));
        let words = "timed out (TIMEOUT); CodeDeploy rolls back with d-9".to_owned();
        assert_eq!(failing, Judgement::Failing { reason: words });
        let done = made("d-9", CodeDeployStatus::Succeeded);
        let back = judged(before(), &ours, Some(&done));
        let Judgement::Ended(Verdict::RolledBack { to, reason, cause }) = back else {
            panic!("{back:?}")
        };
        assert_eq!((to, cause), (Some(arn("web", 1)), RollbackCause::Other));
        assert_eq!(reason, "timed out (TIMEOUT); rolled back by d-9");
        let broken = judged(before(), &ours, Some(&made("d-9", CodeDeployStatus::Failed)));
        assert!(matches!(broken, Judgement::Ended(Verdict::RollbackFailed { .. })), "{broken:?}");
        let on = judged(vec![primary("d-5", 5, 2)], &ours, Some(&done));
        assert!(matches!(on, Judgement::Ended(Verdict::Superseded { .. })), "{on:?}");
    }

    #[test]
    fn without_a_rollback_it_matters_who_ended_it() {
        let before = || vec![primary("ecs-svc/1", 1, 2)];
        let mut ours = made("d-2", CodeDeployStatus::Stopped);
        ours.error_code = "MANUAL_STOP".to_owned();
        let stopped = judged(before(), &ours, None);
        let reason = "somebody stopped d-2, and CodeDeploy did not roll back: CodeDeploy says \
                      Stopped of d-2: MANUAL_STOP"
            .to_owned();
        assert_eq!(stopped, Judgement::Ended(Verdict::Stopped { reason }));
        ours.status = CodeDeployStatus::Failed;
        ours.error_code = "TIMEOUT".to_owned();
        let failed = judged(before(), &ours, None);
        assert!(matches!(failed, Judgement::Ended(Verdict::Failed { .. })), "{failed:?}");
        let other = judged(vec![primary("d-3", 3, 2)], &ours, None);
        assert!(matches!(other, Judgement::Ended(Verdict::Superseded { .. })), "{other:?}");
    }

    #[test]
    fn a_deleted_service_is_a_failure() {
        let gone = judge_code_deploy(&watch(), None, (None, None));
        assert!(matches!(gone, Judgement::Ended(Verdict::Failed { .. })));
    }
}
