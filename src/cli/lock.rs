//! `lock`: keep everybody's commands away from an environment, or from some of its services.

use std::time::Duration;

use clap::Args;

use super::{deploy::parse_duration, exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    ops::{self, LockOrder, Locked},
    ui::{self, Format},
};

/// Keep everybody's commands away from an environment, or from some of its services.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool lock all prod --reason 'The database moves tonight'
  release-tool lock search prod --reason 'The index is rebuilt' --for 2h")]
pub(crate) struct LockArguments {
    /// `all`, a service set, or a service.
    selection: String,
    /// The environment, for example `prod`.
    environment: String,
    /// Why; everybody whom the lock stops is told.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new(), value_name = "TEXT")]
    reason: String,
    /// Unlock by itself after this long, for example `30m` or `2h` [default: never].
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    lasts: Option<Duration>,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: LockArguments) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let LockArguments { selection, environment, reason, lasts, .. } = arguments;
    let locked =
        ops::lock(&workspace, &LockOrder { selection, environment, reason, lasts }).await?;
    let console = &settings.console;
    match console.format {
        Format::Json => console.result(ui::document("lock", &locked)),
        Format::Human => tell(settings, &locked),
    }
    Ok(Exit::Done)
}

/// Tells people what is locked, and what goes on all the same.
fn tell(settings: &Settings, locked: &Locked) {
    let (selection, environment) = (&locked.selection, &locked.environment);
    settings.console.result(match locked.until {
        Some(until) => {
            format!("Locked `{selection}` of {environment} until {}.", ui::date_time(until))
        }
        None => format!("Locked `{selection}` of {environment} until it is unlocked."),
    });
    if locked.running.is_empty() {
        return;
    }
    settings.console.remark("What runs already goes on:");
    settings.console.remark(ui::held(&locked.running, locked.now));
}
