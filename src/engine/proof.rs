//! What proves that a rollout does not go well: when it is collected, and what it means.
//!
//! Invariant: it is collected when the first task fails, when the rollout fails, and at its end, and
//! what was seen earlier is kept, since AWS forgets. Collecting never stands in the way of a verdict.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{
    Engine,
    follow::{Judged, Seen, target_of},
    rollouts::Moving,
    run::Run,
};
use crate::{
    model::{Event, Evidence, ObservedService, ServiceEvent},
    plan::diagnose,
};

/// How long until evidence is collected anew while a rollout only has trouble.
const AGAIN_AFTER: Duration = Duration::from_secs(15);
/// How long services are looked at for a last time.
const LAST_LOOK: Duration = Duration::from_secs(10);

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

/// What has been collected of a rollout so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Proof {
    /// What was seen.
    evidence: Option<Evidence>,
    /// How many failed tasks and telling events there were then.
    trouble: usize,
    /// When.
    at: Option<Instant>,
    /// Whether it was told that there is trouble.
    told: bool,
}

impl Engine<'_> {
    /// Collects evidence of rollouts whose first tasks fail, and tells of it once: ECS goes on trying,
    /// and may well succeed.
    pub(super) async fn look_for_trouble(
        &self,
        run: &Run<'_>,
        moving: &mut [Moving],
        (judged, seen): (&Judged, &Seen),
    ) {
        for one in moving {
            let Some(step) = run.course.step(one.position) else { continue };
            let Some(service) = seen.get(&target_of(step)) else { continue };
            let is_over = judged
                .get(&one.position)
                .is_some_and(|(judgement, _)| !matches!(judgement, crate::plan::Judgement::Wait));
            let trouble = trouble(one, service);
            let is_early = one.proof.at.is_some_and(|at| at.elapsed() < AGAIN_AFTER);
            if is_over || trouble <= one.proof.trouble || is_early {
                continue;
            }
            one.proof.trouble = trouble;
            let evidence = self.evidence(one, Some(service), &[]).await;
            if !one.proof.told && !evidence.diagnosis.is_empty() {
                one.proof.told = true;
                let service = step.service.clone();
                self.listener.hear(&Event::Troubled { service, evidence });
            }
        }
    }

    /// Collects what AWS still knows of a rollout, together with what was collected before, and says
    /// what it means.
    pub(super) async fn evidence(
        &self,
        one: &mut Moving,
        service: Option<&ObservedService>,
        alarms: &[String],
    ) -> Evidence {
        let found = match service {
            Some(service) => {
                let since = service.deployment(&one.watch.ours).and_then(|ours| ours.created_at);
                let since = since.or(one.created_at);
                self.ecs.evidence(service, one.tasks_id(), since).await
            }
            None => Evidence::default(),
        };
        let found = Evidence { alarms: alarms.to_vec(), ..found };
        let mut evidence = found.after(one.proof.evidence.take());
        evidence.diagnosis = diagnose(&evidence);
        let evidence = evidence.fit();
        one.proof.evidence = Some(evidence.clone());
        one.proof.at = Some(Instant::now());
        evidence
    }

    /// What proves why a rollout has not ended by now. The service is looked at once more, if AWS can
    /// be asked.
    pub(super) async fn last_evidence(&self, run: &Run<'_>, one: &mut Moving) -> Option<Evidence> {
        let target = target_of(run.course.step(one.position)?);
        let looking = self.ecs.observe(std::slice::from_ref(&target));
        let seen = timeout(LAST_LOOK, looking).await.ok().and_then(Result::ok).unwrap_or_default();
        let evidence = self.evidence(one, seen.get(&target), &[]).await;
        (!evidence.is_empty()).then_some(evidence)
    }
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
