//! Leases: who may change an environment, or some of its services, for the next moment.

use std::{collections::BTreeSet, fmt, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    super::{Condition, Consistency, StoreError, Write},
    DeploymentKey, Ledger,
    audit::News,
    guard::{Change, Decision, GENERATION, LockState, kept, overlap},
    keys,
    lease::Lease,
    records::{self, DeploymentRecord, LeaseRecord, ManualRecord},
};
use crate::model::{
    Actor, CancelRequest, DeploymentNumber, EnvironmentId, HeldLock, Hold, ProcessId, ProjectId,
    Selection, ServiceId,
};

/// How long a lease holds after it was taken or renewed: many times the time between two
/// renewals, so that neither a slow answer nor a few failed ones lose it, and a command that died is in
/// nobody's way for long.
pub const LEASE: Duration = Duration::from_secs(90);
/// How long a lease that is over is left alone all the same. The time is the store's, read off its
/// answers, so it stands back by as long as an answer may take: AWS's SDK gives up on one long
/// before.
pub const SKEW: Duration = Duration::from_secs(30);

/// Most leases of others that one transaction takes: each is two of its 100 writes.
const MOST_TAKEN: usize = 40;

/// What is to be held for a command.
#[derive(Clone, Copy)]
pub struct LockRequest<'a> {
    /// The project.
    pub project: &'a ProjectId,
    /// Where.
    pub environment: &'a EnvironmentId,
    /// What the lock is named after; `all` is the whole environment.
    pub selection: &'a Selection,
    /// All services that may be touched, those beside the selected ones included.
    pub services: &'a BTreeSet<ServiceId>,
    /// Who asks.
    pub by: &'a Actor,
    /// The process that renews it, where it can be told.
    pub process: Option<&'a ProcessId>,
    /// Why, in the words given.
    pub reason: Option<&'a str>,
    /// Tells whether a process is known to be gone.
    pub is_gone: &'a (dyn Fn(&ProcessId) -> bool + Send + Sync),
    /// The deployment whose lease is taken although it is not over: for a rollback of it that asked
    /// it to stop and waited. Neither the lease of another nor a lock set by hand is taken.
    pub preempt: Option<DeploymentNumber>,
}

impl fmt::Debug for LockRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockRequest")
            .field("environment", self.environment)
            .field("selection", self.selection)
            .field("by", self.by)
            .field("preempt", &self.preempt)
            .finish_non_exhaustive()
    }
}

/// What came of asking for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one a command, and it is taken apart at once"
)]
pub enum Acquired {
    /// It is the caller's.
    Lease(Lease),
    /// Others hold what was asked for.
    Held(Vec<HeldLock>),
}

/// What a renewed lease comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// When it ends unless it is renewed again.
    pub until: Timestamp,
    /// Somebody's wish that the lease's deployment stops.
    pub cancel: Option<CancelRequest>,
}

/// Who may change an environment now, and who may not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Locks {
    /// Leases and locks set by hand that hold now.
    pub held: Vec<HeldLock>,
    /// How often it has changed who may change the environment; every lease taken counts it up.
    pub generation: u64,
    /// The hold.
    pub hold: Option<Hold>,
    /// The last deployment under each lease that was ever taken, over or not: unlike the list of
    /// those that are not over, it does not lag behind.
    pub last: BTreeSet<DeploymentNumber>,
}

/// Why a lease may be taken from whoever has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// It was not renewed in time.
    RanOut,
    /// The process that renewed it is gone.
    Gone,
    /// Whoever takes it need not wait.
    Preempted,
}

impl LeaseRecord {
    /// Whether it was not renewed for so long that it holds no more.
    fn has_run_out(&self, now: Timestamp) -> bool {
        self.lease_until + SKEW < now
    }

    /// That it is as it was read: nobody took it, gave it back or renewed it since.
    pub(super) fn unmoved(&self) -> Result<Vec<Condition>, StoreError> {
        let holder = match &self.holder {
            Some(holder) => Condition::equals("holder", holder.as_str()),
            None => Condition::Missing("holder".to_owned()),
        };
        let until = records::value(&self.lease_until)?;
        Ok(vec![
            holder,
            Condition::equals("fence", self.fence),
            Condition::Equals("lease_until".to_owned(), until),
            records::known::<Self>(),
        ])
    }

