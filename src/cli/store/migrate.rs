//! `store migrate`: from one store into another.

use clap::Args;
use serde_json::json;

use super::no_table_in_sandbox;
use crate::{
    cli::{
        exit::Exit,
        failure::CliError,
        place::{StoreArgument, StorePlace},
        settings::Settings,
        workspace,
    },
    ops,
    ui::{self, Format},
};

/// The arguments of `store migrate`.
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("store").required(true).multiple(true),
    after_help = "\
Examples:
  release-tool store migrate --to dynamodb=release-tool
  release-tool store migrate --from sqlite=.release-tool/store.sqlite"
)]
pub(super) struct MigrateArguments {
    /// The store to copy into: `dynamodb=TABLE` or `sqlite=PATH` [default: the manifest's].
    #[arg(long, value_name = "STORE", group = "store")]
    to: Option<StoreArgument>,
    /// The store to copy: `dynamodb=TABLE` or `sqlite=PATH` [default: the manifest's].
    #[arg(long, value_name = "STORE", group = "store")]
    from: Option<StoreArgument>,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: MigrateArguments,
) -> Result<Exit, CliError> {
    let base = workspace::base(settings, arguments.project.as_deref())?;
    let place = |argument: Option<&StoreArgument>| {
        argument.map_or_else(|| base.place.clone(), |named| named.place(settings, &base.project))
    };
    let (from, to) = (place(arguments.from.as_ref()), place(arguments.to.as_ref()));
    check(settings, &from, &to)?;
    let (from, to) = (from.open(&base.connector).await?, to.open(&base.connector).await?);
    let tell = |items| settings.console.remark(format!("{items} items done"));
    let migrated = ops::migrate(&from, &to, tell).await?;
    settings.console.result(match settings.console.format {
        Format::Json => {
            let counts = json!({
                "from": from.name,
                "to": to.name,
                "items": migrated.items,
                "copied": migrated.copied,
                "already_there": migrated.already_there,
            });
            ui::document("store_migration", &counts)
        }
        Format::Human => format!(
            "`{}` has all {} items of `{}`: {} copied, {} there before.",
            to.name, migrated.items, from.name, migrated.copied, migrated.already_there
        ),
    });
    Ok(Exit::Done)
}

/// Checks that there is something to copy, and somewhere else to copy it to.
fn check(settings: &Settings, from: &StorePlace, to: &StorePlace) -> Result<(), CliError> {
    let is_table = |place: &StorePlace| matches!(place, StorePlace::Table(_));
    if settings.global.sandbox && (is_table(from) || is_table(to)) {
        return Err(no_table_in_sandbox());
    }
    if from == to {
        return Err(CliError::Usage {
            message: format!("`{from}` would be copied into itself"),
            hint: "name the other store with `--from` or `--to`".to_owned(),
        });
    }
    match from {
        StorePlace::File(path) if !path.is_file() => Err(CliError::Usage {
            message: format!("there is no store `{from}`"),
            hint: "name the store to copy with `--from`".to_owned(),
        }),
        _ => Ok(()),
    }
}
