//! `sandbox set`: services that CodeDeploy moves, and what somebody does to its deployments.

use clap::{Args, Subcommand};

use super::{done, hand::Located, service::Place};
use crate::{
    cli::{failure::CliError, settings::Settings},
    sandbox::{Sandbox, admin},
};

/// How CodeDeploy is to move a service.
#[derive(Debug, Args)]
pub(crate) struct Manner {
    /// How traffic is shifted.
    #[arg(long, value_name = "NAME", default_value = "CodeDeployDefault.ECSAllAtOnce")]
    config: String,
    /// Leave what fails or is stopped where it is.
    #[arg(long)]
    no_auto_rollback: bool,
    /// Wait for somebody before traffic is shifted.
    #[arg(long)]
    wait_for_continue: bool,
    /// For how many minutes the original task set is kept after that.
    #[arg(long, value_name = "MINUTES", default_value_t = 0)]
    termination_wait: u32,
}

/// What is done to services that CodeDeploy moves.
#[derive(Debug, Subcommand)]
pub(crate) enum CodeDeployVerb {
    /// Say who moves a service's tasks.
    ///
    /// Makes an application and a deployment group, named as AWS's console names them. A service
    /// is given away once, and does not come back to ECS.
    Controller {
        /// Which service.
        #[command(flatten)]
        place: Place,
        /// Whom the tasks are given to.
        #[arg(value_parser = ["code-deploy"])]
        controller: String,
        /// How they are moved.
        #[command(flatten)]
        manner: Manner,
    },
    /// Stop the deployment that CodeDeploy carries out for a service.
    StopCodeDeploy {
        /// Which service.
        #[command(flatten)]
        place: Place,
        /// Have CodeDeploy roll it back.
        #[arg(long)]
        rollback: bool,
    },
    /// Have CodeDeploy go on where it waits for somebody, or end the wait for the original task
    /// set.
    ContinueCodeDeploy {
        /// Which service.
        #[command(flatten)]
        place: Place,
    },
}

/// Runs the verb.
pub(super) async fn run(
    settings: &Settings,
    sandbox: &Sandbox,
    verb: CodeDeployVerb,
) -> Result<(), CliError> {
    match verb {
        // There is only one to give them to.
        CodeDeployVerb::Controller { place, controller: _, manner } => {
            let Located { scope, cluster, name, .. } = place.locate(settings).await?;
            let made = sandbox.hand_over(&admin::HandOver {
                scope,
                cluster: cluster.to_string(),
                service: name.to_string(),
                config: manner.config,
                auto_rollback: !manner.no_auto_rollback,
                wait_for_continue: manner.wait_for_continue,
                termination_wait: manner.termination_wait,
            })?;
            let (group, application) = (made.group, made.application);
            done(settings, format!("CodeDeploy moves {name}: {group} of {application}."));
        }
        CodeDeployVerb::StopCodeDeploy { place, rollback } => {
            let Located { scope, cluster, name, .. } = place.locate(settings).await?;
            let (cluster, service) = (cluster.to_string(), name.to_string());
            let stop = admin::StopCodeDeploy { scope, cluster, service, rollback };
            done(settings, format!("{} is stopped.", sandbox.stop_code_deploy(&stop)?.deployment));
        }
        CodeDeployVerb::ContinueCodeDeploy { place } => {
            let Located { scope, cluster, name, .. } = place.locate(settings).await?;
            let (cluster, service) = (cluster.to_string(), name.to_string());
            let on = admin::ContinueCodeDeploy { scope, cluster, service };
            done(settings, format!("{} goes on.", sandbox.continue_code_deploy(&on)?.deployment));
        }
    }
    Ok(())
}
