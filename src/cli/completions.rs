//! `completions`: a script for the shell.

use clap::Args;
use clap_complete::{Shell, generate};

use super::{exit::Exit, settings::Settings};

/// Write a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example: release-tool completions bash > \
                        ~/.local/share/bash-completion/completions/release-tool")]
pub(crate) struct CompletionsArguments {
    /// The shell to write it for.
    shell: Shell,
}

/// Writes the script on the output.
pub(super) fn run(settings: &Settings, arguments: &CompletionsArguments) -> Exit {
    let mut script = Vec::new();
    generate(arguments.shell, &mut super::command(), "release-tool", &mut script);
    settings.console.result(String::from_utf8_lossy(&script).trim_end());
    Exit::Done
}
