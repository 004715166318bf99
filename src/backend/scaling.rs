//! Application Auto Scaling: which services are scaled, and between which bounds.

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};

use super::aws::{AwsError, AwsSession, Bucket, Operation, Repeat, in_parallel};
use crate::model::{ClusterName, EcsServiceName, ScalingBounds};

/// The most resources that are asked about at once, which is the most that a page holds, so that
/// there is one page (Application Auto Scaling API reference, `MaxResults`).
const RESOURCES_A_CALL: usize = 50;

const DESCRIBE_SCALABLE_TARGETS: Operation = Operation {
    name: "DescribeScalableTargets",
    bucket: Bucket::ScalingRead,
    repeat: Repeat::Harmless,
};

/// A service by its cluster and its name.
type Target = (ClusterName, EcsServiceName);

/// The scaling of one account and region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Scaling {
    /// The way there.
    session: AwsSession,
    /// The SDK's client.
    client: aws_sdk_applicationautoscaling::Client,
}

impl Scaling {
    /// The scaling that a session leads to.
    #[must_use]
    pub fn new(session: AwsSession) -> Self {
        let client = aws_sdk_applicationautoscaling::Client::new(session.config());
        Self { session, client }
    }

    /// The bounds of those services that are scaled, fifty a request.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn bounds(
        &self,
        services: &[Target],
    ) -> Result<BTreeMap<Target, ScalingBounds>, AwsError> {
        let by_id: BTreeMap<String, &Target> =
            services.iter().map(|target| (resource_id(target), target)).collect();
        let ids: Vec<String> = by_id.keys().cloned().collect();
        let requests = ids.chunks(RESOURCES_A_CALL).map(|ids| self.describe(ids));
        let told = in_parallel(requests.collect()).await?.into_iter().flatten();
        Ok(told.filter_map(|(id, bounds)| Some(((*by_id.get(&id)?).clone(), bounds))).collect())
    }

    /// Describes the targets of at most fifty services.
    async fn describe(&self, ids: &[String]) -> Result<Vec<(String, ScalingBounds)>, AwsError> {
        let request = self
            .client
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .set_resource_ids(Some(ids.to_vec()));
        let answer =
            self.session.call(DESCRIBE_SCALABLE_TARGETS, || request.clone().send()).await?;
        let bounds = |target: &aws_sdk_applicationautoscaling::types::ScalableTarget| {
            let (min, max) = (target.min_capacity(), target.max_capacity());
            (target.resource_id().to_owned(), ScalingBounds { min, max })
        };
        Ok(answer.scalable_targets().iter().map(bounds).collect())
    }
}

/// How Application Auto Scaling calls a service.
fn resource_id((cluster, service): &Target) -> String {
    format!("service/{cluster}/{service}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::backend::testing::{Answer, FakeAws};

    #[tokio::test]
    async fn services_are_asked_about_fifty_a_request() {
        let aws = FakeAws::new(|seen| {
            let asked = seen.json()["ResourceIds"].clone();
            let target = |id: &Value| {
                json!({
                    "ServiceNamespace": "ecs", "ResourceId": id, "RoleARN": "arn:role",
                    "ScalableDimension": "ecs:service:DesiredCount", "CreationTime": 1.0,
                    "MinCapacity": 1, "MaxCapacity": 4,
                })
            };
            // Only the first of each request is scaled.
            Answer::json(&json!({ "ScalableTargets": [target(&asked[0])] }))
        });
        let scaling = Scaling::new(aws.session().await);
        let cluster = ClusterName::new("prod").unwrap();
        let services: Vec<Target> = (100..220)
            .map(|n| (cluster.clone(), EcsServiceName::new(format!("s{n}")).unwrap()))
            .collect();
        let found = scaling.bounds(&services).await.unwrap();
        let sizes: Vec<usize> = aws
            .sent("DescribeScalableTargets")
            .iter()
            .map(|body| body["ResourceIds"].as_array().unwrap().len())
            .collect();
        assert_eq!(sizes, [50, 50, 20]);
        let names: Vec<String> = found.keys().map(|(_, name)| name.to_string()).collect();
        assert_eq!(names, ["s100", "s150", "s200"]);
        assert!(found.values().all(|bounds| *bounds == ScalingBounds { min: 1, max: 4 }));
    }
}
