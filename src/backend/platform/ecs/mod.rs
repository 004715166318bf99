//! ECS: services, task definitions, rollouts and tasks.
//!
//! Reads are batched as far as the API takes it. Task definitions pass through as the raw JSON
//! they come in, since the SDK's types drop members newer than the SDK. A write whose answer was
//! lost is looked up before anything is done again.

mod answer;
mod convert;
mod deployments;
mod error;
mod evidence;
mod logs;
mod observe;
mod one_off;
mod pages;
mod raw;
mod stopped;
mod strategy;
mod targets;
mod task_definitions;
mod task_sets;
mod tasks;
#[cfg(test)]
mod tests;
mod tries;
mod update;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

pub use error::EcsError;
pub use evidence::{Collected, TaskEnd};
pub use logs::{LogCursor, LogSource, NewLines, Unread};
pub use one_off::{OneOff, OneOffEnd, OneOffState};
pub use update::{ServiceUpdate, UpdateOutcome};

use crate::{
    backend::{
        aws::{AwsSession, Bucket, Operation, Repeat},
        platform::code_deploy::CodeDeploy,
    },
    model::{ClusterName, CodeDeployGroup, EcsServiceName, TaskDefinition, TaskDefinitionArn},
};

/// The most services `DescribeServices` takes (ECS API reference).
const SERVICES_A_CALL: usize = 10;
/// The most service deployments or revisions their `Describe` operations take.
const DEPLOYMENTS_A_CALL: usize = 20;
/// The most tasks `DescribeTasks` takes, and the most that `List` operations give a page.
const TASKS_A_CALL: usize = 100;
/// [`TASKS_A_CALL`] as the API's `maxResults`.
const PAGE: i32 = 100;

/// An operation that only reads.
const fn read(name: &'static str, bucket: Bucket) -> Operation {
    Operation { name, bucket, repeat: Repeat::Harmless }
}

const DESCRIBE_SERVICES: Operation = read("DescribeServices", Bucket::ServiceRead);
const DESCRIBE_TASK_DEFINITION: Operation =
    read("DescribeTaskDefinition", Bucket::TaskDefinitionRead);
const DESCRIBE_SERVICE_DEPLOYMENTS: Operation =
    read("DescribeServiceDeployments", Bucket::ServiceDeploymentRead);
const LIST_SERVICE_DEPLOYMENTS: Operation =
    read("ListServiceDeployments", Bucket::ServiceDeploymentRead);
const DESCRIBE_SERVICE_REVISIONS: Operation =
    read("DescribeServiceRevisions", Bucket::ServiceRevisionRead);
const LIST_TASKS: Operation = read("ListTasks", Bucket::ClusterResourceRead);
const DESCRIBE_TASKS: Operation = read("DescribeTasks", Bucket::ClusterResourceRead);
/// The client token makes repeats harmless, and how often it is sent is counted where it is sent.
const RUN_TASK: Operation =
    Operation { name: "RunTask", bucket: Bucket::ClusterResourceModify, repeat: Repeat::ActsAgain };
/// Every call makes a revision; the API has no token that would tell a repeat.
const REGISTER_TASK_DEFINITION: Operation = Operation {
    name: "RegisterTaskDefinition",
    bucket: Bucket::TaskDefinitionModify,
    repeat: Repeat::ActsAgain,
};
/// Deregistering what is deregistered changes nothing.
const DEREGISTER_TASK_DEFINITION: Operation = Operation {
    name: "DeregisterTaskDefinition",
    bucket: Bucket::TaskDefinitionModify,
    repeat: Repeat::Harmless,
};
/// A forced update starts a deployment each time. An unforced one does not, but in between
/// somebody else may have moved the service: it is looked at first as well.
const UPDATE_SERVICE: Operation =
    Operation { name: "UpdateService", bucket: Bucket::ServiceModify, repeat: Repeat::ActsAgain };
/// AWS publishes no rate for the two requests that act on a service deployment under way. They are
/// counted with the changes of services, so that all of them together stay within that rate.
const STOP_SERVICE_DEPLOYMENT: Operation = Operation {
    name: "StopServiceDeployment",
    bucket: Bucket::ServiceModify,
    repeat: Repeat::ActsAgain,
};
/// As [`STOP_SERVICE_DEPLOYMENT`]. A repeat is refused, and its words do not tell why.
const CONTINUE_SERVICE_DEPLOYMENT: Operation = Operation {
    name: "ContinueServiceDeployment",
    bucket: Bucket::ServiceModify,
    repeat: Repeat::ActsAgain,
};

/// The ECS of one account and region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ecs {
    /// The way there.
    session: AwsSession,
    /// The SDK's client.
    client: aws_sdk_ecs::Client,
    /// What moves the tasks of services that ECS does not move itself.
    code_deploy: CodeDeploy,
    /// What this process shares among clones.
    shared: Arc<Shared>,
}

/// What the clones of an [`Ecs`] share.
#[derive(Debug, Default)]
struct Shared {
    /// Task definitions by ARN: a revision's content never changes.
    definitions: Mutex<HashMap<TaskDefinitionArn, TaskDefinition>>,
    /// One turn per family: ECS refuses registrations of one family at the same time.
    families: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Ecs {
    /// The ECS that a session leads to.
    #[must_use]
    pub fn new(session: AwsSession) -> Self {
        let client = aws_sdk_ecs::Client::new(session.config());
        let code_deploy = CodeDeploy::new(session.clone());
        Self { session, client, code_deploy, shared: Arc::default() }
    }

    /// The same with deployment groups of CodeDeploy that are known by name.
    #[must_use]
    pub fn naming(self, named: BTreeMap<(ClusterName, EcsServiceName), CodeDeployGroup>) -> Self {
        Self { code_deploy: self.code_deploy.naming(named), ..self }
    }

    /// The CodeDeploy of the same account and region.
    #[must_use]
    pub fn code_deploy(&self) -> &CodeDeploy {
        &self.code_deploy
    }

    /// The way there.
    #[must_use]
    pub fn session(&self) -> &AwsSession {
        &self.session
    }
}
