//! How it changes who may change an environment: read, decide, write, and again when somebody else
//! was faster.
//!
//! Every such change counts the environment's guard up in its transaction, so that of two that were
//! decided on the same state one is carried out. A store may show one write of a transaction before
//! another for a moment; the guard names what its last change wrote, so that a reader sees whether
//! it has seen all of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    super::{Action, Condition, Item, StoreError, Write},
    Ledger,
    audit::{Chain, News},
    contention::Contention,
    keys,
    pages::Question,
    records::{self, GuardRecord, LeaseRecord, ManualRecord},
};
use crate::model::{EnvironmentId, Hold, ProjectId, Selection, ServiceId};

/// The attribute with the guard's count, of the guard and of all that it guards.
pub(super) const GENERATION: &str = "generation";

/// Who may change an environment, as it was read in one question.
#[derive(Debug, Clone, Default)]
pub(super) struct LockState {
    /// The guard; none before the first change.
    guard: Option<GuardRecord>,
    /// All leases that were ever taken.
    pub(super) leases: Vec<LeaseRecord>,
    /// All locks that are set by hand, over or not.
    pub(super) manual: Vec<ManualRecord>,
    /// The hold.
    pub(super) hold: Option<Hold>,
    /// The guard's count that each item was written with.
    written: BTreeMap<String, u64>,
}

/// What becomes of an environment's locks.
pub(super) enum Decision<T> {
    /// Nothing; this is the answer.
    Leave(T),
    /// A change.
    Change(Change<T>),
}

/// A change of an environment's locks.
pub(super) struct Change<T> {
    /// What is written. What is not taken away has the [`LockState::next`] generation.
    pub(super) writes: Vec<Write>,
    /// What is told of it.
    pub(super) news: Vec<News>,
    /// The answer once it is done; none when it is to be looked and decided again.
    pub(super) then: Option<T>,
}

impl LockState {
    /// The guard's count.
    pub(super) fn generation(&self) -> u64 {
        self.guard.as_ref().map_or(0, |guard| guard.generation)
    }

    /// The guard's count after the next change.
    pub(super) fn next(&self) -> u64 {
        self.generation() + 1
    }

    /// The lease of a selection.
    pub(super) fn lease(&self, selection: &Selection) -> Option<&LeaseRecord> {
        self.leases.iter().find(|lease| lease.selection == *selection)
    }

    /// The lock set by hand on a selection.
    pub(super) fn manual(&self, selection: &Selection) -> Option<&ManualRecord> {
        self.manual.iter().find(|lock| lock.selection == *selection)
    }

    /// Whether all is there that the guard's last change wrote.
    fn is_whole(&self) -> bool {
        self.guard.as_ref().is_none_or(|guard| {
            let seen = |sk: &String| self.written.get(sk).is_some_and(|n| *n >= guard.generation);
            guard.changed.iter().all(seen)
        })
    }

    /// Takes an item in.
    fn take(&mut self, item: &Item) -> Result<(), StoreError> {
        let sk = item.key().sk();
        if let Some(generation) = item.get(GENERATION).and_then(Value::as_u64) {
            self.written.insert(sk.to_owned(), generation);
        }
        if sk == keys::LOCKS {
            self.guard = Some(records::decode(item)?);
        } else if sk == keys::HOLD {
            self.hold = Some(records::decode(item)?);
        } else if sk.starts_with(keys::LEASES) {
            self.leases.push(records::decode(item)?);
        } else if sk.starts_with(keys::MANUAL_LOCKS) {
            self.manual.push(records::decode(item)?);
        }
        Ok(())
    }

    /// The write that counts the guard up for a change; it fails when somebody else was faster.
    fn guard_write(&self, place: (&ProjectId, &EnvironmentId), writes: &[Write]) -> Write {
        let stays = |write: &&Write| !matches!(write.action, Action::Check | Action::Delete);
        let changed: BTreeSet<String> =
            writes.iter().filter(stays).map(|write| write.key.sk().to_owned()).collect();
        let mut set = records::header::<GuardRecord>();
        set.insert(GENERATION.to_owned(), Value::from(self.next()));
        set.insert("changed".to_owned(), changed.into_iter().collect());
        let unmoved = match &self.guard {
            Some(guard) => Condition::equals(GENERATION, guard.generation),
            None => Condition::Absent,
        };
        Write::update(keys::guard(place.0, place.1), set, Vec::new()).when(unmoved)
    }
}

impl Ledger {
    /// Reads who may change an environment.
    pub(super) async fn lock_state(
        &self,
        project: &ProjectId,
        environment: &EnvironmentId,
    ) -> Result<LockState, StoreError> {
        let mut contention = Contention::default();
        loop {
            let question = Question::all(keys::environment(project, environment), keys::LOCKS);
            let items = self.gather(question, usize::MAX, |item| Ok(Some(item.clone()))).await?;
            let mut state = LockState::default();
            items.iter().try_for_each(|item| state.take(item))?;
            if state.is_whole() {
                return Ok(state);
            }
            let reason = format!("the locks of `{environment}` are being changed");
            contention.after(StoreError::conflicting(reason, Vec::new())).await?;
        }
    }

    /// Changes who may change an environment as `decide` says, on what is there then.
    pub(super) async fn change_locks<T>(
        &self,
        (project, environment): (&ProjectId, &EnvironmentId),
        decide: impl Fn(&LockState, Timestamp) -> Result<Decision<T>, StoreError>,
    ) -> Result<T, StoreError> {
        let mut contention = Contention::default();
        loop {
            let state = self.lock_state(project, environment).await?;
            let mut change = match decide(&state, self.now())? {
                Decision::Leave(answer) => return Ok(answer),
                Decision::Change(change) => change,
            };
            change.writes.push(state.guard_write((project, environment), &change.writes));
            let done = if change.news.is_empty() {
                self.store.transact(change.writes).await
            } else {
                let chain = Chain::of(project, environment);
                self.transact_and_tell(chain, &change.news, &change.writes).await
            };
            match (done, change.then) {
                (Ok(()), Some(answer)) => return Ok(answer),
                (Ok(()), None) => {}
                (Err(error), _) => contention.after(error).await?,
            }
        }
    }
}

/// Whether two selections have a service in common. The whole environment has one with all, and a
/// selection with itself, whatever services it has by now.
pub(super) fn overlap(
    one: (&Selection, &BTreeSet<ServiceId>),
    other: (&Selection, &BTreeSet<ServiceId>),
) -> bool {
    one.0 == other.0 || [one.0, other.0].contains(&&Selection::All) || !one.1.is_disjoint(other.1)
}

/// The services that are kept of a selection.
pub(super) fn kept(selection: &Selection, services: &BTreeSet<ServiceId>) -> BTreeSet<ServiceId> {
    match selection {
        Selection::All => BTreeSet::new(),
        Selection::Set(_) | Selection::Service(_) => services.clone(),
    }
}
