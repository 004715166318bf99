//! What holds of every rollout.

use proptest::prelude::*;

use super::{strategy::Plan, testing::*, *};

/// Something a user does, and how long after the thing before.
#[derive(Debug, Clone)]
enum Deed {
    /// Deploys an image.
    Deploy(&'static str),
    /// Changes the desired count.
    Scale(u32),
    /// Stops the newest service deployment.
    StopDeployment,
    /// Stops a task.
    StopTask(usize),
}

/// Does it.
fn act(service: &mut ServiceState, deed: &Deed, moment: Timestamp) {
    match deed {
        Deed::Deploy(image) => deploy(service, image, moment),
        Deed::Scale(desired) => service.scale(*desired, moment),
        Deed::StopDeployment => {
            let id = service.service_deployments[0].id.clone();
            deployment::request_rollback(service, &id, moment);
        }
        Deed::StopTask(index) => {
            let count = service.tasks.len().max(1);
            if let Some(task) = service.tasks.get_mut(index % count) {
                task.stop(StopCode::UserInitiated, "Task stopped by user", moment);
                service.wake(moment);
            }
        }
    }
}

fn images() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "good",
        "good2",
        "crash",
        "crash@0",
        "crash@10000",
        "unhealthy",
        "unpullable",
        "missing",
        "oom",
        "no-secret",
    ])
}

fn deeds() -> impl Strategy<Value = Vec<(i64, Deed)>> {
    deeds_with(images())
}

/// The same with images of which no task may be started at all.
fn any_deeds() -> impl Strategy<Value = Vec<(i64, Deed)>> {
    deeds_with(prop_oneof![8 => images(), 1 => Just("no-role")])
}

fn deeds_with(
    images: impl Strategy<Value = &'static str>,
) -> impl Strategy<Value = Vec<(i64, Deed)>> {
    let deed = prop_oneof![
        4 => images.prop_map(Deed::Deploy),
        1 => (0_u32..8).prop_map(Deed::Scale),
        1 => Just(Deed::StopDeployment),
        1 => (0_usize..16).prop_map(Deed::StopTask),
    ];
    prop::collection::vec((0_i64..40_000, deed), 1..6)
}

/// What must hold of a state at any moment.
fn check(service: &ServiceState) {
    let primary = service.deployments[0].number;
    let unfinished = service
        .service_deployments
        .iter()
        .skip(1)
        .filter(|one| !one.status.is_terminal() && one.status != Status::StopRequested);
    assert_eq!(unfinished.count(), 0, "only the newest is in progress");
    let mut numbers: Vec<u64> = service.deployments.iter().map(|one| one.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), service.deployments.len(), "numbers are unique");
    for task in service.tasks.iter().filter(|task| task.is_present()) {
        assert!(service.deployment(task.deployment).is_some(), "every task counts somewhere");
    }
    let parts: u32 = service
        .deployments
        .iter()
        .map(|one| Counts::of(service.tasks_of(one.number)))
        .map(|counts| counts.pending + counts.running)
        .sum();
    let whole = counts(service);
    assert_eq!(parts, whole.pending + whole.running, "counts add up");
    assert!(service.tasks_of(primary).filter(|task| task.is_live()).count() <= 100);
}

/// Steps through all happenings until `end`, looking at each state.
fn watch(service: &mut ServiceState, end: Timestamp, mut look: impl FnMut(&ServiceState)) {
    let world = world();
    while let Some(next) = next_event(service, &world).filter(|next| *next <= end) {
        advance(service, next, &world);
        look(service);
    }
}

/// Ways for deployments to go, with hooks that hang or time out among them.
fn plans() -> impl Strategy<Value = Plan> {
    use super::strategy::{Alarms, Hook, HookAction, HookTarget, Stage, Strategy as Way};
    let way = prop_oneof![
        1 => Just(Way::Rolling),
        2 => Just(Way::BlueGreen),
        2 => (30_u32..=1000, 0_u32..3).prop_map(|(step, bake)| Way::Linear { step, bake }),
        2 => (1_u32..=1000, 0_u32..3).prop_map(|(first, bake)| Way::Canary { first, bake }),
    ];
    let stage = prop::sample::select(vec![
        Stage::ReconcileService,
        Stage::PreScaleUp,
        Stage::PostTestTrafficShift,
        Stage::PreProductionTrafficShift,
        Stage::PostProductionTrafficShift,
    ]);
    let target = prop::sample::select(vec![
        HookTarget::Pause,
        HookTarget::AwsLambda("succeeds".to_owned()),
        HookTarget::AwsLambda("fails".to_owned()),
        HookTarget::AwsLambda("hangs".to_owned()),
    ]);
    let action = prop::sample::select(vec![HookAction::Continue, HookAction::Rollback]);
    let hook = (stage, target, action).prop_map(|(stage, target, timeout_action)| Hook {
        target,
        stages: vec![stage],
        timeout: 2,
        timeout_action,
    });
    let hooks = prop::collection::vec(hook, 0..2);
    (way, 0_u32..3, hooks, any::<Option<bool>>()).prop_map(|(strategy, bake, hooks, watches)| {
        let hooks = if strategy == Way::Rolling { Vec::new() } else { hooks };
        let alarms = watches.map(|rollback| Alarms { names: vec!["errors".to_owned()], rollback });
        Plan { strategy, bake, hooks, alarms }
    })
}

