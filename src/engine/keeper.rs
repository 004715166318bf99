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

/// Keeps a lease.
pub(super) struct Keeper<'a> {
    /// The record.
    ledger: &'a Ledger,
    /// The lease.
    lease: &'a Lease,
    /// When it ends unless it is renewed, by the store's clock.
    until: Mutex<Option<Timestamp>>,
}

impl<'a> Keeper<'a> {
    /// Keeps a lease that was just taken.
    pub(super) fn new(ledger: &'a Ledger, lease: &'a Lease) -> Self {
        Self { ledger, lease, until: Mutex::new(None) }
    }

    /// Renews the lease for ever, and passes on the wish to stop. Ends only when the lease is lost.
    pub(super) async fn keep(&self, rollouts: &Rollouts) -> EngineError {
        loop {
            match self.renew(rollouts).await {
                Err(error @ EngineError::LeaseLost { .. }) => return error,
                // A store that is away for a while is told by whoever has to write.
                Ok(()) | Err(_) => {}
            }
            sleep(INTERVAL).await;
        }
    }

    /// Renews it once.
    async fn renew(&self, rollouts: &Rollouts) -> Result<(), EngineError> {
        let renewal = self.ledger.renew(self.lease).await.map_err(lost)?;
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(renewal.until);
        if let Some(request) = renewal.cancel {
            rollouts.stop(Stop::Cancelled(request));
        }
        Ok(())
    }

    /// Returns when an effect may begin: the lease lasts for as long as it can take.
    pub(super) async fn before_effect(&self, rollouts: &Rollouts) -> Result<(), EngineError> {
        rollouts.unless_stopped().await;
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let lasts = until.is_some_and(|until| self.ledger.now() + CALL_BUDGET < until);
        if lasts { Ok(()) } else { self.renew(rollouts).await }
    }
}

/// An error of the store, told apart where the lease is somebody else's.
pub(super) fn lost(error: StoreError) -> EngineError {
    match error {
        StoreError::LeaseLost { .. } => EngineError::LeaseLost { source: error },
        error => EngineError::LeaseNotRenewed { source: error },
    }
}
