//! What comes of deployments, one test a verdict.

use super::{testing::*, *};

/// Long enough for everything that ends to end.
const LONG: i64 = 30 * 60 * 1000;

#[test]
fn a_good_deployment_is_completed() {
    let mut service = running(2, 100, 200);
    let before = service.deployments[0].number;
    deploy(&mut service, "good2", at(0));
    assert_eq!(status(&service), Status::Pending);
    advance(&mut service, at(1000), &world());
    assert_eq!(status(&service), Status::InProgress);
    let numbers: Vec<u64> = service.deployments.iter().map(|one| one.number).collect();
    assert_eq!(numbers[1], before);
    assert_eq!(counts(&service), Counts { pending: 2, running: 2, live: 4 });

    advance(&mut service, at(20_000), &world());
    assert_eq!(status(&service), Status::Successful);
    assert_eq!(service.deployments.len(), 1);
    assert_eq!(service.deployments[0].rollout, Rollout::Completed);
    assert_eq!(service.revisions.last().unwrap().digest(0), Some(ids::digest("good2").as_str()));
    let told = messages(&service);
    assert_eq!(told.last(), Some(&"has reached a steady state."));
    let completed = format!("(deployment ecs-svc/{}) deployment completed.", numbers[0]);
    assert_eq!(told[told.len() - 2], completed);
}

#[test]
fn failing_deployments_are_rolled_back() {
    for (image, code) in [
        ("crash", StopCode::EssentialContainerExited),
        ("crash@0", StopCode::EssentialContainerExited),
        ("unhealthy", StopCode::ServiceSchedulerInitiated),
        ("unpullable", StopCode::TaskFailedToStart),
    ] {
        let mut service = running(2, 100, 200);
        service.settings.breaker = Some(BREAKER);
        let good = service.deployments[0].number;
        deploy(&mut service, image, at(0));
        let bad = service.deployments[0].number;
        advance(&mut service, at(LONG), &world());
        assert_eq!(status(&service), Status::RollbackSuccessful, "{image}");
        let record = &service.service_deployments[0];
        assert!(record.tripped);
        assert_eq!(record.failures, 3, "{image}");
        assert_eq!(record.rollback.as_ref().unwrap().revision, good);
        assert_eq!(testing::image(&service), "good", "{image}");
        assert_ne!(service.deployments[0].number, good, "a rollback is a deployment of its own");
        assert_eq!(service.deployments[0].revision, good, "but makes no service revision");
        assert_eq!(service.deployments.len(), 1);
        assert!(
            messages(&service).contains(
                &format!("(deployment ecs-svc/{bad}) deployment failed: tasks failed to start.")
                    .as_str()
            )
        );
        assert!(
            messages(&service)
                .contains(&format!("rolling back to deployment ecs-svc/{good}.").as_str())
        );
        let failed: Vec<&Task> =
            service.tasks.iter().filter(|task| task.revision == Some(bad)).collect();
        assert!(failed.iter().any(|task| task.stop.as_ref().unwrap().code == code), "{image}");
    }
}

#[test]
fn without_rollback_a_failed_deployment_stays() {
    let mut service = running(2, 100, 200);
    service.settings.breaker = Some(Breaker { rollback: false, ..BREAKER });
    deploy(&mut service, "crash", at(0));
    advance(&mut service, at(LONG), &world());
    assert_eq!(status(&service), Status::Stopped);
    assert!(service.service_deployments[0].stopped_at.is_some());
    assert_eq!(service.deployments[0].rollout, Rollout::Failed);
    assert_eq!(
        service.deployments[0].reason,
        "ECS deployment circuit breaker: tasks failed to start."
    );
    assert_eq!(service.deployments.len(), 2, "the old tasks go on");
    assert_eq!(counts(&service), Counts { pending: 0, running: 2, live: 2 });
    service.scale(1, at(LONG));
    advance(&mut service, at(2 * LONG), &world());
    assert_eq!(counts(&service), Counts { pending: 0, running: 1, live: 1 });
}

