//! `show`: one deployment whole.

use clap::Args;

use super::{exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    model::DeploymentNumber,
    ops,
    ui::{self, Format},
};

/// Show one deployment whole: images, steps, and what proves their ends.
#[derive(Debug, Args)]
#[command(after_help = "Example: release-tool show d12")]
pub(crate) struct ShowArguments {
    /// The deployment's number, such as `d12`.
    #[arg(value_name = "DEPLOYMENT")]
    number: DeploymentNumber,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: ShowArguments) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let shown = ops::show(&workspace, arguments.number).await?;
    let console = &settings.console;
    console.result(match console.format {
        Format::Json => ui::document("deployment", &shown),
        Format::Human => ui::show(&shown.deployment, &shown.release, &shown.timeline),
    });
    Ok(Exit::Done)
}
