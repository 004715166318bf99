//! The way back: a deployment that failed, or that somebody wants undone, takes back what it did.
//!
//! It is the same deployment, in the other direction: every service that goes back has its
//! COMPENSATING in the record before anything is done to it. What is to be done is worked out from
//! what the services look like now.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::{
    Engine,
    effects::{cause_chain, not_carried_on},
    error::EngineError,
    follow::Seen,
    journal::Journal,
    run::Run,
};
use crate::{
    backend::{platform::ecs::EcsError, registry::Resolution},
    model::{
        ContainerName, Digest, Event, ImageId, ImageUri, Label, ObservedService, ParameterName,
        ServiceDeploymentStatus, ServiceHead, ServiceId, Step, StepStatus, TaskDefinition,
        TaskDefinitionArn, Verdict,
    },
    plan::{Extent, PlannedStep, Undo, UndoPicture, UndoRequest, container_images, undo},
};

/// How many task definitions are read at the same time.
const READ_AT_ONCE: usize = 20;
/// For how long a revision that nothing runs any more may still be named by a deployment that ECS
/// is ending.
const STILL_IN_USE: Duration = Duration::from_mins(1);
/// For how long ECS may be busy with a rollback of its own before ours goes on without it.
const ECS_ROLLBACK: Duration = Duration::from_mins(10);
/// The time between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

