//! The last screen of a deployment: what every service is in now, why, and the command to type
//! next.

use console::Style;
use serde::Serialize;

use super::{
    console::Console,
    evidence::{self, Extent},
    headline::{headline, mixed},
    next::hints,
    one_off,
    table::Table,
    words,
};
use crate::model::{
    CancelRequest, Deployment, DeploymentStatus, Release, ReleaseNumber, Running, ServiceNow, Step,
    StepStatus, TaskDefinitionArn, Verdict,
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
    /// Whether the environment is on hold now, so that the next deployment has to lift that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub on_hold: bool,
    /// Who had the command stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<&'a CancelRequest>,
    /// What each of its services runs now.
    pub services: Vec<ServiceNow>,
}

impl<'a> Summary<'a> {
    /// The summary of a deployment.
    #[must_use]
    pub fn of(
        deployment: &'a Deployment,
        release: &'a Release,
        last_verified: Option<ReleaseNumber>,
    ) -> Self {
        let services = deployment.services_now(release);
        let (on_hold, stopped_by) = (false, None);
        Self { deployment, release, last_verified, on_hold, stopped_by, services }
    }
}

/// The whole summary, for people.
#[must_use]
pub fn summary(summary: &Summary<'_>, console: &Console) -> String {
    let deployment = summary.deployment;
    let mut parts = vec![services(summary, console).render(4)];
    parts.extend(deployment.steps.iter().filter_map(details));
    parts.push(closing(summary, console));
    parts.join("\n\n")
}

/// A line for each service: what it runs now, how its step ended, and what was wanted where that is
/// something else.
fn services(summary: &Summary<'_>, console: &Console) -> Table {
    let mut table = Table::default();
    for (step, now) in summary.deployment.steps.iter().zip(&summary.services) {
        let restarted = step.restart && step.verdict == Some(Verdict::Verified);
        let place = if restarted { format!("{}, restarted", place(now)) } else { place(now) };
        let cells =
            [now.service.to_string(), running(now), console.paint(&style(step), now.state), place];
        table.row(cells.into_iter().chain(wanted(now)));
    }
    table
}

/// The release hashes that a service runs.
pub(super) fn running(now: &ServiceNow) -> String {
    let mut all: Vec<String> = Vec::new();
    for runs in now.runs.iter().filter(|runs| !runs.left_over) {
        let hashes = words::hashes(&runs.release_hashes);
        if !all.contains(&hashes) {
            all.push(hashes);
        }
    }
    if all.is_empty() { "-".to_owned() } else { all.join(" and ") }
}

/// What was wanted, where a service is not known to run just that.
pub(super) fn wanted(now: &ServiceNow) -> Option<String> {
    (!now.runs_what_was_wanted()).then(|| format!("wanted {}", words::hashes(&now.wanted)))
}

/// The revisions that a service runs, and what it is set to where that is another.
pub(super) fn place(now: &ServiceNow) -> String {
    let name = |arn: Option<&TaskDefinitionArn>| {
        arn.map_or_else(|| "something else".to_owned(), |arn| arn.short().to_owned())
    };
    let (left_over, serving): (Vec<&Running>, Vec<&Running>) =
        now.runs.iter().partition(|runs| runs.left_over);
    let one = |runs: &Running| {
        let tasks = words::counted(usize::try_from(runs.tasks?).ok()?, "task");
        Some(format!("{tasks} of {}", name(runs.task_definition.as_ref())))
    };
    let all = |runs: &[&Running]| {
        runs.iter().filter_map(|runs| one(runs)).collect::<Vec<String>>().join(" and ")
    };
    let runs = match serving.as_slice() {
        [] if now.wants_no_task => "wants no tasks".to_owned(),
        [] => "no task runs".to_owned(),
        [only] => name(only.task_definition.as_ref()),
        several => all(several),
    };
    let runs = match left_over.as_slice() {
        [] => runs,
        left_over => format!("{runs} with production traffic, {} left over", all(left_over)),
    };
    let rest = [
        (&now.set_to, "set to"),
        (&now.told_to_move_to, "told to move to"),
        (&now.may_move_to, "may have been told to move to"),
        (&now.registered, "registered"),
    ];
    let rest =
        rest.iter().filter_map(|(arn, what)| Some(format!("{what} {}", arn.as_ref()?.short())));
    [runs].into_iter().chain(rest).collect::<Vec<String>>().join(", ")
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

/// What there is to know of a service beside its line.
fn details(step: &Step) -> Option<String> {
    let (own, task) = (own_rollout(step), one_off::left_running(step));
    let lines: Vec<String> = own.into_iter().chain(task).chain(way_back(step)).collect();
    Some(lines.join("\n")).filter(|lines| !lines.is_empty())
}

/// Why a service did not succeed, with the proof; or what its success does not prove.
fn own_rollout(step: &Step) -> Vec<String> {
    let verdict = step
        .verdict
        .as_ref()
        .filter(|verdict| !matches!(verdict, Verdict::Verified | Verdict::NotStarted { .. }));
    let Some(verdict) = verdict else {
        let note = step.note.as_ref().filter(|_| step.status == StepStatus::Verified);
        let note = note.map(|note| format!("    {}: {}", step.service, super::escape(note)));
        return note.into_iter().collect();
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
    lines
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
        table.row([step.service.to_string(), step.word().to_owned(), what]);
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
