//! `unlock`: take a lock away, or the lease of a command that does not end.

use clap::Args;

use super::{exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    model::{HeldLock, LockKind},
    ops::{self, UnlockOrder, UnlockReport},
    ui::{self, Format},
};

/// Take a lock away, or the lease of a command that does not end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool unlock all prod
  release-tool unlock all prod --force --reason 'Ann is on holiday'

A lease is that of a running command. One that has died gives it up by itself within two minutes;
one that is broken with `--force` can write nothing more to the record, though AWS may still carry
out what it has asked for. Its deployment is finished with `release-tool resume`.")]
pub(crate) struct UnlockArguments {
    /// `all`, a service set, or a service, as it was locked.
    selection: String,
    /// The environment, for example `prod`.
    environment: String,
    /// Why; kept in the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Take away somebody else's lock, or the lease of a running command.
    #[arg(long, requires = "reason")]
    force: bool,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: UnlockArguments) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let UnlockArguments { selection, environment, reason, force, .. } = arguments;
    let order = UnlockOrder { selection, environment, reason, force };
    let report = ops::unlock(&workspace, &order).await?;
    let console = &settings.console;
    match console.format {
        Format::Json => console.result(ui::document("unlock", &report)),
        Format::Human => tell(settings, &report),
    }
    Ok(Exit::Done)
}

/// Tells people what was taken away, and what holds still.
fn tell(settings: &Settings, report: &UnlockReport) {
    let (console, now) = (&settings.console, report.now);
    let (selection, environment) = (&report.selection, &report.environment);
    match &report.taken_away {
        None => console.result(format!("`{selection}` of {environment} was not locked.")),
        Some(held) => {
            console.result(format!("Unlocked `{selection}` of {environment}. It was held so:"));
            console.result(ui::held(std::slice::from_ref(held), now));
            if let Some(consequence) = consequence(held) {
                console.result(consequence);
            }
        }
    }
    if !report.held.is_empty() {
        console.remark("What still holds:");
        console.remark(ui::held(&report.held, now));
    }
}

/// What follows from it, where anything does.
fn consequence(held: &HeldLock) -> Option<String> {
    match (&held.kind, held.deployment) {
        (LockKind::Manual { .. }, _) => None,
        (LockKind::Lease { .. }, None) => Some("The command can write nothing more.".to_owned()),
        (LockKind::Lease { .. }, Some(deployment)) => Some(format!(
            "The command can write nothing more; AWS may still carry out what it has asked for. \
             Finish its deployment with `release-tool resume {deployment}`."
        )),
    }
}