impl Engine<'_> {
    /// Works out how the steps of a deployment go back, by what the services look like now.
    pub(super) async fn look_back(
        &self,
        journal: &Journal<'_>,
        extent: Extent,
    ) -> Result<Undo, EngineError> {
        let deployment = journal.deployment();
        let unseen = |source| EngineError::WayBackUnseen { deployment: deployment.number, source };
        let steps: Vec<Step> = deployment
            .steps
            .iter()
            .filter(|step| !matches!(step.status, StepStatus::Pending | StepStatus::Skipped))
            .cloned()
            .collect();
        let mut pictures = self.undo_pictures(&steps).await.map_err(unseen)?;
        let (project, environment) = (&deployment.project, &deployment.environment);
        let heads = self.ledger.heads(project, environment).await.unwrap_or_default();
        self.add_digests(&mut pictures, &steps, &heads).await;
        let label = Label::of_environment(&deployment.environment);
        let images: BTreeSet<&ImageId> =
            steps.iter().flat_map(|step| step.target.images.keys()).collect();
        let names: BTreeMap<ParameterName, ImageId> = images
            .into_iter()
            .map(|id| (ParameterName::of_image(&deployment.project, &label, id), id.clone()))
            .collect();
        let asked: Vec<ParameterName> = names.keys().cloned().collect();
        let found = self.parameters.get(&asked).await.map_err(|source| {
            EngineError::ParametersUnseen { deployment: deployment.number, source }
        })?;
        let parameters = found
            .into_iter()
            .filter_map(|(name, found)| Some((names.get(&name)?.clone(), found.value)))
            .collect();
        Ok(undo(&UndoRequest {
            project: &deployment.project,
            environment: &deployment.environment,
            steps: &deployment.steps,
            extent,
            pictures: &pictures,
            parameters: &parameters,
        }))
    }

    /// Looks at the services of some steps, once ECS is not busy putting them back itself.
    async fn undo_pictures(
        &self,
        steps: &[Step],
    ) -> Result<BTreeMap<ServiceId, UndoPicture>, EcsError> {
        let observed = self.settled(steps).await?;
        let mut pictures = BTreeMap::new();
        let of_services = stream::iter(observed)
            .map(async |(step, service)| {
                let id = step.service.clone();
                self.undo_picture(step, service).await.map(|picture| (id, picture))
            })
            .buffer_unordered(READ_AT_ONCE);
        let found: Vec<(ServiceId, UndoPicture)> = of_services.try_collect().await?;
        pictures.extend(found);
        Ok(pictures)
    }

    /// The services, looked at until ECS has ended the rollbacks it is at: what it is asked during
    /// one of them it does not do.
    async fn settled<'a>(
        &self,
        steps: &'a [Step],
    ) -> Result<Vec<(&'a Step, ObservedService)>, EcsError> {
        let targets: Vec<_> = steps
            .iter()
            .map(|step| (step.target.cluster.clone(), step.target.ecs_service.clone()))
            .collect();
        let deadline = Instant::now() + ECS_ROLLBACK;
        loop {
            let mut seen = self.ecs.observe(&targets).await?;
            let is_busy = seen.values().any(ObservedService::is_rolling_back)
                || self.rolls_back_in_stages(&seen).await?;
            if !is_busy || Instant::now() >= deadline {
                let service = |(step, target)| Some((step, seen.remove(target)?));
                return Ok(steps.iter().zip(&targets).filter_map(service).collect());
            }
            sleep(INTERVAL).await;
        }
    }

    /// Whether ECS is rolling a service back in stages, which only its service deployment tells.
    async fn rolls_back_in_stages(&self, seen: &Seen) -> Result<bool, EcsError> {
        let staged = seen.values().filter(|service| service.strategy.is_staged());
        let arns: Vec<String> =
            staged.filter_map(|service| service.current_service_deployment.clone()).collect();
        let known = match self.ecs.service_deployments(&arns).await {
            Err(error) if error.is_denied() => return Ok(false),
            known => known?,
        };
        Ok(known.values().any(|deployment| {
            use ServiceDeploymentStatus::{RollbackInProgress, RollbackRequested};
            matches!(deployment.status, RollbackRequested | RollbackInProgress)
        }))
    }

    /// What is to be known of one service.
    async fn undo_picture(
        &self,
        step: &Step,
        observed: ObservedService,
    ) -> Result<UndoPicture, EcsError> {
        let before = step.before.task_definition.as_ref();
        let now = observed.task_definition.as_ref();
        let family = now.or(before).map(|arn| arn.family().to_owned());
        let (before, now, latest) = tokio::try_join!(
            self.revision_if_any(before.map(TaskDefinitionArn::as_str)),
            self.revision_if_any(now.map(TaskDefinitionArn::as_str)),
            self.revision_if_any(family.as_deref()),
        )?;
        Ok(UndoPicture {
            observed,
            now,
            before,
            latest,
            digests: BTreeMap::new(),
            lost_image: None,
        })
    }

    /// A revision by ARN or family; none where ECS does not know it any more.
    async fn revision_if_any(
        &self,
        reference: Option<&str>,
    ) -> Result<Option<TaskDefinition>, EcsError> {
        let Some(reference) = reference else { return Ok(None) };
        match self.ecs.task_definition(reference).await {
            Ok(definition) => Ok(Some(definition)),
            Err(EcsError::TaskDefinitionNotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks the registry for the images that ran before: their digests are the proof that they run
    /// again, and one that is gone, or whose tag is another image by now, cannot run. A registry that does not answer stands in nobody's
    /// way.
    async fn add_digests(
        &self,
        pictures: &mut BTreeMap<ServiceId, UndoPicture>,
        steps: &[Step],
        heads: &BTreeMap<ServiceId, ServiceHead>,
    ) {
        let images = |picture: &UndoPicture| {
            let before = picture.before.as_ref();
            before.and_then(|before| container_images(&before.document).ok()).unwrap_or_default()
        };
        let mapped = |step: &Step, picture: &UndoPicture| -> Vec<(ContainerName, ImageUri)> {
            let images = images(picture);
            let uri = |name: &ContainerName| ImageUri::parse(images.get(name.as_str())?).ok();
            let names = step.target.containers.keys();
            names.filter_map(|name| Some((name.clone(), uri(name)?))).collect()
        };
        let all = steps.iter().filter_map(|step| Some((step, pictures.get(&step.service)?)));
        let uris: BTreeSet<ImageUri> =
            all.flat_map(|(step, picture)| mapped(step, picture)).map(|(_, uri)| uri).collect();
        let uris: Vec<ImageUri> = uris.into_iter().collect();
        let found = match self.registry.resolve(&uris).await {
            Ok(found) => found,
            Err(error) => {
                let chain = cause_chain(&error);
                let text = format!("cannot ask for the digests of what ran before: {chain}");
                self.listener.hear(&Event::Warning { text });
                return;
            }
        };
        for step in steps {
            let Some(picture) = pictures.get_mut(&step.service) else { continue };
            for (container, uri) in mapped(step, picture) {
                match found.get(&uri) {
                    Some(Resolution::Found { digest, .. })
                        if was_another(step, heads.get(&step.service), (&container, digest)) =>
                    {
                        picture.lost_image =
                            Some(format!("the tag of `{uri}`, which it ran before, has moved"));
                    }
                    Some(Resolution::Found { digest, platforms, .. }) => {
                        let digests: BTreeSet<Digest> =
                            platforms.iter().chain([digest]).cloned().collect();
                        picture.digests.insert(container, digests);
                    }
                    Some(Resolution::Missing { .. }) => {
                        picture.lost_image = Some(format!(
                            "`{uri}`, which it ran before, is not in its registry any more"
                        ));
                    }
                    Some(Resolution::TagMoved | Resolution::NotAsked) | None => {}
                }
            }
        }
    }

    /// Brings parameters and family in step with what a service is set to. Everything is tried;
    /// what cannot be done is told.
    pub(super) async fn put_back(
        &self,
        run: &Run<'_>,
        (position, step): (usize, &PlannedStep),
        (retire, broken): (Option<&TaskDefinitionArn>, Option<&str>),
    ) -> Result<(), EngineError> {
        let is_over =
            run.journal.step(position).is_some_and(|step| step.status == StepStatus::Failed);
        if is_over && step.parameters.is_empty() && retire.is_none() && broken.is_none() {
            return Ok(());
        }
        if !run.before_effect().await? || !self.begins(run, (position, step)).await? {
            return Ok(());
        }
        let refused = self.publish_all(run, step).await?;
        let found = broken.map(|reason| Verdict::Failed { reason: reason.to_owned() });
        let mut verdict = refused.or(found).unwrap_or(Verdict::Verified);
        if let Some(retire) = retire {
            if !run.before_effect().await? {
                verdict = not_carried_on();
            } else if let Err(reason) = self.retire(run, step, retire).await {
                verdict = Verdict::Failed { reason };
            }
        }
        self.conclude(run, position, (verdict, None)).await
    }

    /// Deregisters a revision once nothing uses it. Fails with the reason in words.
    async fn retire(
        &self,
        run: &Run<'_>,
        step: &PlannedStep,
        unused: &TaskDefinitionArn,
    ) -> Result<(), String> {
        let short = unused.short();
        let deadline = Instant::now() + STILL_IN_USE;
        while self.is_in_use(run, unused).await {
            if Instant::now() >= deadline {
                return Err(format!("{short} is still in use and stays registered"));
            }
            sleep(INTERVAL).await;
        }
        if let Err(error) = self.ecs.deregister(unused).await {
            return Err(format!("{short} could not be deregistered: {}", cause_chain(&error)));
        }
        self.listener.hear(&Event::TaskDefinitionDeregistered {
            service: step.service.clone(),
            task_definition: unused.clone(),
        });
        Ok(())
    }

    /// Whether a service of this deployment still uses a revision; yes when ECS does not say.
    async fn is_in_use(&self, run: &Run<'_>, task_definition: &TaskDefinitionArn) -> bool {
        let shares = |step: &Step| {
            let known = [step.task_definition.as_ref(), step.before.task_definition.as_ref()];
            known.into_iter().flatten().any(|arn| arn.family() == task_definition.family())
        };
        let steps = run.journal.steps();
        let targets: Vec<_> = steps
            .iter()
            .filter(|step| shares(step))
            .map(|step| (step.target.cluster.clone(), step.target.ecs_service.clone()))
            .collect();
        let Ok(seen) = self.ecs.observe(&targets).await else { return true };
        seen.values().any(|service| {
            let users = service.deployments.iter().map(|d| d.task_definition.as_ref());
            users.chain([service.task_definition.as_ref()]).any(|u| u == Some(task_definition))
        })
    }
}

/// Whether a container's image was verified at another digest before than its tag has now.
fn was_another(
    step: &Step,
    head: Option<&ServiceHead>,
    (container, now): (&ContainerName, &Digest),
) -> bool {
    let verified = head
        .and_then(|head| head.verified.as_ref())
        .filter(|verified| step.before.task_definition.as_ref() == Some(&verified.task_definition));
    let image = step.target.containers.get(container);
    let digest = verified
        .zip(image)
        .and_then(|(verified, image)| verified.images.get(image)?.digest.as_ref());
    digest.is_some_and(|digest| digest != now)
}
