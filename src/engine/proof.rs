//! What proves that a rollout does not go well: when it is collected, and what it means.
//!
//! Invariant: it is collected when the first task fails, when the rollout fails, and at its end, and
//! what was seen earlier is kept, since AWS forgets: in the record, too, so that whoever goes on with
//! the deployment has it. What fails stops the others before it is collected, and of all services
//! together it takes no longer than of one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::{
    Engine,
    error::EngineError,
    follow::{Judged, Seen, target_of},
    rollouts::Moving,
    run::Run,
    verify,
};
use crate::{
    backend::platform::ecs::{Collected, TaskEnd},
    model::{Event, Evidence, Gap, ObservedService, ServiceDeployment, ServiceEvent, Verdict},
    plan::{Judgement, PlannedStep, diagnose},
};

/// How long until evidence is collected anew while a rollout only has trouble.
const AGAIN_AFTER: Duration = Duration::from_secs(15);
/// The longest that evidence is collected after one look, of however many services.
pub(super) const ONE_LOOK: Duration = Duration::from_secs(20);
/// Of how many services it is collected at the same time.
pub(super) const SIDE_BY_SIDE: usize = 10;
/// Of how many services that may still succeed it is collected after one look.
const TROUBLED_AT_ONCE: usize = 10;

/// What ECS tells in an event when it cannot start a task, or stops one that is not healthy.
const TROUBLE: &[&str] = &[
    "unable to",
    "failed to launch",
    "could not launch",
    "is unhealthy in",
    "is not healthy in",
    "failed container health checks",
    "being throttled",
];

/// What one look shows of a rollout: its service, and its service deployment where that was asked for.
type AtOneLook<'a> = (Option<&'a ObservedService>, Option<&'a ServiceDeployment>);

/// What has been collected of a rollout so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Proof {
    /// What was seen.
    evidence: Option<Evidence>,
    /// How many failed tasks and telling events there were then.
    trouble: usize,
    /// When.
    at: Option<Instant>,
    /// The tasks that had stopped by then; nothing where they could not be read.
    pub(super) stopped: Option<Vec<TaskEnd>>,
    /// Whether it was told that there is trouble.
    told: bool,
    /// Whether the record does not have it yet.
    is_new: bool,
}

impl Proof {
    /// What an earlier command collected of the same rollout.
    pub(super) fn known(evidence: Option<Evidence>) -> Self {
        Self { evidence, ..Self::default() }
    }
}

