//! `terraform check`: what the next `terraform apply` would do to what runs.

use std::path::PathBuf;

use clap::Args;

use crate::{
    backend::text::TextSource,
    cli::{exit::Exit, failure::CliError, settings::Settings, workspace},
    ops::{self, TerraformReport, TerraformRequest},
    ui::{self, Console, Format, TerraformRows},
};

/// The arguments of `terraform check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool terraform check
  release-tool terraform check search --env prod --state terraform.tfstate
  terraform show -json | release-tool terraform check --env prod --state -
  terraform show -json p | release-tool terraform check --env prod --state - --exit-code")]
pub(super) struct CheckArguments {
    /// `all`, a service set, or a service.
    #[arg(default_value = "all")]
    selection: String,
    /// The environment [default: all of them].
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// What Terraform says: a file that `terraform show -json` wrote of a state or a plan, or a state
    /// file; `-` for the standard input [default: what the manifest names].
    #[arg(long, value_name = "FILE|-")]
    state: Option<PathBuf>,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// End with 10 unless everything is clean.
    #[arg(long)]
    exit_code: bool,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: CheckArguments) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let state = arguments.state.as_deref();
    let request = TerraformRequest {
        selection: arguments.selection,
        environment: arguments.environment,
        state: state.map(|state| TextSource::named(state, &settings.directory())),
    };
    let report = ops::check_terraform(&workspace, &request).await?;
    settings.console.result(match settings.console.format {
        Format::Json => ui::document("terraform_check", &report),
        Format::Human => told(&settings.console, &report),
    });
    let differs = arguments.exit_code && !report.clean;
    Ok(if differs { Exit::Differs } else { Exit::Done })
}

/// The report for people.
fn told(console: &Console, report: &TerraformReport) -> String {
    let environments: Vec<TerraformRows<'_>> = report
        .environments
        .iter()
        .map(|one| TerraformRows {
            environment: &one.environment,
            state: one.state.as_deref(),
            is_plan: one.is_plan,
            services: &one.services,
            missing: &one.missing,
        })
        .collect();
    ui::terraform(&environments, console)
}
