//! What people do to locks: set one, take one away, break a lease; and the hold.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    super::{Condition, Key, StoreError, Write},
    Ledger,
    audit::News,
    guard::{Change, Decision, GENERATION, LockState, kept},
    keys,
    records::{self, LeaseRecord, ManualRecord},
};
use crate::model::{Actor, EnvironmentId, HeldLock, Hold, ProjectId, Selection, ServiceId};

/// Of what somebody sets or takes away a lock.
#[derive(Debug, Clone, Copy)]
pub struct LockPlace<'a> {
    /// The project.
    pub project: &'a ProjectId,
    /// Where.
    pub environment: &'a EnvironmentId,
    /// What it is about; `all` is the whole environment.
    pub selection: &'a Selection,
}

/// A lock that somebody sets by hand.
#[derive(Debug, Clone, Copy)]
pub struct NewLock<'a> {
    /// Of what.
    pub place: LockPlace<'a>,
    /// The services of the selection.
    pub services: &'a BTreeSet<ServiceId>,
    /// Who sets it.
    pub by: &'a Actor,
    /// Why.
    pub reason: &'a str,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
}

/// What came of taking a lock away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlocked {
    /// There was none.
    NotLocked,
    /// It was the caller's own.
    Released(HeldLock),
    /// It was somebody else's, and was to be taken away all the same.
    Broken(HeldLock),
    /// It is somebody else's, and stays.
    OfAnother(HeldLock),
}

impl<'a> LockPlace<'a> {
    /// Where in the ledger.
    fn environment(self) -> (&'a ProjectId, &'a EnvironmentId) {
        (self.project, self.environment)
    }

    /// Where a lock set by hand is.
    fn key(self) -> Key {
        keys::manual_lock(self.project, self.environment, self.selection)
    }
}

impl ManualRecord {
    /// Whether it has not ended by itself.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl NewLock<'_> {
    /// Sets the lock, unless the selection has one.
    fn decide(
        &self,
        state: &LockState,
        now: Timestamp,
    ) -> Result<Decision<Result<(), Vec<HeldLock>>>, StoreError> {
        let seen = state.manual(self.place.selection);
        if let Some(lock) = seen.filter(|lock| lock.holds(now)) {
            return Ok(Decision::Leave(Err(vec![lock.held()])));
        }
        let record = ManualRecord {
            selection: self.place.selection.clone(),
            generation: state.next(),
            services: kept(self.place.selection, self.services),
            by: self.by.clone(),
            since: now,
            reason: self.reason.to_owned(),
            until: self.until,
        };
        let write =
            Write::put(self.place.key(), records::encode(&record, None)?).when(match seen {
                Some(over) => Condition::equals("generation", over.generation),
                None => Condition::Absent,
            });
        let news = News::of("lock.set", self.by, self.place.selection.to_string())
            .detail(match self.until {
                Some(until) => format!("until {until}"),
                None => "until it is taken away".to_owned(),
            })
            .reason(Some(self.reason));
        Ok(Decision::Change(Change { writes: vec![write], news: vec![news], then: Some(Ok(())) }))
    }
}

/// Takes a lock away that somebody has set.
fn unlocking(
    place: LockPlace<'_>,
    (by, reason, force): (&Actor, Option<&str>, bool),
    (state, now): (&LockState, Timestamp),
) -> Decision<Unlocked> {
    let Some(lock) = state.manual(place.selection).filter(|lock| lock.holds(now)) else {
        return Decision::Leave(Unlocked::NotLocked);
    };
    let is_own = lock.by.name == by.name;
    let may_break = force && reason.is_some();
    if !(is_own || may_break) {
        return Decision::Leave(Unlocked::OfAnother(lock.held()));
    }
    let write = Write::delete(place.key()).when(Condition::equals("generation", lock.generation));
    let action = if is_own { "lock.released" } else { "lock.broken" };
    let news = News::of(action, by, place.selection.to_string())
        .detail(format!(
            "the lock of {}, set {} because: {}",
            lock.by.name, lock.since, lock.reason
        ))
        .reason(reason);
    let then = if is_own { Unlocked::Released } else { Unlocked::Broken };
    Decision::Change(Change {
        writes: vec![write],
        news: vec![news],
        then: Some(then(lock.held())),
    })
}

