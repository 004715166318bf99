//! What comes of deployments that go in stages, bake, watch alarms and wait for hooks.

use super::{
    hooks::{self, HookStatus},
    strategy::{Alarms, Hook, HookAction, HookTarget, Plan, Stage, Strategy},
    testing::*,
    *,
};
use crate::sandbox::{AlarmState, ecs::function::Answer};

/// Long enough for everything that ends to end: two days.
const LONG: i64 = 48 * 60 * 60 * 1000;

/// A minute in milliseconds.
const MINUTE: i64 = 60_000;

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:000000000000:function:smoke";

/// A service whose deployments go in a way.
fn with(plan: Plan) -> ServiceState {
    let mut service = running(2, 100, 200);
    service.settings.plan = plan;
    service.settings.breaker = Some(BREAKER);
    service
}

fn blue_green(bake: u32) -> Plan {
    Plan { strategy: Strategy::BlueGreen, bake, ..Plan::default() }
}

fn hook(target: HookTarget, stage: Stage) -> Hook {
    Hook { target, stages: vec![stage], timeout: 60, timeout_action: HookAction::Rollback }
}

fn alarms(rollback: bool) -> Alarms {
    Alarms { names: vec!["slow".to_owned(), "errors".to_owned()], rollback }
}

/// A world in which an alarm comes into states.
fn alarmed(changes: &[(i64, AlarmState)]) -> World {
    let mut world = world();
    let changes = changes.iter().map(|(millis, state)| (at(*millis), *state)).collect();
    world.alarms.insert("errors".to_owned(), changes);
    world
}

/// The stages that a deployment comes by until `end`, each with the traffic of what is wanted, in
/// percent, and how many tasks there are.
fn stages_until(service: &mut ServiceState, end: i64, world: &World) -> Vec<(Stage, u32, usize)> {
    let mut seen = Vec::new();
    while let Some(next) = next_event(service, world).filter(|next| *next <= at(end)) {
        advance(service, next, world);
        let record = &service.service_deployments[0];
        let traffic = stages::traffic(record);
        let present = service.tasks.iter().filter(|task| task.is_present()).count();
        if let Some(progress) = &record.progress
            && seen.last().is_none_or(|(stage, share, _)| {
                (*stage, *share) != (progress.stage, traffic[0].1 / 10)
            })
        {
            seen.push((progress.stage, traffic[0].1 / 10, present));
        }
    }
    seen
}

#[test]
fn blue_green_goes_by_all_stages_and_keeps_blue_until_clean_up() {
    let mut service = with(blue_green(5));
    deploy(&mut service, "good2", at(0));
    assert_eq!(service.service_deployments[0].progress, None);
    let seen = stages_until(&mut service, LONG, &world());
    assert_eq!(
        seen,
        [
            (Stage::PreScaleUp, 0, 2),
            (Stage::ScaleUp, 0, 4),
            (Stage::PostScaleUp, 0, 4),
            (Stage::TestTrafficShift, 0, 4),
            (Stage::PostTestTrafficShift, 0, 4),
            (Stage::ProductionTrafficShift, 100, 4),
            (Stage::PostProductionTrafficShift, 100, 4),
            (Stage::BakeTime, 100, 4),
            (Stage::CleanUp, 100, 4),
        ]
    );
    assert_eq!(status(&service), Status::Successful);
    assert_eq!((image(&service), service.deployments.len()), ("good2", 1));
    let record = &service.service_deployments[0];
    let took = record.finished_at.unwrap().duration_since(record.created_at);
    assert!(took > jiff::SignedDuration::from_mins(5), "the bake time is waited for: {took}");
}

#[test]
fn linear_and_canary_shift_traffic_in_steps_with_a_wait_between() {
    for (strategy, expected) in [
        (Strategy::Linear { step: 400, bake: 6 }, vec![40, 80, 100]),
        (Strategy::Canary { first: 100, bake: 6 }, vec![10, 100]),
    ] {
        let mut service = with(Plan { strategy, ..Plan::default() });
        deploy(&mut service, "good2", at(0));
        let seen = stages_until(&mut service, LONG, &world());
        let shifts = seen.iter().filter(|(stage, ..)| *stage == Stage::ProductionTrafficShift);
        assert_eq!(shifts.map(|(_, share, _)| *share).collect::<Vec<_>>(), expected);
        assert_eq!(status(&service), Status::Successful, "{strategy:?}");
        let record = &service.service_deployments[0];
        let took = record.finished_at.unwrap().duration_since(record.created_at).as_mins();
        assert_eq!(took, 6 * i64::try_from(expected.len() - 1).unwrap(), "{strategy:?}");
    }
}

