//! What IAM's policies say of what deployments need.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Finding, listed};
use crate::{
    model::EnvironmentId,
    plan::permissions::{DONE_WITHOUT, Group, NEEDS},
};

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
        let text = format!("IAM may not be asked: {why}");
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
        missed(environment, action, text)
    };
    missing.into_iter().map(line).collect()
}

/// That a permission is missing.
fn missed(environment: &EnvironmentId, action: &str, text: String) -> Finding {
    let fix = format!(
        "allow it; `release-tool iam-policy deploy --env {environment}` prints the whole policy"
    );
    if DONE_WITHOUT.contains(&action) {
        return Finding::warn(Check::Permissions, text, fix);
    }
    Finding::fail(Check::Permissions, text, Some(fix))
}

/// What became of requests that were sent, where IAM does not tell what may be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tries {
    /// The operations that were answered.
    pub allowed: BTreeSet<&'static str>,
    /// Those that were refused.
    pub denied: BTreeSet<&'static str>,
}

/// What is known of the permissions of deployments by what was read, and which of them nobody checked:
/// there is no way to try a write without writing.
#[must_use]
pub fn tried(
    environment: &EnvironmentId,
    principal: &str,
    (actions, tries): (&BTreeSet<String>, &Tries),
) -> Vec<Finding> {
    let (mut given, mut unchecked, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    for action in actions {
        let needs = NEEDS.iter().filter(|need| need.groups.contains(&Group::Deploy));
        let operations: Vec<&str> =
            needs.filter(|need| need.action == action).map(|need| need.operation).collect();
        if operations.iter().any(|one| tries.denied.contains(one)) {
            let text = format!("`{action}` is not allowed to `{principal}`: it was tried");
            findings.push(missed(environment, action, text));
        } else if operations.iter().any(|one| tries.allowed.contains(one)) {
            given.push(format!("`{action}`"));
        } else {
            unchecked.push(format!("`{action}`"));
        }
    }
    if !given.is_empty() {
        let text =
            format!("{} given, as what was read here shows: {}", given.len(), given.join(", "));
        findings.push(Finding::ok(Check::Permissions, text));
    }
    if !unchecked.is_empty() {
        let text = format!("{} not checked: {}", unchecked.len(), unchecked.join(", "));
        findings.push(Finding::skipped(Check::Permissions, text));
    }
    findings
}
