//! `status`, in the layout that RFC 013 gives.

use std::collections::{BTreeMap, BTreeSet};

use console::Style;
use jiff::Timestamp;

use super::{
    console::Console,
    deployment::{place, running, wanted},
    escape::escape,
    locks::held_line,
    stages,
    table::Table,
    words,
};
use crate::{
    model::{
        Actor, ContainerName, Deployment, Digest, FailedRestart, HeldLock, Hold, HookDetail,
        ServiceNow, StageProgress, TaskDefinitionArn,
    },
    plan::{OldTasks, ServiceState, TaskCounts},
};

/// What `status` shows, apart from where it was found.
pub struct StatusView<'a> {
    /// The last deployment, whatever became of it.
    pub last: Option<&'a Deployment>,
    /// When and by whom what was not taken back was released last.
    pub released: Option<(Timestamp, &'a Actor)>,
    /// Among how many of the newest deployments none is that, where there are more.
    pub looked_through: Option<usize>,
    /// The worst state.
    pub overall: Option<ServiceState>,
    /// Why the environment stays as it is, if it is on hold.
    pub hold: Option<&'a Hold>,
    /// Who holds services of the environment.
    pub locks: &'a [HeldLock],
    /// A row a service.
    pub services: Vec<ServiceRow<'a>>,
    /// Whether to show counts and digests.
    pub verbose: bool,
}

/// One service of `status`.
pub struct ServiceRow<'a> {
    /// What it runs, and what it is set to.
    pub now: &'a ServiceNow,
    /// What it is in.
    pub state: ServiceState,
    /// The task definition it is set to.
    pub task_definition: Option<&'a TaskDefinitionArn>,
    /// The task definition that was last verified, where it is set to another.
    pub verified: Option<&'a TaskDefinitionArn>,
    /// Tasks that run, start, and are wanted.
    pub tasks: &'a TaskCounts,
    /// How far its rollout is, where that goes in stages.
    pub stage: Option<&'a StageProgress>,
    /// The last restart since it was deployed, where that did not succeed.
    pub failed_restart: Option<&'a FailedRestart>,
    /// The digests that run, by container.
    pub digests: Option<&'a BTreeMap<ContainerName, BTreeSet<Digest>>>,
}

/// The whole status, for people.
#[must_use]
pub fn status(view: &StatusView<'_>, console: &Console) -> String {
    format!("{}\n\n{}", head(view, console), services(view, console))
}

/// The block above the services.
fn head(view: &StatusView<'_>, console: &Console) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| lines.push(format!("{name:>18}: {value}"));
    match (view.released, view.looked_through) {
        (Some((at, by)), _) => {
            line("Last released", words::date_time(at));
            line("Released by", escape(&by.name));
        }
        (None, Some(newest)) => {
            let hint = "see older ones with `release-tool history`";
            line("Last released", format!("by none of the newest {newest} deployments; {hint}"));
        }
        (None, None) => line("Last released", "never by release-tool".to_owned()),
    }
    let overall = view.overall.map_or("-".to_owned(), |state| paint(state, console));
    line("Status", overall);
    if let Some(deployment) = view.last {
        let (number, release, status) =
            (deployment.number, deployment.release, deployment.status.as_str());
        let is_it = view.released.is_some_and(|(at, _)| at == deployment.created_at);
        let begun = if is_it { String::new() } else { begun(deployment) };
        line("Deployment", format!("{number} of {release}, {status}{begun}"));
        if let Some(description) = &deployment.description {
            line("Description", escape(description));
        }
    }
    if let Some(hold) = view.hold {
        let (at, by, reason) = (words::date_time(hold.at), &hold.by.name, &hold.reason);
        line("On hold", format!("since {at} by {}: {}", escape(by), escape(reason)));
    }
    for lock in view.locks {
        line("Held", held_line(lock));
    }
    lines.join("\n")
}

/// When and by whom a deployment was begun that released nothing.
fn begun(deployment: &Deployment) -> String {
    let (at, by) = (words::date_time(deployment.created_at), escape(&deployment.actor.name));
    format!(", begun {at} by {by}")
}

/// The services.
fn services(view: &StatusView<'_>, console: &Console) -> String {
    let mut table = Table::default();
    for row in &view.services {
        table.row(cells(row, view.verbose, console));
    }
    let digests = view.services.iter().filter_map(digests);
    let answers = Some(answers(view).join("\n")).filter(|answers| !answers.is_empty());
    let restarts = view.services.iter().filter_map(failed_restart);
    [table.render(4)]
        .into_iter()
        .chain(digests)
        .chain(restarts)
        .chain(answers)
        .collect::<Vec<String>>()
        .join("\n\n")
}

