//! What the next `terraform apply` would do to what a service runs.
//!
//! A plan that is up to date says it itself. From a state it is worked out as the AWS provider does:
//! with `track_latest` it reads the family's latest ACTIVE revision, else the one it knows; where the
//! configuration's image is another it registers a revision; and the service goes where the task
//! definition is. Without either, the configuration is taken to be as `docs/terraform.md` has it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    facts::{Facts, RevisionFacts},
    part::{DefinitionPart, ImageOrigin, Part, planned_images},
};
use crate::{
    model::TaskDefinitionArn,
    plan::{FieldChange, differences},
};

/// What is changed of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageMove {
    /// The container.
    pub container: String,
    /// What it runs.
    pub from: String,
    /// What it would run; none where that is known only when it is done.
    pub to: Option<String>,
}

/// What the next `terraform apply` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NextApply {
    /// Nothing: `terraform plan` has no changes for the service.
    Nothing,
    /// It changes what is beside what runs: tags, outputs, or settings of the service.
    Beside {
        /// What, as the end of "changes …".
        what: String,
    },
    /// It moves the service to a revision that is there.
    Moves {
        /// That revision, or the family.
        to: String,
        /// The images that change with it.
        images: Vec<ImageMove>,
    },
    /// It registers a revision and moves the service to it.
    Registers {
        /// The images that change with it; none where it is what runs once more.
        images: Vec<ImageMove>,
        /// What else changes, as far as it is known.
        changes: Vec<FieldChange>,
    },
    /// It registers a revision that the service is not moved to, since that is ignored.
    RegistersAside,
    /// It fails.
    Fails {
        /// Why.
        reason: String,
    },
    /// That cannot be told.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl NextApply {
    /// Whether nothing is done.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }

    /// Whether it has the service run other images than now, or fails, or nobody knows.
    #[must_use]
    pub fn is_a_danger(&self) -> bool {
        match self {
            Self::Nothing | Self::Beside { .. } | Self::Unknown { .. } => false,
            Self::Moves { images, .. } => !images.is_empty(),
            Self::Registers { .. } | Self::RegistersAside | Self::Fails { .. } => true,
        }
    }

    /// What it does, as the end of "the next `terraform apply` …".
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Nothing => "changes nothing".to_owned(),
            Self::Beside { what } => format!("changes {what}; what runs stays"),
            Self::Moves { to, images } if images.is_empty() => {
                format!("moves the service to {to}, with the same images")
            }
            Self::Moves { to, images } => format!("moves the service to {to}: {}", moved(images)),
            Self::Registers { images, changes } if images.is_empty() && changes.is_empty() => {
                "registers what runs once more, and replaces every task by one that runs the same"
                    .to_owned()
            }
            Self::Registers { images, changes } if images.is_empty() => {
                format!("registers a revision and deploys it: {}", fields(changes))
            }
            Self::Registers { images, changes } if changes.is_empty() => {
                format!("registers a revision and deploys it: {}", moved(images))
            }
            Self::Registers { images, changes } => {
                format!(
                    "registers a revision and deploys it: {}; {}",
                    moved(images),
                    fields(changes)
                )
            }
            Self::RegistersAside => {
                "registers a revision that the service is not moved to".to_owned()
            }
            Self::Fails { reason } => format!("fails: {reason}"),
            Self::Unknown { reason } => format!("cannot be foretold: {reason}"),
        }
    }
}

