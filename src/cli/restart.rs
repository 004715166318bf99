//! `restart`: the same again.

use std::{collections::BTreeMap, time::Duration};

use clap::Args;

use super::{
    deploy::{Manner, parse_duration, see_through},
    exit::Exit,
    failure::CliError,
    interrupt::Interrupt,
    settings::Settings,
    workspace,
};
use crate::{
    model::{DeploymentKind, OnFailure},
    ops::{self, DeployRequest},
    plan::Insistence,
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
    /// Do not ask for confirmation; needed where nobody can answer, as in CI.
    #[arg(short = 'y', long = "skip-confirm", alias = "skip_confirm", visible_alias = "yes")]
    skip_confirm: bool,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Why; kept in the record. Some environments need it.
    #[arg(long, value_name = "TEXT", visible_alias = "description")]
    reason: Option<String>,
    /// How long the rollouts may take, for example `90s`, `30m` or `2h`.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    timeout: Duration,
    /// Start the rollouts and leave; `release-tool resume` finishes them.
    #[arg(long, visible_alias = "no-wait")]
    detach: bool,
    /// Wait up to this long, for example `15m`, while somebody else is at work there.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    wait: Duration,
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: RestartArguments,
) -> Result<Exit, CliError> {
    let workspace = workspace::open_quietly(settings, arguments.project.as_deref()).await?;
    let interrupt = Interrupt::listen(&settings.console);
    let request = DeployRequest {
        selection: arguments.selection,
        environment: arguments.environment,
        from: None,
        images: BTreeMap::new(),
        allow_missing: false,
        skip_before: false,
        rerun_before: false,
        enable_circuit_breaker: false,
        insist: Insistence::default(),
        kind: DeploymentKind::Restart,
        from_release: None,
        reason: arguments.reason,
        release_hold: false,
        wait: arguments.wait,
    };
    let draft = tokio::select! {
        draft = ops::draft(&workspace, &request) => draft,
        () = interrupt.comes() => return Err(CliError::Interrupted),
    };
    let manner = Manner {
        dry_run: arguments.dry_run,
        skip_confirm: arguments.skip_confirm,
        timeout: arguments.timeout,
        settle: Duration::ZERO,
        wait: !arguments.detach,
        on_failure: Some(OnFailure::Hold),
    };
    see_through(settings, (&workspace, draft), (interrupt, manner)).await
}
