//! The verdict on a whole deployment, in one sentence.

use super::{deployment::Summary, escape::escape};
use crate::model::{
    BeforeTaskStatus, CancelRequest, Deployment, DeploymentKind, DeploymentStatus, ServiceId, Step,
    StepStatus, Verdict,
};

/// The verdict on the whole, one sentence.
pub(super) fn headline(summary: &Summary<'_>) -> String {
    let Deployment { number, environment, release, status, kind, .. } = summary.deployment;
    let verified = count(summary, |step| step.status == StepStatus::Verified);
    let all = summary.deployment.steps.len();
    let is_rollback = *kind == DeploymentKind::Rollback;
    let task_failed = before_task_failed(summary);
    if let Some(service) = task_failed.filter(|_| *status == DeploymentStatus::RolledBack) {
        return format!(
            "{number} failed: the task before {service} failed, and no service was touched."
        );
    }
    if *kind == DeploymentKind::Restart
        && let Some(text) = headline_of_restart(summary.deployment, verified)
    {
        return text;
    }
    match status {
        DeploymentStatus::Succeeded if is_rollback => format!(
            "{number}: {environment} is back at {release}, {all} of {all} services verified."
        ),
        DeploymentStatus::Succeeded if *kind == DeploymentKind::Register => format!(
            "{number}: the task definitions of {release} are registered in {environment}, and no \
             service has moved."
        ),
        DeploymentStatus::Succeeded => format!(
            "{number}: {release} is deployed to {environment}, {all} of {all} services \
             verified{}.",
            unproven(summary)
        ),
        DeploymentStatus::Running | DeploymentStatus::Detached => {
            format!("{number}: Deployment requested. {release} is on its way to {environment}.")
        }
        DeploymentStatus::Interrupted | DeploymentStatus::RollingBack => left_on_its_way(summary),
        DeploymentStatus::RolledBack => {
            let failed = if has_failed(summary) { "failed and " } else { "" };
            format!(
                "{number} {failed}was rolled back: every service that was changed runs what it ran \
                 before."
            )
        }
        DeploymentStatus::RollbackFailed if is_rollback => {
            format!("{number}, a rollback, failed: {environment} needs attention now.")
        }
        DeploymentStatus::RollbackFailed => {
            format!("{number} failed, and so did its rollback: {environment} needs attention now.")
        }
        DeploymentStatus::Failed => {
            format!("{number} failed: {verified} of {all} services are verified to run {release}.")
        }
        DeploymentStatus::Cancelled => format!(
            "{number} was cancelled: {verified} of {all} services are verified to run {release}."
        ),
        DeploymentStatus::Superseded => {
            format!("{number} was superseded: somebody else deployed meanwhile.")
        }
        DeploymentStatus::Unknown => format!("{number} {}", doubt(summary)),
    }
}

/// That a deployment is not over: it was interrupted, or somebody else had the command stop, and what that
/// one does with it.
fn left_on_its_way(summary: &Summary<'_>) -> String {
    let Deployment { number, status, .. } = summary.deployment;
    let Some(CancelRequest { by, reason, takes_back, .. }) = summary.stopped_by else {
        let is_back = *status == DeploymentStatus::RollingBack;
        let what = if is_back { "is not back yet" } else { "was interrupted" };
        return format!("{number} {what}; what was started goes on in ECS.");
    };
    let why = reason.as_ref().map(|reason| format!(" ({})", escape(reason))).unwrap_or_default();
    let what = if *takes_back { "takes it back" } else { "ends it where it is" };
    format!("{number} was stopped here by {}, who {what}{why}.", escape(&by.name))
}

/// Why the outcome of a deployment is not known.
fn doubt(summary: &Summary<'_>) -> &'static str {
    let is_late = |step: &Step| matches!(step.verdict, Some(Verdict::TimedOut { .. }));
    match count(summary, is_late) {
        _ if count(summary, is_task_unknown) > 0 => {
            "does not know how a one-off task ended; nothing that follows it is begun."
        }
        0 => "lost an answer of AWS; its outcome is not known.",
        _ if is_late_only(summary) => {
            "did not end in time and may go on in ECS: its outcome is not known."
        }
        _ => "did not end in time; its outcome is not known.",
    }
}

/// The verdict on a restart, where it is over.
fn headline_of_restart(deployment: &Deployment, verified: usize) -> Option<String> {
    let Deployment { number, environment, status, steps, .. } = deployment;
    let all = steps.len();
    match status {
        DeploymentStatus::Succeeded => Some(format!(
            "{number}: {verified} of {all} services in {environment} are restarted and verified."
        )),
        DeploymentStatus::Failed | DeploymentStatus::RolledBack => Some(format!(
            "{number} failed: {verified} of {all} services in {environment} are restarted and \
             verified; there is nothing to go back to, since none was to change."
        )),
        _ => None,
    }
}

/// The service whose one-off task failed.
fn before_task_failed<'a>(summary: &Summary<'a>) -> Option<&'a ServiceId> {
    let failed = |step: &&Step| {
        let task = step.before_task.as_ref();
        task.is_some_and(|task| task.status == BeforeTaskStatus::Failed)
    };
    summary.deployment.steps.iter().find(failed).map(|step| &step.service)
}

/// Whether the end of a one-off task is not known.
pub(super) fn is_task_unknown(step: &Step) -> bool {
    let task = step.before_task.as_ref();
    task.is_some_and(|task| task.status == BeforeTaskStatus::Unknown)
}

/// Whether nothing is in doubt but what takes longer than was waited.
fn is_late_only(summary: &Summary<'_>) -> bool {
    let is_late = |step: &Step| matches!(step.verdict, Some(Verdict::TimedOut { .. }));
    let is_lost = |step: &Step| matches!(step.verdict, Some(Verdict::Unknown { .. }));
    count(summary, is_late) > 0 && count(summary, is_lost) == 0
}

/// That success is not wholly proven, where it is not; each service's note says why.
fn unproven(summary: &Summary<'_>) -> String {
    match count(summary, |step| step.note.is_some()) {
        0 => String::new(),
        some => format!(", {some} of them not wholly proven"),
    }
}

/// Whether a service failed, so that it did not go back for somebody's wish alone.
fn has_failed(summary: &Summary<'_>) -> bool {
    let failed = |step: &Step| {
        let verdict = step.verdict.as_ref();
        verdict.is_some_and(Verdict::is_definite_failure)
    };
    count(summary, failed) > 0
}

/// That an environment is left with services of different releases.
pub(super) fn mixed(deployment: &Deployment) -> Option<String> {
    let environment = &deployment.environment;
    deployment.is_mixed().then(|| {
        format!(
            "{environment} is MIXED: some of its services run {}, some do not.",
            deployment.release
        )
    })
}

/// How many steps are so.
pub(super) fn count(summary: &Summary<'_>, is: fn(&Step) -> bool) -> usize {
    summary.deployment.steps.iter().filter(|step| is(step)).count()
}
