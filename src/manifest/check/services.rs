//! Services and images: what runs in which container, under which name in ECS.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::{Draft, Kind, define, tasks::Place};
use crate::{
    manifest::{
        error::ManifestErrorKind,
        project::{Image, Service},
        read::{Clusters, Collection, Containers, Item, join},
        shape,
        source::Span,
        tree::Text,
    },
    model::{
        ClusterName, CodeDeployGroup, ContainerName, EnvironmentId, ImageId, ImageUri,
        ImageUriError, ServiceId,
    },
};

impl Draft<'_> {
    /// Defines the images that the project describes.
    pub(super) fn define_images(&mut self, images: Option<Collection<shape::Image>>) {
        for Item { id, table, .. } in images.into_iter().flat_map(|Collection(items)| items) {
            let image = define(&id, Kind::Image, &mut self.defined_images, self.reader);
            let repository = table.repository.as_ref().and_then(|text| self.repository(text));
            let Some(image): Option<ImageId> = image else { continue };
            let name = table.name.map_or_else(|| image.to_string(), |name| name.value);
            self.images.insert(image.clone(), Image { id: image, name, repository });
        }
    }

    /// Reads the name of a repository: what would be an image URI, were there a tag.
    fn repository(&mut self, text: &Text) -> Option<String> {
        let reason = match ImageUri::parse(text.value.as_str()) {
            Err(ImageUriError::NoVersion(_)) => return Some(text.value.clone()),
            Err(ImageUriError::Malformed { reason, .. }) => reason,
            Ok(_) => "it names a tag or a digest",
        };
        let (value, reason) = (text.value.clone(), reason.to_owned());
        self.reader.report(text.span, ManifestErrorKind::InvalidRepository { value, reason });
        None
    }

    /// Defines the services of the project.
    pub(super) fn define_services(&mut self, services: Option<Collection<shape::Service>>) {
        for item in services.into_iter().flat_map(|Collection(items)| items) {
            self.define_service(item);
        }
    }

    /// Defines one service, giving its id.
    pub(super) fn define_service(&mut self, mut item: Item<shape::Service>) -> Option<ServiceId> {
        let service = define(&item.id, Kind::Service, &mut self.defined_services, self.reader);
        let repository = self.service_repository(&item);
        let containers = match &item.table.images {
            Some(images) => self.containers(&item.id, &join(&item.path, "images"), images),
            None => self.default_containers(&item.id, &item.path),
        };
        let clusters = match &item.table.cluster {
            Some(clusters) => self.clusters(&join(&item.path, "cluster"), clusters),
            None => IndexMap::new(),
        };
        let place = Place { service: &item.id, path: &item.path, containers: &containers };
        let before = item.table.before.take().and_then(|before| self.before(&place, before));
        let restart = self.restarted(&join(&item.path, "restart"), item.table.restart.take());
        for image in containers.values() {
            let image =
                self.images.entry(image.clone()).or_insert_with(|| Image::of_id(image.clone()));
            image.repository = image.repository.take().or_else(|| repository.clone());
        }
        let service = Service::of_id(service?);
        let id = service.id.clone();
        let service = Service {
            name: item.table.name.map_or(service.name, |name| name.value),
            ecs_name: item.table.service.map_or(service.ecs_name, |name| name.value),
            containers,
            clusters,
            before,
            restart,
            code_deploy: item.table.code_deploy.and_then(|group| {
                let application = group.application?.value;
                Some(CodeDeployGroup { application, group: group.group?.value })
            }),
            id: service.id,
        };
        self.services.insert(id.clone(), service);
        Some(id)
    }

    /// Reads the repository that a service gives for its only image, which is thereby defined.
    fn service_repository(&mut self, item: &Item<shape::Service>) -> Option<String> {
        let Item { id, path, table } = item;
        let text = table.repository.as_ref()?;
        if table.images.is_some() {
            let (key, other) = ("images", "repository");
            let place = path.clone();
            self.reader.report(text.span, ManifestErrorKind::ConflictingKeys { place, key, other });
            return None;
        }
        self.defined_images.entry(id.value.clone()).or_insert(id.span);
        let repository = self.repository(text)?;
        let described = self.images.get(id.value.as_str()).and_then(|i| i.repository.clone());
        if let Some(other) = described.filter(|other| *other != repository) {
            let kind = ManifestErrorKind::ConflictingValues {
                place: join(path, "repository"),
                value: repository,
                other_place: format!("{}.images.{}.repository", self.path, id.value),
                other,
            };
            self.reader.report(text.span, kind);
            return None;
        }
        Some(repository)
    }

    /// The only container of a service that names no images.
    fn default_containers(&mut self, id: &Text, path: &str) -> IndexMap<ContainerName, ImageId> {
        self.refer(path, Kind::Image, id);
        let image = ImageId::new(id.value.as_str()).ok();
        image.map(|image| (ContainerName::of_image(&image), image)).into_iter().collect()
    }

    /// Reads containers with their images.
    fn containers(
        &mut self,
        service: &Text,
        path: &str,
        Containers(pairs): &Containers,
    ) -> IndexMap<ContainerName, ImageId> {
        let mut containers = IndexMap::new();
        let mut first: HashMap<&str, Span> = HashMap::new();
        for (container, image) in pairs {
            if let Some(first) = first.insert(&container.value, container.span) {
                let kind = ManifestErrorKind::DuplicateContainer {
                    service: service.value.clone(),
                    container: container.value.clone(),
                };
                self.reader.report_again(container.span, first, kind);
                continue;
            }
            let id = self.parse::<ImageId>(image);
            let name = self.parse::<ContainerName>(container);
            if let (Some(name), Some(id)) = (name, id) {
                self.refer(path, Kind::Image, image);
                containers.insert(name, id);
            }
        }
        containers
    }

    /// Reads the clusters of a service.
    fn clusters(
        &mut self,
        path: &str,
        Clusters(pairs): &Clusters,
    ) -> IndexMap<EnvironmentId, ClusterName> {
        let mut clusters = IndexMap::new();
        for (environment, cluster) in pairs {
            self.refer(path, Kind::Environment, environment);
            let name = self.parse(cluster);
            if let (Ok(id), Some(name)) = (EnvironmentId::new(environment.value.as_str()), name) {
                clusters.insert(id, name);
            }
        }
        clusters
    }

    /// Checks that every service has a name in ECS in every environment, and shares it with none.
    pub(super) fn check_names(&mut self) {
        let mut taken: HashMap<(&EnvironmentId, Option<&ClusterName>, String), &ServiceId> =
            HashMap::new();
        let mut errors = Vec::new();
        for service in self.services.values() {
            let span = self.defined_services.get(service.id.as_str()).copied().unwrap_or_default();
            let unsound = self
                .environments
                .keys()
                .find_map(|environment| service.check_ecs_service_name(environment).err());
            errors.extend(unsound.map(|kind| (span, kind)));
            let shared = self.environments.values().find_map(|environment| {
                let own = service.clusters.get(&environment.id);
                let name = service.ecs_name_in(&environment.id);
                let key = (&environment.id, own.or(environment.cluster.as_ref()), name.clone());
                let first = *taken.entry(key).or_insert(&service.id);
                (*first != service.id).then(|| ManifestErrorKind::DuplicateEcsService {
                    first: first.clone(),
                    second: service.id.clone(),
                    name,
                    environment: environment.id.clone(),
                })
            });
            errors.extend(shared.map(|kind| (span, kind)));
        }
        for (span, kind) in errors {
            self.reader.report(span, kind);
        }
    }
}

impl Service {
    /// Checks the name of the ECS service in an environment.
    pub(in crate::manifest) fn check_ecs_service_name(
        &self,
        environment: &EnvironmentId,
    ) -> Result<(), ManifestErrorKind> {
        self.ecs_service_name(environment).map(drop).map_err(|error| {
            ManifestErrorKind::InvalidEcsServiceName {
                service: self.id.clone(),
                environment: environment.clone(),
                name: error.value,
                reason: error.reason,
            }
        })
    }
}
