//! What runs, by what the record has of a step.

use super::*;
use crate::model::{
    Actor, ClusterName, EcsDeploymentId, EcsServiceName, Fingerprint, ImageUri, ProjectId,
    ReleaseNumber, ReleasedImage, RollbackCause, Seen, SeenTasks, Selection, StepBefore,
    StepTarget,
};

fn arn(revision: u64) -> TaskDefinitionArn {
    let text = format!("arn:aws:ecs:eu-west-1:000000000000:task-definition/web:{revision}");
    TaskDefinitionArn::parse(&text).unwrap()
}

fn release() -> Release {
    let images = BTreeMap::from([(
        ImageId::new("web").unwrap(),
        ReleasedImage {
            uri: ImageUri::parse("shop/web:new").unwrap(),
            digest: None,
            release_hash: ReleaseHash::new("new"),
        },
    )]);
    Release {
        number: ReleaseNumber(2),
        project: ProjectId::new("shop").unwrap(),
        selection: Selection::All,
        fingerprint: Fingerprint::of(&Selection::All, &images),
        images,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        created_by: Actor::default(),
        description: None,
    }
}

/// The step that moves `web` from `web:1`, which runs `old`, to `web:2`, which runs `new`.
fn step(status: StepStatus, verdict: Option<Verdict>) -> Step {
    let web = ImageId::new("web").unwrap();
    let target = StepTarget {
        cluster: ClusterName::new("prod").unwrap(),
        ecs_service: EcsServiceName::new("web").unwrap(),
        containers: BTreeMap::new(),
        images: BTreeMap::from([(web.clone(), ImageUri::parse("shop/web:new").unwrap())]),
        enable_circuit_breaker: false,
    };
    let before = StepBefore {
        task_definition: Some(arn(1)),
        release_hashes: BTreeMap::from([(web, ReleaseHash::new("old"))]),
        ..StepBefore::default()
    };
    Step {
        status,
        task_definition: Some(arn(2)),
        registered: true,
        ecs_deployment: Some(EcsDeploymentId::new("ecs-svc/2")),
        verdict,
        ..Step::new(ServiceId::new("web").unwrap(), target, before)
    }
}

/// The step, seen with tasks of these revisions.
fn seen(mut step: Step, set_to: u64, tasks: &[(u64, i32)]) -> Step {
    let tasks = tasks.iter();
    let tasks = tasks.map(|(revision, running)| SeenTasks {
        task_definition: Some(arn(*revision)),
        running: *running,
        left_over: false,
    });
    let (at, task_definition) = (jiff::Timestamp::UNIX_EPOCH, Some(arn(set_to)));
    step.seen = Some(Seen { at, task_definition, desired: 2, tasks: tasks.collect() });
    step
}

/// What runs, with its hash; what it is set to; what it was told; what it may have been told.
fn words(step: &Step) -> String {
    let now = ServiceNow::of(DeploymentKind::Deploy, step, &release());
    let short = |arn: &Option<TaskDefinitionArn>| {
        arn.as_ref().map_or_else(String::new, |arn| arn.revision().to_string())
    };
    let runs: Vec<String> = now
        .runs
        .iter()
        .map(|runs| {
            let hash = runs.release_hashes.values().next().map_or("-", |hash| hash.as_str());
            format!("{}@{hash}", short(&runs.task_definition))
        })
        .collect();
    let rest = [("set", &now.set_to), ("told", &now.told_to_move_to), ("may", &now.may_move_to)];
    let rest = rest.iter().filter(|(_, arn)| arn.is_some());
    let rest = rest.map(|(what, arn)| format!(" {what} {}", short(arn)));
    format!("{} {}{}", now.state, runs.join("+"), rest.collect::<String>())
}

fn timed_out() -> Verdict {
    Verdict::TimedOut { seconds: 1, last_seen: String::new() }
}