impl Engine<'_> {
    /// Collects, side by side, the evidence that one look asks for: of rollouts that have failed, of
    /// complete ones that miss tasks, and of those whose first tasks fail, by step.
    pub(super) async fn collect(
        &self,
        run: &Run<'_>,
        moving: &mut [Moving],
        (judged, verified, seen): (&Judged, &BTreeMap<usize, verify::Proof>, &Seen),
    ) -> BTreeMap<usize, Evidence> {
        let by = Instant::now() + ONE_LOOK;
        let mut troubled = 0;
        let mut wanted: Vec<(&mut Moving, AtOneLook<'_>)> = Vec::new();
        for one in moving {
            let Some(step) = run.course.step(one.position) else { continue };
            let service = seen.get(&target_of(step));
            let judgement = judged.get(&one.position);
            let is_wanted = match judgement.map(|(judgement, _)| judgement) {
                None | Some(Judgement::Wait) => {
                    let is_troubled = troubled < TROUBLED_AT_ONCE && has_new_trouble(one, service);
                    troubled += usize::from(is_troubled);
                    is_troubled
                }
                Some(Judgement::Short { running, desired }) if running < desired => {
                    one.aftermath.is_to_be_looked_at()
                }
                // While it only has to stay complete, nothing but its stopped tasks is read.
                Some(Judgement::Short { desired, .. }) => one.aftermath.has_failed(*desired),
                Some(Judgement::Failing { .. }) => !one.told,
                Some(Judgement::Complete) => {
                    let proof = verified.get(&one.position);
                    proof.is_some_and(|proof| proof.verdict != Verdict::Verified)
                }
                Some(Judgement::Ended(verdict)) => *verdict != Verdict::Verified,
            };
            if is_wanted {
                wanted.push((one, (service, judgement.and_then(|(_, told)| told.as_ref()))));
            }
        }
        stream::iter(wanted)
            .map(async |(one, seen)| (one.position, self.evidence(one, seen, by).await))
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await
    }

    /// Tells once that the first tasks of a rollout fail: ECS goes on trying, and may well succeed.
    pub(super) fn tell_trouble(
        &self,
        step: &PlannedStep,
        one: &mut Moving,
        evidence: Option<Evidence>,
    ) {
        let Some(evidence) = evidence else { return };
        if !one.proof.told && !evidence.diagnosis.is_empty() {
            one.proof.told = true;
            let service = step.service.clone();
            self.listener.hear(&Event::Troubled { service, evidence });
        }
    }

    /// Writes what was collected of rollouts that go on. A process may end at any moment, and AWS may
    /// have forgotten it all until somebody goes on with the deployment.
    pub(super) async fn keep(
        &self,
        run: &Run<'_>,
        moving: &mut [Moving],
        ended: &BTreeSet<usize>,
    ) -> Result<(), EngineError> {
        for one in moving.iter_mut().filter(|one| !ended.contains(&one.position)) {
            let found = one.proof.evidence.as_ref().filter(|found| !found.diagnosis.is_empty());
            if let Some(evidence) = found.filter(|_| one.proof.is_new) {
                run.journal.keep(one.position, run.course.direction, evidence).await?;
            }
            one.proof.is_new = false;
        }
        Ok(())
    }

    /// Collects what AWS still knows of a rollout until a moment, together with what was collected
    /// before, and says what it means.
    pub(super) async fn evidence(
        &self,
        one: &mut Moving,
        (service, deployment): AtOneLook<'_>,
        by: Instant,
    ) -> Evidence {
        let found = match service {
            Some(service) => {
                let since = service.deployment(&one.watch.ours).and_then(|ours| ours.created_at);
                let since = since.or(one.created_at);
                let asking = self.ecs.evidence(service, one.tasks_id(), since);
                timeout_at(by, asking).await.unwrap_or_else(|_late| not_in_time())
            }
            None => Collected::default(),
        };
        one.proof.stopped = found.stopped;
        let alarms = deployment.map(|told| told.triggered_alarms.clone()).unwrap_or_default();
        let found = Evidence { alarms, ..found.evidence };
        let mut evidence = found.after(one.proof.evidence.take());
        evidence.diagnosis = diagnose(&evidence, deployment);
        let evidence = evidence.fit();
        one.proof.evidence = Some(evidence.clone());
        one.proof.at = Some(Instant::now());
        one.proof.is_new = true;
        evidence
    }
}

/// What is said where there was no time to collect anything.
fn not_in_time() -> Collected {
    let what = format!("nothing more could be read within {} s", ONE_LOOK.as_secs());
    let evidence = Evidence { gaps: vec![Gap { what, hint: None }], ..Evidence::default() };
    Collected { evidence, stopped: None }
}

/// Whether a rollout has more trouble than when it was last looked at; takes note of it.
fn has_new_trouble(one: &mut Moving, service: Option<&ObservedService>) -> bool {
    let Some(service) = service else { return false };
    let trouble = trouble(one, service);
    let is_early = one.proof.at.is_some_and(|at| at.elapsed() < AGAIN_AFTER);
    if trouble <= one.proof.trouble || is_early {
        return false;
    }
    one.proof.trouble = trouble;
    true
}

/// How much trouble a rollout has: tasks that failed in a row, and events that tell of more.
fn trouble(one: &Moving, service: &ObservedService) -> usize {
    let ours = service.deployment(&one.watch.ours);
    let since = ours.and_then(|ours| ours.created_at).or(one.created_at);
    let is_telling = |event: &&ServiceEvent| {
        since.is_some_and(|since| event.at >= since)
            && TROUBLE.iter().any(|words| event.message.contains(words))
    };
    let failed = ours.map_or(0, |ours| usize::try_from(ours.failed_tasks).unwrap_or_default());
    failed + service.events.iter().filter(is_telling).count()
}
