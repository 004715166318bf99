//! `iam-policy`: the permissions of the project's commands, and who may have them.

mod trust;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    ops::{self, Asking, PolicyReport, PolicyRequest},
    plan::permissions::{
        ATTACHED_MAX, Group, MANAGED_POLICY_MAX, Policy, Principal, hcl, too_many,
    },
    ui::{self, Format},
};

/// Print the IAM policies that the project's commands need, and nothing more.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool iam-policy deploy --env prod > deploy.json
  release-tool iam-policy status --format terraform > status.tf
  release-tool iam-policy trust github --repo acme/shop --environment production --env prod")]
pub(crate) struct IamPolicyArguments {
    /// For what.
    #[command(subcommand)]
    verb: Verb,
}

/// For what a policy can be.
#[derive(Debug, Subcommand)]
enum Verb {
    /// For what looks and changes nothing: `status`, `history`, `show`, `releases`, `log`, `wait` and
    /// `terraform`.
    ///
    /// Every resource is named, as far as AWS knows resources for an action. What is only known in
    /// AWS is asked there: families, roles, log groups, repositories. Of a service that is not there
    /// yet, names in capitals stand in their place, and a line on the error stream says so.
    Status(PolicyArguments),
    /// For `register`: the job that builds images.
    ///
    /// `--env` is the label that is registered under, `latest` where none is named.
    Register(PolicyArguments),
    /// For `deploy`, `release`, `restart`, `rollback`, `resume`, `abort`, `continue`, `lock` and
    /// `unlock`, and for all that `status` covers.
    ///
    /// Every resource is named, as far as AWS knows resources for an action. What is only known in
    /// AWS is asked there: families, roles, log groups, repositories. Of a service that is not there
    /// yet, names in capitals stand in their place, and a line on the error stream says so.
    Deploy(PolicyArguments),
    /// For `store create`, `store migrate` and `store check`.
    Store(PolicyArguments),
    /// For `doctor`: what it looks at, and asking IAM and Service Quotas.
    ///
    /// It is for a role beside the policy of `deploy`: `doctor` tells what of that is missing.
    Doctor(PolicyArguments),
    /// Whom a role trusts: the jobs of a CI, by the tokens that it gives them.
    Trust(trust::TrustArguments),
}

/// The arguments of a policy.
#[derive(Debug, Args)]
struct PolicyArguments {
    /// Only what is done in this environment [default: all of them].
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// The form of the policies.
    #[arg(long, value_enum, default_value = "json")]
    format: PolicyFormat,
    /// Only the policy of this name, where there are several.
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Only the policies of this role, one of those that the manifest names. Nothing is asked of AWS as
    /// anybody else.
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// Print names in capitals where AWS does not tell, instead of failing.
    #[arg(long, conflicts_with = "offline")]
    allow_unknown: bool,
    /// Ask nothing of AWS; names in capitals stand for what only AWS knows.
    #[arg(long)]
    offline: bool,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// The form of policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PolicyFormat {
    /// As IAM takes them.
    Json,
    /// As blocks of Terraform.
    Terraform,
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: IamPolicyArguments,
) -> Result<Exit, CliError> {
    let (group, arguments) = match arguments.verb {
        Verb::Status(arguments) => (Group::Status, arguments),
        Verb::Register(arguments) => (Group::Register, arguments),
        Verb::Deploy(arguments) => (Group::Deploy, arguments),
        Verb::Store(arguments) => (Group::Store, arguments),
        Verb::Doctor(arguments) => (Group::Doctor, arguments),
        Verb::Trust(arguments) => return trust::run(settings, arguments).await,
    };
    let base = workspace::base(settings, arguments.project.as_deref())?;
    let request = PolicyRequest {
        group,
        environment: arguments.environment.clone(),
        asking: match (arguments.offline, arguments.allow_unknown) {
            (true, _) => Asking::Nothing,
            (false, true) => Asking::WhatItTells,
            (false, false) => Asking::Everything,
        },
        role: arguments.role.clone(),
    };
    let report = ops::iam_policies(&base.connector, &base.project, &request).await?;
    let chosen = choose(&report, &arguments)?;
    settings.console.result(render(settings, &arguments, (&report, &chosen)));
    warn(settings, &arguments, &report);
    remark(settings, &chosen);
    Ok(Exit::Done)
}

