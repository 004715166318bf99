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

/// The parameters of a deployment, each written once, also when several services share it.
type Written = BTreeMap<ParameterName, OnceCell<()>>;

impl Engine<'_> {
    /// Carries out the effects of all steps, until one fails.
    pub(super) async fn apply_all(
        &self,
        plan: &Plan,
        journal: &Journal<'_>,
        rollouts: &Rollouts,
    ) -> Result<(), EngineError> {
        let written: Written = plan
            .steps
            .iter()
            .flat_map(|step| &step.parameters)
            .map(|change| (change.name.clone(), OnceCell::new()))
            .collect();
        let written = &written;
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
        if let Some(service) = rollouts.first_failure() {
            let reason = format!("`{service}` failed first");
            return self.conclude(journal, position, (Verdict::NotStarted { reason }, None)).await;
        }
        let at = journal.now();
        journal
            .change(position, |step| {
                step.status = StepStatus::Intent;
                step.started_at = Some(at);
            })
            .await?;
        match self.effects(step, position, (journal, written)).await? {
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
        (journal, written): (&Journal<'_>, &Written),
    ) -> Result<Result<(TaskDefinitionArn, EcsDeploymentId), Verdict>, EngineError> {
        let task_definition = match self.revision(step).await {
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
        for change in &step.parameters {
            if let Err(error) = self.publish(step, change, written).await {
                return Ok(Err(refused(&error, error.aws().is_ambiguous())));
            }
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
    async fn revision(&self, step: &PlannedStep) -> Result<TaskDefinitionArn, EcsError> {
        let (task_definition, registered) = match &step.revision {
            Revision::Existing { task_definition } => (task_definition.clone(), false),
            Revision::New { base, request } => {
                let arn = self
                    .ecs
                    .register(base.family(), request, &|latest| has_images(latest, step))
                    .await?;
                self.warn_of_other_registrations(step, base, &arn);
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
        match written.get(&change.name) {
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
