//! The journal of a deployment: its steps, each written only from the status it is known to have.

use std::fmt;

use serde_json::Value;

use super::{
    super::{Action, Condition, FailedWrite, Item, Key, StoreError, Write},
    DeploymentKey, Ledger,
    deployments::CANCEL,
    keys,
    lease::Lease,
    records::{self, DeploymentRecord, StepRecord},
    timeline::telling,
};
use crate::model::{Step, StepBefore, StepStatus, TimelineEntry};

/// A step that is to be recorded.
struct Change<'a> {
    /// The deployment.
    key: &'a DeploymentKey,
    /// The step as it is to be, at its place.
    record: StepRecord,
    /// The status it must have now.
    expected: StepStatus,
}

impl Ledger {
    /// Records how far a step is, when the stored one has the expected status, and what the
    /// deployment did by that.
    ///
    /// What the step found before its first effect is written once, while it is `PENDING`; from
    /// then on it must be given as it was recorded. So is what putting the service back found.
    /// Service and target stay as the deployment began with them. Once somebody wishes that the
    /// deployment stops, no step becomes `INTENT`.
    ///
    /// # Errors
    /// Fails with [`StoreError::LeaseLost`] when the lease is somebody else's by now, with
    /// [`StoreError::CancelRequested`] when somebody wishes that the deployment stops, with
    /// [`StoreError::Conflict`] when the stored step has another status, or something else was
    /// there before, with [`StoreError::Invalid`] for a status that it may not have next, with
    /// [`StoreError::NotFound`] when the deployment has no such step at that place, and when the
    /// store cannot be used.
    #[expect(clippy::too_many_arguments, reason = "each is another thing, and none has a default")]
    pub async fn record_step(
        &self,
        lease: &Lease,
        key: &DeploymentKey,
        position: usize,
        step: &Step,
        expected: StepStatus,
        notes: &[TimelineEntry],
    ) -> Result<(), StoreError> {
        lease.check_covers(key)?;
        let record = StepRecord::new(position, step.clone());
        let change = Change { key, record, expected };
        change.check_move()?;
        let mut with = vec![lease.check()];
        with.extend(change.cancel_check());
        with.extend(telling(key, notes)?);
        let transact = |write: Write| {
            let writes = [write].into_iter().chain(with.iter().cloned()).collect();
            self.store.transact(writes)
        };
        let Err(error) = transact(change.usual()?).await else { return Ok(()) };
        let error = change.explain_cancel(lease.explain(error));
        let place = change.place();
        let Some(failed) = error.conflict().and_then(|conflict| conflict.on(&place)) else {
            return Err(error);
        };
        // Conditions compare JSON, so this one also fails where a newer program recorded the same
        // state before with members that this one does not know.
        let again = transact(change.after_failure(failed)?).await;
        again.map_err(|error| change.explain_cancel(lease.explain(error)))
    }
}

