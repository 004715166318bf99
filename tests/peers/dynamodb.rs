//! Servers of DynamoDB that others wrote, which end with the test.
//!
//! - ministack, from the Python environment that `scripts/peers` sets up. Where that is absent, what
//!   needs it is skipped, and fails with `CI=true`.
//! - Amazon's own DynamoDB Local, where `DYNAMODB_LOCAL` names the folder with its
//!   `DynamoDBLocal.jar` and there is a Java. It is not asked of anybody.

use std::{
    ffi::OsString,
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long a server may take to take connections.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server of DynamoDB.
pub(crate) struct Server {
    /// Whose it is.
    pub(crate) name: &'static str,
    /// Where it answers.
    pub(crate) url: String,
    /// What runs it.
    process: Child,
    /// Holds what it writes.
    _folder: TempDir,
}

impl Server {
    /// Starts ministack; says so where that cannot be.
    pub(crate) fn ministack(whose: &str) -> Option<Self> {
        let Some(python) = python() else {
            skip(whose, "`scripts/peers` has not set its Python environment up");
            return None;
        };
        let port = free_port();
        let start = |command: &mut Command| {
            command.arg(&python).args(["-m", "ministack"]);
            command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
            command.env("SERVICES", "dynamodb,sts");
        };
        Some(Self::start("ministack", &python, port, start))
    }

    /// Starts DynamoDB Local; says so where that cannot be.
    pub(crate) fn dynamodb_local(whose: &str) -> Option<Self> {
        let (Some(folder), Some(python)) = (surroundings("DYNAMODB_LOCAL"), python()) else {
            skip(whose, "`DYNAMODB_LOCAL` names no folder");
            return None;
        };
        let folder = PathBuf::from(folder);
        let port = free_port();
        let mut libraries = OsString::from("-Djava.library.path=");
        libraries.push(folder.join("DynamoDBLocal_lib"));
        let start = |command: &mut Command| {
            command.arg("java").arg(&libraries).arg("-jar").arg(folder.join("DynamoDBLocal.jar"));
            command.args(["-inMemory", "-port", &port.to_string()]);
        };
        Some(Self::start("DynamoDB Local", &python, port, start))
    }

    /// Starts a server under `watched.py`, which ends it when this process does, however it does.
    fn start(name: &'static str, python: &Path, port: u16, add: impl FnOnce(&mut Command)) -> Self {
        let folder = TempDir::new().unwrap();
        let log = folder.path().join("log");
        let out = File::create(&log).unwrap();
        let mut command = Command::new(python);
        command.arg(root().join("tests/peers/watched.py")).env_clear();
        command.env("PATH", surroundings("PATH").unwrap_or_default());
        command.env("HOME", folder.path()).env("TMPDIR", folder.path());
        add(&mut command);
        command.current_dir(folder.path()).stdin(Stdio::piped());
        command.stdout(out.try_clone().unwrap()).stderr(out);
        let mut process = command.spawn().unwrap();
        wait_for(port, &mut process, &log);
        Self { name, url: format!("http://127.0.0.1:{port}"), process, _folder: folder }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // This closes its standard input first, which ends it.
        let _ended = self.process.wait();
    }
}

/// Waits until a server takes connections.
#[expect(clippy::disallowed_methods, reason = "it looks again until a deadline")]
fn wait_for(port: u16, process: &mut Child, log: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let said = || fs::read_to_string(log).unwrap();
        assert!(process.try_wait().unwrap().is_none(), "the server has ended: {}", said());
        assert!(Instant::now() < deadline, "the server does not start: {}", said());
        thread::sleep(Duration::from_millis(20));
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Says something to whoever runs the tests.
pub(crate) fn say(text: &str) {
    #[expect(clippy::print_stderr, reason = "whoever runs the tests is to see it")]
    {
        eprintln!("{text}");
    }
}

/// Says that something is not run.
pub(crate) fn skip(whose: &str, why: &str) {
    say(&format!("{whose} is skipped: {why}"));
}

/// The environment's Python, if it has been set up with all that is required now.
pub(crate) fn python() -> Option<PathBuf> {
    let is_ci = surroundings("CI").is_some_and(|value| value == "true");
    let installed = fs::read(root().join(".peers/installed")).ok();
    let is_set_up = installed == fs::read(root().join("tests/peers/requirements.txt")).ok();
    assert!(is_set_up || !is_ci, "with CI=true `scripts/peers` must have been run");
    is_set_up.then(|| root().join(".peers/venv/bin/python"))
}

/// A variable of this process's surroundings.
#[expect(clippy::disallowed_methods, reason = "a test has no settings that could tell")]
pub(crate) fn surroundings(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
