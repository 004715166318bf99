//! Whether there is a way back before the way forward is begun.

use std::collections::{BTreeMap, BTreeSet};

use super::{access::Access, definitions::definitions, error::OpError};
use crate::{
    backend::registry::Resolution,
    model::{ImageUri, ServiceId, TaskDefinitionArn},
    plan::{Plan, Warning, container_images},
};

/// Warns of every service whose image that runs now is not in its registry any more: it could not
/// be rolled back.
pub(super) async fn warn_of_lost_images(access: &Access, plan: &mut Plan) -> Result<(), OpError> {
    let before: BTreeMap<ServiceId, TaskDefinitionArn> = plan
        .steps
        .iter()
        .filter_map(|step| Some((step.service.clone(), step.before.task_definition.clone()?)))
        .collect();
    // They were read for the plan, and are kept.
    let documents = definitions(&access.ecs, before.values().map(ToString::to_string)).await?;
    let mut users: BTreeMap<ImageUri, BTreeSet<ServiceId>> = BTreeMap::new();
    for step in &plan.steps {
        let document = before.get(&step.service).and_then(|arn| documents.get(arn.as_str()));
        let images = document.and_then(|found| container_images(&found.document).ok());
        let images = images.unwrap_or_default();
        let mapped = step.target.containers.keys().filter_map(|name| images.get(name.as_str()));
        for uri in mapped.filter_map(|image| ImageUri::parse(image.as_str()).ok()) {
            users.entry(uri).or_default().insert(step.service.clone());
        }
    }
    // What is wanted as well was found already.
    users.retain(|uri, _| plan.wanted.images.values().all(|wanted| wanted.uri != *uri));
    let uris: Vec<ImageUri> = users.keys().cloned().collect();
    let found = access.registry.resolve(&uris).await?;
    for (uri, services) in users {
        if !matches!(found.get(&uri), Some(Resolution::Missing { .. })) {
            continue;
        }
        let warnings = services.into_iter().map(|service| Warning {
            service,
            text: format!("runs `{uri}`, which is not in its registry any more: it cannot go back"),
            hint: "keep the images that run when old ones are deleted from the registry".to_owned(),
        });
        plan.warnings.extend(warnings);
    }
    Ok(())
}
