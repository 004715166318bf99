//! The last proof: nothing old runs, and the digests that run are those of the release.
//!
//! ECS says which digest it resolved for each container of a service revision, and each running
//! task says which one it runs. Both must agree with the release wherever they are known.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Engine,
    course::Direction,
    effects::cause_chain,
    follow::{Judged, Seen, target_of},
    rollouts::Moving,
    run::Run,
};
use crate::{
    backend::platform::ecs::EcsError,
    model::{
        ContainerName, EcsDeploymentId, Event, OtherTask, RunningTasks, ServiceRevision,
        ServiceRevisionId, TaskDefinitionArn, Verdict,
    },
    plan::{Judgement, PlannedStep, Rollout},
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
        run: &Run<'_>,
        moving: &[Moving],
        (judged, seen): (&Judged, &Seen),
    ) -> BTreeMap<usize, Proof> {
        let complete: Vec<(&Moving, &PlannedStep)> = moving
            .iter()
            .filter(|one| matches!(judged.get(&one.position), Some((Judgement::Complete, _))))
            .filter_map(|one| Some((one, run.course.step(one.position)?)))
            .collect();
        if complete.is_empty() {
            return BTreeMap::new();
        }
        let (revisions, tasks) = match self.running(&complete, judged).await {
            Ok(seen) => seen,
            Err(error) if error.is_denied() => {
                let reason = format!("cannot see which images run: {}", cause_chain(&error));
                let unknown = Verdict::Unknown { reason };
                let proof = Proof::of(unknown);
                return complete.iter().map(|(one, _)| (one.position, proof.clone())).collect();
            }
            Err(error) => {
                let chain = cause_chain(&error);
                let text = format!("cannot see which images run, trying again: {chain}");
                self.listener.hear(&Event::Warning { text });
                return BTreeMap::new();
            }
        };
        complete
            .into_iter()
            .filter_map(|(one, step)| {
                let revision = revisions.values().find(|r| one.watch.ours.made(&r.id));
                let tasks = tasks.get(one.tasks_id());
                let desired = seen.get(&target_of(step)).map_or(step.desired, |seen| seen.desired);
                let ours = (step, &one.watch.task_definition);
                let proof = compare(ours, revision, (tasks, desired))?;
                // What runs after the way back is as it was found, known or not.
                let is_forward = run.course.direction == Direction::Forward;
                let unknown = is_forward.then(|| without_digests(step)).flatten();
                Some((one.position, proof.but_for(unknown)))
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
                .filter(|(_, step)| step.target.cluster == *cluster)
                .map(|(one, step)| (step.target.ecs_service.clone(), one.tasks_id().clone()))
                .collect();
            tasks.extend(self.ecs.running_tasks(cluster, &services).await?);
        }
        Ok((revisions, tasks))
    }
}

/// What the comparison of what runs with what was wanted tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    /// The verdict.
    pub(super) verdict: Verdict,
    /// What it does not prove, where it is success.
    pub(super) note: Option<String>,
}

impl Proof {
    /// A verdict that leaves nothing open.
    fn of(verdict: Verdict) -> Self {
        Self { verdict, note: None }
    }

    /// The same, where it does not prove something more.
    fn but_for(mut self, unproven: Option<String>) -> Self {
        if self.verdict == Verdict::Verified {
            let notes: Vec<String> = self.note.into_iter().chain(unproven).collect();
            self.note = (!notes.is_empty()).then(|| notes.join("; "));
        }
        self
    }
}

/// Compares what runs with what was wanted. Nothing while an old task runs, while fewer tasks run
/// than are wanted, or while a container's digest is not told yet: no proof is no success.
fn compare(
    (step, ours): (&PlannedStep, &TaskDefinitionArn),
    revision: Option<&ServiceRevision>,
    (tasks, desired): (Option<&RunningTasks>, i32),
) -> Option<Proof> {
    // Tasks that ECS took over from an earlier deployment do not carry the id of a later one.
    let moved = !matches!(step.rollout, Rollout::Settled { .. });
    let must_be_seen = moved && desired > 0;
    let wanted = usize::try_from(desired).unwrap_or_default();
    if must_be_seen && tasks.is_none_or(|tasks| tasks.count < wanted) {
        return None;
    }
    if tasks.is_some_and(|tasks| old_tasks((step, ours), tasks).next().is_some()) {
        return None;
    }
    let is_known = |container: &ContainerName| {
        revision.is_some_and(|revision| revision.digests.contains_key(container))
            || tasks.is_some_and(|tasks| tasks.digests.contains_key(container))
    };
    if must_be_seen && !step.digests.keys().all(is_known) {
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
    if let Some(reason) = mismatch {
        return Some(Proof::of(Verdict::Failed { reason }));
    }
    let resolved = step.digests.keys().all(is_known);
    Some(match desired {
        0 => Proof { verdict: Verdict::Verified, note: Some(without_tasks(resolved)) },
        _ => Proof::of(Verdict::Verified),
    })
}

/// What is not proven where it is not known which digests containers are to run.
fn without_digests(step: &PlannedStep) -> Option<String> {
    let containers = step.target.containers.keys();
    let unknown = containers.filter(|container| !step.digests.contains_key(*container));
    let names: Vec<String> = unknown.map(|container| format!("`{container}`")).collect();
    let names = (!names.is_empty()).then(|| names.join(", "))?;
    Some(format!(
        "the release has no digest for {names}, so only its task definition was compared, not which image \
         runs"
    ))
}

/// What is not proven of a service that wants no task.
fn without_tasks(resolved: bool) -> String {
    let rest = if resolved {
        "ECS resolved its images to the release's digests"
    } else {
        "its images are resolved once it is scaled up and deployed again"
    };
    format!("it wants 0 tasks, so no running task proves it; {rest}")
}

/// The running tasks of a service that are not of its new version: they run another task
/// definition, or the same one from before where it was deployed anew.
pub(super) fn old_tasks<'t>(
    (step, ours): (&PlannedStep, &'t TaskDefinitionArn),
    tasks: &'t RunningTasks,
) -> impl Iterator<Item = &'t OtherTask> {
    let anew = matches!(step.rollout, Rollout::Update { force: true });
    tasks
        .others
        .iter()
        .filter(move |task| anew || task.task_definition.as_ref().is_some_and(|runs| runs != ours))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
