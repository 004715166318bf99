//! HCL for what is deployed, the way that leaves `terraform plan` without changes.
//!
//! A task definition is written whole, as ECS has it, with nothing but the images of mapped
//! containers taken from their parameters. What ECS did not tell is said in a comment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    containers::containers,
    hidden::Hidden,
    members::{blocks, settings},
    service,
};
use crate::{
    model::{
        ClusterName, ContainerName, DeploymentController, EcsServiceName, EnvironmentId, ImageId,
        ParameterName, ProjectId, ServiceId, TaskDefinition,
    },
    plan::hcl::{Expression, Item, render, resource_name},
};

/// What is to be written for one environment.
#[derive(Debug, Clone)]
pub struct SnippetRequest {
    /// The project.
    pub project: ProjectId,
    /// The environment.
    pub environment: EnvironmentId,
    /// Whether names of resources begin with the environment, because there are others beside it.
    pub is_one_of_several: bool,
    /// Whether what is there is taken into Terraform's state.
    pub imports: bool,
    /// The parameters of the services' images, each once.
    pub parameters: BTreeMap<ImageId, SnippetParameter>,
    /// The services.
    pub services: Vec<SnippetService>,
}

/// The parameter of an image.
#[derive(Debug, Clone)]
pub struct SnippetParameter {
    /// Its name.
    pub name: ParameterName,
    /// Its value, or what it should be where it is not there.
    pub value: Option<String>,
    /// Whether it is there.
    pub is_there: bool,
    /// Whether it is a `SecureString`.
    pub is_secret: bool,
}

/// One service.
#[derive(Debug, Clone)]
pub struct SnippetService {
    /// Its id.
    pub service: ServiceId,
    /// Its name in ECS.
    pub ecs_service: EcsServiceName,
    /// Its cluster.
    pub cluster: ClusterName,
    /// The image of each mapped container.
    pub containers: BTreeMap<ContainerName, ImageId>,
    /// What ECS says of it, or why it says nothing.
    pub seen: Result<SnippetSeen, String>,
}

/// What ECS says of a service.
#[derive(Debug, Clone)]
pub struct SnippetSeen {
    /// Its family's latest ACTIVE revision.
    pub definition: TaskDefinition,
    /// How many tasks it wants.
    pub desired: i32,
    /// Whether Application Auto Scaling changes that.
    pub is_scaled: bool,
    /// Who moves its tasks.
    pub controller: DeploymentController,
    /// Whether ECS itself goes back when a deployment fails.
    pub goes_back: bool,
    /// All that `DescribeServices` tells of it.
    pub document: Value,
}

/// The HCL of an environment's services.
#[must_use]
pub fn terraform_snippet(request: &SnippetRequest) -> String {
    let (project, environment) = (&request.project, &request.environment);
    let mut items = vec![
        Item::Comment(format!("What `release-tool deploy` moves of {project} in {environment}.")),
        Item::Comment(needs(request)),
    ];
    let clusters: BTreeSet<&ClusterName> =
        request.services.iter().map(|service| &service.cluster).collect();
    for cluster in clusters {
        let head = format!("data \"aws_ecs_cluster\" \"{}\"", name(request, cluster.as_str()));
        items.push(Item::Blank);
        items.push(Item::block(head, vec![Item::text("cluster_name", cluster.as_str())]));
    }
    for (image, parameter) in &request.parameters {
        items.push(Item::Blank);
        items.extend(of_parameter(&name(request, image.as_str()), parameter));
    }
    for service in &request.services {
        items.push(Item::Blank);
        items.extend(of_definition(request, service));
        items.push(Item::Blank);
        items.push(of_service(request, service));
    }
    if request.imports {
        items.extend(imports(request));
    }
    render(&items, 0)
}

/// The version of the provider that all of it needs.
fn needs(request: &SnippetRequest) -> String {
    let seen = request.services.iter().filter_map(|service| service.seen.as_ref().ok());
    let newest = seen.filter_map(|seen| service::provider(&seen.document)).max();
    let (major, minor) = newest.unwrap_or(TRACKS_LATEST);
    format!("Needs version {major}.{minor} or newer of the AWS provider.")
}

