//! What holds of every rollout.

use proptest::prelude::*;

use super::{testing::*, *};

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
    while let Some(next) = next_event(service, &world.pace).filter(|next| *next <= end) {
        advance(service, next, &world);
        look(service);
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