#[test]
fn without_breaker_tasks_keep_failing_for_ever() {
    let mut service = running(1, 100, 200);
    deploy(&mut service, "unpullable", at(0));
    advance(&mut service, at(24 * 60 * 60 * 1000), &world());
    assert_eq!(status(&service), Status::InProgress);
    assert_eq!(service.deployments[0].rollout, Rollout::InProgress);
    assert!(service.deployments[0].failed_tasks > 100);
    assert!(service.tasks.len() < 20, "waits grow, and stopped tasks are forgotten");
    assert!(service.events.len() <= 100);
    assert!(messages(&service).iter().any(|told| told.starts_with("is unable to consistently")));
}

#[test]
fn the_first_deployment_has_nothing_to_go_back_to() {
    let mut service = service(1, 100, 200);
    service.settings.breaker = Some(BREAKER);
    deploy(&mut service, "crash", at(0));
    advance(&mut service, at(LONG), &world());
    assert_eq!(status(&service), Status::RollbackFailed);
    let reason = service.service_deployments[0].reason.as_deref();
    assert_eq!(reason, Some("No rollback candidate was found to run the rollback."));
    assert_eq!(service.deployments[0].rollout, Rollout::Failed);
    assert_eq!(counts(&service).live, 0, "no new tasks");
}

#[test]
fn a_deployment_during_a_rollback_has_nothing_to_go_back_to() {
    let mut service = running(2, 0, 100);
    service.settings.breaker = Some(BREAKER);
    deploy(&mut service, "crash@0", at(0));
    let mut moment = 0;
    while status(&service) != Status::RollbackInProgress {
        moment += 100;
        advance(&mut service, at(moment), &world());
    }
    deploy(&mut service, "crash", at(moment));
    assert_eq!(service.service_deployments[1].status, Status::RollbackFailed);
    advance(&mut service, at(LONG), &world());
    assert_eq!(status(&service), Status::RollbackFailed);
    assert_eq!(service.deployments[0].rollout, Rollout::Failed);
}

#[test]
fn a_new_deployment_supersedes_the_one_in_progress() {
    let mut service = running(2, 100, 200);
    deploy(&mut service, "crash", at(0));
    advance(&mut service, at(5000), &world());
    deploy(&mut service, "good2", at(5000));
    assert_eq!(service.service_deployments[1].status, Status::StopRequested);
    advance(&mut service, at(LONG), &world());
    assert_eq!(service.service_deployments[1].status, Status::Stopped);
    assert!(!service.service_deployments[1].tripped);
    assert_eq!(status(&service), Status::Successful);
    assert_eq!((image(&service), service.deployments.len()), ("good2", 1));
}

#[test]
fn a_user_can_stop_a_deployment() {
    let mut service = running(2, 100, 200);
    deploy(&mut service, "crash", at(0));
    advance(&mut service, at(3000), &world());
    let id = service.service_deployments[0].id.clone();
    assert!(deployment::request_rollback(&mut service, &id, at(3000)));
    assert_eq!(status(&service), Status::RollbackRequested);
    advance(&mut service, at(3300), &world());
    assert_eq!(status(&service), Status::RollbackInProgress);
    advance(&mut service, at(LONG), &world());
    assert_eq!(status(&service), Status::RollbackSuccessful);
    assert_eq!(image(&service), "good");
    assert!(!deployment::request_rollback(&mut service, &id, at(LONG)), "it is over");
}

#[test]
fn nothing_wanted_is_complete_at_once() {
    let mut service = service(0, 100, 200);
    deploy(&mut service, "good", at(0));
    advance(&mut service, at(300), &world());
    assert_eq!(status(&service), Status::Successful);
    assert_eq!(service.revisions[0].digest(0), None);
    service.scale(1, at(1000));
    advance(&mut service, at(60_000), &world());
    assert_eq!(counts(&service).running, 1);
    assert_eq!(service.revisions[0].digest(0), None, "until there is another deployment");
    assert_eq!(service.service_deployments.len(), 1, "scaling is no deployment");
}

