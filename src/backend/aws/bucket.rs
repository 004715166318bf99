//! What AWS counts together, and how much of it AWS lets through.
//!
//! The one place of these numbers: the pacer keeps to them, `doctor` and the benchmark reckon with them.

/// Operations that AWS counts together, per account and region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Bucket {
    /// ECS: registering and deregistering task definitions.
    TaskDefinitionModify,
    /// ECS: describing and listing task definitions.
    TaskDefinitionRead,
    /// ECS: updating services, and stopping or continuing their deployments.
    ServiceModify,
    /// ECS: describing services.
    ServiceRead,
    /// ECS: describing and listing service deployments.
    ServiceDeploymentRead,
    /// ECS: describing service revisions.
    ServiceRevisionRead,
    /// ECS: listing and describing tasks.
    ClusterResourceRead,
    /// ECS: running and stopping tasks.
    ClusterResourceModify,
    /// SSM: reading parameters by name or path.
    ParameterRead,
    /// SSM: writing parameters.
    ParameterWrite,
    /// ECR: reading manifests.
    ImageRead,
    /// ECR: asking for a layer's URL.
    LayerRead,
    /// CloudWatch Logs: reading events of a stream.
    LogRead,
    /// Elastic Load Balancing: describing.
    BalancerRead,
    /// CloudWatch: describing alarms, which ECS does too, from the same quota.
    AlarmRead,
    /// Application Auto Scaling: describing what is scaled.
    ScalingRead,
    /// STS: asking who we are.
    Identity,
    /// CodeDeploy: reading groups and deployments.
    CodeDeployRead,
    /// CodeDeploy: making and stopping deployments.
    CodeDeployWrite,
    /// DynamoDB: reading items.
    ItemRead,
    /// DynamoDB: transactions.
    ItemWrite,
    /// DynamoDB: making and describing tables.
    Table,
    /// Service Quotas: listing.
    QuotaRead,
}

impl Bucket {
    /// How much AWS allows by default.
    ///
    /// ECS: "Request throttling for the Amazon ECS API". SSM, ECR: the service quotas pages of
    /// the AWS General Reference and the ECR user guide. STS: the IAM and STS quotas page.
    /// CloudWatch Logs: its quotas page, the rate of most regions. Elastic Load Balancing: "Request
    /// throttling for the Elastic Load Balancing API", non-mutating actions.
    /// DynamoDB: "Quotas in Amazon DynamoDB" for tables; for items what one partition takes, 3,000
    /// read and 1,000 write units a second, at ten units a transaction. CodeDeploy publishes none
    /// ("AWS CodeDeploy limits"): the numbers are ours, and a throttle slows them down. Where only a
    /// rate is published, one second's worth is taken as the burst.
    pub(crate) const fn published(self) -> Limit {
        let (burst, per_second) = match self {
            Self::TaskDefinitionModify => (20.0, 1.0),
            Self::ServiceModify => (50.0, 5.0),
            Self::TaskDefinitionRead | Self::ServiceDeploymentRead | Self::ServiceRevisionRead => {
                (50.0, 20.0)
            }
            Self::ServiceRead | Self::ClusterResourceRead => (100.0, 20.0),
            Self::ClusterResourceModify => (100.0, 40.0),
            Self::ParameterRead => (40.0, 40.0),
            Self::ParameterWrite => (3.0, 3.0),
            Self::ImageRead => (2000.0, 2000.0),
            Self::LayerRead | Self::ItemRead => (3000.0, 3000.0),
            Self::LogRead => (25.0, 25.0),
            Self::BalancerRead => (40.0, 10.0),
            Self::AlarmRead => (9.0, 9.0),
            // Not published; this is what a deployment of five hundred services needs.
            Self::ScalingRead => (10.0, 10.0),
            Self::Identity => (600.0, 600.0),
            Self::CodeDeployRead => (20.0, 10.0),
            Self::CodeDeployWrite => (5.0, 1.0),
            Self::ItemWrite => (100.0, 100.0),
            Self::Table => (500.0, 500.0),
            // "Quotas for Service Quotas" has none for listing.
            Self::QuotaRead => (5.0, 5.0),
        };
        Limit { burst, per_second }
    }
}

impl Bucket {
    /// Those that Service Quotas has.
    pub(crate) const CODED: [Self; 7] = [
        Self::TaskDefinitionModify,
        Self::TaskDefinitionRead,
        Self::ServiceModify,
        Self::ServiceRead,
        Self::ServiceDeploymentRead,
        Self::ClusterResourceRead,
        Self::ClusterResourceModify,
    ];

    /// The codes of its burst and of its rate in Service Quotas, all of the service `ecs` ("Amazon ECS
    /// endpoints and quotas" in the AWS General Reference). The Parameter Store's rates are not there:
    /// they are a setting of SSM; and those of ECR are more than anybody needs.
    pub(crate) const fn codes(self) -> Option<[&'static str; 2]> {
        Some(match self {
            Self::TaskDefinitionModify => ["L-CDF9F16B", "L-1E6DEB89"],
            Self::TaskDefinitionRead => ["L-924E3D47", "L-538D7426"],
            Self::ServiceModify => ["L-AA0D4951", "L-C5297B3A"],
            Self::ServiceRead => ["L-22AE4B75", "L-321A0372"],
            Self::ServiceDeploymentRead => ["L-A2AA9478", "L-A2DBEAC1"],
            Self::ClusterResourceRead => ["L-281CBA4C", "L-80627E8A"],
            Self::ClusterResourceModify => ["L-3B4FAC68", "L-C3AEE9D2"],
            _ => return None,
        })
    }
}

/// A token bucket's size and refill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limit {
    /// Requests that may be sent at once when the bucket is full.
    pub(crate) burst: f64,
    /// Requests a second after that.
    pub(crate) per_second: f64,
}
