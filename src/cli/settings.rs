//! Settings, resolved once: flags first, then the environment, then defaults.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
    path::PathBuf,
};

use tracing_subscriber::EnvFilter;

use super::arguments::{Global, OutputFormat};
use crate::ui::{Console, Format};

/// What the process was started with, read here and nowhere else.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    /// The environment's variables.
    pub(crate) variables: BTreeMap<String, String>,
    /// The machine's name.
    pub(crate) host: Option<String>,
    /// Whether somebody can answer questions.
    pub(crate) answers: bool,
    /// Whether somebody sees the error stream.
    pub(crate) watched: bool,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            host: gethostname::gethostname().into_string().ok(),
            answers: io::stdin().is_terminal() && io::stderr().is_terminal(),
            watched: io::stderr().is_terminal(),
        }
    }

    /// A variable's value, unless it is empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Everything that is settled before a command runs.
pub(crate) struct Settings {
    /// Flags that every command takes.
    pub(crate) global: Global,
    /// What the process was started with.
    pub(crate) surroundings: Surroundings,
    /// Where output goes.
    pub(crate) console: Console,
    /// Whether the command only looks around in the sandbox for a verb of `sandbox`.
    pub(crate) by_hand: bool,
}

impl Settings {
    /// Settles them.
    pub(crate) fn resolve(global: &Global, surroundings: Surroundings) -> Self {
        let format = match global.output {
            OutputFormat::Human if !global.json => Format::Human,
            OutputFormat::Human | OutputFormat::Json => Format::Json,
        };
        let mut console = Console::new(io::stdout(), io::stderr(), format);
        let dumb = surroundings.variable("TERM") == Some("dumb");
        console.interactive = surroundings.watched && !dumb && global.verbose < 2;
        console.colour =
            surroundings.watched && !dumb && surroundings.variable("NO_COLOR").is_none();
        console.quiet = global.quiet;
        Self { global: global.clone(), surroundings, console, by_hand: false }
    }

    /// The same settings, for a verb of `sandbox` that looks around in it: without its banner, and
    /// with nothing counted for crashes.
    pub(crate) fn in_sandbox(&self) -> Self {
        let mut console = self.console.clone();
        console.quiet = true;
        let global = Global { sandbox: true, ..self.global.clone() };
        Self { global, surroundings: self.surroundings.clone(), console, by_hand: true }
    }

    /// The directory that the command works in.
    pub(crate) fn directory(&self) -> PathBuf {
        self.global.directory.clone().unwrap_or_else(|| PathBuf::from("."))
    }

    /// Whether more is to be shown.
    pub(crate) fn verbose(&self) -> bool {
        self.global.verbose > 0
    }

    /// Starts logging on the error stream: `-vv` for requests, or whatever `RELEASE_TOOL_LOG` asks
    /// for in `tracing`'s filter syntax.
    pub(crate) fn start_log(&self) {
        let wanted = self.surroundings.variable("RELEASE_TOOL_LOG");
        let by_flag = match self.global.verbose {
            0 | 1 => "release_tool=warn",
            _ => "release_tool=debug",
        };
        let filter = EnvFilter::new(wanted.unwrap_or(by_flag));
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(self.console.colour)
            .try_init();
        // A second start in one process, as tests make, keeps the first log.
        drop(log);
    }
}
