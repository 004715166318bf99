//! Clusters and services as the sandbox remembers them.
//!
//! Invariant: a service is read together with what time has done to it since, and written back if
//! that was anything.

use aws_sdk_ecs::operation::{
    create_cluster::CreateClusterInput, create_service::CreateServiceInput,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    blue_green::{self, BlueGreen},
    faults::{no_cluster, no_service},
    images, names,
    rollout::{self, ServiceState},
    stored::Stored,
    tags::Tag,
};
use crate::sandbox::{
    SandboxError,
    call::{Call, Fault, Scope},
    state::{Entity, Transaction},
};

/// Whose things are looked at, and when.
#[derive(Debug, Clone, Copy)]
pub(in crate::sandbox) struct Viewpoint<'a> {
    /// Whose.
    pub(in crate::sandbox) scope: &'a Scope,
    /// When, by the sandbox's clock.
    pub(in crate::sandbox) now: Timestamp,
}

impl<'a> From<&'a Call> for Viewpoint<'a> {
    fn from(call: &'a Call) -> Self {
        Self { scope: &call.scope, now: call.now }
    }
}

/// A cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    /// Its short name.
    pub(super) name: String,
    /// What it was made with, and updated to.
    pub(super) input: Stored<CreateClusterInput>,
    /// Its tags.
    pub(super) tags: Vec<Tag>,
    /// Whether it has been deleted.
    pub(super) is_inactive: bool,
}

impl Entity for Cluster {
    const KIND: &'static str = "ecs.cluster";
}

/// Who moves a service's tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox) enum Controller {
    /// ECS: the only one whose rollouts the sandbox does.
    Ecs,
    /// AWS CodeDeploy.
    CodeDeploy,
    /// Somebody else, through task sets.
    External,
}

/// A service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Service {
    /// The short name of its cluster.
    pub(in crate::sandbox) cluster: String,
    /// Its name.
    pub(in crate::sandbox) name: String,
    /// What it was made with, and updated to; tags are beside it.
    pub(super) input: Stored<CreateServiceInput>,
    /// Its tags.
    pub(super) tags: Vec<Tag>,
    /// Who moves its tasks.
    pub(in crate::sandbox) controller: Controller,
    /// When it was made.
    pub(super) created_at: Timestamp,
    /// Who made it.
    pub(super) created_by: String,
    /// When it was deleted, if it was.
    pub(super) deleted_at: Option<Timestamp>,
    /// What changes by itself; of one that CodeDeploy moves, its PRIMARY task set.
    pub(super) rollout: ServiceState,
    /// What CodeDeploy has done to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) blue_green: Option<BlueGreen>,
}

impl Entity for Service {
    const KIND: &'static str = "ecs.service";
}

/// `status` of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServiceStatus {
    /// It is there.
    Active,
    /// It was deleted, and its tasks go.
    Draining,
    /// It was deleted, and its tasks are gone.
    Inactive,
}

impl ServiceStatus {
    /// As the API writes it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
            Self::Inactive => "INACTIVE",
        }
    }
}

impl Service {
    /// Whether it is there, goes, or is gone. A service is DRAINING at least in the answer to its
    /// deletion.
    pub(super) fn status(&self, now: Timestamp) -> ServiceStatus {
        match self.deleted_at {
            None => ServiceStatus::Active,
            Some(at) if at == now => ServiceStatus::Draining,
            Some(_) if self.tasks().any(rollout::Task::is_present) => ServiceStatus::Draining,
            Some(_) => ServiceStatus::Inactive,
        }
    }

    /// The full ARN of the task definition it is set to.
    pub(super) fn task_definition(&self) -> Option<&str> {
        let primary = self.rollout.primary()?;
        self.rollout.revision(primary.revision).map(|one| one.task_definition.as_str())
    }
}

/// The cluster that a request names, by name or ARN; the default one if it names none.
pub(super) fn cluster(
    transaction: &Transaction<'_>,
    scope: &Scope,
    given: Option<&str>,
) -> Result<Cluster, Fault> {
    let name = names::cluster_name(scope, given)?;
    let cluster: Option<Cluster> = transaction.get(&scope.key(name))?;
    cluster.filter(|cluster| !cluster.is_inactive).ok_or_else(no_cluster)
}

/// A service at a moment, if there is one, deleted ones included.
pub(in crate::sandbox) fn find_service(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    cluster: &str,
    name: &str,
) -> Result<Option<Service>, SandboxError> {
    let key = from.scope.key(&format!("{cluster}/{name}"));
    let Some(mut service) = transaction.get::<Service>(&key)? else { return Ok(None) };
    catch_up(transaction, from, &mut service)?;
    Ok(Some(service))
}

/// The service that a request names by name or ARN, deleted ones included.
pub(super) fn service(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    cluster: &str,
    given: Option<&str>,
) -> Result<Service, Fault> {
    let name = names::service_name(from.scope, cluster, given)?;
    find_service(transaction, from, cluster, name)?.ok_or_else(no_service)
}

/// All services of a cluster at a moment, in the order of their names, deleted ones included.
pub(super) fn services(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    cluster: &str,
) -> Result<Vec<Service>, SandboxError> {
    let found: Vec<(String, Service)> =
        transaction.scan(&from.scope.key(&format!("{cluster}/")))?;
    let mut services = Vec::with_capacity(found.len());
    for (_, mut service) in found {
        catch_up(transaction, from, &mut service)?;
        services.push(service);
    }
    Ok(services)
}

/// Keeps a service.
pub(in crate::sandbox) fn save(
    transaction: &mut Transaction<'_>,
    scope: &Scope,
    service: &Service,
) -> Result<(), SandboxError> {
    transaction.put(&scope.key(&format!("{}/{}", service.cluster, service.name)), service)
}

/// Does to a service what time has done, and keeps it if that was anything.
pub(in crate::sandbox) fn catch_up(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    service: &mut Service,
) -> Result<(), SandboxError> {
    let outlook = images::outlook(transaction, from.scope, service)?;
    if blue_green::next_event(service, &outlook).is_none_or(|next| next > from.now) {
        return Ok(());
    }
    let world = images::world_of(transaction, from.scope, service)?;
    blue_green::advance(service, from.now, &world);
    save(transaction, from.scope, service)
}
