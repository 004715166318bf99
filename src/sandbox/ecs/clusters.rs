//! Clusters.

use aws_sdk_ecs::{
    operation::{
        create_cluster::{CreateClusterInput, CreateClusterOutput},
        delete_cluster::{DeleteClusterInput, DeleteClusterOutput},
        describe_clusters::{DescribeClustersInput, DescribeClustersOutput},
        list_clusters::{ListClustersInput, ListClustersOutput},
        put_cluster_capacity_providers::{
            PutClusterCapacityProvidersInput, PutClusterCapacityProvidersOutput,
        },
        update_cluster::{UpdateClusterInput, UpdateClusterOutput},
        update_cluster_settings::{UpdateClusterSettingsInput, UpdateClusterSettingsOutput},
    },
    types::{self, ClusterField, ClusterSetting, ClusterSettingName},
};
use bytes::Bytes;

use super::{
    estate::{self, Cluster, Service, ServiceStatus},
    faults::{invalid, is_name, missing, required},
    names, paging,
    rollout::Counts,
    run_task,
    stored::Stored,
    tags,
};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
    wire,
};

/// `CreateCluster`: an ACTIVE cluster with the name is answered as it is.
pub(super) fn create(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let mut input = wire::read(&call.body, CreateClusterInput::deserialize)?;
    let name = input.cluster_name().unwrap_or(names::DEFAULT_CLUSTER).to_owned();
    if !is_name(&name) {
        return Err(invalid("Invalid cluster name: at most 255 letters, numbers, _ and -."));
    }
    let key = call.scope.key(&name);
    let existing: Option<Cluster> = transaction.get(&key)?;
    let cluster = if let Some(cluster) = existing.filter(|cluster| !cluster.is_inactive) {
        cluster
    } else {
        let tags = tags::given(input.tags.as_deref())?;
        input.tags = None;
        Cluster { name, input: Stored(input), tags, is_inactive: false }
    };
    transaction.put(&key, &cluster)?;
    let told = view(call, transaction, &cluster, ALL)?;
    wire::write(&CreateClusterOutput::builder().cluster(told).build())
}

/// What is told of a cluster by operations that change it.
const ALL: &[ClusterField] =
    &[ClusterField::Configurations, ClusterField::Settings, ClusterField::Tags];

/// `DescribeClusters`.
pub(super) fn describe(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, DescribeClustersInput::deserialize)?;
    if input.clusters().len() > 100 {
        return Err(invalid("Clusters cannot have more than 100 entries."));
    }
    let default = [names::DEFAULT_CLUSTER.to_owned()];
    let wanted = if input.clusters().is_empty() { &default } else { input.clusters() };
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for text in wanted {
        let name = names::cluster_name(&call.scope, Some(text))?;
        if let Some(cluster) = transaction.get::<Cluster>(&call.scope.key(name))? {
            found.push(view(call, transaction, &cluster, input.include())?);
        } else {
            failures.push(missing(&names::cluster_arn(&call.scope, name)));
        }
    }
    let output = DescribeClustersOutput::builder();
    wire::write(&output.set_clusters(Some(found)).set_failures(Some(failures)).build())
}

/// `ListClusters`.
pub(super) fn list(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListClustersInput::deserialize)?;
    let clusters: Vec<(String, Cluster)> = transaction.scan(&call.scope.key(""))?;
    let active = clusters.into_iter().filter(|(_, cluster)| !cluster.is_inactive);
    let arns: Vec<String> =
        active.map(|(_, cluster)| names::cluster_arn(&call.scope, &cluster.name)).collect();
    let token = input.next_token();
    let (page, next) = paging::page(arns, |arn| arn, token, input.max_results(), 100)?;
    let output = ListClustersOutput::builder().set_cluster_arns(Some(page));
    wire::write(&output.set_next_token(next).build())
}

/// `DeleteCluster`.
pub(super) fn delete(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, DeleteClusterInput::deserialize)?;
    let given = required(input.cluster(), "Cluster")?;
    let mut cluster = estate::cluster(transaction, &call.scope, Some(given))?;
    let population = Population::of(call, transaction, &cluster.name)?;
    if population.services > 0 {
        let words = "The Cluster cannot be deleted while Services are active.";
        return Err(Fault::new("ClusterContainsServicesException", words));
    }
    if population.tasks.pending + population.tasks.running > 0 {
        let words = "The Cluster cannot be deleted while Tasks are active.";
        return Err(Fault::new("ClusterContainsTasksException", words));
    }
    cluster.is_inactive = true;
    transaction.put(&call.scope.key(&cluster.name), &cluster)?;
    let told = view(call, transaction, &cluster, ALL)?;
    wire::write(&DeleteClusterOutput::builder().cluster(told).build())
}

