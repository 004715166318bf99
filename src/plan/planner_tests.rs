//! Tests of the planner: single cases by table, and the law that a plan carried out leaves
//! nothing to plan.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    model::{ObservedCodeDeploy, ReleasedImage, ServiceId, TaskDefinition, TaskDefinitionArn},
    plan::restart::Restarted,
    plan::test_support::{
        arn, definition, deployment, digest, picture, released, request, service,
    },
};

fn only_step(pictures: Vec<ServicePicture>) -> PlannedStep {
    let mut plan = plan(request(&[("web", released("web:2", 2))], pictures)).unwrap();
    assert_eq!(plan.steps.len(), 1);
    plan.steps.remove(0)
}

#[test]
fn a_new_image_is_registered_published_and_rolled_out() {
    let step = only_step(vec![picture("web:1")]);
    assert!(matches!(&step.revision, Revision::New { base, .. } if *base == arn("web", 1)));
    assert_eq!(step.rollout, Rollout::Update { force: false });
    assert_eq!(step.parameters[0].name.as_str(), "/shop/images/prod/web");
    assert_eq!(step.parameters[0].from.as_deref(), Some("web:1"));
    assert_eq!(step.changes.len(), 1);
    assert_eq!(step.changes[0].path, "containerDefinitions[web].image");
    assert_eq!(step.before.task_definition, Some(arn("web", 1)));
    assert_eq!(step.running.values().next().unwrap().as_str(), "1");
}

#[test]
fn a_one_off_task_comes_before_another_image_and_only_then() {
    let run = crate::model::RunTask {
        command: vec!["migrate".to_owned()],
        container: ContainerName::new("web").unwrap(),
        timeout_seconds: 60,
    };
    let with_task = |picture: ServicePicture| {
        let before_task = Some(run.clone());
        only_step(vec![ServicePicture { before_task, ..picture }]).before_task
    };
    assert_eq!(with_task(picture("web:1")), Some(run.clone()));
    let mut same_image = picture("web:2");
    same_image.observed = service(vec![deployment(1, true, 0, RolloutState::Failed)]);
    assert_eq!(with_task(same_image), None);
    let mut tag_moved = picture("web:2");
    tag_moved.digests = BTreeMap::from([(ContainerName::new("web").unwrap(), digest(9))]);
    assert_eq!(with_task(tag_moved), Some(run));
}

#[test]
fn a_revision_with_the_wanted_content_is_not_registered_again() {
    let mut crashed_after_registering = picture("web:1");
    crashed_after_registering.current = Some(definition("web", 1, &[("web", "web:1")]));
    crashed_after_registering.latest = definition("web", 2, &[("web", "web:2")]);
    let step = only_step(vec![crashed_after_registering]);
    assert_eq!(step.revision, Revision::Existing { task_definition: arn("web", 2) });
    assert_eq!(step.rollout, Rollout::Update { force: false });
    assert_eq!(step.changes[0].to.as_deref(), Some("\"web:2\""));
}

#[test]
fn a_running_rollout_of_the_wanted_revision_is_adopted() {
    let mut moving = picture("web:2");
    moving.observed = service(vec![deployment(1, true, 1, RolloutState::InProgress)]);
    let step = only_step(vec![moving]);
    assert!(matches!(step.rollout, Rollout::Adopt { .. }));
    assert!(step.parameters.is_empty());
}

#[test]
fn a_failed_rollout_and_a_moved_tag_need_force() {
    let mut failed = picture("web:2");
    failed.observed = service(vec![deployment(1, true, 0, RolloutState::Failed)]);
    assert_eq!(only_step(vec![failed]).rollout, Rollout::Update { force: true });

    let mut moved = picture("web:2");
    moved.digests = BTreeMap::from([(ContainerName::new("web").unwrap(), digest(9))]);
    assert_eq!(only_step(vec![moved]).rollout, Rollout::Update { force: true });
}

#[test]
fn a_lost_parameter_is_written_without_touching_the_service() {
    let mut lost = picture("web:2");
    lost.parameters.clear();
    let step = only_step(vec![lost]);
    assert!(matches!(step.rollout, Rollout::Settled { .. }));
    assert_eq!(step.parameters.len(), 1);
}

#[test]
fn what_runs_as_wanted_is_not_touched() {
    let plan = plan(request(&[("web", released("web:2", 2))], vec![picture("web:2")])).unwrap();
    assert!(plan.is_empty());
    assert_eq!(plan.unchanged.len(), 1);
    assert!(plan.warnings.is_empty());
}

#[test]
fn what_nobody_verified_is_verified_without_touching_it() {
    let mut left_alone = picture("web:2");
    left_alone.unverified = true;
    let step = only_step(vec![left_alone]);
    assert!(matches!(step.rollout, Rollout::Settled { .. }));
    assert!(step.parameters.is_empty());
}

