//! Whether there is a way back before the way forward is begun.

use std::collections::{BTreeMap, BTreeSet};

use super::{access::Access, error::OpError};
use crate::{
    backend::registry::Resolution,
    model::{ImageUri, ServiceId},
    plan::{Plan, ServicePicture, Warning, container_images},
};

/// The images that run now, each with the services that run it.
pub(super) type Running = BTreeMap<ImageUri, BTreeSet<ServiceId>>;

/// The images that the mapped containers of services run.
pub(super) fn running(pictures: &[ServicePicture]) -> Running {
    let mut running = Running::new();
    for picture in pictures {
        let images = container_images(&picture.running().document).unwrap_or_default();
        let mapped = picture.containers.keys().filter_map(|name| images.get(name.as_str()));
        for uri in mapped.filter_map(|image| ImageUri::parse(image.as_str()).ok()) {
            running.entry(uri).or_default().insert(picture.service.clone());
        }
    }
    running
}

/// A warning of every service to be moved whose image that runs now is not in its registry any more:
/// it could not be rolled back.
pub(super) async fn lost_images(
    access: &Access,
    plan: &Plan,
    mut running: Running,
) -> Result<Vec<Warning>, OpError> {
    let moved = plan.services();
    // What is wanted as well was found already.
    running.retain(|uri, services| {
        services.retain(|service| moved.contains(service));
        !services.is_empty() && plan.wanted.images.values().all(|wanted| wanted.uri != *uri)
    });
    let uris: Vec<ImageUri> = running.keys().cloned().collect();
    let found = access.registry.resolve(&uris).await?;
    let mut warnings = Vec::new();
    for (uri, services) in running {
        if !matches!(found.get(&uri), Some(Resolution::Missing { .. })) {
            continue;
        }
        warnings.extend(services.into_iter().map(|service| Warning {
            service,
            text: format!("runs `{uri}`, which is not in its registry any more: it cannot go back"),
            hint: "keep the images that run when old ones are deleted from the registry".to_owned(),
        }));
    }
    Ok(warnings)
}
