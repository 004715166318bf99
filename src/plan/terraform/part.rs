//! What Terraform has of one service: its task definition, and where the images in it come from.
//!
//! A state tells what was applied, never what the configuration says since; and `ignore_changes` is
//! told nowhere, so that it is seen only where what it hides is there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    document::{Action, Change, TerraformDocument},
    facts::{Facts, ParameterFacts},
    origin::{ImageOrigin, origin, revision_source},
    resource::{Resource, images},
};
use crate::model::TaskDefinitionArn;

/// What Terraform has of one service.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The address of the service.
    pub(super) service: String,
    /// The revision that Terraform knows the service to run, where it names one.
    pub(super) known: Option<String>,
    /// The task definition, where Terraform makes it.
    pub(super) definition: Option<DefinitionPart>,
    /// Whether the service names the family, and no revision of it. Only a plan tells.
    pub(super) names_family: bool,
    /// The data source that tells the service the latest revision there is.
    pub(super) maximum: Option<String>,
    /// Whether what the service runs is left out of comparison, as far as it can be seen.
    pub(super) is_ignored: bool,
    /// Where the image of each mapped container comes from, by container name.
    pub(super) images: BTreeMap<String, ImageOrigin>,
    /// The outputs that tell the revision.
    pub(super) outputs: Vec<String>,
    /// What is planned for the service, where it is a plan.
    pub(super) service_change: Option<Change>,
    /// What is planned for the task definition, where it is a plan.
    pub(super) definition_change: Option<Change>,
    /// The outputs that are planned to change.
    pub(super) outputs_changed: Vec<String>,
    /// Whether the plan was made for a part of the configuration only.
    pub(super) is_partial: bool,
    /// The parameters that are planned to go, by their addresses.
    pub(super) parameters_lost: Vec<String>,
}

/// A task definition as Terraform has it.
#[derive(Debug, Clone)]
pub(super) struct DefinitionPart {
    /// Its address.
    pub(super) address: String,
    /// The revision that Terraform knows.
    pub(super) arn: TaskDefinitionArn,
    /// Whether Terraform compares with the family's latest revision: as it was applied.
    pub(super) track_latest: bool,
    /// Whether the configuration says so too, where it is a plan.
    pub(super) wants_track_latest: Option<bool>,
    /// Whether revisions are kept when Terraform makes another.
    pub(super) skip_destroy: bool,
    /// Its tags.
    pub(super) tags: BTreeMap<String, String>,
    /// The images of its containers: of a plan those that the configuration asks for, of a state those
    /// that were read last.
    pub(super) images: BTreeMap<String, String>,
    /// Whether they are those that the configuration asks for.
    pub(super) images_are_wanted: bool,
}

impl Part {
    /// What a state or plan has of a service; nothing where it does not have the service.
    pub(super) fn of(document: &TerraformDocument, facts: &Facts) -> Option<Self> {
        let service =
            document.of_kind("aws_ecs_service").find(|one| is_service(one, &facts.arn))?;
        let known = service.text("task_definition").map(short).map(str::to_owned);
        let family = known.as_deref().map_or("", family_of);
        let is_there = |one: &&Resource| {
            one.is_managed
                && one.text("family") == Some(family)
                && one.text("arn").is_none_or(|arn| place(arn) == place(&facts.arn))
        };
        let block = document.of_kind("aws_ecs_task_definition").find(is_there);
        let planned = document.planned.as_ref();
        let change = |one: &Resource| planned?.changes.get(&one.address).cloned();
        let definition = block.and_then(|block| DefinitionPart::of(document, block));
        let origin = |parameter: &ParameterFacts| {
            let origin =
                block.map_or_else(ImageOrigin::unknown, |block| origin(document, block, parameter));
            (parameter.container.to_string(), origin)
        };
        let mut part = Self {
            service: service.address.clone(),
            known,
            names_family: names_family(document, service),
            maximum: revision_source(document, service),
            is_ignored: false,
            images: facts.parameters.iter().map(origin).collect(),
            outputs: definition.as_ref().map(|one| outputs(document, one)).unwrap_or_default(),
            service_change: change(service),
            definition_change: block.and_then(change),
            outputs_changed: planned.map(|planned| planned.outputs.clone()).unwrap_or_default(),
            is_partial: planned.is_some_and(|planned| planned.is_partial),
            parameters_lost: lost(document, facts),
            definition,
        };
        part.is_ignored = part.seems_ignored();
        Some(part)
    }