/// Takes a lease away from whoever has it.
fn breaking(
    place: LockPlace<'_>,
    (by, reason): (&Actor, &str),
    state: &LockState,
) -> Result<Decision<Option<HeldLock>>, StoreError> {
    let seen = state.lease(place.selection);
    let Some((lease, held)) = seen.and_then(|lease| Some((lease, lease.held()?))) else {
        return Ok(Decision::Leave(None));
    };
    let news = News::of("lease.broken", by, place.selection.to_string())
        .detail(LeaseRecord::words(lease))
        .reason(Some(reason));
    Ok(Decision::Change(Change {
        writes: vec![lease.taken_away(place.environment(), state.next())?],
        news: vec![news],
        then: Some(Some(held)),
    }))
}

/// Puts an environment on hold.
fn holding(
    (project, environment): (&ProjectId, &EnvironmentId),
    hold: &Hold,
    state: &LockState,
) -> Result<Decision<()>, StoreError> {
    let mut news = News::of("hold.set", &hold.by, environment.as_str());
    if let Some(deployment) = hold.deployment {
        news = news.detail(format!("after {deployment}"));
    }
    let mut attributes = records::encode(hold, None)?;
    attributes.insert(GENERATION.to_owned(), state.next().into());
    let write = Write::put(keys::hold(project, environment), attributes)
        .when(records::absent_or_known::<Hold>());
    let news = vec![news.reason(Some(&hold.reason))];
    Ok(Decision::Change(Change { writes: vec![write], news, then: Some(()) }))
}

/// Takes a hold away, if it is the one that was seen.
fn lifting(
    (project, environment): (&ProjectId, &EnvironmentId),
    seen: &Hold,
    (by, reason): (&Actor, &str),
    state: &LockState,
) -> Result<Decision<bool>, StoreError> {
    let Some(hold) = state.hold.as_ref().filter(|hold| hold.at == seen.at) else {
        return Ok(Decision::Leave(false));
    };
    let write = Write::delete(keys::hold(project, environment))
        .when(Condition::Equals("at".to_owned(), records::value(&hold.at)?))
        .when(Condition::equals("reason", hold.reason.as_str()));
    let news = News::of("hold.lifted", by, environment.as_str())
        .detail(format!("set by {} because: {}", hold.by.name, hold.reason))
        .reason(Some(reason));
    Ok(Decision::Change(Change { writes: vec![write], news: vec![news], then: Some(true) }))
}

impl Ledger {
    /// Sets a lock by hand. It keeps everybody's commands from taking a lease of what it is about;
    /// a command that has one goes on. Gives the lock that the selection has already, if it has one.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds a lock that this program cannot read.
    pub async fn lock_by_hand(
        &self,
        lock: &NewLock<'_>,
    ) -> Result<Result<(), Vec<HeldLock>>, StoreError> {
        let place = lock.place.environment();
        self.change_locks(place, |state, now| lock.decide(state, now)).await
    }

    /// Takes away a lock that was set by hand. One of another person takes `force` and a reason, and
    /// is told as broken.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds a lock that this program cannot read.
    pub async fn unlock(
        &self,
        place: LockPlace<'_>,
        by: &Actor,
        reason: Option<&str>,
        force: bool,
    ) -> Result<Unlocked, StoreError> {
        let decide =
            |state: &LockState, now| Ok(unlocking(place, (by, reason, force), (state, now)));
        self.change_locks(place.environment(), decide).await
    }

    /// Takes a lease away from the command that has it, which can write nothing any more. Gives
    /// what was broken, if anybody had it.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds a lock that this program cannot read.
    pub async fn break_lease(
        &self,
        place: LockPlace<'_>,
        by: &Actor,
        reason: &str,
    ) -> Result<Option<HeldLock>, StoreError> {
        let decide = |state: &LockState, _| breaking(place, (by, reason), state);
        self.change_locks(place.environment(), decide).await
    }

    /// Puts an environment on hold, in the place of the hold it has. A plan that was made before is
    /// made again.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds a lock that this program cannot read.
    pub async fn set_hold(
        &self,
        project: &ProjectId,
        environment: &EnvironmentId,
        hold: &Hold,
    ) -> Result<(), StoreError> {
        let place = (project, environment);
        self.change_locks(place, |state, _| holding(place, hold, state)).await
    }

    /// Takes a hold away that was seen; another that was set since stays. Gives whether it was
    /// still there.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds a lock that this program cannot read.
    pub async fn lift_hold(
        &self,
        place: (&ProjectId, &EnvironmentId),
        seen: &Hold,
        by: &Actor,
        reason: &str,
    ) -> Result<bool, StoreError> {
        self.change_locks(place, |state, _| lifting(place, seen, (by, reason), state)).await
    }
}
