//! Whether the audit log is as it was written.

use std::fmt;

use serde::Serialize;

use super::{
    super::{Consistency, Item, StoreError},
    Ledger,
    audit::{Chain, hash_of},
    keys,
    pages::Question,
    records::{self, AuditHead},
};
use crate::model::{AuditEvent, EnvironmentId, ProjectId};

/// A place where the audit log is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditBreak {
    /// The environment whose chain it is in; none for the project's own.
    pub environment: Option<EnvironmentId>,
    /// The number of the entry.
    pub number: u64,
    /// What is wrong there.
    pub problem: AuditProblem,
}

/// What is wrong with an entry of the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditProblem {
    /// It is not there, though later ones are, or the end of the chain names it.
    Missing,
    /// Its members are not those that its hash was made of.
    Changed,
    /// It names another hash than that of the entry before.
    Unlinked,
    /// It is there, and the end of the chain does not name it.
    NotTheEnd,
}

impl fmt::Display for AuditBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.problem {
            AuditProblem::Missing => "is missing",
            AuditProblem::Changed => "was changed after it was written",
            AuditProblem::Unlinked => "does not follow the one before",
            AuditProblem::NotTheEnd => "is the last one, and the end of the log does not name it",
        };
        match &self.environment {
            Some(environment) => {
                write!(f, "entry {} of the audit log of `{environment}` {what}", self.number)
            }
            None => write!(f, "entry {} of the project's audit log {what}", self.number),
        }
    }
}

/// An entry, as far as the chain goes.
struct Link {
    /// Its number.
    number: u64,
    /// The hash of the one before, as it says.
    previous: String,
    /// Its own, as it says.
    hash: String,
    /// Whether that is the hash of its members.
    is_sound: bool,
}

impl Link {
    /// Reads an entry. Members that this program does not know count too.
    fn of(item: &Item) -> Result<Option<Self>, StoreError> {
        let AuditEvent { number, previous, hash, .. } = records::decode(item)?;
        let is_sound =
            hash_of(item.attributes().clone()) == hash && item.key().sk() == keys::sorted(number);
        Ok(Some(Self { number, previous, hash, is_sound }))
    }
}

/// What is wrong with the entries of a chain, in their order, and the end that they lead to.
fn follow(links: &[Link]) -> (Vec<(u64, AuditProblem)>, AuditHead) {
    let mut problems = Vec::new();
    let mut last = AuditHead::default();
    for link in links {
        let next = last.number + 1;
        problems.extend((next..link.number).map(|number| (number, AuditProblem::Missing)));
        if !link.is_sound {
            problems.push((link.number, AuditProblem::Changed));
        } else if link.number == next && link.previous != last.hash {
            problems.push((link.number, AuditProblem::Unlinked));
        }
        last = AuditHead { number: link.number, hash: link.hash.clone() };
    }
    (problems, last)
}

impl Ledger {
    /// Looks whether the audit log is as it was written: the project's own chain, and those of some
    /// environments. Gives the places where it is not.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds an entry that this program cannot read.
    pub async fn verify_audit(
        &self,
        project: &ProjectId,
        environments: &[EnvironmentId],
    ) -> Result<Vec<AuditBreak>, StoreError> {
        let mut breaks = self.verify_chain(Chain::of_project(project)).await?;
        for environment in environments {
            breaks.extend(self.verify_chain(Chain::of(project, environment)).await?);
        }
        Ok(breaks)
    }

    /// Looks whether one chain is as it was written.
    pub(super) async fn verify_chain(
        &self,
        chain: Chain<'_>,
    ) -> Result<Vec<AuditBreak>, StoreError> {
        // Others may write meanwhile: what the end names now is there by then, and what is there by
        // then, the end names afterwards.
        let before = self.audit_end(chain).await?;
        let question = Question::all(keys::audit(chain.project, chain.environment), "");
        let links = self.gather(question, usize::MAX, Link::of).await?;
        let after = self.audit_end(chain).await?;
        let (mut problems, last) = follow(&links);
        let cut_off = last.number + 1..=before.number;
        problems.extend(cut_off.map(|number| (number, AuditProblem::Missing)));
        let is_the_end = after.number > last.number || after == last;
        if !is_the_end {
            problems.push((last.number, AuditProblem::NotTheEnd));
        }
        let environment = chain.environment.cloned();
        let told =
            |(number, problem)| AuditBreak { environment: environment.clone(), number, problem };
        Ok(problems.into_iter().map(told).collect())
    }

    /// The end of a chain.
    async fn audit_end(&self, chain: Chain<'_>) -> Result<AuditHead, StoreError> {
        let key = keys::audit_head(chain.project, chain.environment);
        let found = self.store.get(&key, Consistency::Strong).await?;
        Ok(found.as_ref().map(records::decode).transpose()?.unwrap_or_default())
    }
}
