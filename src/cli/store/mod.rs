//! `store`: makes, fills and looks over the record of deployments.

mod check;
mod create;
mod migrate;

use clap::{Args, Subcommand};

use super::{exit::Exit, failure::CliError, settings::Settings};

/// Work with the store, the record of releases and deployments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool store create
  release-tool store migrate --from sqlite=.release-tool/store.sqlite
  release-tool store check")]
pub(crate) struct StoreArguments {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// What can be done to the store.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Make the DynamoDB table that the manifest names.
    ///
    /// It is paid by use, with both indexes, point-in-time recovery and deletion protection. A
    /// table that is there already is left as it is, and what of it is not as it should be is told.
    Create(create::CreateArguments),
    /// Copy every item of one store into another, as it is.
    ///
    /// Nothing is overwritten: a store that has other records of the same projects is refused. What
    /// was broken off can be run again. See that nobody deploys or registers meanwhile.
    Migrate(migrate::MigrateArguments),
    /// Read every record of the store and hold it against those that it names.
    ///
    /// Exit code 1 where something is not as it should be. On DynamoDB it reads the whole table.
    Check(check::CheckArguments),
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: StoreArguments) -> Result<Exit, CliError> {
    match arguments.verb {
        Verb::Create(arguments) => create::run(settings, arguments).await,
        Verb::Migrate(arguments) => migrate::run(settings, arguments).await,
        Verb::Check(arguments) => check::run(settings, arguments).await,
    }
}

/// The sandbox has no DynamoDB.
fn no_table_in_sandbox() -> CliError {
    CliError::Usage {
        message: "the sandbox keeps its record in a file, and has no DynamoDB".to_owned(),
        hint: "leave `--sandbox` away".to_owned(),
    }
}