#[test]
fn terraforms_own_changes_go_out_knowingly() {
    let mut picture = picture("web:1");
    picture.current = Some(definition("web", 1, &[("web", "web:1")]));
    picture.latest = definition("web", 3, &[("web", "web:1"), ("log", "log:1")]);
    let plan = plan(request(&[("web", released("web:2", 2))], vec![picture])).unwrap();
    let paths: Vec<&str> = plan.steps[0].changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["containerDefinitions[web].image", "containerDefinitions[log]"]);
    assert!(plan.warnings[0].text.contains("the latest ACTIVE revision is web:3"));
}

#[test]
fn all_problems_are_told_at_once() {
    let mut controlled = picture("web:1");
    controlled.observed.controller = DeploymentController::External;
    let mut renamed = picture("web:1");
    renamed.latest = definition("web", 1, &[("app", "web:1")]);
    let refusal =
        plan(request(&[("web", released("web:2", 2))], vec![controlled, renamed])).unwrap_err();
    insta::assert_snapshot!(refusal, @r"
    2 things stand against this deployment
      - service `web` has the deployment controller EXTERNAL
      - service `web` has no container `web` in `web:1`, only `app`
    ");
}

#[test]
fn risky_settings_are_warned_of() {
    let mut risky = picture("web:1");
    risky.observed.circuit_breaker.enabled = false;
    risky.observed.maximum_percent = 100;
    risky.latest.status = crate::model::TaskDefinitionStatus::Inactive;
    risky.drifted = Some(arn("web", 5));
    let mut asked = request(&[("web", released("web:2", 2))], vec![risky]);
    let refusal = plan(asked.clone()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "service `web` cannot replace a task: 2 tasks, minimum healthy 100 %, maximum 100 %"
    );
    asked.insist.on_dead_lock = true;
    let plan = plan(asked).unwrap();
    let texts: Vec<&str> = plan.warnings.iter().map(|warning| warning.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "has no deployment circuit breaker: ECS will not end a failing rollout",
            "cannot replace a task: 2 tasks, minimum healthy 100 %, maximum 100 %",
            "was moved past release-tool: it runs web:1, and web:5 was verified last",
            "runs web:1, which is deregistered: ECS may not be able to go back to it by itself",
        ]
    );
}

#[test]
fn bounds_and_circuit_breaker_are_looked_at_where_ecs_replaces_the_tasks() {
    let mut stuck = picture("web:1");
    stuck.observed.maximum_percent = 100;
    stuck.observed.circuit_breaker.enabled = false;
    let mut asked = request(&[("web", released("web:2", 2))], vec![stuck.clone()]);
    asked.enable_circuit_breaker = true;
    let moves = Rollout::Update { force: false };
    let found = |picture: &ServicePicture| {
        (dead_lock(&asked, picture, &moves).is_some(), turns_breaker_on(&asked, picture, &moves))
    };
    assert_eq!(found(&stuck), (true, true));
    let order = Err("it is not asked here".to_owned());
    stuck.observed.code_deploy = Some(ObservedCodeDeploy { order, last: None, serving: None });
    assert_eq!(found(&stuck), (false, false));
}

#[test]
fn a_restart_that_could_replace_no_task_is_refused() {
    let mut stuck = picture("web:1");
    stuck.observed.maximum_percent = 100;
    let mut asked = request(&[], Vec::new());
    asked.restarts = vec![Restarted { picture: stuck, digests: BTreeMap::new() }];
    let refusal = plan(asked).unwrap_err();
    let [problem] = refusal.problems.as_slice() else { panic!("{refusal}") };
    assert!(matches!(problem, Problem::DeadLocked { .. }), "{problem}");
    assert!(!problem.hint().contains("--force"));
}

#[test]
fn nothing_is_deployed_over_a_rollback_unless_that_is_insisted_on() {
    let mut busy = picture("web:1");
    busy.observed.deployments[0].rollout_state = Some(RolloutState::InProgress);
    busy.observed.deployments[0].rollout_state_reason = "rolling back to ecs-svc/1.".to_owned();
    let mut asked = request(&[("web", released("web:2", 2))], vec![busy]);
    let refusal = plan(asked.clone()).unwrap_err();
    assert!(matches!(refusal.problems[..], [Problem::RollingBack { .. }]), "{refusal}");
    asked.insist.on_rollback = true;
    let plan = plan(asked).unwrap();
    assert!(plan.warnings[0].text.starts_with("is being rolled back by ECS"));
}

