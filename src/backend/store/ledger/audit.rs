//! The audit log: chains of entries, each of which names the hash of the one before.
//!
//! An entry is written in the transaction of the change that it tells, so that there is no change
//! without its entry. Numbers without gaps and the hashes show what was changed or taken away later.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{
    super::{Condition, Consistency, FailedWrite, Index, StoreError, Write},
    Ledger,
    contention::Contention,
    keys,
    pages::Question,
    records::{self, AuditHead},
};
use crate::model::{Actor, AuditEvent, EnvironmentId, ProjectId};

/// The hash's own member.
const HASH: &str = "hash";
/// What an item has beside the members of its entry.
const OTHERS: [&str; 5] = ["type", "schema", "ver", "gsi1pk", "gsi1sk"];

/// Which chain: an environment's, or the project's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain<'a> {
    /// The project.
    pub(super) project: &'a ProjectId,
    /// The environment; none for the project's own.
    pub(super) environment: Option<&'a EnvironmentId>,
}

impl<'a> Chain<'a> {
    /// The chain of an environment.
    pub(super) fn of(project: &'a ProjectId, environment: &'a EnvironmentId) -> Self {
        Self { project, environment: Some(environment) }
    }

    /// The chain of a project.
    pub(super) fn of_project(project: &'a ProjectId) -> Self {
        Self { project, environment: None }
    }

    /// Whether a failed write is one of the chain's own.
    fn has(&self, failed: &FailedWrite) -> bool {
        failed.key == keys::audit_head(self.project, self.environment)
            || failed.key.pk() == keys::audit(self.project, self.environment)
    }
}

/// Something done that is to be told.
#[derive(Debug, Clone)]
pub(super) struct News {
    /// What, such as `deployment.started`.
    pub(super) action: &'static str,
    /// By whom.
    pub(super) by: Actor,
    /// To what.
    pub(super) subject: String,
    /// What it came to.
    pub(super) detail: Option<String>,
    /// Why.
    pub(super) reason: Option<String>,
}

impl News {
    /// News without further words.
    pub(super) fn of(action: &'static str, by: &Actor, subject: impl Into<String>) -> Self {
        let by = by.clone();
        Self { action, by, subject: subject.into(), detail: None, reason: None }
    }

    /// With what it came to.
    pub(super) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// With the reason given, if one was.
    pub(super) fn reason(self, reason: Option<&str>) -> Self {
        Self { reason: reason.map(str::to_owned), ..self }
    }

    /// In words, for a timeline: the action and what it came to.
    pub(super) fn words(&self) -> String {
        let what = self.action.rsplit('.').next().unwrap_or(self.action).replace('_', " ");
        let mut words = format!("{what} by {}", self.by.name);
        for more in [&self.detail, &self.reason].into_iter().flatten() {
            words.push_str(": ");
            words.push_str(more);
        }
        words
    }

    /// As the entry after another.
    fn after(&self, head: &AuditHead, chain: Chain<'_>, at: Timestamp) -> AuditEvent {
        AuditEvent {
            number: head.number + 1,
            environment: chain.environment.cloned(),
            at,
            actor: self.by.clone(),
            action: self.action.to_owned(),
            subject: self.subject.clone(),
            detail: self.detail.clone(),
            reason: self.reason.clone(),
            previous: head.hash.clone(),
            hash: String::new(),
        }
    }
}

impl Ledger {
    /// The newest entries, newest first: of one environment, or of the whole project, where one
    /// written a moment ago may be missing.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds one that this program cannot read.
    pub async fn audit(
        &self,
        project: &ProjectId,
        environment: Option<&EnvironmentId>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        let question = match environment {
            Some(_) => Question::newest(keys::audit(project, environment)),
            None => Question::newest_in(Index::First, keys::audits(project)),
        };
        let question = question.paged_for(limit);
        self.gather(question, limit, |item| records::decode(item).map(Some)).await
    }

    /// The writes that put news at the end of a chain as it is now; they fail when it has moved.
    pub(super) async fn audit_writes(
        &self,
        chain: Chain<'_>,
        news: &[News],
    ) -> Result<Vec<Write>, StoreError> {
        let key = keys::audit_head(chain.project, chain.environment);
        let found = self.store.get(&key, Consistency::Strong).await?;
        let seen: Option<AuditHead> = found.as_ref().map(records::decode).transpose()?;
        let mut head = seen.clone().unwrap_or_default();
        let mut writes = Vec::with_capacity(news.len() + 1);
        for one in news {
            let (write, next) = appended(chain, one.after(&head, chain, self.now()))?;
            writes.push(write);
            head = next;
        }
        let unmoved = match &seen {
            Some(seen) => Condition::equals("number", seen.number),
            None => Condition::Absent,
        };
        let mut set = records::header::<AuditHead>();
        set.extend(records::fields(&head)?);
        let update = Write::update(key, set, Vec::new()).when(unmoved);
        writes.push(match &seen {
            Some(seen) => update.when(Condition::equals(HASH, seen.hash.as_str())),
            None => update,
        });
        Ok(writes)
    }

    /// Carries out writes and puts news of them at the end of a chain, in one transaction, which is
    /// tried again where nothing but the end of the chain has moved.
    pub(super) async fn transact_and_tell(
        &self,
        chain: Chain<'_>,
        news: &[News],
        writes: &[Write],
    ) -> Result<(), StoreError> {
        let mut contention = Contention::default();
        loop {
            let told = self.audit_writes(chain, news).await?;
            let all = writes.iter().cloned().chain(told).collect();
            let Err(error) = self.store.transact(all).await else { return Ok(()) };
            if is_about_other_things(&error, chain) {
                return Err(error);
            }
            contention.after(error).await?;
        }
    }
}

/// Whether an error is about something else than the end of a chain.
fn is_about_other_things(error: &StoreError, chain: Chain<'_>) -> bool {
    let failed = error.conflict().map(|conflict| conflict.failed.as_slice());
    failed.is_none_or(|failed| failed.iter().any(|failed| !chain.has(failed)))
}

/// The write of an entry, with its hash, and the end of the chain after it.
fn appended(chain: Chain<'_>, mut event: AuditEvent) -> Result<(Write, AuditHead), StoreError> {
    event.hash = hash_of(records::fields(&event)?);
    let head = AuditHead { number: event.number, hash: event.hash.clone() };
    let place = keys::audit_event(chain.project, chain.environment, event.number);
    let entry = keys::audit_entry(chain.project, event.at, event.number);
    let attributes = records::encode(&event, Some(&entry))?;
    Ok((Write::put(place, attributes).when(Condition::Absent), head))
}

/// The hash of an entry: over all its members but the hash, as JSON without spaces whose members
/// are sorted by name. What the store adds to an item is none of them.
pub(super) fn hash_of(mut members: Map<String, Value>) -> String {
    members.retain(|name, _| name != HASH && !OTHERS.contains(&name.as_str()));
    let mut canonical = Value::Object(members);
    canonical.sort_all_objects();
    let digest = Sha256::digest(canonical.to_string());
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
