//! ARNs and ids that ECS gives, read for the parts we need.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A task definition's full ARN with its revision,
/// `arn:<partition>:ecs:<region>:<account>:task-definition/<family>:<revision>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskDefinitionArn(String);

impl TaskDefinitionArn {
    /// Reads an ARN; `None` when the text names no family and revision.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once(":task-definition/")?;
        let (family, revision) = rest.rsplit_once(':')?;
        let sound = prefix.starts_with("arn:")
            && !family.is_empty()
            && revision.parse::<u32>().is_ok_and(|number| number > 0);
        sound.then(|| Self(text.to_owned()))
    }

    /// The ARN as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `family:revision`.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.split_once(":task-definition/").map_or(&self.0, |(_, rest)| rest)
    }

    /// The family.
    #[must_use]
    pub fn family(&self) -> &str {
        self.short().rsplit_once(':').map_or_else(|| self.short(), |(family, _)| family)
    }

    /// The ARN without the revision: the family, and the account and region that it is in.
    #[must_use]
    pub fn without_revision(&self) -> &str {
        self.0.rsplit_once(':').map_or(&self.0, |(whole, _)| whole)
    }

    /// The revision, from 1.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.short()
            .rsplit_once(':')
            .and_then(|(_, number)| number.parse().ok())
            .unwrap_or_default()
    }
}

impl fmt::Display for TaskDefinitionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for TaskDefinitionArn {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not a task definition ARN"))
    }
}

impl From<TaskDefinitionArn> for String {
    fn from(arn: TaskDefinitionArn) -> Self {
        arn.0
    }
}

/// The id of one entry of a service's `deployments`, `ecs-svc/<number>`; tasks carry it as
/// `startedBy`. Where CodeDeploy moves a service, its own id of a deployment, `d-<letters>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EcsDeploymentId(String);

impl EcsDeploymentId {
    /// Takes the id as ECS gave it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an id of CodeDeploy's.
    #[must_use]
    pub fn is_of_code_deploy(&self) -> bool {
        self.0.starts_with("d-")
    }

    /// Whether this deployment made the service revision: its number ends the revision's ARN.
    ///
    /// This is how an entry of `deployments` is joined to a service deployment; AWS shows the same
    /// number in both places without saying that it must be, and the Terraform provider relies on
    /// it too.
    #[must_use]
    pub fn made(&self, revision: &ServiceRevisionId) -> bool {
        let number = self.0.rsplit('/').next().unwrap_or_default();
        !number.is_empty() && revision.number() == number
    }
}

impl fmt::Display for EcsDeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A service revision's ARN, `…:service-revision/<cluster>/<service>/<number>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceRevisionId(String);

impl ServiceRevisionId {
    /// Takes the ARN as ECS gave it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The ARN as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number that ends the ARN.
    fn number(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_definition_arn_tells_family_and_revision() {
        let text = "arn:aws:ecs:eu-west-1:000000000000:task-definition/web-app:12";
        let arn = TaskDefinitionArn::parse(text).unwrap();
        assert_eq!((arn.family(), arn.revision(), arn.short()), ("web-app", 12, "web-app:12"));
        assert!(TaskDefinitionArn::parse("web-app:12").is_none());
        assert!(TaskDefinitionArn::parse("arn:aws:ecs:x:1:task-definition/web").is_none());
    }

    #[test]
    fn a_deployment_is_joined_to_its_service_revision_by_the_whole_number() {
        let deployment = EcsDeploymentId::new("ecs-svc/4980306466373577095");
        let revision = |n: &str| {
            ServiceRevisionId::new(format!("arn:aws:ecs:eu-west-1:1:service-revision/c/s/{n}"))
        };
        assert!(deployment.made(&revision("4980306466373577095")));
        assert!(!deployment.made(&revision("14980306466373577095")));
    }
}
