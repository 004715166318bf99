//! Services: describing, listing and deleting them; making and changing them is beside this.

mod create;
#[cfg(test)]
mod tests;
mod update;

use aws_sdk_ecs::{
    operation::{
        create_service::CreateServiceInput,
        delete_service::{DeleteServiceInput, DeleteServiceOutput},
        describe_services::{DescribeServicesInput, DescribeServicesOutput},
        list_services::{ListServicesInput, ListServicesOutput},
    },
    types::{ResourceManagementType, ServiceField},
};
use bytes::Bytes;
use jiff::Timestamp;

pub(super) use self::{
    create::create,
    update::{redeploy, update},
};
use super::{
    estate::{self, Service, ServiceStatus},
    faults::{invalid, missing, no_service, not_active, sized},
    names, paging,
    rollout::deployment::{self, Target},
    stored::Stored,
    task_definitions::TaskDefinition,
    view,
};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
    wire,
};

/// Begins a deployment of a task definition with the service's settings as they are.
fn deploy(service: &mut Service, definition: &TaskDefinition, now: Timestamp) -> Result<(), Fault> {
    service.input.task_definition = Some(definition.arn().to_owned());
    let target = Target {
        task_definition: definition.arn().to_owned(),
        containers: definition.containers(),
        snapshot: service.input.json()?,
    };
    deployment::begin(&mut service.rollout, target, now);
    Ok(())
}

/// `DescribeServices`.
pub(super) fn describe(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, DescribeServicesInput::deserialize)?;
    let cluster = estate::cluster(transaction, &call.scope, input.cluster())?.name;
    let with_tags = input.include().contains(&ServiceField::Tags);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in sized(input.services(), "Services", 10)? {
        let name = names::service_name(&call.scope, &cluster, Some(given))?;
        if let Some(service) = estate::find_service(transaction, call.into(), &cluster, name)? {
            found.push(view::service(call, &service, with_tags)?);
        } else {
            failures.push(missing(&names::service_arn(&call.scope, &cluster, name)));
        }
    }
    let output = DescribeServicesOutput::builder().set_services(Some(found));
    wire::write(&output.set_failures(Some(failures)).build())
}

/// `ListServices`: those that were deleted are not listed.
pub(super) fn list(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListServicesInput::deserialize)?;
    let cluster = estate::cluster(transaction, &call.scope, input.cluster())?.name;
    let prefix = call.scope.key(&format!("{cluster}/"));
    let services: Vec<(String, Service)> = transaction.scan(&prefix)?;
    let arns: Vec<String> = services
        .iter()
        .filter(|(_, one)| {
            one.status(call.now) == ServiceStatus::Active && is_listed(&input, &one.input)
        })
        .map(|(_, service)| names::service_arn(&call.scope, &cluster, &service.name))
        .collect();
    let token = input.next_token();
    let (page, next) = paging::page(arns, |arn| arn, token, input.max_results(), 10)?;
    let output = ListServicesOutput::builder().set_service_arns(Some(page));
    wire::write(&output.set_next_token(next).build())
}

/// Whether a service passes the filters.
fn is_listed(filter: &ListServicesInput, service: &CreateServiceInput) -> bool {
    let launch = filter.launch_type().is_none_or(|wanted| service.launch_type() == Some(wanted));
    let strategy = filter
        .scheduling_strategy()
        .is_none_or(|wanted| service.scheduling_strategy() == Some(wanted));
    let by_customer = filter
        .resource_management_type()
        .is_none_or(|wanted| *wanted == ResourceManagementType::Customer);
    launch && strategy && by_customer
}

/// `DeleteService`.
pub(super) fn delete(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, DeleteServiceInput::deserialize)?;
    let cluster = estate::cluster(transaction, &call.scope, input.cluster())?.name;
    let mut service = estate::service(transaction, call.into(), &cluster, input.service())?;
    match service.status(call.now) {
        ServiceStatus::Active => {}
        ServiceStatus::Draining => return Err(not_active()),
        ServiceStatus::Inactive => return Err(no_service()),
    }
    if service.rollout.desired > 0 && input.force() != Some(true) {
        return Err(invalid(
            "The service cannot be stopped while the primary deployment is scaled above 0.",
        ));
    }
    service.deleted_at = Some(call.now);
    service.input.desired_count = Some(0);
    for state in service.states_mut() {
        deployment::cancel(state, call.now);
    }
    estate::catch_up(transaction, call.into(), &mut service)?;
    estate::save(transaction, &call.scope, &service)?;
    let told = view::service(call, &service, true)?;
    wire::write(&DeleteServiceOutput::builder().service(told).build())
}

/// The service's settings as they are told and remembered, without what is kept beside them.
fn settings_of(mut input: CreateServiceInput) -> Stored<CreateServiceInput> {
    input.tags = None;
    input.client_token = None;
    Stored(input)
}
