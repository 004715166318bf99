//! What requests to ECS need.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Want};
use crate::sandbox::{
    call::{Call, Fault},
    ecs,
    state::Transaction,
};

/// The service that tasks run in, as roles are given to it.
const TASKS: &str = "ecs-tasks.amazonaws.com";

/// The last part of an ARN; a name stays as it is.
fn short(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// What a request needs.
pub(super) fn wants(
    asked: &Asked<'_>,
    transaction: &mut Transaction<'_>,
) -> Result<Vec<Want>, Fault> {
    let operation = asked.call.operation.as_str();
    Ok(match operation {
        "RegisterTaskDefinition" => registration(asked),
        "RunTask" => run(asked, transaction)?,
        "DescribeServices" => services(asked, &asked.texts("services")),
        "UpdateService" | "DeleteService" | "ListServiceDeployments" => {
            services(asked, &asked.text("service").into_iter().collect::<Vec<_>>())
        }
        "CreateService" => creation(asked),
        "ListServices" => vec![in_cluster(asked, asked.want("*"))],
        "ListTasks" => vec![in_cluster(asked, asked.want(listed_tasks(asked)))],
        "DescribeTasks" => tasks(asked, &asked.texts("tasks")),
        "StopTask" => tasks(asked, &asked.text("task").into_iter().collect::<Vec<_>>()),
        "DescribeServiceDeployments" => of_services(asked, &asked.texts("serviceDeploymentArns")),
        "DescribeServiceRevisions" => of_services(asked, &asked.texts("serviceRevisionArns")),
        "StopServiceDeployment" | "ContinueServiceDeployment" => {
            let arn: Vec<&str> = asked.text("serviceDeploymentArn").into_iter().collect();
            of_services(asked, &arn)
        }
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            asked.wants(asked.text("resourceArn").map(str::to_owned))
        }
        "CreateCluster" => clusters(asked, "clusterName", &[]),
        "DeleteCluster"
        | "UpdateCluster"
        | "UpdateClusterSettings"
        | "PutClusterCapacityProviders" => clusters(asked, "cluster", &[]),
        "DescribeClusters" => clusters(asked, "", &asked.texts("clusters")),
        "DeleteTaskDefinitions" => {
            let named = asked.texts("taskDefinitions");
            let arns =
                named.iter().map(|one| asked.arn(&format!("task-definition/{}", short(one))));
            asked.wants(arns)
        }
        _ => vec![asked.want("*")],
    })
}

/// The cluster's name.
fn cluster<'a>(asked: &'a Asked<'_>) -> &'a str {
    asked.text("cluster").map_or("default", short)
}

/// What is in the request's cluster.
fn in_cluster(asked: &Asked<'_>, want: Want) -> Want {
    want.with("ecs:cluster", asked.arn(&format!("cluster/{}", cluster(asked))))
}

/// An action on services.
fn services(asked: &Asked<'_>, names: &[&str]) -> Vec<Want> {
    let arn = |name: &&str| asked.arn(&format!("service/{}/{}", cluster(asked), short(name)));
    let wants = asked.wants(names.iter().map(arn));
    wants.into_iter().map(|want| in_cluster(asked, want)).collect()
}

/// Making a service.
fn creation(asked: &Asked<'_>) -> Vec<Want> {
    let name = asked.text("serviceName").unwrap_or_default();
    let mut wants = services(asked, &[name]);
    wants.extend(tagging(asked, &asked.arn(&format!("service/{}/{name}", cluster(asked)))));
    wants
}

/// What putting tags on something needs while it is made.
fn tagging(asked: &Asked<'_>, resource: &str) -> Option<Want> {
    asked.has_entries("tags").then(|| tagged(asked, resource))
}

/// The action of putting tags on something while it is made.
fn tagged(asked: &Asked<'_>, resource: &str) -> Want {
    Want::new("ecs:TagResource", resource).with("ecs:CreateAction", &asked.call.operation)
}

/// Whether a task definition has tags, as ECS tells it.
fn has_tags(told: &Value) -> bool {
    told.get("tags").and_then(Value::as_array).is_some_and(|tags| !tags.is_empty())
}

/// An action on tasks.
fn tasks(asked: &Asked<'_>, names: &[&str]) -> Vec<Want> {
    let arn = |name: &&str| asked.arn(&format!("task/{}/{}", cluster(asked), short(name)));
    let wants = asked.wants(names.iter().map(arn));
    wants.into_iter().map(|want| in_cluster(asked, want)).collect()
}

