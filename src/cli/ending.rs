//! What all commands that carry a deployment out have in common: the question, the progress, and
//! the last screen.

use std::time::Duration;

use tokio::time::timeout;

use super::{exit::Exit, failure::CliError, interrupt::Interrupt, settings::Settings};
use crate::{
    engine::Report,
    model::{
        Deployment, DeploymentKind, DeploymentNumber, DeploymentStatus, Listener, OnFailure,
        Release, ReleaseNumber,
    },
    ops::{self, Execution, TakeUp, Workspace},
    ui::{self, Answer, Console, Format, JsonLines, Live, PlainLines, Summary},
};

/// Asks whether to go on. Only yes goes on.
pub(super) fn ask(settings: &Settings) -> Result<(), CliError> {
    if !settings.surroundings.answers || settings.console.format == Format::Json {
        return Err(CliError::NoAnswer);
    }
    match ui::confirm("Do you wish to continue? (y/n)") {
        Answer::Yes => Ok(()),
        Answer::No | Answer::Nobody => Err(CliError::Declined),
    }
}

/// Whoever shows the progress, by what the streams can show.
pub(super) fn reporter(console: &Console) -> Box<dyn Listener> {
    match console.format {
        Format::Json => Box::new(JsonLines::new(console.clone())),
        Format::Human if console.interactive && !console.quiet => {
            Box::new(Live::new(console.clone()))
        }
        Format::Human => Box::new(PlainLines::new(console.clone())),
    }
}

/// Takes up what is unfinished, follows it to its end, and tells how that was. Rollouts may take
/// as long as is said; what is done when a service fails stays as it began, where nothing is said.
pub(super) async fn take_up(
    settings: &Settings,
    workspace: &Workspace,
    deployment: Option<DeploymentNumber>,
    how: &TakeUp,
    (timeout, on_failure): (Duration, Option<OnFailure>),
) -> Result<(Report, Exit), CliError> {
    let interrupt = Interrupt::listen(&settings.console);
    let deployment = ops::unfinished(workspace, deployment).await?;
    let listener = reporter(&settings.console);
    let execution = Execution {
        listener: listener.as_ref(),
        interrupt: interrupt.asked(),
        timeout,
        settle: None,
        wait: true,
        on_failure,
    };
    let done = ops::take_up(workspace, &deployment, how, execution).await;
    drop(listener);
    let (report, release) = done?;
    let exit = tell(settings, workspace, (&report, &release), None).await;
    Ok((report, exit))
}

/// Tells how a deployment ended, and gives the exit code it means.
pub(super) async fn tell(
    settings: &Settings,
    workspace: &Workspace,
    (report, release): (&Report, &Release),
    last_verified: Option<ReleaseNumber>,
) -> Exit {
    let (console, deployment) = (&settings.console, &report.deployment);
    let summary = Summary {
        on_hold: is_on_hold(workspace, deployment).await,
        stopped_by: report.stopped_by.as_ref(),
        ..Summary::of(deployment, release, last_verified)
    };
    match console.format {
        Format::Json => console.result(ui::document("deployment", &summary)),
        Format::Human => console.result(format!("\n{}", ui::summary(&summary, console))),
    }
    if summary.on_hold {
        tell_hold(console, deployment);
    }
    match &report.unrecorded {
        None => Exit::of_deployment(deployment),
        Some(file) => {
            console.error(format!(
                "warning: the store could not be written; the rest of the record is in `{}`\n\
                 hint: bring it in with `release-tool journal push`",
                file.display()
            ));
            Exit::NotRecorded
        }
    }
}

/// For how long it is asked whether an environment is on hold: the rest of the last screen waits for it.
const ASKING: Duration = Duration::from_secs(1);

/// Whether an environment is on hold after a deployment that may have set that, or met it. Where that
/// cannot be read, the store has been told of.
async fn is_on_hold(workspace: &Workspace, deployment: &Deployment) -> bool {
    let Deployment { status, kind, environment, .. } = deployment;
    let is_over = status.is_final() && *status != DeploymentStatus::Succeeded;
    let may_be =
        *kind == DeploymentKind::Rollback || is_over || *status == DeploymentStatus::RollingBack;
    if !may_be {
        return false;
    }
    let asked = timeout(ASKING, ops::is_on_hold(workspace, environment)).await;
    asked.ok().and_then(Result::ok).unwrap_or(false)
}

/// Says that an environment is on hold, and how that is lifted.
fn tell_hold(console: &Console, Deployment { environment, selection, .. }: &Deployment) {
    console.remark(format!(
        "{environment} is on hold: nothing is deployed there until the hold is lifted\n\
         hint: lift the hold with `release-tool deploy {selection} {environment} --release-hold \
         --reason 'why it may move again'`"
    ));
}
