//! What the next `terraform apply` would do to what a service runs.
//!
//! A plan that is up to date says it itself. From a state it is worked out as the AWS provider does:
//! with `track_latest` it reads the family's latest ACTIVE revision, else the one it knows; where the
//! configuration's image is another it registers a revision; and the service goes where the task
//! definition is. Without either, the configuration is taken to be as `docs/terraform.md` has it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    facts::{Facts, ParameterFacts, RevisionFacts},
    next::{ImageMove, NextApply},
    origin::ImageOrigin,
    part::{DefinitionPart, Part},
    planned::{is_up_to_date, planned},
};
use crate::{
    model::TaskDefinitionArn,
    plan::{FieldChange, differences},
};

/// What it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// AWS alone, with a configuration as it should be.
    Aws,
    /// A state, or a plan that is older than what is there.
    State,
    /// A plan.
    Plan,
}

/// What the next `terraform apply` does, and what that rests on.
pub(super) fn next_apply(facts: &Facts, part: Option<&Part>) -> (Basis, NextApply) {
    match part {
        None => (Basis::Aws, assumed(facts)),
        Some(part) if is_up_to_date(facts, part) => (Basis::Plan, planned(facts, part)),
        Some(part) => (Basis::State, worked_out(facts, part)),
    }
}

/// What a state leads to.
fn worked_out(facts: &Facts, part: &Part) -> NextApply {
    let Some(definition) = &part.definition else {
        let reason = "its task definition is not in the state".to_owned();
        return NextApply::Unknown { reason };
    };
    // What Terraform reads before it compares.
    let read = if definition.track_latest {
        Some(&facts.latest)
    } else {
        facts.revision(&definition.arn).filter(|revision| revision.is_active)
    };
    let wanted = match wanted(facts, part, definition) {
        Ok(wanted) => wanted,
        Err(other) => return other,
    };
    let differs = |read: &RevisionFacts| {
        wanted.iter().any(|(container, image)| read.images.get(container) != Some(image))
    };
    let others = read.map(|read| other_changes(facts, definition, read)).unwrap_or_default();
    let Some(read) = read.filter(|read| !differs(read) && others.is_empty()) else {
        if part.is_ignored {
            return NextApply::RegistersAside;
        }
        let images = compared(facts, |container| wanted.get(container).cloned());
        return NextApply::Registers { images, changes: others };
    };
    if part.names_family {
        return to_known(facts, read.arn.family());
    }
    let to = if part.maximum.is_some() { &facts.latest.arn } else { &read.arn };
    if facts.running.arn != *to && !part.is_ignored {
        return to_known(facts, to.short());
    }
    let mut what = Vec::new();
    if definition.tags != read.tags {
        what.push("tags of the task definition".to_owned());
    }
    if definition.track_latest && definition.arn != read.arn {
        what.extend(part.outputs.iter().map(|name| format!("the output `{name}`")));
    }
    beside(&what)
}

/// The images that the configuration asks for, by container, as far as they are known.
fn wanted(
    facts: &Facts,
    part: &Part,
    definition: &DefinitionPart,
) -> Result<BTreeMap<String, String>, NextApply> {
    let mut wanted = BTreeMap::new();
    for parameter in &facts.parameters {
        let container = parameter.container.as_str();
        let image = match part.images.get(container) {
            Some(ImageOrigin::Parameter { by_value: false, .. }) if parameter.is_secret => {
                return Err(empty_image());
            }
            Some(ImageOrigin::Parameter { reset_to: Some(image), .. }) => image.clone(),
            Some(ImageOrigin::Parameter { .. }) => parameter.value.clone().ok_or_else(|| {
                let reason = format!("SSM has no parameter `{}`", parameter.name);
                NextApply::Fails { reason }
            })?,
            Some(ImageOrigin::Deployed { .. }) => {
                let latest = facts.latest.images.get(container).cloned();
                latest.ok_or_else(|| NextApply::Unknown { reason: from_elsewhere(container) })?
            }
            Some(ImageOrigin::Elsewhere { .. }) | None => {
                // What was read last may hide what the configuration says.
                let hides = definition.track_latest && !definition.images_are_wanted;
                let applied = definition.images.get(container);
                match applied.filter(|image| !hides || facts.runs(parameter) != Some(*image)) {
                    Some(image) => image.clone(),
                    None => return Err(NextApply::Unknown { reason: from_elsewhere(container) }),
                }
            }
        };
        wanted.insert(container.to_owned(), image);
    }
    Ok(wanted)
}

/// Why nobody knows the image of a container.
fn from_elsewhere(container: &str) -> String {
    format!(
        "the image of `{container}` does not come from its parameter, and a state does not tell \
             what the configuration says"
    )
}

/// What differs between the revision that Terraform knows and the one it reads, apart from what
/// deployments change.
fn other_changes(
    facts: &Facts,
    definition: &DefinitionPart,
    read: &RevisionFacts,
) -> Vec<FieldChange> {
    let Some(known) = facts.revision(&definition.arn).filter(|known| known.arn != read.arn) else {
        return Vec::new();
    };
    let mut changes = differences(&read.document, &known.document).unwrap_or_default();
    changes.retain(|change| !facts.is_mapped_image(&change.path));
    changes
}

/// What happens where the configuration is as it should be.
fn assumed(facts: &Facts) -> NextApply {
    if let Some(missing) = facts.parameters.iter().find(|one| one.value.is_none()) {
        let reason = format!("SSM has no parameter `{}` to take the image from", missing.name);
        return NextApply::Unknown { reason };
    }
    if !facts.has_parameters_images(&facts.latest) {
        let images = compared(facts, |container| facts.value_of(container));
        return NextApply::Registers { images, changes: Vec::new() };
    }
    if facts.running.arn != facts.latest.arn {
        return to_known(facts, facts.latest.arn.short());
    }
    NextApply::Nothing
}

/// That the service is moved to a revision that may have been looked at.
pub(super) fn to_known(facts: &Facts, to: &str) -> NextApply {
    let known = [&facts.latest, &facts.running].into_iter().chain(&facts.others);
    let found = known.into_iter().find(|revision| {
        TaskDefinitionArn::short(&revision.arn) == to || revision.arn.family() == to
    });
    let image = |container: &str| found.and_then(|found| found.images.get(container).cloned());
    NextApply::Moves { to: to.to_owned(), images: compared(facts, image) }
}

/// The mapped containers that would run something else than they do.
pub(super) fn compared(facts: &Facts, to: impl Fn(&str) -> Option<String>) -> Vec<ImageMove> {
    let change = |parameter: &ParameterFacts| {
        let (from, to) = (facts.runs(parameter)?.clone(), to(parameter.container.as_str()));
        let container = parameter.container.to_string();
        (to.as_ref() != Some(&from)).then_some(ImageMove { container, from, to })
    };
    facts.parameters.iter().filter_map(change).collect()
}

/// The end of an apply that registers a container without an image.
pub(super) fn empty_image() -> NextApply {
    let reason = "the parameter is a SecureString, whose `insecure_value` is empty, and ECS takes no \
                  container without an image";
    NextApply::Fails { reason: reason.to_owned() }
}

/// What is changed beside what runs, if anything is.
pub(super) fn beside(what: &[String]) -> NextApply {
    if what.is_empty() { NextApply::Nothing } else { NextApply::Beside { what: what.join(", ") } }
}
