//! Deployments: asking for them, following them, and ending them.

use aws_sdk_codedeploy::{
    operation::{
        batch_get_deployments::{BatchGetDeploymentsInput, BatchGetDeploymentsOutput},
        continue_deployment::{ContinueDeploymentInput, ContinueDeploymentOutput},
        create_deployment::{CreateDeploymentInput, CreateDeploymentOutput},
        get_deployment::{GetDeploymentInput, GetDeploymentOutput},
        list_deployments::{ListDeploymentsInput, ListDeploymentsOutput},
        stop_deployment::{StopDeploymentInput, StopDeploymentOutput},
    },
    types::{DeploymentWaitType, FileExistsBehavior, StopStatus},
};
use bytes::Bytes;

use super::{
    app_spec::AppSpec,
    applications,
    faults::{at_most, bad_revision, no_deployment, refuse, required},
    groups::{self, Group},
    view::{self, page, short_id, time},
};
use crate::sandbox::{
    call::{Call, Fault},
    ecs::{
        admin::Viewpoint,
        blue_green::{self, Deployment, Request, Wait},
        estate::{self, Service},
    },
    state::Transaction,
    wire,
};

/// A deployment with its group and the service that it moves.
pub(super) struct Found {
    /// The deployment.
    pub(super) deployment: Deployment,
    /// The group.
    pub(super) group: Group,
    /// The service.
    pub(super) service: Service,
}

/// All deployments, newest first.
pub(super) fn all(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
) -> Result<Vec<Found>, Fault> {
    let mut found = Vec::new();
    for group in groups::all(transaction, from.scope)? {
        let Some(service) = group.service(transaction, from)? else { continue };
        let moves = service.moves().deployments.into_iter();
        found.extend(moves.filter(|one| one.group == group.name()).map(|deployment| Found {
            deployment,
            group: group.clone(),
            service: service.clone(),
        }));
    }
    // Those of one moment stay in their service's order.
    found.sort_by_key(|one| std::cmp::Reverse(one.deployment.created_at));
    Ok(found)
}

/// A deployment.
pub(super) fn find(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    id: Option<&str>,
) -> Result<Found, Fault> {
    let id = required(id, "DeploymentIdRequiredException")?;
    let all = all(transaction, from)?;
    all.into_iter().find(|one| one.deployment.id == id).ok_or_else(|| no_deployment(id))
}

/// `CreateDeployment`.
pub(super) fn create(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, CreateDeploymentInput::deserialize)?;
    let application = applications::find(transaction, &call.scope, input.application_name())?.name;
    let named = (application.as_str(), input.deployment_group_name());
    let group = groups::find(transaction, &call.scope, named)?;
    let spec = AppSpec::of(input.revision())?;
    refuse_unsupported(&input)?;
    let mut settings = groups::settings(&group.input, input.deployment_config_name())?;
    if let Some(given) = input.auto_rollback_configuration() {
        settings.auto_rollback = groups::auto_rollback(Some(given));
    }
    let description = input.description().map(str::to_owned);
    let id = begin(transaction, call.into(), &group, (spec, settings, description))?;
    wire::write(&CreateDeploymentOutput::builder().deployment_id(id).build())
}

/// Refuses what no deployment can have here, or what only those to instances have.
fn refuse_unsupported(input: &CreateDeploymentInput) -> Result<(), Fault> {
    let has_alarms = input.override_alarm_configuration().is_some_and(|alarms| alarms.enabled);
    let instances = input.target_instances().is_some();
    let files = input.file_exists_behavior().is_some_and(|it| *it != FileExistsBehavior::Disallow);
    let goes_on = input.ignore_application_stop_failures() == Some(true);
    let outdated = input.update_outdated_instances_only() == Some(true);
    let restarts = input.deployment_mode().is_some_and(|mode| mode.as_str() != "STANDARD");
    refuse(&[
        (has_alarms, "InvalidAlarmConfigException", "alarms of deployments"),
        (instances, "InvalidTargetInstancesException", "deployments to instances"),
        (files, "InvalidFileExistsBehaviorException", "deployments of files"),
        (
            goes_on,
            "InvalidIgnoreApplicationStopFailuresValueException",
            "deployments that stop applications",
        ),
        (
            outdated,
            "InvalidUpdateOutdatedInstancesOnlyValueException",
            "deployments to outdated instances",
        ),
        (restarts, "InvalidInputException", "deployments that restart"),
    ])
}

/// Begins a deployment of a group; its id.
pub(super) fn begin(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    group: &Group,
    (spec, settings, description): (AppSpec, blue_green::Settings, Option<String>),
) -> Result<String, Fault> {
    let Some(service) = group.service(transaction, from)? else {
        let words = "The ECS service of the deployment group is not there.";
        return Err(Fault::new("InvalidECSServiceException", words));
    };
    let moves = service.moves();
    if let Some(busy) = moves.under_way() {
        let words = format!(
            "The Deployment Group '{}' already has an active Deployment '{}'",
            group.name(),
            busy.id
        );
        return Err(Fault::new("DeploymentLimitExceededException", words));
    }
    let seed = format!(
        "{}/{} {} {}",
        group.application(),
        group.name(),
        from.now,
        moves.deployments.len()
    );
    let id = short_id(&seed);
    let request = Request {
        id: id.clone(),
        application: group.application().to_owned(),
        group: group.name().to_owned(),
        description,
        content: spec.content,
        settings,
        task_definition: spec.task_definition,
        target: spec.target,
    };
    match blue_green::deploy(transaction, from, service, request) {
        Ok(()) => Ok(id),
        // In AWS the deployment would begin, and fail with these words of ECS.
        Err(Fault::Answer { members, .. }) => {
            let words = members.get("message").and_then(|text| text.as_str()).unwrap_or_default();
            Err(bad_revision(words))
        }
        Err(fault) => Err(fault),
    }
}