/// The first version of the provider that has `track_latest`.
const TRACKS_LATEST: (u32, u32) = (5, 37);

/// What takes into the state what is there.
fn imports(request: &SnippetRequest) -> Vec<Item> {
    let mut items = Vec::new();
    let mut import = |kind: &str, id: &str, of: &str| {
        let address = format!("{kind}.{}", name(request, id));
        items.push(Item::Blank);
        items.push(Item::block("import", vec![Item::bare("to", address), Item::text("id", of)]));
    };
    for (image, parameter) in request.parameters.iter().filter(|(_, one)| one.is_there) {
        import("aws_ssm_parameter", image.as_str(), parameter.name.as_str());
    }
    for service in &request.services {
        let Ok(seen) = &service.seen else { continue };
        let id = service.service.as_str();
        import("aws_ecs_task_definition", id, seen.definition.arn.as_str());
        import("aws_ecs_service", id, &format!("{}/{}", service.cluster, service.ecs_service));
    }
    items
}

/// The name of a resource.
pub(super) fn name(request: &SnippetRequest, id: &str) -> String {
    if request.is_one_of_several {
        return resource_name(&[request.environment.as_str(), id]);
    }
    resource_name(&[id])
}

/// A parameter, and the data source that reads it.
fn of_parameter(name: &str, parameter: &SnippetParameter) -> Vec<Item> {
    let (kind, attribute) =
        if parameter.is_secret { ("SecureString", "value") } else { ("String", "insecure_value") };
    // What a secret says is not printed, and not compared either.
    let value = if parameter.is_secret { Some("not-shown") } else { parameter.value.as_deref() };
    let value = value.unwrap_or("nothing-was-deployed-yet");
    vec![
        Item::Comment(
            "Written by `release-tool deploy`. Terraform only makes it exist.".to_owned(),
        ),
        Item::block(
            format!("resource \"aws_ssm_parameter\" \"{name}\""),
            vec![
                Item::text("name", parameter.name.as_str()),
                Item::text("type", kind),
                Item::text(attribute, value),
                Item::Blank,
                ignore("value, insecure_value"),
            ],
        ),
        Item::Blank,
        Item::Comment("What is deployed now.".to_owned()),
        Item::block(
            format!("data \"aws_ssm_parameter\" \"{name}\""),
            vec![Item::bare("name", format!("aws_ssm_parameter.{name}.name"))],
        ),
    ]
}

/// What Terraform is not to compare.
fn ignore(attributes: &str) -> Item {
    Item::block("lifecycle", vec![Item::bare("ignore_changes", format!("[{attributes}]"))])
}

/// A task definition.
fn of_definition(request: &SnippetRequest, service: &SnippetService) -> Vec<Item> {
    let mut body = Vec::new();
    let mut comments = Vec::new();
    let document: Value = match &service.seen {
        Ok(seen) => serde_json::from_str(&seen.definition.document).unwrap_or_default(),
        Err(reason) => {
            comments.push(Item::Comment(format!("Not as ECS has it: {reason}.")));
            comments.push(Item::Comment(
                "Family and containers are as the manifest has them; the rest is yours.".to_owned(),
            ));
            from_manifest(service)
        }
    };
    comments.extend(without_container(service, &document));
    body.push(Item::text("family", text(&document, "family")));
    body.push(Item::bare("track_latest", "true"));
    body.push(Item::bare("skip_destroy", "true"));
    body.extend(settings(&document));
    body.push(Item::Blank);
    let mut hidden = Hidden::new(name(request, service.service.as_str()));
    body.push(containers(request, (service, &document), &mut hidden));
    let blocks = blocks(&document);
    if !blocks.is_empty() {
        body.push(Item::Blank);
        body.extend(blocks);
    }
    let tags = service.seen.as_ref().map(|seen| tags(&seen.definition)).unwrap_or_default();
    if !tags.is_empty() {
        body.push(Item::Blank);
        body.push(Item::attribute("tags", Expression::Object(tags)));
    }
    let head = format!(
        "resource \"aws_ecs_task_definition\" \"{}\"",
        name(request, service.service.as_str())
    );
    comments.push(Item::block(head, body));
    hidden.variables().into_iter().chain(comments).collect()
}

