//! Services that are left out of a deployment, because something of theirs does not exist.
//!
//! Invariant: services that share an image are left out together, as they move together.

use std::collections::BTreeMap;

use super::{error::OpError, images::Gathered, pictures::Album};
use crate::{
    manifest::Service,
    model::ServiceId,
    plan::{Problem, Refusal},
};

/// Leaves out what is missing where that is allowed, and refuses everything else.
pub(super) fn settle(
    allow_missing: bool,
    services: &[&Service],
    mut album: Album,
    mut gathered: Gathered,
) -> Result<(Album, Gathered, BTreeMap<ServiceId, String>), OpError> {
    let mut left_out = BTreeMap::new();
    if allow_missing {
        left_out = left_out_of(services, &album, &gathered);
        for service in left_out.keys() {
            album.pictures.retain(|picture| picture.service != *service);
            album.problems.remove(service);
        }
        gathered.problems.retain(|_, problem| !problem.is_missing_image());
    }
    let problems: Vec<Problem> =
        gathered.problems.values().chain(album.problems.values()).cloned().collect();
    if problems.is_empty() {
        return Ok((album, gathered, left_out));
    }
    Err(Refusal { problems }.into())
}

/// The services to be left out: those that miss something, and those that share an image with
/// them, because services that share an image always move together.
fn left_out_of(
    services: &[&Service],
    album: &Album,
    gathered: &Gathered,
) -> BTreeMap<ServiceId, String> {
    let mut left_out: BTreeMap<ServiceId, String> = services
        .iter()
        .filter_map(|service| Some((service.id.clone(), missing(service, album, gathered)?)))
        .collect();
    loop {
        let found = services.iter().find_map(|service| {
            let other = services.iter().find(|other| {
                let shared = |image| other.containers.values().any(|theirs| theirs == image);
                left_out.contains_key(&other.id) && service.containers.values().any(shared)
            })?;
            let is_new = !left_out.contains_key(&service.id);
            is_new.then(|| (service.id.clone(), format!("it shares an image with `{}`", other.id)))
        });
        let Some((service, reason)) = found else { return left_out };
        left_out.insert(service, reason);
    }
}

/// Why a service can be left out: it is not in ECS, or one of its images does not exist.
fn missing(service: &Service, album: &Album, gathered: &Gathered) -> Option<String> {
    let absent = album
        .problems
        .get(&service.id)
        .filter(|problem| matches!(problem, Problem::ServiceMissing { .. }));
    let image = service
        .containers
        .values()
        .find_map(|image| gathered.problems.get(image).filter(|p| p.is_missing_image()));
    absent.or(image).map(ToString::to_string)
}
