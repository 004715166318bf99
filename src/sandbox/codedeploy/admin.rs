//! What the sandbox's own commands do to its CodeDeploy, beside the API.

use aws_sdk_codedeploy::{
    operation::create_deployment_group::CreateDeploymentGroupInput,
    types::{
        AutoRollbackConfiguration, AutoRollbackEvent, BlueGreenDeploymentConfiguration,
        BlueInstanceTerminationOption, DeploymentOption, DeploymentReadyAction,
        DeploymentReadyOption, DeploymentStyle, DeploymentType, EcsService, InstanceAction,
        LoadBalancerInfo, TargetGroupInfo, TargetGroupPairInfo, TrafficRoute,
    },
};
use serde_json::json;

use super::{app_spec::AppSpec, applications, deployments, groups};
use crate::sandbox::{
    call::Fault,
    ecs::{
        admin::Viewpoint,
        blue_green::{self, Wait},
        estate,
    },
    elb,
    state::Transaction,
};

/// How CodeDeploy is to move a service.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Manner<'a> {
    /// The deployment configuration.
    pub(in crate::sandbox) configuration: &'a str,
    /// Whether what fails or is stopped is rolled back.
    pub(in crate::sandbox) rolls_back: bool,
    /// Whether somebody is waited for before traffic is shifted.
    pub(in crate::sandbox) waits: bool,
    /// For how many minutes the original task set is kept.
    pub(in crate::sandbox) termination_wait: u32,
}

/// How many minutes somebody is waited for: the longest that AWS takes, two days.
const READY_WAIT: i32 = 2880;

/// Gives a service to CodeDeploy: with an application and a group that are named as the console of
/// AWS does. Tells their names.
pub(in crate::sandbox) fn hand_over(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, service): (&str, &str),
    manner: &Manner<'_>,
) -> Result<(String, String), Fault> {
    let application = format!("AppECS-{cluster}-{service}");
    let group = format!("DgpECS-{cluster}-{service}");
    let target_groups = ["blue", "green"].map(|colour| target_group(service, colour));
    blue_green::hand_over(transaction, from, (cluster, service), &target_groups[0])?;
    applications::make(transaction, (from.scope, from.now), &application)?;
    let pair = TargetGroupPairInfo::builder()
        .set_target_groups(Some(
            target_groups
                .iter()
                .map(|name| TargetGroupInfo::builder().name(name).build())
                .collect(),
        ))
        .prod_traffic_route(TrafficRoute::builder().listener_arns(listener(from, service)).build());
    let input = CreateDeploymentGroupInput::builder()
        .application_name(&application)
        .deployment_group_name(&group)
        .deployment_config_name(manner.configuration)
        .service_role_arn(from.scope.iam_arn("role/ecsCodeDeployRole"))
        .deployment_style(
            DeploymentStyle::builder()
                .deployment_type(DeploymentType::BlueGreen)
                .deployment_option(DeploymentOption::WithTrafficControl)
                .build(),
        )
        .auto_rollback_configuration(rollback(manner.rolls_back))
        .blue_green_deployment_configuration(blue_green(manner))
        .load_balancer_info(
            LoadBalancerInfo::builder().target_group_pair_info_list(pair.build()).build(),
        )
        .ecs_services(EcsService::builder().service_name(service).cluster_name(cluster).build());
    let input = input.build().map_err(|error| Fault::new("InternalFailure", error.to_string()))?;
    groups::make(transaction, from, input)?;
    Ok((application, group))
}

/// The name of one of a service's two target groups. They have at most 32 characters.
fn target_group(service: &str, colour: &str) -> String {
    let service: String = service.chars().take(31 - colour.len()).collect();
    format!("{service}-{colour}")
}

/// The target groups of all deployment groups by their ARNs, each with the port that is reached.
pub(in crate::sandbox) fn target_groups(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
) -> Result<Vec<(String, u16)>, Fault> {
    let mut all = Vec::new();
    for group in groups::all(transaction, from.scope)? {
        let service = group.service(transaction, from)?;
        let port = service.and_then(|one| one.traffic_target()).map(|(_, port)| port);
        let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(80);
        let names = groups::target_groups(&group.input)?;
        all.extend(names.iter().map(|name| (elb::target_group_arn(from.scope, name), port)));
    }
    Ok(all)
}

