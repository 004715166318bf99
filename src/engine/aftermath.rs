//! What comes after ECS has called a rollout complete: tasks that stop again, and old ones that do
//! not go.
//!
//! ECS's circuit breaker watches a rollout only until it is complete. An image that crashes after
//! half a minute gets that far, and then crashes for ever.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::{Duration, Instant, timeout};

use super::{
    Engine,
    course::Direction,
    error::EngineError,
    follow::{Judged, complete_at},
    rollouts::Moving,
    run::Run,
    tally::Tally,
    verify::{Proof, old_tasks},
};
use crate::{
    backend::platform::ecs::TaskEnd,
    model::{
        ClusterName, EcsDeploymentId, EcsServiceName, Event, ObservedService, OtherTask, Verdict,
    },
    plan::{Judgement, PlannedStep, failure_threshold},
};

/// The least time between two looks at stopped tasks.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// How often stopped tasks are asked for once a rollout has stayed complete for long enough.
const LAST_LOOKS: u32 = 3;
/// For how long old tasks may run beside all the new ones until that is told.
const PATIENCE_WITH_OLD: Duration = Duration::from_mins(1);
/// For how long ECS is asked which old tasks run.
const ASKING: Duration = Duration::from_secs(10);
/// What is not proven where stopped tasks could not be read.
const UNREAD: &str = "its stopped tasks could not be read, so it is not known whether some stopped \
                      after ECS had called it complete";
/// The most old tasks that are named.
const NAMED: usize = 5;

/// What is asked for of one cluster: services, and what their tasks carry as `startedBy`.
type Asked = Vec<(EcsServiceName, EcsDeploymentId)>;

/// What was seen of one rollout since ECS called it complete.
#[derive(Debug, Clone, Default)]
pub(super) struct Aftermath {
    /// When stopped tasks were asked for last.
    looked_at: Option<Instant>,
    /// The tasks that have stopped since.
    tally: Tally,
    /// Since when ECS calls the rollout complete, with all its tasks running.
    complete_since: Option<Instant>,
    /// Until when it has to stay so.
    until: Option<Instant>,
    /// When the last list of stopped tasks was asked for that was read.
    read_at: Option<Instant>,
    /// How often stopped tasks were asked for since it had stayed so for long enough.
    last_looks: u32,
    /// Since when all new tasks run and old ones do not go.
    old_since: Option<Instant>,
    /// Whether that was told.
    told_old: bool,
}

impl Aftermath {
    /// Whether it is time to look at stopped tasks again: now and then, and at once when the rollout
    /// has stayed complete for long enough.
    pub(super) fn is_to_be_looked_at(&self) -> bool {
        let Some(at) = self.looked_at else { return true };
        let is_last = self.until.is_some_and(|until| at < until && Instant::now() >= until);
        is_last || at.elapsed() >= BETWEEN_LOOKS
    }

