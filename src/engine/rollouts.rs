//! The rollouts of a run: filled by those who tell services to move, emptied by the one who
//! follows them; and whether anything may still be started.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{sync::Notify, time::Instant};

use super::{aftermath::Aftermath, proof::Proof, stages::Stages};
use crate::{
    model::{CancelRequest, EcsDeploymentId, Evidence, ObservedService, ServiceId, Verdict},
    plan::Watch,
};

/// A rollout under way.
#[derive(Debug, Clone)]
pub(super) struct Moving {
    /// Its step.
    pub(super) position: usize,
    /// What is watched.
    pub(super) watch: Watch,
    /// The service deployment that ECS last called the current one.
    pub(super) hint: Option<String>,
    /// When ECS made our deployment, by AWS's clock; kept for when ECS no longer lists it.
    pub(super) created_at: Option<Timestamp>,
    /// What was collected of it.
    pub(super) proof: Proof,
    /// What its tasks carry as `startedBy`; kept for when ECS no longer lists it.
    pub(super) started_by: Option<EcsDeploymentId>,
    /// Whether its failure was told.
    pub(super) told: bool,
    /// What is known of its stages.
    pub(super) stages: Stages,
    /// The service as it was seen last.
    pub(super) seen: Option<Arc<ObservedService>>,
    /// What came after ECS called it complete.
    pub(super) aftermath: Aftermath,
    /// When the service was told to move.
    since: Instant,
}

impl Moving {
    /// For how long it is under way.
    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// What its tasks carry as `startedBy`.
    pub(super) fn tasks_id(&self) -> &EcsDeploymentId {
        self.started_by.as_ref().unwrap_or(&self.watch.ours)
    }
}

/// Why nothing more is started, whatever becomes of what was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// A signal came.
    Signal,
    /// Another command asked for it.
    Cancelled(CancelRequest),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Rollouts {
    /// What both sides share.
    shared: Mutex<Shared>,
    /// Told once nothing more shall be started.
    stop: Notify,
}

/// What stands before all services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Ahead {
    /// Nothing: they are begun.
    #[default]
    Clear,
    /// Something that did not succeed: none is begun, whatever is done on failure else.
    Held,
}

/// What is shared.
#[derive(Debug, Default)]
struct Shared {
    /// Rollouts under way.
    moving: Vec<Moving>,
    /// Whether no more will come.
    all_applied: bool,
    /// The first service that failed.
    failed: Option<ServiceId>,
    /// Whether it is not known how a service's step ended.
    in_doubt: bool,
    /// Whether services may be begun.
    ahead: Ahead,
    /// Why nothing more is started.
    stop: Option<Stop>,
    /// Whether the record can no longer be written before an effect.
    record_lost: bool,
}

impl Rollouts {
    /// Runs `work` on what is shared.
    fn with<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A service was told to move; with what an earlier command found out about its rollout.
    pub(super) fn begin(&self, position: usize, watch: Watch, earlier: Option<Evidence>) {
        let moving = Moving {
            position,
            watch,
            hint: None,
            created_at: None,
            proof: Proof::known(earlier),
            started_by: None,
            told: false,
            stages: Stages::default(),
            seen: None,
            aftermath: Aftermath::default(),
            since: Instant::now(),
        };
        self.with(|shared| shared.moving.push(moving));
    }

    /// What is under way.
    pub(super) fn moving(&self) -> Vec<Moving> {
        self.with(|shared| shared.moving.clone())
    }

    /// Takes all that is under way out of the list.
    pub(super) fn take(&self) -> Vec<Moving> {
        self.with(|shared| std::mem::take(&mut shared.moving))
    }

    /// Takes what has ended out of the list, and keeps what one look has learned of the rest.
    pub(super) fn update(&self, ended: &BTreeSet<usize>, seen: &[Moving]) {
        self.with(|shared| {
            shared.moving.retain(|one| !ended.contains(&one.position));
            for one in &mut shared.moving {
                if let Some(known) = seen.iter().find(|known| known.position == one.position) {
                    one.clone_from(known);
                }
            }
        });
    }

    /// Whether nothing is under way, and whether nothing more will come.
    pub(super) fn are_over(&self) -> (bool, bool) {
        self.with(|shared| (shared.moving.is_empty(), shared.all_applied))
    }

    /// No more services will be told to move.
    pub(super) fn all_applied(&self) {
        self.with(|shared| shared.all_applied = true);
    }

    /// A service failed.
    pub(super) fn failed(&self, service: &ServiceId) {
        self.with(|shared| {
            shared.failed.get_or_insert_with(|| service.clone());
        });
    }

    /// A service's step ended so. What nobody knows is no failure, but no reason to go on either.
    pub(super) fn ended(&self, service: &ServiceId, verdict: &Verdict) {
        match verdict {
            Verdict::Verified => {}
            verdict if verdict.is_in_doubt() => self.with(|shared| shared.in_doubt = true),
            _ => self.failed(service),
        }
    }

    /// Whether it is not known how a service's step ended.
    pub(super) fn in_doubt(&self) -> bool {
        self.with(|shared| shared.in_doubt)
    }

    /// The first service that failed.
    pub(super) fn first_failure(&self) -> Option<ServiceId> {
        self.with(|shared| shared.failed.clone())
    }

    /// More services will be told to move after all; none of them where that needs the others to
    /// have succeeded, and they have not.
    pub(super) fn go_on(&self, needs_success: bool) {
        self.with(|shared| {
            shared.all_applied = false;
            if needs_success && (shared.failed.is_some() || shared.in_doubt) {
                shared.ahead = Ahead::Held;
            }
        });
    }

    /// What comes before all services did not succeed: none of them is begun.
    pub(super) fn hold(&self) {
        self.with(|shared| shared.ahead = Ahead::Held);
    }

    /// Whether none of the services is begun any more.
    pub(super) fn is_held(&self) -> bool {
        self.with(|shared| shared.ahead == Ahead::Held)
    }

    /// The record cannot be written before an effect any more.
    pub(super) fn lose_record(&self) {
        self.with(|shared| shared.record_lost = true);
    }

    /// Whether the record cannot be written before an effect any more.
    pub(super) fn record_lost(&self) -> bool {
        self.with(|shared| shared.record_lost)
    }

    /// Nothing more shall be started.
    pub(super) fn stop(&self, stop: Stop) {
        self.with(|shared| {
            shared.stop.get_or_insert(stop);
        });
        self.stop.notify_one();
    }

    /// Returns once nothing more shall be started. For one listener.
    pub(super) async fn stops(&self) {
        self.stop.notified().await;
    }

    /// Why nothing more is started, if nothing is.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.with(|shared| shared.stop.clone())
    }

    /// Never returns once nothing more shall be started; before that, at once.
    pub(super) async fn unless_stopped(&self) {
        if self.stopped().is_some() {
            std::future::pending::<()>().await;
        }
    }
}
