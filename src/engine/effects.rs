//! The effects of a step, in their order: register, write the parameters, move the service.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::sync::OnceCell;

use super::{Engine, course::Course, error::EngineError, follow::target_of, run::Run};
use crate::{
    backend::{
        params::ParametersError,
        platform::ecs::{EcsError, ServiceUpdate},
    },
    model::{
        BeforeTask, BeforeTaskStatus, EcsDeployment, EcsDeploymentId, Event, ObservedService,
        ParameterName, TaskDefinition, TaskDefinitionArn, TaskDefinitionStatus, Verdict,
    },
    plan::{ParameterChange, PlannedStep, Revision, Rollout, has_images},
};

/// What services may share, each done once: parameters, and revisions by the request that makes
/// them.
#[derive(Default)]
pub(super) struct Written {
    /// The parameters.
    parameters: BTreeMap<ParameterName, OnceCell<()>>,
    /// The revisions.
    revisions: BTreeMap<String, OnceCell<TaskDefinitionArn>>,
}

impl Written {
    /// Nothing of a course is done yet.
    pub(super) fn of(course: &Course) -> Self {
        let changes = course.steps().flat_map(|step| &step.parameters);
        let requests = course.steps().filter_map(|step| match &step.revision {
            Revision::New { request, .. } => Some(request.clone()),
            Revision::Existing { .. } | Revision::None => None,
        });
        Self {
            parameters: changes.map(|c| (c.name.clone(), OnceCell::new())).collect(),
            revisions: requests.map(|request| (request, OnceCell::new())).collect(),
        }
    }
}

/// What came of telling a service to move: its rollout, a verdict, or nothing, because nothing more
/// is begun.
pub(super) type Applied = Result<(TaskDefinitionArn, EcsDeploymentId), Verdict>;

