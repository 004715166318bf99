//! What is done beside moving services: one-off tasks before, and restarts after.

use indexmap::IndexMap;

use super::{Draft, Kind};
use crate::{
    manifest::{
        error::ManifestErrorKind,
        read::{Names, OneOff, join},
        shape,
        source::Span,
        tree::Text,
    },
    model::{ContainerName, ImageId, RunTask, ServiceId},
};

/// How long a one-off task is waited for, unless the file says otherwise, in seconds.
const DEFAULT_TIMEOUT: u64 = 15 * 60;

/// A service as far as a one-off task depends on it.
pub(super) struct Place<'a> {
    /// Its id.
    pub(super) service: &'a Text,
    /// Its path.
    pub(super) path: &'a str,
    /// Its containers.
    pub(super) containers: &'a IndexMap<ContainerName, ImageId>,
}

impl Draft<'_> {
    /// Reads the one-off task of a service.
    pub(super) fn before(&mut self, place: &Place<'_>, before: shape::Before) -> Option<RunTask> {
        // The reader has reported what is missing.
        let OneOff { task, span } = before.run_task?;
        let path = join(&join(place.path, "before"), "run_task");
        let command: Vec<String> = task.command?.0.into_iter().map(|word| word.value).collect();
        let container = match &task.container {
            Some(named) => self.named_container(place, &join(&path, "container"), named),
            None => self.only_container(place, path, span),
        };
        let timeout = task.timeout.map(|timeout| timeout.0.as_secs());
        Some(RunTask {
            command,
            container: container?,
            timeout_seconds: timeout.unwrap_or(DEFAULT_TIMEOUT),
        })
    }

    /// The container that the file names.
    fn named_container(
        &mut self,
        place: &Place<'_>,
        path: &str,
        named: &Text,
    ) -> Option<ContainerName> {
        let known = place.containers.keys();
        if let Some(found) = known.clone().find(|container| container.as_str() == named.value) {
            return Some(found.clone());
        }
        let kind = ManifestErrorKind::UnknownContainer {
            place: path.to_owned(),
            container: named.value.clone(),
            service: place.service.value.clone(),
            containers: known.cloned().collect(),
        };
        self.reader.report(named.span, kind);
        None
    }

    /// The container where the file names none.
    fn only_container(
        &mut self,
        place: &Place<'_>,
        path: String,
        span: Span,
    ) -> Option<ContainerName> {
        let containers: Vec<ContainerName> = place.containers.keys().cloned().collect();
        if let [only] = containers.as_slice() {
            return Some(only.clone());
        }
        // Without any, what is wrong with the images was reported.
        if !containers.is_empty() {
            let kind = ManifestErrorKind::AmbiguousContainer { place: path, containers };
            self.reader.report(span, kind);
        }
        None
    }

    /// Reads the services that are restarted, each once.
    pub(super) fn restarted(&mut self, path: &str, names: Option<Names>) -> Vec<ServiceId> {
        let mut services: Vec<ServiceId> = Vec::new();
        for name in names.into_iter().flat_map(|Names(names)| names) {
            self.refer(path, Kind::Service, &name);
            // An id that breaks its rule is reported as dangling, or where it is defined.
            let Ok(id) = ServiceId::new(name.value) else { continue };
            if !services.contains(&id) {
                services.push(id);
            }
        }
        services
    }
}
