//! ARNs: how ECS names things, and how requests may name them.

use super::faults::{invalid, required};
use crate::sandbox::call::{Fault, Scope};

/// The cluster that is meant when none is named.
pub(super) const DEFAULT_CLUSTER: &str = "default";

/// `arn:<partition>:ecs:<region>:<account>:<resource>`.
fn arn(scope: &Scope, resource: &str) -> String {
    scope.arn("ecs", resource)
}

/// A cluster's ARN.
pub(super) fn cluster_arn(scope: &Scope, cluster: &str) -> String {
    arn(scope, &format!("cluster/{cluster}"))
}

/// A service's ARN.
pub(super) fn service_arn(scope: &Scope, cluster: &str, service: &str) -> String {
    arn(scope, &format!("service/{cluster}/{service}"))
}

/// A task's ARN.
pub(super) fn task_arn(scope: &Scope, cluster: &str, task: &str) -> String {
    arn(scope, &format!("task/{cluster}/{task}"))
}

/// A task definition's ARN.
pub(super) fn task_definition_arn(scope: &Scope, family: &str, revision: u32) -> String {
    arn(scope, &format!("task-definition/{family}:{revision}"))
}

/// A service deployment's ARN.
pub(super) fn deployment_arn(scope: &Scope, cluster: &str, service: &str, id: &str) -> String {
    arn(scope, &format!("service-deployment/{cluster}/{service}/{id}"))
}

/// A task set's ARN.
pub(super) fn task_set_arn(scope: &Scope, (cluster, service): (&str, &str), id: &str) -> String {
    arn(scope, &format!("task-set/{cluster}/{service}/{id}"))
}

/// A service revision's ARN.
pub(super) fn revision_arn(scope: &Scope, cluster: &str, service: &str, number: u64) -> String {
    arn(scope, &format!("service-revision/{cluster}/{service}/{number}"))
}

/// The resource of an ARN in a scope, cut at its slashes: its kind comes first. `None` when the
/// text is no ECS ARN, or one of another account or region.
pub(super) fn parts<'a>(scope: &Scope, text: &'a str) -> Option<Vec<&'a str>> {
    let resource = text.strip_prefix(arn(scope, "").as_str())?;
    let parts: Vec<&str> = resource.split('/').collect();
    parts.iter().all(|part| !part.is_empty()).then_some(parts)
}

/// The short name of a cluster that a request names by name or ARN, or not at all.
pub(super) fn cluster_name<'a>(scope: &Scope, given: Option<&'a str>) -> Result<&'a str, Fault> {
    let Some(text) = given.filter(|text| !text.is_empty()) else { return Ok(DEFAULT_CLUSTER) };
    if !text.starts_with("arn:") {
        return Ok(text);
    }
    match parts(scope, text).as_deref() {
        Some(["cluster", name]) => Ok(name),
        _ => Err(invalid(format!("Invalid identifier: {text} is not a cluster of this account."))),
    }
}

/// The short name of a service that a request names by name or ARN; an ARN must be of `cluster`.
pub(super) fn service_name<'a>(
    scope: &Scope,
    cluster: &str,
    given: Option<&'a str>,
) -> Result<&'a str, Fault> {
    let text = required(given, "Service")?;
    if !text.starts_with("arn:") {
        return Ok(text);
    }
    match parts(scope, text).as_deref() {
        Some(["service", name]) => Ok(name),
        Some(["service", of, name]) if *of == cluster => Ok(name),
        Some(["service", of, _]) => Err(elsewhere(of, cluster)),
        _ => Err(invalid(format!("Invalid identifier: {text} is not a service of this account."))),
    }
}

/// The id of a task that a request names by id or ARN; an ARN must be of `cluster`.
pub(super) fn task_id<'a>(scope: &Scope, cluster: &str, text: &'a str) -> Result<&'a str, Fault> {
    if !text.starts_with("arn:") {
        return Ok(text);
    }
    match parts(scope, text).as_deref() {
        Some(["task", id]) => Ok(id),
        Some(["task", of, id]) if *of == cluster => Ok(id),
        Some(["task", of, _]) => Err(elsewhere(of, cluster)),
        _ => Err(invalid(format!("Invalid identifier: {text} is not a task of this account."))),
    }
}

/// An ARN names another cluster than the request.
fn elsewhere(of: &str, cluster: &str) -> Fault {
    invalid(format!("Invalid identifier: Identifier is for {of}. Your cluster is {cluster}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns_mean_the_same() {
        let scope = Scope { account: "000000000000".into(), region: "eu-west-1".into() };
        let arn = service_arn(&scope, "c", "web");
        assert_eq!(service_name(&scope, "c", Some(&arn)).unwrap(), "web");
        assert_eq!(service_name(&scope, "c", Some("web")).unwrap(), "web");
        assert!(service_name(&scope, "d", Some(&arn)).is_err());
        assert!(service_name(&scope, "c", None).is_err());
        assert_eq!(cluster_name(&scope, None).unwrap(), "default");
        assert_eq!(cluster_name(&scope, Some(&cluster_arn(&scope, "c"))).unwrap(), "c");
        let other = Scope { account: "111111111111".into(), ..scope.clone() };
        assert!(cluster_name(&scope, Some(&cluster_arn(&other, "c"))).is_err());
        assert_eq!(task_id(&scope, "c", &task_arn(&scope, "c", "0f")).unwrap(), "0f");
    }
}
