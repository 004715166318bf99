//! What the record says of a service after a step: the last attempt beside what is verified.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::{
    BeforeTaskStatus, Compensation, Deployment, DeploymentStatus, EcsDeploymentId, ImageId,
    ReleasedImage, RollbackCause, ServiceHead, Step, StepStatus, TaskDefinitionArn, Verdict,
    VerifiedHead,
};

/// The head of one service. Only a deployment that succeeded as a whole moves what is verified:
/// a set is verified together or not at all. A service that was moved back is verified to run
/// what it ran before, under another revision.
pub(super) fn head_of(
    (deployment, step): (&Deployment, &Step),
    images: &BTreeMap<ImageId, ReleasedImage>,
    (earlier, at): (Option<VerifiedHead>, Timestamp),
) -> ServiceHead {
    let is_verified =
        deployment.status == DeploymentStatus::Succeeded && step.status == StepStatus::Verified;
    let moved_back = step
        .compensation
        .as_ref()
        .filter(|back| back.ecs_deployment.is_some() && step.status == StepStatus::Compensated);
    let images = match moved_back {
        Some(_) => match &earlier {
            Some(head) if was_verified(step, head) => head.images.clone(),
            // What it runs again was never verified here: its revision tells its images.
            _ => BTreeMap::new(),
        },
        None => images_of(step, images, earlier.as_ref()),
    };
    let verified = match (moved_back, &step.task_definition) {
        (Some(back), _) => match earlier {
            Some(head) if was_verified(step, &head) => restored(deployment, back, (head, at)),
            earlier => earlier,
        },
        (None, Some(task_definition)) if is_verified => Some(VerifiedHead {
            deployment: deployment.number,
            release: deployment.release,
            task_definition: task_definition.clone(),
            ecs_deployment: step.ecs_deployment.clone(),
            images: images.clone(),
            at,
        }),
        (None, _) => earlier,
    };
    let (task_definition, ecs_deployment, verdict) = live_part(step);
    ServiceHead {
        service: step.service.clone(),
        deployment: deployment.number,
        release: deployment.release,
        status: step.status,
        before: step.before.task_definition.clone(),
        verdict,
        task_definition,
        ecs_deployment,
        images,
        at,
        verified,
        before_task: asks_for_task(step).then_some(deployment.number),
    }
}

/// Whether a one-off task was asked for, or left out, by a step.
fn asks_for_task(step: &Step) -> bool {
    let task = step.before_task.as_ref();
    task.is_some_and(|task| task.status != BeforeTaskStatus::Pending)
}

/// All images of a service after this step: those it changed, and those it kept.
fn images_of(
    step: &Step,
    released: &BTreeMap<ImageId, ReleasedImage>,
    earlier: Option<&VerifiedHead>,
) -> BTreeMap<ImageId, ReleasedImage> {
    let mut images = earlier.map(|head| head.images.clone()).unwrap_or_default();
    let changed = step.target.images.keys();
    images.extend(changed.filter_map(|id| Some((id.clone(), released.get(id)?.clone()))));
    images
}

/// Whether what a step found running was what was verified last.
fn was_verified(step: &Step, head: &VerifiedHead) -> bool {
    step.before.task_definition.as_ref() == Some(&head.task_definition)
}

/// What is verified of a service that was moved back: what was verified before, as the copy that
/// runs now.
fn restored(
    deployment: &Deployment,
    back: &Compensation,
    (earlier, at): (VerifiedHead, Timestamp),
) -> Option<VerifiedHead> {
    Some(VerifiedHead {
        deployment: deployment.number,
        task_definition: back.task_definition.clone()?,
        ecs_deployment: back.ecs_deployment.clone(),
        at,
        ..earlier
    })
}

/// What a service was last told to run, by which rollout, and how that ended.
fn live_part(step: &Step) -> (Option<TaskDefinitionArn>, Option<EcsDeploymentId>, Option<Verdict>) {
    match &step.compensation {
        Some(back) if back.ecs_deployment.is_some() => {
            let verdict = match (&back.verdict, step.status) {
                (Some(Verdict::Verified), StepStatus::Compensated) => Some(Verdict::RolledBack {
                    to: back.task_definition.clone(),
                    reason: "the deployment was rolled back".to_owned(),
                    cause: RollbackCause::Other,
                }),
                (verdict, _) => verdict.clone(),
            };
            (back.task_definition.clone(), back.ecs_deployment.clone(), verdict)
        }
        Some(back) if back.stopped.is_some() && step.status == StepStatus::Compensated => {
            let to = step.before.task_definition.clone();
            let reason = "the deployment was rolled back".to_owned();
            let cause = RollbackCause::User;
            let verdict = Some(Verdict::RolledBack { to, reason, cause });
            (step.task_definition.clone(), step.ecs_deployment.clone(), verdict)
        }
        _ => (step.task_definition.clone(), step.ecs_deployment.clone(), step.verdict.clone()),
    }
}
