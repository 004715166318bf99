//! Deployment groups: which service is moved, and how.

use aws_sdk_codedeploy::{
    operation::{
        batch_get_deployment_groups::{
            BatchGetDeploymentGroupsInput, BatchGetDeploymentGroupsOutput,
        },
        create_deployment_group::{CreateDeploymentGroupInput, CreateDeploymentGroupOutput},
        get_deployment_group::{GetDeploymentGroupInput, GetDeploymentGroupOutput},
        list_deployment_groups::{ListDeploymentGroupsInput, ListDeploymentGroupsOutput},
    },
    types::{
        AutoRollbackConfiguration, AutoRollbackEvent, DeploymentOption, DeploymentReadyAction,
        DeploymentType, InstanceAction, TargetGroupPairInfo,
    },
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    applications, configurations,
    faults::{self, at_most, refuse, required, unsupported},
    view::{self, page, uuid},
};
use crate::sandbox::{
    call::{Call, Fault, Scope},
    ecs::{
        admin::Viewpoint,
        blue_green::{self, AutoRollback, Settings},
        estate::Service,
        stored::Stored,
    },
    state::{Entity, Transaction},
    wire,
};

/// A deployment group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Group {
    /// Its id.
    pub(super) id: String,
    /// What it was made with.
    pub(super) input: Stored<CreateDeploymentGroupInput>,
}

impl Entity for Group {
    const KIND: &'static str = "codedeploy.group";
}

impl Group {
    /// The application's name.
    pub(super) fn application(&self) -> &str {
        self.input.application_name().unwrap_or_default()
    }

    /// Its own name.
    pub(super) fn name(&self) -> &str {
        self.input.deployment_group_name().unwrap_or_default()
    }

    /// The cluster and the service that it moves.
    pub(super) fn target(&self) -> (&str, &str) {
        let service = self.input.ecs_services().first();
        let cluster = service.and_then(|one| one.cluster_name()).unwrap_or("default");
        (cluster, service.and_then(|one| one.service_name()).unwrap_or_default())
    }

    /// The service that it moves, as it is now.
    pub(super) fn service(
        &self,
        transaction: &mut Transaction<'_>,
        from: Viewpoint<'_>,
    ) -> Result<Option<Service>, Fault> {
        Ok(blue_green::service(transaction, from, self.target())?)
    }
}

/// A group, by the names of its application and its own.
pub(super) fn find(
    transaction: &Transaction<'_>,
    scope: &Scope,
    (application, name): (&str, Option<&str>),
) -> Result<Group, Fault> {
    let name = faults::name(name, "DeploymentGroupName")?;
    let found: Option<Group> = transaction.get(&scope.key(&format!("{application}/{name}")))?;
    found.ok_or_else(|| {
        let words = format!("No Deployment Group found for name: {name}");
        Fault::new("DeploymentGroupDoesNotExistException", words)
    })
}

/// All groups.
pub(super) fn all(transaction: &Transaction<'_>, scope: &Scope) -> Result<Vec<Group>, Fault> {
    let all: Vec<(String, Group)> = transaction.scan(&scope.key(""))?;
    Ok(all.into_iter().map(|(_, group)| group).collect())
}

/// `CreateDeploymentGroup`.
pub(super) fn create(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, CreateDeploymentGroupInput::deserialize)?;
    let group = make(transaction, call.into(), input)?;
    wire::write(&CreateDeploymentGroupOutput::builder().deployment_group_id(group.id).build())
}

