//! Deployments that have begun: how they go on, and how they end.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    super::{Condition, Consistency, Index, StoreError, Write},
    DeploymentKey, Ledger,
    audit::{Chain, News},
    heads::{Bounds, HeadWrite},
    keys,
    lease::Lease,
    records::{self, DeploymentRecord},
    timeline,
};
use crate::model::{Actor, CancelRequest, DeploymentStatus, ServiceHead, ServiceId, TimelineEntry};

/// The attribute with somebody's wish that a deployment stops.
pub(super) const CANCEL: &str = "cancel";

/// How a deployment ends.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The status it must have now.
    pub expected: DeploymentStatus,
    /// The status it ends with.
    pub status: DeploymentStatus,
    /// When.
    pub at: Timestamp,
    /// The heads of the services it touched.
    pub heads: &'a [ServiceHead],
}

impl Ledger {
    /// Moves a deployment that goes on from one status to another, such as `RUNNING` to
    /// `INTERRUPTED` and back, and names it in the lease. Where it is `RUNNING` again, nobody's wish
    /// that it stops is left.
    ///
    /// # Errors
    /// Fails with [`StoreError::LeaseLost`] when the lease is somebody else's by now, with
    /// [`StoreError::Conflict`] when the deployment does not have the expected status, with
    /// [`StoreError::Invalid`] for a status that ends it or that it may not have next, and when the
    /// store cannot be used.
    #[expect(clippy::too_many_arguments, reason = "each is another thing, and none has a default")]
    pub async fn change_status(
        &self,
        lease: &Lease,
        key: &DeploymentKey,
        expected: DeploymentStatus,
        status: DeploymentStatus,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        lease.check_covers(key)?;
        check_move(expected, status, false)?;
        let mut set = Map::from_iter([("status".to_owned(), Value::from(status.as_str()))]);
        let resumed = status == DeploymentStatus::Running;
        if resumed {
            set.extend([fenced(lease)]);
        }
        let remove = if resumed { vec![CANCEL.to_owned()] } else { Vec::new() };
        let news = News::of(action_of(status), lease.by(), key.number.to_string())
            .detail(format!("it was {}", expected.as_str()))
            .reason(reason);
        let writes = [
            lease.naming(key.number),
            main_update(key, has_status(expected), set, remove),
            self.told(key, &news)?,
        ];
        let done = self.transact_and_tell(lease.chain(), &[news], &writes).await;
        done.map_err(|error| explain(lease.explain(error), key, expected.as_str()))
    }

    /// Goes on with a deployment whose command is gone, without a change of its status: names it in
    /// the lease, and takes away somebody's wish that it stops.
    ///
    /// # Errors
    /// Fails with [`StoreError::LeaseLost`] when the lease is somebody else's by now, with
    /// [`StoreError::Conflict`] when the deployment is neither `RUNNING` nor `ROLLING_BACK`, and
    /// when the store cannot be used.
    pub async fn adopt(&self, lease: &Lease, key: &DeploymentKey) -> Result<(), StoreError> {
        lease.check_covers(key)?;
        let under_way = [DeploymentStatus::Running, DeploymentStatus::RollingBack];
        let condition = Condition::Any(under_way.map(has_status).to_vec());
        let news = News::of("deployment.resumed", lease.by(), key.number.to_string())
            .detail("nobody worked on it");
        let writes = [
            lease.naming(key.number),
            main_update(key, condition, Map::from_iter([fenced(lease)]), vec![CANCEL.to_owned()]),
            self.told(key, &news)?,
        ];
        let done = self.transact_and_tell(lease.chain(), &[news], &writes).await;
        done.map_err(|error| explain(lease.explain(error), key, "RUNNING or ROLLING_BACK"))
    }

    /// The number of the lease that a deployment was begun, or last gone on with, under; none where
    /// an older version of this program did that.
    ///
    /// # Errors
    /// Fails when there is no such deployment, and when the store cannot be used.
    pub async fn fence_of(&self, key: &DeploymentKey) -> Result<Option<u64>, StoreError> {
        let found = self.store.get(&keys::deployment(key), Consistency::Strong).await?;
        let item = found.ok_or_else(|| StoreError::NotFound { what: key.to_string() })?;
        Ok(records::decode::<DeploymentRecord>(&item)?.fence)
    }

