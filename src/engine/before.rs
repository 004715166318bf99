//! One-off tasks before a rollout: they run from the new image, one after the other, before any
//! parameter is written and any service is moved.
//!
//! Invariant: a task is asked for only when that is in the store, and never a second time unless a
//! repeat is known to run nothing twice. Where its end is not known, nothing that follows is begun.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{
    Engine,
    course::Others,
    effects::{cause_chain, not_carried_on},
    error::EngineError,
    journal::Journal,
    run::Run,
    task_watch::failed_before,
};
use crate::{
    backend::platform::ecs::{Ecs, EcsError, OneOff, OneOffState},
    model::{
        BeforeTask, BeforeTaskStatus, Deployment, Event, Evidence, ServiceId, Step,
        TaskDefinitionArn, TaskHappening, Verdict,
    },
    plan::{PlannedStep, Start},
};

/// For how long after it was written down a task may be asked for again with the same token. ECS
/// forgets the token an hour after the end of its task, and a day after it was used (ECS API,
/// "Ensuring idempotency"); the rest is for clocks that differ.
const TOKEN_IS_GOOD: SignedDuration = SignedDuration::from_mins(50);

/// How a one-off task ended: well, or with the verdict on its step.
pub(super) type Ended = Result<(), (Verdict, Option<Evidence>)>;

/// What came of asking for a task.
enum Asked {
    /// ECS has it, under this ARN.
    Task(String),
    /// It ended, or nobody knows.
    Ended(Box<Ended>),
}

/// A step whose task is run.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    /// Its place.
    pub(super) position: usize,
    /// The step.
    pub(super) step: &'a PlannedStep,
    /// The revision that the task and then the service run.
    pub(super) task_definition: &'a TaskDefinitionArn,
}

