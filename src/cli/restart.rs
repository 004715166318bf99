//! `restart`: the same again.

use std::time::Duration;

use clap::Args;

use super::{
    deploy::{HowArguments, see_through},
    exit::Exit,
    failure::CliError,
    interrupt::Interrupt,
    settings::Settings,
    workspace,
};
use crate::{
    model::{DeploymentKind, OnFailure},
    ops::{self, DeployRequest},
};

/// Restart services: every task is replaced by one that runs the same.
///
/// ECS deploys the task definition that each service is set to anew, and this is followed and
/// verified as any deployment. An image that is gone from its registry, or whose tag is another one by
/// now, is refused: that would be no restart. There is nothing to go back to when a restart fails.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool restart search prod
  release-tool restart web prod --skip-confirm --reason 'new certificate'")]
pub(crate) struct RestartArguments {
    /// `all`, a service set, or a service.
    selection: String,
    /// The environment, for example `prod`.
    environment: String,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// Why; kept in the record. Some environments need it.
    #[arg(long, value_name = "TEXT", visible_alias = "description")]
    reason: Option<String>,
    /// How it is carried out.
    #[command(flatten)]
    how: HowArguments,
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: RestartArguments,
) -> Result<Exit, CliError> {
    let workspace = workspace::open_quietly(settings, arguments.project.as_deref()).await?;
    let interrupt = Interrupt::listen(&settings.console);
    let (selection, environment) = (arguments.selection, arguments.environment);
    let request = DeployRequest {
        reason: arguments.reason,
        wait: arguments.how.wait,
        ..DeployRequest::of(DeploymentKind::Restart, selection, environment)
    };
    let draft = tokio::select! {
        draft = ops::draft(&workspace, &request) => draft,
        () = interrupt.comes() => return Err(CliError::Interrupted),
    };
    let manner = arguments.how.manner(Duration::ZERO, Some(OnFailure::Hold));
    see_through(settings, (&workspace, draft), (interrupt, manner)).await
}
