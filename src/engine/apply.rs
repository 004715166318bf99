//! Steps as they are taken up: begun in the record, carried out or skipped, and handed over to be followed.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    Engine, SERVICES_AT_ONCE,
    course::{Direction, Others},
    error::EngineError,
    journal::Begin,
    rollouts::Stop,
    run::Run,
};
use crate::{
    model::{EcsDeploymentId, Event, StepStatus, TaskDefinitionArn, Verdict},
    plan::{PlannedStep, Start, Watch},
};

impl Engine<'_> {
    /// Carries out the effects of all steps, until one fails.
    pub(super) async fn apply_all(&self, run: &Run<'_>) -> Result<(), EngineError> {
        stream::iter(run.course.legs())
            .map(Ok)
            .try_for_each_concurrent(SERVICES_AT_ONCE, |(position, step, start)| async move {
                self.take_up(run, position, (step, start)).await
            })
            .await?;
        run.rollouts.all_applied();
        Ok(())
    }

    /// Takes one step up where it stands.
    async fn take_up(
        &self,
        run: &Run<'_>,
        position: usize,
        (step, start): (&PlannedStep, &Start),
    ) -> Result<(), EngineError> {
        match start {
            Start::Apply => self.apply(run, position, step).await,
            Start::Follow { task_definition, ecs_deployment } => {
                self.follow(run, (position, step), (task_definition, ecs_deployment), true).await
            }
            Start::Register => self.register_ahead(run, position, step).await,
            Start::End(verdict) => self.end_unseen(run, (position, step), verdict).await,
            Start::PutBack { retire, broken } => {
                let found = (retire.as_ref(), broken.as_deref());
                self.put_back(run, (position, step), found).await
            }
        }
    }

    /// Registers a step's task definition, and does nothing else.
    async fn register_ahead(
        &self,
        run: &Run<'_>,
        position: usize,
        step: &PlannedStep,
    ) -> Result<(), EngineError> {
        if !run.before_effect().await? || !self.begins(run, (position, step)).await? {
            return Ok(());
        }
        let ready = self.make_ready(run, position, step).await?;
        let verdict = ready.err().unwrap_or(Verdict::Verified);
        run.rollouts.ended(&step.service, &verdict);
        self.conclude(run, position, (verdict, None)).await
    }

    /// Writes the end of a step that was found to be over, or that cannot be carried out.
    async fn end_unseen(
        &self,
        run: &Run<'_>,
        (position, step): (usize, &PlannedStep),
        verdict: &Verdict,
    ) -> Result<(), EngineError> {
        run.rollouts.ended(&step.service, verdict);
        if self.begins(run, (position, step)).await? {
            self.conclude(run, position, (verdict.clone(), None)).await?;
        }
        Ok(())
    }

    /// Writes that a step begins. Tells whether it may.
    pub(super) async fn begins(
        &self,
        run: &Run<'_>,
        (position, step): (usize, &PlannedStep),
    ) -> Result<bool, EngineError> {
        match run.journal.begin(position, (run.course.direction, &step.before)).await? {
            Begin::Yes => Ok(true),
            Begin::Cancelled(request) => {
                run.rollouts.stop(Stop::Cancelled(request));
                Ok(false)
            }
            Begin::NoRecord(why) => {
                if !run.rollouts.record_lost() {
                    run.rollouts.lose_record();
                    let text = format!("nothing more is begun, since {why}");
                    self.listener.hear(&Event::Warning { text });
                }
                Ok(false)
            }
        }
    }

    /// Carries out one step's effects, or skips it when another has failed.
    async fn apply(
        &self,
        run: &Run<'_>,
        position: usize,
        step: &PlannedStep,
    ) -> Result<(), EngineError> {
        // What comes before all services may have ended it.
        let is_over = run.course.direction == Direction::Forward
            && run.journal.step(position).is_some_and(|step| step.is_over());
        if is_over || !run.before_effect().await? {
            return Ok(());
        }
        if let Some(verdict) = run.not_started(position) {
            return self.conclude(run, position, (verdict, None)).await;
        }
        if run.stops_others() && run.rollouts.in_doubt() {
            // It stays to be done: what is in doubt may turn out well.
            return Ok(());
        }
        if !self.begins(run, (position, step)).await? {
            return Ok(());
        }
        match self.effects(run, position, step).await? {
            Ok((task_definition, ours)) => {
                let adopted = step.before.ecs_deployment.as_ref() == Some(&ours);
                self.follow(run, (position, step), (&task_definition, &ours), adopted).await
            }
            Err(verdict) => {
                run.rollouts.ended(&step.service, &verdict);
                self.conclude(run, position, (verdict, None)).await
            }
        }
    }

    /// Writes that a service moves, tells it, and hands its rollout over to be followed.
    async fn follow(
        &self,
        run: &Run<'_>,
        (position, step): (usize, &PlannedStep),
        (task_definition, ours): (&TaskDefinitionArn, &EcsDeploymentId),
        adopted: bool,
    ) -> Result<(), EngineError> {
        let direction = run.course.direction;
        let is_new_to_the_record =
            run.journal.step(position).is_none_or(|step| step.status == StepStatus::Pending);
        if is_new_to_the_record && !self.begins(run, (position, step)).await? {
            return Ok(());
        }
        let earlier = run.journal.kept(position, direction, ours);
        run.journal.applied(position, direction, (task_definition, ours)).await?;
        let service = step.service.clone();
        self.listener.hear(&Event::RolloutStarted {
            service,
            ecs_deployment: ours.clone(),
            adopted,
        });
        let watch = watch(step, task_definition.clone(), ours.clone());
        run.rollouts.begin(position, watch, earlier);
        Ok(())
    }
}

impl Run<'_> {
    /// Whether the next effect may begin; returns when that is known.
    pub(super) async fn before_effect(&self) -> Result<bool, EngineError> {
        self.keeper.before_effect(self.rollouts).await
    }

    /// Whether what is not begun yet is left when a step does not succeed.
    pub(super) fn stops_others(&self) -> bool {
        self.course.others == Others::Stop || self.rollouts.is_held()
    }

    /// The verdict on a step that does not go on: another has failed, or nothing is to be begun.
    pub(super) fn not_started(&self, position: usize) -> Option<Verdict> {
        let reason = match &self.course.others {
            Others::NeverBegin(reason) => reason.clone(),
            Others::GoOn | Others::Stop if !self.stops_others() => return None,
            Others::GoOn | Others::Stop => {
                let failed = self.rollouts.first_failure()?;
                let own = self.course.step(position).is_some_and(|step| step.service == failed);
                if own {
                    return None;
                }
                format!("`{failed}` failed first")
            }
        };
        Some(Verdict::NotStarted { reason })
    }
}

/// What to follow for a step.
fn watch(step: &PlannedStep, task_definition: TaskDefinitionArn, ours: EcsDeploymentId) -> Watch {
    Watch {
        service: step.service.clone(),
        ours,
        task_definition,
        before: step.before.task_definition.clone(),
        circuit_breaker: step.circuit_breaker,
    }
}
