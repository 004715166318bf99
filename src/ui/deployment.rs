//! The last screen of a deployment: what every service is in now, why, and the command to type
//! next.

use std::collections::BTreeMap;

use console::Style;
use serde::Serialize;

use super::{
    console::Console,
    evidence::{self, Extent},
    stages,
    table::Table,
    words,
};
use crate::model::{
    BeforeTaskStatus, Deployment, DeploymentKind, DeploymentStatus, ImageId, Release, ReleaseHash,
    ReleaseNumber, RollbackCause, ServiceId, Step, StepStatus, Verdict,
};

/// How a deployment ended, with what is needed to say what comes next.
#[derive(Debug, Clone, Serialize)]
pub struct Summary<'a> {
    /// The deployment.
    pub deployment: &'a Deployment,
    /// What it deployed.
    pub release: &'a Release,
    /// The last release that was verified in the environment before.
    pub last_verified: Option<ReleaseNumber>,
}

/// The whole summary, for people.
#[must_use]
pub fn summary(summary: &Summary<'_>, console: &Console) -> String {
    let deployment = summary.deployment;
    let mut parts = vec![services(deployment, summary.release, console).render(4)];
    parts.extend(deployment.steps.iter().filter_map(details));
    parts.push(closing(summary, console));
    parts.join("\n\n")
}

/// A line for each service.
fn services(deployment: &Deployment, release: &Release, console: &Console) -> Table {
    let mut table = Table::default();
    for step in &deployment.steps {
        let hashes = step
            .target
            .images
            .keys()
            .filter_map(|id| Some((id.clone(), release.images.get(id)?.release_hash.clone())))
            .collect();
        let own = || step.target.images.iter().map(|(id, uri)| (id.clone(), uri.release_hash()));
        let hashes: BTreeMap<ImageId, ReleaseHash> =
            if step.restart { own().collect() } else { hashes };
        let (word, now) = match (deployment.kind, &step.verdict, &step.task_definition) {
            (DeploymentKind::Register, Some(Verdict::Verified), Some(new)) => {
                ("REGISTERED", new.short().to_owned())
            }
            (_, Some(Verdict::Verified), _) if step.restart => {
                (state(step), format!("{}, restarted", runs(step)))
            }
            _ => (state(step), runs(step)),
        };
        table.row([
            step.service.to_string(),
            if runs_something_else(step) {
                format!("not {}", words::hashes(&hashes))
            } else {
                words::hashes(&hashes)
            },
            console.paint(&style(step), word),
            now,
        ]);
    }
    table
}

/// Whether a service is known not to be set to what the deployment wanted: it went back, was never
/// moved, or was moved on by somebody else.
fn runs_something_else(step: &Step) -> bool {
    match &step.verdict {
        _ if step.restart => false,
        _ if step.is_back() => true,
        Some(Verdict::NotStarted { .. }) => true,
        Some(verdict) => verdict.is_taken_over(),
        None => false,
    }
}

/// The word for a step's end.
fn state(step: &Step) -> &'static str {
    match step.status {
        StepStatus::Compensated => return "ROLLED_BACK",
        StepStatus::CompensateFailed => return "ROLLBACK_FAILED",
        StepStatus::Compensating => return "ROLLING_BACK",
        _ => {}
    }
    match (&step.verdict, step.status) {
        (Some(verdict), _) => verdict.word(),
        (None, StepStatus::Pending) => "NOT_STARTED",
        (None, StepStatus::Intent) => "BEGUN",
        (None, _) => "IN_PROGRESS",
    }
}

/// Green for what is verified, yellow for what goes on, red for the rest.
fn style(step: &Step) -> Style {
    match step.status {
        StepStatus::Compensated => return Style::new().yellow(),
        StepStatus::CompensateFailed | StepStatus::Compensating => {
            return Style::new().red().bold();
        }
        _ => {}
    }
    match &step.verdict {
        Some(Verdict::Verified) => Style::new().green(),
        Some(Verdict::NotStarted { .. }) => Style::new().dim(),
        Some(_) => Style::new().red().bold(),
        None => Style::new().yellow(),
    }
}