/// `UpdateCluster`.
pub(super) fn update(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, UpdateClusterInput::deserialize)?;
    let given = required(input.cluster(), "Cluster")?;
    let told = change(call, transaction, given, |cluster| {
        if let Some(settings) = input.settings.clone() {
            cluster.settings = Some(settings);
        }
        if let Some(configuration) = input.configuration.clone() {
            cluster.configuration = Some(configuration);
        }
        if let Some(defaults) = input.service_connect_defaults.clone() {
            cluster.service_connect_defaults = Some(defaults);
        }
    })?;
    wire::write(&UpdateClusterOutput::builder().cluster(told).build())
}

/// `UpdateClusterSettings`.
pub(super) fn update_settings(
    call: &Call,
    transaction: &mut Transaction<'_>,
) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, UpdateClusterSettingsInput::deserialize)?;
    let given = required(input.cluster(), "Cluster")?;
    let settings = input.settings().to_vec();
    let told = change(call, transaction, given, |cluster| cluster.settings = Some(settings))?;
    wire::write(&UpdateClusterSettingsOutput::builder().cluster(told).build())
}

/// `PutClusterCapacityProviders`.
pub(super) fn put_capacity_providers(
    call: &Call,
    transaction: &mut Transaction<'_>,
) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, PutClusterCapacityProvidersInput::deserialize)?;
    let given = required(input.cluster(), "Cluster")?;
    let told = change(call, transaction, given, |cluster| {
        cluster.capacity_providers = Some(input.capacity_providers().to_vec());
        cluster.default_capacity_provider_strategy =
            Some(input.default_capacity_provider_strategy().to_vec());
    })?;
    wire::write(&PutClusterCapacityProvidersOutput::builder().cluster(told).build())
}

/// Changes a cluster, and tells of it.
fn change(
    call: &Call,
    transaction: &mut Transaction<'_>,
    given: &str,
    how: impl FnOnce(&mut CreateClusterInput),
) -> Result<types::Cluster, Fault> {
    let mut cluster = estate::cluster(transaction, &call.scope, Some(given))?;
    how(&mut cluster.input);
    transaction.put(&call.scope.key(&cluster.name), &cluster)?;
    view(call, transaction, &cluster, ALL)
}

/// What runs in a cluster.
struct Population {
    /// Services that are ACTIVE or DRAINING.
    services: i32,
    /// All tasks.
    tasks: Counts,
}

impl Population {
    /// Counts.
    fn of(call: &Call, transaction: &mut Transaction<'_>, cluster: &str) -> Result<Self, Fault> {
        let services = estate::services(transaction, call.into(), cluster)?;
        let lone = run_task::all(transaction, call.into(), cluster)?;
        let of_services = services.iter().flat_map(Service::tasks);
        let tasks = Counts::of(of_services.chain(lone.iter().map(|one| &one.task)));
        let present =
            services.iter().filter(|one| one.status(call.now) != ServiceStatus::Inactive).count();
        Ok(Self { services: i32::try_from(present).unwrap_or(i32::MAX), tasks })
    }
}

/// A cluster as the API tells it.
fn view(
    call: &Call,
    transaction: &mut Transaction<'_>,
    cluster: &Cluster,
    include: &[ClusterField],
) -> Result<types::Cluster, Fault> {
    let population = Population::of(call, transaction, &cluster.name)?;
    let input = &cluster.input;
    let tells = |field: &ClusterField| include.contains(field);
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let tags = tells(&ClusterField::Tags).then(|| tags::told(&cluster.tags));
    let settings = tells(&ClusterField::Settings).then(|| settings(input));
    let configuration = input.configuration.clone();
    let defaults = input.service_connect_defaults().map(|defaults| {
        types::ClusterServiceConnectDefaults::builder().namespace(defaults.namespace()).build()
    });
    Ok(types::Cluster::builder()
        .cluster_arn(names::cluster_arn(&call.scope, &cluster.name))
        .cluster_name(&cluster.name)
        .status(if cluster.is_inactive { "INACTIVE" } else { "ACTIVE" })
        .registered_container_instances_count(0)
        .running_tasks_count(count(population.tasks.running))
        .pending_tasks_count(count(population.tasks.pending))
        .active_services_count(population.services)
        .set_statistics(Some(Vec::new()))
        .set_tags(Some(tags.unwrap_or_default()))
        .set_settings(Some(settings.unwrap_or_default()))
        .set_configuration(configuration.filter(|_| tells(&ClusterField::Configurations)))
        .set_capacity_providers(Some(input.capacity_providers().to_vec()))
        .set_default_capacity_provider_strategy(Some(
            input.default_capacity_provider_strategy().to_vec(),
        ))
        .set_service_connect_defaults(defaults)
        .build())
}

/// A cluster's settings: Container Insights is off unless asked for.
fn settings(input: &CreateClusterInput) -> Vec<ClusterSetting> {
    if !input.settings().is_empty() {
        return input.settings().to_vec();
    }
    let off = ClusterSetting::builder().name(ClusterSettingName::ContainerInsights);
    vec![off.value("disabled").build()]
}
