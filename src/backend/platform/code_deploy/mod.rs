//! CodeDeploy, as far as it moves the tasks of ECS services: deployment groups and deployments.
//!
//! A deployment whose answer was lost is looked for by its description before it is asked for
//! again: the API has no token that would tell a repeat.

mod convert;
mod create;
mod find;
mod read;
mod traffic;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

pub use create::NewDeployment;

use crate::{
    backend::aws::{AwsError, AwsSession, Bucket, Operation, Repeat},
    model::{ClusterName, CodeDeployGroup, EcsServiceName, TrafficShift},
};

/// The most that `BatchGetDeployments` takes (CodeDeploy API reference).
const DEPLOYMENTS_A_CALL: usize = 25;
/// The most that `BatchGetDeploymentGroups` takes (CodeDeploy API reference).
const GROUPS_A_CALL: usize = 100;

/// An operation that only reads.
const fn read(name: &'static str) -> Operation {
    Operation { name, bucket: Bucket::CodeDeployRead, repeat: Repeat::Harmless }
}

const LIST_APPLICATIONS: Operation = read("ListApplications");
const LIST_DEPLOYMENT_GROUPS: Operation = read("ListDeploymentGroups");
const BATCH_GET_DEPLOYMENT_GROUPS: Operation = read("BatchGetDeploymentGroups");
const GET_DEPLOYMENT_GROUP: Operation = read("GetDeploymentGroup");
const LIST_DEPLOYMENTS: Operation = read("ListDeployments");
const BATCH_GET_DEPLOYMENTS: Operation = read("BatchGetDeployments");
const GET_DEPLOYMENT_TARGET: Operation = read("GetDeploymentTarget");
const GET_DEPLOYMENT_CONFIG: Operation = read("GetDeploymentConfig");
/// Every call makes a deployment.
const CREATE_DEPLOYMENT: Operation = Operation {
    name: "CreateDeployment",
    bucket: Bucket::CodeDeployWrite,
    repeat: Repeat::ActsAgain,
};
/// Stopping what is stopped changes nothing.
const STOP_DEPLOYMENT: Operation =
    Operation { name: "StopDeployment", bucket: Bucket::CodeDeployWrite, repeat: Repeat::Harmless };
/// A repeat would be refused, and that refusal would hide that the first was heard.
const ANSWER_WITH_STOP: Operation = Operation { repeat: Repeat::ActsAgain, ..STOP_DEPLOYMENT };
/// As above.
const CONTINUE_DEPLOYMENT: Operation = Operation { name: "ContinueDeployment", ..ANSWER_WITH_STOP };

/// The cluster and the name of a service.
type ServiceKey = (ClusterName, EcsServiceName);

/// The CodeDeploy of one account and region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CodeDeploy {
    /// The way there.
    session: AwsSession,
    /// The SDK's client.
    client: aws_sdk_codedeploy::Client,
    /// The groups that the manifest names.
    named: Arc<BTreeMap<ServiceKey, CodeDeployGroup>>,
    /// What this process shares among clones.
    shared: Arc<Shared>,
}

/// What the clones share.
#[derive(Debug, Default)]
struct Shared {
    /// The groups that were found, by service.
    found: Mutex<HashMap<ServiceKey, CodeDeployGroup>>,
    /// The services of all groups of the account, once those were listed.
    all: tokio::sync::OnceCell<Vec<(ServiceKey, CodeDeployGroup)>>,
    /// How deployment configurations shift traffic, by their names.
    shifts: Mutex<HashMap<String, TrafficShift>>,
}

impl CodeDeploy {
    /// The CodeDeploy that a session leads to.
    #[must_use]
    pub fn new(session: AwsSession) -> Self {
        let client = aws_sdk_codedeploy::Client::new(session.config());
        Self { session, client, named: Arc::default(), shared: Arc::default() }
    }

    /// The same with groups that are known by name.
    #[must_use]
    pub fn naming(self, named: BTreeMap<ServiceKey, CodeDeployGroup>) -> Self {
        Self { named: Arc::new(named), ..self }
    }
}

/// Whether a request failed because the application, group or deployment is not there.
fn is_missing(error: &AwsError) -> bool {
    error.code().is_some_and(|code| code.ends_with("DoesNotExistException"))
}
