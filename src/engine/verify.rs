//! The last proof: the digests that run are those of the release.
//!
//! ECS says which digest it resolved for each container of a service revision, and each running
//! task says which one it runs. Both must agree with the release wherever they are known.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Engine,
    follow::{Judged, Moving},
};
use crate::{
    backend::platform::ecs::EcsError,
    model::{EcsDeploymentId, Event, RunningTasks, ServiceRevision, ServiceRevisionId, Verdict},
    plan::{Judgement, Plan, PlannedStep, Rollout},
};

/// What runs of each deployment.
type Running = BTreeMap<EcsDeploymentId, RunningTasks>;
/// What ECS resolved for each service revision.
type Revisions = BTreeMap<ServiceRevisionId, ServiceRevision>;

impl Engine<'_> {
    /// The verdicts on the rollouts that ECS calls complete. A rollout whose tasks could not be
    /// seen has none yet, and is looked at again.
    pub(super) async fn verify_all(
        &self,
        plan: &Plan,
        moving: &[Moving],
        judged: &Judged,
    ) -> BTreeMap<usize, Verdict> {
        let complete: Vec<(&Moving, &PlannedStep)> = moving
            .iter()
            .filter(|one| matches!(judged.get(&one.position), Some((Judgement::Complete, _))))
            .filter_map(|one| Some((one, plan.steps.get(one.position)?)))
            .collect();
        if complete.is_empty() {
            return BTreeMap::new();
        }
        let (revisions, tasks) = match self.running(&complete, judged).await {
            Ok(seen) => seen,
            Err(error) => {
                let text = format!("cannot see which images run, trying again: {error}");
                self.listener.hear(&Event::Warning { text });
                return BTreeMap::new();
            }
        };
        complete
            .into_iter()
            .filter_map(|(one, step)| {
                let revision = revisions.values().find(|r| one.watch.ours.made(&r.id));
                let tasks = tasks.get(&one.watch.ours);
                Some((one.position, compare(step, revision, tasks)?))
            })
            .collect()
    }

    /// The service revisions of complete rollouts, and what their tasks run.
    async fn running(
        &self,
        complete: &[(&Moving, &PlannedStep)],
        judged: &Judged,
    ) -> Result<(Revisions, Running), EcsError> {
        let revisions: Vec<_> = complete
            .iter()
            .filter_map(|(one, _)| judged.get(&one.position)?.1.as_ref()?.target_revision.clone())
            .collect();
        let revisions = self.ecs.service_revisions(&revisions).await?;
        let mut tasks = Running::new();
        let clusters: BTreeSet<_> = complete.iter().map(|(_, step)| &step.target.cluster).collect();
        for cluster in clusters {
            let services: Vec<_> = complete
                .iter()
                .filter(|(_, step)| step.target.cluster == *cluster && step.desired > 0)
                .map(|(one, step)| (step.target.ecs_service.clone(), one.watch.ours.clone()))
                .collect();
            tasks.extend(self.ecs.running_tasks(cluster, &services).await?);
        }
        Ok((revisions, tasks))
    }
}

/// Compares what runs with what was wanted. Nothing when no task runs yet.
fn compare(
    step: &PlannedStep,
    revision: Option<&ServiceRevision>,
    tasks: Option<&RunningTasks>,
) -> Option<Verdict> {
    // Tasks that ECS took over from an earlier deployment do not carry the id of a later one.
    let moved = !matches!(step.rollout, Rollout::Settled { .. });
    if tasks.is_none_or(|tasks| tasks.count == 0) && step.desired > 0 && moved {
        return None;
    }
    let mismatch = step.digests.iter().find_map(|(container, wanted)| {
        let resolved = revision.and_then(|revision| revision.digests.get(container));
        let seen = tasks.and_then(|tasks| tasks.digests.get(container)).into_iter().flatten();
        let other = resolved.into_iter().chain(seen).find(|runs| !wanted.contains(*runs))?;
        Some(format!(
            "container `{container}` runs {other}, and the release has another: its tag has moved"
        ))
    });
    Some(mismatch.map_or(Verdict::Verified, |reason| Verdict::Failed { reason }))
}
