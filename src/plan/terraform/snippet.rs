//! HCL for what is deployed, the way that leaves `terraform plan` without changes.
//!
//! A task definition is written whole, as ECS has it, with nothing but the images of mapped
//! containers taken from their parameters. What ECS did not tell is said in a comment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    hcl::{Expression, Item, render, resource_name},
    members::{blocks, settings},
};
use crate::model::{
    ClusterName, ContainerName, DeploymentController, EcsServiceName, EnvironmentId, ImageId,
    ParameterName, ProjectId, ServiceId, TaskDefinition,
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
}

/// The HCL of an environment's services.
#[must_use]
pub fn terraform_snippet(request: &SnippetRequest) -> String {
    let (project, environment) = (&request.project, &request.environment);
    let mut items = vec![
        Item::Comment(format!("What `release-tool deploy` moves of {project} in {environment}.")),
        Item::Comment("Needs version 5.37 or newer of the AWS provider.".to_owned()),
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
fn name(request: &SnippetRequest, id: &str) -> String {
    if request.is_one_of_several {
        return resource_name(&[request.environment.as_str(), id]);
    }
    resource_name(&[id])
}

/// A parameter, and the data source that reads it.
fn of_parameter(name: &str, parameter: &SnippetParameter) -> Vec<Item> {
    let (kind, attribute) =
        if parameter.is_secret { ("SecureString", "value") } else { ("String", "insecure_value") };
    let value = parameter.value.as_deref().unwrap_or("nothing-was-deployed-yet");
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
    body.push(containers(request, service, &document));
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
    comments
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
fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The containers, with the images of the mapped ones from their parameters.
fn containers(request: &SnippetRequest, service: &SnippetService, document: &Value) -> Item {
    let list = document.get("containerDefinitions").and_then(Value::as_array);
    let one = |container: &Value| {
        let image = service.containers.get(text(container, "name"));
        let from = image.map(|image| from_parameter(request, image));
        let from = from.or_else(|| container.get("image").map(Expression::of));
        let name = container.get("name").map(Expression::of);
        let first = [("name", name), ("image", from)].into_iter();
        let first = first.filter_map(|(member, value)| Some((member.to_owned(), value?)));
        let rest = container.as_object().into_iter().flat_map(Map::iter);
        let rest = rest.filter(|(member, value)| !is_default(member, value));
        let rest = rest.map(|(member, value)| (member.clone(), Expression::of(value)));
        Expression::Object(first.chain(rest).collect())
    };
    let all = list.into_iter().flatten().map(one).collect();
    let encoded = Expression::Call("jsonencode", Box::new(Expression::List(all)));
    Item::attribute("container_definitions", encoded)
}

/// Whether a container's member is written elsewhere, or says what ECS adds by itself and the
/// provider takes for the same as nothing.
fn is_default(member: &str, value: &Value) -> bool {
    const ADDED: [&str; 5] =
        ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"];
    let is_empty = value.as_array().is_some_and(Vec::is_empty);
    match member {
        "name" | "image" => true,
        "cpu" => value.as_i64() == Some(0),
        _ => value.is_null() || (is_empty && ADDED.contains(&member)),
    }
}

/// The image that a parameter names.
fn from_parameter(request: &SnippetRequest, image: &ImageId) -> Expression {
    let address = format!("data.aws_ssm_parameter.{}", name(request, image.as_str()));
    let is_secret = request.parameters.get(image).is_some_and(|parameter| parameter.is_secret);
    Expression::Bare(if is_secret {
        format!("nonsensitive({address}.value)")
    } else {
        format!("{address}.insecure_value")
    })
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
    let seen = service.seen.as_ref().ok();
    body.extend(seen.map(|seen| Item::bare("desired_count", seen.desired.to_string())));
    body.push(Item::Comment("Network, load balancers and all else as you have them.".to_owned()));
    body.push(Item::Blank);
    if seen.is_some_and(|seen| seen.controller == DeploymentController::CodeDeploy) {
        body.push(Item::block("deployment_controller", vec![Item::text("type", "CODE_DEPLOY")]));
        body.push(Item::Blank);
        body.push(Item::Comment("CodeDeploy moves both, and ECS refuses Terraform to.".to_owned()));
        body.push(ignore("task_definition, load_balancer"));
    } else {
        let settings = vec![Item::bare("enable", "true"), Item::bare("rollback", "true")];
        body.push(Item::block("deployment_circuit_breaker", settings));
        if seen.is_some_and(|seen| seen.is_scaled) {
            body.push(Item::Blank);
            body.push(Item::Comment("Application Auto Scaling changes it.".to_owned()));
            body.push(ignore("desired_count"));
        }
    }
    let name = name(request, service.service.as_str());
    Item::block(format!("resource \"aws_ecs_service\" \"{name}\""), body)
}
