//! The exact commands that come next after a deployment, each one imperative sentence.

use super::{
    deployment::Summary,
    headline::{count, is_task_unknown},
    one_off, stages, words,
};
use crate::model::{
    Deployment, DeploymentKind, DeploymentStatus, RollbackCause, Step, StepStatus, Verdict,
};

/// The exact commands that come next.
pub(super) fn hints(summary: &Summary<'_>) -> Vec<String> {
    let mut hints = match summary.stopped_by {
        Some(_) if !summary.deployment.status.is_final() => what_others_do(summary.deployment),
        _ => ways_on(summary),
    };
    hints.extend(one_off::hints(summary.deployment));
    hints
}

/// Where to see what somebody else makes of a deployment, who had this command stop.
fn what_others_do(deployment: &Deployment) -> Vec<String> {
    let Deployment { number, environment, selection, .. } = deployment;
    vec![
        format!("see what becomes of it with `release-tool show {number}`"),
        format!("see what runs with `release-tool status {selection} {environment}`"),
    ]
}

/// The commands that go on from how a deployment ended, or was left.
fn ways_on(summary: &Summary<'_>) -> Vec<String> {
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
        DeploymentStatus::Superseded => {
            [state].into_iter().chain(after_others(summary.deployment)).chain([look]).collect()
        }
    }
}

/// What to do about services that somebody else has moved meanwhile. What was only restarted is not
/// brought in step by a deployment, which might take back what they did: they have started it anew.
fn after_others(deployment: &Deployment) -> Vec<String> {
    let Deployment { environment, selection, steps, .. } = deployment;
    let is_theirs = |step: &&Step| step.verdict.as_ref().is_some_and(Verdict::is_taken_over);
    let (restarts, moved): (Vec<&Step>, Vec<&Step>) =
        steps.iter().filter(is_theirs).partition(|step| step.restart);
    let deploy = format!(
        "bring SSM, task definitions and services in step again with `release-tool deploy {selection} \
         {environment}`"
    );
    let restart = restarts.iter().map(|step| {
        format!(
            "their deployment has started it anew; where it needs more than that, restart it with \
             `release-tool restart {} {environment}`",
            step.service
        )
    });
    (!moved.is_empty()).then_some(deploy).into_iter().chain(restart).collect()
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
    let back = back_again(summary).map(|to| {
        format!(
            "{to} with `release-tool rollback {environment}`, once what stood in the way is mended"
        )
    });
    let instead = summary
        .on_hold
        .then(|| format!("or deploy what shall run instead with {}", deploy_again(summary)));
    let looks = [look(selection)].into_iter().chain(of_restarts);
    back.into_iter().chain(again).chain(instead).chain(looks).collect()
}

/// Where the next `rollback` goes after one that failed: where that one was going.
fn back_again(summary: &Summary<'_>) -> Option<String> {
    let Deployment { kind, release, .. } = summary.deployment;
    match (kind, summary.last_verified) {
        (DeploymentKind::Rollback, _) => Some(format!("go back to {release} again")),
        (_, Some(verified)) => {
            Some(format!("bring it back to {verified}, which was verified last,"))
        }
        (_, None) if summary.deployment.has_moved_services() => Some("bring it back".to_owned()),
        (_, None) => None,
    }
}

/// The command of another try, with what lifts the hold where there is one.
fn deploy_again(summary: &Summary<'_>) -> String {
    let Deployment { environment, selection, .. } = summary.deployment;
    let lift =
        if summary.on_hold { " --release-hold --reason 'why it may move again'" } else { "" };
    format!("`release-tool deploy {selection} {environment}{lift}`")
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
        _ => format!("deploy again with {}", deploy_again(summary)),
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
            words::is_answer(reason)
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