impl Engine<'_> {
    /// The three effects. The inner error is the verdict on a step whose request AWS refused.
    pub(super) async fn effects(
        &self,
        run: &Run<'_>,
        position: usize,
        step: &PlannedStep,
    ) -> Result<Applied, EngineError> {
        let task_definition = match self.make_ready(run, position, step).await? {
            Ok(arn) => arn,
            Err(verdict) => return Ok(Err(verdict)),
        };
        if let Some(verdict) = run.not_started(position) {
            return Ok(Err(verdict));
        }
        if let Some(verdict) = self.publish_all(run, step).await? {
            return Ok(Err(verdict));
        }
        if !run.before_effect().await? {
            return Ok(Err(not_carried_on()));
        }
        if let Some(verdict) = run.not_started(position) {
            return Ok(Err(verdict));
        }
        let ours = self.rollout(run, (position, step), &task_definition).await?;
        Ok(ours.map(|ours| (task_definition, ours)))
    }

    /// Writes a step's parameters. Gives a verdict when one is refused.
    pub(super) async fn publish_all(
        &self,
        run: &Run<'_>,
        step: &PlannedStep,
    ) -> Result<Option<Verdict>, EngineError> {
        for change in &step.parameters {
            if !run.before_effect().await? {
                return Ok(Some(not_carried_on()));
            }
            if let Err(error) = self.publish(step, change, &run.written).await {
                return Ok(Some(refused(&error, error.aws().is_ambiguous())));
            }
        }
        Ok(None)
    }

    /// Registers a step's revision, or finds it, and writes down which it is, unless that was done.
    /// The inner error is the verdict on a step whose request AWS refused.
    pub(super) async fn make_ready(
        &self,
        run: &Run<'_>,
        position: usize,
        step: &PlannedStep,
    ) -> Result<Result<TaskDefinitionArn, Verdict>, EngineError> {
        let arn = match self.revision(step, &run.written).await {
            Ok(arn) => arn,
            Err(error) => return Ok(Err(refused(&error, error.is_ambiguous()))),
        };
        if !run.is_prepared(position, &arn) {
            let registered = matches!(step.revision, Revision::New { .. });
            run.journal.ready(position, run.course.direction, (&arn, registered)).await?;
        }
        Ok(Ok(arn))
    }

    /// The revision to move to, registered if it does not exist.
    pub(super) async fn revision(
        &self,
        step: &PlannedStep,
        written: &Written,
    ) -> Result<TaskDefinitionArn, EcsError> {
        let (task_definition, registered) = match &step.revision {
            Revision::Existing { task_definition } => (task_definition.clone(), false),
            Revision::None => match &step.before.task_definition {
                Some(task_definition) => return Ok(task_definition.clone()),
                None => return Err(EcsError::unreadable(step.service.as_str(), "it runs nothing")),
            },
            Revision::New { base, latest, request } => {
                let register = || async {
                    let is_wanted =
                        |latest: &TaskDefinition| has_images(Some(latest), &step.target);
                    let arn = self.ecs.register(base.family(), request, &is_wanted).await?;
                    self.warn_of_other_registrations(step, (base, latest), &arn).await;
                    Ok(arn)
                };
                let arn = match written.revisions.get(request) {
                    Some(once) => once.get_or_try_init(register).await?.clone(),
                    None => register().await?,
                };
                (arn, true)
            }
        };
        self.listener.hear(&Event::TaskDefinitionReady {
            service: step.service.clone(),
            task_definition: task_definition.clone(),
            registered,
        });
        Ok(task_definition)
    }

    /// Tells when somebody registered a revision between our look at the family and our copy:
    /// their change is not in ours.
    async fn warn_of_other_registrations(
        &self,
        step: &PlannedStep,
        (base, latest): (&TaskDefinitionArn, &TaskDefinitionArn),
        new: &TaskDefinitionArn,
    ) {
        if new.revision() == latest.revision() + 1 {
            return;
        }
        // A revision that was deregistered before we looked leaves a gap in the numbers too.
        let between = format!("{}:{}", new.family(), new.revision() - 1);
        let found = self.ecs.task_definition(&between).await;
        if found.is_ok_and(|found| found.status == TaskDefinitionStatus::Active) {
            let text = format!(
                "`{}`: {} is a copy of {}, but other revisions were registered in between; compare \
                 them before the next `terraform apply`",
                step.service,
                new.short(),
                base.short()
            );
            self.listener.hear(&Event::Warning { text });
        }
    }

    /// Writes one parameter, or takes it away, unless another service of this deployment already
    /// did.
    async fn publish(
        &self,
        step: &PlannedStep,
        change: &ParameterChange,
        written: &Written,
    ) -> Result<(), ParametersError> {
        let ours = AtomicBool::new(false);
        let write = || async {
            ours.store(true, Ordering::Relaxed);
            match &change.to {
                Some(value) => {
                    self.parameters.put(&change.name, value, true).await.map(|_version| ())
                }
                None => self.parameters.delete(&change.name).await,
            }
        };
        match written.parameters.get(&change.name) {
            Some(once) => {
                once.get_or_try_init(write).await?;
            }
            None => write().await?,
        }
        if ours.load(Ordering::Relaxed) {
            self.listener.hear(&Event::ParameterWritten {
                service: step.service.clone(),
                parameter: change.name.clone(),
                value: change.to.clone(),
            });
        }
        Ok(())
    }

    /// Moves the service, with one `UpdateService` or through CodeDeploy, or finds the deployment
    /// that already does. The inner error is the verdict where it does not.
    async fn rollout(
        &self,
        run: &Run<'_>,
        (position, step): (usize, &PlannedStep),
        task_definition: &TaskDefinitionArn,
    ) -> Result<Result<EcsDeploymentId, Verdict>, EngineError> {
        let force = match &step.rollout {
            Rollout::Adopt { ecs_deployment }
            | Rollout::Settled { ecs_deployment: Some(ecs_deployment) } => {
                return Ok(Ok(ecs_deployment.clone()));
            }
            Rollout::Settled { ecs_deployment: None } => false,
            Rollout::Update { force } => *force,
        };
        if let Some(order) = &step.code_deploy {
            let wanted = (order, task_definition);
            return self.deploy_by_code_deploy(run, (position, step), wanted).await;
        }
        if step.restart
            && let Err(verdict) = self.refuse_if_moved(step).await
        {
            return Ok(Err(verdict));
        }
        let update = ServiceUpdate {
            cluster: &step.target.cluster,
            service: &step.target.ecs_service,
            task_definition,
            force,
            primary_before: step.before.ecs_deployment.as_ref(),
            enable_circuit_breaker: step.target.enable_circuit_breaker,
        };
        Ok(match self.ecs.update_service(&update).await {
            Ok(outcome) => {
                run.journal.saw(position, outcome.service());
                started(outcome.service(), &update)
            }
            Err(error) => Err(refused(&error, error.is_ambiguous())),
        })
    }

    /// The verdict on a restart where somebody deployed the service since it was planned: it would
    /// take that back.
    pub(super) async fn refuse_if_moved(&self, step: &PlannedStep) -> Result<(), Verdict> {
        let target = target_of(step);
        let seen = self.ecs.observe(std::slice::from_ref(&target)).await;
        let seen = seen.map_err(|error| refused(&error, false))?;
        let Some(primary) = seen.get(&target).and_then(ObservedService::primary) else {
            let reason = "the ECS service is not there any more".to_owned();
            return Err(Verdict::Failed { reason });
        };
        if step.before.ecs_deployment.as_ref() == Some(&primary.id) {
            return Ok(());
        }
        Err(Verdict::superseded(Some(primary.id.clone()), primary.task_definition.clone()))
    }
}

