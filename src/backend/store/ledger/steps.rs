//! The journal of a deployment: its steps, each written only from the status it is known to have.

use std::fmt;

use serde_json::Value;

use super::{
    super::{Condition, FailedWrite, Key, StoreError, Write},
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
        let record = StepRecord { position, step: step.clone() };
        let change = Change { key, record, expected };
        change.check_move()?;
        let mut with = vec![lease.check()];
        with.extend(change.cancel_check());
        for note in notes {
            with.push(telling(key, note)?);
        }
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
        let same = before_is(before.clone());
        if self.expected != StepStatus::Pending {
            return self.write(same, None);
        }
        let none_yet = before_is(records::value(&StepBefore::default())?);
        self.write(Condition::Any(vec![none_yet, same]), Some(before))
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
        let raw = before_is(item.get(StepRecord::BEFORE).cloned().unwrap_or_default());
        let before = &self.record.step.before;
        if stored.step.before == *before {
            return self.write(raw, None);
        }
        if self.expected == StepStatus::Pending && stored.step.before == StepBefore::default() {
            return self.write(raw, Some(records::value(before)?));
        }
        Err(self.conflict("has another state before it on record", failed))
    }

    /// The write under a condition on the state before, which it may record.
    fn write(&self, allowed: Condition, before: Option<Value>) -> Result<Write, StoreError> {
        let (mut set, remove) = self.record.changes()?;
        set.extend(before.map(|before| (StepRecord::BEFORE.to_owned(), before)));
        Ok(Write::update(self.place(), set, remove)
            .when(Condition::equals("status", self.expected.as_str()))
            .when(allowed)
            .when(records::known::<StepRecord>()))
    }

    /// A conflict on the step, told in words.
    fn conflict(&self, what: &str, failed: &FailedWrite) -> StoreError {
        StoreError::conflicting(format!("{self} {what}"), vec![failed.clone()])
    }
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StepRecord { position, step } = &self.record;
        write!(f, "step {} (`{}`) of {}", position + 1, step.service, self.key)
    }
}

/// That the stored state before is this.
fn before_is(before: Value) -> Condition {
    Condition::Equals(StepRecord::BEFORE.to_owned(), before)
}
