//! Task definitions: read as raw JSON, registered from raw JSON.

use std::{
    collections::hash_map::Entry,
    sync::{Arc, PoisonError},
    time::Duration,
};

use aws_sdk_ecs::types::{ContainerDefinition, TaskDefinitionField};

use super::{
    DEREGISTER_TASK_DEFINITION, DESCRIBE_TASK_DEFINITION, Ecs, EcsError, REGISTER_TASK_DEFINITION,
    convert,
    raw::{KeepBody, replace_body},
};
use crate::{
    backend::aws::{AwsError, FaultKind},
    model::{TaskDefinition, TaskDefinitionArn, TaskDefinitionStatus},
};

/// How often a registration is sent whose answer was lost. A revision too many does no harm.
const REGISTER_ATTEMPTS: u32 = 3;
/// How long after a lost answer the family is looked at: a request that is still on its way has
/// arrived by then.
const SETTLE: Duration = Duration::from_secs(2);

impl Ecs {
    /// Describes a task definition: by family the latest ACTIVE revision, by ARN that one. The
    /// content is ECS's own JSON, tags are those that may be sent again.
    ///
    /// What was described by ARN is kept: content never changes, and status and tags of a
    /// revision are as they were then.
    ///
    /// # Errors
    /// Fails when there is none, or the request fails.
    pub async fn task_definition(&self, reference: &str) -> Result<TaskDefinition, EcsError> {
        let arn = TaskDefinitionArn::parse(reference);
        if let Some(kept) = arn.as_ref().and_then(|arn| self.kept(arn)) {
            return Ok(kept);
        }
        let definition = self.describe_task_definition(reference).await?;
        if arn.is_some() {
            let mut kept = self.shared.definitions.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(definition.arn.clone(), definition.clone());
        }
        Ok(definition)
    }

    /// A task definition that was described before.
    fn kept(&self, arn: &TaskDefinitionArn) -> Option<TaskDefinition> {
        let kept = self.shared.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(arn).cloned()
    }

    /// Asks ECS.
    async fn describe_task_definition(&self, reference: &str) -> Result<TaskDefinition, EcsError> {
        let body = KeepBody::default();
        let request = self
            .client
            .describe_task_definition()
            .task_definition(reference)
            .include(TaskDefinitionField::Tags);
        let answer = self
            .session
            .call(DESCRIBE_TASK_DEFINITION, || {
                request.clone().customize().interceptor(body.clone()).send()
            })
            .await
            .map_err(|source| of_definition(reference, source))?;
        let described = answer
            .task_definition()
            .ok_or_else(|| EcsError::unreadable(reference, "it has no `taskDefinition`"))?;
        let arn = described.task_definition_arn().unwrap_or_default();
        let arn = TaskDefinitionArn::parse(arn)
            .ok_or_else(|| EcsError::unreadable(reference, format!("`{arn}` is no ARN")))?;
        Ok(TaskDefinition {
            arn,
            status: convert::definition_status(described.status()),
            document: body.task_definition(reference)?,
            tags: convert::tags(answer.tags()),
        })
    }

    /// Registers a revision of a family from the body of a `RegisterTaskDefinition` request, sent
    /// byte for byte. One registration of a family at a time, as ECS demands.
    ///
    /// When an answer was lost, the family's latest ACTIVE revision is looked at: if
    /// `is_wanted` says that it has the content, it is the answer, otherwise the request is sent
    /// again. A request that was lost only for a while may thus leave one more revision with the
    /// same content.
    ///
    /// # Errors
    /// Fails when ECS refuses, and with [`EcsError::RegisterInDoubt`] when even looking does not
    /// tell.
    pub async fn register(
        &self,
        family: &str,
        request_json: &str,
        is_wanted: &(dyn Fn(&TaskDefinition) -> bool + Send + Sync),
    ) -> Result<TaskDefinitionArn, EcsError> {
        let turn = self.turn_of(family);
        let _turn = turn.lock().await;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let source = match self.send_registration(family, request_json).await {
                Ok(arn) => return Ok(arn),
                Err(EcsError::Aws { source, .. }) if source.is_ambiguous() => source,
                Err(error) => return Err(error),
            };
            tokio::time::sleep(SETTLE).await;
            match self.describe_task_definition(family).await {
                Ok(latest) if is_wanted(&latest) => return Ok(latest.arn),
                Ok(_) | Err(EcsError::TaskDefinitionNotFound { .. })
                    if attempts < REGISTER_ATTEMPTS => {}
                looked => {
                    let look = looked.err().map(Box::new);
                    let family = family.to_owned();
                    return Err(EcsError::RegisterInDoubt { family, look, source });
                }
            }
        }
    }

    /// The turn of a family, held while one of its revisions is being registered.
    fn turn_of(&self, family: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut families = self.shared.families.lock().unwrap_or_else(PoisonError::into_inner);
        match families.entry(family.to_owned()) {
            Entry::Occupied(turn) => Arc::clone(turn.get()),
            Entry::Vacant(place) => Arc::clone(place.insert(Arc::default())),
        }
    }

    /// Sends a registration. The typed members satisfy the SDK and are then replaced.
    async fn send_registration(
        &self,
        family: &str,
        request_json: &str,
    ) -> Result<TaskDefinitionArn, EcsError> {
        let request = self
            .client
            .register_task_definition()
            .family(family)
            .container_definitions(ContainerDefinition::builder().build());
        let answer = self
            .session
            .call(REGISTER_TASK_DEFINITION, || {
                let body = request_json.to_owned();
                let with_body = move |request| replace_body(request, &body);
                request.clone().customize().map_request(with_body).send()
            })
            .await
            .map_err(EcsError::of(format!("register a revision of task definition `{family}`")))?;
        let arn = answer.task_definition().and_then(|made| made.task_definition_arn());
        arn.and_then(TaskDefinitionArn::parse)
            .ok_or_else(|| EcsError::unreadable(family, "the new revision has no ARN"))
    }

    /// Deregisters a revision: what runs it goes on, no service can be moved to it.
    ///
    /// # Errors
    /// Fails when ECS refuses.
    pub async fn deregister(&self, arn: &TaskDefinitionArn) -> Result<(), EcsError> {
        let request = self.client.deregister_task_definition().task_definition(arn.as_str());
        self.session
            .call(DEREGISTER_TASK_DEFINITION, || request.clone().send())
            .await
            .map_err(EcsError::of(format!("deregister task definition `{}`", arn.short())))?;
        let mut kept = self.shared.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(definition) = kept.get_mut(arn) {
            definition.status = TaskDefinitionStatus::Inactive;
        }
        Ok(())
    }
}

/// The error of a request about a task definition, which may be that there is none.
fn of_definition(reference: &str, source: AwsError) -> EcsError {
    let reference = reference.to_owned();
    if *source.kind() == FaultKind::NotFound("task definition") {
        return EcsError::TaskDefinitionNotFound { reference, source };
    }
    EcsError::Aws { doing: format!("describe task definition `{reference}`"), source }
}
