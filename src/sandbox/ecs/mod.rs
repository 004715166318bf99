//! The embedded ECS: clusters, task definitions, services and tasks, and rollouts that behave.
//!
//! [`answer`] answers one operation. Inputs and outputs are the SDK's own shapes; task definitions
//! are kept as the JSON they came in. What time does to a service is worked out in [`rollout`], for
//! the services that a request looks at, when it does.
//!
//! Simpler than AWS, on purpose: there is always room for a task; there are no container instances,
//! network interfaces and load balancers; times are shorter ([`rollout::pace`]). What the
//! sandbox cannot do is refused, and never passed over.

pub(in crate::sandbox) mod admin;
pub(in crate::sandbox) mod blue_green;
mod clusters;
mod deployments;
pub(in crate::sandbox) mod estate;
pub(in crate::sandbox) mod fate;
mod faults;
pub(in crate::sandbox) mod function;
mod images;
mod names;
mod paging;
mod planning;
pub(in crate::sandbox) mod rollout;
mod run_task;
mod services;
mod settings;
#[cfg(test)]
mod staging;
pub(in crate::sandbox) mod stored;
mod tags;
mod task_definitions;
mod tasks;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod view;
pub(in crate::sandbox) mod witness;

use bytes::Bytes;

use super::{
    call::{Call, Fault},
    state::Transaction,
};

/// Answers a request.
///
/// # Errors
/// The errors of the ECS API, or the sandbox's own failure.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let operation = match call.operation.as_str() {
        "CreateCluster" => clusters::create,
        "DescribeClusters" => clusters::describe,
        "ListClusters" => clusters::list,
        "DeleteCluster" => clusters::delete,
        "UpdateCluster" => clusters::update,
        "UpdateClusterSettings" => clusters::update_settings,
        "PutClusterCapacityProviders" => clusters::put_capacity_providers,
        "RegisterTaskDefinition" => task_definitions::register,
        "DescribeTaskDefinition" => task_definitions::describe,
        "ListTaskDefinitions" => task_definitions::list,
        "ListTaskDefinitionFamilies" => task_definitions::list_families,
        "DeregisterTaskDefinition" => task_definitions::deregister,
        "DeleteTaskDefinitions" => task_definitions::delete,
        "CreateService" => services::create,
        "UpdateService" => services::update,
        "DeleteService" => services::delete,
        "DescribeServices" => services::describe,
        "ListServices" => services::list,
        "ListTasks" => tasks::list,
        "DescribeTasks" => tasks::describe,
        "RunTask" => run_task::run,
        "StopTask" => tasks::stop,
        "ListServiceDeployments" => deployments::list,
        "DescribeServiceDeployments" => deployments::describe,
        "DescribeServiceRevisions" => deployments::describe_revisions,
        "StopServiceDeployment" => deployments::stop,
        "ContinueServiceDeployment" => deployments::go_on,
        "TagResource" => tags::tag,
        "UntagResource" => tags::untag,
        "ListTagsForResource" => tags::list,
        other => return Err(not_done(other)),
    };
    operation(call, transaction)
}

/// Refuses an operation: one that ECS has as a feature that the sandbox lacks.
fn not_done(operation: &str) -> Fault {
    if OTHERS.contains(&operation) {
        return faults::unsupported(format!("The sandbox does not do {operation}."));
    }
    let words = format!("Unknown operation {operation}.");
    Fault::new("UnknownOperationException", words)
}

/// The operations of ECS that the sandbox does not do.
const OTHERS: &[&str] = &[
    "CreateCapacityProvider",
    "CreateDaemon",
    "CreateExpressGatewayService",
    "CreateTaskSet",
    "DeleteAccountSetting",
    "DeleteAttributes",
    "DeleteCapacityProvider",
    "DeleteDaemon",
    "DeleteDaemonTaskDefinition",
    "DeleteExpressGatewayService",
    "DeleteTaskSet",
    "DeregisterContainerInstance",
    "DescribeCapacityProviders",
    "DescribeContainerInstances",
    "DescribeDaemon",
    "DescribeDaemonDeployments",
    "DescribeDaemonRevisions",
    "DescribeDaemonTaskDefinition",
    "DescribeExpressGatewayService",
    "DescribeTaskSets",
    "DiscoverPollEndpoint",
    "ExecuteCommand",
    "GetTaskProtection",
    "ListAccountSettings",
    "ListAttributes",
    "ListContainerInstances",
    "ListDaemonDeployments",
    "ListDaemonTaskDefinitions",
    "ListDaemons",
    "ListServicesByNamespace",
    "PutAccountSetting",
    "PutAccountSettingDefault",
    "PutAttributes",
    "RegisterContainerInstance",
    "RegisterDaemonTaskDefinition",
    "StartTask",
    "SubmitAttachmentStateChanges",
    "SubmitContainerStateChange",
    "SubmitTaskStateChange",
    "UpdateCapacityProvider",
    "UpdateContainerAgent",
    "UpdateContainerInstancesState",
    "UpdateDaemon",
    "UpdateExpressGatewayService",
    "UpdateServicePrimaryTaskSet",
    "UpdateTaskProtection",
    "UpdateTaskSet",
];
