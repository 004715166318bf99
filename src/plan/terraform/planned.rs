//! What a plan of Terraform's does to what a service runs.
//!
//! Invariant: every action that a plan can have is told apart; one that is not known here is never
//! taken for nothing.

use serde_json::{Value, json};

use super::{
    document::{Action, Change},
    facts::{Facts, ParameterFacts},
    next::NextApply,
    origin::ImageOrigin,
    outlook::{beside, compared, empty_image, to_known},
    part::{Part, planned_images},
};
use crate::plan::{FieldChange, differences};

/// Whether there is a plan, whole, and made for what is there now.
pub(super) fn is_up_to_date(facts: &Facts, part: &Part) -> bool {
    let is_same = part.known.as_deref() == Some(facts.running.arn.short());
    let tracks = part.definition.as_ref().filter(|definition| definition.track_latest);
    let is_latest = tracks.is_none_or(|definition| definition.arn == facts.latest.arn);
    let is_planned = part.service_change.is_some() && !part.is_partial;
    is_planned && is_same && is_latest && facts.parameters.iter().all(|one| is_as_read(one, part))
}

/// Whether a parameter is what Terraform read, as far as that is known. A secret's value is in no
/// plan that others may see.
fn is_as_read(parameter: &ParameterFacts, part: &Part) -> bool {
    match part.images.get(parameter.container.as_str()) {
        Some(ImageOrigin::Parameter { read: Some(read), .. }) if !parameter.is_secret => {
            parameter.value.as_ref() == Some(read)
        }
        _ => true,
    }
}

/// What a plan says.
pub(super) fn planned(facts: &Facts, part: &Part) -> NextApply {
    if let Some(end) = ended(part) {
        return end;
    }
    let service = part.service_change.as_ref();
    let of_service: Vec<String> = service.map(Change::attributes).unwrap_or_default();
    let moves = of_service.iter().any(|name| name == "task_definition");
    if let Some(change) = part.definition_change.as_ref().filter(|change| change.creates()) {
        return registered(facts, part, (change, moves));
    }
    if moves {
        let after = service.and_then(|change| change.after.get("task_definition")?.as_str());
        return to_known(facts, after.map_or("what is known only then", super::part::short));
    }
    let of_definition = part.definition_change.as_ref().filter(|change| change.updates());
    let mut what: Vec<String> = of_definition
        .map(|change| format!("{} of the task definition", change.attributes().join(" and ")))
        .into_iter()
        .collect();
    if service.is_some_and(Change::updates) {
        what.push(format!("{} of the service", of_service.join(" and ")));
    }
    let outputs: Vec<&String> =
        part.outputs.iter().filter(|name| part.outputs_changed.contains(name)).collect();
    what.extend(outputs.iter().map(|name| format!("the output `{name}`")));
    beside(&what)
}

/// What a plan takes away, where it does: then nothing else of it counts.
fn ended(part: &Part) -> Option<NextApply> {
    let action = |change: Option<&Change>| change.map_or(Action::Nothing, |change| change.action);
    let (service, definition) = (&part.service, part.definition.as_ref());
    match action(part.service_change.as_ref()) {
        Action::Delete => return Some(NextApply::Destroys { what: service.clone() }),
        Action::Replace | Action::Create => {
            return Some(NextApply::Replaces { what: service.clone() });
        }
        Action::Forget => return Some(NextApply::Forgets { what: service.clone() }),
        Action::Foreign => return Some(foreign(service)),
        Action::Nothing | Action::Update => {}
    }
    let of_definition = action(part.definition_change.as_ref());
    match (of_definition, definition) {
        (Action::Delete, Some(one)) if !one.skip_destroy => {
            return Some(NextApply::Destroys { what: one.address.clone() });
        }
        (Action::Delete | Action::Forget, Some(one)) => {
            return Some(NextApply::Forgets { what: one.address.clone() });
        }
        (Action::Foreign, Some(one)) => return Some(foreign(&one.address)),
        _ => {}
    }
    let what = part.parameters_lost.first()?.clone();
    Some(NextApply::Destroys { what })
}

/// That a plan does something that is not known here.
fn foreign(address: &str) -> NextApply {
    let reason = format!("the plan does something with {address} that is not known here");
    NextApply::Unknown { reason }
}

/// What comes of a plan that makes the task definition anew.
fn registered(facts: &Facts, part: &Part, (change, moves): (&Change, bool)) -> NextApply {
    let of_parameter = |container: &str| match part.images.get(container) {
        Some(ImageOrigin::Parameter { reset_to: Some(image), .. }) => Some(image.clone()),
        Some(ImageOrigin::Parameter { .. }) => facts.value_of(container),
        _ => None,
    };
    let images = match planned_images(change) {
        Some(images) => compared(facts, |container| images.get(container).cloned()),
        None => compared(facts, of_parameter),
    };
    if images.iter().any(|image| image.to.as_deref() == Some("")) {
        empty_image()
    } else if moves {
        NextApply::Registers { images, changes: content_changes(facts, change) }
    } else {
        NextApply::RegistersAside
    }
}

/// What a plan changes of a task definition's content, apart from mapped images.
fn content_changes(facts: &Facts, change: &Change) -> Vec<FieldChange> {
    let whole = |attribute: String| FieldChange { path: attribute, from: None, to: None };
    let is_content = |name: &String| {
        // The first four are another revision's own; the others say how Terraform goes about it.
        let beside = ["arn", "arn_without_revision", "id", "revision", "container_definitions"];
        let ways = ["track_latest", "skip_destroy", "tags", "tags_all", "enable_fault_injection"];
        let is_known = !change.is_unknown(name);
        is_known && !beside.contains(&name.as_str()) && !ways.contains(&name.as_str())
    };
    let mut changes: Vec<FieldChange> =
        change.attributes().into_iter().filter(is_content).map(whole).collect();
    if change.is_unknown("container_definitions") {
        changes.push(whole("container_definitions, as far as is known only then".to_owned()));
    }
    changes.extend(container_changes(change));
    changes.retain(|change| !facts.is_mapped_image(&change.path));
    changes
}

/// What a plan changes of containers. Members that ECS fills in, and that a configuration leaves out,
/// are no changes.
fn container_changes(change: &Change) -> Vec<FieldChange> {
    let of = |side: &Value| {
        let containers = side.get("container_definitions").and_then(Value::as_str)?;
        let containers: Value = serde_json::from_str(containers).ok()?;
        Some(json!({ "containerDefinitions": containers }).to_string())
    };
    let (Some(before), Some(after)) = (of(&change.before), of(&change.after)) else {
        return Vec::new();
    };
    let mut changes = differences(&before, &after).unwrap_or_default();
    changes.retain(|change| change.to.is_some() || !is_filled_in(change));
    changes
}

/// Whether a member is as ECS has it where nobody gave it.
fn is_filled_in(change: &FieldChange) -> bool {
    let member = change.path.rsplit('.').next().unwrap_or_default();
    match (member, change.from.as_deref()) {
        ("essential", from) => from == Some("true"),
        ("protocol", from) => from == Some("\"tcp\""),
        (_, from) => from.is_none_or(|from| ["[]", "{}", "0", "false", "\"\""].contains(&from)),
    }
}
