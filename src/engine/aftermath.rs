//! What comes after ECS has called a rollout complete: tasks that stop again, and old ones that do
//! not go.
//!
//! ECS's circuit breaker watches a rollout only until it is complete. An image that crashes after
//! half a minute gets that far, and then crashes for ever.

use std::collections::BTreeSet;

use tokio::time::{Duration, Instant, timeout};

use super::{
    Engine,
    course::Direction,
    error::EngineError,
    follow::Judged,
    rollouts::Moving,
    run::Run,
    verify::{Proof, old_tasks},
};
use crate::{
    model::{EcsDeploymentId, Event, Evidence, ObservedService, OtherTask, Verdict},
    plan::{Judgement, PlannedStep, failure_threshold},
};

/// The least time between two looks at stopped tasks.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// For how long old tasks may run beside all the new ones until that is told.
const PATIENCE_WITH_OLD: Duration = Duration::from_mins(1);
/// For how long ECS is asked which old tasks run.
const ASKING: Duration = Duration::from_secs(10);
/// The most old tasks that are named.
const NAMED: usize = 5;

/// What was seen of one rollout since ECS called it complete.
#[derive(Debug, Clone, Default)]
pub(super) struct Aftermath {
    /// When stopped tasks were looked at last.
    looked_at: Option<Instant>,
    /// The stopped tasks known at the first look.
    before: BTreeSet<String>,
    /// Whether one of these had stopped after success, since one was missing.
    one_of_them: bool,
    /// Those that have stopped since.
    since: BTreeSet<String>,
    /// Since when ECS calls the rollout complete, with all its tasks running.
    complete_since: Option<Instant>,
    /// Since when all new tasks run and old ones do not go.
    old_since: Option<Instant>,
    /// Whether that was told.
    told_old: bool,
}

impl Aftermath {
    /// Takes note of the stopped tasks of one look. The first one shows what had stopped before,
    /// and at least one task more where one is missing.
    fn see(&mut self, evidence: &Evidence, is_short: bool) {
        let ids = evidence.stopped_tasks.iter().map(|task| task.id.clone());
        if self.looked_at.is_none() {
            self.before = ids.collect();
            self.one_of_them = is_short && !self.before.is_empty();
        } else {
            self.since.extend(ids.filter(|id| !self.before.contains(id)));
        }
        self.looked_at = Some(Instant::now());
    }

    /// How many tasks are known to have stopped since ECS called the rollout complete.
    fn stopped(&self) -> i32 {
        let first = usize::from(self.one_of_them);
        i32::try_from(self.since.len() + first).unwrap_or(i32::MAX)
    }

    /// Whether it is time to look at stopped tasks again.
    pub(super) fn is_to_be_looked_at(&self) -> bool {
        self.looked_at.is_none_or(|at| at.elapsed() >= BETWEEN_LOOKS)
    }

    /// Judges a rollout that ECS calls complete, and whose tasks are missing: by the
    /// evidence of one look, if it is of one at which tasks were looked at. A verdict
    /// once as many have stopped as would have ended the rollout before.
    pub(super) fn judge(
        &mut self,
        (running, desired): (i32, i32),
        evidence: Option<&Evidence>,
    ) -> Option<Verdict> {
        if running < desired {
            self.complete_since = None;
        }
        let evidence = evidence?;
        let known = self.stopped();
        self.see(evidence, running < desired);
        let stopped = self.stopped();
        if stopped > known {
            self.complete_since = None;
        }
        (stopped >= failure_threshold(desired)).then(|| Verdict::Failed {
            reason: format!(
                "ECS called it complete, and then its tasks stopped: {stopped} so far, and {running} \
                 of {desired} run"
            ),
        })
    }

    /// Whether ECS has called the rollout complete, with all its tasks running, for long enough.
    fn has_settled(&mut self, settle: Duration) -> bool {
        self.complete_since.get_or_insert_with(Instant::now).elapsed() >= settle
    }

    /// Whether old tasks have run beside all the new ones for too long to say nothing; tells so
    /// once.
    fn is_to_be_told(&mut self, service: &ObservedService, watched: &EcsDeploymentId) -> bool {
        let ours = service.deployment(watched);
        let all_new = ours.is_some_and(|ours| ours.running >= service.desired);
        if !all_new || service.tasks_of_others(watched) == 0 {
            self.old_since = None;
            return false;
        }
        let since = *self.old_since.get_or_insert_with(Instant::now);
        let is_late = !self.told_old && since.elapsed() >= PATIENCE_WITH_OLD;
        self.told_old |= is_late;
        is_late
    }
}

/// Leaves those of the complete rollouts to be looked at again that are not complete for long
/// enough. Meanwhile they are watched as if tasks were missing: a task that stops may be replaced
/// between two looks.
pub(super) fn let_settle(moving: &mut [Moving], judged: &mut Judged, settle: Duration) {
    for one in moving {
        let Some((judgement, _)) = judged.get_mut(&one.position) else { continue };
        if *judgement == Judgement::Complete && !one.aftermath.has_settled(settle) {
            let desired = one.seen.as_ref().map_or(0, |service| service.desired);
            *judgement = Judgement::Short { running: desired, desired };
        }
    }
}

