//! What the user should know before saying yes, though it stops nothing.

use super::steps::{PlanRequest, PlannedStep, Rollout, ServicePicture, Warning};
use crate::model::{DeploymentKind, ObservedService, RolloutState, TaskDefinitionStatus};

/// Settings and states of a service that make its rollout riskier or less certain.
#[expect(clippy::too_many_lines, reason = "a list, one after the other")]
pub(super) fn warnings_of(
    request: &PlanRequest,
    picture: &ServicePicture,
    step: &PlannedStep,
) -> Vec<Warning> {
    let observed = &picture.observed;
    let warn = |text: String, hint: &str| Warning {
        service: picture.service.clone(),
        text,
        hint: hint.to_owned(),
    };
    let mut warnings = Vec::new();
    for image in step.target.images.keys() {
        if request.wanted.images.get(image).is_some_and(|wanted| wanted.digest.is_none()) {
            let text = format!("runs image `{image}`, whose digest is not known");
            warnings.push(warn(text, "register it with `--digest sha256:…` to have it verified"));
        }
    }
    // How CodeDeploy replaces tasks is its group's setting.
    let by_ecs = observed.code_deploy.is_none();
    if step.target.enable_circuit_breaker {
        let text = "gets a circuit breaker with rollback, and keeps it";
        let hint =
            "set `deployment_circuit_breaker` in Terraform too, or it will turn it off again";
        warnings.push(warn(text.into(), hint));
    } else if by_ecs && !observed.circuit_breaker.enabled {
        let text = "has no deployment circuit breaker: ECS will not end a failing rollout";
        let hint = "turn on `deployment_circuit_breaker` with `rollback = true` for the service";
        warnings.push(warn(text.into(), &or_by_flag(request, hint)));
    } else if by_ecs && !observed.circuit_breaker.rollback {
        let text = "has a circuit breaker without rollback: a failed rollout stays as it is";
        let hint = "set `rollback = true` in its circuit breaker";
        warnings.push(warn(text.into(), &or_by_flag(request, hint)));
    }
    if observed.desired == 0 {
        let text = "wants 0 tasks: it can be deployed, but no running task will prove the image";
        warnings.push(warn(text.into(), "scale the service up to have the image verified"));
    }
    if let Some(last) = observed.code_deploy.as_ref().and_then(|one| one.last.as_ref())
        && last.has_hooks
    {
        let text = format!(
            "is deployed without lifecycle hooks, and CodeDeploy's latest deployment {} has some",
            last.id
        );
        warnings.push(warn(text, "go on deploying it with CodeDeploy itself if it needs them"));
    }
    if is_dead_locked(observed) {
        let text = format!("cannot replace a task: {}", bounds(observed));
        warnings.push(warn(text, "raise the maximum or lower the minimum healthy percent"));
    }
    if observed.is_rolling_back() {
        let text = "is being rolled back by ECS: if this rollout fails too, it stays as it is";
        warnings.push(warn(text.into(), "wait for the end of the rollback instead"));
    }
    if let Some(verified) = &picture.drifted {
        let text = format!(
            "was moved past release-tool: it runs {}, and {} was verified last",
            picture.running().arn.short(),
            verified.short()
        );
        let hint = "find out who moved it and why: this deployment takes its place";
        warnings.push(warn(text, hint));
    }
    if picture.running().status != TaskDefinitionStatus::Active {
        let text = format!(
            "runs {}, which is deregistered: ECS may not be able to go back to it by itself",
            picture.running().arn.short()
        );
        let hint = "release-tool goes back with a copy of it; keep what runs registered";
        warnings.push(warn(text, hint));
    }
    if let (Rollout::Update { .. }, Some(primary)) = (&step.rollout, observed.primary())
        && primary.rollout_state == Some(RolloutState::InProgress)
    {
        let text = format!("has a rollout under way ({}), which this one supersedes", primary.id);
        warnings.push(warn(text, &hint_on_what_moves(request, picture)));
    }
    if picture.current.is_some() {
        let text = format!(
            "runs {}, and the latest ACTIVE revision is {}: its other changes go out too",
            picture.running().arn.short(),
            picture.latest.arn.short()
        );
        warnings.push(warn(text, "read the changes listed above before saying yes"));
    }
    warnings
}

/// A hint on circuit breakers, with the flag where the command has it.
fn or_by_flag(request: &PlanRequest, hint: &str) -> String {
    match request.kind {
        DeploymentKind::Deploy => format!("{hint}, or deploy with `--enable-circuit-breaker`"),
        DeploymentKind::Rollback | DeploymentKind::Register | DeploymentKind::Restart => {
            hint.to_owned()
        }
    }
}

/// What to do where a rollout is under way: whoever goes back need not wait for what they go back from.
fn hint_on_what_moves(request: &PlanRequest, picture: &ServicePicture) -> String {
    let (service, environment) = (&picture.service, &request.environment);
    if request.kind == DeploymentKind::Rollback {
        return format!(
            "go on if that is what you go back from; see what it is with `release-tool status {service} \
             {environment} -v`"
        );
    }
    format!("wait for it with `release-tool status {service} {environment} --watch`")
}

/// Whether the bounds leave no room to stop or start a single task (ECS's event "was unable to
/// stop or start tasks during a deployment because of the service deployment configuration").
pub(super) fn is_dead_locked(service: &ObservedService) -> bool {
    let desired = i64::from(service.desired);
    let ceiling = desired * i64::from(service.maximum_percent) / 100;
    let floor = (desired * i64::from(service.minimum_healthy_percent) + 99) / 100;
    // Only tasks that ECS replaces in place need room beside one another.
    let in_place = service.code_deploy.is_none() && !service.strategy.is_staged();
    desired > 0 && ceiling <= floor && in_place
}

/// The bounds of a service's rollouts, in words.
pub(super) fn bounds(service: &ObservedService) -> String {
    format!(
        "{} tasks, minimum healthy {} %, maximum {} %",
        service.desired, service.minimum_healthy_percent, service.maximum_percent
    )
}

/// An unchanged service that does not run as many tasks as it wants.
pub(super) fn warning_if_not_stable(
    request: &PlanRequest,
    picture: &ServicePicture,
) -> Option<Warning> {
    let observed = &picture.observed;
    (observed.running < observed.desired).then(|| Warning {
        service: picture.service.clone(),
        text: format!(
            "is unchanged, but only {} of {} tasks run",
            observed.running, observed.desired
        ),
        hint: format!(
            "look at it with `release-tool status {} {} -v`",
            picture.service, request.environment
        ),
    })
}