impl Engine<'_> {
    /// Runs the one-off tasks that are due, in the order of the services. After one that did not
    /// succeed nothing more is begun, whatever is done on failure else.
    pub(super) async fn run_before_tasks(&self, run: &Run<'_>) -> Result<(), EngineError> {
        if matches!(run.course.others, Others::NeverBegin(_)) {
            return Ok(());
        }
        run.take_note_of_ends();
        for (position, step, start) in run.course.legs() {
            let is_due = *start == Start::Apply && run.journal.is_before_task_due(position);
            if is_due && !run.rollouts.is_held() && !run.waits_or_stays(position) {
                self.before_rollout(run, position, step).await?;
            }
        }
        Ok(())
    }

    /// Registers a step's revision and runs its task from it.
    async fn before_rollout(
        &self,
        run: &Run<'_>,
        position: usize,
        step: &PlannedStep,
    ) -> Result<(), EngineError> {
        if !run.before_effect().await? || !self.begins(run, (position, step)).await? {
            return Ok(());
        }
        let task_definition = match self.make_ready(run, position, step).await? {
            Ok(arn) => arn,
            Err(verdict) => {
                return self.hold_all(run, (position, step), (verdict, None)).await;
            }
        };
        let before = Before { position, step, task_definition: &task_definition };
        match self.one_off(run, before).await? {
            Ok(()) => Ok(()),
            Err(ended) => self.hold_all(run, (position, step), ended).await,
        }
    }

    /// Ends a step whose task did not succeed, and everything that would follow.
    async fn hold_all(
        &self,
        run: &Run<'_>,
        (position, step): (usize, &PlannedStep),
        (verdict, evidence): (Verdict, Option<Evidence>),
    ) -> Result<(), EngineError> {
        run.rollouts.hold();
        run.rollouts.ended(&step.service, &verdict);
        self.conclude(run, position, (verdict, evidence)).await
    }

    /// Asks for a task, unless that was done, and sees it through.
    async fn one_off(&self, run: &Run<'_>, before: Before<'_>) -> Result<Ended, EngineError> {
        let Some(task) = run.journal.before_task(before.position) else { return Ok(Ok(())) };
        let arn = match &task.task_arn {
            Some(arn) => arn.clone(),
            None if task.status == BeforeTaskStatus::Failed => {
                return Ok(Err((failed_before(&task), None)));
            }
            None => match self.ask(run, before, &task).await? {
                Asked::Task(arn) => arn,
                Asked::Ended(ended) => return Ok(*ended),
            },
        };
        self.see_through(run, before, (&task, &arn)).await
    }

    /// Has the task run, or finds the one that was asked for before.
    async fn ask(
        &self,
        run: &Run<'_>,
        before: Before<'_>,
        task: &BeforeTask,
    ) -> Result<Asked, EngineError> {
        let token = token(&run.journal.deployment(), &before.step.service);
        let one_off = one_off(before, task, &token);
        if task.status == BeforeTaskStatus::Pending {
            self.intend(run, before).await?;
            if run.journal.escaped_to().is_some() {
                run.rollouts.lose_record();
                return Ok(Asked::Ended(Box::new(Err((not_carried_on(), None)))));
            }
        } else {
            match self.ecs.find_one_off(&one_off).await {
                Ok(Some(found)) => return self.found(run, before, (found.arn, true)).await,
                Ok(None) if is_token_good(task.started_at, (self.now)()) => {}
                Ok(None) => {
                    let ended = self.end_unseen_task(run, before, task).await?;
                    return Ok(Asked::Ended(Box::new(ended)));
                }
                Err(error) => return Ok(unclear(cause_chain(&error))),
            }
        }
        if !run.before_effect().await? {
            return Ok(Asked::Ended(Box::new(Err((not_carried_on(), None)))));
        }
        match self.ecs.run_one_off(&one_off).await {
            Ok(arn) => self.found(run, before, (arn, false)).await,
            // It may have been asked for before, with an answer that nobody saw.
            Err(error) if error.is_ambiguous() || task.status != BeforeTaskStatus::Pending => {
                Ok(unclear(cause_chain(&error)))
            }
            Err(error) => {
                let reason = cause_chain(&error);
                let failed = |task: &mut BeforeTask| task.status = BeforeTaskStatus::Failed;
                let text = "its one-off task could not be run";
                run.journal.write_before_task(before.position, text, failed).await?;
                Ok(Asked::Ended(Box::new(Err((Verdict::Failed { reason }, None)))))
            }
        }
    }

    /// Writes that the task is about to be asked for.
    async fn intend(&self, run: &Run<'_>, before: Before<'_>) -> Result<(), EngineError> {
        let at = (self.now)();
        let intended = |task: &mut BeforeTask| {
            task.status = BeforeTaskStatus::Intent;
            task.started_at = Some(at);
        };
        run.journal.write_before_task(before.position, "its one-off task is run", intended).await
    }

    /// Writes and tells which task it is.
    async fn found(
        &self,
        run: &Run<'_>,
        before: Before<'_>,
        (arn, adopted): (String, bool),
    ) -> Result<Asked, EngineError> {
        let running = |task: &mut BeforeTask| {
            task.status = BeforeTaskStatus::Running;
            task.task_arn = Some(arn.clone());
        };
        let text = format!("its one-off task is {}", short(&arn));
        run.journal.write_before_task(before.position, &text, running).await?;
        self.tell_start(run, before, (&arn, adopted));
        Ok(Asked::Task(arn))
    }

    /// Tells that a task runs.
    pub(super) fn tell_start(
        &self,
        run: &Run<'_>,
        before: Before<'_>,
        (arn, adopted): (&str, bool),
    ) {
        let Some(task) = run.journal.before_task(before.position) else { return };
        let (command, task) = (task.run.line(), short(arn).to_owned());
        self.tell(before, TaskHappening::Started { command, task, adopted });
    }

    /// Tells what happens to a task.
    pub(super) fn tell(&self, before: Before<'_>, happening: TaskHappening) {
        let service = before.step.service.clone();
        self.listener.hear(&Event::BeforeTask { service, happening });
    }

    /// Tells of one-off tasks that still run although nothing that follows them is begun. They are
    /// never stopped from here: what ends a migration in its middle does more harm than what waits
    /// for it.
    pub(super) async fn tell_running_tasks(
        &self,
        journal: &Journal<'_>,
    ) -> Result<(), EngineError> {
        for (position, step) in journal.steps().iter().enumerate() {
            let Some(task) = step.before_task.as_ref().filter(|task| task.may_run()) else {
                continue;
            };
            let seen = look_at_task(self.ecs, (&journal.deployment(), step), task).await;
            match seen.ok().flatten() {
                Some(OneOffState { end: Some(end), .. }) => {
                    self.record_end_of(journal, position, &end).await?;
                }
                Some(running) => {
                    let text = left_running(step, (task, &running.arn));
                    self.listener.hear(&Event::Warning { text });
                }
                None => {
                    let (service, line) = (&step.service, task.run.line());
                    let text = format!(
                        "`{service}`: whether its one-off task `{line}` runs, or how it ended, is \
                         not known; before it is run again, `release-tool deploy` asks"
                    );
                    self.listener.hear(&Event::Warning { text });
                }
            }
        }
        Ok(())
    }
}