/// The listener that traffic comes from.
fn listener(from: Viewpoint<'_>, service: &str) -> String {
    let listener = format!("listener/app/{service}/0123456789abcdef/0123456789abcdef");
    from.scope.arn("elasticloadbalancing", &listener)
}

/// After what deployments are rolled back.
fn rollback(is_on: bool) -> AutoRollbackConfiguration {
    let events = [AutoRollbackEvent::DeploymentFailure, AutoRollbackEvent::DeploymentStopOnRequest];
    AutoRollbackConfiguration::builder()
        .enabled(is_on)
        .set_events(is_on.then(|| events.to_vec()))
        .build()
}

/// The waits of a deployment.
fn blue_green(manner: &Manner<'_>) -> BlueGreenDeploymentConfiguration {
    let ready = if manner.waits {
        DeploymentReadyOption::builder()
            .action_on_timeout(DeploymentReadyAction::StopDeployment)
            .wait_time_in_minutes(READY_WAIT)
    } else {
        DeploymentReadyOption::builder()
            .action_on_timeout(DeploymentReadyAction::ContinueDeployment)
    };
    let minutes = i32::try_from(manner.termination_wait).unwrap_or(i32::MAX);
    let terminate = BlueInstanceTerminationOption::builder()
        .action(InstanceAction::Terminate)
        .termination_wait_time_in_minutes(minutes);
    BlueGreenDeploymentConfiguration::builder()
        .deployment_ready_option(ready.build())
        .terminate_blue_instances_on_deployment_success(terminate.build())
        .build()
}

/// Deploys a service to another task definition, as somebody else would with CodeDeploy; nothing
/// for a service that is not CodeDeploy's.
pub(in crate::sandbox) fn deploy(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, service): (&str, &str),
    task_definition: &str,
) -> Result<bool, Fault> {
    if blue_green::service(transaction, from, (cluster, service))?.is_none() {
        return Ok(false);
    }
    let all = groups::all(transaction, from.scope)?;
    let group = all.into_iter().find(|group| group.target() == (cluster, service));
    let group = group.ok_or_else(|| {
        Fault::new("DeploymentGroupDoesNotExistException", "No deployment group moves the service.")
    })?;
    let settings = groups::settings(&group.input, None)?;
    let (container, port) = traffic_target(transaction, from, (cluster, service))?;
    let properties = json!({
        "TaskDefinition": task_definition,
        "LoadBalancerInfo": { "ContainerName": container, "ContainerPort": port },
    });
    let content = json!({
        "version": "0.0",
        "Resources": [{ "TargetService": { "Type": "AWS::ECS::Service", "Properties": properties } }],
    });
    let spec = AppSpec {
        content: content.to_string(),
        task_definition: task_definition.to_owned(),
        target: (container, port),
    };
    deployments::begin(transaction, from, &group, (spec, settings, None))?;
    Ok(true)
}

/// The container and the port that traffic goes to.
fn traffic_target(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, service): (&str, &str),
) -> Result<(String, i32), Fault> {
    let found = estate::find_service(transaction, from, cluster, service)?;
    Ok(found.and_then(|service| service.traffic_target()).unwrap_or_default())
}

/// What somebody does to the deployment of a service that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Interference {
    /// Stops it, with rollback or without.
    Stop {
        /// Whether it is rolled back.
        rolls_back: bool,
    },
    /// Has traffic shifted, or the original task set terminated, now.
    Continue,
}

/// Stops a service's deployment, or has it go on. Tells its id.
pub(in crate::sandbox) fn interfere(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    target: (&str, &str),
    what: Interference,
) -> Result<String, Fault> {
    let none = || {
        Fault::new("DeploymentDoesNotExistException", "No deployment of the service is under way.")
    };
    let mut service = blue_green::service(transaction, from, target)?.ok_or_else(none)?;
    let id = service.moves().under_way().map(|one| one.id.clone()).ok_or_else(none)?;
    let now = from.now;
    let has_acted = match what {
        Interference::Stop { rolls_back } => blue_green::stop(&mut service, Some(rolls_back), now),
        Interference::Continue => {
            blue_green::go_on(&mut service, Wait::Ready, now)
                || blue_green::go_on(&mut service, Wait::Termination, now)
        }
    };
    if !has_acted {
        let words = "The deployment is not waiting for anybody.";
        return Err(Fault::new("DeploymentIsNotInReadyStateException", words));
    }
    estate::catch_up(transaction, from, &mut service)?;
    estate::save(transaction, from.scope, &service)?;
    Ok(id)
}
