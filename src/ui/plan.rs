//! A plan as it is shown before the question.

use std::collections::BTreeSet;

use console::Style;

use super::{console::Console, escape::escape, stages, table::Table, words};
use crate::{
    model::{ImageId, ImageUri},
    plan::{ImageSource, Plan, PlannedStep, Revision, Rollout},
};

/// The whole plan, for people.
#[must_use]
pub fn plan(plan: &Plan, console: &Console) -> String {
    let mut parts = Vec::new();
    if plan.only_restarts() {
        parts.push(format!(
            "This will restart, in {}:\n\n{}",
            plan.environment,
            steps(plan, console)
        ));
    } else {
        parts.push(format!("This will deploy:\n\n{}", images(plan).render(4)));
        parts.push(format!("to {}:\n\n{}", place(plan), steps(plan, console)));
    }
    if !plan.unchanged.is_empty() {
        parts.push(format!("Unchanged, and not touched:\n\n{}", unchanged(plan).render(4)));
    }
    parts.extend(remarks(plan, console));
    parts.join("\n\n")
}

/// What is said when everything is as wanted.
#[must_use]
pub fn nothing_to_do(plan: &Plan, console: &Console) -> String {
    let mut parts = vec![format!("Nothing to deploy: {} runs these already.", place(plan))];
    if !plan.unchanged.is_empty() {
        parts.push(unchanged(plan).render(4));
    }
    parts.extend(remarks(plan, console));
    parts.join("\n\n")
}

/// Environment and source in words.
fn place(plan: &Plan) -> String {
    let source = match &plan.wanted.source {
        ImageSource::Label(label) => format!("images from label {label}"),
        ImageSource::Environment(id) => format!("images of {id}"),
        ImageSource::Release(number) => format!("images of {number}"),
        ImageSource::Given => "images as given".to_owned(),
    };
    format!("{} ({source})", plan.environment)
}

/// `image@hash (was hash) subject`, for each image that some step changes.
fn images(plan: &Plan) -> Table {
    let mut table = Table::default();
    let touched: BTreeSet<&ImageId> =
        moved(plan).flat_map(|step| step.target.images.keys()).collect();
    for image in touched {
        let Some(wanted) = plan.wanted.images.get(image) else { continue };
        let was: BTreeSet<&str> = moved(plan)
            .filter_map(|step| step.running.get(image))
            .map(crate::model::ReleaseHash::short)
            .collect();
        let now = wanted.release_hash.short();
        let was: Vec<String> = was.into_iter().filter(|hash| *hash != now).map(escape).collect();
        let was = match was.as_slice() {
            [] => String::new(),
            some => format!("(was {})", some.join(", ")),
        };
        let subject = plan.wanted.subjects.get(image).map(|s| escape(s)).unwrap_or_default();
        table.row([format!("{image}@{}", escape(now)), was, subject]);
    }
    table
}

/// The steps that move their services.
fn moved(plan: &Plan) -> impl Iterator<Item = &PlannedStep> {
    plan.steps.iter().filter(|step| !step.restart)
}

/// Each service with what is done to it.
fn steps(plan: &Plan, console: &Console) -> String {
    let steps: Vec<String> =
        plan.steps.iter().map(|step| one_step((plan, step), console)).collect();
    steps.join("\n")
}

/// One service: its name in ECS, what is asked of it, and the exact changes.
fn one_step((plan, step): (&Plan, &PlannedStep), console: &Console) -> String {
    let name = console.paint(&Style::new().bold(), &step.service);
    let mut lines = vec![format!(
        "    {name}  (ECS service {} in {}): {}",
        step.target.ecs_service,
        step.target.cluster,
        what(step, plan.only_restarts())
    )];
    let moves = matches!(step.rollout, Rollout::Update { .. } | Rollout::Adopt { .. });
    if let Some(order) = step.code_deploy.as_ref().filter(|_| moves) {
        let group = escape(&order.group.to_string());
        lines.push(format!("        moved by CodeDeploy: {group}"));
        let waits = stages::code_deploy_plan(&order.waits);
        lines.extend(waits.iter().map(|line| format!("        {line}")));
    }
    if !step.selected {
        lines.push("        moves too, because it shares an image".to_owned());
    }
    lines.extend(before(plan, step).map(|line| format!("        before: {line}")));
    if moves {
        lines.extend(stages::plan(&step.strategy).iter().map(|line| format!("        {line}")));
    }
    for change in &step.changes {
        let (from, to) = values(change.from.as_deref(), change.to.as_deref());
        lines.push(format!("        {}: {from} → {to}", escape(&change.path)));
    }
    for parameter in &step.parameters {
        let (from, to) = values(parameter.from.as_deref(), parameter.to.as_deref());
        lines.push(format!("        {}: {from} → {to}", parameter.name));
    }
    lines.join("\n")
}