    /// Whether Terraform knows that the service runs another revision than the one of its task
    /// definition, and leaves it so.
    fn seems_ignored(&self) -> bool {
        let (Some(known), Some(definition)) = (&self.known, &self.definition) else { return false };
        if self.names_family || self.maximum.is_some() {
            return false;
        }
        match (&self.service_change, &self.definition_change) {
            (Some(service), Some(of_definition)) if of_definition.creates() => {
                !service.attributes().iter().any(|name| name == "task_definition")
            }
            (Some(service), _) => {
                let after = service.after.get("task_definition").and_then(Value::as_str);
                let is_left =
                    after.map(short) == Some(known) && !service.is_unknown("task_definition");
                is_left && known != definition.arn.short()
            }
            (None, _) => known != definition.arn.short(),
        }
    }
}

impl DefinitionPart {
    /// Reads a task definition.
    fn of(document: &TerraformDocument, block: &Resource) -> Option<Self> {
        let expression = document.planned.as_ref().and_then(|planned| {
            let after = &planned.changes.get(&block.address)?.after;
            let said = planned.expression(block, "track_latest");
            let constant = said.and_then(|said| said.get("constant_value"));
            let wanted = constant.or(after.get("track_latest")).and_then(Value::as_bool);
            // Of what goes nothing is wanted.
            (!after.is_null()).then(|| wanted.unwrap_or_default())
        });
        let change = document.planned.as_ref().and_then(|all| all.changes.get(&block.address));
        let planned = change.and_then(planned_images);
        Some(Self {
            images_are_wanted: planned.is_some(),
            images: planned.unwrap_or_else(|| block.images()),
            address: block.address.clone(),
            arn: TaskDefinitionArn::parse(block.text("arn")?)?,
            track_latest: block.is("track_latest"),
            wants_track_latest: expression,
            skip_destroy: block.is("skip_destroy"),
            tags: block.table("tags_all"),
        })
    }
}

/// Whether a resource is the ECS service with an ARN. Services made long ago have no cluster in
/// theirs.
fn is_service(resource: &Resource, arn: &str) -> bool {
    if !resource.is_managed || resource.text("name") != Some(last(arn)) {
        return false;
    }
    let cluster = resource.text("cluster").map(last);
    let id = resource.text("id").unwrap_or_default();
    let is_same_place = place(id) == place(arn);
    let of_arn: Vec<&str> = arn.split('/').collect();
    is_same_place && (of_arn.len() < 3 || of_arn.get(1).copied() == cluster)
}

/// What an ARN says up to its resource: partition, service, region and account.
pub(super) fn place(arn: &str) -> Vec<&str> {
    arn.split(':').take(5).collect()
}

/// What follows the last slash.
fn last(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// `family:revision`, `family`, or the same at the end of an ARN, without the ARN.
pub(super) fn short(reference: &str) -> &str {
    reference.split_once(":task-definition/").map_or(reference, |(_, short)| short)
}

/// The family of such a reference.
pub(super) fn family_of(short: &str) -> &str {
    short.split_once(':').map_or(short, |(family, _)| family)
}

/// Whether the service is planned to be pointed at the family.
fn names_family(document: &TerraformDocument, service: &Resource) -> bool {
    let Some(planned) = &document.planned else { return false };
    let after = planned.changes.get(&service.address).and_then(|c| c.after.get("task_definition"));
    after.and_then(Value::as_str).is_some_and(|text| !short(text).contains(':'))
}

/// The parameters of a service that a plan takes away.
fn lost(document: &TerraformDocument, facts: &Facts) -> Vec<String> {
    let Some(planned) = &document.planned else { return Vec::new() };
    let names: Vec<&str> = facts.parameters.iter().map(|one| one.name.as_str()).collect();
    let is_lost = |one: &&Resource| {
        let change = planned.changes.get(&one.address);
        one.is_managed
            && one.text("name").is_some_and(|name| names.contains(&name))
            && change.is_some_and(|change| match change.action {
                Action::Delete => true,
                Action::Replace => change.after.get("name") != change.before.get("name"),
                _ => false,
            })
    };
    let found = document.of_kind("aws_ssm_parameter").filter(is_lost);
    found.map(|one| one.address.clone()).collect()
}

/// The outputs that tell a revision: they are other ones after each deployment.
fn outputs(document: &TerraformDocument, definition: &DefinitionPart) -> Vec<String> {
    let tells = |value: &Value| tells(value, &definition.arn);
    let found = document.outputs.iter().filter(|(_, value)| tells(value));
    found.map(|(name, _)| name.clone()).collect()
}

/// Whether a value has a reference to a revision in it.
fn tells(value: &Value, revision: &TaskDefinitionArn) -> bool {
    match value {
        Value::String(text) => text == revision.as_str() || text == revision.short(),
        Value::Array(list) => list.iter().any(|one| tells(one, revision)),
        Value::Object(table) => table.values().any(|one| tells(one, revision)),
        _ => false,
    }
}

/// The images that a plan gives a task definition, where they are known.
pub(super) fn planned_images(change: &Change) -> Option<BTreeMap<String, String>> {
    Some(images(change.after.get("container_definitions")?.as_str()?))
}
