//! What each fate looks like from outside: stop codes, reasons, exit codes and events.

use super::{
    Phase, StopCode, Task, advance,
    placement::Capacity,
    record::Status,
    testing::{BREAKER, at, deploy, image, messages, running, status, world},
};

/// A service whose deployment of an image ended, and the latest task of it that stopped.
fn ended(image: &str, is_balanced: bool) -> (super::ServiceState, Task) {
    let mut service = running(1, 100, 200);
    service.settings.breaker = Some(BREAKER);
    if is_balanced {
        service.settings.target_groups = vec!["arn:targetgroup/web/1".to_owned()];
        service.settings.target_port = 8080;
    }
    deploy(&mut service, image, at(0));
    advance(&mut service, at(120_000), &world());
    let is_it = |task: &&Task| task.phase == Phase::Stopped && task.definition.contains(image);
    let task = service.tasks.iter().rev().find(is_it).cloned().unwrap();
    (service, task)
}

#[test]
fn each_fate_ends_a_task_in_its_own_way() {
    use StopCode::{EssentialContainerExited, ServiceSchedulerInitiated, TaskFailedToStart};
    for (image, code, exit, words) in [
        ("oom", EssentialContainerExited, Some(137), "Essential container in task exited"),
        ("exec-format", EssentialContainerExited, Some(1), "Essential container in task exited"),
        ("wrong-platform", TaskFailedToStart, None, "CannotPullContainerError: "),
        (
            "no-secret",
            TaskFailedToStart,
            None,
            "ResourceInitializationError: unable to pull secrets",
        ),
        (
            "target-unhealthy",
            ServiceSchedulerInitiated,
            Some(143),
            "Task failed ELB health checks in (target-group arn:targetgroup/web/1)",
        ),
    ] {
        let (service, task) = ended(image, image == "target-unhealthy");
        assert_eq!(status(&service), Status::RollbackSuccessful, "{image}");
        let stop = task.stop.unwrap();
        assert_eq!((stop.code, task.containers[0].exit_code), (code, exit), "{image}");
        assert!(stop.reason.starts_with(words), "{}", stop.reason);
    }
    let (_, task) = ended("oom", false);
    let reason = task.containers[0].reason.as_deref();
    assert_eq!(reason, Some("OutOfMemoryError: Container killed due to memory usage"));
    let (service, _) = ended("target-unhealthy", true);
    let told = messages(&service);
    let told = told.iter().find(|told| told.contains("is unhealthy in")).unwrap();
    assert!(told.ends_with(
        "(port 8080) is unhealthy in (target-group arn:targetgroup/web/1) due to (reason Health \
         checks failed with these codes: [502])."
    ));
}

#[test]
fn without_a_target_group_nobody_asks() {
    let mut service = running(1, 100, 200);
    deploy(&mut service, "target-unhealthy", at(0));
    advance(&mut service, at(120_000), &world());
    assert_eq!(status(&service), Status::Successful);
}

#[test]
fn a_role_that_cannot_be_assumed_keeps_tasks_from_starting() {
    let mut service = running(2, 100, 200);
    service.settings.breaker = Some(BREAKER);
    deploy(&mut service, "no-role", at(0));
    advance(&mut service, at(600_000), &world());
    assert_eq!(status(&service), Status::InProgress, "no task failed");
    assert_eq!(service.tasks.len(), 2, "no task was started");
    let told = messages(&service);
    let told: Vec<_> = told.iter().filter(|told| told.starts_with("failed to launch")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    deploy(&mut service, "good2", at(600_000));
    advance(&mut service, at(660_000), &world());
    assert_eq!(status(&service), Status::Successful);
}

#[test]
fn without_room_no_task_starts_until_there_is_room_again() {
    let mut service = running(2, 100, 200);
    service.placement.capacity = Capacity::None;
    deploy(&mut service, "good2", at(0));
    advance(&mut service, at(600_000), &world());
    assert_eq!((status(&service), image(&service)), (Status::InProgress, "good2"));
    assert_eq!(service.tasks.len(), 2);
    let told = messages(&service);
    let placing = |told: &&&str| told.starts_with("was unable to place a task. Reason: Capacity");
    assert_eq!(told.iter().filter(placing).count(), 1);
    service.placement.capacity = Capacity::Normal;
    service.disturb(at(600_000));
    advance(&mut service, at(660_000), &world());
    assert_eq!(status(&service), Status::Successful);
}
