//! ARNs as IAM policies name them, with wildcards for what is made later.

use crate::model::{AccountId, ClusterName, CodeDeployGroup, EcrRepository, Region};

/// Makes the ARNs of one account and region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arns {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

/// The partition that a region is in, the second part of its ARNs.
fn partition(region: &Region) -> &'static str {
    let text = region.as_str();
    if text.starts_with("cn-") {
        "aws-cn"
    } else if text.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

impl Arns {
    /// The partition.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        partition(&self.region)
    }

    /// An ARN of a service's in this region.
    fn arn(&self, service: &str, resource: &str) -> String {
        let Self { account, region } = self;
        format!("arn:{}:{service}:{region}:{account}:{resource}", self.partition())
    }

    /// A cluster.
    pub(super) fn cluster(&self, cluster: &ClusterName) -> String {
        self.arn("ecs", &format!("cluster/{cluster}"))
    }

    /// A service, its deployments and its revisions.
    pub(super) fn service(&self, cluster: &ClusterName, name: &str) -> [String; 3] {
        [
            self.arn("ecs", &format!("service/{cluster}/{name}")),
            self.arn("ecs", &format!("service-deployment/{cluster}/{name}/*")),
            self.arn("ecs", &format!("service-revision/{cluster}/{name}/*")),
        ]
    }

    /// The tasks of a cluster.
    pub(super) fn tasks(&self, cluster: &ClusterName) -> String {
        self.arn("ecs", &format!("task/{cluster}/*"))
    }

    /// All revisions of a family.
    pub(super) fn family(&self, family: &str) -> String {
        self.arn("ecs", &format!("task-definition/{family}:*"))
    }

    /// A role.
    pub(super) fn role(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:role/{name}", self.partition(), self.account)
    }

    /// All parameters below a folder.
    pub(super) fn parameters(&self, folder: &str) -> String {
        self.arn("ssm", &format!("parameter{folder}/*"))
    }

    /// A folder of parameters.
    pub(super) fn folder(&self, folder: &str) -> String {
        self.arn("ssm", &format!("parameter{folder}"))
    }

    /// A repository.
    pub(super) fn repository(repository: &EcrRepository) -> String {
        let EcrRepository { account, region, name } = repository;
        Self { account: account.clone(), region: region.clone() }
            .arn("ecr", &format!("repository/{name}"))
    }

    /// A repository of this account and region.
    pub(super) fn own_repository(&self, name: &str) -> String {
        self.arn("ecr", &format!("repository/{name}"))
    }

    /// The streams of a log group.
    pub(super) fn log_group(&self, group: &str) -> String {
        self.arn("logs", &format!("log-group:{group}:*"))
    }

    /// A deployment group.
    pub(super) fn deployment_group(&self, of: &CodeDeployGroup) -> String {
        self.arn("codedeploy", &format!("deploymentgroup:{}/{}", of.application, of.group))
    }

    /// The application of a deployment group.
    pub(super) fn application(&self, of: &CodeDeployGroup) -> String {
        self.arn("codedeploy", &format!("application:{}", of.application))
    }

    /// All deployment configurations.
    pub(super) fn deployment_configurations(&self) -> String {
        self.arn("codedeploy", "deploymentconfig:*")
    }

    /// A table.
    pub(super) fn table(&self, table: &str) -> String {
        self.arn("dynamodb", &format!("table/{table}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_in_the_partition_of_their_region() {
        for (region, expected) in [
            ("eu-west-1", "arn:aws:ecs:eu-west-1:111111111111:cluster/shop"),
            ("cn-north-1", "arn:aws-cn:ecs:cn-north-1:111111111111:cluster/shop"),
            ("us-gov-west-1", "arn:aws-us-gov:ecs:us-gov-west-1:111111111111:cluster/shop"),
        ] {
            let arns = Arns {
                account: AccountId::new("111111111111").unwrap(),
                region: Region::new(region).unwrap(),
            };
            assert_eq!(arns.cluster(&ClusterName::new("shop").unwrap()), expected);
        }
    }
}
