//! `sandbox set strategy` and `continue-deployment`: how a service's deployments go.

use clap::Args;

use super::{done, hand::Located, service::Place};
use crate::{
    cli::{failure::CliError, settings::Settings},
    sandbox::{
        Sandbox,
        admin::{self, LambdaHook, StrategyMode},
    },
};

/// Which service, and how its deployments go. What is left out is off.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool sandbox set strategy search prod blue-green --bake 5 --alarm search-5xx
  release-tool sandbox set strategy search prod canary=10 --pause-hook POST_TEST_TRAFFIC_SHIFT
  release-tool sandbox set strategy search prod rolling")]
pub(crate) struct StrategyArguments {
    /// Which service.
    #[command(flatten)]
    place: Place,
    /// `rolling`, `blue-green`, `linear[=PERCENT]` or `canary[=PERCENT]`.
    strategy: StrategyMode,
    /// The bake time: how long alarms are watched after all traffic has gone over.
    #[arg(long, value_name = "MINUTES", default_value_t = 0)]
    bake: u32,
    /// How long to wait between steps of traffic; 6 minutes for linear, 10 for canary when left out.
    #[arg(long, value_name = "MINUTES")]
    step_bake: Option<u32>,
    /// A CloudWatch alarm that ends a deployment; can be given several times.
    #[arg(long = "alarm", value_name = "NAME")]
    alarms: Vec<String>,
    /// Stop a deployment that an alarm ends, and do not roll it back.
    #[arg(long, requires = "alarms")]
    no_alarm_rollback: bool,
    /// A stage at which deployments wait for `continue-deployment`; can be given several times.
    #[arg(long = "pause-hook", value_name = "STAGE")]
    pause_hooks: Vec<String>,
    /// A stage at which deployments ask a function, see `sandbox hook`; can be given several times.
    #[arg(long = "lambda-hook", value_name = "STAGE=FUNCTION", value_parser = lambda_hook)]
    lambda_hooks: Vec<LambdaHook>,
    /// How long hooks wait; a day when left out.
    #[arg(long, value_name = "MINUTES")]
    hook_timeout: Option<u32>,
    /// Let a deployment go on whose hook has waited too long, and do not roll it back.
    #[arg(long)]
    continue_on_timeout: bool,
}

/// Reads a stage and its function.
fn lambda_hook(text: &str) -> Result<LambdaHook, String> {
    let (stage, function) = text.split_once('=').ok_or("it is no `STAGE=FUNCTION`")?;
    Ok(LambdaHook { stage: stage.to_owned(), function: function.to_owned() })
}

/// Sets how a service's deployments go.
pub(super) async fn set(
    settings: &Settings,
    sandbox: &Sandbox,
    arguments: StrategyArguments,
) -> Result<(), CliError> {
    let Located { scope, cluster, name, .. } = arguments.place.locate(settings).await?;
    let strategy = arguments.strategy;
    sandbox.set_strategy(&admin::SetStrategy {
        scope,
        cluster: cluster.to_string(),
        service: name.to_string(),
        strategy,
        bake: arguments.bake,
        step_bake: arguments.step_bake,
        alarms: arguments.alarms,
        no_alarm_rollback: arguments.no_alarm_rollback,
        pause_hooks: arguments.pause_hooks,
        lambda_hooks: arguments.lambda_hooks,
        hook_timeout: arguments.hook_timeout,
        continue_on_timeout: arguments.continue_on_timeout,
    })?;
    let service = &arguments.place;
    done(settings, format!("Deployments of {service} are {strategy} from the next one on."));
    Ok(())
}

/// Lets the deployment that waits at a pause hook go on, or back.
pub(super) async fn go_on(
    settings: &Settings,
    sandbox: &Sandbox,
    place: &Place,
    rollback: bool,
) -> Result<(), CliError> {
    let Located { scope, cluster, name, .. } = place.locate(settings).await?;
    let (cluster, service) = (cluster.to_string(), name.to_string());
    sandbox.continue_deployment(&admin::ContinueDeployment {
        scope,
        cluster,
        service,
        rollback,
    })?;
    let verb = if rollback { "goes back" } else { "goes on" };
    done(settings, format!("The deployment of {place} {verb}."));
    Ok(())
}
