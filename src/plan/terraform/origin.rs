//! Where the images in a configuration come from.
//!
//! What a task definition depends on is known over any number of steps, through locals, variables and
//! modules; which of that becomes the image is not. Variables are told by a plan alone.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{document::TerraformDocument, facts::ParameterFacts, resource::Resource};

/// Where an image in a configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ImageOrigin {
    /// The SSM parameter that deployments write.
    Parameter {
        /// Whether by `value`, which Terraform takes for a secret, and not by `insecure_value`.
        by_value: bool,
        /// What a plan sets the parameter to.
        reset_to: Option<String>,
        /// What it was when Terraform read it last.
        read: Option<String>,
    },
    /// What is deployed, which a data source tells.
    Deployed {
        /// The data source.
        by: String,
    },
    /// Anything else.
    Elsewhere {
        /// What it may come from, in words, where anything tells.
        source: Option<String>,
    },
}

impl ImageOrigin {
    /// That nothing tells.
    pub(super) fn unknown() -> Self {
        Self::Elsewhere { source: None }
    }
}

/// What a block depends on and images are taken from.
fn sources<'a>(
    document: &'a TerraformDocument,
    block: &'a Resource,
) -> impl Iterator<Item = &'a Resource> {
    document.resources.iter().filter(|one| block.depends_on(one))
}

/// Whether a data source tells what is deployed.
fn is_deployed(one: &Resource) -> bool {
    let kinds = ["aws_ecs_container_definition", "aws_ecs_task_definition"];
    !one.is_managed && kinds.contains(&one.kind.as_str())
}

/// The data source of task definitions that a service takes its revision from.
pub(super) fn revision_source(document: &TerraformDocument, service: &Resource) -> Option<String> {
    let is_one = |one: &&Resource| !one.is_managed && one.kind == "aws_ecs_task_definition";
    sources(document, service).find(is_one).map(|one| one.address.clone())
}

/// What an image may come from that comes from no parameter of deployments, in words.
pub(super) fn source(document: &TerraformDocument, block: &Resource) -> Option<String> {
    let told = sources(document, block).filter_map(in_words);
    let all: BTreeSet<String> = told.chain(variables(document, block)).collect();
    let all: Vec<String> = all.into_iter().collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// A resource that an image may come from, in words.
fn in_words(one: &Resource) -> Option<String> {
    let address = &one.address;
    match (one.kind.as_str(), one.text("name")) {
        ("aws_ssm_parameter", Some(name)) => Some(format!("the parameter `{name}`")),
        ("aws_ecr_image", _) => Some(format!("the registry, by `{address}`")),
        ("terraform_remote_state", _) => Some(format!("another state, by `{address}`")),
        (
            "external"
            | "http"
            | "aws_s3_object"
            | "aws_secretsmanager_secret_version"
            | "aws_ssm_parameters_by_path"
            | "aws_dynamodb_table_item",
            _,
        ) if !one.is_managed => Some(format!("`{address}`")),
        _ => None,
    }
}

/// The variables that a plan's expression of the containers names.
fn variables(document: &TerraformDocument, block: &Resource) -> Vec<String> {
    let planned = document.planned.as_ref();
    let said = planned.and_then(|all| all.expression(block, "container_definitions"));
    let references = said.and_then(|said| said.get("references")).and_then(Value::as_array);
    let all = references.into_iter().flatten().filter_map(Value::as_str);
    let named = all.filter_map(|name| name.strip_prefix("var."));
    named.map(|name| format!("the variable `{name}`")).collect()
}

/// Where the image of a container comes from.
pub(super) fn origin(
    document: &TerraformDocument,
    block: &Resource,
    parameter: &ParameterFacts,
) -> ImageOrigin {
    let name = Some(parameter.name.as_str());
    let parameters =
        || document.of_kind("aws_ssm_parameter").filter(|one| one.text("name") == name);
    let read: Vec<&Resource> = parameters().filter(|one| block.depends_on(one)).collect();
    if read.is_empty() {
        let deployed = sources(document, block).find(|one| is_deployed(one));
        return match deployed {
            Some(by) => ImageOrigin::Deployed { by: by.address.clone() },
            None => ImageOrigin::Elsewhere { source: source(document, block) },
        };
    }
    // Of a secret there is no `insecure_value`, and ECS takes no empty image: it was `value`.
    let was_secret = read.iter().any(|one| one.text("type") == Some("SecureString"));
    let was_there = block.images().values().any(|image| !image.is_empty());
    let by_value = block.is_sensitive("container_definitions") || (was_secret && was_there);
    let by_value = read_by(document, block).unwrap_or(by_value);
    let resets = parameters().filter(|one| one.is_managed).find_map(|one| reset(document, one));
    // A data source has what was there when the plan was made.
    let source = read.iter().find(|one| !one.is_managed).or_else(|| read.first());
    let value = source.and_then(|one| one.text("value").or_else(|| one.text("insecure_value")));
    let value = value.filter(|value| !value.is_empty()).map(str::to_owned);
    ImageOrigin::Parameter { by_value, reset_to: resets, read: value }
}

/// Whether the configuration of a plan reads parameters by `value`; nothing where it does not tell,
/// or does both.
fn read_by(document: &TerraformDocument, block: &Resource) -> Option<bool> {
    let expression = document.planned.as_ref()?.expression(block, "container_definitions")?;
    let references = expression.get("references")?.as_array()?;
    let ends: BTreeSet<bool> = references
        .iter()
        .filter_map(Value::as_str)
        .filter(|reference| reference.contains("aws_ssm_parameter."))
        .filter_map(|reference| match reference.rsplit('.').next()? {
            "value" => Some(true),
            "insecure_value" => Some(false),
            _ => None,
        })
        .collect();
    if ends.len() == 1 { ends.into_iter().next() } else { None }
}

/// What a plan sets a parameter to, where it changes its value.
fn reset(document: &TerraformDocument, parameter: &Resource) -> Option<String> {
    let change = document.planned.as_ref()?.changes.get(&parameter.address)?;
    let value = |attribute: &str| {
        let (before, after) = (change.before.get(attribute), change.after.get(attribute));
        after.filter(|_| before != after)?.as_str().map(str::to_owned)
    };
    if !change.updates() && !change.creates() {
        return None;
    }
    value("value").or_else(|| value("insecure_value"))
}
