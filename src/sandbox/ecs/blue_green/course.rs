//! What is asked of CodeDeploy: a deployment begins, is stopped, or goes on.

use jiff::{SignedDuration, Timestamp};

use super::{
    BlueGreen, Request, TaskSet,
    deployment::{Creator, Deployment, Failure, Stage, Status, Wait},
    step,
};
use crate::sandbox::ecs::{
    estate::Service,
    rollout::{
        ServiceState,
        deployment::{self, Target},
    },
};

/// How long a deployment is `Created`.
const BEGINS_AFTER: SignedDuration = SignedDuration::from_millis(200);

/// What a deployment is to do.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Order {
    /// What it was asked for with.
    pub(in crate::sandbox) request: Request,
    /// What the new task set runs.
    pub(in crate::sandbox::ecs) target: Target,
    /// The target group that its tasks are put in.
    pub(in crate::sandbox::ecs) target_groups: Vec<String>,
}

impl Order {
    /// The deployment, before it begins.
    fn deployment(&self, creator: Creator, now: Timestamp) -> Deployment {
        let request = &self.request;
        Deployment {
            id: request.id.clone(),
            application: request.application.clone(),
            group: request.group.clone(),
            description: request.description.clone(),
            creator,
            content: request.content.clone(),
            settings: request.settings.clone(),
            created_at: now,
            started_at: None,
            completed_at: None,
            status: Status::Created,
            stage: Stage::Begin,
            due: Some(now + BEGINS_AFTER),
            weight: 0,
            lifecycle: Deployment::pending(),
            failure: None,
            rolled_back_by: None,
            rolls_back: None,
        }
    }
}

/// Begins a deployment: a task set is made beside the PRIMARY one. What an earlier deployment left
/// there is deleted.
pub(in crate::sandbox) fn begin(service: &mut Service, order: Order, now: Timestamp) {
    let deployment = order.deployment(Creator::User, now);
    let seed = format!("{}/{}", service.name, order.request.id);
    let mut state = ServiceState::new(&service.name, &seed, now);
    state.desired = service.rollout.desired;
    state.settings = service.rollout.settings.clone();
    state.placement = service.rollout.placement.clone();
    // A task set is never rolled back by itself.
    state.settings.breaker = None;
    state.settings.target_groups = order.target_groups;
    deployment::begin(&mut state, order.target, now);
    if let Some(number) = state.primary().map(|primary| primary.number) {
        state.name = format!("{}, taskSet ecs-svc/{number}", service.name);
    }
    let sets = service.blue_green.get_or_insert_with(BlueGreen::default);
    delete_other(sets, now);
    sets.other = Some(TaskSet { external_id: Some(order.request.id), state });
    sets.deployments.insert(0, deployment);
}

/// Deletes the task set beside the PRIMARY one.
pub(super) fn delete_other(sets: &mut BlueGreen, now: Timestamp) {
    if let Some(mut set) = sets.other.take() {
        deployment::cancel(&mut set.state, now);
        sets.deleted.push(set);
    }
}

/// Stops the deployment that is under way; tells whether there was one. Without a word on it, it is
/// rolled back as its settings say.
pub(in crate::sandbox) fn stop(
    service: &mut Service,
    rolls_back: Option<bool>,
    now: Timestamp,
) -> bool {
    let Some(sets) = &mut service.blue_green else { return false };
    let Some(newest) = sets.deployments.first_mut().filter(|one| !one.status.is_over()) else {
        return false;
    };
    let rolls_back = rolls_back.unwrap_or(newest.settings.auto_rollback.on_stop);
    let failure = Failure {
        code: "MANUAL_STOP".to_owned(),
        message: "The deployment was stopped by a user.".to_owned(),
    };
    newest.end(Status::Stopped, Some(failure), now);
    if rolls_back && newest.rolls_back.is_none() {
        step::roll_back(sets, now);
    }
    true
}

/// Ends a wait of the deployment that is under way; tells whether it was waiting for that.
pub(in crate::sandbox) fn go_on(service: &mut Service, wait: Wait, now: Timestamp) -> bool {
    let Some(sets) = &mut service.blue_green else { return false };
    let Some(newest) = sets.deployments.first_mut() else { return false };
    match (newest.stage, wait) {
        (Stage::Ready, Wait::Ready) => {
            newest.enter("AllowTraffic", now);
            newest.status = Status::InProgress;
            newest.stage = Stage::Shift;
        }
        (Stage::Terminate, Wait::Termination) => {}
        _ => return false,
    }
    newest.due = Some(now);
    true
}
