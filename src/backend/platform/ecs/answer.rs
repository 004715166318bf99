//! Telling a service deployment that is under way to go on, or to go back.
//!
//! An answer that was lost is looked up: both leave a trace in the service deployment, and only
//! where there is none is the request sent again.

use std::time::Duration;

use aws_sdk_ecs::types::{DeploymentLifecycleHookAction, StopServiceDeploymentStopType};

use super::{CONTINUE_SERVICE_DEPLOYMENT, Ecs, EcsError, STOP_SERVICE_DEPLOYMENT};
use crate::{
    backend::aws::AwsError,
    model::{HookAnswer, ServiceDeployment, ServiceDeploymentStatus},
};

/// How often a request is sent whose answer was lost and that left no trace.
const ATTEMPTS: u32 = 3;
/// How long after a lost answer is looked: a request that is still on its way has arrived by then.
const SETTLE: Duration = Duration::from_secs(2);

impl Ecs {
    /// Answers a hook that waits.
    ///
    /// # Errors
    /// Fails when ECS refuses, as it does where the hook does not wait any more, and when it is not
    /// known whether the answer arrived.
    pub async fn answer_hook(
        &self,
        deployment: &str,
        hook: &str,
        answer: HookAnswer,
    ) -> Result<(), EcsError> {
        let action = match answer {
            HookAnswer::Continue => DeploymentLifecycleHookAction::Continue,
            HookAnswer::Rollback => DeploymentLifecycleHookAction::Rollback,
        };
        let request = self
            .client
            .continue_service_deployment()
            .service_deployment_arn(deployment)
            .hook_id(hook)
            .action(action);
        let waits = |seen: &ServiceDeployment| seen.awaiting().any(|one| one.id == hook);
        let send = || async {
            let sent = self.session.call(CONTINUE_SERVICE_DEPLOYMENT, || request.clone().send());
            sent.await.map(drop)
        };
        let doing = format!("answer hook `{hook}`");
        self.until_there_is_a_trace(deployment, (send, waits)).await.map_err(EcsError::of(doing))
    }

    /// Asks for the rollback of a service deployment that is under way.
    ///
    /// # Errors
    /// Fails when ECS refuses, as it does where the deployment is over, and when it is not known
    /// whether the request arrived.
    pub async fn roll_back_deployment(&self, deployment: &str) -> Result<(), EcsError> {
        let request = self
            .client
            .stop_service_deployment()
            .service_deployment_arn(deployment)
            .stop_type(StopServiceDeploymentStopType::Rollback);
        let goes_on = |seen: &ServiceDeployment| {
            use ServiceDeploymentStatus::{InProgress, Pending};
            matches!(seen.status, Pending | InProgress)
        };
        let send = || async {
            let sent = self.session.call(STOP_SERVICE_DEPLOYMENT, || request.clone().send());
            sent.await.map(drop)
        };
        let doing = "stop the service deployment";
        self.until_there_is_a_trace(deployment, (send, goes_on)).await.map_err(EcsError::of(doing))
    }

    /// Sends a request until it was answered, or what it does has happened. What cannot be looked
    /// up stays in doubt.
    async fn until_there_is_a_trace<F: Future<Output = Result<(), AwsError>>>(
        &self,
        deployment: &str,
        (send, is_untouched): (impl Fn() -> F, impl Fn(&ServiceDeployment) -> bool),
    ) -> Result<(), AwsError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let lost = match send().await {
                Err(error) if error.is_ambiguous() => error,
                done => return done,
            };
            tokio::time::sleep(SETTLE).await;
            let seen = self.service_deployments(&[deployment.to_owned()]).await;
            let Some(seen) = seen.ok().and_then(|mut seen| seen.remove(deployment)) else {
                return Err(lost);
            };
            match is_untouched(&seen) {
                false => return Ok(()),
                true if attempts < ATTEMPTS => {}
                true => return Err(lost),
            }
        }
    }
}