/// What the service is set to now, as far as this deployment knows.
fn runs(step: &Step) -> String {
    if let Some(back) = &step.compensation {
        let moved = back.ecs_deployment.as_ref().and(back.task_definition.as_ref());
        let is_back = step.status == StepStatus::Compensated;
        let by_ecs = back.stopped.as_ref().filter(|_| is_back);
        let moved = moved.or(by_ecs.and(step.before.task_definition.as_ref()));
        let now = moved.or(back.before.task_definition.as_ref());
        return now.map_or_else(String::new, |now| now.short().to_owned());
    }
    let now = match &step.verdict {
        Some(Verdict::RolledBack { to, .. }) => to.as_ref(),
        Some(
            Verdict::Superseded { task_definition, .. } | Verdict::Drifted { task_definition },
        ) => task_definition.as_ref(),
        Some(Verdict::NotStarted { .. } | Verdict::NoDeployment { .. }) => {
            step.before.task_definition.as_ref()
        }
        Some(_) | None if step.ecs_deployment.is_some() => step.task_definition.as_ref(),
        Some(_) | None => step.before.task_definition.as_ref(),
    };
    now.map_or_else(String::new, |arn| arn.short().to_owned())
}

/// Why a service could not go back, with the proof.
fn way_back(step: &Step) -> Vec<String> {
    let back = step.compensation.as_ref();
    let failed = back.and_then(|back| Some((back, back.verdict.as_ref()?)));
    let Some((back, verdict)) = failed.filter(|(_, verdict)| **verdict != Verdict::Verified) else {
        return Vec::new();
    };
    let reason = words::verdict_reason(verdict);
    let mut lines = vec![format!("    {}: not rolled back: {reason}", step.service)];
    let proof =
        back.evidence.as_ref().map(|all| evidence::lines(all, Extent::Screen)).unwrap_or_default();
    lines.extend(proof.into_iter().map(|line| format!("        {line}")));
    lines
}

/// Why a service did not succeed, with the proof.
fn details(step: &Step) -> Option<String> {
    let verdict = step
        .verdict
        .as_ref()
        .filter(|verdict| !matches!(verdict, Verdict::Verified | Verdict::NotStarted { .. }));
    let Some(verdict) = verdict else {
        let note = step.note.as_ref().filter(|_| step.status == StepStatus::Verified);
        let note = note.map(|note| format!("    {}: {}", step.service, super::escape(note)));
        let lines: Vec<String> = note.into_iter().chain(way_back(step)).collect();
        return Some(lines.join("\n")).filter(|lines| !lines.is_empty());
    };
    let mut lines = vec![format!(
        "    {}: {}  {}",
        step.service,
        verdict.word(),
        words::verdict_reason(verdict)
    )];
    let proof =
        step.evidence.as_ref().map(|all| evidence::lines(all, Extent::Screen)).unwrap_or_default();
    lines.extend(proof.into_iter().map(|line| format!("        {line}")));
    lines.extend(way_back(step));
    Some(lines.join("\n"))
}

/// The verdict on the whole, and what to do next.
fn closing(summary: &Summary<'_>, console: &Console) -> String {
    let status = summary.deployment.status;
    let colour = match status {
        DeploymentStatus::Succeeded => Style::new().green().bold(),
        DeploymentStatus::Running | DeploymentStatus::Detached => Style::new().bold(),
        _ => Style::new().red().bold(),
    };
    let mut lines = vec![console.paint(&colour, headline(summary))];
    lines.extend(mixed(summary.deployment));
    lines.extend(hints(summary).into_iter().map(|hint| format!("hint: {hint}")));
    lines.join("\n")
}

