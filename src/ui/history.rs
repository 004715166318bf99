//! `history` and `show`: the record, for people.

use super::{escape::escape, table::Table, words};
use crate::model::{Actor, Deployment, Release, Step};

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
pub fn show(deployment: &Deployment, release: &Release) -> String {
    let mut parts = vec![head(deployment).render(0), images(release).render(4)];
    parts.extend(deployment.steps.iter().map(step));
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
fn step(step: &Step) -> String {
    let end = step.verdict.as_ref().map_or_else(
        || "no verdict recorded".to_owned(),
        |verdict| format!("{}  {}", verdict.word(), words::verdict_reason(verdict)),
    );
    let mut lines = vec![format!("{}: {}", step.service, end.trim_end())];
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(format!("    {name:<18} {value}"));
        }
    };
    let target = &step.target;
    fact("ECS service", Some(format!("{} in {}", target.ecs_service, target.cluster)));
    fact("before", step.before.task_definition.as_ref().map(|arn| arn.short().to_owned()));
    fact(
        "task definition",
        step.task_definition.as_ref().map(|arn| {
            let new = if step.registered { " (registered)" } else { "" };
            format!("{}{new}", arn.short())
        }),
    );
    fact("ECS deployment", step.ecs_deployment.as_ref().map(ToString::to_string));
    fact("started", step.started_at.map(words::date_time));
    fact("ended", step.finished_at.map(words::date_time));
    let proof = step.evidence.as_ref().map(words::evidence).unwrap_or_default();
    lines.extend(proof.into_iter().map(|line| format!("    {line}")));
    lines.join("\n")
}
