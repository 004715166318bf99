//! `history` and `show`: the record, for people.

use super::{
    deployment::{place, running, wanted},
    escape::escape,
    evidence::{self, Extent},
    table::Table,
    words,
};
use crate::model::{
    Actor, BeforeTask, BeforeTaskStatus, Compensation, Deployment, Release, ServiceNow, Step,
    TaskDefinitionArn, TimelineEntry, Verdict,
};

/// A line for each deployment, newest first.
#[must_use]
pub fn history(deployments: &[Deployment]) -> String {
    if deployments.is_empty() {
        return "No deployments are recorded.".to_owned();
    }
    let mut table = Table::default();
    for deployment in deployments {
        table.row([
            deployment.number.to_string(),
            words::date_time(deployment.created_at),
            deployment.environment.to_string(),
            deployment.selection.to_string(),
            deployment.release.to_string(),
            deployment.kind.as_str().to_owned(),
            deployment.status.as_str().to_owned(),
            escape(&deployment.actor.name),
            deployment.description.as_deref().map(escape).unwrap_or_default(),
        ]);
    }
    table.render(0)
}

/// One deployment, whole.
#[must_use]
pub fn show(
    deployment: &Deployment,
    (release, services): (&Release, &[ServiceNow]),
    timeline: &[TimelineEntry],
) -> String {
    let mut parts = vec![head(deployment).render(0), images(release).render(4)];
    let steps = deployment.steps.iter().zip(services);
    parts.extend(steps.map(|(of, now)| step(of, now)));
    if !timeline.is_empty() {
        parts.push(happenings(timeline));
    }
    parts.join("\n\n")
}

/// Who, what, why and when.
fn head(deployment: &Deployment) -> Table {
    let mut table = Table::default();
    table.row(["Deployment", &deployment.number.to_string()]);
    table.row(["Kind", deployment.kind.as_str()]);
    table.row(["Status", deployment.status.as_str()]);
    table.row(["Environment", deployment.environment.as_str()]);
    table.row(["Services", &deployment.selection.to_string()]);
    table.row(["Release", &deployment.release.to_string()]);
    self::actor(&deployment.actor, &mut table);
    if let Some(description) = &deployment.description {
        table.row(["Description", &escape(description)]);
    }
    table.row(["Started", &words::date_time(deployment.created_at)]);
    if let Some(at) = deployment.finished_at {
        table.row(["Ended", &words::date_time(at)]);
    }
    table.row(["Made with", &format!("release-tool {}", deployment.tool_version)]);
    table
}

/// What happened, a line each.
fn happenings(timeline: &[TimelineEntry]) -> String {
    let mut table = Table::default();
    for entry in timeline {
        let service = entry.service.as_ref().map_or("-", |service| service.as_str());
        table.row([words::date_time(entry.at), service.to_owned(), escape(&entry.text)]);
    }
    format!("What happened:\n{}", table.render(4))
}

/// Who did it, and from where.
pub(super) fn actor(actor: &Actor, table: &mut Table) {
    table.row(["By", &escape(&actor.name)]);
    if let Some(arn) = &actor.arn {
        table.row(["Signed in as", &escape(arn)]);
    }
    if let Some(ci) = &actor.ci {
        let url = ci.url.as_deref().unwrap_or_default();
        table.row(["CI job", &escape(format!("{} {url}", ci.system).trim())]);
    }
    if let Some(host) = &actor.host {
        table.row(["On", &escape(host)]);
    }
}

/// The release's images.
pub(super) fn images(release: &Release) -> Table {
    let mut table = Table::default();
    for (id, image) in &release.images {
        let digest = image.digest.as_ref().map_or("digest not known", |digest| digest.as_str());
        table.row([
            format!("{id}@{}", image.release_hash.short()),
            image.uri.to_string(),
            digest.to_owned(),
        ]);
    }
    table
}

