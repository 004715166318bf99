//! Reads that `doctor` sends only to see whether they are allowed, where IAM does not tell.
//!
//! They are reads that deployments send, on what they send them. What becomes of them is noted by the
//! session; what they answer is of no use here.

use crate::{
    backend::{alarms::Alarms, aws::AwsSession, platform::ecs::Ecs, scaling::Scaling},
    model::{ClusterName, EcsServiceName, ObservedService},
};

/// A name that no alarm has, to ask about one where no service has any.
const NO_ALARM: &str = "release-tool-doctor";

/// Sends them.
pub(super) async fn send(session: &AwsSession, services: &[ObservedService]) {
    if services.is_empty() {
        return;
    }
    let ecs = Ecs::new(session.clone());
    let (alarms, scaling) = (Alarms::new(session.clone()), Scaling::new(session.clone()));
    let targets: Vec<(ClusterName, EcsServiceName)> =
        services.iter().map(|one| (one.cluster.clone(), one.name.clone())).collect();
    let names = [NO_ALARM.to_owned()];
    let (watched, scaled, ()) =
        tokio::join!(alarms.states(&names), scaling.bounds(&targets), ecs.try_reads(services),);
    if let Some(error) = watched.err().or(scaled.err()) {
        tracing::debug!(%error, "tried");
    }
}
