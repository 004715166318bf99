//! `terraform`: what is deployed and what Terraform thinks of it.

mod check;
mod snippet;

use clap::{Args, Subcommand};

use super::{exit::Exit, failure::CliError, settings::Settings};

/// See that Terraform agrees with what is deployed, and write what it needs for that.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool terraform check --env prod
  terraform show -json | release-tool terraform check --env prod --state -
  release-tool terraform snippet --env prod search")]
pub(crate) struct TerraformArguments {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// What can be done.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Say what the next `terraform apply` would do to what runs, and how it is put right.
    ///
    /// From AWS alone, it is seen whether a service runs its family's latest ACTIVE revision, and
    /// whether the parameter names its image. With a state or plan, the configuration is seen too.
    /// Nothing is changed.
    Check(check::CheckArguments),
    /// Print the HCL of parameters, task definitions and services, the way that stays clean.
    ///
    /// Task definitions are written as ECS has them, with the images taken from the parameters. Where
    /// ECS does not tell, the manifest does, and a comment says so. Nothing is changed.
    Snippet(snippet::SnippetArguments),
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: TerraformArguments,
) -> Result<Exit, CliError> {
    match arguments.verb {
        Verb::Check(arguments) => check::run(settings, arguments).await,
        Verb::Snippet(arguments) => snippet::run(settings, arguments).await,
    }
}