/// What was done to one service, and how it ended.
fn step(step: &Step, now: &ServiceNow) -> String {
    let is_verdict = step.verdict.as_ref().is_some_and(|verdict| verdict.word() == now.state);
    let end = ending(step.verdict.as_ref());
    let headline = if is_verdict { end.clone() } else { now.state.to_owned() };
    // What became of a service that was put back is more than how its own rollout ended.
    let own = step.verdict.is_some() && !is_verdict && now.registered.is_none();
    let wanted = wanted(now).map(|_| words::hashes(&now.wanted));
    let mut lines = vec![format!("{}: {headline}", step.service)];
    let target = &step.target;
    lines.extend(facts([
        ("ECS service", Some(format!("{} in {}", target.ecs_service, target.cluster))),
        ("left with", Some(format!("{}  {}", running(now), place(now)))),
        ("wanted", wanted),
        ("own rollout", own.then_some(end)),
        ("before", step.before.task_definition.as_ref().map(|arn| arn.short().to_owned())),
        ("task definition", moved_to(step.task_definition.as_ref(), step.registered)),
        ("one-off task", step.before_task.as_ref().map(one_off_task)),
        ("ECS deployment", step.ecs_deployment.as_ref().map(ToString::to_string)),
        ("started", step.started_at.map(words::date_time)),
        ("ended", step.finished_at.map(words::date_time)),
    ]));
    lines.extend(
        step.evidence.as_ref().map(|all| evidence::lines(all, Extent::Whole)).unwrap_or_default(),
    );
    lines.extend(step.compensation.iter().flat_map(put_back));
    lines.join("\n    ")
}

/// A one-off task, and how it ended.
fn one_off_task(task: &BeforeTask) -> String {
    let id = task.id().unwrap_or_default();
    let end = match (task.status, task.exit_code, &task.confirmed_by) {
        (BeforeTaskStatus::Pending, _, _) => "not run".to_owned(),
        (BeforeTaskStatus::Intent | BeforeTaskStatus::Running, _, _) => {
            "its end was not seen yet".to_owned()
        }
        (BeforeTaskStatus::Unknown, _, _) => "its end is not known".to_owned(),
        (BeforeTaskStatus::Skipped, _, _) => "left out".to_owned(),
        (_, Some(code), _) => format!("exit code {code}"),
        (BeforeTaskStatus::Succeeded, None, Some(by)) => format!("succeeded, says {by}"),
        (BeforeTaskStatus::Succeeded | BeforeTaskStatus::Failed, None, _) => "never ran".to_owned(),
    };
    let despite = task.answers_for.map_or_else(String::new, |earlier| {
        format!(", although how that of {earlier} ended is not known")
    });
    let told = format!("{}  {end}{despite}  {id}", task.run.line());
    escape(told.trim_end())
}

/// What was done to put a service back, and how that ended.
fn put_back(back: &Compensation) -> Vec<String> {
    let mut lines = facts([
        ("before", back.before.task_definition.as_ref().map(|arn| arn.short().to_owned())),
        ("task definition", moved_to(back.task_definition.as_ref(), back.registered)),
        ("ECS deployment", back.ecs_deployment.as_ref().map(ToString::to_string)),
        ("started", back.started_at.map(words::date_time)),
        ("ended", back.finished_at.map(words::date_time)),
    ]);
    lines.extend(
        back.evidence.as_ref().map(|all| evidence::lines(all, Extent::Whole)).unwrap_or_default(),
    );
    let head = format!("put back: {}", ending(back.verdict.as_ref()));
    [head].into_iter().chain(lines.into_iter().map(|line| format!("    {line}"))).collect()
}

/// A verdict with its reason.
fn ending(verdict: Option<&Verdict>) -> String {
    let Some(verdict) = verdict else { return "no verdict recorded".to_owned() };
    let end = format!("{}  {}", verdict.word(), words::verdict_reason(verdict));
    end.trim_end().to_owned()
}

/// A task definition, and whether it was made for this.
fn moved_to(task_definition: Option<&TaskDefinitionArn>, registered: bool) -> Option<String> {
    let new = if registered { " (registered)" } else { "" };
    task_definition.map(|arn| format!("{}{new}", arn.short()))
}

/// The facts that are known, a line each.
fn facts<const N: usize>(facts: [(&str, Option<String>); N]) -> Vec<String> {
    let known = facts.into_iter().filter_map(|(name, value)| Some((name, value?)));
    known.map(|(name, value)| format!("{name:<18} {value}")).collect()
}
