//! `sandbox outage`: the record of deployments is away.

use clap::Args;

use super::open;
use crate::{
    cli::{failure::CliError, settings::Settings},
    sandbox::OutageReading,
    ui::{self, Format},
};

/// Have the record of deployments out of reach, as a store that is down.
///
/// After so many more writes nothing of it can be read or written, until `--off`. Without an option
/// it says whether it is away. What a deployment does then is told in `docs/recovery.md`.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(after_help = "\
Examples:
  release-tool sandbox outage --after 12
  release-tool sandbox outage --off")]
pub(crate) struct OutageArguments {
    /// So many writes still go through; 0 for none.
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    /// The record can be used again.
    #[arg(long)]
    off: bool,
}

/// Runs the verb.
pub(super) fn run(settings: &Settings, arguments: &OutageArguments) -> Result<(), CliError> {
    let sandbox = open(settings)?;
    let reading = match (arguments.after, arguments.off) {
        (None, false) => sandbox.outage()?,
        (after, _) => sandbox.set_outage(after)?,
    };
    settings.console.result(match settings.console.format {
        Format::Json => ui::document("sandbox-outage", &reading),
        Format::Human => words(&reading),
    });
    Ok(())
}

/// Whether the record is away, one sentence.
fn words(reading: &OutageReading) -> String {
    match reading.after {
        None => "The record can be used.".to_owned(),
        Some(_) if reading.is_on() => "The record is out of reach.".to_owned(),
        Some(after) => {
            let left = after.saturating_sub(reading.writes);
            format!("The record is out of reach after {left} more writes.")
        }
    }
}
