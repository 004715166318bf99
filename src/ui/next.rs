//! The exact commands that come next after a deployment, each one imperative sentence.

use super::{
    deployment::Summary,
    headline::{count, is_task_unknown},
    stages,
};
use crate::model::{
    Deployment, DeploymentKind, DeploymentStatus, RollbackCause, Step, StepStatus, Verdict,
};

/// The exact commands that come next.
pub(super) fn hints(summary: &Summary<'_>) -> Vec<String> {
    let Deployment { number, environment, selection, status, kind, .. } = summary.deployment;
    let look = format!("see all that was recorded with `release-tool show {number}`");
    let finish = format!("finish it with `release-tool resume {number}`");
    let undo = format!("or take it back with `release-tool rollback {environment} {number}`");
    let state = format!("see what runs with `release-tool status {selection} {environment}`");
    match status {
        DeploymentStatus::Succeeded if *kind == DeploymentKind::Register => {
            vec![format!(
                "deploy it soon with `release-tool deploy {} {environment}`: until then `terraform \
                 plan` shows these revisions as a change, and `terraform apply` would deploy them",
                summary.deployment.release
            )]
        }
        DeploymentStatus::Succeeded => Vec::new(),
        DeploymentStatus::Running | DeploymentStatus::Detached => {
            vec![finish]
        }
        DeploymentStatus::RollingBack => vec![finish, state],
        DeploymentStatus::Unknown if count(summary, is_task_unknown) > 0 => {
            by_what_the_task_did(summary.deployment)
        }
        DeploymentStatus::Interrupted | DeploymentStatus::Unknown => {
            let undo = summary.deployment.may_be_taken_back().then_some(undo);
            answers(summary.deployment).into_iter().chain([finish]).chain(undo).collect()
        }
        DeploymentStatus::RolledBack => [look].into_iter().chain(once_more(summary)).collect(),
        DeploymentStatus::RollbackFailed => {
            after_a_failed_rollback(summary).into_iter().chain([look]).collect()
        }
        // What is verified still runs: a rollback would leave it, and bring up nothing.
        DeploymentStatus::Failed | DeploymentStatus::Cancelled
            if *kind == DeploymentKind::Restart =>
        {
            [look].into_iter().chain(once_more(summary)).collect()
        }
        DeploymentStatus::Failed | DeploymentStatus::Cancelled => {
            let is_left =
                *kind == DeploymentKind::Deploy && summary.deployment.has_moved_services();
            let before = is_left.then(|| "what ran before".to_owned());
            let to = summary.last_verified.map(|release| release.to_string()).or(before);
            let back =
                to.map(|to| format!("go back to {to} with `release-tool rollback {environment}`"));
            back.into_iter().chain([look]).collect()
        }
        DeploymentStatus::Superseded => vec![
            state,
            format!(
                "bring SSM, task definitions and services in step again with `release-tool deploy \
                 {selection} {environment}`"
            ),
            look,
        ],
    }
}

/// The ways on where services did not come back. One that was only restarted is not brought up by any
/// rollback, and need not be among the services that were deployed.
fn after_a_failed_rollback(summary: &Summary<'_>) -> Vec<String> {
    let Deployment { environment, selection, kind, steps, .. } = summary.deployment;
    let is_broken = |step: &&Step| {
        let is_given_up = matches!(step.verdict, Some(Verdict::RollbackFailed { .. }));
        let is_lost = *kind == DeploymentKind::Restart && is_given_up;
        step.status == StepStatus::CompensateFailed || is_lost
    };
    let (restarts, moved): (Vec<&Step>, Vec<&Step>) =
        steps.iter().filter(is_broken).partition(|step| step.restart);
    let again = restarts.iter().map(|step| {
        format!(
            "once what stood in the way is mended, restart it with `release-tool restart {} \
             {environment}`",
            step.service
        )
    });
    let look = |what: &dyn std::fmt::Display| {
        format!("see what runs with `release-tool status {what} {environment}`")
    };
    let of_restarts = restarts.iter().map(|step| look(&step.service));
    if moved.is_empty() && !restarts.is_empty() {
        return again.chain(of_restarts).collect();
    }
    let is_verified = *kind == DeploymentKind::Rollback || summary.last_verified.is_some();
    let what = if is_verified { "was verified last" } else { "ran before" };
    let can_go_back = is_verified || summary.deployment.has_moved_services();
    let back = format!(
        "bring it to what {what} with `release-tool rollback {environment}`, once what stood in the \
         way is mended"
    );
    let back = can_go_back.then_some(back);
    back.into_iter().chain(again).chain([look(selection)]).chain(of_restarts).collect()
}

/// The commands that answer the hooks that services were last seen waiting for.
fn answers(deployment: &Deployment) -> Vec<String> {
    let waits = |step: &&Step| match &step.verdict {
        Some(Verdict::TimedOut { last_seen, .. }) => last_seen.contains("waits for an answer"),
        _ => false,
    };
    let waiting = deployment.steps.iter().filter(waits);
    waiting.flat_map(|step| stages::ways_on(deployment.number, &step.service)).collect()
}

/// What comes before another try, where something failed. What a `fix:` above says is not said in
/// other words.
fn once_more(summary: &Summary<'_>) -> Option<String> {
    let Deployment { steps, kind, .. } = summary.deployment;
    let failed = |step: &&Step| step.verdict.as_ref().is_some_and(Verdict::is_definite_failure);
    let failed: Vec<&Step> = steps.iter().filter(failed).collect();
    let has_fix =
        |step: &&Step| step.evidence.as_ref().is_some_and(|one| !one.diagnosis.is_empty());
    let again = match kind {
        DeploymentKind::Restart => restart_again(summary.deployment),
        _ => "deploy again".to_owned(),
    };
    match failed.as_slice() {
        [] => None,
        all if all.iter().all(|step| was_meant(step)) => {
            Some(format!("{again} when that is meant"))
        }
        all if all.iter().any(has_fix) => Some(format!("do what is told under fix:, then {again}")),
        _ => Some(format!("mend what is told above, then {again}")),
    }
}

/// The words for another try of what was not restarted.
fn restart_again(Deployment { environment, selection, steps, .. }: &Deployment) -> String {
    let mut rest = steps.iter().filter(|step| step.status != StepStatus::Verified);
    let what = match (rest.next(), rest.next()) {
        (Some(only), None) => only.service.to_string(),
        _ => selection.to_string(),
    };
    format!("restart again with `release-tool restart {what} {environment}`")
}

/// Whether a person ended the rollout, by a stop or by the answer to a hook.
fn was_meant(step: &Step) -> bool {
    match &step.verdict {
        Some(Verdict::Stopped { .. } | Verdict::RolledBack { cause: RollbackCause::User, .. }) => {
            true
        }
        Some(Verdict::RolledBack { cause: RollbackCause::Hook, reason, .. }) => {
            // ECS tells an answer from a failure in its words alone.
            reason.to_ascii_lowercase().contains("a user ")
        }
        _ => false,
    }
}

/// The ways on where the end of a one-off task is not known: only a person can tell.
fn by_what_the_task_did(deployment: &Deployment) -> Vec<String> {
    let Deployment { number, environment, .. } = deployment;
    vec![
        format!(
            "if its one-off task succeeded, go on with `release-tool resume {number} \
             --before-task-succeeded`"
        ),
        format!("if it did not, take it back with `release-tool rollback {environment} {number}`"),
    ]
}
