//! What requests to the services beside ECS need.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Want};
use crate::sandbox::{
    call::{Call, Fault},
    codedeploy,
    state::Transaction,
};

/// A parameter by its name, without version or label.
fn parameter(asked: &Asked<'_>, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    let name = name.split(':').next().unwrap_or(name);
    asked.arn(&format!("parameter/{}", name.trim_start_matches('/')))
}

/// What requests to SSM need.
pub(super) fn parameters(asked: &Asked<'_>) -> Vec<Want> {
    let one = ["Name", "ResourceId", "Path"].iter().find_map(|name| asked.text(name));
    let all = one.into_iter().chain(asked.texts("Names"));
    let mut wants = asked.wants(all.map(|name| parameter(asked, name)));
    if asked.call.operation == "PutParameter" && asked.has_entries("Tags") {
        let name = asked.text("Name").unwrap_or_default();
        wants.push(Want::new("ssm:AddTagsToResource", parameter(asked, name)));
    }
    wants
}

/// What requests to ECR need.
pub(super) fn repositories(asked: &Asked<'_>) -> Vec<Want> {
    if asked.call.operation == "GetAuthorizationToken" {
        return vec![asked.want("*")];
    }
    if let Some(arn) = asked.text("resourceArn") {
        return vec![asked.want(arn)];
    }
    let account = asked.text("registryId").unwrap_or(&asked.call.scope.account);
    let arn = |name: &str| asked.arn_in(account, &format!("repository/{name}"));
    let several = asked.texts("repositoryNames");
    let names: Vec<&str> = asked.text("repositoryName").into_iter().chain(several).collect();
    if names.is_empty() {
        return vec![asked.want(arn("*"))];
    }
    asked.wants(names.into_iter().map(arn))
}

/// What requests to CloudWatch need. Composite alarms are told only to whom all alarms are.
pub(super) fn alarms(asked: &Asked<'_>) -> Vec<Want> {
    if asked.texts("AlarmTypes").contains(&"CompositeAlarm") {
        return vec![asked.want("*")];
    }
    let names = asked.text("AlarmName").into_iter().chain(asked.texts("AlarmNames"));
    asked.wants(names.map(|name| asked.arn(&format!("alarm:{name}"))))
}

/// What requests to the logs need.
pub(super) fn logs(asked: &Asked<'_>) -> Vec<Want> {
    let group = asked.text("logGroupName").or_else(|| asked.text("logGroupIdentifier"));
    let group = group.map(|group| group.rsplit(':').next().unwrap_or(group));
    let stream = asked.text("logStreamName");
    asked.wants(group.map(|group| match stream {
        Some(stream) => asked.arn(&format!("log-group:{group}:log-stream:{stream}")),
        None => asked.arn(&format!("log-group:{group}:*")),
    }))
}

/// What requests to Application Auto Scaling need.
pub(super) fn scaling(asked: &Asked<'_>) -> Vec<Want> {
    let is_reading = asked.call.operation.starts_with("Describe");
    let resource = if is_reading { "*".to_owned() } else { asked.arn("scalable-target/*") };
    vec![asked.want(resource)]
}

/// What requests to Service Quotas need. Only asking for more is of one quota.
pub(super) fn quota(asked: &Asked<'_>) -> Want {
    match (asked.text("ServiceCode"), asked.text("QuotaCode")) {
        (Some(service), Some(code)) if asked.call.operation == "RequestServiceQuotaIncrease" => {
            asked.want(asked.arn(&format!("{service}/{code}")))
        }
        _ => asked.want("*"),
    }
}

/// What requests to STS need. Who one is, anybody may ask, and a token speaks for itself.
pub(super) fn sessions(asked: &Asked<'_>) -> Vec<Want> {
    match (asked.call.operation.as_str(), asked.text("RoleArn")) {
        ("AssumeRole", Some(role)) => vec![asked.want(role)],
        _ => Vec::new(),
    }
}

