//! Moving a service to a task definition.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Ecs, EcsError, UPDATE_SERVICE, convert, raw::replace_body};
use crate::{
    backend::aws::AwsError,
    model::{ClusterName, EcsDeploymentId, EcsServiceName, ObservedService, TaskDefinitionArn},
};

/// How often an update is sent whose answer was lost, where a repeat is safe.
const UPDATE_ATTEMPTS: u32 = 3;
/// How long after a lost answer the service is looked at: a request that is still on its way has
/// arrived by then.
const SETTLE: Duration = Duration::from_secs(2);

/// What a service is to be moved to.
#[derive(Debug, Clone, Copy)]
pub struct ServiceUpdate<'a> {
    /// The cluster.
    pub cluster: &'a ClusterName,
    /// The service.
    pub service: &'a EcsServiceName,
    /// The task definition, by its full ARN.
    pub task_definition: &'a TaskDefinitionArn,
    /// Whether to start a deployment although nothing changes.
    pub force: bool,
    /// The PRIMARY deployment right before, by which a new one is told from it.
    pub primary_before: Option<&'a EcsDeploymentId>,
    /// Whether to turn the circuit breaker on, with rollback, in the same request.
    pub enable_circuit_breaker: bool,
}

/// How it is known that a service was updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// ECS said so.
    Answered(ObservedService),
    /// The answer was lost, but the service's PRIMARY deployment runs what was wanted.
    FoundAfterDoubt(ObservedService),
}

impl UpdateOutcome {
    /// The service after the update.
    #[must_use]
    pub fn service(&self) -> &ObservedService {
        let (Self::Answered(service) | Self::FoundAfterDoubt(service)) = self;
        service
    }
}

/// What looking at a service tells about an update whose answer was lost.
#[derive(Debug, PartialEq, Eq)]
enum Trace {
    /// It took effect.
    Done,
    /// Nothing has changed so far.
    Untouched,
    /// Something else happened to the service meanwhile.
    Other,
}

impl ServiceUpdate<'_> {
    /// What a service, looked at after doubt, tells of this update. A forced update took effect
    /// only if the PRIMARY deployment is a new one.
    fn trace_in(&self, service: &ObservedService) -> Trace {
        let Some(primary) = service.primary() else { return Trace::Other };
        let is_new = Some(&primary.id) != self.primary_before;
        let is_wanted = primary.task_definition.as_ref() == Some(self.task_definition);
        match (is_wanted, is_new) {
            (true, true) => Trace::Done,
            (true, false) if !self.force => Trace::Done,
            (_, false) => Trace::Untouched,
            (false, true) => Trace::Other,
        }
    }
}

impl Ecs {
    /// Tells a service to run a task definition: one request with nothing in it but the cluster,
    /// the service, the full ARN and, if asked for, `forceNewDeployment`, and the deployment
    /// configuration with the circuit breaker turned on.
    ///
    /// When the answer was lost the service is looked at. An update that is not forced is sent
    /// again if the service is untouched, since ECS starts nothing for a task definition the
    /// service already has. That the repeat is refused tells nothing of the first: it stays in
    /// doubt.
    ///
    /// # Errors
    /// Fails when ECS refuses, and with [`EcsError::UpdateInDoubt`] when even looking does not
    /// tell.
    pub async fn update_service(
        &self,
        update: &ServiceUpdate<'_>,
    ) -> Result<UpdateOutcome, EcsError> {
        let most = if update.force { 1 } else { UPDATE_ATTEMPTS };
        let (mut attempts, mut doubt) = (0, None);
        loop {
            attempts += 1;
            let source = match (self.send_update(update).await, doubt) {
                (Ok(service), _) => return Ok(UpdateOutcome::Answered(service)),
                (Err(_), Some(first)) => first,
                (Err(EcsError::Aws { source, .. }), None) if source.is_ambiguous() => source,
                (Err(error), None) => return Err(error),
            };
            tokio::time::sleep(SETTLE).await;
            let observed = self.observe_one(update.cluster, update.service).await;
            let service = match observed {
                Ok(Some(service)) => service,
                Ok(None) => return Err(in_doubt(update, Ok(None), source)),
                Err(look) => return Err(in_doubt(update, Err(look), source)),
            };
            match update.trace_in(&service) {
                Trace::Done => return Ok(UpdateOutcome::FoundAfterDoubt(service)),
                Trace::Untouched if attempts < most => doubt = Some(source),
                _ => return Err(in_doubt(update, Ok(Some(service)), source)),
            }
        }
    }

    /// Sends the update once.
    async fn send_update(&self, update: &ServiceUpdate<'_>) -> Result<ObservedService, EcsError> {
        let body = if update.enable_circuit_breaker {
            let configuration = self.deployment_configuration(update).await?;
            Some(with_breaker(update, configuration).to_string())
        } else {
            None
        };
        let request = self
            .client
            .update_service()
            .cluster(update.cluster.as_str())
            .service(update.service.as_str())
            .task_definition(update.task_definition.as_str())
            .set_force_new_deployment(update.force.then_some(true));
        let name = update.service;
        let answer = self
            .session
            .call(UPDATE_SERVICE, || {
                let (request, body) = (request.clone().customize(), body.clone());
                request
                    .map_request(move |request| match &body {
                        Some(body) => replace_body(request, body),
                        None => Ok(request),
                    })
                    .send()
            })
            .await
            .map_err(EcsError::of(format!("update ECS service `{name}`")))?;
        let service = answer
            .service()
            .ok_or_else(|| EcsError::unreadable(name.as_str(), "it has no `service`"))?;
        convert::service(update.cluster, service)
    }
}

/// The update's body with the whole deployment configuration, in which nothing is changed but the
/// circuit breaker: what a request leaves out of it might be set to its default.
fn with_breaker(update: &ServiceUpdate<'_>, configuration: Value) -> Value {
    let mut configuration = members(configuration);
    let breaker = configuration.remove("deploymentCircuitBreaker").unwrap_or_default();
    let mut breaker = members(breaker);
    breaker.insert("enable".to_owned(), json!(true));
    breaker.insert("rollback".to_owned(), json!(true));
    configuration.insert("deploymentCircuitBreaker".to_owned(), Value::Object(breaker));
    let mut body = members(json!({
        "cluster": update.cluster.as_str(),
        "service": update.service.as_str(),
        "taskDefinition": update.task_definition.as_str(),
        "deploymentConfiguration": configuration,
    }));
    if update.force {
        body.insert("forceNewDeployment".to_owned(), json!(true));
    }
    Value::Object(body)
}

/// The members of an object; none of what is not one.
fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// An update of which nobody can say whether it took effect.
fn in_doubt(
    update: &ServiceUpdate<'_>,
    looked: Result<Option<ObservedService>, EcsError>,
    source: AwsError,
) -> EcsError {
    let (observed, look) = match looked {
        Ok(observed) => (observed.map(Box::new), None),
        Err(look) => (None, Some(Box::new(look))),
    };
    EcsError::UpdateInDoubt { service: update.service.clone(), look, observed, source }
}
