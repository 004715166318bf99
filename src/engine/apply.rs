//! The effects of a step, in their order: register, write the parameters, move the service.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::OnceCell;

use super::{Engine, SERVICES_AT_ONCE, error::EngineError, follow::Rollouts, journal::Journal};
use crate::{
    backend::{
        params::ParametersError,
        platform::ecs::{EcsError, ServiceUpdate},
    },
    model::{
        EcsDeploymentId, Event, ImageUri, ParameterName, StepStatus, TaskDefinition,
        TaskDefinitionArn, Verdict,
    },
    plan::{ParameterChange, Plan, PlannedStep, Revision, Rollout, Watch, container_images},
};

/// What services may share, each done once: parameters, and revisions by the request that makes
/// them.
#[derive(Default)]
struct Written {
    /// The parameters.
    parameters: BTreeMap<ParameterName, OnceCell<()>>,
    /// The revisions.
    revisions: BTreeMap<String, OnceCell<TaskDefinitionArn>>,
}

impl Written {
    /// Nothing of a plan is done yet.
    fn of(plan: &Plan) -> Self {
        let changes = plan.steps.iter().flat_map(|step| &step.parameters);
        let requests = plan.steps.iter().filter_map(|step| match &step.revision {
            Revision::New { request, .. } => Some(request.clone()),
            Revision::Existing { .. } => None,
        });
        Self {
            parameters: changes.map(|c| (c.name.clone(), OnceCell::new())).collect(),
            revisions: requests.map(|request| (request, OnceCell::new())).collect(),
        }
    }
}

