//! Services that are restarted: deployed anew with what they run, so that nothing of them changes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    document::container_images,
    planner::{
        before, code_deploy_order, refuse_what_cannot_be_deployed, refuse_what_code_deploy_is_at,
        running_hashes, unreadable,
    },
    preflight::Problem,
    steps::{Insistence, PlannedStep, Revision, Rollout, ServicePicture},
};
use crate::model::{
    ContainerName, Digest, ImageId, ImageUri, RolloutState, StepBefore, StepTarget,
};

/// A service that is to be restarted.
#[derive(Debug, Clone)]
pub struct Restarted {
    /// The service as it is.
    pub picture: ServicePicture,
    /// The digests that each container's tasks may have afterwards, where they are known: those of
    /// the image that they run now.
    pub digests: BTreeMap<ContainerName, BTreeSet<Digest>>,
}

/// The images that a service runs in its mapped containers.
#[must_use]
pub fn running_images(picture: &ServicePicture) -> Vec<(ContainerName, ImageId, ImageUri)> {
    let images = container_images(&picture.running().document).unwrap_or_default();
    let mapped = picture.containers.iter().filter_map(|(container, image)| {
        let uri = ImageUri::parse(images.get(container.as_str())?.as_str()).ok()?;
        Some((container.clone(), image.clone(), uri))
    });
    mapped.collect()
}

/// The step that restarts a service.
pub(super) fn restart(
    picture: &ServicePicture,
    digests: BTreeMap<ContainerName, BTreeSet<Digest>>,
) -> Result<PlannedStep, Box<Problem>> {
    refuse_what_cannot_be_restarted(picture)?;
    let running = running_hashes(picture).map_err(|source| unreadable(picture, source))?;
    let images = running_images(picture);
    Ok(PlannedStep {
        service: picture.service.clone(),
        selected: true,
        restart: true,
        target: StepTarget {
            cluster: picture.observed.cluster.clone(),
            ecs_service: picture.observed.name.clone(),
            containers: picture.containers.clone(),
            images: images.into_iter().map(|(_, image, uri)| (image, uri)).collect(),
            enable_circuit_breaker: false,
        },
        before: StepBefore { digests: digests.clone(), ..before(picture, &[], &running) },
        running,
        before_task: None,
        skipped_task: None,
        answers_for: None,
        revision: Revision::Existing { task_definition: picture.running().arn.clone() },
        changes: Vec::new(),
        parameters: Vec::new(),
        rollout: ANEW,
        digests,
        desired: picture.observed.desired,
        circuit_breaker: picture.observed.circuit_breaker.enabled,
        strategy: picture.observed.strategy.clone(),
        code_deploy: code_deploy_order(&picture.observed),
    })
}

/// A deployment of what runs already.
const ANEW: Rollout = Rollout::Update { force: true };

/// Services that cannot be deployed, or that move anyway.
fn refuse_what_cannot_be_restarted(picture: &ServicePicture) -> Result<(), Box<Problem>> {
    refuse_what_cannot_be_deployed((Insistence::default(), false), picture)?;
    refuse_what_code_deploy_is_at(picture, &ANEW)?;
    let service = picture.service.clone();
    let state = picture.observed.primary().and_then(|primary| primary.rollout_state);
    if state == Some(RolloutState::InProgress) {
        return Err(Box::new(Problem::Moving { service }));
    }
    Ok(())
}
