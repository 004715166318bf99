//! Who made the ECS deployment that took ours's place: this tool, from another deployment of the
//! record, or somebody past it.

use tokio::time::{Duration, timeout};

use super::{Engine, run::Run};
use crate::model::{Deployment, DeploymentNumber, EcsDeploymentId, ServiceId, Verdict};

/// How many of a service's deployments are looked through, newest first.
const LOOKED_THROUGH: usize = 20;
/// For how long the record is asked: it never stands in the way of a verdict.
const PATIENCE: Duration = Duration::from_secs(10);

impl Engine<'_> {
    /// A verdict with the deployment of the record that took the place of ours, if one did.
    pub(super) async fn with_maker(
        &self,
        run: &Run<'_>,
        (service, verdict): (&ServiceId, Verdict),
    ) -> Verdict {
        match verdict {
            Verdict::Superseded { by: Some(by), task_definition, completed, deployment: None } => {
                let deployment = self.maker_of(run, (service, &by)).await;
                Verdict::Superseded { by: Some(by), task_definition, completed, deployment }
            }
            other => other,
        }
    }

    /// The deployment of the record, of whatever environment, that started an ECS deployment of a
    /// service; none where the record does not tell.
    async fn maker_of(
        &self,
        run: &Run<'_>,
        (service, by): (&ServiceId, &EcsDeploymentId),
    ) -> Option<DeploymentNumber> {
        let ours = run.journal.deployment();
        let asking = self.ledger.history(&ours.project, None, Some(service), LOOKED_THROUGH);
        let recorded = timeout(PATIENCE, asking).await.ok()?.ok()?;
        let maker = |one: &&Deployment| one.number != ours.number && has_started(one, by);
        recorded.iter().find(maker).map(|one| one.number)
    }
}

/// Whether a deployment started an ECS deployment, on its way forward or back.
fn has_started(deployment: &Deployment, started: &EcsDeploymentId) -> bool {
    deployment.steps.iter().any(|step| {
        let back = step.compensation.as_ref().and_then(|back| back.ecs_deployment.as_ref());
        [step.ecs_deployment.as_ref(), back].contains(&Some(started))
    })
}
