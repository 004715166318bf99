//! `sandbox set`: what somebody does by hand to a service's settings and deployments.

use std::fmt;

use clap::{Args, Subcommand};

use super::{
    done,
    hand::{Located, locate},
    strategy::{self, StrategyArguments},
};
use crate::{
    cli::{failure::CliError, settings::Settings},
    sandbox::{
        Sandbox,
        admin::{self, BreakerMode},
    },
};

/// A service of the manifest in an environment.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The service.
    service: String,
    /// The environment.
    environment: String,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.service)
    }
}

impl Place {
    /// Finds it.
    pub(super) async fn locate(&self, settings: &Settings) -> Result<Located, CliError> {
        let place = (self.service.as_str(), self.environment.as_str());
        locate(settings, self.project.as_deref(), place).await
    }
}

/// What is done to a service's settings and deployments.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceVerb {
    /// Change how many tasks a service wants.
    Scale {
        /// Which service.
        #[command(flatten)]
        place: Place,
        /// How many tasks.
        count: u32,
    },
    /// Have Application Auto Scaling keep a service's number of tasks between two bounds.
    Autoscale {
        /// Which service.
        #[command(flatten)]
        place: Place,
        /// The fewest tasks.
        min: u32,
        /// The most tasks.
        max: u32,
    },
    /// Switch a service's deployment circuit breaker.
    Breaker {
        /// Which service.
        #[command(flatten)]
        place: Place,
        /// `off`; `on`, which also rolls back; or `no-rollback`.
        mode: BreakerMode,
    },
    /// Set how a service's deployments go: strategy, bake time, alarms and lifecycle hooks.
    Strategy(StrategyArguments),
    /// Let a service's deployment that waits at a pause hook go on.
    ContinueDeployment {
        /// Which service.
        #[command(flatten)]
        place: Place,
        /// Roll it back instead.
        #[arg(long)]
        rollback: bool,
    },
    /// Have a service's deployment in progress rolled back, as "Roll back" in the console does.
    StopDeployment {
        /// Which service.
        #[command(flatten)]
        place: Place,
    },
}

/// Runs the verb.
pub(super) async fn run(
    settings: &Settings,
    sandbox: &Sandbox,
    verb: ServiceVerb,
) -> Result<(), CliError> {
    match verb {
        ServiceVerb::Scale { place, count } => scale(settings, sandbox, &place, count).await,
        ServiceVerb::Autoscale { place, min, max } => {
            autoscale(settings, sandbox, &place, (min, max)).await
        }
        ServiceVerb::Breaker { place, mode } => breaker(settings, sandbox, &place, mode).await,
        ServiceVerb::Strategy(arguments) => strategy::set(settings, sandbox, arguments).await,
        ServiceVerb::ContinueDeployment { place, rollback } => {
            strategy::go_on(settings, sandbox, &place, rollback).await
        }
        ServiceVerb::StopDeployment { place } => stop(settings, sandbox, &place).await,
    }
}

/// Changes the desired count.
async fn scale(
    settings: &Settings,
    sandbox: &Sandbox,
    place: &Place,
    desired_count: u32,
) -> Result<(), CliError> {
    let Located { scope, cluster, name, .. } = place.locate(settings).await?;
    let (cluster, service) = (cluster.to_string(), name.to_string());
    sandbox.scale_service(&admin::ScaleService { scope, cluster, service, desired_count })?;
    done(settings, format!("{} wants {desired_count} tasks.", place.service));
    Ok(())
}

/// Sets the bounds of a service that is scaled.
async fn autoscale(
    settings: &Settings,
    sandbox: &Sandbox,
    place: &Place,
    (min, max): (u32, u32),
) -> Result<(), CliError> {
    let Located { scope, cluster, name, .. } = place.locate(settings).await?;
    let (cluster, service) = (cluster.to_string(), name.to_string());
    sandbox.scale_between(&admin::ScaleBetween { scope, cluster, service, min, max })?;
    done(settings, format!("{} is scaled between {min} and {max} tasks.", place.service));
    Ok(())
}

/// Switches the circuit breaker.
async fn breaker(
    settings: &Settings,
    sandbox: &Sandbox,
    place: &Place,
    breaker: BreakerMode,
) -> Result<(), CliError> {
    let Located { scope, cluster, name, .. } = place.locate(settings).await?;
    let (cluster, service) = (cluster.to_string(), name.to_string());
    sandbox.set_breaker(&admin::SetBreaker { scope, cluster, service, breaker })?;
    done(settings, format!("The circuit breaker of {} is {breaker}.", place.service));
    Ok(())
}

/// Has the deployment in progress rolled back.
async fn stop(settings: &Settings, sandbox: &Sandbox, place: &Place) -> Result<(), CliError> {
    let Located { scope, cluster, name, .. } = place.locate(settings).await?;
    let (cluster, service) = (cluster.to_string(), name.to_string());
    sandbox.stop_deployment(&admin::StopDeployment { scope, cluster, service })?;
    done(settings, format!("The deployment of {} is being rolled back.", place.service));
    Ok(())
}
