//! `journal`: what the store did not take.

use clap::{Args, Subcommand};

use super::{exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    ops::{self, OpError},
    ui::{self, Format},
};

/// Bring in what a deployment could not write into the store.
#[derive(Debug, Args)]
pub(crate) struct JournalArguments {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Write the local files of deployments into the store, and remove them.
    #[command(after_help = "Example: release-tool journal push")]
    Push {
        /// The project, where the manifest has several.
        #[arg(long)]
        project: Option<String>,
    },
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: JournalArguments,
) -> Result<Exit, CliError> {
    let Verb::Push { project } = arguments.verb;
    let workspace = workspace::open_quietly(settings, project.as_deref()).await?;
    let ops::Brought { pushed, kept } = ops::push_journal(&workspace).await?;
    let console = &settings.console;
    console.result(match console.format {
        Format::Json => ui::document("journal", &serde_json::json!({ "pushed": pushed })),
        Format::Human if pushed.is_empty() && !kept.is_empty() => {
            "Nothing was brought in.".to_owned()
        }
        Format::Human if pushed.is_empty() => "There is nothing to bring in.".to_owned(),
        Format::Human => {
            let lines = pushed.iter().map(|one| {
                format!("{}: {} changes, now {}", one.deployment, one.changes, one.status.as_str())
            });
            lines.collect::<Vec<String>>().join("\n")
        }
    });
    if kept.is_empty() { Ok(Exit::Done) } else { Err(OpError::NotPushed { kept }.into()) }
}