/// `GetDeployment`.
pub(super) fn get(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, GetDeploymentInput::deserialize)?;
    let found = find(transaction, call.into(), input.deployment_id())?;
    let told = view::deployment(&found);
    wire::write(&GetDeploymentOutput::builder().deployment_info(told).build())
}

/// `BatchGetDeployments`: those that are not there are left out.
pub(super) fn batch_get(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, BatchGetDeploymentsInput::deserialize)?;
    let ids = at_most(input.deployment_ids(), 25, "BatchLimitExceededException")?;
    let all = all(transaction, call.into())?;
    let told = all.iter().filter(|one| ids.contains(&one.deployment.id)).map(view::deployment);
    let output = BatchGetDeploymentsOutput::builder();
    wire::write(&output.set_deployments_info(Some(told.collect())).build())
}

/// `ListDeployments`, newest first, a hundred a page.
pub(super) fn list(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListDeploymentsInput::deserialize)?;
    let is_external = input.external_id().is_some();
    refuse(&[(is_external, "InvalidExternalIdException", "deployments of external resources")])?;
    if input.deployment_group_name().is_some() {
        required(input.application_name(), "ApplicationNameRequiredException")?;
    }
    if let Some(application) = input.application_name() {
        let application = applications::find(transaction, &call.scope, Some(application))?.name;
        if input.deployment_group_name().is_some() {
            let named = (application.as_str(), input.deployment_group_name());
            groups::find(transaction, &call.scope, named)?;
        }
    }
    let all = all(transaction, call.into())?;
    let listed = all.into_iter().filter(|one| is_listed(&input, &one.deployment));
    // The page's keys are in the order of the list.
    let keyed = listed.enumerate().map(|(place, one)| (format!("{place:09}"), one.deployment.id));
    let (ids, next) = page(keyed.collect(), input.next_token())?;
    let output = ListDeploymentsOutput::builder().set_deployments(Some(ids));
    wire::write(&output.set_next_token(next).build())
}

/// Whether a deployment passes the filters.
fn is_listed(input: &ListDeploymentsInput, one: &Deployment) -> bool {
    let is = |given: Option<&str>, name: &str| given.is_none_or(|given| given == name);
    let statuses = input.include_only_statuses();
    let range = input.create_time_range();
    let created = time(one.created_at);
    is(input.application_name(), &one.application)
        && is(input.deployment_group_name(), &one.group)
        && (statuses.is_empty() || statuses.contains(&view::status(one.status)))
        && range.and_then(|range| range.start()).is_none_or(|start| created >= *start)
        && range.and_then(|range| range.end()).is_none_or(|end| created <= *end)
}

/// `StopDeployment`.
pub(super) fn stop(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, StopDeploymentInput::deserialize)?;
    let mut found = find(transaction, call.into(), input.deployment_id())?;
    let rolls_back = input.auto_rollback_enabled();
    let is_newest =
        found.service.moves().under_way().is_some_and(|one| one.id == found.deployment.id);
    if !is_newest || !blue_green::stop(&mut found.service, rolls_back, call.now) {
        let words = format!("The deployment {} has already completed.", found.deployment.id);
        return Err(Fault::new("DeploymentAlreadyCompletedException", words));
    }
    estate::save(transaction, &call.scope, &found.service)?;
    let output = StopDeploymentOutput::builder().status(StopStatus::Succeeded);
    wire::write(&output.status_message("No more traffic is shifted.").build())
}

/// `ContinueDeployment`.
pub(super) fn go_on(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ContinueDeploymentInput::deserialize)?;
    let mut found = find(transaction, call.into(), input.deployment_id())?;
    let wait = match input.deployment_wait_type() {
        None | Some(DeploymentWaitType::ReadyWait) => Wait::Ready,
        Some(_) => Wait::Termination,
    };
    if found.deployment.status.is_over() {
        let words = format!("The deployment {} has already completed.", found.deployment.id);
        return Err(Fault::new("DeploymentAlreadyCompletedException", words));
    }
    let is_newest =
        found.service.moves().under_way().is_some_and(|one| one.id == found.deployment.id);
    if !is_newest || !blue_green::go_on(&mut found.service, wait, call.now) {
        let words = "The deployment is not waiting for that.";
        return Err(Fault::new("DeploymentIsNotInReadyStateException", words));
    }
    estate::catch_up(transaction, call.into(), &mut found.service)?;
    estate::save(transaction, &call.scope, &found.service)?;
    wire::write(&ContinueDeploymentOutput::builder().build())
}
