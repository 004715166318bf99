//! What the tests of operations have in common: a sandbox of their own, and JSON in and out.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{admin, answer, fate::Fate};
use crate::sandbox::{
    call::{Call, Fault, Scope},
    state::{State, Transaction},
    testing,
};

/// A sandbox's ECS with a clock that tests move.
pub(super) struct Ecs {
    /// Its memory.
    state: State,
    /// Its clock.
    pub(super) now: Timestamp,
}

impl Ecs {
    /// An ECS with nothing in it.
    pub(super) fn empty() -> Self {
        let state = State::open(Path::new(":memory:")).unwrap();
        Self { state, now: Timestamp::constant(1_700_000_000, 0) }
    }

    /// An ECS with the cluster `c`, the task definition `web:1` of the image `web:v1`, and the
    /// service `web` with two tasks, whose deployment is complete.
    pub(super) fn with_service() -> Self {
        let mut ecs = Self::empty();
        ecs.ok("CreateCluster", &json!({ "clusterName": "c" }));
        ecs.register("web:v1");
        let breaker = json!({ "enable": true, "rollback": true });
        ecs.ok(
            "CreateService",
            &json!({
                "cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2,
                "launchType": "FARGATE",
                "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
                "deploymentConfiguration": { "deploymentCircuitBreaker": breaker },
            }),
        );
        ecs.wait(60);
        ecs
    }

    /// The scope of all requests.
    pub(super) fn scope() -> Scope {
        testing::scope()
    }

    /// The clock's moment, of a scope.
    pub(super) fn viewpoint<'a>(&self, scope: &'a Scope) -> admin::Viewpoint<'a> {
        admin::Viewpoint { scope, now: self.now }
    }

    /// Lets seconds pass.
    pub(super) fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// Does something with the memory.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Transaction<'_>) -> T) -> T {
        self.state.transact(|transaction| Ok(work(transaction))).unwrap()
    }

    /// Asks for an operation.
    fn ask(&self, operation: &str, input: &Value) -> Result<Value, Fault> {
        let call = Call {
            scope: Self::scope(),
            operation: operation.to_owned(),
            body: input.to_string().into(),
            now: self.now,
            caller: "arn:aws:iam::000000000000:user/tester".to_owned(),
        };
        let bytes = self.with(|transaction| answer(&call, transaction))?;
        Ok(serde_json::from_slice(&bytes).unwrap())
    }

    /// Asks for an operation that works.
    pub(super) fn ok(&self, operation: &str, input: &Value) -> Value {
        self.ask(operation, input).unwrap_or_else(|fault| panic!("{operation}: {fault:?}"))
    }

    /// Asks for an operation that does not: the error's code and message.
    pub(super) fn refused(&self, operation: &str, input: &Value) -> (String, String) {
        match self.ask(operation, input) {
            Err(Fault::Answer { code, members, .. }) => {
                (code, members["message"].as_str().unwrap().to_owned())
            }
            other => panic!("{operation}: {other:?}"),
        }
    }

    /// Registers a task definition of the family `web` for Fargate; its ARN.
    pub(super) fn register(&self, image: &str) -> String {
        let answer = self.ok(
            "RegisterTaskDefinition",
            &json!({
                "family": "web", "networkMode": "awsvpc", "cpu": "256", "memory": "512",
                "requiresCompatibilities": ["FARGATE"],
                "containerDefinitions": [{ "name": "app", "image": image }],
            }),
        );
        answer["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
    }

    /// The service `web`.
    pub(super) fn service(&self) -> Value {
        let answer = self.ok("DescribeServices", &json!({ "cluster": "c", "services": ["web"] }));
        answer["services"][0].clone()
    }

    /// The service deployment that is or was the latest of `web`.
    pub(super) fn deployment(&self) -> Value {
        let arn = self.service()["currentServiceDeployment"].clone();
        let input = json!({ "serviceDeploymentArns": [arn] });
        self.ok("DescribeServiceDeployments", &input)["serviceDeployments"][0].clone()
    }

    /// Sets what becomes of an image.
    pub(super) fn fate(&self, image: &str, fate: Fate) {
        self.with(|transaction| admin::set_fate(transaction, image, fate, self.now).unwrap());
    }
}
