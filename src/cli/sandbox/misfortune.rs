//! `sandbox set`: what befalls a service's tasks from outside, and where they stand.

use clap::Subcommand;

use super::{done, hand::Located, service::Place};
use crate::{
    cli::{failure::CliError, settings::Settings},
    sandbox::{Capacity, Sandbox, admin},
};

/// What befalls a service's tasks.
#[derive(Debug, Subcommand)]
pub(crate) enum MisfortuneVerb {
    /// Take the Spot capacity of a task back: of one that runs, unless `--task` names it.
    InterruptTask {
        /// Which service.
        #[command(flatten)]
        place: Place,
        /// The id of the task.
        #[arg(long)]
        task: Option<String>,
    },
    /// Say whether there is room for tasks of a service. Those that run stay.
    Capacity {
        /// Which service.
        #[command(flatten)]
        place: Place,
        /// `none`, so that no task is started; or `normal`.
        capacity: Capacity,
    },
    /// Put a service behind a target group of a load balancer, as if it had always been there.
    TargetGroup {
        /// Which service.
        #[command(flatten)]
        place: Place,
        /// The container that the load balancer reaches; the first of the service unless given.
        #[arg(long)]
        container: Option<String>,
        /// The port that it reaches.
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
}

/// Runs the verb.
pub(super) async fn run(
    settings: &Settings,
    sandbox: &Sandbox,
    verb: MisfortuneVerb,
) -> Result<(), CliError> {
    let sentence = match verb {
        MisfortuneVerb::InterruptTask { place, task } => {
            let found = place.locate(settings).await?;
            let task = match task {
                Some(task) => task,
                None => found.first_task().await?,
            };
            let (scope, cluster) = (found.scope, found.cluster.to_string());
            sandbox.interrupt_task(&admin::InterruptTask { scope, cluster, task: task.clone() })?;
            format!("Task {task} of {place} is being interrupted.")
        }
        MisfortuneVerb::Capacity { place, capacity } => {
            let Located { scope, cluster, name, .. } = place.locate(settings).await?;
            let (cluster, service) = (cluster.to_string(), name.to_string());
            sandbox.set_capacity(&admin::SetCapacity { scope, cluster, service, capacity })?;
            let room = match capacity {
                Capacity::None => "no room",
                Capacity::Normal => "room",
            };
            format!("There is {room} for tasks of {place}.")
        }
        MisfortuneVerb::TargetGroup { place, container, port } => {
            let found = place.locate(settings).await?;
            let Located { scope, cluster, name, first_container, .. } = found;
            let container = container.or(first_container).unwrap_or_default();
            let (cluster, service) = (cluster.to_string(), name.to_string());
            let reached = container.clone();
            let set = admin::SetTargetGroup { scope, cluster, service, container, port };
            let arn = sandbox.set_target_group(&set)?.target_group_arn;
            format!("Port {port} of {reached} is a target of {arn}.")
        }
    };
    done(settings, sentence);
    Ok(())
}
