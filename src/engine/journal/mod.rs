//! The record of a deployment while it is carried out.
//!
//! A step is written before its first effect (INTENT, or COMPENSATING on the way back, with what
//! was there before) and after each effect, so that whoever comes later knows what may have been
//! done. Every write is under the lease. When the store cannot be written any more, nothing more
//! is begun, and how what was begun ends goes into a local file.

mod closing;

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use jiff::Timestamp;

pub use self::closing::record_end;
use super::{course::Direction, error::EngineError, escape::EscapeFile, heads::head_of};
use crate::{
    backend::store::{
        Ledger, StoreError,
        ledger::{DeploymentKey, Lease},
    },
    model::{
        CancelRequest, Compensation, Deployment, DeploymentKind, EcsDeploymentId, Evidence,
        ImageId, ObservedService, ReleasedImage, Seen, ServiceHead, Step, StepBefore, StepStatus,
        TaskDefinitionArn, TimelineEntry, Verdict, VerifiedHead,
    },
};

/// The deployment being carried out, in memory and in the store.
pub(super) struct Journal<'a> {
    /// The store's records.
    ledger: &'a Ledger,
    /// What every write is under.
    lease: &'a Lease,
    /// The clock.
    now: fn() -> Timestamp,
    /// The deployment as last written.
    deployment: Mutex<Deployment>,
    /// The images of the release.
    images: BTreeMap<ImageId, ReleasedImage>,
    /// Where the record goes when the store is away.
    escape: EscapeFile,
    /// Who had the work stop.
    stopped_by: OnceLock<CancelRequest>,
}

/// What became of the wish to begin a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Begin {
    /// It is written down; its effects may follow.
    Yes,
    /// Somebody wishes that the deployment stops.
    Cancelled(CancelRequest),
    /// The store cannot be written, so nothing is begun.
    NoRecord(String),
}

impl<'a> Journal<'a> {
    /// Takes over a deployment that is recorded.
    pub(super) fn new(
        (ledger, lease): (&'a Ledger, &'a Lease),
        now: fn() -> Timestamp,
        deployment: Deployment,
        images: BTreeMap<ImageId, ReleasedImage>,
        escape: EscapeFile,
    ) -> Self {
        let (deployment, stopped_by) = (Mutex::new(deployment), OnceLock::new());
        Self { ledger, lease, now, deployment, images, escape, stopped_by }
    }

    /// The deployment as last written.
    pub(super) fn deployment(&self) -> Deployment {
        self.read(Clone::clone)
    }

    /// The steps as last written.
    pub(super) fn steps(&self) -> Vec<Step> {
        self.read(|deployment| deployment.steps.clone())
    }

    /// One step as last written.
    pub(super) fn step(&self, position: usize) -> Option<Step> {
        self.read(|deployment| deployment.steps.get(position).cloned())
    }

    /// The file that the rest of the record went into, if the store was away.
    pub(super) fn escaped_to(&self) -> Option<std::path::PathBuf> {
        self.escape.written()
    }

    /// Keeps who had the work stop; the first stays.
    pub(super) fn stopped_by(&self, request: CancelRequest) {
        drop(self.stopped_by.set(request));
    }

    /// Who had the work stop.
    pub(super) fn who_stopped(&self) -> Option<CancelRequest> {
        self.stopped_by.get().cloned()
    }

