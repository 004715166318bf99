//! What is proof, and what is none.

use super::*;
use crate::model::{ClusterName, Digest, EcsServiceName, ServiceId, StepBefore, StepTarget};
use crate::plan::Revision;

fn arn(revision: u64) -> TaskDefinitionArn {
    let text = format!("arn:aws:ecs:eu-west-1:000000000000:task-definition/web:{revision}");
    TaskDefinitionArn::parse(&text).unwrap()
}

fn digest(seed: u8) -> Digest {
    Digest::parse(&format!("sha256:{}", format!("{seed:02x}").repeat(32))).unwrap()
}

fn container() -> ContainerName {
    ContainerName::new("web").unwrap()
}

/// A step that moves `web` to `web:2`, whose image is to have digest 2.
fn step(rollout: Rollout) -> PlannedStep {
    PlannedStep {
        service: ServiceId::new("web").unwrap(),
        selected: true,
        restart: false,
        target: StepTarget {
            cluster: ClusterName::new("prod").unwrap(),
            ecs_service: EcsServiceName::new("web").unwrap(),
            containers: BTreeMap::new(),
            images: BTreeMap::new(),
            enable_circuit_breaker: false,
        },
        before_task: None,
        skipped_task: None,
        answers_for: None,
        before: StepBefore::default(),
        running: BTreeMap::new(),
        revision: Revision::Existing { task_definition: arn(2) },
        changes: Vec::new(),
        parameters: Vec::new(),
        rollout,
        digests: BTreeMap::from([(container(), BTreeSet::from([digest(2)]))]),
        desired: 2,
        circuit_breaker: true,
        strategy: crate::model::Strategy::default(),
        code_deploy: None,
    }
}

/// Tasks of ours that run a digest, beside others.
fn tasks(count: usize, seed: u8, others: &[u64]) -> RunningTasks {
    RunningTasks {
        count,
        digests: BTreeMap::from([(container(), BTreeSet::from([digest(seed)]))]),
        without_digest: BTreeSet::new(),
        others: others
            .iter()
            .map(|revision| OtherTask {
                id: "old".to_owned(),
                task_definition: Some(arn(*revision)),
            })
            .collect(),
    }
}

/// What ECS resolved.
fn revision(seed: u8) -> ServiceRevision {
    ServiceRevision {
        id: ServiceRevisionId::new("arn:aws:ecs:eu-west-1:0:service-revision/prod/web/2"),
        task_definition: Some(arn(2)),
        digests: BTreeMap::from([(container(), digest(seed))]),
    }
}

fn proof(rollout: Rollout, tasks: &RunningTasks, desired: i32) -> Option<Proof> {
    compare((&step(rollout), &arn(2)), None, (Some(tasks), desired))
}

const UPDATE: Rollout = Rollout::Update { force: false };

#[test]
fn all_wanted_tasks_must_run_the_release_and_nothing_old() {
    let verified = Some(Proof::of(Verdict::Verified));
    assert_eq!(proof(UPDATE, &tasks(2, 2, &[]), 2), verified);
    assert_eq!(proof(UPDATE, &tasks(1, 2, &[]), 2), None, "a task is missing");
    assert_eq!(proof(UPDATE, &tasks(2, 2, &[1]), 2), None, "an old task runs");
    let other = proof(UPDATE, &tasks(2, 9, &[]), 2).unwrap();
    assert!(matches!(other.verdict, Verdict::Failed { .. }), "{other:?}");
}

#[test]
fn the_same_revision_from_before_is_old_only_where_it_is_deployed_anew() {
    let again = tasks(2, 2, &[2]);
    assert!(proof(UPDATE, &again, 2).is_some());
    assert_eq!(proof(Rollout::Update { force: true }, &again, 2), None);
    let settled = Rollout::Settled { ecs_deployment: None };
    assert!(proof(settled.clone(), &tasks(0, 2, &[2, 2]), 2).is_some());
    assert_eq!(proof(settled, &tasks(0, 2, &[2, 1]), 2), None);
}

#[test]
fn without_a_digest_success_says_that_no_image_was_compared() {
    let mut step = step(UPDATE);
    step.target.containers.insert(container(), "web".parse().unwrap());
    assert_eq!(without_digests(&step), None);
    step.digests.clear();
    let ran = tasks(2, 9, &[]);
    let unknown = without_digests(&step);
    let proof = compare((&step, &arn(2)), None, (Some(&ran), 2)).unwrap().but_for(unknown.clone());
    assert_eq!(proof.verdict, Verdict::Verified);
    assert!(proof.note.unwrap().starts_with("the release has no digest for `web`, so only"));
    let failed = Proof::of(Verdict::Failed { reason: String::new() });
    assert_eq!(failed.clone().but_for(unknown), failed);
}

#[test]
fn without_tasks_success_says_what_it_does_not_prove() {
    let none = RunningTasks::default();
    let unproven = proof(UPDATE, &none, 0).unwrap();
    assert_eq!(unproven.verdict, Verdict::Verified);
    assert!(unproven.note.unwrap().ends_with("scaled up and deployed again"));
    let compared =
        |seed| compare((&step(UPDATE), &arn(2)), Some(&revision(seed)), (Some(&none), 0)).unwrap();
    assert!(compared(2).note.unwrap().ends_with("to the release's digests"));
    assert!(matches!(compared(9).verdict, Verdict::Failed { .. }));
}