    /// Wishes that a deployment stops before its next effect, to be taken back or ended where it is.
    /// It takes no lease. The first wish stays.
    ///
    /// # Errors
    /// Fails with [`StoreError::Conflict`] when the deployment is over, with
    /// [`StoreError::NotFound`] when there is none, and when the store cannot be used.
    pub async fn request_cancel(
        &self,
        key: &DeploymentKey,
        by: &Actor,
        (takes_back, reason): (bool, Option<&str>),
    ) -> Result<(), StoreError> {
        let (at, reason_given) = (self.now(), reason.map(str::to_owned));
        let wish = CancelRequest { by: by.clone(), at, takes_back, reason: reason_given };
        let set = Map::from_iter([(CANCEL.to_owned(), records::value(&wish)?)]);
        let open = DeploymentStatus::ALL.into_iter().filter(|status| !status.is_final());
        let condition = Condition::Any(open.map(has_status).collect());
        let news = News::of("deployment.cancel_requested", by, key.number.to_string());
        let news = news.reason(reason);
        let update = main_update(key, condition, set, Vec::new());
        let writes = [update.when(Condition::Missing(CANCEL.to_owned())), self.told(key, &news)?];
        let chain = Chain::of(&key.project, &key.environment);
        let Err(error) = self.transact_and_tell(chain, &[news], &writes).await else {
            return Ok(());
        };
        let found = error.conflict().and_then(|conflict| conflict.on(&keys::deployment(key)));
        let found = found.and_then(|failed| failed.found.as_ref());
        let record = found.map(records::decode::<DeploymentRecord>).transpose()?;
        match record {
            Some(record) if !record.status.is_final() && record.cancel.is_some() => Ok(()),
            _ => Err(explain(error, key, "going on")),
        }
    }

    /// Tells that somebody answers a hook that a service of a deployment waits for. It takes no
    /// lease.
    ///
    /// # Errors
    /// Fails with [`StoreError::Conflict`] when the deployment is over, with
    /// [`StoreError::NotFound`] when there is none, and when the store cannot be used.
    pub async fn record_answer(
        &self,
        key: &DeploymentKey,
        by: &Actor,
        (service, what): (&ServiceId, &str),
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let open = DeploymentStatus::ALL.into_iter().filter(|status| !status.is_final());
        let news = News::of("deployment.hook_answered", by, key.number.to_string())
            .detail(format!("`{service}`: {what}"))
            .reason(reason);
        let entry =
            TimelineEntry { at: self.now(), service: Some(service.clone()), text: news.words() };
        let is_open = Write::check(keys::deployment(key))
            .when(Condition::Any(open.map(has_status).collect()))
            .when(records::known::<DeploymentRecord>());
        let writes = [is_open, timeline::telling_one(key, &entry)?];
        let chain = Chain::of(&key.project, &key.environment);
        let done = self.transact_and_tell(chain, &[news], &writes).await;
        done.map_err(|error| explain(error, key, "going on"))
    }

