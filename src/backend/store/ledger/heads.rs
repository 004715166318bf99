//! Heads: what was last tried and last verified for each service of an environment.

use std::collections::BTreeMap;

use super::{
    super::{Condition, FailedWrite, MAX_WRITES, StoreError, Write},
    DeploymentKey, Ledger,
    audit::{Chain, News},
    keys,
    lease::Lease,
    pages::Question,
    records::{self, HeadRecord},
};
use crate::model::{EnvironmentId, ProjectId, ServiceHead, ServiceId};

/// The write of one head, while no newer deployment has touched the service.
#[derive(Debug, Clone)]
pub(super) struct HeadWrite {
    /// The service.
    service: ServiceId,
    /// The deployment that the head is of.
    deployment: u64,
    /// What is written.
    write: Write,
}

impl HeadWrite {
    /// The write of a deployment's head.
    fn of(key: &DeploymentKey, head: &ServiceHead) -> Result<Self, StoreError> {
        if head.deployment != key.number {
            let reason = format!("a head of `{}` is written for {key}", head.deployment);
            return Err(StoreError::invalid(reason));
        }
        let place = keys::head(&key.project, &key.environment, &head.service);
        let ours_or_older = Condition::AtMost("deployment".to_owned(), key.number.0);
        let set = HeadRecord::from(head.clone()).changes()?;
        let write = Write::update(place, set, Vec::new())
            .when(Condition::Any(vec![Condition::Absent, ours_or_older]))
            .when(records::absent_or_known::<HeadRecord>());
        Ok(Self { service: head.service.clone(), deployment: key.number.0, write })
    }

    /// The writes of a deployment's heads.
    pub(super) fn of_all(
        key: &DeploymentKey,
        heads: &[ServiceHead],
    ) -> Result<Vec<Self>, StoreError> {
        heads.iter().map(|head| Self::of(key, head)).collect()
    }

    /// Whether the write failed because a newer deployment has touched the service.
    fn is_overtaken(&self, failed: &[FailedWrite]) -> Result<bool, StoreError> {
        let mut failures = failed.iter().filter(|failed| failed.key == self.write.key);
        let Some(found) = failures.next().and_then(|failed| failed.found.as_ref()) else {
            return Ok(false);
        };
        Ok(records::decode::<HeadRecord>(found)?.deployment.0 > self.deployment)
    }
}

/// What goes with the writes of heads.
pub(super) struct Bounds<'a> {
    /// What each transaction but the last goes with.
    pub(super) each: Vec<Write>,
    /// What the last one goes with.
    pub(super) last: Vec<Write>,
    /// What the last one tells the audit log.
    pub(super) told: Option<(Chain<'a>, News)>,
}

impl Bounds<'_> {
    /// How many heads fit into each transaction but the last, and how many into the last.
    fn room(&self) -> (usize, usize) {
        // An entry of the audit log, and the end of its chain.
        let told = if self.told.is_some() { 2 } else { 0 };
        (MAX_WRITES - self.each.len(), MAX_WRITES - self.last.len() - told)
    }
}

impl Ledger {
    /// The head of every service that was ever deployed in an environment, as of now.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds one that this program cannot read.
    pub async fn heads(
        &self,
        project: &ProjectId,
        environment: &EnvironmentId,
    ) -> Result<BTreeMap<ServiceId, ServiceHead>, StoreError> {
        let question = Question::all(keys::environment(project, environment), keys::HEADS);
        let heads = self
            .gather(question, usize::MAX, |item| {
                records::decode::<HeadRecord>(item).map(|record| Some(ServiceHead::from(record)))
            })
            .await?;
        Ok(heads.into_iter().map(|head| (head.service.clone(), head)).collect())
    }

    /// Records heads while a deployment goes on, so that it is seen to have touched its services
    /// whatever becomes of it. Gives the services whose heads were left as they are, since a newer
    /// deployment has touched them.
    ///
    /// The attempt is replaced. The verified state is written where it is this deployment's own,
    /// and otherwise left as it is stored, whatever the given head says.
    ///
    /// # Errors
    /// Fails with [`StoreError::LeaseLost`] when the lease is somebody else's by now, with
    /// [`StoreError::Invalid`] for a head of another deployment, and when the store cannot be used;
    /// then some heads may have been written, which may be written again.
    pub async fn record_heads(
        &self,
        lease: &Lease,
        key: &DeploymentKey,
        heads: &[ServiceHead],
    ) -> Result<Vec<ServiceId>, StoreError> {
        lease.check_covers(key)?;
        let heads = HeadWrite::of_all(key, heads)?;
        if heads.is_empty() {
            return Ok(Vec::new());
        }
        let check = vec![lease.check()];
        let bounds = Bounds { each: check.clone(), last: check, told: None };
        self.write_heads(heads, &bounds).await.map_err(|error| lease.explain(error))
    }

    /// Writes heads in as few transactions as they fit in.
    pub(super) async fn write_heads(
        &self,
        heads: Vec<HeadWrite>,
        bounds: &Bounds<'_>,
    ) -> Result<Vec<ServiceId>, StoreError> {
        let (each, last) = bounds.room();
        let mut overtaken = Vec::new();
        let mut rest = heads.as_slice();
        while rest.len() > last {
            let (part, others) = rest.split_at(each.min(rest.len()));
            overtaken.extend(self.write_part(part.to_vec(), (&bounds.each, None)).await?);
            rest = others;
        }
        let with = (bounds.last.as_slice(), bounds.told.as_ref());
        overtaken.extend(self.write_part(rest.to_vec(), with).await?);
        Ok(overtaken)
    }

    /// Writes some heads and what goes with them in one transaction, again without those heads that
    /// turn out to be a newer deployment's.
    async fn write_part(
        &self,
        mut heads: Vec<HeadWrite>,
        (with, told): (&[Write], Option<&(Chain<'_>, News)>),
    ) -> Result<Vec<ServiceId>, StoreError> {
        let mut overtaken = Vec::new();
        loop {
            let writes: Vec<Write> =
                with.iter().chain(heads.iter().map(|head| &head.write)).cloned().collect();
            let done = match told {
                Some((chain, news)) => {
                    self.transact_and_tell(*chain, std::slice::from_ref(news), &writes).await
                }
                None => self.store.transact(writes).await,
            };
            let Err(error) = done else { return Ok(overtaken) };
            let Some(conflict) = error.conflict() else { return Err(error) };
            let before = heads.len();
            let mut kept = Vec::with_capacity(before);
            for head in heads {
                if head.is_overtaken(&conflict.failed)? {
                    overtaken.push(head.service);
                } else {
                    kept.push(head);
                }
            }
            if kept.len() == before {
                return Err(error);
            }
            heads = kept;
        }
    }
}
