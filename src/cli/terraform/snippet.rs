//! `terraform snippet`: HCL that stays clean.

use clap::Args;

use crate::{
    cli::{exit::Exit, failure::CliError, settings::Settings, workspace},
    ops::{self, SnippetOrder},
    ui::{self, Format},
};

/// The arguments of `terraform snippet`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool terraform snippet --env prod
  release-tool terraform snippet --env prod search orders > services.tf")]
pub(super) struct SnippetArguments {
    /// Service sets or services [default: all of them].
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// The environment [default: all of them, whose ids are then put before the names of resources].
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// Add `import` blocks for what is there, for Terraform 1.5 and newer: `terraform apply` then takes
    /// it into its state.
    #[arg(long = "import")]
    imports: bool,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: SnippetArguments,
) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let SnippetArguments { services, environment, imports, .. } = arguments;
    let order = SnippetOrder { services, environment, imports };
    let snippet = ops::snippet(&workspace, &order).await?;
    for (service, reason) in &snippet.untold {
        settings.console.remark(format!(
            "warning: `{service}` is written as the manifest has it: {}",
            ui::escape(reason)
        ));
    }
    settings.console.result(match settings.console.format {
        Format::Json => ui::document("terraform_snippet", &snippet),
        Format::Human => snippet.hcl.trim_end().to_owned(),
    });
    Ok(Exit::Done)
}
