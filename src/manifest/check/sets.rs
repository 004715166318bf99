//! Service sets: their members, and the environments that RFC 013 describes inside of them.

use super::{Draft, Kind, SetCluster, define};
use crate::{
    manifest::{
        error::ManifestErrorKind,
        project::{Environment, ServiceSet},
        read::{Collection, Item, Member, Members, join},
        shape,
        source::Span,
        tree::Text,
    },
    model::{AccountId, ClusterName, EnvironmentId, OnFailure, ServiceId, ServiceSetId},
};

/// The account that a set says for its environments.
struct SetAccount {
    id: AccountId,
    /// The path of its key.
    place: String,
    /// Where it is.
    span: Span,
}

impl Draft<'_> {
    /// Defines the service sets, and what is defined inside of them.
    pub(super) fn define_sets(&mut self, sets: Option<Collection<shape::ServiceSet>>) {
        for item in sets.into_iter().flat_map(|Collection(items)| items) {
            self.define_set(item);
        }
        for (id, span) in &self.defined_sets {
            if let Some(first) = self.defined_services.get(id) {
                let kind = ManifestErrorKind::SetNamedAsService(id.clone());
                self.reader.report_again(*span, *first, kind);
            }
        }
    }

    /// Defines one set.
    fn define_set(&mut self, item: Item<shape::ServiceSet>) {
        let Item { id, path, table } = item;
        let set = define(&id, Kind::ServiceSet, &mut self.defined_sets, self.reader);
        // The reader has reported a set without any.
        let members = table.services.unwrap_or(Members(Vec::new()));
        let services = self.members(&id.value, &join(&path, "services"), members);
        let restart = self.restarted(&join(&path, "restart"), table.restart);
        let account = table.account.as_ref().and_then(|account| {
            let id = self.account(account)?;
            Some(SetAccount { id, place: join(&path, "account"), span: account.0.span })
        });
        if let (Some(account), None) = (&table.account, &table.environments) {
            let (place, key, needed) = (path, "account", "environments");
            self.reader.report(account.0.span, ManifestErrorKind::NeedsKey { place, key, needed });
        }
        for item in table.environments.into_iter().flat_map(|Collection(items)| items) {
            self.set_environment(&item, account.as_ref(), &services);
        }
        let Some(set): Option<ServiceSetId> = set else { return };
        let name = table.name.map_or_else(|| set.to_string(), |name| name.value);
        self.service_sets.insert(set.clone(), ServiceSet { id: set, name, services, restart });
    }

    /// Reads the members of a set, defining those that are whole services.
    fn members(&mut self, set: &str, path: &str, Members(members): Members) -> Vec<ServiceId> {
        let mut services: Vec<ServiceId> = Vec::new();
        let mut seen: Vec<Text> = Vec::new();
        for member in members {
            let id = match member {
                Member::Named(text) => {
                    if self.is_repeated(&text, set, &seen) {
                        continue;
                    }
                    self.refer(path, Kind::Service, &text);
                    seen.push(text.clone());
                    // An id that breaks its rule is reported as dangling, or where it is defined.
                    ServiceId::new(text.value).ok()
                }
                Member::Defined(item) => {
                    seen.push(item.id.clone());
                    self.define_service(*item)
                }
            };
            services.extend(id);
        }
        services
    }

    /// Takes down a member that is in the set already.
    fn is_repeated(&mut self, member: &Text, set: &str, seen: &[Text]) -> bool {
        let Some(first) = seen.iter().find(|first| first.value == member.value) else {
            return false;
        };
        let (service, set) = (member.value.clone(), set.to_owned());
        let kind = ManifestErrorKind::DuplicateMember { service, set };
        self.reader.report_again(member.span, first.span, kind);
        true
    }

    /// Takes an environment of a set for one of the project, with a cluster for the set's services.
    fn set_environment(
        &mut self,
        item: &Item<shape::SetEnvironment>,
        account: Option<&SetAccount>,
        services: &[ServiceId],
    ) {
        let Item { id, path, table } = item;
        let environment = match self.environments.get(id.value.as_str()) {
            Some(environment) => Some(environment.id.clone()),
            None => define(id, Kind::Environment, &mut self.defined_environments, self.reader),
        };
        let cluster = table.cluster.as_ref().and_then(|text| {
            let cluster: ClusterName = self.parse(text)?;
            Some((cluster, text.span))
        });
        let Some(environment): Option<EnvironmentId> = environment else { return };
        self.merge_environment(&environment, item, account);
        let Some((cluster, span)) = cluster else { return };
        for service in services {
            self.set_clusters.push(SetCluster {
                service: service.clone(),
                environment: environment.clone(),
                cluster: cluster.clone(),
                place: join(path, "cluster"),
                span,
            });
        }
    }

    /// Adds name and account to an environment, which may be defined elsewhere too.
    fn merge_environment(
        &mut self,
        id: &EnvironmentId,
        item: &Item<shape::SetEnvironment>,
        account: Option<&SetAccount>,
    ) {
        let Item { id: Text { span, .. }, path, table } = item;
        let name = table.name.as_ref().map(|name| name.value.clone());
        let environment = self.environments.entry(id.clone()).or_insert_with(|| Environment {
            id: id.clone(),
            name: name.clone().unwrap_or_else(|| id.to_string()),
            cluster: None,
            region: None,
            account: None,
            role_arn: None,
            external_id: None,
            profile: None,
            from: None,
            registry: None,
            on_failure: OnFailure::default(),
            require_reason: false,
            terraform_state: None,
        });
        let other_place = format!("{}.environments.{id}", self.path);
        let conflict = |place: String, value: String, other_key: &str, other: String| {
            let other_place = join(&other_place, other_key);
            ManifestErrorKind::ConflictingValues { place, value, other_place, other }
        };
        if let Some(name) = name.filter(|name| *name != environment.name) {
            let place = join(path, "name");
            self.reader.report(*span, conflict(place, name, "name", environment.name.clone()));
        }
        let Some(account) = account else { return };
        let other = environment.account.get_or_insert_with(|| account.id.clone());
        if *other != account.id {
            let (value, other) = (account.id.to_string(), other.to_string());
            let kind = conflict(account.place.clone(), value, "account", other);
            self.reader.report(account.span, kind);
        }
    }

    /// Gives the clusters of sets to their services.
    pub(super) fn apply_set_clusters(&mut self) {
        for cluster in std::mem::take(&mut self.set_clusters) {
            let Some(service) = self.services.get_mut(&cluster.service) else { continue };
            let SetCluster { environment, cluster, place, span, .. } = cluster;
            let other = service.clusters.entry(environment.clone()).or_insert(cluster.clone());
            if *other != cluster {
                let kind = ManifestErrorKind::ConflictingValues {
                    place,
                    value: cluster.to_string(),
                    other_place: format!(
                        "{}.services.{}.cluster.{environment}",
                        self.path, service.id
                    ),
                    other: other.to_string(),
                };
                self.reader.report(span, kind);
            }
        }
    }
}