    /// Takes note of one look at a rollout that has to stay complete, which began at a moment.
    pub(super) fn see_settling(
        &mut self,
        stopped: Option<&[TaskEnd]>,
        (complete_at, began): (Option<Timestamp>, Instant),
    ) {
        if self.until.is_some_and(|until| began >= until) {
            self.last_looks += 1;
        }
        if stopped.is_some() {
            self.read_at = Some(began);
        }
        self.see(stopped, (complete_at, false));
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
            self.begin_anew();
        }
        self.looked_at = Some(Instant::now());
    }

    /// Judges a rollout that ECS calls complete by its tasks: a verdict once as many have stopped as
    /// would have ended the rollout before.
    pub(super) fn judge(&mut self, (running, desired): (i32, i32)) -> Option<Verdict> {
        if running < desired {
            self.begin_anew();
        }
        let stopped = self.tally.stopped();
        self.has_failed(desired).then(|| Verdict::Failed {
            reason: format!(
                "ECS called it complete, and then its tasks stopped: {stopped} so far, and {running} \
                 of {desired} run"
            ),
        })
    }

    /// Whether as many tasks have stopped as would have ended the rollout before.
    pub(super) fn has_failed(&self, desired: i32) -> bool {
        self.tally.stopped() >= failure_threshold(desired)
    }

    /// The time for which the rollout has to stay complete begins anew.
    fn begin_anew(&mut self) {
        (self.complete_since, self.until, self.last_looks) = (None, None, 0);
    }

    /// What a success does not prove, where tasks were watched and could not be read.
    fn doubt(&self) -> Option<&'static str> {
        self.tally.may_lack_some().then_some(UNREAD)
    }

    /// Whether ECS has called the rollout complete, with all its tasks running, for long enough, and a
    /// list of stopped tasks that was read afterwards shows that none stopped. That one is not asked for
    /// for ever: what it would have proven is then told as not proven.
    fn has_settled(&mut self, settle: Duration) -> bool {
        if settle.is_zero() {
            return true;
        }
        let until = *self.complete_since.get_or_insert_with(Instant::now) + settle;
        self.until = Some(until);
        let is_seen = self.read_at.is_some_and(|at| at >= until);
        Instant::now() >= until && (is_seen || self.last_looks >= LAST_LOOKS)
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
/// enough. Meanwhile their stopped tasks are watched: one that stops may be replaced between two looks.
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
    /// Reads which tasks have stopped of the complete rollouts that have to stay so, where it is time
    /// for it: those of a cluster together, and nothing else of them.
    pub(super) async fn watch_settling(
        &self,
        run: &Run<'_>,
        moving: &mut [Moving],
        judged: &Judged,
    ) {
        let is_due = |one: &&Moving| {
            let judgement = judged.get(&one.position).map(|(judgement, _)| judgement);
            matches!(judgement, Some(Judgement::Short { running, desired }) if running >= desired)
                && one.aftermath.is_to_be_looked_at()
        };
        let mut clusters: BTreeMap<&ClusterName, Asked> = BTreeMap::new();
        let mut due = BTreeMap::new();
        for one in moving.iter().filter(is_due) {
            let Some(step) = run.course.step(one.position) else { continue };
            let asked = (step.target.ecs_service.clone(), one.tasks_id().clone());
            clusters.entry(&step.target.cluster).or_default().push(asked);
            due.insert(one.position, &step.target.cluster);
        }
        let began = Instant::now();
        let looks = clusters.into_iter().map(async |(cluster, asked)| {
            let asking = timeout(ASKING, self.ecs.stopped_tasks(cluster, &asked));
            Some((cluster, asking.await.ok()?.ok()?))
        });
        let read: BTreeMap<_, _> = join_all(looks).await.into_iter().flatten().collect();
        for one in moving {
            let Some(cluster) = due.get(&one.position) else { continue };
            let stopped = read.get(cluster).and_then(|found| found.get(one.tasks_id()));
            let complete_at = complete_at(judged, one);
            one.aftermath.see_settling(stopped.map(Vec::as_slice), (complete_at, began));
        }
    }

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
        let look = |seen: &mut Aftermath, stopped: Option<&[(&str, i64)]>| {
            let stopped = stopped.map(ends);
            seen.see_settling(stopped.as_deref(), (complete_at, Instant::now()));
        };
        assert!(seen.has_settled(Duration::ZERO));
        assert!(!seen.has_settled(settle) && seen.is_to_be_looked_at());
        let old = [("a", 1), ("b", 2), ("c", 3), ("d", 4)];
        look(&mut seen, None);
        look(&mut seen, Some(&old));
        assert_eq!(seen.judge((2, 2)), None);
        tokio::time::advance(settle).await;
        let more = [&old[..], &[("e", 70)]].concat();
        assert!(!seen.has_settled(settle) && seen.is_to_be_looked_at(), "nobody has looked since");
        look(&mut seen, Some(&more));
        assert!(!seen.has_settled(settle), "one has stopped in the last moment");
        tokio::time::advance(settle).await;
        assert!(!seen.has_settled(settle));
        look(&mut seen, Some(&more));
        assert_eq!((seen.has_settled(settle), seen.judge((1, 2))), (true, None));
        assert!(!seen.has_settled(settle), "one is missing");
        seen.see(Some(&ends(&[("e", 70), ("f", 71), ("g", 72)])), (complete_at, true));
        assert!(matches!(seen.judge((1, 2)), Some(Verdict::Failed { .. })));
        assert_eq!(seen.doubt(), None);
        seen.see(None, (complete_at, true));
        assert_eq!(seen.doubt(), Some(UNREAD));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_look_is_taken_at_once_and_not_for_ever() {
        let complete_at = Timestamp::from_second(60).ok();
        let settle = Duration::from_secs(12);
        let mut seen = Aftermath::default();
        let look = |seen: &mut Aftermath, stopped: Option<&[TaskEnd]>| {
            assert!(seen.is_to_be_looked_at());
            seen.see_settling(stopped, (complete_at, Instant::now()));
            assert!(!seen.is_to_be_looked_at());
        };
        assert!(!seen.has_settled(settle));
        look(&mut seen, Some(&[]));
        tokio::time::advance(Duration::from_secs(10)).await;
        look(&mut seen, Some(&[]));
        tokio::time::advance(Duration::from_secs(2)).await;
        for _ in 0..LAST_LOOKS {
            assert!(!seen.has_settled(settle));
            look(&mut seen, None);
            tokio::time::advance(BETWEEN_LOOKS).await;
        }
        assert!(seen.has_settled(settle));
        assert_eq!(seen.doubt(), Some(UNREAD));
        look(&mut seen, Some(&[]));
        assert!(seen.has_settled(settle));
        assert_eq!(seen.doubt(), None);
    }

    #[test]
    fn tasks_are_named_up_to_a_point() {
        let task = |id: usize| OtherTask { id: format!("t{id}"), task_definition: None };
        let tasks: Vec<OtherTask> = (1..=7).map(task).collect();
        assert_eq!(named(&[]), "");
        assert_eq!(named(&tasks), ": t1 (), t2 (), t3 (), t4 (), t5 () and 2 more");
    }
}
