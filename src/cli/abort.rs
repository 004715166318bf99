//! `abort`: nothing more is begun.

use std::time::Duration;

use clap::Args;

use super::{
    deploy::parse_duration, ending, exit::Exit, failure::CliError, settings::Settings, workspace,
};
use crate::{
    model::{DeploymentNumber, DeploymentStatus},
    ops::TakeUp,
};

/// End a deployment: nothing more is begun, what was begun stays.
///
/// A command that works on it is asked to stop before its next effect. Services that were told to
/// move are followed to their end and stay there; what was done for services that were not is taken
/// back. To take everything back, use `rollback`.
#[derive(Debug, Args)]
#[command(after_help = "Example: release-tool abort d12 --reason 'wrong branch'")]
pub(crate) struct AbortArguments {
    /// The deployment, such as `d12`; may be left out where only one is unfinished.
    deployment: Option<DeploymentNumber>,
    /// Why; kept in the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// How long the rollouts may take that go on, for example `90s`, `30m` or `2h`.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    timeout: Duration,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: AbortArguments) -> Result<Exit, CliError> {
    let workspace = workspace::open_quietly(settings, arguments.project.as_deref()).await?;
    let how = TakeUp::Abort { reason: arguments.reason };
    let limits = (arguments.timeout, None);
    let (report, exit) =
        ending::take_up(settings, &workspace, arguments.deployment, &how, limits).await?;
    if report.deployment.status == DeploymentStatus::Succeeded {
        settings.console.error(format!(
            "warning: it was too late to stop it: everything had begun, and {} runs {} now\n\
             hint: take it back with `release-tool rollback {}`",
            report.deployment.environment, report.deployment.release, report.deployment.environment
        ));
    }
    if report.deployment.status == DeploymentStatus::Interrupted {
        let number = report.deployment.number;
        settings
            .console
            .error(format!("hint: or end it as it is with `release-tool abort {number}`"));
    }
    let is_done = report.deployment.status == DeploymentStatus::Cancelled;
    Ok(if is_done && exit == Exit::NotRolledBack { Exit::Done } else { exit })
}
