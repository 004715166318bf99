//! `rollback`: back to what was verified before.

use std::time::Duration;

use clap::Args;

use super::{
    deploy::{self, parse_duration},
    ending,
    exit::Exit,
    failure::CliError,
    interrupt::Interrupt,
    settings::Settings,
    workspace,
};
use crate::{
    engine::Report,
    model::{DeploymentNumber, DeploymentStatus, ImageId, Release, ReleaseNumber, ServiceId},
    ops::{self, Execution, Goal, RollbackRequest, TakeUp, Way, Workspace},
    ui::{self, Format},
};

/// Go back to what was verified before: no tag needed.
///
/// A deployment that is not over is taken back, also while its command still runs: that one stops
/// before its next effect. Where several are not over, one must be named. Otherwise the services that
/// were deployed last get the release again that was verified before the one that they run; where none
/// was, what they ran before the first deployment of all. Afterwards the environment is on hold: the
/// next `deploy` needs `--release-hold` and a reason. A rollback that fails is not rolled back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool rollback prod --reason 'search is slow'
  release-tool rollback prod d12
  release-tool rollback prod --to r12
  release-tool rollback prod --set pipeline

The exit code tells how it ended: 0 rolled back and verified, 5 the rollback failed.")]
pub(crate) struct RollbackArguments {
    /// The environment, for example `prod`.
    environment: String,
    /// The unfinished deployment to take back, such as `d12` [default: the only one there].
    #[arg(conflicts_with_all = ["to", "set"])]
    deployment: Option<DeploymentNumber>,
    /// Go back to this release, which must have been verified there, such as `r12`.
    #[arg(long, value_name = "RELEASE")]
    to: Option<ReleaseNumber>,
    /// Only this service set or service [default: what was deployed there last].
    #[arg(long, value_name = "SET|SERVICE")]
    set: Option<String>,
    /// Why; kept in the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// Do not ask for confirmation; needed where nobody can answer, as in CI.
    #[arg(short = 'y', long = "skip-confirm", visible_alias = "yes")]
    skip_confirm: bool,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// How long the rollouts may take, for example `90s`, `30m` or `2h`.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    timeout: Duration,
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: RollbackArguments,
) -> Result<Exit, CliError> {
    let console = &settings.console;
    let workspace = workspace::open_quietly(settings, arguments.project.as_deref()).await?;
    let interrupt = Interrupt::listen(&settings.console);
    let request = RollbackRequest {
        environment: arguments.environment.clone(),
        deployment: arguments.deployment,
        selection: arguments.set.clone(),
        to: arguments.to,
        reason: arguments.reason.clone(),
    };
    let way = tokio::select! {
        way = ops::way_back(&workspace, &request) => way?,
        () = interrupt.comes() => return Err(CliError::Interrupted),
    };
    if let Some(exit) = tell_way(settings, &way, arguments.dry_run) {
        return Ok(exit);
    }
    if !arguments.skip_confirm {
        ending::ask(settings)?;
    }
    if *interrupt.asked().borrow() {
        return Err(CliError::Interrupted);
    }
    let listener = ending::reporter(console);
    let execution = Execution {
        listener: listener.as_ref(),
        interrupt: interrupt.asked(),
        timeout: arguments.timeout,
        settle: None,
        wait: true,
        on_failure: None,
    };
    let done = go(&workspace, way, &request, execution).await;
    drop(listener);
    let (report, release) = done?;
    let exit = ending::tell(settings, &workspace, (&report, &release), None).await;
    let is_back = report.deployment.status == DeploymentStatus::RolledBack;
    Ok(if is_back && exit == Exit::RolledBack { Exit::Done } else { exit })
}

/// Shows what would be done. Gives an exit code where that is all.
fn tell_way(settings: &Settings, way: &Way, dry_run: bool) -> Option<Exit> {
    let console = &settings.console;
    match way {
        Way::Undo(deployment) => match (console.format, dry_run) {
            (Format::Json, _) => console.result(ui::document("undo", deployment)),
            (Format::Human, true) => console.result(ui::undo(deployment)),
            (Format::Human, false) => console.remark(format!("\n{}\n", ui::undo(deployment))),
        },
        Way::Release { draft, .. } if draft.plan.is_empty() => {
            deploy::tell_nothing_to_do(console, &draft.plan);
            return Some(Exit::Done);
        }
        Way::Release { draft, to } => {
            let to = goal(to);
            console.remark(format!("\n{} goes back to {to}.", draft.plan.environment));
            deploy::tell_plan(console, &draft.plan, dry_run);
        }
    }
    dry_run.then_some(Exit::Done)
}

/// What services go back to, in words.
fn goal(to: &Goal) -> String {
    match to {
        Goal::Release(release) => release.to_string(),
        Goal::LastVerified => "what was last verified for each of its services".to_owned(),
        Goal::Before { before, foreign, by_tag } => {
            let mut told = vec![format!("what ran before {}", before.deployment)];
            if !foreign.is_empty() {
                let foreign: Vec<&str> = foreign.iter().map(ServiceId::as_str).collect();
                told.push(format!(
                    "What {} ran then was not deployed by release-tool, and so never verified",
                    foreign.join(", ")
                ));
            }
            if !by_tag.is_empty() {
                let by_tag: Vec<&str> = by_tag.iter().map(ImageId::as_str).collect();
                told.push(format!(
                    "By tag, as the registry has it now, which need not be what ran then: {}",
                    by_tag.join(", ")
                ));
            }
            told.join(". ")
        }
    }
}

/// Goes back.
async fn go(
    workspace: &Workspace,
    way: Way,
    request: &RollbackRequest,
    execution: Execution<'_>,
) -> Result<(Report, Release), ops::OpError> {
    match way {
        Way::Undo(deployment) => {
            let how = TakeUp::RollBack { reason: request.reason.clone() };
            ops::take_up(workspace, &deployment, &how, execution).await
        }
        Way::Release { draft, .. } => ops::carry_out(workspace, *draft, execution).await,
    }
}
