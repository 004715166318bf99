//! `sandbox`: what a user does to the AWS inside the program.

mod alarm;
mod code_deploy;
mod crash;
mod estate;
mod fate;
mod fault;
mod hand;
mod misfortune;
mod outage;
mod serve;
mod service;
mod strategy;
mod watched;

use std::{fs, io, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

pub(super) use self::watched::WatchedStore;
use super::{
    deploy::parse_duration,
    exit::Exit,
    failure::CliError,
    settings::Settings,
    workspace::{self, Found},
};
use crate::{
    backend::source::{Commit, Repository},
    sandbox::{Fate, FunctionAnswer, Sandbox, SeedReport, Speed},
    ui::{self, Format},
};

/// Work with the sandbox, the AWS inside this program.
///
/// Its state is kept between commands. The same can be done over HTTP below `/_sandbox/` while
/// `sandbox serve` runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool sandbox seed
  release-tool sandbox fate search crash
  release-tool --sandbox deploy search prod")]
pub(crate) struct SandboxArguments {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// What can be done to the sandbox.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Answer any AWS client over HTTP on 127.0.0.1, until a signal comes.
    Serve(serve::ServeArguments),
    /// Forget everything: resources, faults, points, requests, and the record of deployments made in it.
    Reset,
    /// Fill it from the manifest: clusters, services, task definitions, images and parameters.
    /// What is there already is left as it is.
    Seed,
    /// Say what becomes of tasks that run an image.
    ///
    /// It holds for tasks that start from now on.
    #[command(after_help = "\
Examples:
  release-tool sandbox fate search crash
  release-tool sandbox fate search crash=137@30
  release-tool sandbox fate search oom
  release-tool sandbox fate search task-exit=3
  release-tool sandbox fate search:4246187 healthy")]
    Fate {
        /// An image of the manifest, for the URI that the label `latest` names; or a URI, or its
        /// end such as `search:4246187`.
        image: String,
        /// `healthy`; `crash[=EXIT_CODE][@SECONDS]`, which exits with 1 a second after its start
        /// unless told otherwise; `oom[@SECONDS]`, killed for its memory; `exec-format`, built for
        /// another processor; `unhealthy`, whose health check fails; `target-unhealthy`, which
        /// fails those of its target group; `unpullable`; `wrong-platform`, an image without one for
        /// the task's; `no-secret`, which cannot be read; `no-role`, which cannot be assumed; or, for
        /// one-off tasks alone, `task-exit[=EXIT_CODE][@SECONDS]`, 0 after a second unless told
        /// otherwise.
        #[arg(value_name = "FATE")]
        fate: Fate,
    },
    /// Say how fast the sandbox's clock runs; 1 is real time, and 0 stops it.
    Speed {
        /// How many seconds pass in the sandbox in one second, from 0 to 1000000.
        #[arg(value_parser = parse_speed)]
        factor: Speed,
    },
    /// Put the sandbox's clock forward.
    Advance {
        /// How far, for example `90s` or `1h`.
        #[arg(value_parser = parse_duration)]
        duration: Duration,
    },
    /// Say how long tasks take from their start until they run.
    TaskStart {
        /// How long, for example `3s`.
        #[arg(value_parser = parse_duration)]
        duration: Duration,
    },
    /// Say how long sessions of roles last at most, whatever is asked for.
    ///
    /// It holds for sessions that begin from now on. Whoever waits longer has to sign in again.
    Sessions {
        /// How long, for example `15s`, on the machine's clock.
        #[arg(value_parser = parse_duration)]
        longest: Duration,
    },
    /// Have requests throttled, denied, lost or delayed.
    #[command(subcommand)]
    Fault(fault::FaultVerb),
    /// Put a CloudWatch alarm into a state, for deployments that watch it.
    ///
    /// An alarm that is not there is made. Nothing else evaluates alarms in the sandbox.
    #[command(after_help = "\
Examples:
  release-tool sandbox alarm search-5xx ALARM --reason 'too many errors'
  release-tool sandbox alarm --list")]
    Alarm(alarm::AlarmArguments),
    /// Say what a Lambda function of deployment lifecycle hooks answers, from now on.
    #[command(after_help = "\
Examples:
  release-tool sandbox hook smoke-test fail
  release-tool sandbox hook smoke-test succeed")]
    Hook {
        /// The function's name, or its ARN.
        function: String,
        /// `succeed`, as all do unless told otherwise; `fail`; `crash`, which breaks off without an
        /// answer; or `hang`, which stays in progress.
        answer: FunctionAnswer,
    },
    /// End a command's process at an exact point, as if it were killed there.
    Crash(crash::CrashArguments),
    /// Have the record of deployments out of reach, as a store that is down.
    Outage(outage::OutageArguments),
    /// List the requests that were made, oldest first.
    Requests {
        /// List only those after the one with this number.
        #[arg(long, value_name = "NUMBER")]
        since: Option<u64>,
        /// Forget them instead.
        #[arg(long)]
        clear: bool,
    },
    /// Do by hand what somebody would do in the console.
    #[command(subcommand)]
    Set(hand::HandVerb),
}

/// Reads a clock speed.
fn parse_speed(text: &str) -> Result<Speed, String> {
    let factor: f64 = text.parse().map_err(|_not_one| format!("`{text}` is not a number"))?;
    Speed::try_from(factor).map_err(|error| error.to_string())
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: SandboxArguments,
) -> Result<Exit, CliError> {
    match arguments.verb {
        Verb::Serve(arguments) => return serve::run(settings, arguments).await,
        Verb::Reset => reset(settings)?,
        Verb::Seed => {
            let found = workspace::manifest(settings)?;
            let repository = Repository::discover(&found.folder);
            let report = seed(&open(settings)?, &found, repository.as_ref())?;
            tell_seeding(settings, &report);
        }
        Verb::Fate { image, fate } => fate::set(settings, &image, fate).await?,
        Verb::Speed { factor } => tell(settings, "clock", &open(settings)?.set_speed(factor)?),
        Verb::Advance { duration } => tell(settings, "clock", &open(settings)?.advance(duration)?),
        Verb::TaskStart { duration } => {
            open(settings)?.set_task_start(duration)?;
            done(settings, format!("Tasks run {duration:?} after their start."));
        }
        Verb::Sessions { longest } => {
            open(settings)?.set_sessions(longest)?;
            done(settings, format!("Sessions of roles last {longest:?} at most."));
        }
        Verb::Fault(verb) => fault::run(settings, verb)?,
        Verb::Alarm(arguments) => alarm::run(settings, arguments)?,
        Verb::Hook { function, answer } => fate::set_hook(settings, &function, answer)?,
        Verb::Crash(arguments) => crash::run(settings, &arguments)?,
        Verb::Outage(arguments) => outage::run(settings, &arguments)?,
        Verb::Requests { since, clear } => requests(settings, since, clear)?,
        Verb::Set(verb) => hand::run(settings, verb).await?,
    }
    Ok(Exit::Done)
}

/// Opens the sandbox for a command that works in it, filled from the manifest at its first use.
pub(super) fn prepare(
    settings: &Settings,
    found: &Found,
    repository: Option<&Repository>,
) -> Result<Sandbox, CliError> {
    let folder = workspace::sandbox_folder(settings, &found.folder);
    let sandbox = Sandbox::open(&folder)?;
    let sandbox = if settings.by_hand { sandbox.unwatched() } else { sandbox };
    settings.console.remark(format!(
        "sandbox: this is no AWS, nothing here is real. State is in {}",
        folder.strip_prefix(".").unwrap_or(&folder).display()
    ));
    if !sandbox.is_seeded()? {
        let report = seed(&sandbox, found, repository)?;
        let count = report.created.len();
        settings.console.remark(format!("sandbox: seeded from the manifest, {count} things made"));
    }
    Ok(sandbox)
}

/// The folder of the sandbox that the settings lead to.
fn folder(settings: &Settings) -> PathBuf {
    match workspace::manifest(settings) {
        Ok(found) => workspace::sandbox_folder(settings, &found.folder),
        Err(_no_manifest) => workspace::sandbox_folder(settings, &settings.directory()),
    }
}

/// Opens the sandbox that the settings lead to, as it is.
fn open(settings: &Settings) -> Result<Sandbox, CliError> {
    Ok(Sandbox::open(&folder(settings))?)
}

/// Fills the sandbox with what the manifest names.
fn seed(
    sandbox: &Sandbox,
    found: &Found,
    repository: Option<&Repository>,
) -> Result<SeedReport, CliError> {
    let commits: Vec<Commit> =
        repository.map(|repository| repository.recent(estate::COMMITS)).unwrap_or_default();
    Ok(sandbox.seed(&estate::of(found.manifest.projects(), &commits)?)?)
}

/// Forgets everything, and the record of what was deployed in the sandbox.
fn reset(settings: &Settings) -> Result<(), CliError> {
    let folder = folder(settings);
    Sandbox::open(&folder)?.reset()?;
    for name in workspace::SANDBOX_STORE_FILES {
        let file = folder.join(name);
        match fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(CliError::Unremovable { file, source }),
        }
    }
    done(settings, format!("The sandbox in {} is empty.", folder.display()));
    Ok(())
}

