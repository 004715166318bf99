//! How traffic is shifted, how far it is, and going on where somebody is waited for.
//!
//! A deployment configuration never changes once it is made, so each is read once.

use std::{sync::PoisonError, time::Duration};

use aws_sdk_codedeploy::types::DeploymentWaitType;

use super::{
    ANSWER_WITH_STOP, CONTINUE_DEPLOYMENT, CodeDeploy, GET_DEPLOYMENT_CONFIG,
    GET_DEPLOYMENT_TARGET, convert, is_missing,
};
use crate::{
    backend::{aws::AwsError, platform::ecs::EcsError},
    model::{
        CodeDeployStatus, CodeDeployTarget, CodeDeployWaits, CodeDeployment, EcsDeploymentId,
        HookAnswer, ObservedService, StageProgress, TrafficShift,
    },
};

/// How often an answer is sent of which nobody knows whether it arrived.
const ATTEMPTS: u32 = 3;
/// How long after that it is looked whether the deployment still waits.
const SETTLE: Duration = Duration::from_secs(2);

impl CodeDeploy {
    /// The same waits with how traffic is shifted, as far as CodeDeploy lets us see it.
    pub(super) async fn with_shift(
        &self,
        waits: CodeDeployWaits,
    ) -> Result<CodeDeployWaits, EcsError> {
        let shift = self.shift(&waits.configuration).await?;
        Ok(CodeDeployWaits { shift, ..waits })
    }

    /// How a deployment configuration shifts traffic.
    async fn shift(&self, configuration: &str) -> Result<TrafficShift, EcsError> {
        let shifts = || self.shared.shifts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shifts().get(configuration).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let request = self.client.get_deployment_config().deployment_config_name(configuration);
        let asked = self.session.call(GET_DEPLOYMENT_CONFIG, || request.clone().send()).await;
        let doing = format!("see how `{configuration}` shifts traffic");
        let shift = match asked.map_err(EcsError::of(doing)) {
            Ok(answer) => convert::shift(answer.deployment_config_info()),
            Err(error) if is_withheld(&error) => TrafficShift::Unknown,
            Err(error) => return Err(error),
        };
        shifts().insert(configuration.to_owned(), shift);
        Ok(shift)
    }

    /// How far a service's deployment is in its lifecycle, how traffic is shared, and until when it
    /// waits. What CodeDeploy does not tell is left out.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn stage(
        &self,
        service: &ObservedService,
        deployment: &CodeDeployment,
    ) -> Result<StageProgress, EcsError> {
        let request = self
            .client
            .get_deployment_target()
            .deployment_id(deployment.id.as_str())
            .target_id(format!("{}:{}", service.cluster, service.name));
        let asked = self.session.call(GET_DEPLOYMENT_TARGET, || request.clone().send()).await;
        let told = match asked.map_err(EcsError::of("see how traffic is shared")) {
            Ok(answer) => answer.deployment_target.and_then(|target| target.ecs_target),
            Err(error) if is_withheld(&error) => None,
            Err(error) => return Err(error),
        };
        let target = told.as_ref().map_or_else(CodeDeployTarget::default, convert::target);
        let waits = self.with_shift(deployment.waits.clone()).await?;
        Ok(CodeDeployment { waits, ..deployment.clone() }.stage(&target))
    }

    /// Answers a deployment that waits for somebody before it shifts traffic: it goes on, or is
    /// stopped and rolled back. An answer that was lost is given again while it still waits.
    ///
    /// # Errors
    /// Fails when CodeDeploy refuses, as it does where the deployment does not wait any more, and
    /// when it is not known whether the answer arrived.
    pub async fn answer(&self, id: &EcsDeploymentId, answer: HookAnswer) -> Result<(), EcsError> {
        let failed = || EcsError::of(format!("answer deployment {id} of CodeDeploy"));
        for attempt in 1.. {
            let lost = match self.send_answer(id, answer).await {
                Err(error) if error.is_ambiguous() => error,
                done => return done.map_err(failed()),
            };
            tokio::time::sleep(SETTLE).await;
            let seen = self.deployments(std::slice::from_ref(id)).await;
            let status = seen.ok().and_then(|seen| Some(seen.get(id)?.status.clone()));
            match status.map(|status| heeds(&status, answer)) {
                Some(Heeded::Yes) => return Ok(()),
                Some(Heeded::NotYet) if attempt < ATTEMPTS => {}
                _ => return Err(failed()(lost)),
            }
        }
        Ok(())
    }

    /// Sends an answer once.
    async fn send_answer(&self, id: &EcsDeploymentId, answer: HookAnswer) -> Result<(), AwsError> {
        match answer {
            HookAnswer::Continue => {
                let request = self
                    .client
                    .continue_deployment()
                    .deployment_id(id.as_str())
                    .deployment_wait_type(DeploymentWaitType::ReadyWait);
                self.session.call(CONTINUE_DEPLOYMENT, || request.clone().send()).await.map(drop)
            }
            HookAnswer::Rollback => {
                let request = self.client.stop_deployment().deployment_id(id.as_str());
                let request = request.auto_rollback_enabled(true);
                self.session.call(ANSWER_WITH_STOP, || request.clone().send()).await.map(drop)
            }
        }
    }
}

/// Whether a deployment went where an answer leads.
#[derive(Debug, PartialEq, Eq)]
enum Heeded {
    /// It did.
    Yes,
    /// It still waits.
    NotYet,
    /// It went elsewhere: somebody gave another answer, or its time was up.
    No,
}

/// Whether what a deployment is at shows that it was answered so.
fn heeds(status: &CodeDeployStatus, answer: HookAnswer) -> Heeded {
    use CodeDeployStatus as Status;
    match (answer, status) {
        (_, Status::Ready) => Heeded::NotYet,
        (HookAnswer::Continue, Status::InProgress | Status::Baking | Status::Succeeded)
        | (HookAnswer::Rollback, Status::Stopped | Status::Failed) => Heeded::Yes,
        _ => Heeded::No,
    }
}

/// Whether something is not there, or not for us to see.
fn is_withheld(error: &EcsError) -> bool {
    error.is_denied() || error.aws().is_some_and(is_missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_answer_was_heeded_only_where_it_leads() {
        use CodeDeployStatus as Status;
        for (answer, status, expected) in [
            (HookAnswer::Continue, Status::Ready, Heeded::NotYet),
            (HookAnswer::Rollback, Status::Ready, Heeded::NotYet),
            (HookAnswer::Continue, Status::InProgress, Heeded::Yes),
            (HookAnswer::Continue, Status::Baking, Heeded::Yes),
            (HookAnswer::Continue, Status::Succeeded, Heeded::Yes),
            (HookAnswer::Continue, Status::Stopped, Heeded::No),
            (HookAnswer::Continue, Status::Failed, Heeded::No),
            (HookAnswer::Rollback, Status::Stopped, Heeded::Yes),
            (HookAnswer::Rollback, Status::Failed, Heeded::Yes),
            (HookAnswer::Rollback, Status::InProgress, Heeded::No),
            (HookAnswer::Rollback, Status::Succeeded, Heeded::No),
        ] {
            assert_eq!(heeds(&status, answer), expected, "{answer:?} {status:?}");
        }
    }
}