    /// Takes it away from whoever has it. It gets a new number, so that nothing can be written
    /// under the old one.
    pub(super) fn taken_away(
        &self,
        (project, environment): (&ProjectId, &EnvironmentId),
        next: u64,
    ) -> Result<Write, StoreError> {
        let set = [("fence", self.fence + 1), (GENERATION, next)];
        let set = set.map(|(name, value)| (name.to_owned(), Value::from(value)));
        let place = keys::lease(project, environment, &self.selection);
        let mut write = Write::update(place, Map::from_iter(set), vec!["holder".to_owned()]);
        write.conditions = self.unmoved()?;
        Ok(write)
    }
}

impl LockRequest<'_> {
    /// Whether a lease or lock is in the way of this one, by what it is about.
    fn meets(&self, selection: &Selection, services: &BTreeSet<ServiceId>) -> bool {
        overlap((self.selection, self.services), (selection, services))
    }

    /// Whether, and why, a lease may be taken from whoever has it.
    fn over(&self, lease: &LeaseRecord, now: Timestamp) -> Option<Over> {
        if lease.has_run_out(now) {
            return Some(Over::RanOut);
        }
        if lease.process.as_ref().is_some_and(self.is_gone) {
            return Some(Over::Gone);
        }
        let is_taken_back = self.preempt.is_some() && lease.deployment == self.preempt;
        is_taken_back.then_some(Over::Preempted)
    }

    /// What becomes of the locks.
    fn decide(&self, state: &LockState, now: Timestamp) -> Result<Decision<Acquired>, StoreError> {
        let meeting = || {
            let held = state.leases.iter().filter(|lease| lease.holder.is_some());
            held.filter(|lease| self.meets(&lease.selection, &lease.services))
        };
        let locks = state.manual.iter().filter(|lock| lock.holds(now));
        let locks = locks.filter(|lock| self.meets(&lock.selection, &lock.services));
        let in_the_way: Vec<HeldLock> = meeting()
            .filter(|lease| self.over(lease, now).is_none())
            .filter_map(LeaseRecord::held)
            .chain(locks.map(ManualRecord::held))
            .collect();
        if !in_the_way.is_empty() {
            return Ok(Decision::Leave(Acquired::Held(in_the_way)));
        }
        let over: Vec<(&LeaseRecord, Over)> =
            meeting().filter_map(|lease| Some((lease, self.over(lease, now)?))).collect();
        self.take(state, &over, now).map(Decision::Change)
    }

    /// Takes the lease, and away what is over.
    fn take(
        &self,
        state: &LockState,
        over: &[(&LeaseRecord, Over)],
        now: Timestamp,
    ) -> Result<Change<Acquired>, StoreError> {
        let taken = over.get(..MOST_TAKEN).unwrap_or(over);
        let others = taken.iter().filter(|(lease, _)| lease.selection != *self.selection);
        let place = (self.project, self.environment);
        let mut writes: Vec<Write> = others
            .map(|(lease, _)| lease.taken_away(place, state.next()))
            .collect::<Result<_, _>>()?;
        let news = taken.iter().map(|(lease, over)| self.news(lease, *over)).collect();
        if taken.len() < over.len() {
            return Ok(Change { writes, news, then: None });
        }
        let (write, lease) = self.taken(state, now)?;
        writes.push(write);
        Ok(Change { writes, news, then: Some(Acquired::Lease(lease)) })
    }

    /// The write that makes the lease the caller's, and the lease.
    fn taken(&self, state: &LockState, now: Timestamp) -> Result<(Write, Lease), StoreError> {
        let seen = state.lease(self.selection);
        let lease = Lease {
            project: self.project.clone(),
            environment: self.environment.clone(),
            selection: self.selection.clone(),
            holder: Uuid::new_v4().to_string(),
            fence: seen.map_or(0, |seen| seen.fence) + 1,
            by: self.by.clone(),
            generation: state.next(),
        };
        let record = LeaseRecord {
            selection: lease.selection.clone(),
            fence: lease.fence,
            generation: lease.generation,
            services: kept(self.selection, self.services),
            holder: Some(lease.holder.clone()),
            by: self.by.clone(),
            since: now,
            reason: self.reason.map(str::to_owned),
            lease_until: now + LEASE,
            heartbeat_at: now,
            process: self.process.cloned(),
            deployment: None,
            last: None,
        };
        let mut set = records::header::<LeaseRecord>();
        set.extend(records::fields(&record)?);
        let of_the_last = ["services", "reason", "process", "deployment"];
        let remove = of_the_last.into_iter().filter(|name| !set.contains_key(*name));
        let remove = remove.map(str::to_owned).collect();
        let mut write = Write::update(lease.key(), set, remove);
        write.conditions = match seen {
            Some(seen) => seen.unmoved()?,
            None => vec![Condition::Absent],
        };
        Ok((write, lease))
    }

    /// What is told of a lease that is taken from whoever had it.
    fn news(&self, lease: &LeaseRecord, over: Over) -> News {
        let (action, how) = match over {
            Over::RanOut => {
                ("lease.taken_over", format!("which had run out at {}", lease.lease_until))
            }
            Over::Gone => ("lease.taken_over", "whose process was gone".to_owned()),
            Over::Preempted => ("lease.preempted", "which had not run out".to_owned()),
        };
        News::of(action, self.by, lease.selection.to_string())
            .detail(format!("{}, {how}", lease.words()))
            .reason(self.reason)
    }
}