/// A comment for each container of the manifest that the task definition does not have.
fn without_container(service: &SnippetService, document: &Value) -> Vec<Item> {
    let list = document.get("containerDefinitions").and_then(Value::as_array);
    let present: BTreeSet<&str> =
        list.into_iter().flatten().map(|container| text(container, "name")).collect();
    let missing = service.containers.keys().filter(|name| !present.contains(name.as_str()));
    let comment = |name: &ContainerName| {
        format!("The manifest has an image for the container `{name}`, which is not in it.")
    };
    missing.map(|name| Item::Comment(comment(name))).collect()
}

/// What the manifest says of a task definition that ECS does not tell.
fn from_manifest(service: &SnippetService) -> Value {
    let one = |container: &ContainerName| json!({ "name": container, "memory": 512 });
    let containers: Vec<Value> = service.containers.keys().map(one).collect();
    json!({ "family": service.ecs_service, "containerDefinitions": containers })
}

/// A member's text; empty where it has none.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The tags of a task definition.
fn tags(definition: &TaskDefinition) -> Vec<(String, Expression)> {
    let tag = |tag: &crate::model::Tag| (tag.key.clone(), Expression::Text(tag.value.clone()));
    definition.tags.iter().map(tag).collect()
}

/// A service.
fn of_service(request: &SnippetRequest, service: &SnippetService) -> Item {
    let address =
        format!("aws_ecs_task_definition.{}.arn", name(request, service.service.as_str()));
    let mut body = vec![
        Item::text("name", service.ecs_service.as_str()),
        // By its ARN: for a name, the provider makes the service anew.
        Item::bare(
            "cluster",
            format!("data.aws_ecs_cluster.{}.arn", name(request, service.cluster.as_str())),
        ),
        Item::bare("task_definition", address),
    ];
    match &service.seen {
        Ok(seen) => body.extend(of_seen(seen)),
        Err(_) => body.extend(unseen()),
    }
    let name = name(request, service.service.as_str());
    Item::block(format!("resource \"aws_ecs_service\" \"{name}\""), body)
}

/// What ECS tells of a service, and what Terraform is not to compare.
fn of_seen(seen: &SnippetSeen) -> Vec<Item> {
    let mut body = Vec::new();
    if seen.document.get("schedulingStrategy").and_then(Value::as_str) != Some("DAEMON") {
        body.push(Item::bare("desired_count", seen.desired.to_string()));
    }
    body.extend(service::settings(&seen.document));
    if seen.controller == DeploymentController::CodeDeploy {
        body.push(Item::Blank);
        body.push(Item::block("deployment_controller", vec![Item::text("type", "CODE_DEPLOY")]));
    } else if !seen.goes_back {
        body.push(Item::Blank);
        body.push(Item::Comment(
            "ECS does not go back by itself when a deployment fails: `enable` and `rollback` of \
             `deployment_circuit_breaker` make it."
                .to_owned(),
        ));
    }
    let (ignored, why) = match (seen.controller, seen.is_scaled) {
        (DeploymentController::CodeDeploy, false) => (
            "task_definition, load_balancer",
            "CodeDeploy moves both, and ECS refuses Terraform to.",
        ),
        (DeploymentController::CodeDeploy, true) => (
            "task_definition, load_balancer, desired_count",
            "CodeDeploy moves the first two, and ECS refuses Terraform to; Application Auto Scaling \
             changes the third.",
        ),
        (_, true) => ("desired_count", "Application Auto Scaling changes it."),
        (_, false) => return body,
    };
    body.extend([Item::Blank, Item::Comment(why.to_owned()), ignore(ignored)]);
    body
}

/// What is written of a service that ECS does not tell of.
fn unseen() -> Vec<Item> {
    let settings = vec![Item::bare("enable", "true"), Item::bare("rollback", "true")];
    vec![
        Item::Comment("Network, load balancers and all else as you have them.".to_owned()),
        Item::Blank,
        Item::block("deployment_circuit_breaker", settings),
    ]
}
