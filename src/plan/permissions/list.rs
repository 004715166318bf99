//! The list of permissions.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// Commands that are allowed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// What looks and changes nothing: `status`, `history`, `show`, `releases`, `log`, `wait`,
    /// `terraform`.
    Status,
    /// `register`.
    Register,
    /// What moves an environment: `deploy`, `release`, `restart`, `rollback`, `resume`, `abort`,
    /// `continue`, `lock`, `unlock`; and what looks.
    Deploy,
    /// `store create`, `store migrate` and `store check`.
    Store,
    /// `doctor`.
    Doctor,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Status, Self::Register, Self::Deploy, Self::Store, Self::Doctor];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Register => "register",
            Self::Deploy => "deploy",
            Self::Store => "store",
            Self::Doctor => "doctor",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Group {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|group| group.name() == text);
        named.ok_or_else(|| "it is `status`, `register`, `deploy`, `store` or `doctor`".to_owned())
    }
}

/// What a permission is on. The name in capitals is the statement's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// Every resource: AWS knows none for the action, or none that could be named beforehand. Only
    /// where there are services.
    Anything,
    /// Every resource, in clusters that are named.
    InClusters,
    /// Services, with their deployments and their revisions.
    Services,
    /// The tasks of clusters.
    Tasks,
    /// All revisions of families.
    Families,
    /// Families whose revisions have tags, while a revision is made.
    TaggedFamilies,
    /// Families whose revisions are run as one-off tasks, in clusters that are named.
    OneOffFamilies,
    /// Tasks that get tags, while one is run.
    TaggedTasks,
    /// Roles of tasks, to be given to ECS.
    TaskRoles,
    /// Parameters that are read.
    ReadParameters,
    /// Folders of parameters that are listed.
    ListedParameters,
    /// Parameters that are written.
    WrittenParameters,
    /// Repositories of images.
    Repositories,
    /// The logs of containers.
    Logs,
    /// Every resource, where CodeDeploy moves a service.
    CodeDeploy,
    /// Deployment groups.
    DeploymentGroups,
    /// The applications of deployment groups.
    Applications,
    /// Every deployment configuration, where CodeDeploy moves a service.
    DeploymentConfigurations,
    /// All applications and groups, where the group of a service has to be looked for.
    AllDeploymentGroups,
    /// Roles that are taken on.
    AssumedRoles,
    /// The store's table and indexes, for reading what is the project's.
    StoreReads,
    /// The store's table, for writing what is the project's and the environments'.
    StoreWrites,
    /// The store's table, whole.
    StoreTable,
    /// The role itself.
    Oneself,
}

/// One permission: an action that a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The service that the request goes to, by its name in IAM actions.
    pub service: &'static str,
    /// The request.
    pub operation: &'static str,
    /// The action that IAM checks for it.
    pub action: &'static str,
    /// On what.
    pub on: On,
    /// Who sends it.
    pub groups: &'static [Group],
}

/// What deployments do without: they are then as slow as the rates that AWS publishes.
pub const DONE_WITHOUT: &[&str] = &["servicequotas:ListServiceQuotas"];

/// Only those that change something.
const DEPLOY: &[Group] = &[Group::Deploy];
/// Those that deploy, and whoever looks whether they can.
const CHECKED: &[Group] = &[Group::Deploy, Group::Doctor];
/// Whoever looks at services.
const LOOK: &[Group] = &[Group::Status, Group::Deploy, Group::Doctor];
/// Whoever looks at services and at what becomes of them.
const FOLLOW: &[Group] = &[Group::Status, Group::Deploy];
/// Whoever looks at images.
const IMAGES: &[Group] = &[Group::Register, Group::Deploy];
/// The same, and whoever looks whether they are there.
const IMAGES_THERE: &[Group] = &[Group::Register, Group::Deploy, Group::Doctor];
/// Whoever works with the record, and with parameters.
const RECORD: &[Group] = &[Group::Status, Group::Register, Group::Deploy];
/// The same, and whoever looks whether they can be read.
const READABLE: &[Group] = &[Group::Status, Group::Register, Group::Deploy, Group::Doctor];
/// Who looks after the store.
const STORE: &[Group] = &[Group::Store];
/// Everybody.
const ALL: &[Group] = &Group::ALL;