#[test]
fn a_hook_before_each_shift_is_run_before_each() {
    let target = HookTarget::AwsLambda(FUNCTION.to_owned());
    let hooks = vec![hook(target, Stage::PreProductionTrafficShift)];
    let strategy = Strategy::Canary { first: 100, bake: 0 };
    let mut service = with(Plan { strategy, hooks, ..Plan::default() });
    deploy(&mut service, "good2", at(0));
    let seen = stages_until(&mut service, LONG, &world());
    let before = seen.iter().filter(|(stage, ..)| *stage == Stage::PreProductionTrafficShift);
    assert_eq!(before.count(), 2);
    assert_eq!(status(&service), Status::Successful);
}

#[test]
fn several_revisions_are_reconciled_and_traffic_still_adds_up() {
    let mut service = with(blue_green(60));
    deploy(&mut service, "good2", at(0));
    advance(&mut service, at(MINUTE), &world());
    assert_eq!(stages::stage(&service), Some(Stage::BakeTime));
    deploy(&mut service, "good", at(MINUTE));
    assert_eq!(service.service_deployments[1].status, Status::StopRequested);
    advance(&mut service, at(MINUTE + 300), &world());
    assert_eq!(stages::stage(&service), Some(Stage::ReconcileService));
    let sum: u32 = stages::traffic(&service.service_deployments[0]).iter().map(|it| it.1).sum();
    assert_eq!(sum, 1000);
    advance(&mut service, at(LONG), &world());
    assert_eq!(status(&service), Status::Successful);
    assert_eq!(counts(&service), Counts { pending: 0, running: 2, live: 2 });
}

#[test]
fn green_tasks_that_fail_take_nothing_from_blue() {
    for image in ["crash@0", "crash", "unhealthy", "unpullable"] {
        let mut service = with(blue_green(1));
        let blue: Vec<String> = service.tasks.iter().map(|task| task.id.clone()).collect();
        deploy(&mut service, image, at(0));
        let seen = stages_until(&mut service, LONG, &world());
        assert!(seen.iter().all(|(stage, share, _)| *share == 0 && *stage != Stage::BakeTime));
        assert_eq!(status(&service), Status::RollbackSuccessful, "{image}");
        let live = service.tasks.iter().filter(|task| task.is_live());
        assert_eq!(live.map(|task| task.id.clone()).collect::<Vec<_>>(), blue, "{image}");
    }
}

#[test]
fn blue_is_kept_whole_while_green_comes_up() {
    let mut service = with(blue_green(60));
    deploy(&mut service, "good2", at(0));
    advance(&mut service, at(MINUTE), &world());
    let blue = service.last_completed.unwrap();
    let of_blue = |service: &ServiceState| {
        service.tasks.iter().filter(|it| it.revision == Some(blue) && it.is_healthy()).count()
    };
    let task = service.tasks.iter_mut().find(|task| task.revision == Some(blue)).unwrap();
    task.stop(StopCode::UserInitiated, "maintenance", at(MINUTE));
    service.disturb(at(MINUTE));
    assert_eq!(of_blue(&service), 1);
    advance(&mut service, at(2 * MINUTE), &world());
    assert_eq!(of_blue(&service), 2);
}

#[test]
fn a_user_can_roll_back_at_every_stage() {
    let strategy = Strategy::Canary { first: 100, bake: 2 };
    let plan = Plan { strategy, bake: 2, ..Plan::default() };
    let mut stopped_at = std::collections::BTreeSet::new();
    for moment in (100..300_000).step_by(400) {
        let mut service = with(plan.clone());
        deploy(&mut service, "good2", at(0));
        advance(&mut service, at(moment), &world());
        if status(&service).is_terminal() {
            break;
        }
        stopped_at.insert(stages::stage(&service));
        let id = service.service_deployments[0].id.clone();
        assert!(deployment::request_rollback(&mut service, &id, at(moment)));
        advance(&mut service, at(LONG), &world());
        let ended = status(&service);
        // In the last moment of CLEAN_UP it is too late.
        let too_late =
            ended == Status::Successful && stages::stage(&service) == Some(Stage::CleanUp);
        assert!(ended == Status::RollbackSuccessful || too_late, "{moment}: {ended:?}");
        let traffic = stages::traffic(&service.service_deployments[0])[0].1;
        assert_eq!(traffic, if too_late { 1000 } else { 0 }, "{moment}");
        assert_eq!(image(&service), if too_late { "good2" } else { "good" });
        assert_eq!(counts(&service), Counts { pending: 0, running: 2, live: 2 }, "{moment}");
    }
    assert_eq!(stopped_at.len(), 10, "{stopped_at:?}");
}

