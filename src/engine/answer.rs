//! Answering a hook that waits, beside whatever command follows the deployment.
//!
//! It takes no lease: the deployment was decided on under one, its command still has it, and a hook
//! is answered once, by ECS's own rule. The record has the answer before ECS has.

use crate::{
    backend::{
        platform::ecs::Ecs,
        store::{Ledger, ledger::DeploymentKey},
    },
    model::{Actor, HookAnswer, ServiceId},
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
    /// The hook's id.
    pub hook: &'a str,
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
    let text = format!("{} to hook {}", answer.as_str(), answering.hook);
    ledger
        .record_answer(deployment, by, (service, &text), reason)
        .await
        .map_err(EngineError::AnswerNotRecorded)?;
    ecs.answer_hook(answering.service_deployment, answering.hook, answer)
        .await
        .map_err(|source| EngineError::NotAnswered { service: service.clone(), source })
}