/// What requests to IAM need.
pub(super) fn identities(asked: &Asked<'_>) -> Vec<Want> {
    let partition = crate::sandbox::region::partition(&asked.call.scope.region);
    let of =
        |resource: String| format!("arn:{partition}:iam::{}:{resource}", asked.call.scope.account);
    let path = asked.text("Path").unwrap_or("/");
    let role = asked.text("RoleName").map(|name| of(format!("role{path}{name}")));
    let arns = ["PolicyArn", "OpenIDConnectProviderArn", "PolicySourceArn"];
    let arn = arns.iter().find_map(|name| asked.text(name)).map(str::to_owned);
    let policy = asked.text("PolicyName").map(|name| of(format!("policy{path}{name}")));
    vec![asked.want(role.or(arn).or(policy).unwrap_or_else(|| "*".to_owned()))]
}

/// What requests to CodeDeploy need.
pub(super) fn code_deploy(
    asked: &Asked<'_>,
    transaction: &mut Transaction<'_>,
) -> Result<Vec<Want>, Fault> {
    let application = asked.text("applicationName");
    let group =
        |application: &str, name: &str| asked.arn(&format!("deploymentgroup:{application}/{name}"));
    let one =
        asked.text("deploymentGroupName").or_else(|| asked.text("currentDeploymentGroupName"));
    Ok(match (asked.call.operation.as_str(), application) {
        ("CreateDeployment", Some(application)) => creation(asked, application),
        ("GetDeployment" | "BatchGetDeployments", _) => {
            let ids = asked.text("deploymentId").into_iter().chain(asked.texts("deploymentIds"));
            let ids: Vec<&str> = ids.collect();
            asked.wants(groups_of(asked, transaction, &ids)?)
        }
        ("CreateApplication" | "GetApplication" | "ListDeploymentGroups", Some(application)) => {
            vec![asked.want(asked.arn(&format!("application:{application}")))]
        }
        ("BatchGetDeploymentGroups", Some(application)) => {
            let names = asked.texts("deploymentGroupNames");
            asked.wants(names.into_iter().map(|name| group(application, name)))
        }
        ("GetDeploymentConfig", _) => {
            let named = asked.text("deploymentConfigName");
            asked.wants(named.map(|name| asked.arn(&format!("deploymentconfig:{name}"))))
        }
        (_, Some(application)) => asked.wants(one.map(|name| group(application, name))),
        _ => vec![asked.want("*")],
    })
}

/// Making a deployment from a revision in the request: the revision is registered, and the group's
/// configuration read, as the caller.
fn creation(asked: &Asked<'_>, application: &str) -> Vec<Want> {
    let group = asked.text("deploymentGroupName").unwrap_or_default();
    let configuration =
        asked.text("deploymentConfigName").unwrap_or("CodeDeployDefault.ECSAllAtOnce");
    vec![
        asked.want(asked.arn(&format!("deploymentgroup:{application}/{group}"))),
        Want::new(
            "codedeploy:RegisterApplicationRevision",
            asked.arn(&format!("application:{application}")),
        ),
        Want::new(
            "codedeploy:GetDeploymentConfig",
            asked.arn(&format!("deploymentconfig:{configuration}")),
        ),
    ]
}

/// The groups of deployments. A deployment that is not there has none.
fn groups_of(
    asked: &Asked<'_>,
    transaction: &mut Transaction<'_>,
    ids: &[&str],
) -> Result<Vec<String>, Fault> {
    let mut groups = Vec::new();
    for id in ids {
        let call = Call {
            operation: "GetDeployment".to_owned(),
            body: Bytes::from(json!({ "deploymentId": id }).to_string()),
            ..asked.call.clone()
        };
        let told: Value = match codedeploy::answer(&call, transaction) {
            Ok(body) => serde_json::from_slice(&body).unwrap_or_default(),
            Err(Fault::Answer { .. }) => continue,
            Err(failed) => return Err(failed),
        };
        let text = |name: &str| {
            let info = told.get("deploymentInfo")?;
            info.get(name)?.as_str().map(str::to_owned)
        };
        if let (Some(application), Some(group)) =
            (text("applicationName"), text("deploymentGroupName"))
        {
            groups.push(asked.arn(&format!("deploymentgroup:{application}/{group}")));
        }
    }
    Ok(groups)
}
