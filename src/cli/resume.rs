//! `resume`: finish what was begun.

use std::time::Duration;

use clap::Args;

use super::{
    deploy::parse_duration, ending, exit::Exit, failure::CliError, settings::Settings, workspace,
};
use crate::{
    model::{DeploymentNumber, OnFailure},
    ops::TakeUp,
};

/// Finish a deployment that was interrupted, or whose process died.
///
/// Every step that was begun is looked for in ECS: what was done is not done again, what goes on is
/// followed, what is left is done. A deployment that was on its way back goes on back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool resume
  release-tool resume d12
  release-tool resume d12 --before-task-succeeded")]
pub(crate) struct ResumeArguments {
    /// The deployment, such as `d12`; may be left out where only one is unfinished.
    deployment: Option<DeploymentNumber>,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// How long the rollouts may take, for example `90s`, `30m` or `2h`.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    timeout: Duration,
    /// Say that a one-off task succeeded whose end is not known, so that the deployment goes on
    /// without it. Where its end can be seen, what is seen counts.
    #[arg(long)]
    before_task_succeeded: bool,
    /// What to do with the other services when one fails [default: as the deployment began].
    #[arg(long, value_name = "rollback|hold|continue")]
    on_failure: Option<OnFailure>,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: ResumeArguments) -> Result<Exit, CliError> {
    let workspace = workspace::open_quietly(settings, arguments.project.as_deref()).await?;
    let limits = (arguments.timeout, arguments.on_failure);
    let how = TakeUp::Resume { before_task_succeeded: arguments.before_task_succeeded };
    let taken = ending::take_up(settings, &workspace, arguments.deployment, &how, limits).await;
    taken.map(|(_, exit)| exit)
}