/// The cells of a service: what it runs, and where that is not what it is set to, that too.
fn cells(row: &ServiceRow<'_>, verbose: bool, console: &Console) -> Vec<String> {
    let now = row.now;
    let mut cells = vec![now.service.to_string(), running(now), paint(row.state, console)];
    if now.is_apart() || (verbose && row.task_definition.is_some()) {
        cells.push(place(now));
    }
    cells.extend(wanted(now).filter(|_| now.is_apart()));
    cells.extend(row.stage.map(stages::summary));
    let is_short = match row.state {
        ServiceState::Failed => true,
        ServiceState::InProgress | ServiceState::NotStable => row.stage.is_none(),
        _ => false,
    };
    if verbose || is_short {
        cells.push(counts(row.tasks, row.state));
    }
    let drifted = row.task_definition.filter(|_| row.state == ServiceState::Drifted);
    cells.extend(row.verified.and_then(|verified| {
        let runs = drifted
            .filter(|_| !verbose)
            .map(|runs| format!("runs {}, verified was {}", runs.short(), verified.short()));
        runs.or_else(|| verbose.then(|| format!("last verified: {}", verified.short())))
    }));
    cells
}

/// The commands that answer the hooks that rollouts of the last deployment wait for; those of other
/// tools are not ours to answer.
fn answers(view: &StatusView<'_>) -> Vec<String> {
    let Some(last) = view.last.filter(|last| !last.status.is_final()) else { return Vec::new() };
    let waits = |row: &&ServiceRow<'_>| {
        let is_its = last.steps.iter().any(|step| step.service == row.now.service);
        is_its && row.stage.is_some_and(|stage| stage.hooks.iter().any(HookDetail::awaits_action))
    };
    let waiting = view.services.iter().filter(waits);
    waiting.flat_map(|row| stages::answers(last.number, &row.now.service)).collect()
}

/// That a service could not be restarted: it runs what was deployed all the same, as far as it runs.
fn failed_restart(row: &ServiceRow<'_>) -> Option<String> {
    let FailedRestart { deployment, at, verdict } = row.failed_restart?;
    let at = at.map(|at| format!(" on {}", words::date_time(at))).unwrap_or_default();
    Some(format!(
        "    {}: restarting it did not succeed{at}: {}  {}\n    hint: see why with `release-tool show \
         {deployment}`",
        row.now.service,
        verdict.word(),
        words::verdict_reason(verdict)
    ))
}

/// How many tasks run of what a service is set to, which old ones run beside them, and whether new
/// ones keep stopping.
fn counts(tasks: &TaskCounts, state: ServiceState) -> String {
    let TaskCounts { running, pending, desired, old_tasks, failed_tasks } = tasks;
    let keep_stopping = *failed_tasks > 0 && !state.is_settled();
    let failed = if keep_stopping {
        format!("; tasks keep stopping: {failed_tasks} so far")
    } else {
        String::new()
    };
    let starting = if *pending > 0 { format!(", {pending} starting") } else { String::new() };
    let old: String = old_tasks.iter().map(old).collect();
    format!("{running}/{desired} running{starting}{old}{failed}")
}

/// Tasks of an earlier deployment, and what they run.
fn old(old: &OldTasks) -> String {
    let (tasks, verb) = if old.running == 1 { ("task", "runs") } else { ("tasks", "run") };
    let what = old.task_definition.as_ref().map_or("something else", |arn| arn.short());
    format!("; {} old {tasks} {verb} {what}", old.running)
}

/// The digests of a service, container by container.
fn digests(row: &ServiceRow<'_>) -> Option<String> {
    let digests = row.digests.filter(|digests| !digests.is_empty())?;
    let mut table = Table::default();
    for (container, digests) in digests {
        let all: Vec<&str> = digests.iter().map(Digest::as_str).collect();
        table.row([container.to_string(), all.join(" and ")]);
    }
    Some(format!("    {}\n{}", row.now.service, table.render(8)))
}

/// A state in its colour.
fn paint(state: ServiceState, console: &Console) -> String {
    let style = match state {
        ServiceState::Complete => Style::new().green(),
        ServiceState::InProgress | ServiceState::NotStable => Style::new().yellow(),
        _ => Style::new().red().bold(),
    };
    console.paint(&style, state)
}
