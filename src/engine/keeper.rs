//! Keeping the lease while a deployment is carried out.
//!
//! The lease is renewed long before it ends, and looked at before each effect: a process that
//! slept finds it gone and does nothing more. What AWS was asked a moment before cannot be taken
//! back; that window is as long as one request.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::sleep;

use super::{
    error::EngineError,
    rollouts::{Rollouts, Stop},
};
use crate::backend::store::{Ledger, StoreError, ledger::Lease};

/// What one effect may take, from the look at the lease to its end: a request to AWS with its
/// retries.
const CALL_BUDGET: Duration = Duration::from_secs(20);
/// The time between two renewals. More often than the lease needs, since the answer also tells
/// whether somebody wishes that this deployment stops.
const INTERVAL: Duration = Duration::from_secs(5);
/// For how long a renewal proves that the lease is ours: as long as renewals come in time. A process
/// that was paused has missed some, and its lease may be somebody else's although it has not ended.
const PROOF: Duration = Duration::from_secs(8);

/// Keeps a lease.
pub(super) struct Keeper<'a> {
    /// The record.
    ledger: &'a Ledger,
    /// The lease.
    lease: &'a Lease,
    /// When it was last renewed, and when it ends, by the store's clock.
    renewed: Mutex<Option<Renewed>>,
}

/// What is known of a lease since it was last renewed.
#[derive(Debug, Clone, Copy)]
struct Renewed {
    /// When that was asked for.
    at: Timestamp,
    /// When it ends unless it is renewed again.
    until: Timestamp,
}

impl<'a> Keeper<'a> {
    /// Keeps a lease that was just taken.
    pub(super) fn new(ledger: &'a Ledger, lease: &'a Lease) -> Self {
        Self { ledger, lease, renewed: Mutex::new(None) }
    }

    /// Renews the lease for ever, and passes on the wish to stop. Ends only when the lease is lost.
    pub(super) async fn keep(&self, rollouts: &Rollouts) -> EngineError {
        loop {
            // A store that is away for a while is told by whoever has to write.
            if let Err(error @ EngineError::LeaseLost { .. }) = self.renew(rollouts).await {
                return error;
            }
            sleep(INTERVAL).await;
        }
    }

    /// Renews it once.
    async fn renew(&self, rollouts: &Rollouts) -> Result<(), EngineError> {
        let at = self.ledger.now();
        let renewal = self.ledger.renew(self.lease).await.map_err(lost)?;
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Renewed { at, until: renewal.until });
        if let Some(request) = renewal.cancel {
            rollouts.stop(Stop::Cancelled(request));
        }
        Ok(())
    }

    /// Whether an effect may begin: the lease is known to be ours, and lasts for as long as the effect
    /// can take. A store that is away tells nothing, and does not take it from us; but once the lease
    /// may have run out nothing more is begun.
    pub(super) async fn before_effect(&self, rollouts: &Rollouts) -> Result<bool, EngineError> {
        rollouts.unless_stopped().await;
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.ledger.now();
        let is_proven = renewed.is_some_and(|renewed| now < renewed.at + PROOF);
        let lasts = renewed.is_some_and(|renewed| now + CALL_BUDGET < renewed.until);
        if lasts && is_proven {
            return Ok(true);
        }
        match self.renew(rollouts).await {
            Err(EngineError::LeaseNotRenewed { .. }) if lasts => {}
            Err(EngineError::LeaseNotRenewed { .. }) => {
                rollouts.lose_record();
                return Ok(false);
            }
            renewed => renewed?,
        }
        rollouts.unless_stopped().await;
        Ok(true)
    }
}

/// An error of the store, told apart where the lease is somebody else's.
pub(super) fn lost(error: StoreError) -> EngineError {
    match error {
        StoreError::LeaseLost { .. } => EngineError::LeaseLost { source: error },
        error => EngineError::LeaseNotRenewed { source: error },
    }
}
