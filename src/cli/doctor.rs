//! `doctor`: whether everything is there that the commands need.

use clap::Args;

use super::{
    exit::Exit,
    failure::CliError,
    place::StorePlace,
    settings::Settings,
    workspace::{self, Base},
};
use crate::{
    backend::store::Ledger,
    ops::{self, Connector, DoctorReport, Patient, Trouble},
    ui::{self, DoctorSection, Format},
};

/// Check whether everything is there that the commands need: credentials, permissions, services.
///
/// Every check is a line with `ok`, `warn` or `fail`, and with what to do. Nothing is changed. It ends
/// with 1 where a check fails.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool doctor
  release-tool doctor prod
  release-tool doctor prod --output json")]
pub(crate) struct DoctorArguments {
    /// The environment [default: all of them].
    environment: Option<String>,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: DoctorArguments) -> Result<Exit, CliError> {
    let base = workspace::base(settings, arguments.project.as_deref())?;
    let Base { project, place, connector, repository, .. } = &base;
    let patient = Patient {
        project,
        connector,
        repository: repository.as_ref(),
        store: place.to_string(),
        folder: &base.folder,
        table: match place {
            StorePlace::Table(setting) => Some(&setting.home),
            StorePlace::File(_) => None,
        },
    };
    let store = open(place, connector);
    let report = ops::doctor(&patient, arguments.environment.as_deref(), store).await?;
    settings.console.result(render(settings, &report));
    Ok(if report.healthy { Exit::Done } else { Exit::NothingChanged })
}

/// Opens the record.
async fn open(place: &StorePlace, connector: &Connector) -> Result<Ledger, Trouble> {
    match place.clone().open(connector).await {
        Ok(named) => Ok(Ledger::new(named.store)),
        Err(error) => Err(error.as_trouble()),
    }
}

/// The report in the form that is wanted.
fn render(settings: &Settings, report: &DoctorReport) -> String {
    let sections: Vec<DoctorSection<'_>> = report
        .sections
        .iter()
        .map(|section| DoctorSection {
            environment: section.environment.as_ref(),
            findings: &section.findings,
        })
        .collect();
    match settings.console.format {
        Format::Json => ui::document("doctor", report),
        Format::Human => ui::doctor(report.project.as_str(), &sections, &settings.console),
    }
}
