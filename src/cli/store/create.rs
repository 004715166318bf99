//! `store create`: the DynamoDB table of the store.

use clap::Args;
use serde_json::json;

use super::no_table_in_sandbox;
use crate::{
    backend::store::{DynamoStore, TableReport, terraform},
    cli::{
        ending::ask,
        exit::Exit,
        failure::CliError,
        place::{StorePlace, open_table},
        settings::Settings,
        workspace,
    },
    model::TableName,
    ui::{self, Format},
};

/// The arguments of `store create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool store create
  release-tool store create --terraform > store.tf")]
pub(super) struct CreateArguments {
    /// Make this table instead of the one that the manifest names.
    #[arg(long)]
    table: Option<TableName>,
    /// Print the table as Terraform has it, and make nothing.
    #[arg(long)]
    terraform: bool,
    /// Do not ask for confirmation; needed where nobody can answer, as in CI.
    #[arg(short = 'y', long = "skip-confirm", alias = "skip_confirm", visible_alias = "yes")]
    skip_confirm: bool,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: CreateArguments) -> Result<Exit, CliError> {
    let base = workspace::base(settings, arguments.project.as_deref())?;
    let place = match arguments.table {
        Some(_) if settings.global.sandbox => return Err(no_table_in_sandbox()),
        Some(table) => StorePlace::table(table, &base.project),
        None => base.place,
    };
    let setting = match place {
        StorePlace::Table(setting) => setting,
        StorePlace::File(_) if settings.global.sandbox => return Err(no_table_in_sandbox()),
        StorePlace::File(_) => return Err(no_table_named()),
    };
    if arguments.terraform {
        tell_terraform(settings, &setting.table);
        return Ok(Exit::Done);
    }
    let store = open_table(&setting, &base.connector).await?;
    if let Some(found) = store.describe_table().await? {
        tell_found(settings, &store, &found);
        return Ok(Exit::Done);
    }
    settings.console.remark(format!(
        "This makes the DynamoDB table `{}` in {}. AWS charges for what it holds and for each \
         request.",
        store.table(),
        store.region()
    ));
    if !arguments.skip_confirm {
        ask(settings)?;
    }
    let made = store.create_table().await?;
    tell_made(settings, &store, &made);
    Ok(Exit::Done)
}

/// The manifest has an SQLite file as its store.
fn no_table_named() -> CliError {
    CliError::Usage {
        message: "the manifest's store is a file".to_owned(),
        hint: "write `store = { dynamodb = \"release-tool\" }` in the manifest, or name a table \
               with `--table`"
            .to_owned(),
    }
}

/// Prints the table as Terraform has it.
fn tell_terraform(settings: &Settings, table: &TableName) {
    let hcl = terraform(table, false);
    settings.console.result(match settings.console.format {
        Format::Json => ui::document("store_table", &json!({ "table": table, "terraform": hcl })),
        Format::Human => hcl,
    });
}

/// The table as a document.
fn document(store: &DynamoStore, report: &TableReport, made: bool) -> String {
    let content = json!({
        "table": store.table(),
        "region": store.region(),
        "made": made,
        "arn": report.arn,
        "differences": report.differences,
        "terraform": terraform(store.table(), true),
    });
    ui::document("store_table", &content)
}

/// Tells of a table that was there.
fn tell_found(settings: &Settings, store: &DynamoStore, report: &TableReport) {
    let told = match settings.console.format {
        Format::Json => document(store, report, false),
        Format::Human => {
            let place = format!("The table `{}` is there in {}", store.table(), store.region());
            match differences(report) {
                None => format!("{place}, and is as it should be."),
                Some(differences) => format!("{place}. Not as it should be:\n{differences}"),
            }
        }
    };
    settings.console.result(told);
}

/// Tells of a table that was made.
fn tell_made(settings: &Settings, store: &DynamoStore, report: &TableReport) {
    let told = match settings.console.format {
        Format::Json => document(store, report, true),
        Format::Human => {
            let mut parts =
                vec![format!("The table `{}` was made in {}.", store.table(), store.region())];
            parts.extend(differences(report).map(|list| format!("Not as it should be:\n{list}")));
            let hcl = terraform(store.table(), true);
            parts.push(format!("To have it in Terraform too:\n\n{hcl}"));
            parts.join("\n")
        }
    };
    settings.console.result(told);
}

/// What is not as it should be, a line each; nothing where all is.
fn differences(report: &TableReport) -> Option<String> {
    let lines: Vec<String> =
        report.differences.iter().map(|difference| format!("    {difference}")).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