impl Engine<'_> {
    /// Carries out the effects of all steps, until one fails.
    pub(super) async fn apply_all(
        &self,
        plan: &Plan,
        journal: &Journal<'_>,
        rollouts: &Rollouts,
    ) -> Result<(), EngineError> {
        let written = &Written::of(plan);
        stream::iter(plan.steps.iter().enumerate())
            .map(Ok)
            .try_for_each_concurrent(SERVICES_AT_ONCE, |(position, step)| async move {
                self.apply(step, position, (journal, rollouts, written)).await
            })
            .await?;
        rollouts.all_applied();
        Ok(())
    }

    /// Carries out one step's effects, or skips it when another has failed.
    async fn apply(
        &self,
        step: &PlannedStep,
        position: usize,
        (journal, rollouts, written): (&Journal<'_>, &Rollouts, &Written),
    ) -> Result<(), EngineError> {
        rollouts.unless_interrupted().await;
        if let Some(verdict) = not_started(rollouts) {
            return self.conclude(journal, position, (verdict, None)).await;
        }
        let at = journal.now();
        journal
            .change(position, |step| {
                step.status = StepStatus::Intent;
                step.started_at = Some(at);
            })
            .await?;
        match self.effects(step, position, (journal, rollouts, written)).await? {
            Ok((task_definition, ours)) => {
                rollouts.begin(position, watch(step, task_definition, ours));
                Ok(())
            }
            Err(verdict) => {
                rollouts.failed(&step.service);
                self.conclude(journal, position, (verdict, None)).await
            }
        }
    }

    /// The three effects. The inner error is the verdict on a step whose request AWS refused.
    async fn effects(
        &self,
        step: &PlannedStep,
        position: usize,
        (journal, rollouts, written): (&Journal<'_>, &Rollouts, &Written),
    ) -> Result<Result<(TaskDefinitionArn, EcsDeploymentId), Verdict>, EngineError> {
        let task_definition = match self.revision(step, written).await {
            Ok(arn) => arn,
            Err(error) => return Ok(Err(refused(&error, error.is_ambiguous()))),
        };
        let registered = matches!(step.revision, Revision::New { .. });
        let arn = task_definition.clone();
        journal
            .change(position, |step| {
                step.task_definition = Some(arn);
                step.registered = registered;
            })
            .await?;
        if let Some(verdict) = not_started(rollouts) {
            return Ok(Err(verdict));
        }
        for change in &step.parameters {
            rollouts.unless_interrupted().await;
            if let Err(error) = self.publish(step, change, written).await {
                return Ok(Err(refused(&error, error.aws().is_ambiguous())));
            }
        }
        rollouts.unless_interrupted().await;
        if let Some(verdict) = not_started(rollouts) {
            return Ok(Err(verdict));
        }
        let (ours, adopted) = match self.rollout(step, &task_definition).await {
            Ok(started) => started,
            Err(verdict) => return Ok(Err(verdict)),
        };
        let id = ours.clone();
        journal
            .change(position, |step| {
                step.status = StepStatus::Applied;
                step.ecs_deployment = Some(id);
            })
            .await?;
        self.listener.hear(&Event::RolloutStarted {
            service: step.service.clone(),
            ecs_deployment: ours.clone(),
            adopted,
        });
        Ok(Ok((task_definition, ours)))
    }

    /// The revision to move to, registered if it does not exist.
    async fn revision(
        &self,
        step: &PlannedStep,
        written: &Written,
    ) -> Result<TaskDefinitionArn, EcsError> {
        let (task_definition, registered) = match &step.revision {
            Revision::Existing { task_definition } => (task_definition.clone(), false),
            Revision::New { base, request } => {
                let register = || async {
                    let is_wanted = |latest: &TaskDefinition| has_images(latest, step);
                    let arn = self.ecs.register(base.family(), request, &is_wanted).await?;
                    self.warn_of_other_registrations(step, base, &arn);
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
    fn warn_of_other_registrations(
        &self,
        step: &PlannedStep,
        base: &TaskDefinitionArn,
        new: &TaskDefinitionArn,
    ) {
        if new.revision() != base.revision() + 1 {
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

    /// Writes one parameter, unless another service of this deployment already did.
    async fn publish(
        &self,
        step: &PlannedStep,
        change: &ParameterChange,
        written: &Written,
    ) -> Result<(), ParametersError> {
        let ours = AtomicBool::new(false);
        let write = || async {
            ours.store(true, Ordering::Relaxed);
            self.parameters.put(&change.name, change.to.as_str(), true).await.map(|_version| ())
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
            });
        }
        Ok(())
    }

    /// Moves the service, with one `UpdateService`, or finds the deployment that already does.
    async fn rollout(
        &self,
        step: &PlannedStep,
        task_definition: &TaskDefinitionArn,
    ) -> Result<(EcsDeploymentId, bool), Verdict> {
        let force = match &step.rollout {
            Rollout::Adopt { ecs_deployment }
            | Rollout::Settled { ecs_deployment: Some(ecs_deployment) } => {
                return Ok((ecs_deployment.clone(), true));
            }
            Rollout::Settled { ecs_deployment: None } => false,
            Rollout::Update { force } => *force,
        };
        let update = ServiceUpdate {
            cluster: &step.target.cluster,
            service: &step.target.ecs_service,
            task_definition,
            force,
            primary_before: step.before.ecs_deployment.as_ref(),
        };
        let outcome = self.ecs.update_service(&update).await;
        let outcome = outcome.map_err(|error| refused(&error, error.is_ambiguous()))?;
        let primary = outcome.service().primary().filter(|primary| {
            primary.task_definition.as_ref() == Some(task_definition)
                && (!force || Some(&primary.id) != step.before.ecs_deployment.as_ref())
        });
        let Some(primary) = primary else {
            let reason = "ECS took the request and started no deployment of it".to_owned();
            return Err(Verdict::Failed { reason });
        };
        let adopted = Some(&primary.id) == step.before.ecs_deployment.as_ref();
        Ok((primary.id.clone(), adopted))
    }
}

/// The verdict on a step that does not go on because another has failed.
fn not_started(rollouts: &Rollouts) -> Option<Verdict> {
    let service = rollouts.first_failure()?;
    Some(Verdict::NotStarted { reason: format!("`{service}` failed first") })
}

/// The verdict on a step whose request failed: unknown when the effect may have happened.
fn refused(error: &dyn std::error::Error, is_ambiguous: bool) -> Verdict {
    let reason = cause_chain(error);
    if is_ambiguous { Verdict::Unknown { reason } } else { Verdict::Failed { reason } }
}

/// An error with its causes, in one line.
pub(super) fn cause_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<String>>().join(": ")
}

/// Whether a revision has the images that the step wants, so that it can be the one we asked for.
fn has_images(latest: &TaskDefinition, step: &PlannedStep) -> bool {
    let target = &step.target;
    let present = container_images(&latest.document).unwrap_or_default();
    target.containers.iter().all(|(container, image)| {
        let wanted = target.images.get(image).map(ImageUri::as_str);
        present.get(container.as_str()).map(String::as_str) == wanted
    })
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
