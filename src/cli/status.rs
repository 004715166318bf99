//! `status`: what runs, who put it there, is it complete.

use std::time::Duration;

use clap::Args;

use super::{exit::Exit, failure::CliError, interrupt::Interrupt, settings::Settings, workspace};
use crate::{
    ops::{self, StatusReport, StatusRequest, Workspace},
    plan::ServiceState,
    ui::{self, Console, Format, ServiceRow, StatusView},
};

/// Show what runs, who put it there, and whether it is complete.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool status all prod
  release-tool status search prod -v
  release-tool status all prod --watch
  release-tool status all prod --exit-code && echo complete")]
pub(crate) struct StatusArguments {
    /// `all`, a service set, or a service.
    selection: String,
    /// The environment, for example `prod`.
    environment: String,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// Show it again whenever it changes, until nothing moves any more.
    #[arg(long)]
    watch: bool,
    /// End with 10 unless everything is COMPLETE.
    #[arg(long)]
    exit_code: bool,
}

/// The time between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: StatusArguments) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let request = StatusRequest {
        selection: arguments.selection,
        environment: arguments.environment,
        digests: settings.verbose() && !arguments.watch,
    };
    let report = if arguments.watch {
        watch(settings, &workspace, &request).await?
    } else {
        let report = ops::status(&workspace, &request).await?;
        settings.console.result(render(settings, &report));
        report
    };
    let complete = report.status == Some(ServiceState::Complete);
    Ok(if arguments.exit_code && !complete { Exit::Differs } else { Exit::Done })
}

/// Shows the status whenever it has changed, until nothing moves or a signal comes.
async fn watch(
    settings: &Settings,
    workspace: &Workspace,
    request: &StatusRequest,
) -> Result<StatusReport, CliError> {
    let interrupt = Interrupt::listen(&settings.console);
    let mut last = String::new();
    loop {
        let report = ops::status(workspace, request).await?;
        let text = render(settings, &report);
        if text != last {
            settings.console.result(&text);
            if settings.console.format == Format::Human {
                settings.console.result("");
            }
            last = text;
        }
        if report.services.iter().all(|service| service.state.is_settled()) {
            return Ok(report);
        }
        tokio::select! {
            () = interrupt.comes() => return Ok(report),
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// The report in the form that is wanted.
fn render(settings: &Settings, report: &StatusReport) -> String {
    match settings.console.format {
        Format::Json => ui::document("status", report),
        Format::Human => human(&settings.console, report, settings.verbose()),
    }
}

/// The report for people.
fn human(console: &Console, report: &StatusReport, verbose: bool) -> String {
    let services = report
        .services
        .iter()
        .map(|service| ServiceRow {
            now: &service.now,
            state: service.state,
            task_definition: service.task_definition.as_ref(),
            verified: service.verified.as_ref(),
            tasks: &service.tasks,
            stage: service.stage.as_ref(),
            failed_restart: service.failed_restart.as_ref(),
            digests: service.digests.as_ref(),
        })
        .collect();
    let last = report.last.as_ref();
    let view = StatusView {
        last,
        released: report.last_released.as_ref().map(|released| (released.at, &released.by)),
        looked_through: report.looked_through,
        overall: report.status,
        hold: report.hold.as_ref(),
        locks: &report.locks,
        services,
        verbose,
    };
    ui::status(&view, console)
}
