//! The command line: parses, wires, and turns every end into an exit code.
//!
//! A command is one file with its arguments and a thin function around a use case of `ops`.

mod abort;
mod arguments;
mod completions;
mod deploy;
mod doctor;
mod ending;
mod exit;
mod failure;
mod history;
mod hooks;
mod iam_policy;
mod init;
mod interrupt;
mod journal;
mod lock;
mod log;
mod manual;
mod place;
mod register;
mod release;
mod releases;
mod restart;
mod resume;
mod rollback;
mod sandbox;
mod settings;
mod show;
mod since;
mod status;
mod store;
mod terraform;
mod tips;
mod unlock;
mod wait;
mod workspace;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

pub use self::exit::Exit;
use self::{
    arguments::{Arguments, Command},
    failure::CliError,
    settings::{Settings, Surroundings},
};

/// Runs the program with the process's arguments and surroundings.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&tips::advised(error)),
    };
    let settings = Settings::resolve(&arguments.global, Surroundings::of_process());
    settings.start_log();
    let exit = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(&settings, arguments.command)),
        Err(source) => Err(CliError::Runtime(source)),
    };
    exit.unwrap_or_else(|error| error.tell(&settings.console)).into()
}

/// Tells why the arguments cannot be taken, or gives the help that was asked for.
fn refuse(error: &clap::Error) -> ExitCode {
    let told = error.print();
    drop(told);
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}

/// Runs one command.
async fn run(settings: &Settings, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Init(arguments) => init::run(settings, &arguments),
        Command::Register(arguments) => register::run(settings, arguments).await,
        Command::Deploy(arguments) => deploy::run(settings, arguments).await,
        Command::Release(arguments) => release::run(settings, arguments).await,
        Command::Restart(arguments) => restart::run(settings, arguments).await,
        Command::Rollback(arguments) => rollback::run(settings, arguments).await,
        Command::Resume(arguments) => resume::run(settings, arguments).await,
        Command::Abort(arguments) => abort::run(settings, arguments).await,
        Command::Continue(arguments) => hooks::run(settings, arguments).await,
        Command::Wait(arguments) => wait::run(settings, arguments).await,
        Command::Journal(arguments) => journal::run(settings, arguments).await,
        Command::Status(arguments) => status::run(settings, arguments).await,
        Command::Doctor(arguments) => doctor::run(settings, arguments).await,
        Command::History(arguments) => history::run(settings, arguments).await,
        Command::Releases(arguments) => releases::run(settings, arguments).await,
        Command::Show(arguments) => show::run(settings, arguments).await,
        Command::Lock(arguments) => lock::run(settings, arguments).await,
        Command::Unlock(arguments) => unlock::run(settings, arguments).await,
        Command::Log(arguments) => log::run(settings, arguments).await,
        Command::IamPolicy(arguments) => iam_policy::run(settings, arguments).await,
        Command::Store(arguments) => store::run(settings, arguments).await,
        Command::Terraform(arguments) => terraform::run(settings, arguments).await,
        Command::Sandbox(arguments) => sandbox::run(settings, arguments).await,
        Command::Completions(arguments) => Ok(completions::run(settings, &arguments)),
        Command::Man(arguments) => manual::run(settings, &arguments),
    }
}

/// The command line's definition, from which help, completions, the manual and `docs/cli.md` are
/// made.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}