/// Makes a group.
pub(super) fn make(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    mut input: CreateDeploymentGroupInput,
) -> Result<Group, Fault> {
    input.deployment_config_name.get_or_insert_with(|| ALL_AT_ONCE.to_owned());
    let scope = from.scope;
    let application = applications::find(transaction, scope, input.application_name())?.name;
    let name = faults::name(input.deployment_group_name(), "DeploymentGroupName")?.to_owned();
    required(input.service_role_arn(), "RoleRequiredException")?;
    refuse_unsupported(&input)?;
    settings(&input, None)?;
    let key = scope.key(&format!("{application}/{name}"));
    if transaction.get::<Group>(&key)?.is_some() {
        let words = format!("Deployment Group named: {name} for {application} already exists.");
        return Err(Fault::new("DeploymentGroupAlreadyExistsException", words));
    }
    let id = uuid(&format!("{key}@{}", from.now));
    let group = Group { id, input: Stored(input) };
    if group.input.ecs_services().len() != 1 || group.service(transaction, from)?.is_none() {
        let words = "The deployment group must name one ECS service with the deployment \
                     controller CODE_DEPLOY.";
        return Err(Fault::new("InvalidECSServiceException", words));
    }
    if all(transaction, scope)?.iter().any(|other| other.target() == group.target()) {
        let words = "The ECS service is in another deployment group already.";
        return Err(Fault::new("ECSServiceMappingLimitExceededException", words));
    }
    transaction.put(&key, &group)?;
    Ok(group)
}

/// Refuses what no group can have here, or what only those of other compute platforms have.
fn refuse_unsupported(input: &CreateDeploymentGroupInput) -> Result<(), Fault> {
    const INPUT: &str = "InvalidInputException";
    let has_alarms = input.alarm_configuration().is_some_and(|alarms| alarms.enabled);
    let has_triggers = !input.trigger_configurations().is_empty();
    let by_tags = !input.ec2_tag_filters().is_empty()
        || !input.on_premises_instance_tag_filters().is_empty()
        || input.ec2_tag_set().is_some()
        || input.on_premises_tag_set().is_some();
    let outdated = input.outdated_instances_strategy().is_some();
    let has_hook = input.termination_hook_enabled() == Some(true);
    refuse(&[
        (has_alarms, "InvalidAlarmConfigException", "alarms of deployment groups"),
        (has_triggers, "InvalidTriggerConfigException", "triggers of deployment groups"),
        (!input.tags().is_empty(), "InvalidTagsToAddException", "tags"),
        (by_tags, INPUT, "deployments to instances with tags"),
        (!input.auto_scaling_groups().is_empty(), INPUT, "deployments to Auto Scaling groups"),
        (outdated, INPUT, "deployments to outdated instances"),
        (has_hook, INPUT, "termination hooks"),
        (input.ec2_deployment_options().is_some(), INPUT, "deployments to EC2 instances"),
    ])
}

/// The configuration of a group that names none.
const ALL_AT_ONCE: &str = "CodeDeployDefault.ECSAllAtOnce";

/// What a deployment of a group goes by; `configuration` is the one it asks for itself.
pub(super) fn settings(
    input: &CreateDeploymentGroupInput,
    configuration: Option<&str>,
) -> Result<Settings, Fault> {
    let style = input.deployment_style();
    let kind = style.and_then(|style| style.deployment_type());
    let option = style.and_then(|style| style.deployment_option());
    if kind != Some(&DeploymentType::BlueGreen)
        || option != Some(&DeploymentOption::WithTrafficControl)
    {
        let words = "For ECS deployment group, deployment style must be BLUE_GREEN with \
                     WITH_TRAFFIC_CONTROL.";
        return Err(Fault::new("InvalidDeploymentStyleException", words));
    }
    let name = configuration.or(input.deployment_config_name()).unwrap_or(ALL_AT_ONCE);
    let traffic = configurations::find(name)?;
    let (ready_wait, termination_wait) = waits(input)?;
    Ok(Settings {
        configuration: name.to_owned(),
        traffic,
        ready_wait,
        termination_wait,
        auto_rollback: auto_rollback(input.auto_rollback_configuration()),
        target_groups: target_groups(input)?,
    })
}