impl Run<'_> {
    /// Whether a step's revision was registered, or found, for its one-off task.
    fn is_prepared(&self, position: usize, task_definition: &TaskDefinitionArn) -> bool {
        let is_run = |task: &BeforeTask| task.status != BeforeTaskStatus::Skipped;
        let step = self.journal.step(position);
        let step = step.filter(|step| step.before_task.as_ref().is_some_and(is_run));
        step.is_some_and(|step| step.task_definition.as_ref() == Some(task_definition))
    }
}

/// The deployment that an update has started: the PRIMARY one, where it runs what was asked for, and
/// is a new one where that was asked for too. Otherwise AWS took the request and did nothing.
fn started(
    service: &ObservedService,
    update: &ServiceUpdate<'_>,
) -> Result<EcsDeploymentId, Verdict> {
    let is_it = |primary: &&EcsDeployment| {
        primary.task_definition.as_ref() == Some(update.task_definition)
            && (!update.force || Some(&primary.id) != update.primary_before)
    };
    if let Some(primary) = service.primary().filter(is_it) {
        return Ok(primary.id.clone());
    }
    let found = service.primary().map_or_else(
        || "the service has no PRIMARY deployment".to_owned(),
        |primary| {
            let runs = primary.task_definition.as_ref().map_or("nothing", |arn| arn.short());
            format!("the PRIMARY deployment is {}, with {runs}", primary.id)
        },
    );
    let reason = format!("ECS took the request and started no deployment for it: {found}");
    Err(Verdict::NoDeployment { reason })
}

/// The verdict on a step in whose middle the lease could not be kept.
pub(super) fn not_carried_on() -> Verdict {
    let reason = "the lease could not be renewed, so it was not carried on".to_owned();
    Verdict::Unknown { reason }
}

/// The verdict on a step whose request failed: unknown when the effect may have happened.
pub(super) fn refused(error: &dyn std::error::Error, is_ambiguous: bool) -> Verdict {
    let reason = cause_chain(error);
    if is_ambiguous { Verdict::Unknown { reason } } else { Verdict::Failed { reason } }
}

/// An error with its causes, in one line.
pub(crate) fn cause_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<String>>().join(": ")
}

#[cfg(test)]
#[path = "effects_tests.rs"]
mod tests;