/// The verdict on the whole, one sentence.
fn headline(summary: &Summary<'_>) -> String {
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
        DeploymentStatus::Interrupted | DeploymentStatus::RollingBack => {
            let is_back = *status == DeploymentStatus::RollingBack;
            let what = if is_back { "is not back yet" } else { "was interrupted" };
            format!("{number} {what}; what was started goes on in ECS.")
        }
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
fn is_task_unknown(step: &Step) -> bool {
    let task = step.before_task.as_ref();
    task.is_some_and(|task| task.status == BeforeTaskStatus::Unknown)
}

/// Whether nothing is in doubt but what takes longer than was waited.
fn is_late_only(summary: &Summary<'_>) -> bool {
    let is_late = |step: &Step| matches!(step.verdict, Some(Verdict::TimedOut { .. }));
    let is_lost = |step: &Step| matches!(step.verdict, Some(Verdict::Unknown { .. }));
    count(summary, is_late) > 0 && count(summary, is_lost) == 0
}

/// That success is not all proven by running tasks, where it is not.
fn unproven(summary: &Summary<'_>) -> String {
    match count(summary, |step| step.note.is_some()) {
        0 => String::new(),
        some => format!(", {some} of them without a running task"),
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
fn mixed(deployment: &Deployment) -> Option<String> {
    let environment = &deployment.environment;
    deployment.is_mixed().then(|| {
        format!(
            "{environment} is MIXED: some of its services run {}, some do not.",
            deployment.release
        )
    })
}

/// How many steps are so.
fn count(summary: &Summary<'_>, is: fn(&Step) -> bool) -> usize {
    summary.deployment.steps.iter().filter(|step| is(step)).count()
}

/// The exact commands that come next.
fn hints(summary: &Summary<'_>) -> Vec<String> {
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
            vec![format!("see it through with `release-tool wait {number}`")]
        }
        DeploymentStatus::RollingBack => vec![finish, state],
        DeploymentStatus::Unknown if count(summary, is_task_unknown) > 0 => {
            by_what_the_task_did(summary.deployment)
        }
        DeploymentStatus::Interrupted | DeploymentStatus::Unknown => {
            let follow = format!("see it through with `release-tool wait {number}`");
            let finish = if is_late_only(summary) { follow } else { finish };
            let undo = summary.deployment.may_be_taken_back().then_some(undo);
            answers(summary.deployment).into_iter().chain([finish]).chain(undo).collect()
        }
        DeploymentStatus::RolledBack => [look].into_iter().chain(once_more(summary)).collect(),
        DeploymentStatus::RollbackFailed => {
            let can_go_back = *kind == DeploymentKind::Rollback || summary.last_verified.is_some();
            let again = format!(
                "bring it to what was verified last with `release-tool rollback {environment}`, once \
                 what stood in the way is mended"
            );
            can_go_back.then_some(again).into_iter().chain([state, look]).collect()
        }
        DeploymentStatus::Failed | DeploymentStatus::Cancelled => {
            let back = summary.last_verified.map(|release| {
                format!("go back to {release} with `release-tool rollback {environment}`")
            });
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
    let again = if *kind == DeploymentKind::Restart { "restart" } else { "deploy" };
    match failed.as_slice() {
        [] => None,
        all if all.iter().all(|step| was_meant(step)) => {
            Some(format!("{again} again when that is meant"))
        }
        all if all.iter().any(has_fix) => {
            Some(format!("do what is told under fix:, then {again} again"))
        }
        _ => Some(format!("mend what is told above, then {again} again")),
    }
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

/// How far a deployment is, in one line.
#[must_use]
pub fn how_far(deployment: &Deployment) -> String {
    let Deployment { number, status, steps, cancel, .. } = deployment;
    let over = steps.iter().filter(|step| step.is_over()).count();
    let stop = cancel.as_ref().map_or_else(String::new, |wish| {
        format!("; {} asked it to stop", super::escape(&wish.by.name))
    });
    format!("{number}: {}, {over} of {} services have ended{stop}", status.as_str(), steps.len())
}

/// What taking a deployment back would do, as far as the record tells.
#[must_use]
pub fn undo(deployment: &Deployment) -> String {
    let Deployment { number, environment, release, status, .. } = deployment;
    let mut table = Table::default();
    for step in &deployment.steps {
        let before = step.before.task_definition.as_ref();
        let before = before.map_or("what it ran before", |arn| arn.short());
        let what = match (step.status, &step.ecs_deployment) {
            (StepStatus::Pending | StepStatus::Skipped, _) => "was not touched".to_owned(),
            (_, Some(_)) if step.restart => "is restarted again".to_owned(),
            (_, Some(_)) => format!("goes back to {before}"),
            (_, None) => format!("was begun; stays at {before}, or goes back to it if it moved"),
        };
        table.row([step.service.to_string(), state(step).to_owned(), what]);
    }
    format!(
        "This will take back {number} ({release} to {environment}, {}):\n\n{}",
        status.as_str(),
        table.render(4)
    )
}

/// That a deployment is not over and nobody works on it, with the way on.
#[must_use]
pub fn left_behind(deployment: &Deployment) -> String {
    let Deployment { number, environment, release, status, actor, created_at, .. } = deployment;
    let what = match status {
        DeploymentStatus::Running => "ORPHANED: nobody works on it any more",
        DeploymentStatus::RollingBack => "on its way back, and nobody works on it",
        DeploymentStatus::Detached => "DETACHED: nobody has verified it yet",
        DeploymentStatus::Interrupted => "INTERRUPTED",
        _ => "not known to have ended",
    };
    let undo = if deployment.may_be_taken_back() {
        format!(", or take it back with `release-tool rollback {environment} {number}`")
    } else {
        String::new()
    };
    format!(
        "warning: {number} ({release} to {environment}, begun {} by {}) is {what}\n\
         hint: finish it with `release-tool resume {number}`{undo}",
        words::date_time(*created_at),
        super::escape(&actor.name),
    )
}