#[test]
fn an_alarm_ends_a_deployment_at_any_stage_up_to_its_bake_time() {
    let plan = Plan { alarms: Some(alarms(true)), ..blue_green(5) };
    for (goes_off, expected) in [
        (1500, Status::RollbackSuccessful),
        (MINUTE, Status::RollbackSuccessful),
        (20 * MINUTE, Status::Successful),
    ] {
        let mut service = with(plan.clone());
        deploy(&mut service, "good2", at(0));
        let bad = service.deployments[0].number;
        let world = alarmed(&[(-5000, AlarmState::Ok), (goes_off, AlarmState::Alarm)]);
        advance(&mut service, at(LONG), &world);
        assert_eq!(status(&service), expected, "{goes_off}");
        let record = &service.service_deployments[0];
        if expected == Status::Successful {
            assert!(record.watch.triggered.is_empty());
            continue;
        }
        assert_eq!(record.watch.triggered, ["errors"]);
        assert_eq!(record.rollback.as_ref().unwrap().started_at, at(goes_off));
        let told = format!("(deployment ecs-svc/{bad}) deployment failed: alarm detected.");
        assert!(messages(&service).contains(&told.as_str()));
        assert_eq!(image(&service), "good");
    }
}

#[test]
fn alarms_do_not_count_where_one_was_in_alarm_before() {
    let mut service = with(Plan { alarms: Some(alarms(true)), ..blue_green(1) });
    deploy(&mut service, "good2", at(0));
    let changes = [(-100, AlarmState::Alarm), (5000, AlarmState::Ok), (9000, AlarmState::Alarm)];
    advance(&mut service, at(LONG), &alarmed(&changes));
    assert_eq!(status(&service), Status::Successful);
    assert!(service.service_deployments[0].watch.is_ignored);
}

#[test]
fn a_rolling_deployment_bakes_after_its_tasks_are_replaced() {
    let mut service = with(Plan { bake: 5, alarms: Some(alarms(true)), ..Plan::default() });
    deploy(&mut service, "good2", at(0));
    advance(&mut service, at(MINUTE), &world());
    assert_eq!(counts(&service), Counts { pending: 0, running: 2, live: 2 });
    assert_eq!(service.deployments.len(), 1);
    assert_eq!(status(&service), Status::InProgress);
    assert_eq!(service.deployments[0].rollout, Rollout::InProgress);
    assert_eq!(stages::stage(&service), Some(Stage::BakeTime));
    advance(&mut service, at(7 * MINUTE), &world());
    assert_eq!(status(&service), Status::Successful);
}

#[test]
fn an_alarm_while_a_rolling_deployment_bakes_ends_it() {
    for (rollback, expected, runs) in
        [(true, Status::RollbackSuccessful, "good"), (false, Status::Stopped, "good2")]
    {
        let mut service = with(Plan { bake: 5, alarms: Some(alarms(rollback)), ..Plan::default() });
        deploy(&mut service, "good2", at(0));
        advance(&mut service, at(LONG), &alarmed(&[(2 * MINUTE, AlarmState::Alarm)]));
        assert_eq!(status(&service), expected);
        assert_eq!(image(&service), runs);
        assert_eq!(service.service_deployments[0].watch.triggered, ["errors"]);
        assert_eq!(counts(&service), Counts { pending: 0, running: 2, live: 2 });
    }
}

#[test]
fn when_it_is_noticed_changes_nothing() {
    let plan = Plan { alarms: Some(alarms(true)), ..blue_green(5) };
    let mut leaping = with(plan);
    deploy(&mut leaping, "good2", at(0));
    let mut stepping = leaping.clone();
    let world = alarmed(&[(2 * MINUTE, AlarmState::Alarm)]);
    for moment in (0..10 * MINUTE).step_by(700) {
        advance(&mut stepping, at(moment), &world);
    }
    advance(&mut leaping, at(10 * MINUTE), &world);
    advance(&mut stepping, at(10 * MINUTE), &world);
    assert_eq!(leaping, stepping);
}