/// The one-off task of a recorded step as ECS tells of it now; nothing where ECS does not know it, or
/// not any more.
///
/// # Errors
/// Fails when ECS cannot be asked.
pub async fn look_at_task(
    ecs: &Ecs,
    (deployment, step): (&Deployment, &Step),
    task: &BeforeTask,
) -> Result<Option<OneOffState>, EcsError> {
    let cluster = &step.target.cluster;
    if let Some(arn) = &task.task_arn {
        return ecs.one_off(cluster, arn, &task.run.container).await;
    }
    let Some(task_definition) = &step.task_definition else { return Ok(None) };
    let token = token(deployment, &step.service);
    let service = &step.target.ecs_service;
    ecs.find_one_off(&OneOff { cluster, service, task_definition, run: &task.run, token: &token })
        .await
}

impl Run<'_> {
    /// Takes note of what is known to have ended without success, before anything is begun.
    fn take_note_of_ends(&self) {
        let has_failed = |task: &BeforeTask| task.status == BeforeTaskStatus::Failed;
        let steps = self.journal.steps();
        let mut over = steps.iter().filter(|step| step.is_over());
        if over.any(|step| step.before_task.as_ref().is_some_and(has_failed)) {
            self.rollouts.hold();
        }
        for (_, step, start) in self.course.legs() {
            if let Start::End(verdict) = start {
                self.rollouts.ended(&step.service, verdict);
            }
        }
    }

    /// Whether a step's task is not run now, since another step failed or is in doubt.
    fn waits_or_stays(&self, position: usize) -> bool {
        let is_in_doubt = self.stops_others() && self.rollouts.in_doubt();
        is_in_doubt || self.not_started(position).is_some()
    }
}

impl Journal<'_> {
    /// The one-off task of a step as last written.
    fn before_task(&self, position: usize) -> Option<BeforeTask> {
        self.step(position)?.before_task
    }

    /// Whether the one-off task of a step is still to succeed.
    fn is_before_task_due(&self, position: usize) -> bool {
        let Some(step) = self.step(position).filter(|step| !step.is_over()) else { return false };
        let is_over =
            |status| matches!(status, BeforeTaskStatus::Succeeded | BeforeTaskStatus::Skipped);
        step.before_task.is_some_and(|task| !is_over(task.status))
    }

    /// Writes what became of a step's one-off task.
    pub(super) async fn write_before_task(
        &self,
        position: usize,
        text: &str,
        change: impl FnOnce(&mut BeforeTask),
    ) -> Result<(), EngineError> {
        self.change(position, text, |step| {
            if let Some(task) = &mut step.before_task {
                change(task);
            }
        })
        .await
    }
}

/// What names the task of a step to ECS, the same whoever asks for it.
fn token(deployment: &Deployment, service: &ServiceId) -> String {
    let Deployment { project, environment, number, created_at, .. } = deployment;
    let whole = format!("{project}/{environment}/{number}/{created_at}/{service}");
    let hash = Sha256::digest(whole);
    let hex: Vec<String> = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("release-tool/{number}/{}", hex.concat())
}

/// What is asked for.
fn one_off<'a>(before: Before<'a>, task: &'a BeforeTask, token: &'a str) -> OneOff<'a> {
    OneOff {
        cluster: &before.step.target.cluster,
        service: &before.step.target.ecs_service,
        task_definition: before.task_definition,
        run: &task.run,
        token,
    }
}

/// Whether asking again with the same token is known to run nothing twice.
fn is_token_good(asked_at: Option<Timestamp>, now: Timestamp) -> bool {
    asked_at.is_some_and(|at| now.duration_since(at) < TOKEN_IS_GOOD)
}

/// An end that is not known yet, and that `resume` may find out.
fn unclear(reason: String) -> Asked {
    Asked::Ended(Box::new(Err((Verdict::Unknown { reason }, None))))
}

/// That a task is left running, with the command that ends it.
fn left_running(step: &Step, (task, arn): (&BeforeTask, &str)) -> String {
    let Step { service, target, .. } = step;
    format!(
        "`{service}`: its one-off task `{}` still runs and is left running; stop it with `aws ecs \
         stop-task --cluster {} --task {}`",
        task.run.line(),
        target.cluster,
        short(arn)
    )
}

/// The id of a task, the last part of its ARN.
pub(super) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_less_than_an_hour() {
        let at = |minutes: i64| Timestamp::from_second(minutes * 60).unwrap();
        assert!(is_token_good(Some(at(0)), at(49)));
        assert!(!is_token_good(Some(at(0)), at(50)));
        assert!(!is_token_good(None, at(0)));
    }
}