impl LeaseRecord {
    /// Whose lease it is and what for, in a few words.
    pub(super) fn words(&self) -> String {
        match self.deployment {
            Some(deployment) => format!("the lease of {} for {deployment}", self.by.name),
            None => format!("the lease of {}", self.by.name),
        }
    }
}

impl Ledger {
    /// Takes a lease, unless others hold some of what it is about. Leases that are over are taken
    /// from whoever had them.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds a lock that this program cannot read.
    pub async fn acquire(&self, request: &LockRequest<'_>) -> Result<Acquired, StoreError> {
        let place = (request.project, request.environment);
        self.change_locks(place, |state, now| request.decide(state, now)).await
    }

    /// Renews a lease, and looks whether somebody wishes that its deployment stops. One that has run
    /// out and that nobody has taken is renewed like any other.
    ///
    /// # Errors
    /// Fails with [`StoreError::LeaseLost`] when it is somebody else's by now, and when the store
    /// cannot be used.
    pub async fn renew(&self, lease: &Lease) -> Result<Renewal, StoreError> {
        let now = self.now();
        let until = now + LEASE;
        let set = Map::from_iter([
            ("lease_until".to_owned(), records::value(&until)?),
            ("heartbeat_at".to_owned(), records::value(&now)?),
        ]);
        let renewed = self.store.transact(vec![lease.update(set, Vec::new())]).await;
        renewed.map_err(|error| lease.explain(error))?;
        Ok(Renewal { until, cancel: self.cancel_wished(lease).await? })
    }

    /// Somebody's wish that the deployment of a lease stops.
    async fn cancel_wished(&self, lease: &Lease) -> Result<Option<CancelRequest>, StoreError> {
        let Some(item) = self.store.get(&lease.key(), Consistency::Strong).await? else {
            return Ok(None);
        };
        let record: LeaseRecord = records::decode(&item)?;
        let Some(number) = record.deployment.filter(|_| record.fence == lease.fence) else {
            return Ok(None);
        };
        let (project, environment) = (lease.project.clone(), lease.environment.clone());
        let key = keys::deployment(&DeploymentKey { project, environment, number });
        let Some(item) = self.store.get(&key, Consistency::Strong).await? else { return Ok(None) };
        Ok(records::decode::<DeploymentRecord>(&item)?.cancel)
    }

    /// Gives a lease back. It is no error when it is somebody else's by now.
    ///
    /// # Errors
    /// Fails when the store cannot be used.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let write = lease.update(Map::new(), vec!["holder".to_owned()]);
        match self.store.transact(vec![write]).await.map_err(|error| lease.explain(error)) {
            Err(StoreError::LeaseLost { .. }) => Ok(()),
            done => done,
        }
    }

    /// Who may change an environment now, and who may not.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds a lock that this program cannot read.
    pub async fn locks(
        &self,
        project: &ProjectId,
        environment: &EnvironmentId,
    ) -> Result<Locks, StoreError> {
        let state = self.lock_state(project, environment).await?;
        let now = self.now();
        let leases = state.leases.iter().filter(|lease| !lease.has_run_out(now));
        let manual = state.manual.iter().filter(|lock| lock.holds(now));
        Ok(Locks {
            held: leases
                .filter_map(LeaseRecord::held)
                .chain(manual.map(ManualRecord::held))
                .collect(),
            generation: state.generation(),
            last: state.leases.iter().filter_map(|lease| lease.last).collect(),
            hold: state.hold,
        })
    }
}
