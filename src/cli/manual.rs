//! `man`: the manual page.

use clap::Args;
use clap_mangen::Man;

use super::{exit::Exit, failure::CliError, settings::Settings};

/// Write the manual page of the program, or of one of its commands.
#[derive(Debug, Args)]
#[command(after_help = "Example: release-tool man deploy | man -l -")]
pub(crate) struct ManArguments {
    /// A command, such as `deploy` or `sandbox fate`; the whole program when left out.
    command: Vec<String>,
}

/// Writes the page on the output.
pub(super) fn run(settings: &Settings, arguments: &ManArguments) -> Result<Exit, CliError> {
    let mut root = super::command();
    root.build();
    let mut command = &root;
    for name in &arguments.command {
        command = command.find_subcommand(name).ok_or_else(|| CliError::Usage {
            message: format!("there is no command `{name}`"),
            hint: "list the commands with `release-tool --help`".to_owned(),
        })?;
    }
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).map_err(CliError::Runtime)?;
    settings.console.result(String::from_utf8_lossy(&page).trim_end());
    Ok(Exit::Done)
}
