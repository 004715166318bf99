//! Signals: the first asks to stop, the second stops at once.

use tokio::{sync::watch, task::JoinSet};

use super::exit::Exit;
use crate::ui::Console;

/// Listens for Ctrl-C and SIGTERM until it is dropped.
pub(super) struct Interrupt {
    /// Turns true at the first signal.
    asked: watch::Receiver<bool>,
    /// The task that listens; ends with this value.
    _listening: JoinSet<()>,
}

impl Interrupt {
    /// Begins to listen.
    pub(super) fn listen(console: &Console) -> Self {
        let console = console.clone();
        let (tell, asked) = watch::channel(false);
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            signal().await;
            tell.send_replace(true);
            signal().await;
            leave(&console);
        });
        Self { asked, _listening: listening }
    }

    /// Waits for the first signal.
    pub(super) async fn comes(&self) {
        let mut asked = self.asked();
        // Fails only when nobody can ask any more.
        if asked.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What turns true at the first signal.
    pub(super) fn asked(&self) -> watch::Receiver<bool> {
        self.asked.clone()
    }
}

/// Ends the process, and says what that means: the user asked twice.
#[expect(clippy::exit, reason = "the second signal means at once, whatever is going on")]
fn leave(console: &Console) {
    console.error(
        "stopped at once, by a second signal: what was asked of AWS goes on there, and nobody looks\n\
         hint: finish what was begun with `release-tool resume`",
    );
    std::process::exit(Exit::Interrupted.code().into());
}

/// Waits for the next signal. A signal that cannot be listened for never comes.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = match signal(SignalKind::terminate()) {
            Ok(terminate) => terminate,
            Err(_unavailable) => return std::future::pending().await,
        };
        tokio::select! {
            _ = terminate.recv() => {}
            result = tokio::signal::ctrl_c() => drop(result),
        }
    }
    #[cfg(not(unix))]
    drop(tokio::signal::ctrl_c().await);
}
