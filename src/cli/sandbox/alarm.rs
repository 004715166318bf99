//! `sandbox alarm`: the state of alarms that deployments watch.

use std::collections::BTreeSet;

use clap::Args;

use super::{done, estate::scope_of, open};
use crate::{
    cli::{failure::CliError, settings::Settings, workspace},
    sandbox::{
        AlarmState, Scope,
        admin::{AlarmReading, SetAlarm},
    },
    ui::{self, Format},
};

/// Which alarm, and its state.
#[derive(Debug, Args)]
pub(super) struct AlarmArguments {
    /// The alarm's name.
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    #[arg(value_name = "STATE", required_unless_present = "list")]
    state: Option<AlarmState>,
    /// The reason that CloudWatch will show.
    #[arg(long, value_name = "TEXT", default_value = "Set by hand")]
    reason: String,
    /// The environment whose account and region the alarm is in, where environments have several.
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// List all alarms instead.
    #[arg(long, conflicts_with_all = ["name", "state", "environment"])]
    list: bool,
}

/// Runs the command.
pub(super) fn run(settings: &Settings, arguments: AlarmArguments) -> Result<(), CliError> {
    let sandbox = open(settings)?;
    let AlarmArguments { name, state, reason, environment, .. } = arguments;
    let (Some(name), Some(state)) = (name, state) else {
        list(settings, &sandbox.alarms()?);
        return Ok(());
    };
    let scope = scope(settings, environment.as_deref())?;
    sandbox.set_alarm(&SetAlarm { scope, name: name.clone(), state, reason })?;
    done(settings, format!("Alarm {name} is {state}."));
    Ok(())
}

/// Where alarms are: in the one account and region that the manifest's environments have, or in those
/// of the one that is named.
fn scope(settings: &Settings, named: Option<&str>) -> Result<Scope, CliError> {
    let Ok(found) = workspace::manifest(settings) else { return Ok(Scope::default()) };
    let environments = found.manifest.projects().flat_map(|project| project.environments.values());
    let scopes: BTreeSet<Scope> = environments
        .filter(|one| named.is_none_or(|name| one.id.as_str() == name))
        .map(|one| scope_of(&one.home()))
        .collect();
    let mut scopes = scopes.into_iter();
    match (scopes.next(), scopes.next()) {
        (Some(scope), None) => Ok(scope),
        (None, _) if named.is_none() => Ok(Scope::default()),
        _ => Err(CliError::Usage {
            message: named.map_or_else(
                || "the environments are in several accounts or regions".to_owned(),
                |name| format!("`{name}` is not one environment of the manifest"),
            ),
            hint: "name one environment with `--environment`".to_owned(),
        }),
    }
}

/// Shows the alarms.
fn list(settings: &Settings, alarms: &[AlarmReading]) {
    if settings.console.format == Format::Json {
        let document = serde_json::json!({ "alarms": alarms });
        settings.console.result(ui::document("sandbox-alarms", &document));
        return;
    }
    if alarms.is_empty() {
        settings.console.result("No alarms.");
        return;
    }
    let mut table = ui::Table::default();
    for alarm in alarms {
        let place = format!("{} {}", alarm.scope.account, alarm.scope.region);
        table.row([
            ui::escape(&alarm.name),
            alarm.state.to_string(),
            ui::escape(&alarm.reason),
            place,
        ]);
    }
    settings.console.result(table.render(0));
}
