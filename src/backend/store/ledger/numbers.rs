//! Numbers of releases and deployments: each is given once, in the order of the races won.

use serde_json::Value;

use super::{
    super::{Condition, Consistency, StoreError, Write},
    Ledger,
    contention::Contention,
    keys,
    records::{self, Counters},
};
use crate::model::ProjectId;

/// What is numbered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counter {
    /// Releases.
    Release,
    /// Deployments.
    Deployment,
}

impl Counter {
    /// The attribute that holds the last number given.
    fn attribute(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Deployment => "deployment",
        }
    }

    /// The last number given, if any was.
    fn last(self, counters: &Counters) -> Option<u64> {
        match self {
            Self::Release => counters.release,
            Self::Deployment => counters.deployment,
        }
    }
}

/// The next number, and the write that takes it, which fails when somebody else took it.
pub(super) struct Claim {
    /// The number.
    pub(super) number: u64,
    /// What takes it.
    pub(super) write: Write,
}

impl Ledger {
    /// Reads which number is next.
    pub(super) async fn claim(
        &self,
        project: &ProjectId,
        counter: Counter,
    ) -> Result<Claim, StoreError> {
        let key = keys::counters(project);
        let found = self.store.get(&key, Consistency::Strong).await?;
        let counters: Counters =
            found.as_ref().map(records::decode).transpose()?.unwrap_or_default();
        let last = counter.last(&counters);
        let number = last.unwrap_or(0) + 1;
        let name = counter.attribute();
        let unmoved = match last {
            Some(last) => Condition::equals(name, last),
            None => Condition::Missing(name.to_owned()),
        };
        let mut set = records::header::<Counters>();
        set.insert(name.to_owned(), Value::from(number));
        let write = Write::update(key, set, Vec::new())
            .when(unmoved)
            .when(records::absent_or_known::<Counters>());
        Ok(Claim { number, write })
    }

    /// Takes the next number, however many race for it.
    pub(super) async fn take_number(
        &self,
        project: &ProjectId,
        counter: Counter,
    ) -> Result<u64, StoreError> {
        let mut contention = Contention::default();
        loop {
            let claim = self.claim(project, counter).await?;
            match self.store.transact(vec![claim.write]).await {
                Ok(()) => return Ok(claim.number),
                Err(error) => contention.after(error).await?,
            }
        }
    }
}
