//! The command line as a whole: global flags and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    abort::AbortArguments, completions::CompletionsArguments, deploy::DeployArguments,
    doctor::DoctorArguments, history::HistoryArguments, hooks::ContinueArguments,
    iam_policy::IamPolicyArguments, init::InitArguments, journal::JournalArguments,
    lock::LockArguments, log::LogArguments, manual::ManArguments, register::RegisterArguments,
    release::ReleaseArguments, releases::ReleasesArguments, restart::RestartArguments,
    resume::ResumeArguments, rollback::RollbackArguments, sandbox::SandboxArguments,
    show::ShowArguments, status::StatusArguments, store::StoreArguments,
    terraform::TerraformArguments, unlock::UnlockArguments, wait::WaitArguments,
};

/// Knows what is deployed where, by whom and why, and moves a set of services there safely.
#[derive(Debug, Parser)]
#[command(name = "release-tool", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Flags that every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Work as if started in this directory.
    #[arg(short = 'C', long = "directory", value_name = "DIRECTORY", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Read this manifest instead of the nearest `.weco-project`.
    #[arg(
        long,
        value_name = "FILE",
        env = "RELEASE_TOOL_MANIFEST",
        hide_env_values = true,
        global = true
    )]
    pub(crate) manifest: Option<PathBuf>,
    /// Work in the sandbox: an AWS inside this program, with no account and no network.
    #[arg(
        long,
        env = "RELEASE_TOOL_SANDBOX",
        hide_env_values = true,
        value_parser = clap::builder::FalseyValueParser::new(),
        global = true
    )]
    pub(crate) sandbox: bool,
    /// Keep the sandbox's state in this directory [default: `.release-tool/sandbox` beside the
    /// manifest].
    #[arg(
        long,
        value_name = "DIRECTORY",
        env = "RELEASE_TOOL_SANDBOX_DIR",
        hide_env_values = true,
        global = true
    )]
    pub(crate) sandbox_dir: Option<PathBuf>,
    /// Send requests to this URL instead of AWS. Without it, `AWS_ENDPOINT_URL` and its like are
    /// refused wherever they are set, unless `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is `true`: it is
    /// not clear whether AWS is meant.
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) endpoint_url: Option<String>,
    /// The form of results.
    #[arg(
        long,
        value_enum,
        default_value = "human",
        env = "RELEASE_TOOL_OUTPUT",
        hide_env_values = true,
        global = true
    )]
    pub(crate) output: OutputFormat,
    /// The same as `--output json`.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show more; given twice, log every request on the error stream.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Show nothing but results and errors.
    #[arg(short, long, conflicts_with = "verbose", global = true)]
    pub(crate) quiet: bool,
}

/// The form of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Text for people.
    Human,
    /// One JSON document, or one JSON event a line while something is going on.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a manifest of what is known already.
    Init(InitArguments),
    /// Say that an image is now the latest of a service.
    Register(RegisterArguments),
    /// Make an environment run a set of images: plan, confirm, roll out, verify, record.
    Deploy(DeployArguments),
    /// Make releases without deploying them.
    Release(ReleaseArguments),
    /// Restart services: every task is replaced by one that runs the same.
    Restart(RestartArguments),
    /// Go back to what was verified before: no tag needed.
    Rollback(RollbackArguments),
    /// Finish a deployment that was interrupted, or whose process died.
    Resume(ResumeArguments),
    /// End a deployment: nothing more is begun, what was begun stays.
    Abort(AbortArguments),
    /// Answer the hooks that rollouts wait for: go on, or go back.
    Continue(ContinueArguments),
    /// Wait for the end of a deployment, whoever works on it.
    Wait(WaitArguments),
    /// Show what runs, who put it there, and whether it is complete.
    Status(StatusArguments),
    /// Check whether everything is there that the commands need: credentials, permissions, services.
    Doctor(DoctorArguments),
    /// List the deployments of the project, newest first.
    History(HistoryArguments),
    /// List the releases of the project, newest first, and where each of them is verified.
    Releases(ReleasesArguments),
    /// Show one deployment or release whole.
    Show(ShowArguments),
    /// Keep everybody's commands away from an environment, or from some of its services.
    Lock(LockArguments),
    /// Take a lock away, or the lease of a command that does not end.
    Unlock(UnlockArguments),
    /// List what was done, by whom and why, newest first: the audit log.
    Log(LogArguments),
    /// Print the IAM policies that the project's commands need, and nothing more.
    IamPolicy(IamPolicyArguments),
    /// Work with the store, the record of releases and deployments.
    Store(StoreArguments),
    /// See that Terraform agrees with what is deployed, and write what it needs for that.
    Terraform(TerraformArguments),
    /// Bring in what a deployment could not write into the store.
    Journal(JournalArguments),
    /// Work with the sandbox, the AWS inside this program.
    Sandbox(SandboxArguments),
    /// Write a completion script for a shell.
    Completions(CompletionsArguments),
    /// Write the manual page of the program, or of one of its commands.
    Man(ManArguments),
}
