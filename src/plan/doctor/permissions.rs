//! What IAM's policies say of what deployments need.

use std::collections::BTreeMap;

use super::{Check, Finding, listed};
use crate::model::EnvironmentId;

/// The ARN that policies are attached to, of a caller: for a session, its role. Roles of single sign-on
/// are in a path of their own, which a session's ARN does not tell in full.
#[must_use]
pub fn principal(caller: &str) -> String {
    let parts: Vec<&str> = caller.splitn(6, ':').collect();
    let ["arn", partition, "sts", _, account, resource] = parts.as_slice() else {
        return caller.to_owned();
    };
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["assumed-role", name, _] if name.starts_with("AWSReservedSSO_") => {
            format!("arn:{partition}:iam::{account}:role/aws-reserved/sso.amazonaws.com/{name}")
        }
        ["assumed-role", name, _] => format!("arn:{partition}:iam::{account}:role/{name}"),
        _ => caller.to_owned(),
    }
}

/// That IAM did not say. Who may not ask can be let; whom IAM does not know nobody can ask about.
#[must_use]
pub fn not_simulated(principal: &str, is_denied: bool, why: &str) -> Finding {
    if is_denied {
        let text = format!("not known beyond what is looked at here: {why}");
        let fix = format!("allow `iam:SimulatePrincipalPolicy` on `{principal}` to itself");
        return Finding::warn(Check::Permissions, text, fix);
    }
    let text = format!("IAM does not tell what `{principal}` may do: {why}");
    Finding::skipped(Check::Permissions, text)
}

/// What of so many permissions is missing, each an action and a resource; a line an action.
#[must_use]
pub fn permissions(
    environment: &EnvironmentId,
    principal: &str,
    (asked, denied): (usize, &[(String, String)]),
) -> Vec<Finding> {
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (action, resource) in denied {
        missing.entry(action).or_default().push(resource);
    }
    if missing.is_empty() {
        let text = format!("{asked} asked of IAM, all given to `{principal}`");
        return vec![Finding::ok(Check::Permissions, text)];
    }
    let line = |(action, resources): (&str, Vec<&str>)| {
        let text = format!("`{action}` is not allowed on {} to `{principal}`", listed(&resources));
        let fix = format!(
            "allow it; `release-tool iam-policy deploy --env {environment}` prints the whole policy"
        );
        Finding::fail(Check::Permissions, text, Some(fix))
    };
    missing.into_iter().map(line).collect()
}