/// How long somebody is waited for, if anybody is, and how long the original task set is kept.
fn waits(input: &CreateDeploymentGroupInput) -> Result<(Option<u32>, u32), Fault> {
    let configuration = input.blue_green_deployment_configuration();
    let ready = configuration.and_then(|one| one.deployment_ready_option());
    let terminate =
        configuration.and_then(|one| one.terminate_blue_instances_on_deployment_success());
    let (Some(ready), Some(terminate)) = (ready, terminate) else {
        let words = "For ECS deployment group, the blue/green deployment configuration must say \
                     when traffic is rerouted and when the original task set is terminated.";
        return Err(Fault::new("InvalidBlueGreenDeploymentConfigurationException", words));
    };
    if terminate.action() == Some(&InstanceAction::KeepAlive) {
        return Err(unsupported(
            "InvalidBlueGreenDeploymentConfigurationException",
            "the action KEEP_ALIVE",
        ));
    }
    let minutes = |minutes: i32| u32::try_from(minutes).unwrap_or(0);
    let waits = ready.action_on_timeout() == Some(&DeploymentReadyAction::StopDeployment);
    let ready_wait = waits.then(|| minutes(ready.wait_time_in_minutes));
    Ok((ready_wait, minutes(terminate.termination_wait_time_in_minutes)))
}

/// After what deployments are rolled back.
pub(super) fn auto_rollback(configuration: Option<&AutoRollbackConfiguration>) -> AutoRollback {
    let events = configuration.filter(|one| one.enabled).map_or(&[][..], |one| one.events());
    AutoRollback {
        on_failure: events.contains(&AutoRollbackEvent::DeploymentFailure),
        on_stop: events.contains(&AutoRollbackEvent::DeploymentStopOnRequest),
    }
}

/// The names of the two target groups.
pub(super) fn target_groups(input: &CreateDeploymentGroupInput) -> Result<Vec<String>, Fault> {
    let pairs =
        input.load_balancer_info().map_or(&[][..], |info| info.target_group_pair_info_list());
    let names =
        pairs.iter().flat_map(TargetGroupPairInfo::target_groups).filter_map(|one| one.name());
    let names: Vec<String> = names.map(str::to_owned).collect();
    if pairs.len() != 1 || names.len() != 2 {
        let words = "For ECS deployment group, load balancer info must have one pair of two \
                     target groups.";
        return Err(Fault::new("InvalidLoadBalancerInfoException", words));
    }
    Ok(names)
}

/// `GetDeploymentGroup`.
pub(super) fn get(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, GetDeploymentGroupInput::deserialize)?;
    let application = applications::find(transaction, &call.scope, input.application_name())?.name;
    let group = find(transaction, &call.scope, (&application, input.deployment_group_name()))?;
    let told = view::group(transaction, call.into(), &group)?;
    wire::write(&GetDeploymentGroupOutput::builder().deployment_group_info(told).build())
}

/// `ListDeploymentGroups`, a hundred a page.
pub(super) fn list(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListDeploymentGroupsInput::deserialize)?;
    let application = applications::find(transaction, &call.scope, input.application_name())?.name;
    let found: Vec<(String, Group)> =
        transaction.scan(&call.scope.key(&format!("{application}/")))?;
    let names = found.iter().map(|(_, one)| (one.name().to_owned(), one.name().to_owned()));
    let (names, next) = page(names.collect(), input.next_token())?;
    let output = ListDeploymentGroupsOutput::builder()
        .application_name(application)
        .set_deployment_groups(Some(names));
    wire::write(&output.set_next_token(next).build())
}

/// `BatchGetDeploymentGroups`: those that are not there are left out, and told of in words.
pub(super) fn batch_get(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, BatchGetDeploymentGroupsInput::deserialize)?;
    let application = applications::find(transaction, &call.scope, input.application_name())?.name;
    let (mut told, mut missing) = (Vec::new(), Vec::new());
    for name in at_most(input.deployment_group_names(), 100, "BatchLimitExceededException")? {
        match find(transaction, &call.scope, (&application, Some(name))) {
            Ok(group) => told.push(view::group(transaction, call.into(), &group)?),
            Err(Fault::Answer { .. }) => missing.push(name.clone()),
            Err(fault) => return Err(fault),
        }
    }
    let words = (!missing.is_empty())
        .then(|| format!("No deployment groups found: {}", missing.join(", ")));
    let output = BatchGetDeploymentGroupsOutput::builder().set_deployment_groups_info(Some(told));
    wire::write(&output.set_error_message(words).build())
}