/// What listing tasks is on: a container instance, or nothing in particular.
fn listed_tasks(asked: &Asked<'_>) -> String {
    let instance = asked.text("containerInstance");
    instance.map_or_else(
        || "*".to_owned(),
        |one| asked.arn(&format!("container-instance/{}/{}", cluster(asked), short(one))),
    )
}

/// An action on deployments or revisions of services: it needs both them and their services.
fn of_services(asked: &Asked<'_>, arns: &[&str]) -> Vec<Want> {
    let both = arns.iter().flat_map(|arn| {
        let parts: Vec<&str> = arn.split('/').collect();
        let [_, cluster, service, _] = parts.as_slice() else {
            return vec![asked.want(*arn)];
        };
        let of = asked.arn(&format!("cluster/{cluster}"));
        let service = asked.arn(&format!("service/{cluster}/{service}"));
        vec![
            asked.want(&service).with("ecs:cluster", &of),
            asked.want(*arn).with("ecs:cluster", of).with("ecs:service", service),
        ]
    });
    let both: Vec<Want> = both.collect();
    if both.is_empty() { vec![asked.want("*")] } else { both }
}

/// An action on clusters.
fn clusters(asked: &Asked<'_>, member: &str, names: &[&str]) -> Vec<Want> {
    let one = (!member.is_empty()).then(|| asked.text(member).unwrap_or("default"));
    let names = one.into_iter().chain(names.iter().copied());
    let arns: Vec<String> =
        names.map(|name| asked.arn(&format!("cluster/{}", short(name)))).collect();
    let tags = arns.first().and_then(|arn| tagging(asked, arn));
    asked.wants(arns).into_iter().chain(tags).collect()
}

/// Giving roles to tasks.
fn passing<'a>(roles: impl Iterator<Item = &'a str>) -> Vec<Want> {
    let pass = |role: &str| Want::new("iam:PassRole", role).with("iam:PassedToService", TASKS);
    roles.map(pass).collect()
}

/// The members that name roles.
const ROLES: [&str; 2] = ["taskRoleArn", "executionRoleArn"];

/// Registering a revision.
fn registration(asked: &Asked<'_>) -> Vec<Want> {
    let family = asked.text("family").unwrap_or_default();
    let arn = asked.arn(&format!("task-definition/{family}:*"));
    let mut wants = vec![asked.want(&arn)];
    wants.extend(tagging(asked, &arn));
    wants.extend(passing(ROLES.iter().filter_map(|member| asked.text(member))));
    wants
}

/// Running a one-off task: of a revision, whose roles it is given.
fn run(asked: &Asked<'_>, transaction: &mut Transaction<'_>) -> Result<Vec<Want>, Fault> {
    let named = asked.text("taskDefinition").unwrap_or_default();
    let told = described(asked, transaction, named)?;
    let definition = told.get("taskDefinition").cloned().unwrap_or_default();
    let text = |member: &str| definition.get(member).and_then(Value::as_str);
    let arn = text("taskDefinitionArn")
        .map_or_else(|| asked.arn(&format!("task-definition/{}", short(named))), str::to_owned);
    let overrides = asked.members.get("overrides");
    let role = |member: &&str| {
        let instead = overrides.and_then(|all| all.get(*member)).and_then(Value::as_str);
        instead.or_else(|| text(member))
    };
    let mut wants = vec![in_cluster(asked, asked.want(arn))];
    let propagated = asked.text("propagateTags") == Some("TASK_DEFINITION") && has_tags(&told);
    if propagated || asked.has_entries("tags") {
        wants.push(tagged(asked, &asked.arn(&format!("task/{}/*", cluster(asked)))));
    }
    wants.extend(passing(ROLES.iter().filter_map(role)));
    Ok(wants)
}

/// What ECS tells of a task definition, with its tags; nothing where it has none.
fn described(
    asked: &Asked<'_>,
    transaction: &mut Transaction<'_>,
    name: &str,
) -> Result<Value, Fault> {
    let call = Call {
        operation: "DescribeTaskDefinition".to_owned(),
        body: Bytes::from(json!({ "taskDefinition": name, "include": ["TAGS"] }).to_string()),
        ..asked.call.clone()
    };
    match ecs::answer(&call, transaction) {
        Ok(body) => Ok(serde_json::from_slice(&body).unwrap_or_default()),
        Err(Fault::Answer { .. }) => Ok(Value::Null),
        Err(failed) => Err(failed),
    }
}
