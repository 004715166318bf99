//! `history`: the deployments there were.

use clap::Args;

use super::{exit::Exit, failure::CliError, settings::Settings, since::Since, workspace};
use crate::{
    ops::{self, HistoryRequest},
    ui::{self, Format},
};

/// How many deployments are listed unless it is said otherwise.
const LIMIT: usize = 20;

/// List the deployments of the project, newest first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool history --env prod --service search
  release-tool history --since 7d")]
pub(crate) struct HistoryArguments {
    /// List only deployments to this environment.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// List only deployments of this service.
    #[arg(long)]
    service: Option<String>,
    /// List only deployments made since then: a date or time such as `2026-11-21` or
    /// `2026-11-21T16:32`, in UTC, or how long ago, such as `7d` or `12h`.
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// List at most this many [default: 20, or all with `--since`].
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
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
    let HistoryArguments { environment, service, since, limit, .. } = arguments;
    let limit = limit.unwrap_or(if since.is_some() { usize::MAX } else { LIMIT });
    let since = since.map(|since| since.moment((workspace.now)()));
    let request = HistoryRequest { environment, service, since, limit };
    let deployments = ops::history(&workspace, &request).await?;
    let console = &settings.console;
    console.result(match console.format {
        Format::Json => ui::document("history", &serde_json::json!({ "deployments": deployments })),
        Format::Human => ui::history(&deployments),
    });
    Ok(Exit::Done)
}
