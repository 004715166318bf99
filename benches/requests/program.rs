//! The program itself as a process of its own: how long it runs and how much memory it needs.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use release_tool::sandbox::{self, Sandbox};
use tokio::{net::TcpListener, sync::oneshot};

use super::{Outcome, shop::Shop};

/// How often the memory of a running process is read.
const SAMPLE: Duration = Duration::from_millis(1);

/// What a run took.
pub(crate) struct Usage {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// How long it ran.
    pub(crate) took: Duration,
    /// The most memory it had at once, in KiB; none where the system does not tell. What came in
    /// its last millisecond is not seen.
    pub(crate) peak: Option<u64>,
    /// The most of it that was data, not the program's own code.
    pub(crate) data: Option<u64>,
}

/// Runs the program and watches it.
pub(crate) async fn run(arguments: &[&OsStr], endpoint: Option<&Path>) -> Outcome<Usage> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_release-tool"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(folder) = endpoint {
        let credentials = sandbox::credentials(sandbox::DEFAULT_ACCOUNT);
        command
            .current_dir(folder)
            .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key());
    }
    let start = Instant::now();
    let mut child = command.spawn()?;
    let file = format!("/proc/{}/status", child.id());
    let (mut peak, mut data) = (None, None);
    let status = loop {
        let now = fs::read_to_string(&file).unwrap_or_default();
        peak = memory(&now, "VmHWM:").max(peak);
        data = memory(&now, "RssAnon:").max(data);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        tokio::time::sleep(SAMPLE).await;
    };
    Ok(Usage { status, took: start.elapsed(), peak, data })
}

/// An amount of memory, in KiB, that Linux tells of a process.
fn memory(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Deploys a project with the program, over HTTP, so that the sandbox's memory is not counted.
pub(crate) async fn deploy(shop: Shop) -> Outcome<Usage> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join(".weco-project"), shop.manifest())?;
    let sandbox = Sandbox::open(&folder.path().join("sandbox"))?;
    shop.seed(&sandbox)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (done, is_over) = oneshot::channel::<()>();
    let arguments =
        ["deploy", "all", super::shop::ENVIRONMENT, "--skip-confirm", "--endpoint-url", &url];
    let arguments = arguments.map(OsStr::new);
    let (served, usage) =
        tokio::join!(sandbox.serve(listener, async move { drop(is_over.await) }), async {
            let usage = run(&arguments, Some(folder.path())).await;
            drop(done);
            usage
        });
    served?;
    usage
}
