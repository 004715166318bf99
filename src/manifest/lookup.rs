//! Questions asked of a project: what a word on the command line means, who runs what, and where.

use super::{
    error::ManifestErrorKind,
    project::{Environment, Project, Service},
    report::ManifestError,
};
use crate::model::{ClusterName, ImageId, Selection, ServiceId, ServiceSetId};

impl Project {
    /// The environment with an id.
    ///
    /// # Errors
    /// Fails when there is none, naming those there are.
    pub fn environment(&self, id: &str) -> Result<&Environment, ManifestError> {
        self.environments.get(id).ok_or_else(|| {
            ManifestError::asked(ManifestErrorKind::UnknownEnvironment {
                project: self.id.clone(),
                id: id.to_owned(),
                known: self.environments.keys().cloned().collect(),
                is_selection: self.select(id).is_ok(),
            })
        })
    }

    /// What `all`, the id of a service set or the id of a service means.
    ///
    /// In an open project ask after [`with_services`](Self::with_services).
    ///
    /// # Errors
    /// Fails when the word is none of them, naming what there is.
    pub fn select(&self, word: &str) -> Result<Selection, ManifestError> {
        if word == "all" {
            return Ok(Selection::All);
        }
        if let Some(set) = self.service_sets.get(word) {
            return Ok(Selection::Set(set.id.clone()));
        }
        if let Some(service) = self.services.get(word) {
            return Ok(Selection::Service(service.id.clone()));
        }
        let sets = self.service_sets.keys().map(ServiceSetId::to_string);
        let services = self.services.keys().map(ServiceId::to_string);
        Err(ManifestError::asked(ManifestErrorKind::UnknownSelection {
            project: self.id.clone(),
            id: word.to_owned(),
            known: sets.chain(services).collect(),
            is_environment: self.environments.contains_key(word),
        }))
    }

    /// The services of a selection that [`select`](Self::select) gave, in the order of the file.
    #[must_use]
    pub fn services_of(&self, selection: &Selection) -> Vec<&Service> {
        match selection {
            Selection::All => self.services.values().collect(),
            Selection::Set(set) => self
                .service_sets
                .get(set)
                .map(|set| set.services.iter().filter_map(|id| self.services.get(id)).collect())
                .unwrap_or_default(),
            Selection::Service(id) => self.services.get(id).into_iter().collect(),
        }
    }

    /// Every service that runs an image in one of its containers.
    #[must_use]
    pub fn services_running(&self, image: &ImageId) -> Vec<&Service> {
        let runs = |service: &&Service| service.containers.values().any(|other| other == image);
        self.services.values().filter(runs).collect()
    }

    /// The image that the word of `register <uri> <service>` means: the image with that id, else
    /// the only image of the service with that id. Any sound id does in an open project.
    ///
    /// # Errors
    /// Fails when the project has no such image or service, when the service runs several images,
    /// and in an open project when the word can be no id.
    pub fn image_of_word(&self, word: &str) -> Result<ImageId, ManifestError> {
        if let Some(image) = self.images.get(word) {
            return Ok(image.id.clone());
        }
        if let Some(service) = self.services.get(word) {
            return only_image(service);
        }
        if self.is_open {
            let service = ServiceId::new(word)
                .map_err(|error| ManifestError::asked(ManifestErrorKind::InvalidId(error)))?;
            return Ok(ImageId::of_service(&service));
        }
        Err(ManifestError::asked(ManifestErrorKind::UnknownImage {
            project: self.id.clone(),
            id: word.to_owned(),
            known: self.images.keys().cloned().collect(),
        }))
    }

    /// The cluster a service runs in: its own for the environment, else the environment's.
    ///
    /// # Errors
    /// Fails where neither is given, at the environment's place in the file.
    pub fn cluster<'p>(
        &'p self,
        environment: &'p Environment,
        service: &'p Service,
    ) -> Result<&'p ClusterName, ManifestError> {
        let own = service.clusters.get(&environment.id);
        own.or(environment.cluster.as_ref()).ok_or_else(|| {
            let others = self.services.values().filter_map(|s| s.clusters.get(&environment.id));
            let kind = ManifestErrorKind::NoCluster {
                project: self.id.clone(),
                environment: environment.id.clone(),
                service: service.id.clone(),
                others: others.cloned().collect(),
            };
            match self.origin.of_environment(&environment.id) {
                Some(mark) => ManifestError::at(&mark.source, mark.span, kind),
                None => ManifestError::asked(kind),
            }
        })
    }

    /// Whether the file has neither services nor service sets, so that every image registered
    /// under the label `latest` is a service; see [`with_services`](Self::with_services).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// An open project with its services: each runs the image of its own id in one container of
    /// that name. A project that defines its services stays as it is.
    ///
    /// # Errors
    /// Fails when a service could have no ECS service of its name.
    pub fn with_services(mut self, services: Vec<ServiceId>) -> Result<Self, ManifestError> {
        if !self.is_open {
            return Ok(self);
        }
        for id in services {
            let service = Service::of_id(id);
            for environment in self.environments.keys() {
                service.check_ecs_service_name(environment).map_err(ManifestError::asked)?;
            }
            self.services.insert(service.id.clone(), service);
        }
        Ok(self)
    }
}

/// The image of a service that runs one.
fn only_image(service: &Service) -> Result<ImageId, ManifestError> {
    match service.images().as_slice() {
        [image] => Ok((*image).clone()),
        images => Err(ManifestError::asked(ManifestErrorKind::SeveralImages {
            service: service.id.clone(),
            images: images.iter().map(|image| (*image).clone()).collect(),
        })),
    }
}