#[test]
fn what_was_wanted_is_never_called_what_runs() {
    use StepStatus::{Applied, Failed, Intent, Pending, Skipped, Verified};
    let reason = String::new;
    let not_moved = |status, verdict| Step { ecs_deployment: None, ..step(status, verdict) };
    let unprepared = |status, verdict| Step { task_definition: None, ..not_moved(status, verdict) };
    let not_started = Some(Verdict::NotStarted { reason: reason() });
    let failed = || Some(Verdict::Failed { reason: reason() });
    let back = Verdict::RolledBack {
        to: Some(arn(1)),
        reason: reason(),
        cause: RollbackCause::CircuitBreaker,
    };
    for (step, wanted) in vec![
        (step(Verified, Some(Verdict::Verified)), "VERIFIED 2@new"),
        (unprepared(Pending, None), "NOT_STARTED 1@old"),
        (unprepared(Skipped, not_started), "NOT_STARTED 1@old"),
        (unprepared(Intent, None), "BEGUN 1@old"),
        (not_moved(Intent, None), "BEGUN 1@old may 2"),
        (not_moved(Failed, failed()), "FAILED 1@old"),
        (not_moved(Intent, Some(Verdict::Unknown { reason: reason() })), "UNKNOWN 1@old may 2"),
        (step(Applied, None), "IN_PROGRESS 1@old told 2"),
        (seen(step(Applied, None), 2, &[(1, 2)]), "IN_PROGRESS 1@old set 2"),
        (seen(step(Applied, Some(timed_out())), 2, &[(1, 2)]), "TIMED_OUT 1@old set 2"),
        (
            seen(step(Applied, Some(timed_out())), 2, &[(1, 1), (2, 1)]),
            "TIMED_OUT 1@old+2@new set 2",
        ),
        (seen(step(Failed, failed()), 2, &[]), "FAILED  set 2"),
        (seen(step(Failed, Some(back)), 2, &[(2, 1)]), "ROLLED_BACK 1@old"),
        (step(Failed, Some(Verdict::superseded(None, Some(arn(7))))), "SUPERSEDED 7@-"),
    ] {
        assert_eq!(words(&step), wanted, "{step:?}");
    }
}

#[test]
fn a_service_on_its_way_back_runs_what_was_seen() {
    use StepStatus::{CompensateFailed, Compensated, Compensating};
    let on_its_way = |status, asked: bool, moved: bool| {
        let before = StepBefore { task_definition: Some(arn(2)), ..StepBefore::default() };
        let mut step = step(status, Some(Verdict::Verified));
        step.compensation = Some(Compensation {
            before,
            stopped: asked.then(|| "arn:deployment/x".to_owned()),
            task_definition: moved.then(|| arn(3)),
            ecs_deployment: moved.then(|| EcsDeploymentId::new("ecs-svc/3")),
            ..Compensation::default()
        });
        step
    };
    for (step, wanted) in [
        (on_its_way(Compensated, false, true), "ROLLED_BACK 3@old"),
        (on_its_way(Compensated, true, false), "ROLLED_BACK 1@old"),
        (on_its_way(Compensating, false, true), "ROLLING_BACK 2@new told 3"),
        (on_its_way(Compensating, true, false), "ROLLING_BACK 2@new told 1"),
        (on_its_way(Compensating, false, false), "ROLLING_BACK 2@new"),
        (seen(on_its_way(Compensating, true, false), 1, &[(1, 2)]), "ROLLING_BACK 1@old"),
        (seen(on_its_way(CompensateFailed, false, true), 3, &[]), "ROLLBACK_FAILED  set 3"),
    ] {
        assert_eq!(words(&step), wanted, "{step:?}");
    }
}

