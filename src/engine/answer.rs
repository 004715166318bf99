//! Answering a hook or a deployment of CodeDeploy that waits, beside whatever command follows it.
//!
//! It takes no lease: the deployment was decided on under one, its command still has it, and a hook
//! is answered once, by ECS's own rule. The record has the answer before ECS has.

use crate::{
    backend::{
        platform::ecs::Ecs,
        store::{Ledger, ledger::DeploymentKey},
    },
    model::{Actor, EcsDeploymentId, HookAnswer, HookDetail, ServiceId},
};

use super::error::EngineError;

/// An answer to a hook.
#[derive(Debug, Clone, Copy)]
pub struct Answering<'a> {
    /// The deployment of the record.
    pub deployment: &'a DeploymentKey,
    /// The service.
    pub service: &'a ServiceId,
    /// The service deployment's ARN.
    pub service_deployment: &'a str,
    /// The hook, or that CodeDeploy waits.
    pub hook: &'a HookDetail,
    /// The answer.
    pub answer: HookAnswer,
    /// Who answers.
    pub by: &'a Actor,
    /// Why.
    pub reason: Option<&'a str>,
}

/// Gives the answer.
///
/// # Errors
/// Fails when the record cannot be written, so that nothing was answered, and when ECS refuses or
/// does not say.
pub async fn answer_hook(
    ecs: &Ecs,
    ledger: &Ledger,
    answering: &Answering<'_>,
) -> Result<(), EngineError> {
    let Answering { deployment, service, answer, by, reason, .. } = *answering;
    let hook = answering.hook;
    let what = if hook.is_ready_wait() { "deployment" } else { "hook" };
    let text = format!("{} to {what} {}", answer.as_str(), hook.id);
    ledger
        .record_answer(deployment, by, (service, &text), reason)
        .await
        .map_err(EngineError::AnswerNotRecorded)?;
    let answered = if hook.is_ready_wait() {
        ecs.code_deploy().answer(&EcsDeploymentId::new(&hook.id), answer).await
    } else {
        ecs.answer_hook(answering.service_deployment, &hook.id, answer).await
    };
    answered.map_err(|source| EngineError::NotAnswered { service: service.clone(), source })
}
