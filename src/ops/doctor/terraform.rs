//! Whether the file that Terraform's state is read from can be read, and is of this account.

use std::collections::BTreeSet;

use super::{Patient, failed};
use crate::{
    backend::text::TextSource,
    manifest::Environment,
    model::TaskDefinitionArn,
    ops::terraform::read_terraform,
    plan::{
        TerraformDocument,
        doctor::{Check, Finding},
        known_revisions,
    },
};

/// Looks at the file of an environment; nothing where the manifest names none.
pub(super) fn look(patient: &Patient<'_>, environment: &Environment) -> Option<Finding> {
    let path = environment.terraform_state.as_ref()?;
    let from = TextSource::named(path, patient.folder);
    Some(match read_terraform(&from) {
        Ok(document) => told(environment, &from, &document),
        Err(error) => failed(Check::Terraform, &error),
    })
}

/// What is in it.
fn told(environment: &Environment, from: &TextSource, document: &TerraformDocument) -> Finding {
    let known = known_revisions(document);
    if known.is_empty() {
        let text = format!("{from} has no task definition of ECS");
        let fix = format!(
            "name the state that has the services of `{0}` as `environments.{0}.terraform.state`",
            environment.id
        );
        return Finding::warn(Check::Terraform, text, fix);
    }
    let accounts: BTreeSet<&str> =
        known.iter().filter_map(|arn| arn.as_str().split(':').nth(4)).collect();
    match &environment.account {
        Some(account) if !accounts.contains(account.as_str()) => {
            let others: Vec<&str> = accounts.into_iter().collect();
            let text = format!("{from} is of account {}, not {account}", others.join(", "));
            let fix = format!("name the state of account {account} as `terraform.state`");
            Finding::warn(Check::Terraform, text, fix)
        }
        _ => {
            let families: BTreeSet<&str> = known.iter().map(TaskDefinitionArn::family).collect();
            let count = families.len();
            let word = if count == 1 { "family" } else { "families" };
            Finding::ok(Check::Terraform, format!("{from} has {count} {word} of task definitions"))
        }
    }
}