#[test]
fn a_pause_hook_waits_for_a_word() {
    for (goes_on, expected) in [(true, Status::Successful), (false, Status::RollbackSuccessful)] {
        let hooks = vec![hook(HookTarget::Pause, Stage::PostTestTrafficShift)];
        let mut service = with(Plan { hooks, ..blue_green(0) });
        deploy(&mut service, "good2", at(0));
        advance(&mut service, at(30 * MINUTE), &world());
        assert_eq!(stages::stage(&service), Some(Stage::PostTestTrafficShift));
        let record = &service.service_deployments[0];
        let run = record.progress.as_ref().unwrap().hooks[0].clone();
        assert_eq!(run.status, HookStatus::AwaitingAction);
        let id = record.id.clone();
        let now = at(30 * MINUTE);
        assert!(!hooks::resolve(&mut service, (&id, "another"), goes_on, now));
        assert!(hooks::resolve(&mut service, (&id, &run.id), goes_on, now));
        assert!(!hooks::resolve(&mut service, (&id, &run.id), goes_on, now), "once");
        advance(&mut service, at(LONG), &world());
        assert_eq!(status(&service), expected);
    }
}

#[test]
fn hooks_that_wait_too_long_do_as_they_are_told() {
    let pause = HookTarget::Pause;
    let lambda = HookTarget::AwsLambda(FUNCTION.to_owned());
    for target in [pause, lambda] {
        for (action, expected) in [
            (HookAction::Continue, Status::Successful),
            (HookAction::Rollback, Status::RollbackSuccessful),
        ] {
            let mut hook = hook(target.clone(), Stage::PreScaleUp);
            hook.timeout_action = action;
            let mut service = with(Plan { hooks: vec![hook], ..blue_green(0) });
            let mut world = world();
            world.functions.set("smoke", Answer::Hang, Timestamp::MIN);
            deploy(&mut service, "good2", at(0));
            advance(&mut service, at(59 * MINUTE), &world);
            assert_eq!(stages::stage(&service), Some(Stage::PreScaleUp));
            advance(&mut service, at(LONG), &world);
            assert_eq!(status(&service), expected, "{target:?}");
            if expected == Status::RollbackSuccessful {
                let progress = service.service_deployments[0].progress.as_ref().unwrap();
                assert_eq!(progress.hooks[0].status, HookStatus::TimedOut);
            }
        }
    }
}

#[test]
fn a_function_that_fails_rolls_back_in_ecs_s_words() {
    let target = HookTarget::AwsLambda(FUNCTION.to_owned());
    let hooks = vec![hook(target, Stage::PostProductionTrafficShift)];
    let mut service = with(Plan { hooks, ..blue_green(0) });
    let mut world = world();
    world.functions.set(FUNCTION, Answer::Fail, Timestamp::MIN);
    deploy(&mut service, "good2", at(0));
    let seen = stages_until(&mut service, LONG, &world);
    assert!(seen.contains(&(Stage::PostProductionTrafficShift, 100, 4)));
    assert_eq!(status(&service), Status::RollbackSuccessful);
    let record = &service.service_deployments[0];
    assert_eq!(
        record.reason.as_deref(),
        Some(
            "Service deployment rolled back because POST_PRODUCTION_TRAFFIC_SHIFT lifecycle \
             hook(s) failed. Lifecycle hook target \
             arn:aws:lambda:eu-west-1:000000000000:function:smoke returned FAILED status."
        )
    );
    assert_eq!(record.progress.as_ref().unwrap().hooks[0].status, HookStatus::Failed);
    assert_eq!(stages::traffic(record)[0].1, 0, "traffic is back");
}

#[test]
fn a_function_that_hangs_is_asked_again() {
    let target = HookTarget::AwsLambda(FUNCTION.to_owned());
    let mut service = with(Plan { hooks: vec![hook(target, Stage::PreScaleUp)], ..blue_green(0) });
    let mut world = world();
    world.functions.set(FUNCTION, Answer::Hang, Timestamp::MIN);
    world.functions.set(FUNCTION, Answer::Succeed, at(MINUTE));
    deploy(&mut service, "good2", at(0));
    advance(&mut service, at(50_000), &world);
    assert_eq!(stages::stage(&service), Some(Stage::PreScaleUp));
    advance(&mut service, at(LONG), &world);
    assert_eq!(status(&service), Status::Successful);
}

#[test]
fn a_first_deployment_goes_by_the_stages_too_and_has_nothing_to_go_back_to() {
    for (image, expected) in [("good", Status::Successful), ("crash", Status::RollbackFailed)] {
        let mut service = service(2, 100, 200);
        service.settings.plan = blue_green(1);
        service.settings.breaker = Some(BREAKER);
        deploy(&mut service, image, at(0));
        advance(&mut service, at(LONG), &world());
        assert_eq!(status(&service), expected);
    }
}
