//! What the answer to an update tells.

use super::*;
use crate::model::{
    CircuitBreaker, ClusterName, DeploymentAlarms, DeploymentController, EcsServiceName,
    RolloutState, Strategy,
};

fn arn(revision: u64) -> TaskDefinitionArn {
    let text = format!("arn:aws:ecs:eu-west-1:000000000000:task-definition/web:{revision}");
    TaskDefinitionArn::parse(&text).unwrap()
}

/// `web` whose PRIMARY deployment has this number and runs this revision.
fn service(primary: Option<(u64, u64)>) -> ObservedService {
    let deployment = |(number, revision): (u64, u64)| EcsDeployment {
        id: EcsDeploymentId::new(format!("ecs-svc/{number}")),
        is_primary: true,
        task_definition: Some(arn(revision)),
        desired: 2,
        running: 2,
        pending: 0,
        failed_tasks: 0,
        rollout_state: Some(RolloutState::InProgress),
        rollout_state_reason: String::new(),
        created_at: None,
        task_set: None,
    };
    ObservedService {
        cluster: ClusterName::new("prod").unwrap(),
        name: EcsServiceName::new("web").unwrap(),
        arn: String::new(),
        status: "ACTIVE".to_owned(),
        desired: 2,
        running: 2,
        pending: 0,
        task_definition: None,
        deployments: primary.map(deployment).into_iter().collect(),
        current_service_deployment: None,
        controller: DeploymentController::Ecs,
        circuit_breaker: CircuitBreaker::default(),
        alarms: DeploymentAlarms::default(),
        propagates_tags: false,
        target_groups: Vec::new(),
        strategy: Strategy::default(),
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        events: Vec::new(),
        code_deploy: None,
    }
}

#[test]
fn what_is_not_a_deployment_of_ours_is_told_as_none() {
    let (cluster, name) = (ClusterName::new("prod").unwrap(), EcsServiceName::new("web").unwrap());
    let (wanted, before) = (arn(2), EcsDeploymentId::new("ecs-svc/1"));
    for (primary, force, wanted_words) in [
        (Some((2, 2)), false, None),
        (Some((2, 2)), true, None),
        (Some((1, 1)), false, Some("the PRIMARY deployment is ecs-svc/1, with web:1")),
        (Some((1, 2)), true, Some("the PRIMARY deployment is ecs-svc/1, with web:2")),
        (None, false, Some("the service has no PRIMARY deployment")),
    ] {
        let update = ServiceUpdate {
            cluster: &cluster,
            service: &name,
            task_definition: &wanted,
            force,
            primary_before: Some(&before),
            enable_circuit_breaker: false,
        };
        match (started(&service(primary), &update), wanted_words) {
            (Ok(ours), None) => assert_eq!(ours.as_str(), "ecs-svc/2"),
            (Err(Verdict::NoDeployment { reason }), Some(words)) => {
                assert!(reason.ends_with(words), "{reason}");
            }
            (other, _) => panic!("{primary:?}: {other:?}"),
        }
    }
}
