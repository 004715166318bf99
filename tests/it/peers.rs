//! The sandbox, seen by clients that others wrote: boto3, the AWS CLI, another emulator, Terraform.
//!
//! The scripts in `tests/peers` say what must hold. Each gets a sandbox of its own. They are run by
//! the Python environment that `scripts/peers` sets up; where that is absent they are skipped, and
//! fail with `CI=true`. Nothing that is started here outlives this process, however it ends: it
//! runs under `watched.py`, which ends it when its standard input ends.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::dynamodb::{python, root, skip, surroundings};

/// The exit code of a script that lacks something that cannot be asked of everybody.
const SKIPPED: i32 = 77;

/// The scripts that run the program. Others take what follows the URL for the names of checks.
const TAKE_PROGRAM: [&str; 5] = [
    "terraform.py",
    "terraform_check.py",
    "terraform_snippet.py",
    "terraform_example.py",
    "policies.py",
];

#[test]
fn every_answer_is_as_botocores_models_have_it() {
    run("conformance.py");
}

#[test]
fn the_aws_cli_does_all_it_is_asked() {
    run("cli.py");
}

#[test]
fn rollouts_go_as_in_another_emulator() {
    run("scenario.py");
}

#[test]
fn every_member_of_a_task_definition_is_copied() {
    run("lossless.py");
}

#[test]
fn terraform_sees_no_changes_whatever_became_of_a_deployment() {
    run("terraform.py");
}

#[test]
fn terraform_does_what_was_foretold_and_takes_what_was_printed() {
    run("terraform_check.py");
}

#[test]
fn terraform_takes_over_services_of_every_kind() {
    run("terraform_snippet.py");
}

#[test]
fn the_readme_of_the_terraform_example_does_what_it_says() {
    run("terraform_example.py");
}

#[test]
fn terraform_makes_the_roles_and_policies_that_are_printed() {
    run("policies.py");
}

/// Runs a script against a sandbox of its own.
fn run(script: &str) {
    let Some(python) = python() else {
        skip(script, "`scripts/peers` has not set its Python environment up");
        return;
    };
    let sandbox = Served::start(&python);
    let output = sandbox.run(&python, script);
    let told = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(SKIPPED) {
        skip(script, told.trim());
        return;
    }
    let complaints = String::from_utf8_lossy(&output.stderr);
    // What holds is not repeated: hundreds of lines would hide what does not.
    let told: Vec<&str> = told.lines().filter(|line| !line.starts_with("ok ")).collect();
    let told = told.join("\n");
    assert!(output.status.success(), "{script}: {}\n{told}\n{complaints}", output.status);
}

/// A sandbox that is being served.
struct Served {
    /// What runs it.
    process: Child,
    /// What it says, kept open for as long as it may say something.
    _told: BufReader<ChildStdout>,
    /// Where it answers.
    url: String,
    /// Holds its state, and whatever scripts write.
    folder: TempDir,
}

impl Served {
    /// Serves a new sandbox on a free port.
    fn start(python: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = watched(python, &folder);
        command.arg(env!("CARGO_BIN_EXE_release-tool")).args(["sandbox", "--sandbox-dir"]);
        command.arg(folder.path().join("state")).args(["serve", "--port", "0"]);
        let log = folder.path().join("log");
        let mut process =
            command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let (mut told, mut line) = (BufReader::new(process.stdout.take().unwrap()), String::new());
        told.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let url = url.unwrap_or_else(|| panic!("{}", fs::read_to_string(log).unwrap()));
        Self { process, _told: told, url, folder }
    }

    /// Runs a script to its end.
    fn run(&self, python: &Path, script: &str) -> Output {
        let script = root().join("tests/peers").join(script);
        let mut command = watched(python, &self.folder);
        let takes_program = TAKE_PROGRAM.iter().any(|it| script.ends_with(it));
        let program = takes_program.then_some(env!("CARGO_BIN_EXE_release-tool"));
        command.arg(python).arg(script).arg(&self.url).args(program);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        // `wait_with_output` would close it, and so end the script.
        let _input = process.stdin.take();
        process.wait_with_output().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // This closes its standard input first, which ends it.
        let _ended = self.process.wait();
    }
}

/// A command under `watched.py`, with nothing of the surroundings that an AWS client could heed.
fn watched(python: &Path, folder: &TempDir) -> Command {
    let mut command = Command::new(python);
    command.arg(root().join("tests/peers/watched.py")).stdin(Stdio::piped()).env_clear();
    for name in ["PATH", "TF_PLUGIN_MIRROR", "UPDATE_DOCS"] {
        if let Some(value) = surroundings(name) {
            command.env(name, value);
        }
    }
    command.env("HOME", folder.path()).env("TMPDIR", folder.path()).current_dir(folder.path());
    command
}