    /// Reads the deployment.
    fn read<T>(&self, look: impl FnOnce(&Deployment) -> T) -> T {
        look(&self.deployment.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes that a step's first effect is about to be asked for. What was there before is written
    /// once: a step that is taken up again keeps it.
    pub(super) async fn begin(
        &self,
        position: usize,
        (direction, before): (Direction, &StepBefore),
    ) -> Result<Begin, EngineError> {
        self.begin_as(position, (direction, before), None).await
    }

    /// Writes that ECS is about to be asked to roll a step's rollout back: the service deployment
    /// with this ARN.
    pub(super) async fn begin_stopping(
        &self,
        position: usize,
        before: &StepBefore,
        deployment: &str,
    ) -> Result<Begin, EngineError> {
        self.begin_as(position, (Direction::Back, before), Some(deployment)).await
    }

    /// Writes that a step begins, in one of these ways.
    async fn begin_as(
        &self,
        position: usize,
        (direction, before): (Direction, &StepBefore),
        stopping: Option<&str>,
    ) -> Result<Begin, EngineError> {
        let Some(mut step) = self.step(position) else { return Ok(Begin::Yes) };
        let (expected, at) = (step.status, (self.now)());
        let text = match (direction, expected) {
            (Direction::Forward, StepStatus::Pending) => "begun",
            (Direction::Back, status) if status != StepStatus::Compensating => "begun to go back",
            _ => "taken up again",
        };
        match direction {
            Direction::Forward => {
                step.started_at.get_or_insert(at);
                step.verdict = None;
                step.note = None;
                if expected == StepStatus::Pending {
                    step.status = StepStatus::Intent;
                }
            }
            Direction::Back => {
                step.status = StepStatus::Compensating;
                let begun = || Compensation {
                    before: before.clone(),
                    started_at: Some(at),
                    ..Compensation::default()
                };
                let back = step.compensation.get_or_insert_with(begun);
                back.verdict = None;
                if let Some(deployment) = stopping {
                    back.stopped = Some(deployment.to_owned());
                }
            }
        }
        if self.escape.is_open() {
            return Ok(Begin::NoRecord("the record cannot be written".to_owned()));
        }
        match self.store(position, &step, (expected, text)).await {
            Ok(()) => {
                self.remember(position, step.clone());
                self.write_head(&step).await?;
                Ok(Begin::Yes)
            }
            Err(StoreError::CancelRequested(request)) => Ok(Begin::Cancelled(*request)),
            Err(error) => self.unavailable(error).map(|why| Begin::NoRecord(why.to_string())),
        }
    }

    /// Writes which revision a step moves to.
    pub(super) async fn ready(
        &self,
        position: usize,
        direction: Direction,
        (arn, registered): (&TaskDefinitionArn, bool),
    ) -> Result<(), EngineError> {
        let what = if registered { "registered" } else { "found" };
        let text = format!("{what} {}", arn.short());
        self.change(position, &text, |step| match direction {
            Direction::Forward => {
                step.registered |= registered;
                step.task_definition = Some(arn.clone());
            }
            Direction::Back => {
                if let Some(back) = &mut step.compensation {
                    back.registered |= registered;
                    back.task_definition = Some(arn.clone());
                }
            }
        })
        .await
    }

    /// Writes that a service was told to move.
    pub(super) async fn applied(
        &self,
        position: usize,
        direction: Direction,
        (arn, ours): (&TaskDefinitionArn, &EcsDeploymentId),
    ) -> Result<(), EngineError> {
        let text = format!("{ours} moves it to {}", arn.short());
        self.change(position, &text, |step| match direction {
            Direction::Forward => {
                step.status = StepStatus::Applied;
                step.task_definition = Some(arn.clone());
                step.ecs_deployment = Some(ours.clone());
                step.verdict = None;
            }
            Direction::Back => {
                if let Some(back) = &mut step.compensation {
                    back.task_definition = Some(arn.clone());
                    back.ecs_deployment = Some(ours.clone());
                    back.verdict = None;
                }
            }
        })
        .await?;
        match self.step(position) {
            Some(step) => self.write_head(&step).await,
            None => Ok(()),
        }
    }

    /// Writes how a step ended. An end that nobody knows ends nothing: the step keeps its status,
    /// and is looked at again when the deployment is resumed.
    pub(super) async fn end(
        &self,
        position: usize,
        direction: Direction,
        (verdict, evidence): (Verdict, Option<Evidence>),
    ) -> Result<(), EngineError> {
        let at = (self.now)();
        let text = verdict.word().to_owned();
        self.change(position, &text, |step| match direction {
            Direction::Forward => {
                step.status = forward_end(step.status, &verdict);
                step.verdict = Some(verdict);
                step.evidence = evidence;
                step.finished_at = Some(at);
            }
            Direction::Back => {
                let back = step.compensation.get_or_insert_default();
                step.status = back_end(&verdict);
                back.verdict = Some(verdict);
                back.evidence = evidence;
                back.finished_at = Some(at);
            }
        })
        .await
    }

    /// What was found out about a rollout that has no verdict yet, as far as it is of this one.
    pub(super) fn kept(
        &self,
        position: usize,
        direction: Direction,
        ours: &EcsDeploymentId,
    ) -> Option<Evidence> {
        let step = self.step(position)?;
        let (of, evidence) = match direction {
            Direction::Forward => (step.ecs_deployment, step.evidence),
            Direction::Back => {
                let back = step.compensation?;
                (back.ecs_deployment, back.evidence)
            }
        };
        evidence.filter(|_| of.as_ref() == Some(ours))
    }

    /// Writes what was found out about a rollout that goes on. It is no effect: where the store is
    /// away, it is written with the step's end.
    pub(super) async fn keep(
        &self,
        position: usize,
        direction: Direction,
        evidence: &Evidence,
    ) -> Result<(), EngineError> {
        let Some(mut step) = self.step(position) else { return Ok(()) };
        let expected = step.status;
        let place = match direction {
            Direction::Forward => &mut step.evidence,
            Direction::Back => &mut step.compensation.get_or_insert_default().evidence,
        };
        let cause = |one: &Evidence| one.diagnosis.first().map(|first| first.text.clone());
        let (known, found) = (place.as_ref().and_then(cause), cause(evidence));
        if place.as_ref() == Some(evidence) {
            return Ok(());
        }
        *place = Some(evidence.clone());
        let text = found.filter(|found| known.as_ref() != Some(found));
        let text = text.map(|text| format!("in trouble: {text}")).unwrap_or_default();
        if !self.escape.is_open()
            && let Err(error) = self.store(position, &step, (expected, &text)).await
        {
            drop(self.unavailable(error)?);
        }
        self.remember(position, step);
        Ok(())
    }

    /// Keeps how a step's service was seen; what is written of the step next has it.
    pub(super) fn saw(&self, position: usize, service: &ObservedService) {
        let seen = Seen::of(service, (self.now)());
        let mut deployment = self.deployment.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = deployment.steps.get_mut(position) {
            step.seen = Some(seen);
        }
    }

    /// Writes what the success of a step does not prove.
    pub(super) async fn note(&self, position: usize, note: &str) -> Result<(), EngineError> {
        self.change(position, note, |step| step.note = Some(note.to_owned())).await
    }

    /// Changes one step after something was done: in the store, or in the local file where the
    /// store is away.
    pub(super) async fn change(
        &self,
        position: usize,
        text: &str,
        change: impl FnOnce(&mut Step),
    ) -> Result<(), EngineError> {
        let Some(mut step) = self.step(position) else { return Ok(()) };
        let expected = step.status;
        change(&mut step);
        if !self.escape.is_open() {
            match self.store(position, &step, (expected, text)).await {
                Ok(()) => {
                    self.remember(position, step);
                    return Ok(());
                }
                Err(error) => drop(self.unavailable(error)?),
            }
        }
        let deployment = self.deployment();
        self.escape.step(&deployment, position, &step).map_err(EngineError::NoEscape)?;
        self.remember(position, step);
        Ok(())
    }

    /// Writes a step into the store, with what is told of it, if anything is.
    async fn store(
        &self,
        position: usize,
        step: &Step,
        (expected, text): (StepStatus, &str),
    ) -> Result<(), StoreError> {
        let key = self.read(DeploymentKey::of);
        let service = Some(step.service.clone());
        let note = TimelineEntry { at: (self.now)(), service, text: text.to_owned() };
        let notes = if text.is_empty() { &[][..] } else { std::slice::from_ref(&note) };
        self.ledger.record_step(self.lease, &key, position, step, expected, notes).await
    }

    /// Keeps a step as it was written.
    fn remember(&self, position: usize, written: Step) {
        let mut deployment = self.deployment.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = deployment.steps.get_mut(position) {
            *step = written;
        }
    }

    /// Why the store is away; every other error of it ends the work.
    fn unavailable(&self, error: StoreError) -> Result<StoreError, EngineError> {
        match error {
            StoreError::Unavailable { .. } => Ok(error),
            StoreError::LeaseLost { .. } => Err(EngineError::LeaseLost { source: error }),
            error => Err(self.lost(error)),
        }
    }

    /// Writes the head of a step's service, so that whoever looks meanwhile, or after a crash, sees
    /// who touched the service last. A store that is away keeps the one it has.
    async fn write_head(&self, step: &Step) -> Result<(), EngineError> {
        let deployment = self.deployment();
        if self.escape.is_open() || deployment.kind == DeploymentKind::Register || step.restart {
            return Ok(());
        }
        let key = DeploymentKey::of(&deployment);
        let head = self.head(&deployment, step, (None, (self.now)()));
        match self.ledger.record_heads(self.lease, &key, &[head]).await {
            Ok(_overtaken) => Ok(()),
            Err(error) => self.unavailable(error).map(drop),
        }
    }

    /// The head of one service.
    fn head(
        &self,
        deployment: &Deployment,
        step: &Step,
        (earlier, at): (Option<VerifiedHead>, Timestamp),
    ) -> ServiceHead {
        head_of((deployment, step), &self.images, (earlier, at))
    }

    /// A store that fails in the middle: says what was changed by then.
    fn lost(&self, source: StoreError) -> EngineError {
        let (deployment, changed) = self.read(|deployment| {
            let started: Vec<&str> = deployment
                .steps
                .iter()
                .filter(|step| step.started_at.is_some())
                .map(|step| step.service.as_str())
                .collect();
            let changed = match started.as_slice() {
                [] => "nothing was changed".to_owned(),
                some => format!("changes were begun at {}", some.join(", ")),
            };
            (deployment.number, changed)
        });
        EngineError::RecordLost { deployment, changed, source }
    }
}

/// The status of a step that ended on its way forward.
fn forward_end(now: StepStatus, verdict: &Verdict) -> StepStatus {
    match verdict {
        Verdict::Verified => StepStatus::Verified,
        Verdict::NotStarted { .. } if now == StepStatus::Pending => StepStatus::Skipped,
        verdict if verdict.is_in_doubt() => now,
        _ => StepStatus::Failed,
    }
}

/// The status of a step that ended on its way back.
fn back_end(verdict: &Verdict) -> StepStatus {
    match verdict {
        Verdict::Verified => StepStatus::Compensated,
        verdict if verdict.is_in_doubt() => StepStatus::Compensating,
        _ => StepStatus::CompensateFailed,
    }
}
