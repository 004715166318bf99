//! Crashes: a client's process ended at an exact point, to see what it leaves behind.
//!
//! A point is one thing that a client did to the outside: a request, or a write to a record of its
//! own that it tells of. Invariant: a point is counted once what it stands for is done, and in the
//! sandbox's own process nothing more is done after the point that a crash strikes at.

use std::{num::NonZeroU64, sync::Arc};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    Sandbox, SandboxError,
    state::{Entity, Transaction},
};

/// What is done about points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrashMode {
    /// They are not counted.
    #[default]
    Off,
    /// They are counted.
    Counting,
    /// They are counted, and a process ends at one of them.
    Armed,
    /// A process has ended at the last of them; they are not counted any more.
    Struck,
}

/// What is done about points, and how many there have been.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashReading {
    /// What is done about them.
    pub mode: CrashMode,
    /// The number of the point at which a process ends or has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<NonZeroU64>,
    /// How many there have been since it was last said that they are to be counted.
    pub points: u64,
}

/// A point that was passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashPoint {
    /// Its number, from 1.
    pub number: u64,
    /// What was done, for example `ecs:UpdateService`.
    pub name: String,
}

impl Entity for CrashReading {
    const KIND: &'static str = "crash";
}

impl Entity for CrashPoint {
    const KIND: &'static str = "crash-point";
}

/// There is one reading in a state.
const KEY: &str = "";

/// What is done about points, and how many there have been.
pub(super) fn read(transaction: &Transaction<'_>) -> Result<CrashReading, SandboxError> {
    Ok(transaction.get(KEY)?.unwrap_or_default())
}

/// The points that were counted, in their order.
pub(super) fn points(transaction: &Transaction<'_>) -> Result<Vec<CrashPoint>, SandboxError> {
    Ok(transaction.scan("")?.into_iter().map(|(_key, point)| point).collect())
}

/// Counts points from now on, from 1; a process ends at the point with the number `after`, if there
/// is one.
pub(super) fn begin(
    transaction: &mut Transaction<'_>,
    after: Option<NonZeroU64>,
) -> Result<CrashReading, SandboxError> {
    transaction.delete_all::<CrashPoint>()?;
    let mode = if after.is_some() { CrashMode::Armed } else { CrashMode::Counting };
    let reading = CrashReading { mode, after, points: 0 };
    transaction.put(KEY, &reading)?;
    Ok(reading)
}

/// Counts no more points. What was counted can still be read.
pub(super) fn end(transaction: &mut Transaction<'_>) -> Result<CrashReading, SandboxError> {
    let reading = CrashReading { mode: CrashMode::Off, after: None, ..read(transaction)? };
    transaction.put(KEY, &reading)?;
    Ok(reading)
}

/// Counts a point, if points are counted; tells whether the client's process is to end at it.
pub(super) fn pass(transaction: &mut Transaction<'_>, name: String) -> Result<bool, SandboxError> {
    let mut reading = read(transaction)?;
    if !matches!(reading.mode, CrashMode::Counting | CrashMode::Armed) {
        return Ok(false);
    }
    reading.points = reading.points.saturating_add(1);
    let strikes = reading.after.is_some_and(|after| reading.points >= after.get());
    if strikes {
        reading.mode = CrashMode::Struck;
    }
    let number = reading.points;
    // Keys are in byte order, so that numbers need their zeros.
    transaction.put(&format!("{number:010}"), &CrashPoint { number, name })?;
    transaction.put(KEY, &reading)?;
    Ok(strikes)
}

/// The right to do the next thing, while nobody else of the process does anything. Dropping it
/// gives the right away.
#[derive(Debug)]
pub struct Turn {
    /// Whose turn it is.
    _guard: OwnedMutexGuard<()>,
}

impl Sandbox {
    /// Waits for the turn to do something that is a point, so that nothing is done between it and
    /// its count.
    pub async fn turn(&self) -> Turn {
        Turn { _guard: Arc::clone(&self.turns).lock_owned().await }
    }

    /// Counts a point of this process: something that it has done in its turn and that is no
    /// request. Ends the process if a crash strikes here.
    ///
    /// # Errors
    ///
    /// The state cannot be used.
    pub async fn pass(&self, name: &str, turn: Turn) -> Result<(), SandboxError> {
        if !self.is_watched {
            return Ok(());
        }
        let (sandbox, name) = (self.clone(), name.to_owned());
        let passed = tokio::task::spawn_blocking(move || {
            let strikes = sandbox.state.transact(|transaction| pass(transaction, name))?;
            if strikes {
                strike();
            }
            drop(turn);
            Ok(())
        });
        passed.await.map_err(SandboxError::Task)?
    }

    /// The same sandbox for work on the sandbox itself: its requests are not counted as points, and
    /// no crash strikes at them.
    #[must_use]
    pub fn unwatched(self) -> Self {
        Self { is_watched: false, ..self }
    }
}

/// Who does things in turn.
pub(super) type Turns = Arc<Mutex<()>>;

/// Ends this process as the kernel ends one: nothing is told, and nothing is cleaned up.
pub(super) fn strike() -> ! {
    #[cfg(unix)]
    {
        use rustix::process::{Signal, getpid, kill_process};
        // A process may always signal itself, and does not get past this one.
        let _ = kill_process(getpid(), Signal::KILL);
    }
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sandbox::state::State;

    fn state() -> State {
        State::open(Path::new(":memory:")).unwrap()
    }

    fn passed(state: &State, name: &str) -> bool {
        state.transact(|transaction| pass(transaction, name.to_owned())).unwrap()
    }

    #[test]
    fn points_are_counted_only_when_asked_for() {
        let state = state();
        assert!(!passed(&state, "store"));
        assert_eq!(state.transact(|t| read(t)).unwrap(), CrashReading::default());
        state.transact(|t| begin(t, None)).unwrap();
        assert!(!passed(&state, "ecs:UpdateService"));
        assert!(!passed(&state, "store"));
        let ended = state.transact(end).unwrap();
        assert!(!passed(&state, "store"));
        assert_eq!(ended, CrashReading { mode: CrashMode::Off, after: None, points: 2 });
        let names: Vec<String> =
            state.transact(|t| points(t)).unwrap().into_iter().map(|point| point.name).collect();
        assert_eq!(names, ["ecs:UpdateService", "store"]);
    }

    #[test]
    fn a_crash_strikes_once() {
        let state = state();
        state.transact(|t| begin(t, NonZeroU64::new(12))).unwrap();
        let struck: Vec<bool> = (0..14).map(|_| passed(&state, "store")).collect();
        assert_eq!(struck.iter().position(|struck| *struck), Some(11));
        assert_eq!(struck.iter().filter(|struck| **struck).count(), 1);
        let reading = state.transact(|t| read(t)).unwrap();
        assert_eq!((reading.mode, reading.points), (CrashMode::Struck, 12));
        let last = state.transact(|t| points(t)).unwrap().pop().unwrap();
        assert_eq!(last.number, 12);
        state.transact(|t| begin(t, None)).unwrap();
        assert_eq!(state.transact(|t| points(t)).unwrap(), []);
    }
}