#[test]
fn what_is_restarted_runs_what_was_found_or_nobody_knows_what() {
    use StepStatus::{Applied, Failed, Pending, Verified};
    let restart = |status, verdict| {
        let mut step = Step { restart: true, ..step(status, verdict) };
        let web = ImageId::new("web").unwrap();
        step.target.images.insert(web, ImageUri::parse("shop/web:old").unwrap());
        step.task_definition = Some(arn(1));
        step
    };
    let not_begun = |verdict| {
        let step = restart(Pending, verdict);
        Step { task_definition: None, ecs_deployment: None, ..step }
    };
    let superseded = || Some(Verdict::superseded(None, Some(arn(9))));
    for (step, wanted) in [
        (restart(Verified, Some(Verdict::Verified)), "VERIFIED 1@old"),
        (restart(Applied, None), "IN_PROGRESS 1@old"),
        (not_begun(None), "NOT_STARTED 1@old"),
        (restart(Failed, superseded()), "SUPERSEDED 9@-"),
        (not_begun(superseded()), "SUPERSEDED 9@-"),
        (seen(restart(Failed, superseded()), 9, &[(1, 1), (9, 1)]), "SUPERSEDED 1@old+9@- set 9"),
        // An older program may have taken up what somebody else deployed.
        (
            Step { task_definition: Some(arn(9)), ..restart(Verified, Some(Verdict::Verified)) },
            "VERIFIED 9@-",
        ),
    ] {
        assert_eq!(words(&step), wanted, "{step:?}");
    }
}

#[test]
fn a_look_tells_what_runs_apart_from_what_it_is_set_to() {
    let web = ImageId::new("web").unwrap();
    let hashes = |hash: &str| BTreeMap::from([(web.clone(), ReleaseHash::new(hash))]);
    let known = BTreeMap::from([(arn(1), hashes("old")), (arn(2), hashes("new"))]);
    let now = |set_to: u64, tasks: &[(u64, i32, bool)]| {
        let tasks = tasks.iter().map(|(revision, running, left_over)| SeenTasks {
            task_definition: Some(arn(*revision)),
            running: *running,
            left_over: *left_over,
        });
        let (at, task_definition) = (jiff::Timestamp::UNIX_EPOCH, Some(arn(set_to)));
        let seen = Seen { at, task_definition, desired: 2, tasks: tasks.collect() };
        ServiceNow::seen((ServiceId::new("web").unwrap(), "FAILED"), Some(&seen), &known)
    };
    for (look, set_to, is_apart, first, wanted) in [
        (now(2, &[(2, 2, false)]), None, false, Some("new"), "new"),
        (now(2, &[(1, 2, false)]), Some(arn(2)), true, Some("old"), "new"),
        (now(2, &[(1, 2, false), (2, 1, false)]), Some(arn(2)), true, Some("old"), "new"),
        (now(2, &[]), Some(arn(2)), true, None, "new"),
        (now(1, &[(1, 2, false), (2, 2, true)]), None, true, Some("old"), "old"),
    ] {
        assert_eq!((&look.set_to, look.is_apart()), (&set_to, is_apart), "{look:?}");
        assert_eq!(look.runs.first().map(|runs| &runs.release_hashes), first.map(hashes).as_ref());
        assert_eq!(look.wanted, hashes(wanted));
    }
    let missing = ServiceNow::seen((ServiceId::new("web").unwrap(), "MISSING"), None, &known);
    assert!(missing.runs.is_empty() && !missing.is_apart());
}

#[test]
fn a_release_that_is_only_registered_moves_nothing() {
    let step = step(StepStatus::Verified, Some(Verdict::Verified));
    let now = ServiceNow::of(DeploymentKind::Register, &step, &release());
    assert_eq!((now.state, &now.registered), ("REGISTERED", &Some(arn(2))));
    assert_eq!(now.runs[0].task_definition, Some(arn(1)));
    assert!(!now.runs_what_was_wanted());
}

#[test]
fn what_an_older_program_wrote_has_no_hash() {
    let mut step = step(StepStatus::Pending, None);
    step.before.release_hashes.clear();
    assert_eq!(
        words(&Step { task_definition: None, ecs_deployment: None, ..step }),
        "NOT_STARTED 1@-"
    );
}

#[test]
fn what_was_put_back_is_back_however_its_own_rollout_ended() {
    for verdict in [None, Some(timed_out()), Some(Verdict::Verified)] {
        let back = step(StepStatus::Compensated, verdict.clone());
        assert!(back.is_back(), "{verdict:?}");
        assert!(!step(StepStatus::Applied, verdict.clone()).is_back(), "{verdict:?}");
    }
}
