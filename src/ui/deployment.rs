//! The last screen of a deployment: what every service is in now, why, and the command to type
//! next.

use std::collections::BTreeMap;

use console::Style;
use serde::Serialize;

use super::{
    console::Console,
    evidence::{self, Extent},
    headline::{headline, mixed},
    next::hints,
    table::Table,
    words,
};
use crate::model::{
    Deployment, DeploymentKind, DeploymentStatus, ImageId, Release, ReleaseHash, ReleaseNumber,
    Step, StepStatus, Verdict,
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
