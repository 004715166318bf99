//! Local files that are brought in again, and too late.

use std::{collections::BTreeSet, sync::Arc};

use super::*;
use crate::{
    backend::{
        escape::EscapeWriter,
        store::{
            SqliteStore,
            ledger::{Acquired, LockRequest, NewDeployment, NewRelease},
        },
    },
    model::{
        Actor, DeploymentKind, EcsServiceName, ImageUri, OnFailure, ReleasedImage, Selection,
        StepBefore, StepStatus, StepTarget, Verdict,
    },
};

/// A deployment of two services whose store went away after the first was told to move.
struct Place {
    folder: tempfile::TempDir,
    ledger: Ledger,
    lease: Lease,
    deployment: Deployment,
}

/// A lease of all of prod.
async fn lease(ledger: &Ledger) -> Lease {
    let request = LockRequest {
        project: &"cat".parse().unwrap(),
        environment: &"prod".parse().unwrap(),
        selection: &Selection::All,
        services: &BTreeSet::new(),
        by: &Actor::default(),
        process: None,
        reason: None,
        is_gone: &|_| false,
        preempt: Some(DeploymentNumber(1)),
    };
    match ledger.acquire(&request).await.unwrap() {
        Acquired::Lease(lease) => lease,
        Acquired::Held(held) => panic!("{held:?}"),
    }
}

fn step(service: &str) -> Step {
    let target = StepTarget {
        cluster: "main".parse().unwrap(),
        ecs_service: EcsServiceName::new(service).unwrap(),
        containers: BTreeMap::new(),
        images: BTreeMap::new(),
        enable_circuit_breaker: false,
    };
    Step::new(service.parse().unwrap(), target, StepBefore::default())
}

/// A step that got further.
fn with(step: &Step, status: StepStatus) -> Step {
    let verdict = (status == StepStatus::Verified).then_some(Verdict::Verified);
    Step { status, verdict, ..step.clone() }
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
        let ledger = Ledger::new(Arc::new(store));
        let lease = lease(&ledger).await;
        let uri = ImageUri::parse("example.com/app:v1").unwrap();
        let image = ReleasedImage { release_hash: uri.release_hash(), uri, digest: None };
        let release = NewRelease {
            project: "cat".parse().unwrap(),
            selection: Selection::All,
            images: BTreeMap::from([("app".parse().unwrap(), image)]),
            actor: Actor::default(),
            description: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let release = ledger.record_release(release).await.unwrap().0;
        let new = NewDeployment {
            project: release.project,
            environment: "prod".parse().unwrap(),
            selection: Selection::All,
            release: release.number,
            kind: DeploymentKind::Deploy,
            actor: Actor::default(),
            description: None,
            at: Timestamp::UNIX_EPOCH,
            tool_version: String::new(),
            on_failure: OnFailure::Hold,
            settle_seconds: 0,
            from_release: None,
            steps: vec![step("web"), step("worker")],
        };
        let mut deployment = ledger.start_deployment(&lease, new).await.unwrap();
        let key = DeploymentKey::of(&deployment);
        for (position, step) in deployment.steps.iter_mut().enumerate() {
            step.status = StepStatus::Intent;
            let pending = StepStatus::Pending;
            ledger.record_step(&lease, &key, position, step, pending, &[]).await.unwrap();
        }
        Self { folder, ledger, lease, deployment }
    }

    /// The lines of a run that saw both services through.
    fn lines(&self) -> Vec<Line> {
        use StepStatus::{Applied, Verified};
        let of = |position: usize, status| Line::Step {
            position,
            step: Box::new(with(&self.deployment.steps[position], status)),
        };
        let status =
            Line::Status { status: DeploymentStatus::Succeeded, at: Timestamp::UNIX_EPOCH };
        vec![of(0, Applied), of(1, Applied), of(0, Verified), of(1, Verified), status]
    }

    /// The head and the lines of a file as it is written and read.
    fn file(&self, lines: &[Line]) -> (Head, Vec<Line>) {
        let fence = self.lease.fence();
        let mut writer = EscapeWriter::create(self.folder.path(), &self.deployment, fence).unwrap();
        for line in lines {
            writer.write(line).unwrap();
        }
        let read = escape::read(writer.path()).unwrap();
        escape::remove(writer.path()).unwrap();
        read
    }

    /// Brings lines in, under a lease of its own.
    async fn push(&self, lines: &[Line]) -> Result<Pushed, OpError> {
        let (head, lines) = self.file(lines);
        let lease = lease(&self.ledger).await;
        let done = write(&self.ledger, &lease, (&head, &Last::of(&lines))).await;
        self.ledger.release(&lease).await.unwrap();
        done
    }

    /// The deployment as it is in the store.
    async fn stored(&self) -> Deployment {
        let Deployment { project, number, .. } = &self.deployment;
        self.ledger.deployment(project, *number).await.unwrap()
    }
}

#[tokio::test]
async fn wherever_it_was_broken_off_it_can_be_repeated() {
    for written in 0..=5 {
        let place = Place::new().await;
        let lines = place.lines();
        place.push(&lines[..written]).await.unwrap();
        let pushed = place.push(&lines).await.unwrap();
        assert_eq!(pushed.status, DeploymentStatus::Succeeded, "{written}");
        let stored = place.stored().await;
        assert_eq!(stored.status, DeploymentStatus::Succeeded, "{written}");
        assert!(stored.steps.iter().all(|step| step.status == StepStatus::Verified), "{written}");
        assert_eq!(place.push(&lines).await.unwrap().changes, 0, "{written}");
        // A file that is older than what is there takes nothing back.
        let before = place.stored().await;
        place.push(&lines[..2]).await.unwrap_err();
        assert_eq!(place.stored().await, before, "{written}");
    }
}

#[tokio::test]
async fn what_somebody_went_on_with_is_left_alone() {
    let place = Place::new().await;
    let ann = lease(&place.ledger).await;
    let key = DeploymentKey::of(&place.deployment);
    place.ledger.adopt(&ann, &key).await.unwrap();
    let before = place.stored().await;
    let error = place.push(&place.lines()).await.unwrap_err();
    assert!(matches!(error, OpError::GoneOnSince { .. }), "{error:?}");
    assert_eq!(place.stored().await, before);
    // What is there already is no matter of who wrote it.
    assert_eq!(place.push(&[]).await.unwrap().changes, 0);
}

#[test]
fn a_step_only_gets_further() {
    use StepStatus::{Applied, Intent, Verified};
    let of = |status| with(&step("web"), status);
    assert!(is_further(&of(Intent), &of(Verified)));
    assert!(!is_further(&of(Verified), &of(Applied)));
    assert!(!is_further(&of(Verified), &of(Verified)));
    let timed_out = Step {
        verdict: Some(Verdict::TimedOut { seconds: 1, last_seen: String::new() }),
        ..of(Applied)
    };
    assert!(is_further(&of(Applied), &timed_out));
    assert!(!is_further(&timed_out, &of(Applied)));
}