/// The one-off task of a service, and the image it is run from.
fn before(plan: &Plan, step: &PlannedStep) -> Option<String> {
    let task = step.before_task.as_ref()?;
    let image = step.target.containers.get(&task.container)?;
    let hash = plan.wanted.images.get(image).map(|wanted| wanted.release_hash.short());
    let from = format!("{image}@{}", escape(hash.unwrap_or_default()));
    Some(format!("runs `{}` from {from}, and waits for its end", escape(&task.line())))
}

/// Two values side by side. Where both are tags of one repository, the second is only its tag, and
/// ECR's host is left away: what differs is what is looked for. JSON output has it all.
fn values(from: Option<&str>, to: Option<&str>) -> (String, String) {
    let uri = |text: Option<&str>| ImageUri::parse(text?.trim_matches('"')).ok();
    match (uri(from), uri(to)) {
        (Some(before), Some(after)) if before.repository() == after.repository() => {
            let version = |uri: &ImageUri| uri.as_str().replacen(uri.repository(), "", 1);
            let name = before.ecr().map_or_else(|| before.repository().to_owned(), |ecr| ecr.name);
            (escape(&format!("{name}{}", version(&before))), escape(&version(&after)))
        }
        _ => (value(from), value(to)),
    }
}

/// What is asked of a service.
fn what(step: &PlannedStep, only_restarts: bool) -> String {
    let revision = match &step.revision {
        Revision::None => "what it runs".to_owned(),
        Revision::New { base, .. } => format!("a new revision of {}", base.short()),
        Revision::Existing { task_definition } => task_definition.short().to_owned(),
    };
    match &step.rollout {
        Rollout::Update { .. } if step.restart && only_restarts => {
            format!("is restarted with {revision}")
        }
        Rollout::Update { .. } if step.restart => {
            format!("is restarted with {revision}, once all others are verified")
        }
        Rollout::Update { force: false } => format!("moves to {revision}"),
        Rollout::Update { force: true } => format!("is deployed anew with {revision}"),
        Rollout::Adopt { ecs_deployment } => {
            format!("is moving to {revision} already ({ecs_deployment}), and is followed")
        }
        Rollout::Settled { .. } if step.parameters.is_empty() => {
            format!("runs {revision} already, which was never verified; now it is")
        }
        Rollout::Settled { .. } => "runs it already; only its parameters are written".to_owned(),
    }
}

/// A member's value, cut where it is long.
fn value(json: Option<&str>) -> String {
    const LONGEST: usize = 120;
    let Some(json) = json else { return "(none)".to_owned() };
    let text = escape(json);
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}…")
}

/// The services that stay as they are.
fn unchanged(plan: &Plan) -> Table {
    let mut table = Table::default();
    for service in &plan.unchanged {
        table.row([
            service.service.to_string(),
            words::hashes(&service.running),
            service.task_definition.short().to_owned(),
        ]);
    }
    table
}

/// What is left out, and what to know.
fn remarks(plan: &Plan, console: &Console) -> Vec<String> {
    let warning = console.paint(&Style::new().yellow().bold(), "warning:");
    let left_out = plan
        .left_out
        .iter()
        .map(|(service, reason)| format!("{warning} `{service}` is left out: {}", escape(reason)));
    let warnings = plan.warnings.iter().map(|found| {
        format!("{warning} `{}` {}\n  hint: {}", found.service, escape(&found.text), found.hint)
    });
    let notes = plan.notes.iter().map(|note| {
        let hint = note.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
        format!("note: {}{hint}", escape(&note.text))
    });
    left_out.chain(warnings).chain(notes).collect()
}