#[test]
fn the_circuit_breaker_is_turned_on_only_where_that_is_asked_for_and_something_moves() {
    let off = |image: &str| {
        let mut picture = picture(image);
        picture.observed.circuit_breaker.rollback = false;
        picture
    };
    let step_of = |picture: ServicePicture, asks: bool| {
        let mut asked = request(&[("web", released("web:2", 2))], vec![picture]);
        asked.enable_circuit_breaker = asks;
        let plan = plan(asked).unwrap();
        (plan.steps.first().cloned(), plan.warnings)
    };
    let (step, warnings) = step_of(off("web:1"), true);
    let step = step.unwrap();
    assert!(step.target.enable_circuit_breaker && step.circuit_breaker);
    let change = step.changes.last().unwrap();
    assert_eq!(change.path, "deploymentConfiguration.deploymentCircuitBreaker");
    assert_eq!(change.from.as_deref(), Some(r#"{"enable":true,"rollback":false}"#));
    assert_eq!(change.to.as_deref(), Some(r#"{"enable":true,"rollback":true}"#));
    assert!(warnings[0].hint.contains("Terraform"), "{warnings:?}");

    for (picture, asks) in [(off("web:1"), false), (picture("web:1"), true)] {
        let (step, _) = step_of(picture, asks);
        assert!(!step.unwrap().target.enable_circuit_breaker);
    }
    assert_eq!(step_of(off("web:2"), true).0, None, "nothing moves");
}

/// What AWS holds after the step succeeded.
fn carried_out(mut picture: ServicePicture, step: &PlannedStep) -> ServicePicture {
    let running = match &step.revision {
        Revision::Existing { .. } | Revision::None => picture.latest.clone(),
        Revision::New { base, request, .. } => {
            let next = u64::from(base.revision()) + 1;
            TaskDefinition {
                arn: arn(base.family(), next),
                document: request.clone(),
                ..picture.latest.clone()
            }
        }
    };
    let mut primary = deployment(77, true, 2, RolloutState::Completed);
    primary.task_definition = Some(running.arn.clone());
    picture.observed = service(vec![primary]);
    picture.latest = running;
    picture.current = None;
    let runs = step.digests.iter();
    picture.digests =
        runs.map(|(name, all)| (name.clone(), all.first().unwrap().clone())).collect();
    for change in &step.parameters {
        picture.parameters.insert(change.image.clone(), change.to.clone().unwrap());
    }
    picture
}

/// A service with up to 3 containers, anywhere in its life.
fn any_picture(name: usize) -> impl Strategy<Value = ServicePicture> {
    let states = prop_oneof![
        Just(RolloutState::Completed),
        Just(RolloutState::InProgress),
        Just(RolloutState::Failed)
    ];
    (prop::collection::vec((0..4u8, 0..3u8), 1..4), 1..4u64, any::<bool>(), states, 0..3u8)
        .prop_map(move |(containers, revision, behind, state, parameter)| {
            let service_id = ServiceId::new(format!("s{name}")).unwrap();
            let images: Vec<(String, String)> = containers
                .iter()
                .enumerate()
                .map(|(at, (image, tag))| (format!("c{at}"), format!("i{image}:{tag}")))
                .collect();
            let borrowed: Vec<(&str, &str)> =
                images.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            let latest = definition(service_id.as_str(), revision, &borrowed);
            let current = behind.then(|| definition(service_id.as_str(), revision + 1, &borrowed));
            let mut primary = deployment(1, true, 2, state);
            primary.task_definition =
                Some(current.as_ref().map_or(&latest, |current| current).arn.clone());
            ServicePicture {
                service: service_id,
                selected: true,
                containers: containers
                    .iter()
                    .enumerate()
                    .map(|(at, (image, _))| {
                        let container = ContainerName::new(format!("c{at}")).unwrap();
                        (container, ImageId::new(format!("i{image}")).unwrap())
                    })
                    .collect(),
                before_task: None,
                unverified: false,
                observed: service(vec![primary]),
                latest,
                current,
                drifted: None,
                parameters: BTreeMap::from([(
                    ImageId::new("i0").unwrap(),
                    format!("i0:{parameter}"),
                )]),
                digests: BTreeMap::new(),
            }
        })
}

proptest! {
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_plan(
        pictures in (any_picture(0), any_picture(1), any_picture(2))
            .prop_map(|(a, b, c)| vec![a, b, c]),
        tags in prop::collection::vec(0..3u8, 4),
    ) {
        let wanted: Vec<(String, ReleasedImage)> = tags
            .iter()
            .enumerate()
            .map(|(at, tag)| (format!("i{at}"), released(&format!("i{at}:{tag}"), *tag)))
            .collect();
        let wanted: Vec<(&str, ReleasedImage)> =
            wanted.iter().map(|(id, image)| (id.as_str(), image.clone())).collect();
        let first = plan(request(&wanted, pictures.clone())).unwrap();
        let after = pictures
            .into_iter()
            .map(|picture| match first.steps.iter().find(|s| s.service == picture.service) {
                Some(step) => carried_out(picture, step),
                None => picture,
            })
            .collect();
        let second = plan(request(&wanted, after)).unwrap();
        prop_assert!(second.is_empty(), "{:?}", second.steps);
        let known: Vec<&TaskDefinitionArn> =
            second.unchanged.iter().map(|service| &service.task_definition).collect();
        prop_assert_eq!(known.len(), 3);
    }
}
