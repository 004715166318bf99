//! Taking the lease that everything is done under, and waiting for it where that is wanted.

use std::{collections::BTreeSet, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::error::EngineError;
use crate::{
    backend::{
        process,
        store::{
            Ledger,
            ledger::{Acquired, Lease, LockRequest},
        },
    },
    model::{
        Actor, DeploymentNumber, EnvironmentId, HeldLock, LockKind, ProjectId, Selection, ServiceId,
    },
};

/// The time between two tries.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is claimed.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The project.
    pub project: ProjectId,
    /// Where.
    pub environment: EnvironmentId,
    /// What was asked for.
    pub selection: Selection,
    /// Every service that may be touched.
    pub services: BTreeSet<ServiceId>,
    /// Who asks.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
    /// How long others may go on before it is given up.
    pub wait: Duration,
    /// The deployment whose lease is taken when the wait is over. No other lease is, nor a lock that
    /// a person set.
    pub preempt: Option<DeploymentNumber>,
}

/// Takes the lease.
///
/// # Errors
/// Fails with [`EngineError::Held`] when somebody else has it for longer than is waited, or a
/// person's lock is in the way, and when the store cannot be used.
pub async fn claim(
    ledger: &Ledger,
    claim: &Claim,
    mut interrupt: watch::Receiver<bool>,
) -> Result<Lease, EngineError> {
    let process = process::this();
    let is_gone = |process: &crate::model::ProcessId| process::is_gone(process);
    let deadline = Instant::now() + claim.wait;
    loop {
        let is_last = Instant::now() >= deadline;
        let request = LockRequest {
            project: &claim.project,
            environment: &claim.environment,
            selection: &claim.selection,
            services: &claim.services,
            by: &claim.by,
            process: process.as_ref(),
            reason: claim.reason.as_deref(),
            is_gone: &is_gone,
            preempt: claim.preempt.filter(|_| is_last),
        };
        let held = match ledger.acquire(&request).await.map_err(EngineError::NotRecorded)? {
            Acquired::Lease(lease) => return Ok(lease),
            Acquired::Held(held) => held,
        };
        if is_last || held.iter().any(is_manual) {
            return Err(EngineError::Held { held, at: ledger.now() });
        }
        tokio::select! {
            () = sleep(INTERVAL) => {}
            _ = interrupt.wait_for(|stop| *stop) => return Err(EngineError::Stopped),
        }
    }
}

/// Whether a person set the lock: that is never waited for.
fn is_manual(lock: &HeldLock) -> bool {
    matches!(lock.kind, LockKind::Manual { .. })
}
