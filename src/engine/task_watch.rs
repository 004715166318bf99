//! How a one-off task is seen through: its status and its log while it runs, and its end.
//!
//! Invariant: a verdict is given on what ECS tells of the task alone. Its log is told line by line, each
//! line once, and hides and delays no verdict when it cannot be read.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    Engine,
    before::{Before, Ended, short},
    effects::cause_chain,
    error::EngineError,
    journal::Journal,
    run::Run,
    task_log::TaskLog,
};
use crate::{
    backend::platform::ecs::{OneOffEnd, OneOffState},
    model::{BeforeTask, BeforeTaskStatus, Event, Evidence, TaskHappening, Verdict},
    plan::diagnose,
};

/// The time before the second look; it doubles up to [`POLL_INTERVAL`].
const FIRST_INTERVAL: Duration = Duration::from_millis(250);
/// The longest time between two looks.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// For how long a task that ECS does not know may be one that it does not show yet.
const NOT_YET_SHOWN: Duration = Duration::from_secs(10);
/// For how long AWS may not be seen before the end is called unknown.
const BLINDNESS: Duration = Duration::from_mins(5);

impl Engine<'_> {
    /// Follows a task to its end, as long as it may take.
    pub(super) async fn see_through(
        &self,
        run: &Run<'_>,
        before: Before<'_>,
        (task, arn): (&BeforeTask, &str),
    ) -> Result<Ended, EngineError> {
        if task.task_arn.is_some() {
            self.tell_start(run, before, (arn, true));
        }
        let cluster = &before.step.target.cluster;
        let start = Instant::now();
        let (mut interval, mut status) = (FIRST_INTERVAL, String::new());
        let (mut blind, mut missing) = (None, None);
        let mut log = TaskLog::of(before, (task, arn));
        loop {
            match self.ecs.one_off(cluster, arn, &task.run.container).await {
                Ok(Some(OneOffState { end: Some(end), .. })) => {
                    if end.exit_code.is_some() {
                        self.tell_last_lines(&mut log).await;
                    }
                    return self.task_ended(run, before, (task, arn, end)).await;
                }
                Ok(Some(seen)) => {
                    (blind, missing) = (None, None);
                    if status.is_empty() {
                        self.tell_unheeded(run, before);
                    }
                    self.tell_status(before, (&mut status, seen.status));
                    if !matches!(status.as_str(), "PROVISIONING" | "PENDING") {
                        self.tell_new_lines(&mut log).await;
                    }
                }
                Ok(None) => {
                    if missing.get_or_insert_with(Instant::now).elapsed() >= NOT_YET_SHOWN {
                        return self.end_unseen_task(run, before, task).await;
                    }
                }
                Err(error) => {
                    let text = format!("cannot see the one-off task: {}", cause_chain(&error));
                    self.listener.hear(&Event::Warning { text: text.clone() });
                    let since = blind.get_or_insert_with(Instant::now);
                    if error.is_lasting() || since.elapsed() >= BLINDNESS {
                        return Ok(Err((Verdict::Unknown { reason: text }, None)));
                    }
                }
            }
            if start.elapsed() >= task.run.timeout() {
                return Ok(Err((too_late(task, (arn, &status)), None)));
            }
            sleep(interval).await;
            interval = (interval * 2).min(POLL_INTERVAL);
        }
    }

    /// Tells the status of a task when it is another than before.
    fn tell_status(&self, before: Before<'_>, (known, seen): (&mut String, String)) {
        if *known != seen {
            self.tell(before, TaskHappening::Status { status: seen.clone() });
            *known = seen;
        }
    }

    /// Writes and tells how a task ended.
    async fn task_ended(
        &self,
        run: &Run<'_>,
        before: Before<'_>,
        (task, arn, end): (&BeforeTask, &str, OneOffEnd),
    ) -> Result<Ended, EngineError> {
        if end.exit_code.is_none() && !end.never_ran {
            return self.ended_without_code(run, before, (task, arn, &end)).await;
        }
        self.record_end_of(run.journal, before.position, &end).await?;
        let exit_code = end.exit_code;
        self.tell(before, TaskHappening::Ended { exit_code });
        if exit_code == Some(0) {
            return Ok(Ok(()));
        }
        let reason = reason(task, exit_code, Some(&end.stopped.stopped_reason));
        let evidence = self.evidence_of_task(before, (arn, &end)).await;
        Ok(Err((Verdict::Failed { reason }, Some(evidence))))
    }

    /// What a task that did not succeed leaves.
    async fn evidence_of_task(
        &self,
        before: Before<'_>,
        (arn, end): (&str, &OneOffEnd),
    ) -> Evidence {
        let mut evidence = self.ecs.one_off_evidence((arn, before.task_definition), end).await;
        evidence.diagnosis = diagnose(&evidence, None);
        evidence.fit()
    }

    /// The end of a task that started and left no exit code: what it ran on was lost, and nobody
    /// knows how far it came.
    async fn ended_without_code(
        &self,
        run: &Run<'_>,
        before: Before<'_>,
        (task, arn, end): (&BeforeTask, &str, &OneOffEnd),
    ) -> Result<Ended, EngineError> {
        let reason = format!(
            "its one-off task `{}` stopped without an exit code ({}: {}), and how far it came is not \
             known; it is not run again",
            task.run.line(),
            end.stopped.stop_code,
            end.stopped.stopped_reason
        );
        match self.end_unknown(run, before, reason).await? {
            Ok(()) => Ok(Ok(())),
            Err((verdict, _)) => {
                let evidence = self.evidence_of_task(before, (arn, end)).await;
                Ok(Err((verdict, Some(evidence))))
            }
        }
    }

    /// Says that a task still runs, to somebody who says that it succeeded.
    fn tell_unheeded(&self, run: &Run<'_>, before: Before<'_>) {
        if run.confirmed_by.is_some() {
            let text = format!(
                "`{}`: its one-off task still runs, so that `--before-task-succeeded` does not count \
                 for it: its end is waited for",
                before.step.service
            );
            self.listener.hear(&Event::Warning { text });
        }
    }

    /// Writes how a task ended.
    pub(super) async fn record_end_of(
        &self,
        journal: &Journal<'_>,
        position: usize,
        end: &OneOffEnd,
    ) -> Result<(), EngineError> {
        let (at, exit_code) = ((self.now)(), end.exit_code);
        let (status, text) = match exit_code {
            Some(0) => (BeforeTaskStatus::Succeeded, "its one-off task succeeded".to_owned()),
            Some(code) => {
                (BeforeTaskStatus::Failed, format!("its one-off task exited with {code}"))
            }
            None if end.never_ran => {
                (BeforeTaskStatus::Failed, "its one-off task never ran".to_owned())
            }
            None => (
                BeforeTaskStatus::Unknown,
                "its one-off task stopped without an exit code".to_owned(),
            ),
        };
        let ended = |task: &mut BeforeTask| {
            (task.status, task.exit_code, task.finished_at) = (status, exit_code, Some(at));
        };
        journal.write_before_task(position, &text, ended).await
    }

    /// The end of a task that cannot be found any more: as it was recorded, as a person says, or
    /// unknown.
    pub(super) async fn end_unseen_task(
        &self,
        run: &Run<'_>,
        before: Before<'_>,
        task: &BeforeTask,
    ) -> Result<Ended, EngineError> {
        if task.status == BeforeTaskStatus::Failed {
            return Ok(Err((failed_before(task), None)));
        }
        let reason = format!(
            "ECS does not know its one-off task `{}` any more, and how it ended is not known; it is \
             not run again",
            task.run.line()
        );
        self.end_unknown(run, before, reason).await
    }

    /// The end of a task that ECS does not tell: as a person says, or unknown.
    async fn end_unknown(
        &self,
        run: &Run<'_>,
        before: Before<'_>,
        reason: String,
    ) -> Result<Ended, EngineError> {
        let Some(by) = run.confirmed_by.clone() else {
            let unknown = |task: &mut BeforeTask| task.status = BeforeTaskStatus::Unknown;
            let text = "the end of its one-off task is not known";
            run.journal.write_before_task(before.position, text, unknown).await?;
            return Ok(Err((Verdict::Unknown { reason }, None)));
        };
        let at = (self.now)();
        let text = format!("{by} says that its one-off task succeeded");
        let confirmed = |task: &mut BeforeTask| {
            task.status = BeforeTaskStatus::Succeeded;
            task.finished_at = Some(at);
            task.confirmed_by = Some(by);
        };
        run.journal.write_before_task(before.position, &text, confirmed).await?;
        let text = format!("`{}`: {text}", before.step.service);
        self.listener.hear(&Event::Warning { text });
        Ok(Ok(()))
    }
}

/// The verdict on a step whose task takes too long.
fn too_late(task: &BeforeTask, (arn, status): (&str, &str)) -> Verdict {
    let (line, id) = (task.run.line(), short(arn));
    let last_seen = format!("its one-off task `{line}` ({id}) is {status}, and is left running");
    Verdict::TimedOut { seconds: task.run.timeout_seconds, last_seen }
}

/// The verdict on a step whose task is recorded to have failed.
pub(super) fn failed_before(task: &BeforeTask) -> Verdict {
    Verdict::Failed { reason: reason(task, task.exit_code, None) }
}

/// Why a task did not succeed, with ECS's words where there are any.
fn reason(task: &BeforeTask, exit_code: Option<i32>, words: Option<&str>) -> String {
    let (line, container) = (task.run.line(), &task.run.container);
    if let Some(code) = exit_code {
        format!("its one-off task `{line}` exited with {code} in container `{container}`")
    } else {
        let words = words.map(|words| format!(": {words}")).unwrap_or_default();
        format!("its one-off task `{line}` never ran{words}")
    }
}
