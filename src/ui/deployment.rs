//! The last screen of a deployment: what every service is in now, why, and the command to type
//! next.

use console::Style;
use serde::Serialize;

use super::{console::Console, table::Table, words};
use crate::model::{
    Deployment, DeploymentStatus, Release, ReleaseNumber, Step, StepStatus, Verdict,
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
        table.row([
            step.service.to_string(),
            words::hashes(&hashes),
            console.paint(&style(step), state(step)),
            runs(step),
        ]);
    }
    table
}

/// The word for a step's end.
fn state(step: &Step) -> &'static str {
    match (&step.verdict, step.status) {
        (Some(verdict), _) => words::verdict_word(verdict),
        (None, StepStatus::Pending) => "NOT_STARTED",
        (None, StepStatus::Intent) => "BEGUN",
        (None, _) => "IN_PROGRESS",
    }
}

/// Green for what is verified, yellow for what goes on, red for the rest.
fn style(step: &Step) -> Style {
    match &step.verdict {
        Some(Verdict::Verified) => Style::new().green(),
        Some(Verdict::NotStarted { .. }) => Style::new().dim(),
        Some(_) => Style::new().red().bold(),
        None => Style::new().yellow(),
    }
}

/// What the service is set to now, as far as this deployment knows.
fn runs(step: &Step) -> String {
    let now = match &step.verdict {
        Some(Verdict::RolledBack { to, .. }) => to.as_ref(),
        Some(Verdict::Superseded { task_definition, .. }) => task_definition.as_ref(),
        Some(Verdict::NotStarted { .. }) => step.before.task_definition.as_ref(),
        Some(_) | None if step.ecs_deployment.is_some() => step.task_definition.as_ref(),
        Some(_) | None => step.before.task_definition.as_ref(),
    };
    now.map_or_else(String::new, |arn| arn.short().to_owned())
}

/// Why a service did not succeed, with the proof.
fn details(step: &Step) -> Option<String> {
    let verdict = step
        .verdict
        .as_ref()
        .filter(|verdict| !matches!(verdict, Verdict::Verified | Verdict::NotStarted { .. }))?;
    let mut lines = vec![format!(
        "    {}: {}  {}",
        step.service,
        words::verdict_word(verdict),
        words::verdict_reason(verdict)
    )];
    let proof = step.evidence.as_ref().map(words::evidence).unwrap_or_default();
    lines.extend(proof.into_iter().map(|line| format!("        {line}")));
    Some(lines.join("\n"))
}

/// The verdict on the whole, and what to do next.
fn closing(summary: &Summary<'_>, console: &Console) -> String {
    let Deployment { number, environment, release, status, .. } = summary.deployment;
    let verified = count(summary, |step| step.status == StepStatus::Verified);
    let all = summary.deployment.steps.len();
    let headline = match status {
        DeploymentStatus::Succeeded => {
            format!(
                "{number}: {release} is deployed to {environment}, {all} of {all} services verified."
            )
        }
        DeploymentStatus::Running | DeploymentStatus::Detached => {
            format!("{number}: Deployment requested. {release} is on its way to {environment}.")
        }
        DeploymentStatus::Interrupted => {
            format!("{number} was interrupted; what was started goes on in ECS.")
        }
        DeploymentStatus::RollingBack => {
            format!("{number} was interrupted on its way back; what was started goes on in ECS.")
        }
        DeploymentStatus::Cancelled => {
            format!(
                "{number} was cancelled: {verified} of {all} services are verified to run {release}."
            )
        }
        DeploymentStatus::RolledBack => {
            format!("{number} failed, and every service that was changed runs what it ran before.")
        }
        DeploymentStatus::RollbackFailed => {
            format!(
                "{number} failed, and so did ECS's rollback: {environment} needs attention now."
            )
        }
        DeploymentStatus::Failed => {
            format!("{number} failed: {verified} of {all} services are verified to run {release}.")
        }
        DeploymentStatus::Superseded => {
            format!("{number} was superseded: somebody else deployed meanwhile.")
        }
        DeploymentStatus::Unknown => {
            format!("{number} did not end in time; its outcome is not known.")
        }
    };
    let colour = match status {
        DeploymentStatus::Succeeded => Style::new().green().bold(),
        DeploymentStatus::Running | DeploymentStatus::Detached => Style::new().bold(),
        _ => Style::new().red().bold(),
    };
    let mut lines = vec![console.paint(&colour, headline)];
    lines.extend(hints(summary).into_iter().map(|hint| format!("hint: {hint}")));
    lines.join("\n")
}

/// How many steps are so.
fn count(summary: &Summary<'_>, is: fn(&Step) -> bool) -> usize {
    summary.deployment.steps.iter().filter(|step| is(step)).count()
}

/// The exact commands that come next.
fn hints(summary: &Summary<'_>) -> Vec<String> {
    let Deployment { number, environment, selection, status, .. } = summary.deployment;
    let look = format!("see all that was recorded with `release-tool show {number}`");
    let back = summary.last_verified.map(|release| {
        format!(
            "go back to what was last verified with `release-tool deploy {selection} \
             {environment} --from {release}`"
        )
    });
    match status {
        DeploymentStatus::Succeeded => Vec::new(),
        DeploymentStatus::Running | DeploymentStatus::Detached => {
            vec![format!("watch it with `release-tool status {selection} {environment} --watch`")]
        }
        DeploymentStatus::Interrupted
        | DeploymentStatus::RollingBack
        | DeploymentStatus::Unknown => vec![
            format!("see what runs with `release-tool status {selection} {environment}`"),
            format!(
                "finish it with `release-tool deploy {selection} {environment} --from {}`, which \
                 does only what is left",
                summary.deployment.release
            ),
        ],
        DeploymentStatus::RolledBack => {
            let rolled_back =
                |step: &Step| matches!(step.verdict, Some(Verdict::RolledBack { .. }));
            let next = match count(summary, rolled_back) {
                0 => "mend what is told above, and deploy again",
                _ => "register a mended image, and deploy again",
            };
            vec![look, next.to_owned()]
        }
        DeploymentStatus::Failed
        | DeploymentStatus::RollbackFailed
        | DeploymentStatus::Cancelled => back.into_iter().chain([look]).collect(),
        DeploymentStatus::Superseded => vec![
            format!("see what runs with `release-tool status {selection} {environment}`"),
            format!(
                "bring SSM, task definitions and services in step again with `release-tool deploy \
                 {selection} {environment}`"
            ),
            look,
        ],
    }
}
