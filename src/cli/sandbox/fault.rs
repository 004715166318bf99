//! `sandbox fault`: have requests go wrong.

use std::num::NonZeroU32;

use clap::Subcommand;

use super::{done, forgotten, open};
use crate::{
    cli::{failure::CliError, settings::Settings},
    sandbox::{FaultKind, NewFault, Pattern},
    ui::{self, Format},
};

/// Have requests throttled, denied, lost or delayed.
#[derive(Debug, Subcommand)]
pub(crate) enum FaultVerb {
    /// Add a fault. Those that are there stay.
    #[command(after_help = "\
Examples:
  release-tool sandbox fault add UpdateService throttle --times 3
  release-tool sandbox fault add 'ecs:*' latency=60")]
    Add {
        /// Which requests: `*`, a service such as `ecs:*`, an operation such as `UpdateService`, or
        /// an operation on a resource such as `UpdateService/search`.
        operation: Pattern,
        /// `throttle`, `deny`, `expired` (the session is over), `skew=SECONDS` (AWS's clock is ahead,
        /// or behind), `error` (not done), `error-after` (done, and a 500 all the same),
        /// `timeout` (done, but no answer comes), `drop` (not done, and the connection is cut),
        /// `drop-after` (done, and the connection is cut), `latency=MILLISECONDS`, or `quota`
        /// (refused beyond AWS's own rates).
        kind: FaultKind,
        /// How many times it acts; for ever when left out.
        #[arg(long, value_name = "NUMBER")]
        times: Option<NonZeroU32>,
    },
    /// List the faults, and how often each has acted.
    List,
    /// Forget all faults.
    Clear,
}

/// Runs the verb.
pub(super) fn run(settings: &Settings, verb: FaultVerb) -> Result<(), CliError> {
    let sandbox = open(settings)?;
    match verb {
        FaultVerb::Add { operation, kind, times } => {
            let told = match times {
                Some(times) => format!("{operation}: {kind}, {times} times"),
                None => format!("{operation}: {kind}"),
            };
            sandbox.add_fault(NewFault { on: operation, kind, times })?;
            done(settings, told);
        }
        FaultVerb::Clear => {
            let count = sandbox.clear_faults()?;
            done(settings, forgotten(count, "fault"));
        }
        FaultVerb::List => list(settings, &sandbox.faults()?),
    }
    Ok(())
}

/// Shows the faults.
fn list(settings: &Settings, faults: &[crate::sandbox::FaultRule]) {
    if settings.console.format == Format::Json {
        let document = serde_json::json!({ "faults": faults });
        settings.console.result(ui::document("sandbox-faults", &document));
        return;
    }
    if faults.is_empty() {
        settings.console.result("No faults.");
        return;
    }
    let mut table = ui::Table::default();
    for fault in faults {
        let times = fault.times.map_or_else(|| "for ever".to_owned(), |t| format!("{t} times"));
        let acted = format!("acted {} times", fault.acted);
        table.row([fault.on.to_string(), fault.kind.to_string(), times, acted]);
    }
    settings.console.result(table.render(0));
}
