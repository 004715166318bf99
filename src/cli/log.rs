//! `log`: what was done, by whom and why.

use clap::Args;

use super::{exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    ops::{self, LogRequest},
    ui::{self, Format},
};

/// List what was done, by whom and why, newest first: the audit log.
#[derive(Debug, Args)]
#[command(after_help = "Example: release-tool log --env prod --limit 50")]
pub(crate) struct LogArguments {
    /// List only what was done in this environment.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// List at most this many.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: usize,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: LogArguments) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let LogArguments { environment, limit, .. } = arguments;
    let events = ops::log(&workspace, &LogRequest { environment, limit }).await?;
    let console = &settings.console;
    console.result(match console.format {
        Format::Json => ui::document("log", &serde_json::json!({ "events": events })),
        Format::Human => ui::log(&events),
    });
    Ok(Exit::Done)
}