#[test]
fn bounds_can_leave_no_way_to_go_on() {
    for (desired, minimum, maximum) in [(1, 50, 100), (1, 100, 150), (3, 100, 100)] {
        let mut service = running(desired, minimum, maximum);
        deploy(&mut service, "good2", at(0));
        advance(&mut service, at(LONG), &world());
        assert_eq!(status(&service), Status::InProgress);
        let stuck = |told: &&&str| told.starts_with("was unable to stop or start tasks during");
        assert_eq!(messages(&service).iter().filter(stuck).count(), 1);
    }
}

#[test]
fn little_room_is_used_in_turns() {
    for (minimum, maximum) in [(50, 100), (0, 100), (100, 125), (75, 125), (100, 110)] {
        let mut service = running(10, minimum, maximum);
        deploy(&mut service, "good2", at(0));
        advance(&mut service, at(LONG), &world());
        assert_eq!(status(&service), Status::Successful, "{minimum} {maximum}");
    }
}

#[test]
fn a_task_that_is_stopped_is_replaced() {
    let mut service = running(2, 100, 200);
    service.tasks[0].stop(StopCode::UserInitiated, "maintenance", at(0));
    service.wake(at(0));
    advance(&mut service, at(60_000), &world());
    assert_eq!(counts(&service), Counts { pending: 0, running: 2, live: 2 });
    assert_eq!(service.service_deployments.len(), 1);
    assert_eq!(messages(&service).last(), Some(&"has reached a steady state."));
}

#[test]
fn an_image_that_crashes_late_completes_and_then_loops() {
    let mut service = running(1, 100, 200);
    service.settings.breaker = Some(BREAKER);
    deploy(&mut service, "crash@10000", at(0));
    advance(&mut service, at(20_000), &world());
    assert_eq!(status(&service), Status::Successful);
    advance(&mut service, at(10_300_000), &world());
    assert_eq!(service.deployments[0].rollout, Rollout::Completed);
    assert!(service.tasks.iter().any(|task| !task.is_live()));
    assert_eq!(image(&service), "crash@10000", "the breaker watches deployments only");
}

#[test]
fn other_containers_may_exit_or_fail_their_checks() {
    let container = |name: &str, image: &str, essential| ContainerSpec {
        name: name.to_owned(),
        image: image.to_owned(),
        essential,
        checked: true,
        consistent: true,
    };
    for image in ["crash", "unhealthy"] {
        let mut service = running(1, 100, 200);
        let containers = vec![container("app", "good2", true), container("side", image, false)];
        deploy_containers(&mut service, containers, at(0));
        advance(&mut service, at(20_000), &world());
        assert_eq!(status(&service), Status::Successful, "{image}");
        let task = service.tasks.last().unwrap();
        assert_eq!(task.health(), Health::Healthy);
        assert_eq!(task.containers[1].exit_code, (image == "crash").then_some(1));
    }
    let mut service = running(1, 100, 200);
    let containers = vec![container("app", "good2", true), container("side", "crash", true)];
    deploy_containers(&mut service, containers, at(0));
    advance(&mut service, at(20_000), &world());
    let stopped = |task: &&Task| task.phase == Phase::Stopped && task.revision != Some(0);
    let task = service.tasks.iter().find(stopped).unwrap();
    let codes: Vec<Option<i32>> = task.containers.iter().map(|one| one.exit_code).collect();
    assert_eq!(codes, [Some(143), Some(1)]);
}

#[test]
fn a_missing_image_fails_to_pull_in_ecs_s_words() {
    let mut service = running(1, 100, 200);
    deploy(&mut service, "missing", at(0));
    advance(&mut service, at(10_000), &world());
    let stop = service.tasks.iter().rev().find_map(|task| task.stop.clone()).unwrap();
    assert_eq!(stop.code, StopCode::TaskFailedToStart);
    assert!(stop.reason.starts_with("CannotPullContainerError: "));
    assert!(stop.reason.ends_with("failed to resolve ref missing: missing: not found"));
}

