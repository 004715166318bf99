//! `releases`: the releases there are.

use clap::Args;

use super::{exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    ops,
    ui::{self, Format},
};

/// List the releases of the project, newest first, and where each of them is verified.
#[derive(Debug, Args)]
#[command(after_help = "Example: release-tool releases --limit 5")]
pub(crate) struct ReleasesArguments {
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
    arguments: ReleasesArguments,
) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let listed = ops::releases(&workspace, arguments.limit).await?;
    let console = &settings.console;
    console.result(match console.format {
        Format::Json => ui::document("releases", &serde_json::json!({ "releases": listed })),
        Format::Human => {
            ui::releases(listed.iter().map(|one| (&one.release, one.standings.as_slice())))
        }
    });
    Ok(Exit::Done)
}