/// Images that change, in words.
fn moved(images: &[ImageMove]) -> String {
    let one = |image: &ImageMove| {
        let to = image.to.as_deref().unwrap_or("what is known only then");
        format!("`{}` goes from {} to {to}", image.container, image.from)
    };
    images.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Members that change, in words.
fn fields(changes: &[FieldChange]) -> String {
    let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    format!("it puts back {}", paths.join(", "))
}

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

/// Whether there is a plan, made for what is there now.
pub(super) fn is_up_to_date(facts: &Facts, part: &Part) -> bool {
    let is_same = part.known.as_deref() == Some(facts.running.arn.short());
    let tracks = part.definition.as_ref().filter(|definition| definition.track_latest);
    let is_latest = tracks.is_none_or(|definition| definition.arn == facts.latest.arn);
    part.service_change.is_some() && is_same && is_latest
}

/// What a plan says.
fn planned(facts: &Facts, part: &Part) -> NextApply {
    let service = part.service_change.as_ref();
    let of_service: Vec<String> =
        service.map(super::document::Change::attributes).unwrap_or_default();
    let moves = of_service.iter().any(|name| name == "task_definition");
    if let Some(change) = part.definition_change.as_ref().filter(|change| change.creates()) {
        let images = match planned_images(change) {
            Some(images) => compared(facts, |container| images.get(container).cloned()),
            None => compared(facts, |container| match part.images.get(container) {
                Some(ImageOrigin::Parameter { reset_to, .. }) => reset_to.clone().or_else(|| {
                    facts
                        .parameters
                        .iter()
                        .find(|one| one.container.as_str() == container)?
                        .value
                        .clone()
                }),
                _ => None,
            }),
        };
        if images.iter().any(|image| image.to.as_deref() == Some("")) {
            return empty_image();
        }
        return if moves {
            NextApply::Registers { images, changes: Vec::new() }
        } else {
            NextApply::RegistersAside
        };
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
    if service.is_some_and(super::document::Change::updates) {
        what.push(format!("{} of the service", of_service.join(" and ")));
    }
    let outputs: Vec<&String> =
        part.outputs.iter().filter(|name| part.outputs_changed.contains(name)).collect();
    what.extend(outputs.iter().map(|name| format!("the output `{name}`")));
    beside(&what)
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
    if facts.running.arn != read.arn && !part.is_ignored {
        return to_known(facts, read.arn.short());
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
            Some(ImageOrigin::Elsewhere) | None => {
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
    changes.retain(|change| {
        !facts
            .parameters
            .iter()
            .any(|one| change.path == format!("containerDefinitions[{}].image", one.container))
    });
    changes
}

/// What happens where the configuration is as it should be.
fn assumed(facts: &Facts) -> NextApply {
    if let Some(missing) = facts.parameters.iter().find(|one| one.value.is_none()) {
        let reason = format!("SSM has no parameter `{}` to take the image from", missing.name);
        return NextApply::Unknown { reason };
    }
    if !facts.has_parameters_images(&facts.latest) {
        let value = |container: &str| {
            facts.parameters.iter().find(|one| one.container.as_str() == container)?.value.clone()
        };
        return NextApply::Registers { images: compared(facts, value), changes: Vec::new() };
    }
    if facts.running.arn != facts.latest.arn {
        return to_known(facts, facts.latest.arn.short());
    }
    NextApply::Nothing
}

/// That the service is moved to a revision that may have been looked at.
fn to_known(facts: &Facts, to: &str) -> NextApply {
    let known = [&facts.latest, &facts.running].into_iter().chain(&facts.others);
    let found = known.into_iter().find(|revision| {
        TaskDefinitionArn::short(&revision.arn) == to || revision.arn.family() == to
    });
    let image = |container: &str| found.and_then(|found| found.images.get(container).cloned());
    NextApply::Moves { to: to.to_owned(), images: compared(facts, image) }
}

/// The mapped containers that would run something else than they do.
fn compared(facts: &Facts, to: impl Fn(&str) -> Option<String>) -> Vec<ImageMove> {
    let change = |parameter: &super::facts::ParameterFacts| {
        let (from, to) = (facts.runs(parameter)?.clone(), to(parameter.container.as_str()));
        let container = parameter.container.to_string();
        (to.as_ref() != Some(&from)).then_some(ImageMove { container, from, to })
    };
    facts.parameters.iter().filter_map(change).collect()
}

/// The end of an apply that registers a container without an image.
fn empty_image() -> NextApply {
    let reason = "the parameter is a SecureString, whose `insecure_value` is empty, and ECS takes no \
                  container without an image";
    NextApply::Fails { reason: reason.to_owned() }
}

/// What is changed beside what runs, if anything is.
fn beside(what: &[String]) -> NextApply {
    if what.is_empty() { NextApply::Nothing } else { NextApply::Beside { what: what.join(", ") } }
}