impl Change<'_> {
    /// Where the step is.
    fn place(&self) -> Key {
        keys::step(self.key, self.record.position, &self.record.step.service)
    }

    /// Checks that the step may have its new status next.
    fn check_move(&self) -> Result<(), StoreError> {
        let (from, to) = (self.expected, self.record.step.status);
        if from == to || from.may_become(to) {
            return Ok(());
        }
        let reason = format!("{self} does not go from {} to {}", from.as_str(), to.as_str());
        Err(StoreError::invalid(reason))
    }

    /// The check that nobody wishes that the deployment stops, where something new would begin.
    fn cancel_check(&self) -> Option<Write> {
        let begins =
            self.record.step.status == StepStatus::Intent && self.expected != StepStatus::Intent;
        let nobody = Condition::Missing(CANCEL.to_owned());
        begins.then(|| Write::check(keys::deployment(self.key)).when(nobody))
    }

    /// Tells the wish that the deployment stops as what it is.
    fn explain_cancel(&self, error: StoreError) -> StoreError {
        let place = keys::deployment(self.key);
        let found = error.conflict().and_then(|conflict| conflict.on(&place)?.found.as_ref());
        match found.map(records::decode::<DeploymentRecord>) {
            Some(Ok(DeploymentRecord { cancel: Some(wish), .. })) => {
                StoreError::CancelRequested(Box::new(wish))
            }
            Some(Err(unreadable)) => unreadable,
            _ => error,
        }
    }

    /// The write that is allowed wherever this version of the program recorded the step.
    fn usual(&self) -> Result<Write, StoreError> {
        let before = records::value(&self.record.step.before)?;
        let same = equals(StepRecord::BEFORE, before.clone());
        let none_yet = equals(StepRecord::BEFORE, records::value(&StepBefore::default())?);
        let mut write = if self.expected == StepStatus::Pending {
            let set = [(StepRecord::BEFORE, before)];
            self.write(set)?.when(Condition::Any(vec![none_yet, same]))
        } else {
            self.write([])?.when(same)
        };
        let none_yet = Condition::Missing(StepRecord::COMPENSATION_BEFORE.to_owned());
        match &self.record.compensation_before {
            None => Ok(write.when(none_yet)),
            Some(before) => {
                let before = records::value(before)?;
                sets(&mut write, StepRecord::COMPENSATION_BEFORE, before.clone());
                let same = equals(StepRecord::COMPENSATION_BEFORE, before);
                Ok(write.when(Condition::Any(vec![none_yet, same])))
            }
        }
    }

    /// The write that is allowed by the stored step that the usual one failed on, if any is.
    fn after_failure(&self, failed: &FailedWrite) -> Result<Write, StoreError> {
        let Some(item) = &failed.found else {
            return Err(StoreError::NotFound { what: self.to_string() });
        };
        let stored: StepRecord = records::decode(item)?;
        if stored.step.status != self.expected {
            let (is, was) = (stored.step.status.as_str(), self.expected.as_str());
            return Err(self.conflict(&format!("is {is}, not {was}"), failed));
        }
        let untold =
            self.expected == StepStatus::Pending && stored.step.before == StepBefore::default();
        let before = Once {
            attribute: StepRecord::BEFORE,
            stored: Some(&stored.step.before).filter(|_| !untold),
            given: Some(&self.record.step.before),
        };
        let compensation_before = Once {
            attribute: StepRecord::COMPENSATION_BEFORE,
            stored: stored.compensation_before.as_ref(),
            given: self.record.compensation_before.as_ref(),
        };
        let mut write = self.write([])?;
        for once in [before, compensation_before] {
            write = once
                .add_to(write, item)?
                .ok_or_else(|| self.conflict("has another state before it on record", failed))?;
        }
        Ok(write)
    }

    /// The write of what changes, and of some other attributes.
    fn write<const N: usize>(&self, others: [(&str, Value); N]) -> Result<Write, StoreError> {
        let (mut set, remove) = self.record.changes()?;
        set.extend(others.map(|(name, value)| (name.to_owned(), value)));
        Ok(Write::update(self.place(), set, remove)
            .when(Condition::equals("status", self.expected.as_str()))
            .when(records::known::<StepRecord>()))
    }

    /// A conflict on the step, told in words.
    fn conflict(&self, what: &str, failed: &FailedWrite) -> StoreError {
        StoreError::conflicting(format!("{self} {what}"), vec![failed.clone()])
    }
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StepRecord { position, step, .. } = &self.record;
        write!(f, "step {} (`{}`) of {}", position + 1, step.service, self.key)
    }
}

/// A state that is written once, as it is stored and as it is given.
struct Once<'a> {
    /// Where it is.
    attribute: &'static str,
    /// What is stored, if anything was recorded yet.
    stored: Option<&'a StepBefore>,
    /// What is given.
    given: Option<&'a StepBefore>,
}

impl Once<'_> {
    /// Adds what it takes to a write: nothing is set where the same is stored, with whatever a newer
    /// program put there. Gives nothing where another state is stored.
    fn add_to(&self, mut write: Write, item: &Item) -> Result<Option<Write>, StoreError> {
        let unmoved = match item.get(self.attribute) {
            Some(raw) => equals(self.attribute, raw.clone()),
            None => Condition::Missing(self.attribute.to_owned()),
        };
        match (self.stored, self.given) {
            (Some(stored), Some(given)) if stored == given => {}
            (Some(_), _) => return Ok(None),
            (None, Some(given)) => sets(&mut write, self.attribute, records::value(given)?),
            (None, None) => {}
        }
        Ok(Some(write.when(unmoved)))
    }
}

/// Makes an update set one more attribute.
fn sets(write: &mut Write, attribute: &str, value: Value) {
    if let Action::Update { set, .. } = &mut write.action {
        set.insert(attribute.to_owned(), value);
    }
}

/// That an attribute is stored so.
fn equals(attribute: &str, value: Value) -> Condition {
    Condition::Equals(attribute.to_owned(), value)
}
