//! Deployment configurations: how traffic is shifted. There are those that AWS has for ECS.

use aws_sdk_codedeploy::{
    operation::get_deployment_config::{GetDeploymentConfigInput, GetDeploymentConfigOutput},
    types::{
        ComputePlatform, DeploymentConfigInfo, TimeBasedCanary, TimeBasedLinear,
        TrafficRoutingConfig, TrafficRoutingType,
    },
};
use bytes::Bytes;

use super::{faults, view::uuid};
use crate::sandbox::{
    call::{Call, Fault},
    ecs::blue_green::Traffic,
    state::Transaction,
    wire,
};

/// How the deployment configuration with a name shifts traffic.
pub(super) fn find(name: &str) -> Result<Traffic, Fault> {
    Traffic::of(name).ok_or_else(|| {
        let words = format!("No deployment configuration found for name: {name}");
        Fault::new("DeploymentConfigDoesNotExistException", words)
    })
}

/// `GetDeploymentConfig`.
pub(super) fn get(call: &Call, _transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, GetDeploymentConfigInput::deserialize)?;
    let name = faults::name(input.deployment_config_name(), "DeploymentConfigName")?;
    let info = DeploymentConfigInfo::builder()
        .deployment_config_id(uuid(name))
        .deployment_config_name(name)
        .compute_platform(ComputePlatform::Ecs)
        .traffic_routing_config(routing(find(name)?))
        .build();
    wire::write(&GetDeploymentConfigOutput::builder().deployment_config_info(info).build())
}

/// How traffic is shifted, as the API tells it.
fn routing(traffic: Traffic) -> TrafficRoutingConfig {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let routing = TrafficRoutingConfig::builder();
    match traffic {
        Traffic::AllAtOnce => routing.r#type(TrafficRoutingType::AllAtOnce),
        Traffic::Canary { percent, minutes } => {
            let canary = TimeBasedCanary::builder().canary_percentage(number(percent));
            let canary = canary.canary_interval(number(minutes)).build();
            routing.r#type(TrafficRoutingType::TimeBasedCanary).time_based_canary(canary)
        }
        Traffic::Linear { percent, minutes } => {
            let linear = TimeBasedLinear::builder().linear_percentage(number(percent));
            let linear = linear.linear_interval(number(minutes)).build();
            routing.r#type(TrafficRoutingType::TimeBasedLinear).time_based_linear(linear)
        }
    }
    .build()
}