#[test]
fn a_moved_tag_changes_nothing_until_the_next_deployment() {
    let mut service = running(1, 100, 200);
    let mut moved = world();
    moved.add("good", &ids::digest("moved"));
    service.scale(2, at(0));
    advance(&mut service, at(10_000), &moved);
    let digest =
        |service: &ServiceState| service.tasks.last().unwrap().containers[0].digest.clone();
    assert_eq!(digest(&service), Some(ids::digest("good")));
    deploy(&mut service, "good", at(10_000));
    advance(&mut service, at(40_000), &moved);
    assert_eq!(digest(&service), Some(ids::digest("moved")));
}

#[test]
fn tasks_that_run_go_only_as_new_ones_become_healthy() {
    let mut service = running(4, 50, 200);
    deploy(&mut service, "good2", at(0));
    let mut most_new = 0;
    for moment in (0..30_000).step_by(50) {
        advance(&mut service, at(moment), &world());
        let of = |image: &str| {
            let images = |task: &&Task| task.containers[0].spec.image == image && task.is_healthy();
            service.tasks.iter().filter(images).count()
        };
        most_new = most_new.max(of("good2"));
        assert!(of("good") + of("good2") >= 4, "there is room for all new ones at once");
    }
    assert_eq!(most_new, 4);
}

#[test]
fn a_rollback_keeps_the_tasks_that_still_run() {
    let mut service = running(2, 100, 200);
    service.settings.breaker = Some(BREAKER);
    let before: Vec<String> = service.tasks.iter().map(|task| task.id.clone()).collect();
    let started_by = service.tasks[0].started_by.clone();
    deploy(&mut service, "crash", at(0));
    advance(&mut service, at(LONG), &world());
    assert_eq!(status(&service), Status::RollbackSuccessful);
    let live: Vec<&Task> = service.tasks.iter().filter(|task| task.is_live()).collect();
    let ids: Vec<String> = live.iter().map(|task| task.id.clone()).collect();
    assert_eq!(ids, before);
    assert_eq!(live[0].started_by, started_by, "who started a task never changes");
}

#[test]
fn healthy_tasks_set_the_count_of_failures_back_unless_told_otherwise() {
    for (resets, expected) in [(true, Status::InProgress), (false, Status::RollbackSuccessful)] {
        let mut service = running(1, 100, 200);
        service.settings.breaker = Some(Breaker { resets, ..BREAKER });
        // It is healthy for half a second, which is too short to complete.
        deploy(&mut service, "crash@2", at(0));
        advance(&mut service, at(LONG), &world());
        assert_eq!(status(&service), expected, "{resets}");
    }
}

#[test]
fn a_deployment_does_not_complete_with_what_was_there_before_it() {
    let mut service = running(2, 100, 200);
    service.tasks[0].stop(StopCode::UserInitiated, "maintenance", at(0));
    service.disturb(at(0));
    let mut moment = 0;
    while service.settles_at.is_none() {
        moment += 10;
        advance(&mut service, at(moment), &world());
    }
    let settles_at = service.settles_at.unwrap();
    deploy(&mut service, "good2", settles_at - jiff::SignedDuration::from_millis(50));
    advance(&mut service, settles_at, &world());
    assert_eq!(service.deployments[0].rollout, Rollout::InProgress);
    assert_eq!(status(&service), Status::Pending);
}

#[test]
fn time_goes_on_when_the_pace_is_changed() {
    let mut service = running(2, 100, 200);
    deploy(&mut service, "good2", at(0));
    advance(&mut service, at(2000), &world());
    let clock = service.clock;
    let mut quick = world();
    quick.pace.task_start = jiff::SignedDuration::ZERO;
    advance(&mut service, at(2001), &quick);
    let late = service.tasks.iter().filter(|task| task.created_at > START);
    assert!(late.filter_map(|task| task.times.started).all(|moment| moment >= clock));
    let mut told: Vec<Timestamp> = service.events.iter().map(|event| event.at).collect();
    told.reverse();
    assert!(told.is_sorted(), "{told:?}");
    for task in &service.tasks {
        let times = &task.times;
        let lived = [times.pull_started, times.pull_stopped, times.started, times.stopped];
        let lived: Vec<Timestamp> = lived.into_iter().flatten().collect();
        assert!(lived.is_sorted(), "{lived:?}");
    }
}
