//! `sandbox crash`: end a command's process at an exact point.

use std::num::NonZeroU64;

use clap::Args;

use super::open;
use crate::{
    cli::{failure::CliError, settings::Settings},
    sandbox::{CrashMode, CrashPoint, CrashReading, Sandbox},
    ui::{self, Format},
};

/// End a command's process at an exact point, as if it were killed there.
///
/// A point is each AWS request of a command and each write to the record of deployments, also one
/// that is refused or lost. At the N-th, whichever command comes to it, the effect is carried out
/// whole, nothing is answered, and the process gets SIGKILL. That happens once.
///
/// Without an option it says what is armed and how many points there have been. A client of
/// `sandbox serve` is another process, which is not ended: its connection is cut, and the server
/// goes on.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(after_help = "\
Examples:
  release-tool sandbox crash --count
  release-tool sandbox crash --points
  release-tool sandbox crash --after 17")]
pub(crate) struct CrashArguments {
    /// Count from now on, and end the process that comes to this point.
    #[arg(long, value_name = "NUMBER")]
    after: Option<NonZeroU64>,
    /// Count from now on, and end no process.
    #[arg(long)]
    count: bool,
    /// Count no more, and end no process.
    #[arg(long)]
    off: bool,
    /// List the points that were counted.
    #[arg(long)]
    points: bool,
}

/// Runs the verb.
pub(super) fn run(settings: &Settings, arguments: &CrashArguments) -> Result<(), CliError> {
    let sandbox = open(settings)?;
    if arguments.points {
        list(settings, &sandbox.crash_points()?);
        return Ok(());
    }
    let reading = if arguments.count || arguments.after.is_some() {
        sandbox.count_points(arguments.after)?
    } else if arguments.off {
        sandbox.stop_counting_points()?
    } else {
        sandbox.crash()?
    };
    tell(settings, &sandbox, &reading)
}

/// Shows the points.
fn list(settings: &Settings, points: &[CrashPoint]) {
    if settings.console.format == Format::Json {
        let document = serde_json::json!({ "points": points });
        settings.console.result(ui::document("sandbox-crash-points", &document));
        return;
    }
    if points.is_empty() {
        settings.console.result("No points.");
        return;
    }
    let mut table = ui::Table::default();
    for point in points {
        table.row([point.number.to_string(), point.name.clone()]);
    }
    settings.console.result(table.render(0));
}

/// Says what is armed, and how many points there have been.
fn tell(settings: &Settings, sandbox: &Sandbox, reading: &CrashReading) -> Result<(), CliError> {
    if settings.console.format == Format::Json {
        settings.console.result(ui::document("sandbox-crash", reading));
        return Ok(());
    }
    let count = reading.points;
    let after = reading.after.map_or(0, NonZeroU64::get);
    let told = match reading.mode {
        CrashMode::Off => format!("Off. Points counted: {count}"),
        CrashMode::Counting => format!("Counting. Points so far: {count}"),
        CrashMode::Armed => format!("Armed: a process ends at point {after}. So far: {count}"),
        CrashMode::Struck => {
            let last = sandbox.crash_points()?.pop();
            let name = last.map(|point| point.name).unwrap_or_default();
            format!("A process was ended at point {count}, {name}")
        }
    };
    settings.console.result(told);
    Ok(())
}