/// An entry of the list: the request's service and name, the action, on what, and who sends it.
const fn need(
    (service, operation): (&'static str, &'static str),
    action: &'static str,
    on: On,
    groups: &'static [Group],
) -> Need {
    Need { service, operation, action, on, groups }
}

/// Every permission that a request of this program needs.
///
/// `sts:GetCallerIdentity` needs none (STS API reference). A deployment that CodeDeploy makes from an
/// `AppSpec` in the request needs two more actions than its own: the revision is registered, and the
/// deployment configuration read, as the caller (README of `aws-actions/amazon-ecs-deploy-task-definition`).
/// A DynamoDB transaction needs the actions of its items, and none of its own.
pub const NEEDS: &[Need] = &[
    // What runs.
    need(("ecs", "DescribeServices"), "ecs:DescribeServices", On::Services, LOOK),
    need(("ecs", "DescribeTaskDefinition"), "ecs:DescribeTaskDefinition", On::Anything, LOOK),
    need(("ecs", "ListTasks"), "ecs:ListTasks", On::InClusters, FOLLOW),
    need(("ecs", "DescribeTasks"), "ecs:DescribeTasks", On::Tasks, FOLLOW),
    need(
        ("ecs", "DescribeServiceDeployments"),
        "ecs:DescribeServiceDeployments",
        On::Services,
        FOLLOW,
    ),
    need(("ecs", "DescribeServiceRevisions"), "ecs:DescribeServiceRevisions", On::Services, DEPLOY),
    need(("ecs", "ListServiceDeployments"), "ecs:ListServiceDeployments", On::Services, FOLLOW),
    // Rolling out.
    need(("ecs", "RegisterTaskDefinition"), "ecs:RegisterTaskDefinition", On::Families, DEPLOY),
    need(("ecs", "RegisterTaskDefinition"), "ecs:TagResource", On::TaggedFamilies, DEPLOY),
    need(("ecs", "RegisterTaskDefinition"), "iam:PassRole", On::TaskRoles, DEPLOY),
    need(("ecs", "DeregisterTaskDefinition"), "ecs:DeregisterTaskDefinition", On::Anything, DEPLOY),
    need(("ecs", "UpdateService"), "ecs:UpdateService", On::Services, DEPLOY),
    need(("ecs", "StopServiceDeployment"), "ecs:StopServiceDeployment", On::Services, DEPLOY),
    need(
        ("ecs", "ContinueServiceDeployment"),
        "ecs:ContinueServiceDeployment",
        On::Services,
        DEPLOY,
    ),
    need(("ecs", "RunTask"), "ecs:RunTask", On::OneOffFamilies, DEPLOY),
    need(("ecs", "RunTask"), "ecs:TagResource", On::TaggedTasks, DEPLOY),
    need(("ecs", "RunTask"), "iam:PassRole", On::TaskRoles, DEPLOY),
    // CodeDeploy.
    need(
        ("codedeploy", "GetDeploymentGroup"),
        "codedeploy:GetDeploymentGroup",
        On::DeploymentGroups,
        LOOK,
    ),
    need(
        ("codedeploy", "BatchGetDeployments"),
        "codedeploy:BatchGetDeployments",
        On::DeploymentGroups,
        LOOK,
    ),
    need(
        ("codedeploy", "ListDeployments"),
        "codedeploy:ListDeployments",
        On::DeploymentGroups,
        DEPLOY,
    ),
    need(
        ("codedeploy", "CreateDeployment"),
        "codedeploy:CreateDeployment",
        On::DeploymentGroups,
        DEPLOY,
    ),
    need(
        ("codedeploy", "CreateDeployment"),
        "codedeploy:RegisterApplicationRevision",
        On::Applications,
        DEPLOY,
    ),
    need(
        ("codedeploy", "CreateDeployment"),
        "codedeploy:GetDeploymentConfig",
        On::DeploymentConfigurations,
        DEPLOY,
    ),
    need(
        ("codedeploy", "GetDeploymentConfig"),
        "codedeploy:GetDeploymentConfig",
        On::DeploymentConfigurations,
        LOOK,
    ),
    need(
        ("codedeploy", "GetDeploymentTarget"),
        "codedeploy:GetDeploymentTarget",
        On::CodeDeploy,
        FOLLOW,
    ),
    need(
        ("codedeploy", "ContinueDeployment"),
        "codedeploy:ContinueDeployment",
        On::CodeDeploy,
        DEPLOY,
    ),
    need(("codedeploy", "StopDeployment"), "codedeploy:StopDeployment", On::CodeDeploy, DEPLOY),
    need(
        ("codedeploy", "ListApplications"),
        "codedeploy:ListApplications",
        On::AllDeploymentGroups,
        LOOK,
    ),
    need(
        ("codedeploy", "ListDeploymentGroups"),
        "codedeploy:ListDeploymentGroups",
        On::AllDeploymentGroups,
        LOOK,
    ),
    need(
        ("codedeploy", "BatchGetDeploymentGroups"),
        "codedeploy:BatchGetDeploymentGroups",
        On::AllDeploymentGroups,
        LOOK,
    ),
    // What is around a service, and why a rollout fails.
    need(("cloudwatch", "DescribeAlarms"), "cloudwatch:DescribeAlarms", On::Anything, CHECKED),
    need(
        ("application-autoscaling", "DescribeScalableTargets"),
        "application-autoscaling:DescribeScalableTargets",
        On::Anything,
        FOLLOW,
    ),
    need(
        ("elasticloadbalancing", "DescribeTargetHealth"),
        "elasticloadbalancing:DescribeTargetHealth",
        On::Anything,
        DEPLOY,
    ),
    need(("logs", "GetLogEvents"), "logs:GetLogEvents", On::Logs, DEPLOY),
    // How much of all that AWS lets through, and what else may be done.
    need(
        ("servicequotas", "ListServiceQuotas"),
        "servicequotas:ListServiceQuotas",
        On::Anything,
        CHECKED,
    ),
    need(
        ("iam", "SimulatePrincipalPolicy"),
        "iam:SimulatePrincipalPolicy",
        On::Oneself,
        &[Group::Doctor],
    ),
    // Images, and the parameters that name them.
    need(("ecr", "BatchGetImage"), "ecr:BatchGetImage", On::Repositories, IMAGES_THERE),
    need(
        ("ecr", "GetDownloadUrlForLayer"),
        "ecr:GetDownloadUrlForLayer",
        On::Repositories,
        &[Group::Register],
    ),
    need(("ssm", "GetParameters"), "ssm:GetParameters", On::ReadParameters, READABLE),
    need(("ssm", "PutParameter"), "ssm:PutParameter", On::WrittenParameters, IMAGES),
    need(("ssm", "DeleteParameter"), "ssm:DeleteParameter", On::WrittenParameters, DEPLOY),
    need(("ssm", "GetParametersByPath"), "ssm:GetParametersByPath", On::ListedParameters, LOOK),
    // The record.
    need(("dynamodb", "GetItem"), "dynamodb:GetItem", On::StoreReads, RECORD),
    need(("dynamodb", "Query"), "dynamodb:Query", On::StoreReads, READABLE),
    need(("dynamodb", "TransactWriteItems"), "dynamodb:PutItem", On::StoreWrites, IMAGES),
    need(("dynamodb", "TransactWriteItems"), "dynamodb:UpdateItem", On::StoreWrites, IMAGES),
    need(("dynamodb", "TransactWriteItems"), "dynamodb:DeleteItem", On::StoreWrites, DEPLOY),
    need(
        ("dynamodb", "TransactWriteItems"),
        "dynamodb:ConditionCheckItem",
        On::StoreWrites,
        DEPLOY,
    ),
    need(("dynamodb", "GetItem"), "dynamodb:GetItem", On::StoreTable, STORE),
    need(("dynamodb", "Query"), "dynamodb:Query", On::StoreTable, STORE),
    need(("dynamodb", "Scan"), "dynamodb:Scan", On::StoreTable, STORE),
    need(("dynamodb", "TransactWriteItems"), "dynamodb:PutItem", On::StoreTable, STORE),
    need(("dynamodb", "CreateTable"), "dynamodb:CreateTable", On::StoreTable, STORE),
    need(("dynamodb", "DescribeTable"), "dynamodb:DescribeTable", On::StoreTable, STORE),
    need(
        ("dynamodb", "UpdateContinuousBackups"),
        "dynamodb:UpdateContinuousBackups",
        On::StoreTable,
        STORE,
    ),
    need(
        ("dynamodb", "DescribeContinuousBackups"),
        "dynamodb:DescribeContinuousBackups",
        On::StoreTable,
        STORE,
    ),
    // Other accounts.
    need(("sts", "AssumeRole"), "sts:AssumeRole", On::AssumedRoles, ALL),
];