    /// Ends a deployment: its status, the heads of its services, and its place among those that are
    /// not over, in one transaction. Gives the services whose heads were left as they are, since a
    /// newer deployment has touched them.
    ///
    /// More than 95 heads do not fit in one transaction. They are written first, each part only
    /// while the deployment has the expected status, and the status last: a process that dies in
    /// between leaves a deployment that is not over, to be ended again with the same heads.
    ///
    /// # Errors
    /// Fails with [`StoreError::LeaseLost`] when the lease is somebody else's by now, with
    /// [`StoreError::Conflict`] when the deployment does not have the expected status, with
    /// [`StoreError::Invalid`] for a status that does not end it or that it may not have next, or
    /// heads of another deployment, and when the store cannot be used.
    pub async fn finish_deployment(
        &self,
        lease: &Lease,
        key: &DeploymentKey,
        ending: Ending<'_>,
    ) -> Result<Vec<ServiceId>, StoreError> {
        let Ending { expected, status, at, heads } = ending;
        lease.check_covers(key)?;
        check_move(expected, status, true)?;
        let set = Map::from_iter([
            ("status".to_owned(), Value::from(status.as_str())),
            ("finished_at".to_owned(), records::value(&at)?),
        ]);
        let active = [Index::Second.pk_attribute(), Index::Second.sk_attribute()];
        let active = active.map(str::to_owned).to_vec();
        let news = News::of("deployment.finished", lease.by(), key.number.to_string())
            .detail(status.as_str());
        let is_open = Write::check(keys::deployment(key)).when(has_status(expected));
        let bounds = Bounds {
            each: vec![lease.check(), is_open],
            last: vec![
                lease.check(),
                main_update(key, has_status(expected), set, active),
                self.told(key, &news)?,
            ],
            told: Some((lease.chain(), news)),
        };
        let done = self.write_heads(HeadWrite::of_all(key, heads)?, &bounds).await;
        done.map_err(|error| explain(lease.explain(error), key, expected.as_str()))
    }

    /// The entry of a deployment's timeline for news of it.
    fn told(&self, key: &DeploymentKey, news: &News) -> Result<Write, StoreError> {
        timeline::telling_one(
            key,
            &TimelineEntry { at: self.now(), service: None, text: news.words() },
        )
    }
}

/// The attribute with the number of the lease that a deployment is gone on with under.
fn fenced(lease: &Lease) -> (String, Value) {
    ("fence".to_owned(), Value::from(lease.fence()))
}

/// What a deployment's move to a status is called in the audit log.
fn action_of(status: DeploymentStatus) -> &'static str {
    match status {
        DeploymentStatus::Running => "deployment.resumed",
        DeploymentStatus::Detached => "deployment.detached",
        DeploymentStatus::Interrupted => "deployment.interrupted",
        DeploymentStatus::RollingBack => "deployment.rolling_back",
        DeploymentStatus::Unknown => "deployment.unknown",
        DeploymentStatus::Succeeded
        | DeploymentStatus::Failed
        | DeploymentStatus::RolledBack
        | DeploymentStatus::RollbackFailed
        | DeploymentStatus::Superseded
        | DeploymentStatus::Cancelled => "deployment.finished",
    }
}

/// Checks that a deployment may go from a status to another, which ends it or does not.
fn check_move(
    expected: DeploymentStatus,
    status: DeploymentStatus,
    ends: bool,
) -> Result<(), StoreError> {
    if expected.may_become(status) && status.is_final() == ends {
        return Ok(());
    }
    let verb = if ends { "end" } else { "go on" };
    let (from, to) = (expected.as_str(), status.as_str());
    Err(StoreError::invalid(format!("a deployment does not {verb} from {from} as {to}")))
}

/// That a deployment has a status.
fn has_status(status: DeploymentStatus) -> Condition {
    Condition::equals("status", status.as_str())
}

/// A change of a deployment's main record, under a condition on its status.
fn main_update(
    key: &DeploymentKey,
    condition: Condition,
    set: Map<String, Value>,
    remove: Vec<String>,
) -> Write {
    Write::update(keys::deployment(key), set, remove)
        .when(condition)
        .when(records::known::<DeploymentRecord>())
}

/// Tells a conflict on a deployment's main record in words.
fn explain(error: StoreError, key: &DeploymentKey, expected: &str) -> StoreError {
    let place = keys::deployment(key);
    let Some(failed) = error.conflict().and_then(|conflict| conflict.on(&place)) else {
        return error;
    };
    let Some(found) = &failed.found else {
        return StoreError::NotFound { what: key.to_string() };
    };
    match records::decode::<DeploymentRecord>(found) {
        Err(unreadable) => unreadable,
        Ok(record) => {
            let reason = format!("{key} is {}, not {expected}", record.status.as_str());
            StoreError::conflicting(reason, vec![failed.clone()])
        }
    }
}
