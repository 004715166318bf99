//! What comes after ECS has called a rollout complete: tasks that stop again, and old ones that do
//! not go.
//!
//! ECS's circuit breaker watches a rollout only until it is complete. An image that crashes after
//! half a minute gets that far, and then crashes for ever.

use jiff::Timestamp;
use tokio::time::{Duration, Instant, timeout};

use super::{
    Engine,
    course::Direction,
    error::EngineError,
    follow::Judged,
    rollouts::Moving,
    run::Run,
    tally::Tally,
    verify::{Proof, old_tasks},
};
use crate::{
    backend::platform::ecs::TaskEnd,
    model::{EcsDeploymentId, Event, ObservedService, OtherTask, Verdict},
    plan::{Judgement, PlannedStep, failure_threshold},
};

/// The least time between two looks at stopped tasks.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// For how long old tasks may run beside all the new ones until that is told.
const PATIENCE_WITH_OLD: Duration = Duration::from_mins(1);
/// For how long ECS is asked which old tasks run.
const ASKING: Duration = Duration::from_secs(10);
/// What is not proven where stopped tasks could not be read.
const UNREAD: &str = "its stopped tasks could not be read, so it is not known whether some stopped \
                      after ECS had called it complete";
/// The most old tasks that are named.
const NAMED: usize = 5;

/// What was seen of one rollout since ECS called it complete.
#[derive(Debug, Clone, Default)]
pub(super) struct Aftermath {
    /// When stopped tasks were asked for last.
    looked_at: Option<Instant>,
    /// The tasks that have stopped since.
    tally: Tally,
    /// Since when ECS calls the rollout complete, with all its tasks running.
    complete_since: Option<Instant>,
    /// Since when all new tasks run and old ones do not go.
    old_since: Option<Instant>,
    /// Whether that was told.
    told_old: bool,
}

impl Aftermath {
    /// Whether it is time to look at stopped tasks again.
    pub(super) fn is_to_be_looked_at(&self) -> bool {
        self.looked_at.is_none_or(|at| at.elapsed() >= BETWEEN_LOOKS)
    }

    /// Takes note of one look at the tasks of a rollout that is short of tasks or has to stay
    /// complete, and of when ECS says that it was complete.
    pub(super) fn see(
        &mut self,
        stopped: Option<&[TaskEnd]>,
        (complete_at, is_short): (Option<Timestamp>, bool),
    ) {
        let known = self.tally.stopped();
        self.tally.look(stopped, (complete_at, is_short));
        if self.tally.stopped() > known {
            self.complete_since = None;
        }
        self.looked_at = Some(Instant::now());
    }

    /// Judges a rollout that ECS calls complete by its tasks: a verdict once as many have stopped as
    /// would have ended the rollout before.
    pub(super) fn judge(&mut self, (running, desired): (i32, i32)) -> Option<Verdict> {
        if running < desired {
            self.complete_since = None;
        }
        let stopped = self.tally.stopped();
        (stopped >= failure_threshold(desired)).then(|| Verdict::Failed {
            reason: format!(
                "ECS called it complete, and then its tasks stopped: {stopped} so far, and {running} \
                 of {desired} run"
            ),
        })
    }

    /// What a success does not prove, where tasks were watched and could not be read.
    fn doubt(&self) -> Option<&'static str> {
        self.tally.may_lack_some().then_some(UNREAD)
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
    /// Tells once that old tasks do not go, where they are not kept as planned.
    pub(super) async fn tell_old_tasks(&self, step: &PlannedStep, one: &mut Moving) {
        let Some(service) = one.seen.clone() else { return };
        if one.stages.keeps_old_tasks() || !one.aftermath.is_to_be_told(&service, &one.watch.ours) {
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
        let Some(service) = &one.seen else { return "ECS did not tell how far it is".to_owned() };
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
        step: &PlannedStep,
        (one, proof): (&Moving, &Proof),
    ) -> Result<(), EngineError> {
        let doubt = one.aftermath.doubt().filter(|_| proof.verdict == Verdict::Verified);
        let notes: Vec<&str> = proof.note.as_deref().into_iter().chain(doubt).collect();
        if notes.is_empty() {
            return Ok(());
        }
        let note = notes.join("; ");
        if run.course.direction == Direction::Forward {
            run.journal.note(one.position, &note).await?;
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

    /// Tasks that stopped, each at this second.
    fn ends(tasks: &[(&str, i64)]) -> Vec<TaskEnd> {
        let end = |(id, second): &(&str, i64)| TaskEnd {
            id: (*id).to_owned(),
            began_at: Timestamp::from_second(*second).ok(),
        };
        tasks.iter().map(end).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_stop_start_the_time_anew_and_those_of_before_do_not() {
        let complete_at = Timestamp::from_second(60).ok();
        let settle = Duration::from_secs(30);
        let mut seen = Aftermath::default();
        assert!(!seen.has_settled(settle) && seen.is_to_be_looked_at());
        tokio::time::advance(settle).await;
        let old = [("a", 1), ("b", 2), ("c", 3), ("d", 4)];
        seen.see(None, (complete_at, false));
        seen.see(Some(&ends(&old)), (complete_at, false));
        assert_eq!(seen.judge((2, 2)), None);
        assert!(seen.has_settled(settle) && !seen.is_to_be_looked_at());
        seen.see(Some(&ends(&[&old[..], &[("e", 70)]].concat())), (complete_at, false));
        assert!(!seen.has_settled(settle));
        tokio::time::advance(settle).await;
        assert_eq!((seen.has_settled(settle), seen.judge((1, 2))), (true, None));
        assert!(!seen.has_settled(settle), "one is missing");
        seen.see(Some(&ends(&[("e", 70), ("f", 71), ("g", 72)])), (complete_at, true));
        assert!(matches!(seen.judge((1, 2)), Some(Verdict::Failed { .. })));
        assert_eq!(seen.doubt(), None);
        seen.see(None, (complete_at, true));
        assert_eq!(seen.doubt(), Some(UNREAD));
    }

    #[test]
    fn tasks_are_named_up_to_a_point() {
        let task = |id: usize| OtherTask { id: format!("t{id}"), task_definition: None };
        let tasks: Vec<OtherTask> = (1..=7).map(task).collect();
        assert_eq!(named(&[]), "");
        assert_eq!(named(&tasks), ": t1 (), t2 (), t3 (), t4 (), t5 () and 2 more");
    }
}
