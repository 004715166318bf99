//! `store check`: whether the record is whole.

use clap::Args;
use serde_json::json;

use crate::{
    backend::store::ledger::Examined,
    cli::{exit::Exit, failure::CliError, settings::Settings, workspace},
    ops,
    ui::{self, Format, Table},
};

/// The arguments of `store check`.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: CheckArguments) -> Result<Exit, CliError> {
    let base = workspace::base(settings, arguments.project.as_deref())?;
    let store = base.place.open(&base.connector).await?;
    let examined = ops::check_store(&store).await?;
    settings.console.result(match settings.console.format {
        Format::Json => {
            let content = json!({
                "store": store.name,
                "items": examined.items,
                "records": examined.records,
                "findings": examined.findings,
            });
            ui::document("store_check", &content)
        }
        Format::Human => told(&store.name, &examined),
    });
    Ok(if examined.findings.is_empty() { Exit::Done } else { Exit::NothingChanged })
}

/// What was found, for people.
fn told(store: &str, examined: &Examined) -> String {
    let counts: Vec<String> =
        examined.records.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let mut parts = vec![format!("`{store}` has {} items", examined.items)];
    if !counts.is_empty() {
        parts.push(format!(": {}", counts.join(", ")));
    }
    if examined.findings.is_empty() {
        parts.push(".\nAll of them are as they should be.".to_owned());
        return parts.concat();
    }
    parts.push(format!(".\nNot as it should be, {}:\n", examined.findings.len()));
    let mut table = Table::default();
    for finding in &examined.findings {
        table.row([ui::escape(&finding.item), ui::escape(&finding.detail)]);
    }
    parts.push(table.render(4));
    parts.concat()
}
