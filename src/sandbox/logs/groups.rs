//! `DescribeLogGroups`.

use serde_json::{Value, json};

use super::{Wanted, group_arn, invalid, name_of, page, read};
use crate::sandbox::{
    call::{Call, Fault},
    ecs::witness::LogStream,
};

/// The class that all groups are of.
const CLASS: &str = "STANDARD";

/// The other classes there are.
const OTHER_CLASSES: [&str; 2] = ["INFREQUENT_ACCESS", "DELIVERY"];

/// `DescribeLogGroups`.
pub(super) fn describe(call: &Call, all: &[LogStream]) -> Result<Value, Fault> {
    let wanted: Wanted = read(call)?;
    check(call, &wanted)?;
    let mut names: Vec<&str> = all.iter().map(|one| one.group.as_str()).collect();
    names.retain(|name| has(&wanted, name));
    names.sort_unstable();
    names.dedup();
    let told = names.into_iter().map(|name| {
        let arn = group_arn(call, name);
        json!({
            "logGroupName": name,
            "metricFilterCount": 0,
            "arn": format!("{arn}:*"),
            "logGroupArn": arn,
            "storedBytes": 0,
            "logGroupClass": CLASS,
        })
    });
    page(&wanted, "logGroups", told.collect())
}

/// Refuses what is not valid, and what the sandbox does not do.
fn check(call: &Call, wanted: &Wanted) -> Result<(), Fault> {
    if wanted.log_group_name_prefix.is_some() && wanted.log_group_name_pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let is_own = |account: &String| *account == call.scope.account;
    let accounts = wanted.account_identifiers.as_deref().unwrap_or_default();
    if wanted.include_linked_accounts == Some(true) || !accounts.iter().all(is_own) {
        return Err(invalid("The sandbox tells of the account's own log groups only."));
    }
    match wanted.log_group_class.as_deref() {
        Some(class) if class != CLASS && !OTHER_CLASSES.contains(&class) => {
            Err(invalid("logGroupClass must be STANDARD, INFREQUENT_ACCESS or DELIVERY."))
        }
        _ => Ok(()),
    }
}

/// Whether a group is asked for.
fn has(wanted: &Wanted, name: &str) -> bool {
    let prefix = wanted.log_group_name_prefix.as_deref().unwrap_or_default();
    let pattern = wanted.log_group_name_pattern.as_deref().unwrap_or_default().to_lowercase();
    let identifiers = wanted.log_group_identifiers.as_deref().unwrap_or_default();
    name.starts_with(prefix)
        && name.to_lowercase().contains(&pattern)
        && (identifiers.is_empty() || identifiers.iter().any(|one| name_of(one) == name))
        && wanted.log_group_class.as_deref().is_none_or(|class| class == CLASS)
}