/// Lists the requests, or forgets them.
fn requests(settings: &Settings, since: Option<u64>, clear: bool) -> Result<(), CliError> {
    let sandbox = open(settings)?;
    if clear {
        let count = sandbox.clear_requests()?;
        done(settings, forgotten(count, "request"));
        return Ok(());
    }
    let requests = sandbox.requests(since)?;
    if settings.console.format == Format::Json {
        let document = serde_json::json!({ "requests": requests });
        settings.console.result(ui::document("sandbox-requests", &document));
        return Ok(());
    }
    let mut table = ui::Table::default();
    for record in requests {
        let entry = record.entry;
        table.row([
            record.sequence.to_string(),
            entry.at.strftime("%H:%M:%S").to_string(),
            format!("{}:{}", entry.service, entry.operation),
            entry.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
            entry.error.unwrap_or_default(),
            entry.resources.join(" "),
        ]);
    }
    settings.console.result(table.render(0));
    Ok(())
}

/// Says what seeding did.
fn tell_seeding(settings: &Settings, report: &SeedReport) {
    if settings.console.format == Format::Json {
        settings.console.result(ui::document("sandbox-seed", report));
        return;
    }
    let mut table = ui::Table::default();
    for (things, what) in [(&report.created, "made"), (&report.existing, "was there")] {
        for thing in things {
            table.row([what.to_owned(), thing.kind.clone(), thing.name.clone()]);
        }
    }
    settings.console.result(table.render(0));
}

/// Says the result of a verb: a document, or its members.
fn tell(settings: &Settings, kind: &str, value: &impl serde::Serialize) {
    let document = ui::document(&format!("sandbox-{kind}"), value);
    if settings.console.format == Format::Json {
        settings.console.result(document);
        return;
    }
    let members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&document).unwrap_or_default();
    let mut table = ui::Table::default();
    for (name, value) in members.iter().filter(|(name, _)| *name != "schema" && *name != "version")
    {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.row([name.clone(), text]);
    }
    settings.console.result(table.render(0));
}

/// That so many things are not remembered any more.
fn forgotten(count: usize, what: &str) -> String {
    if count == 1 {
        return format!("1 {what} is forgotten.");
    }
    format!("{count} {what}s are forgotten.")
}

/// Says that something is done, in one sentence.
fn done(settings: &Settings, sentence: String) {
    match settings.console.format {
        Format::Json => {
            settings
                .console
                .result(ui::document("sandbox", &serde_json::json!({"done": sentence})));
        }
        Format::Human => settings.console.result(sentence),
    }
}
