//! `history`: the deployments there were.

use clap::Args;

use super::{exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    ops::{self, HistoryRequest},
    ui::{self, Format},
};

/// List the deployments of the project, newest first.
#[derive(Debug, Args)]
#[command(after_help = "Example: release-tool history --env prod --service search")]
pub(crate) struct HistoryArguments {
    /// List only deployments to this environment.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// List only deployments of this service.
    #[arg(long)]
    service: Option<String>,
    /// List at most this many.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: usize,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: HistoryArguments,
) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let HistoryArguments { environment, service, limit, .. } = arguments;
    let request = HistoryRequest { environment, service, limit };
    let deployments = ops::history(&workspace, &request).await?;
    let console = &settings.console;
    console.result(match console.format {
        Format::Json => ui::document("history", &serde_json::json!({ "deployments": deployments })),
        Format::Human => ui::history(&deployments),
    });
    Ok(Exit::Done)
}
