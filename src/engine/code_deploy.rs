//! Moving services through CodeDeploy: their deployments are made, looked at and stopped there.
//!
//! A deployment is told from all others by its description, which names ours: so one whose answer
//! was lost, or whose id never came into the record, is found again and not made twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    Engine,
    course::Direction,
    effects::{not_carried_on, refused},
    error::EngineError,
    rollouts::Moving,
    run::Run,
};
use crate::{
    backend::platform::{code_deploy::NewDeployment, ecs::EcsError},
    model::{
        CodeDeployOrder, CodeDeployment, Deployment, EcsDeploymentId, Event, ObservedService,
        ServiceId, TaskDefinitionArn, Verdict,
    },
    plan::{Judgement, PlannedStep, judge_code_deploy},
};

/// For how long a deployment that we stopped may take to be rolled back.
const ROLLBACK: Duration = Duration::from_mins(10);
/// The time between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// What our deployments of CodeDeploy, and those that roll them back, are like.
pub(super) type Known = BTreeMap<EcsDeploymentId, CodeDeployment>;

impl Engine<'_> {
    /// Has CodeDeploy move a service, or finds the deployment that already does. The inner error is
    /// the verdict where it does not.
    pub(super) async fn deploy_by_code_deploy(
        &self,
        run: &Run<'_>,
        (position, step): (usize, &PlannedStep),
        (order, task_definition): (&CodeDeployOrder, &TaskDefinitionArn),
    ) -> Result<Result<EcsDeploymentId, Verdict>, EngineError> {
        let deployment = run.journal.deployment();
        if run.course.direction == Direction::Back {
            let ours = run.journal.step(position).and_then(|step| step.ecs_deployment);
            let stopped = self.stop_ours(step, (&deployment, ours.as_ref())).await;
            if let Err(error) = stopped {
                return Ok(Err(refused(&error, error.is_ambiguous())));
            }
            // CodeDeploy may have taken minutes to roll it back.
            if !run.before_effect().await? {
                return Ok(Err(not_carried_on()));
            }
        }
        let description = description(&deployment, &step.service, run.course.direction);
        let new = NewDeployment {
            service: &step.target.ecs_service,
            order,
            task_definition,
            description: &description,
            since: deployment.created_at,
        };
        if step.restart
            && let Err(verdict) =
                self.refuse_if_moved_by_others(step, &new, run.course.direction).await
        {
            return Ok(Err(verdict));
        }
        let made = self.ecs.code_deploy().create(&new).await;
        if let Ok((id, true)) = &made {
            tracing::info!(%id, description, "found the deployment that was made before");
        }
        Ok(made.map(|(id, _)| id).map_err(|error| refused(&error, error.is_ambiguous())))
    }

    /// The verdict on a restart where somebody else deployed the service since it was planned. Our
    /// own deployment is looked for first: once over, it looks like somebody else's.
    async fn refuse_if_moved_by_others(
        &self,
        step: &PlannedStep,
        new: &NewDeployment<'_>,
        direction: Direction,
    ) -> Result<(), Verdict> {
        match self.ecs.code_deploy().look_for(new).await {
            Ok(Some(_ours)) => return Ok(()),
            Ok(None) => {}
            Err(error) => return Err(refused(&error, false)),
        }
        match self.refuse_if_moved(step).await {
            // The plan was made while ours was under way; stopped, it has left what ran before it.
            Err(Verdict::Superseded { task_definition, .. })
                if direction == Direction::Back
                    && task_definition.as_ref() == Some(new.task_definition) =>
            {
                Ok(())
            }
            verdict => verdict,
        }
    }

    /// Stops our deployment on its way forward, where it is still under way, and waits until
    /// CodeDeploy has rolled it back: another one cannot begin before.
    async fn stop_ours(
        &self,
        step: &PlannedStep,
        (deployment, ours): (&Deployment, Option<&EcsDeploymentId>),
    ) -> Result<(), EcsError> {
        let target = (step.target.cluster.clone(), step.target.ecs_service.clone());
        let forward = description(deployment, &step.service, Direction::Forward);
        let deadline = Instant::now() + ROLLBACK;
        let mut is_stopped = false;
        loop {
            let seen = self.ecs.observe(std::slice::from_ref(&target)).await?;
            let under_way = seen
                .get(&target)
                .and_then(|service| service.code_deploy.as_ref()?.under_way().cloned());
            let Some(under_way) = under_way else { return Ok(()) };
            // CodeDeploy's own rollback may have our words, and is not to be stopped.
            let is_ours = under_way.rolls_back.is_none()
                && (ours == Some(&under_way.id) || under_way.description == forward);
            let rolls_ours_back = ours.is_some() && under_way.rolls_back.as_ref() == ours;
            if !(is_ours || rolls_ours_back || is_stopped) || Instant::now() >= deadline {
                // CodeDeploy says itself that it is busy.
                return Ok(());
            }
            if is_ours && !is_stopped {
                self.ecs.code_deploy().stop(&under_way.id).await?;
                is_stopped = true;
                let id = &under_way.id;
                let text = format!("`{}`: {id} is stopped, and rolled back first", step.service);
                self.listener.hear(&Event::Warning { text });
            }
            sleep(INTERVAL).await;
        }
    }

    /// What our deployments of CodeDeploy among those under way are like, and those that roll them
    /// back.
    pub(super) async fn code_deployments(&self, moving: &[Moving]) -> Result<Known, EcsError> {
        let ids: BTreeSet<EcsDeploymentId> = moving
            .iter()
            .filter(|one| one.watch.ours.is_of_code_deploy())
            .map(|one| one.watch.ours.clone())
            .collect();
        let ids: Vec<EcsDeploymentId> = ids.into_iter().collect();
        self.ecs.code_deploy().with_rollbacks(&ids).await
    }

    /// Takes note of how far a deployment of CodeDeploy is, while it is under way. What cannot be
    /// had just now stays as it was.
    pub(super) async fn notice_code_deploy(
        &self,
        one: &mut Moving,
        service: Option<&ObservedService>,
    ) {
        let ours = service.and_then(|service| {
            let under_way = service.code_deploy.as_ref()?.under_way()?;
            (under_way.id == one.watch.ours).then_some((service, under_way))
        });
        match ours {
            Some((service, ours)) => {
                if let Ok(stage) = self.ecs.code_deploy().stage(service, ours).await {
                    one.stages.take_note(Some(stage));
                }
            }
            None => one.stages.take_note(None),
        }
    }
}

/// What one look at a service that CodeDeploy moves tells; nothing for other services.
pub(super) fn judged(
    one: &Moving,
    service: Option<&ObservedService>,
    known: &Known,
) -> Option<Judgement> {
    if !one.watch.ours.is_of_code_deploy() {
        return None;
    }
    let ours = known.get(&one.watch.ours);
    let rollback = ours.and_then(|ours| known.get(ours.rolled_back_by.as_ref()?));
    Some(judge_code_deploy(&one.watch, service, (ours, rollback)))
}

/// What tells our deployment of a service from all others.
fn description(deployment: &Deployment, service: &ServiceId, direction: Direction) -> String {
    let way = match direction {
        Direction::Forward => "",
        Direction::Back => ", back to what ran before",
    };
    let Deployment { number, project, environment, .. } = deployment;
    // Numbers are unique within a store; the moment tells those of several stores apart.
    let at = deployment.created_at.as_millisecond();
    format!("release-tool {number} of {project}/{environment}: {service}{way} ({at})")
}