impl Engine<'_> {
    /// Tells once that old tasks do not go.
    pub(super) async fn tell_old_tasks(&self, step: &PlannedStep, one: &mut Moving) {
        let Some(service) = one.seen.clone() else { return };
        if !one.aftermath.is_to_be_told(&service, &one.watch.ours) {
            return;
        }
        let old = self.running_old(step, one).await;
        let text = format!(
            "`{}`: all new tasks run, and old ones do not go{}; a task under task protection is left \
             to end by itself",
            step.service,
            named(&old)
        );
        self.listener.hear(&Event::Warning { text });
    }

    /// How far a rollout was when it was given up, in words.
    pub(super) async fn last_seen(&self, step: Option<&PlannedStep>, one: &Moving) -> String {
        let Some(service) = &one.seen else { return "it was not seen yet".to_owned() };
        let running = service.deployment(&one.watch.ours).map_or(0, |ours| ours.running);
        let stage = one.stages.words().map_or_else(String::new, |words| format!("{words}; "));
        let words = format!("{stage}{running} of {} new tasks run", service.desired);
        let left = service.tasks_of_others(&one.watch.ours);
        let old = match step {
            Some(step) if left > 0 => self.running_old(step, one).await,
            _ => Vec::new(),
        };
        match left.max(i32::try_from(old.len()).unwrap_or(i32::MAX)) {
            0 => words,
            1 => format!("{words}, and 1 old task does{}", named(&old)),
            left => format!("{words}, and {left} old ones do{}", named(&old)),
        }
    }

    /// The old tasks that run; none where ECS does not tell.
    async fn running_old(&self, step: &PlannedStep, one: &Moving) -> Vec<OtherTask> {
        let asked = [(step.target.ecs_service.clone(), one.watch.ours.clone())];
        let asking = self.ecs.running_tasks(&step.target.cluster, &asked);
        let Ok(Ok(found)) = timeout(ASKING, asking).await else { return Vec::new() };
        let ours = (step, &one.watch.task_definition);
        let tasks = found.get(&one.watch.ours);
        tasks.map(|tasks| old_tasks(ours, tasks).cloned().collect()).unwrap_or_default()
    }

    /// Writes and tells what a success does not prove.
    pub(super) async fn take_note(
        &self,
        run: &Run<'_>,
        (position, step): (usize, &PlannedStep),
        proof: &Proof,
    ) -> Result<(), EngineError> {
        let Some(note) = &proof.note else { return Ok(()) };
        if run.course.direction == Direction::Forward {
            run.journal.note(position, note).await?;
        }
        let text = format!("`{}`: {note}", step.service);
        self.listener.hear(&Event::Warning { text });
        Ok(())
    }
}

/// Some tasks in words, each with what it runs.
fn named(tasks: &[OtherTask]) -> String {
    let names: Vec<String> = tasks
        .iter()
        .take(NAMED)
        .map(|task| {
            let runs = task.task_definition.as_ref().map_or("", |arn| arn.short());
            format!("{} ({runs})", task.id)
        })
        .collect();
    match names.as_slice() {
        [] => String::new(),
        some if tasks.len() > NAMED => {
            format!(": {} and {} more", some.join(", "), tasks.len() - NAMED)
        }
        some => format!(": {}", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StoppedTask;

    fn evidence(ids: &[&str]) -> Evidence {
        let task = |id: &&str| StoppedTask {
            id: (*id).to_owned(),
            stopped_at: None,
            stop_code: String::new(),
            stopped_reason: String::new(),
            containers: Vec::new(),
        };
        Evidence { stopped_tasks: ids.iter().map(task).collect(), ..Evidence::default() }
    }

    #[test]
    fn only_what_stops_after_success_counts() {
        let mut seen = Aftermath::default();
        assert_eq!(seen.stopped(), 0);
        seen.see(&evidence(&["a", "b", "c", "d"]), true);
        assert_eq!(seen.stopped(), 1, "what failed on the way up does not");
        seen.see(&evidence(&["e", "a", "b"]), false);
        seen.see(&evidence(&["e", "f", "a"]), true);
        assert_eq!(seen.stopped(), 3);
        let mut whole = Aftermath::default();
        whole.see(&evidence(&["a"]), false);
        assert_eq!(whole.stopped(), 0, "none is missing");
    }

    #[test]
    fn tasks_are_named_up_to_a_point() {
        let task = |id: usize| OtherTask { id: format!("t{id}"), task_definition: None };
        let tasks: Vec<OtherTask> = (1..=7).map(task).collect();
        assert_eq!(named(&[]), "");
        assert_eq!(named(&tasks), ": t1 (), t2 (), t3 (), t4 (), t5 () and 2 more");
    }
}
