//! `wait`: see a deployment through.

use std::{cell::RefCell, time::Duration};

use clap::Args;

use super::{
    deploy::parse_duration, ending, exit::Exit, failure::CliError, interrupt::Interrupt,
    settings::Settings, workspace,
};
use crate::{
    model::{Deployment, DeploymentNumber},
    ops::{self, Execution},
    ui::{self, Format},
};

/// Wait for the end of a deployment, whoever works on it.
///
/// Where a command works on it, that one is watched. Where none does, because it was detached or
/// its process died, this one takes it up as `resume` does, unless somebody asked it to stop. The
/// exit code is the deployment's, or 8 where it does not end in time.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  release-tool deploy all prod -y --detach
  release-tool wait d12")]
pub(crate) struct WaitArguments {
    /// The deployment, such as `d12`.
    deployment: DeploymentNumber,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// How long it may take to its end, for example `90s`, `30m` or `2h`.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    timeout: Duration,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: WaitArguments) -> Result<Exit, CliError> {
    let console = &settings.console;
    let workspace = workspace::open_quietly(settings, arguments.project.as_deref()).await?;
    let interrupt = Interrupt::listen(&settings.console);
    let listener = ending::reporter(console);
    let execution = Execution {
        listener: listener.as_ref(),
        interrupt: interrupt.asked(),
        timeout: arguments.timeout,
        settle: None,
        wait: true,
        on_failure: None,
    };
    let last = RefCell::new(String::new());
    let tell = |deployment: &Deployment| {
        let line = ui::how_far(deployment);
        if console.format == Format::Human && *last.borrow() != line {
            console.remark(&line);
            *last.borrow_mut() = line;
        }
    };
    let done = ops::wait_for(&workspace, arguments.deployment, execution, tell).await;
    drop(listener);
    let (report, release) = done?;
    Ok(ending::tell(settings, &workspace, (&report, &release), None).await)
}