/// The policies that are wanted.
fn choose(report: &PolicyReport, arguments: &PolicyArguments) -> Result<Vec<Policy>, CliError> {
    if let (true, Some(role)) = (report.policies.is_empty(), &arguments.role) {
        return Err(no_such_role(role, &report.roles));
    }
    if report.policies.is_empty() {
        return Err(CliError::Usage {
            message: "nothing is needed of AWS for this: the store is a file".to_owned(),
            hint: "write `store = { dynamodb = \"release-tool\" }` in the manifest".to_owned(),
        });
    }
    let Some(name) = &arguments.policy else { return Ok(report.policies.clone()) };
    let chosen: Vec<Policy> =
        report.policies.iter().filter(|policy| policy.name == *name).cloned().collect();
    if chosen.is_empty() {
        return Err(CliError::Usage {
            message: format!("there is no policy `{name}`"),
            hint: format!("name one of them: {}", names(&report.policies)),
        });
    }
    Ok(chosen)
}

/// That no command works as a role.
fn no_such_role(role: &str, roles: &[String]) -> CliError {
    let known: Vec<String> = roles.iter().map(|role| format!("`{role}`")).collect();
    CliError::Usage {
        message: format!("none of these commands works as `{role}`"),
        hint: if known.is_empty() {
            "leave `--role` out: the manifest names no role for them".to_owned()
        } else {
            format!("name one of these: {}", known.join(", "))
        },
    }
}

/// The names of policies.
fn names(policies: &[Policy]) -> String {
    let names: Vec<String> = policies.iter().map(|policy| format!("`{}`", policy.name)).collect();
    names.join(", ")
}

/// The policies in the form that is wanted. Several JSON documents are a list of what each is for.
fn render(
    settings: &Settings,
    arguments: &PolicyArguments,
    (report, chosen): (&PolicyReport, &[Policy]),
) -> String {
    match (settings.console.format, arguments.format, chosen) {
        (Format::Json, format, _) => ui::document(
            "iam_policies",
            &json!({
                "policies": chosen.iter().map(described).collect::<Vec<_>>(),
                "unknown": report.unknown,
                "terraform": (format == PolicyFormat::Terraform).then(|| hcl(chosen)),
            }),
        ),
        (Format::Human, PolicyFormat::Terraform, _) => hcl(chosen),
        (Format::Human, PolicyFormat::Json, [policy]) => pretty(&policy.document()),
        (Format::Human, PolicyFormat::Json, several) => {
            pretty(&several.iter().map(described).collect())
        }
    }
}

/// A policy with what it is for.
fn described(policy: &Policy) -> Value {
    let role = match &policy.principal {
        Principal::Caller => None,
        Principal::Role(role) => Some(role),
    };
    json!({
        "name": policy.name,
        "role": role,
        "characters": policy.size(),
        "document": policy.document(),
    })
}

/// Whom a policy is for.
fn whose(principal: &Principal) -> &str {
    match principal {
        Principal::Caller => "whoever runs the commands",
        Principal::Role(role) => role,
    }
}

/// JSON for people.
fn pretty(document: &Value) -> String {
    format!("{document:#}")
}

/// Warns of what is not known, and of more policies than a role can have.
fn warn(settings: &Settings, arguments: &PolicyArguments, report: &PolicyReport) {
    let console = &settings.console;
    for unknown in &report.unknown {
        let (what, why) = (&unknown.what, ui::escape(&unknown.why));
        console.error(format!("warning: not known: {what} ({why})"));
    }
    if !report.unknown.is_empty() {
        console.error(if arguments.offline {
            "hint: replace the names in capitals in the policy, or run it again without `--offline`"
        } else {
            "hint: replace the names in capitals in the policy, or run it again with credentials \
             that may read these"
        });
    }
    for (principal, count) in too_many(&report.policies) {
        console.error(format!(
            "warning: these are {count} policies for {}, and AWS attaches {ATTACHED_MAX} to a role",
            whose(principal)
        ));
        console.error(
            "hint: print them for one environment with `--env`, for a role of its own, or raise \
             IAM's quota \"Managed policies per role\" in Service Quotas",
        );
    }
}

/// Tells what each policy is for.
fn remark(settings: &Settings, chosen: &[Policy]) {
    for policy in chosen {
        settings.console.remark(format!(
            "`{}`: for {}; {} of {MANAGED_POLICY_MAX} characters",
            policy.name,
            whose(&policy.principal),
            policy.size()
        ));
    }
}
