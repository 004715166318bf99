//! The emulated services: how each is told from the others, and how each speaks.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One emulated service. As text: its name in IAM actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Elastic Container Service.
    Ecs,
    /// Systems Manager, of which there is the Parameter Store.
    Ssm,
    /// Elastic Container Registry.
    Ecr,
    /// Application Auto Scaling.
    #[serde(rename = "application-autoscaling")]
    AutoScaling,
    /// Security Token Service.
    Sts,
    /// CloudWatch, of which there are the alarms.
    CloudWatch,
    /// CodeDeploy.
    CodeDeploy,
    /// CloudWatch Logs.
    Logs,
    /// Elastic Load Balancing, version 2.
    #[serde(rename = "elasticloadbalancing")]
    Elb,
    /// Identity and Access Management.
    Iam,
    /// Service Quotas.
    ServiceQuotas,
}

/// How a service writes its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// awsJson 1.1: the operation is in `X-Amz-Target`, bodies are JSON.
    Json,
    /// awsJson 1.0: the same with another content type.
    Json10,
    /// Smithy RPC v2: service and operation are in the path, bodies are CBOR.
    Cbor,
    /// AWS Query: the operation is the parameter `Action` of a form; answers are XML, in the namespace
    /// of the service.
    Query(Service),
}

/// Why a text names no emulated service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a service of the sandbox: ecs, ssm, ecr, application-autoscaling, sts, cloudwatch, codedeploy, logs, \
     elasticloadbalancing, iam and servicequotas are"
)]
pub struct ServiceError(String);

impl Service {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Ecs,
        Self::Ssm,
        Self::Ecr,
        Self::AutoScaling,
        Self::Sts,
        Self::CloudWatch,
        Self::CodeDeploy,
        Self::Logs,
        Self::Elb,
        Self::Iam,
        Self::ServiceQuotas,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Ssm => "ssm",
            Self::Ecr => "ecr",
            Self::AutoScaling => "application-autoscaling",
            Self::Sts => "sts",
            Self::CloudWatch => "cloudwatch",
            Self::CodeDeploy => "codedeploy",
            Self::Logs => "logs",
            Self::Elb => "elasticloadbalancing",
            Self::Iam => "iam",
            Self::ServiceQuotas => "servicequotas",
        }
    }

    /// The name that requests are signed for.
    pub(super) const fn signing_name(self) -> &'static str {
        match self {
            Self::CloudWatch => "monitoring",
            other => other.name(),
        }
    }

    /// What `X-Amz-Target` has before the dot (`targetPrefix` in the service's API model), and a path
    /// of Smithy RPC v2 after `/service/`.
    pub(super) const fn target_prefix(self) -> Option<&'static str> {
        match self {
            Self::Ecs => Some("AmazonEC2ContainerServiceV20141113"),
            Self::Ssm => Some("AmazonSSM"),
            Self::Ecr => Some("AmazonEC2ContainerRegistry_V20150921"),
            Self::CloudWatch => Some("GraniteServiceVersion20100801"),
            Self::CodeDeploy => Some("CodeDeploy_20141006"),
            Self::AutoScaling => Some("AnyScaleFrontendService"),
            Self::Logs => Some("Logs_20140328"),
            Self::ServiceQuotas => Some("ServiceQuotasV20190624"),
            Self::Sts | Self::Elb | Self::Iam => None,
        }
    }

    /// How it speaks, where a request does not say.
    pub(super) const fn protocol(self) -> Protocol {
        match self {
            Self::CloudWatch => Protocol::Json10,
            Self::Ecs
            | Self::Ssm
            | Self::Ecr
            | Self::AutoScaling
            | Self::CodeDeploy
            | Self::Logs
            | Self::ServiceQuotas => Protocol::Json,
            Self::Sts | Self::Elb | Self::Iam => Protocol::Query(self),
        }
    }

    /// The service that speaks AWS Query and is signed for by this name.
    pub(super) fn of_query(signing_name: &str) -> Option<Self> {
        let named = Self::ALL.into_iter().find(|service| service.signing_name() == signing_name);
        named.filter(|service| service.namespace().is_some())
    }

    /// The namespace of its answers in AWS Query (`xmlNamespace` in its API model), if it speaks it.
    pub(super) const fn namespace(self) -> Option<&'static str> {
        match self {
            Self::Sts => Some("https://sts.amazonaws.com/doc/2011-06-15/"),
            Self::Iam => Some("https://iam.amazonaws.com/doc/2010-05-08/"),
            Self::Elb => Some("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"),
            Self::CloudWatch => Some("http://monitoring.amazonaws.com/doc/2010-08-01/"),
            Self::Ecs
            | Self::Ssm
            | Self::Ecr
            | Self::AutoScaling
            | Self::CodeDeploy
            | Self::Logs
            | Self::ServiceQuotas => None,
        }
    }
}

impl Protocol {
    /// Whether errors have the names and statuses of AWS Query.
    pub(super) const fn is_query(self) -> bool {
        matches!(self, Self::Query(_))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Service {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, ServiceError> {
        let named = Self::ALL.into_iter().find(|service| service.name() == text);
        named.ok_or_else(|| ServiceError(text.to_owned()))
    }
}
