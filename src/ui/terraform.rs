//! Where services stand with Terraform, for people.

use std::collections::BTreeMap;

use console::Style;

use super::{console::Console, escape::escape, table::Table};
use crate::{
    model::{EnvironmentId, ServiceId},
    plan::{Basis, Severity, TerraformCheck, TerraformStanding},
};

/// The services of one environment.
pub struct TerraformRows<'a> {
    /// The environment.
    pub environment: &'a EnvironmentId,
    /// Where what Terraform says was read.
    pub state: Option<&'a str>,
    /// Whether that is a plan.
    pub is_plan: bool,
    /// The services.
    pub services: &'a [TerraformCheck],
    /// Those of which nothing can be said, each with why.
    pub missing: &'a BTreeMap<ServiceId, String>,
}

/// Where services stand, one environment after the other.
#[must_use]
pub fn terraform(environments: &[TerraformRows<'_>], console: &Console) -> String {
    let told: Vec<String> = environments.iter().map(|rows| one(rows, console)).collect();
    told.join("\n\n")
}

/// One environment.
fn one(rows: &TerraformRows<'_>, console: &Console) -> String {
    // Nothing is called clean that nobody looked at.
    let verdict = match (rows.state, rows.is_plan) {
        (Some(state), true) => format!("clean, by AWS and the plan ({})", escape(state)),
        (Some(state), false) => {
            format!("clean as far as AWS and the state tell ({})", escape(state))
        }
        (None, _) => "in step in AWS; Terraform was not asked".to_owned(),
    };
    let all = rows.services.len() + rows.missing.len();
    let clean = rows.services.iter().filter(|service| service.clean).count();
    let head = format!("{}: {clean} of {all} {verdict}", rows.environment);
    let missing =
        rows.missing.iter().map(|(service, reason)| format!("    {service}    {}", escape(reason)));
    let is_brief = |service: &&TerraformCheck| service.clean && service.findings.is_empty();
    let (brief, long): (Vec<_>, Vec<_>) = rows.services.iter().partition(is_brief);
    let services = long.into_iter().map(|service| of_service(rows, service, console));
    let mut table = Table::default();
    for service in brief {
        let runs = service.task_definition.short().to_owned();
        table.row([service.service.to_string(), paint(service, console), runs]);
    }
    let table = (!table.is_empty()).then(|| table.render(4));
    let told: Vec<String> = services.chain(missing).chain(table).collect();
    let note = match (rows.state, rows.is_plan) {
        (Some(_), true) => None,
        (Some(_), false) => Some(
            "note: a state tells neither `ignore_changes` nor what was changed in the \
             configuration since; a plan tells both: `terraform plan -out p && terraform show -json p`"
                .to_owned(),
        ),
        (None, _) => Some(
            "note: what Terraform itself would do is told with `--state`, from what `terraform show \
             -json` says of a state or a plan"
                .to_owned(),
        ),
    };
    [head, told.join("\n\n")].into_iter().chain(note).collect::<Vec<_>>().join("\n\n")
}

/// One service: where it stands, what becomes of it, and what to do.
fn of_service(rows: &TerraformRows<'_>, check: &TerraformCheck, console: &Console) -> String {
    let name = console.paint(&Style::new().bold(), &check.service);
    let mut first = Table::default();
    first.row([name, paint(check, console), check.task_definition.short().to_owned()]);
    let mut lines = vec![first.render(4)];
    if check.standing != TerraformStanding::InStep {
        let is_latest = check.latest == check.task_definition;
        let latest = if is_latest { String::new() } else { format!(" ({})", check.latest.short()) };
        lines.push(format!("        {}{latest}", check.standing.meaning()));
    }
    let sure = if check.basis == Basis::Plan { "" } else { ", as it seems," };
    let words = check.next_apply.words();
    lines.push(format!("        the next `terraform apply`{sure} {}", escape(&words)));
    if let Some(after) = check.after_deployment.as_ref().filter(|after| !after.is_nothing()) {
        lines.push(match after.words() {
            same if same == words => "        and so after each deployment".to_owned(),
            after => format!("        after a deployment it {}", escape(&after)),
        });
    }
    for finding in &check.findings {
        let word = match finding.severity {
            Severity::Warning => {
                console.paint(&Style::new().yellow().bold(), finding.name.as_str())
            }
            Severity::Note => finding.name.as_str().to_owned(),
        };
        lines.push(format!("        {word}: {}", escape(&finding.text)));
        lines.push(format!("            fix: {}", escape(&finding.fix)));
    }
    lines.extend(put_in_step(rows.environment, check));
    lines.join("\n")
}

/// The command that puts service, revision and parameter in step, with what runs.
fn put_in_step(environment: &EnvironmentId, check: &TerraformCheck) -> Option<String> {
    if check.puts_in_step.is_empty() {
        return None;
    }
    let one = |(image, uri): (&String, &String)| format!(" --image {image}={}", escape(uri));
    let images: String = check.puts_in_step.iter().map(one).collect();
    let (service, keep) = (&check.service, "to keep what runs, and have all in step");
    Some(format!("        {keep}: release-tool deploy {service} {environment}{images}"))
}

/// Where a service stands, in its colour.
fn paint(check: &TerraformCheck, console: &Console) -> String {
    let style = match (check.clean, check.next_apply.is_a_danger()) {
        (true, _) => Style::new().green(),
        (false, false) => Style::new().yellow(),
        (false, true) => Style::new().red().bold(),
    };
    console.paint(&style, check.standing.as_str())
}