/// The world with functions that do as they are called, and an alarm that comes into states.
fn world_with(alarms: &[(i64, bool)]) -> World {
    use crate::sandbox::{AlarmState, ecs::function::Answer};
    let mut world = world();
    world.functions.set("fails", Answer::Fail, Timestamp::MIN);
    world.functions.set("hangs", Answer::Hang, Timestamp::MIN);
    let mut moment = 0;
    let changes = alarms.iter().map(|(wait, is_bad)| {
        moment += wait;
        (at(moment), if *is_bad { AlarmState::Alarm } else { AlarmState::Ok })
    });
    world.alarms.insert("errors".to_owned(), changes.collect());
    world
}

/// What must hold of traffic and of the tasks that have it.
fn check_traffic(service: &ServiceState) {
    let record = &service.service_deployments[0];
    let traffic = stages::traffic(record);
    if !record.shares.is_empty() {
        let sum: u32 = traffic.iter().map(|(_, share)| share).sum();
        assert_eq!(sum, 1000, "{traffic:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn a_leap_is_as_good_as_many_steps_in_every_strategy(
        desired in 0_u32..4,
        plan in plans(),
        alarms in prop::collection::vec((1_i64..300_000, any::<bool>()), 0..4),
        deeds in deeds(),
        step in 500_i64..20_000,
    ) {
        let world = world_with(&alarms);
        let mut leaping = running(desired, 100, 200);
        leaping.settings.breaker = Some(BREAKER);
        leaping.settings.plan = plan;
        let mut stepping = leaping.clone();
        let mut moment = 0;
        for (wait, deed) in &deeds {
            for look in (moment..moment + wait).step_by(usize::try_from(step).unwrap()) {
                advance(&mut stepping, at(look), &world);
                check(&stepping);
                check_traffic(&stepping);
            }
            moment += wait;
            for service in [&mut leaping, &mut stepping] {
                advance(service, at(moment), &world);
                act(service, deed, at(moment));
            }
        }
        for look in (moment..moment + 900_000).step_by(usize::try_from(step).unwrap()) {
            advance(&mut stepping, at(look), &world);
            check(&stepping);
            check_traffic(&stepping);
        }
        let end = at(moment + 3_600_000);
        advance(&mut leaping, end, &world);
        advance(&mut stepping, end, &world);
        prop_assert_eq!(&leaping, &stepping);
        // Hooks wait for two minutes at most here, so that every deployment ends.
        prop_assert!(
            leaping.service_deployments.iter().all(|one| one.status.is_terminal()),
            "{:?}", leaping.service_deployments[0]
        );
    }

    #[test]
    fn what_ran_before_is_kept_until_clean_up(
        desired in 1_u32..5,
        plan in plans().prop_filter("it goes in stages", Plan::is_staged),
        alarms in prop::collection::vec((1_i64..300_000, any::<bool>()), 0..3),
        image in images(),
    ) {
        let world = world_with(&alarms);
        let mut service = running(desired, 100, 200);
        service.settings.breaker = Some(BREAKER);
        service.settings.plan = plan;
        let before = service.deployments[0].revision;
        deploy(&mut service, image, at(0));
        while let Some(next) = next_event(&service, &world).filter(|it| *it <= at(24 * 3_600_000)) {
            advance(&mut service, next, &world);
            check_traffic(&service);
            let record = &service.service_deployments[0];
            let healthy = service.tasks.iter();
            let healthy = healthy.filter(|it| it.revision == Some(before) && it.is_healthy());
            let cleans = stages::stage(&service) == Some(strategy::Stage::CleanUp);
            let kept = usize::try_from(desired).unwrap();
            if record.rollback.is_some() || !(cleans || record.status == Status::Successful) {
                assert_eq!(healthy.count(), kept, "{record:?}");
            }
            let traffic = stages::traffic(record);
            let target = service.tasks_of(record.target).filter(|it| it.is_healthy()).count();
            if traffic[0].1 > 0 && record.status == Status::InProgress {
                assert!(target > 0 || record.failures > 0, "traffic goes to tasks that are up");
            }
        }
        prop_assert!(status(&service).is_terminal());
    }

    #[test]
    fn a_good_deployment_in_stages_ends_well_where_nobody_objects(
        desired in 0_u32..5,
        plan in plans(),
    ) {
        let mut service = running(desired, 100, 200);
        service.settings.plan = Plan { hooks: Vec::new(), alarms: None, ..plan };
        deploy(&mut service, "good2", at(0));
        advance(&mut service, at(24 * 3_600_000), &world());
        prop_assert_eq!(status(&service), Status::Successful);
        prop_assert_eq!(counts(&service).live, desired);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn a_leap_is_as_good_as_many_steps(
        desired in 0_u32..6,
        bounds in prop::sample::select(vec![(100, 200), (50, 100), (0, 100), (75, 150)]),
        with_breaker in any::<bool>(),
        deeds in any_deeds(),
        steps in prop::collection::vec(1_i64..20_000, 1..30),
    ) {
        let mut leaping = running(desired, bounds.0, bounds.1);
        leaping.settings.breaker = with_breaker.then_some(BREAKER);
        let mut stepping = leaping.clone();
        let mut moment = 0;
        let mut looks: Vec<i64> = steps.iter().scan(0, |sum, step| { *sum += step; Some(*sum) }).collect();
        looks.reverse();
        let world = world();
        for (wait, deed) in &deeds {
            moment += wait;
            while let Some(look) = looks.pop_if(|look| *look <= moment) {
                advance(&mut stepping, at(look), &world);
                check(&stepping);
            }
            for service in [&mut leaping, &mut stepping] {
                advance(service, at(moment), &world);
                act(service, deed, at(moment));
            }
        }
        for look in looks.into_iter().rev().filter(|look| *look > moment) {
            advance(&mut stepping, at(look), &world);
            check(&stepping);
        }
        let end = at(moment + 600_000);
        advance(&mut leaping, end, &world);
        advance(&mut stepping, end, &world);
        prop_assert_eq!(leaping, stepping);
    }

    #[test]
    fn a_good_deployment_stays_within_its_bounds_and_ends(
        desired in 0_u32..12,
        minimum in 0_u32..=100,
        maximum in 100_u32..=250,
    ) {
        let mut service = running(desired, minimum, maximum);
        let (floor, ceiling) = (service.floor(), service.ceiling());
        deploy(&mut service, "good2", at(0));
        watch(&mut service, at(3_000_000), |service| {
            check(service);
            let healthy = service.tasks.iter().filter(|task| task.is_healthy()).count();
            assert!(healthy >= floor.min(desired as usize), "{healthy} healthy, not {floor}");
            let present = service.tasks.iter().filter(|task| task.is_present()).count();
            assert!(present <= ceiling, "{present} tasks, at most {ceiling}");
        });
        let has_room = ceiling > floor || desired == 0;
        let expected = if has_room { Status::Successful } else { Status::InProgress };
        prop_assert_eq!(status(&service), expected);
    }

    #[test]
    fn a_bad_deployment_leaves_enough_healthy_tasks_and_ends(
        desired in 1_u32..12,
        minimum in 0_u32..=90,
        maximum in 100_u32..=250,
        image in prop::sample::select(vec!["crash", "crash@0", "unhealthy", "unpullable", "missing"]),
        rollback in any::<bool>(),
    ) {
        let mut service = running(desired, minimum, maximum);
        service.settings.breaker = Some(Breaker { rollback, ..BREAKER });
        let (floor, ceiling) = (service.floor(), service.ceiling());
        deploy(&mut service, image, at(0));
        watch(&mut service, at(3_000_000), |service| {
            check(service);
            let healthy = service.tasks.iter().filter(|task| task.is_healthy()).count();
            assert!(healthy >= floor, "{healthy} healthy, not {floor}");
            let present = service.tasks.iter().filter(|task| task.is_present()).count();
            assert!(present <= ceiling, "{present} tasks, at most {ceiling}");
        });
        let ended = if rollback { Status::RollbackSuccessful } else { Status::Stopped };
        let expected = if ceiling > floor { ended } else { Status::InProgress };
        prop_assert_eq!(status(&service), expected);
    }

    #[test]
    fn everything_ends_where_a_breaker_is_on(desired in 0_u32..6, deeds in deeds()) {
        let mut service = running(desired, 100, 200);
        service.settings.breaker = Some(BREAKER);
        let mut moment = 0;
        for (wait, deed) in &deeds {
            moment += wait;
            advance(&mut service, at(moment), &world());
            act(&mut service, deed, at(moment));
        }
        watch(&mut service, at(moment + 3_000_000), check);
        prop_assert!(status(&service).is_terminal(), "{:?}", service.service_deployments[0]);
        prop_assert!(service.service_deployments.iter().all(|one| one.status.is_terminal()));
    }
}
