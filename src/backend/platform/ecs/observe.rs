//! Services as ECS describes them.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Service, ServiceField};
use serde_json::Value;

use super::{
    DESCRIBE_SERVICES, Ecs, EcsError, SERVICES_A_CALL, ServiceUpdate, convert, raw::KeepBody,
};
use crate::{
    backend::aws::{AwsError, FaultKind, in_parallel},
    model::{ClusterName, EcsServiceName, ObservedService},
};

impl Ecs {
    /// Describes services, ten a request and the requests side by side. A service that does not
    /// exist is absent from the answer; one that was deleted is there for a while as `INACTIVE`.
    ///
    /// # Errors
    /// Fails when a cluster does not exist, or a request fails.
    pub async fn observe(
        &self,
        wanted: &[(ClusterName, EcsServiceName)],
    ) -> Result<BTreeMap<(ClusterName, EcsServiceName), ObservedService>, EcsError> {
        let mut by_cluster: BTreeMap<&ClusterName, Vec<&EcsServiceName>> = BTreeMap::new();
        for (cluster, service) in wanted {
            by_cluster.entry(cluster).or_default().push(service);
        }
        let mut requests = Vec::new();
        for (cluster, services) in &mut by_cluster {
            services.sort_unstable();
            services.dedup();
            requests.extend(
                services.chunks(SERVICES_A_CALL).map(|names| self.describe(cluster, names)),
            );
        }
        let answers = in_parallel(requests).await?;
        let observed = answers.into_iter().flatten();
        let observed =
            observed.map(|service| ((service.cluster.clone(), service.name.clone()), service));
        self.ask_code_deploy(observed.collect()).await
    }

    /// Describes at most ten services of one cluster.
    async fn describe(
        &self,
        cluster: &ClusterName,
        names: &[&EcsServiceName],
    ) -> Result<Vec<ObservedService>, EcsError> {
        let services = self.describe_raw(cluster, names).await?;
        services.iter().map(|service| convert::service(cluster, service)).collect()
    }

    /// The same in the SDK's types.
    async fn describe_raw(
        &self,
        cluster: &ClusterName,
        names: &[&EcsServiceName],
    ) -> Result<Vec<Service>, EcsError> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let request =
            self.client.describe_services().cluster(cluster.as_str()).set_services(Some(names));
        let answer = self
            .session
            .call(DESCRIBE_SERVICES, || request.clone().send())
            .await
            .map_err(|source| self.cluster_error(cluster, "describe services", source))?;
        let broken = answer.failures().iter().find(|failure| failure.reason() != Some("MISSING"));
        if let Some(failure) = broken {
            let reason = failure.reason().unwrap_or("no reason given");
            return Err(EcsError::unreadable(failure.arn().unwrap_or_default(), reason));
        }
        Ok(answer.services.unwrap_or_default())
    }

    /// One service in the SDK's types.
    pub(super) async fn raw_service(
        &self,
        cluster: &ClusterName,
        service: &EcsServiceName,
    ) -> Result<Option<Service>, EcsError> {
        Ok(self.describe_raw(cluster, &[service]).await?.into_iter().next())
    }

    /// Describes one service.
    pub(super) async fn observe_one(
        &self,
        cluster: &ClusterName,
        service: &EcsServiceName,
    ) -> Result<Option<ObservedService>, EcsError> {
        Ok(self.describe(cluster, &[service]).await?.into_iter().next())
    }

    /// Services as ECS writes them, with their tags and with members that the SDK does not know. A
    /// service that does not exist is absent from the answer.
    ///
    /// # Errors
    /// Fails when a cluster does not exist, or a request fails.
    pub async fn service_documents(
        &self,
        wanted: &[(ClusterName, EcsServiceName)],
    ) -> Result<BTreeMap<(ClusterName, EcsServiceName), Value>, EcsError> {
        let one = async |(cluster, service): &(ClusterName, EcsServiceName)| {
            let place = (cluster, service);
            let mut told = self.describe_as_written(Some(ServiceField::Tags), place).await?;
            let found = told.pointer_mut("/services/0").map(Value::take);
            Ok(found.map(|found| ((cluster.clone(), service.clone()), found)))
        };
        let answers = in_parallel(wanted.iter().map(one).collect()).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// The whole answer of a request about one service, as ECS writes it.
    async fn describe_as_written(
        &self,
        field: Option<ServiceField>,
        (cluster, service): (&ClusterName, &EcsServiceName),
    ) -> Result<Value, EcsError> {
        let body = KeepBody::default();
        let request = self.client.describe_services().cluster(cluster.as_str());
        let request = request.services(service.as_str()).set_include(field.map(|one| vec![one]));
        self.session
            .call(DESCRIBE_SERVICES, || {
                request.clone().customize().interceptor(body.clone()).send()
            })
            .await
            .map_err(|source| self.cluster_error(cluster, "describe services", source))?;
        body.json(service.as_str())
    }

    /// A service's deployment configuration as ECS writes it, with members that the SDK does not
    /// know; null where it has none.
    pub(super) async fn deployment_configuration(
        &self,
        update: &ServiceUpdate<'_>,
    ) -> Result<Value, EcsError> {
        let place = (update.cluster, update.service);
        let mut told = self.describe_as_written(None, place).await?;
        let found = told.pointer_mut("/services/0/deploymentConfiguration");
        Ok(found.map_or(Value::Null, Value::take))
    }

    /// The error of a request about a cluster, which may be that there is no such cluster.
    pub(super) fn cluster_error(
        &self,
        cluster: &ClusterName,
        doing: &str,
        source: AwsError,
    ) -> EcsError {
        if *source.kind() == FaultKind::NotFound("cluster") {
            let region = self.session.region().clone();
            return EcsError::ClusterNotFound { cluster: cluster.clone(), region, source };
        }
        EcsError::Aws { doing: format!("{doing} of ECS cluster `{cluster}`"), source }
    }
}
