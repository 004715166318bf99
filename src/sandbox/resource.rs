//! What a request is about, as far as its parameters name it: for the log, for faults that hit
//! one resource only, and for AWS's sentence that denies access to it.
//!
//! Best effort, and the same for all operations of a service: where several members could name a
//! resource, the most particular one does.

use serde_json::{Map, Value};

use super::{call::Scope, region, service::Service};

/// The resources of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Resources {
    /// Their names, without what their ARNs have before them: `web`, `web:3`, `/shop/images/x`.
    pub(super) names: Vec<String>,
    /// The ARN of the one resource; `*` when there are none or several.
    pub(super) arn: Option<String>,
}

/// Where a resource's name stands, and what comes before it in the ARN.
struct Member {
    /// The member of the request.
    name: &'static str,
    /// What the resource's part of its ARN begins with.
    arn: Arn,
}

/// How to make an ARN from a name.
#[derive(Clone, Copy)]
enum Arn {
    /// The prefix, then the name.
    Of(&'static str),
    /// The prefix, the cluster's name, then the name.
    InCluster(&'static str),
    /// `deploymentgroup:`, the application's name, then the name.
    InApplication,
    /// Access to it is not told apart: every resource stands for it.
    Any,
    /// The member is an ARN itself.
    Whole,
}

/// Shortens the tables.
const fn member(name: &'static str, arn: Arn) -> Member {
    Member { name, arn }
}

/// ECS, most particular first.
const ECS: &[Member] = &[
    member("service", Arn::InCluster("service/")),
    member("serviceName", Arn::InCluster("service/")),
    member("services", Arn::InCluster("service/")),
    member("serviceDeploymentArn", Arn::Whole),
    member("serviceDeploymentArns", Arn::Whole),
    member("serviceRevisionArns", Arn::Whole),
    member("task", Arn::InCluster("task/")),
    member("tasks", Arn::InCluster("task/")),
    member("family", Arn::Of("task-definition/")),
    member("taskDefinition", Arn::Of("task-definition/")),
    member("resourceArn", Arn::Whole),
    member("clusterName", Arn::Of("cluster/")),
    member("cluster", Arn::Of("cluster/")),
    member("clusters", Arn::Of("cluster/")),
];

/// SSM.
const SSM: &[Member] = &[
    member("Name", Arn::Of("parameter/")),
    member("Names", Arn::Of("parameter/")),
    member("Path", Arn::Of("parameter/")),
    member("ResourceId", Arn::Of("parameter/")),
];

/// ECR.
const ECR: &[Member] = &[
    member("repositoryName", Arn::Of("repository/")),
    member("repositoryNames", Arn::Of("repository/")),
    member("resourceArn", Arn::Whole),
];

/// CloudWatch.
const CLOUDWATCH: &[Member] =
    &[member("AlarmName", Arn::Of("alarm:")), member("AlarmNames", Arn::Of("alarm:"))];
/// CodeDeploy, most particular first.
const CODE_DEPLOY: &[Member] = &[
    member("deploymentId", Arn::Any),
    member("deploymentIds", Arn::Any),
    member("deploymentGroupName", Arn::InApplication),
    member("deploymentGroupNames", Arn::InApplication),
    member("applicationName", Arn::Of("application:")),
];
/// CloudWatch Logs.
const LOGS: &[Member] = &[
    member("logGroupName", Arn::Of("log-group:")),
    member("logGroupNamePrefix", Arn::Of("log-group:")),
    member("logGroupIdentifier", Arn::Of("log-group:")),
];

/// Elastic Load Balancing.
const ELB: &[Member] =
    &[member("TargetGroupArn", Arn::Whole), member("TargetGroupArns", Arn::Whole)];
/// Application Auto Scaling.
const AUTO_SCALING: &[Member] =
    &[member("ResourceId", Arn::Whole), member("ResourceIds", Arn::Whole)];

/// IAM.
const IAM: &[Member] = &[
    member("RoleName", Arn::Whole),
    member("PolicyArn", Arn::Whole),
    member("PolicyName", Arn::Whole),
    member("OpenIDConnectProviderArn", Arn::Whole),
    member("PolicySourceArn", Arn::Whole),
];

/// Service Quotas.
const QUOTAS: &[Member] = &[member("QuotaCode", Arn::Whole), member("ServiceCode", Arn::Any)];

/// STS.
const STS: &[Member] = &[member("RoleArn", Arn::Whole)];

impl Resources {
    /// What a request's body names.
    pub(super) fn of(service: Service, scope: &Scope, body: &[u8]) -> Self {
        let (members, parameters) = match service {
            Service::Ecs => (ECS, json(body)),
            Service::Ssm => (SSM, json(body)),
            Service::Ecr => (ECR, json(body)),
            Service::CloudWatch => (CLOUDWATCH, json(body)),
            Service::CodeDeploy => (CODE_DEPLOY, json(body)),
            Service::AutoScaling => (AUTO_SCALING, json(body)),
            Service::Sts => (STS, form(body)),
            Service::Logs => (LOGS, json(body)),
            Service::Elb => (ELB, json(body)),
            Service::Iam => (IAM, form(body)),
            Service::ServiceQuotas => (QUOTAS, json(body)),
        };
        let named = members.iter().find_map(|member| {
            let values = texts(parameters.get(member.name)?);
            (!values.is_empty()).then_some((member, values))
        });
        let Some((member, values)) = named else {
            return Self::default();
        };
        let arn = match values.as_slice() {
            [value] => Some(arn(service, scope, member.arn, value, &parameters)),
            _ => None,
        };
        Self { names: values.iter().map(|value| short(service, member, value)).collect(), arn }
    }
}

/// The members of a JSON body; none where it is not an object.
fn json(body: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(body).unwrap_or_default()
}

/// The parameters of a form.
fn form(body: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
        .collect()
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The name by which people call it. ECS takes ARNs in place of names; what belongs to a service
/// goes by the service's name.
fn short(service: Service, member: &Member, value: &str) -> String {
    if service != Service::Ecs {
        return value.to_owned();
    }
    let mut parts = value.rsplit('/');
    let last = parts.next().unwrap_or(value);
    match member.name {
        "serviceDeploymentArn" | "serviceDeploymentArns" | "serviceRevisionArns" => {
            parts.next().unwrap_or(last).to_owned()
        }
        _ => last.to_owned(),
    }
}

/// The ARN of a resource.
fn arn(
    service: Service,
    scope: &Scope,
    kind: Arn,
    value: &str,
    parameters: &Map<String, Value>,
) -> String {
    if value.starts_with("arn:") {
        return value.to_owned();
    }
    let resource = match kind {
        Arn::Whole => return value.to_owned(),
        Arn::Any => return "*".to_owned(),
        Arn::Of(prefix) => format!("{prefix}{}", value.trim_start_matches('/')),
        Arn::InApplication => {
            let name = parameters.get("applicationName").and_then(Value::as_str);
            format!("deploymentgroup:{}/{value}", name.unwrap_or_default())
        }
        Arn::InCluster(prefix) => {
            let cluster = parameters.get("cluster").and_then(Value::as_str).unwrap_or("default");
            let cluster = cluster.rsplit('/').next().unwrap_or(cluster);
            format!("{prefix}{cluster}/{value}")
        }
    };
    let Scope { account, region } = scope;
    format!("arn:{}:{service}:{region}:{account}:{resource}", region::partition(region))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(service: Service, body: &str) -> (String, String) {
        let scope = Scope { account: "111111111111".to_owned(), region: "eu-west-1".to_owned() };
        let found = Resources::of(service, &scope, body.as_bytes());
        (found.names.join(","), found.arn.unwrap_or_else(|| "*".to_owned()))
    }

    #[test]
    fn requests_name_their_resources() {
        let ecs = "arn:aws:ecs:eu-west-1:111111111111";
        for (service, body, names, arn) in [
            (
                Service::Ecs,
                r#"{"cluster":"shop","service":"web","taskDefinition":"web:3"}"#,
                "web",
                format!("{ecs}:service/shop/web"),
            ),
            (
                Service::Ecs,
                r#"{"service":"arn:aws:ecs:eu-west-1:111111111111:service/shop/web"}"#,
                "web",
                format!("{ecs}:service/shop/web"),
            ),
            (Service::Ecs, r#"{"cluster":"shop","services":["a","b"]}"#, "a,b", "*".to_owned()),
            (Service::Ecs, r#"{"services":["a"]}"#, "a", format!("{ecs}:service/default/a")),
            (
                Service::Ecs,
                r#"{"serviceDeploymentArn":"arn:aws:ecs:eu-west-1:1:service-deployment/shop/web/x"}"#,
                "web",
                "arn:aws:ecs:eu-west-1:1:service-deployment/shop/web/x".to_owned(),
            ),
            (Service::Ecs, r#"{"family":"web"}"#, "web", format!("{ecs}:task-definition/web")),
            (Service::Ecs, "{}", "", "*".to_owned()),
            (Service::Ecs, "no JSON", "", "*".to_owned()),
            (
                Service::Ssm,
                r#"{"Name":"/shop/images/prod/web"}"#,
                "/shop/images/prod/web",
                "arn:aws:ssm:eu-west-1:111111111111:parameter/shop/images/prod/web".to_owned(),
            ),
            (
                Service::Ecr,
                r#"{"repositoryName":"team/web"}"#,
                "team/web",
                "arn:aws:ecr:eu-west-1:111111111111:repository/team/web".to_owned(),
            ),
            (
                Service::CloudWatch,
                r#"{"AlarmNames":["errors"]}"#,
                "errors",
                "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:errors".to_owned(),
            ),
            (
                Service::Sts,
                "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx",
                "arn:aws:iam::1:role/x",
                "arn:aws:iam::1:role/x".to_owned(),
            ),
        ] {
            assert_eq!(of(service, body), (names.to_owned(), arn), "{body}");
        }
    }
}
