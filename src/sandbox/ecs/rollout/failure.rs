//! How a deployment ends that is not to go on: it stops, or the service goes back.
//!
//! The words of the circuit breaker and of failed hooks are ECS's, and so are those of events. AWS
//! publishes none for alarms and for users in `statusReason` and `rolloutStateReason`; those are made
//! after the others.

use jiff::Timestamp;

use super::{
    breaker::Breaker,
    deployment::{Deployment, Rollout, unsettle},
    events,
    record::{Rollback, Status},
    stages,
    state::ServiceState,
};

/// Why a deployment fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// Too many tasks failed.
    Breaker,
    /// Somebody asked.
    User,
    /// These alarms went to ALARM.
    Alarm(Vec<String>),
    /// Lifecycle hooks said so, in these words.
    Hook(String),
}

impl Cause {
    /// What completes "Service deployment rolled back because …".
    fn because(&self) -> String {
        match self {
            Self::Breaker => "the circuit breaker threshold was exceeded.".to_owned(),
            Self::User => "a user stopped it.".to_owned(),
            Self::Alarm(names) => {
                format!("CloudWatch alarm(s) {} went to ALARM.", names.join(", "))
            }
            Self::Hook(words) => words.clone(),
        }
    }

    /// `rolloutStateReason` of the entry that is given up, up to its last colon.
    fn entry(&self) -> &'static str {
        match self {
            Self::Breaker => "ECS deployment circuit breaker",
            Self::User => "ECS deployment stopped by user",
            Self::Alarm(_) => "ECS deployment alarm",
            Self::Hook(_) => "ECS deployment lifecycle hook",
        }
    }

    /// What `rolloutStateReason` says of it, and the event if there is one.
    fn failure(&self) -> Option<String> {
        match self {
            Self::Breaker => Some("tasks failed to start".to_owned()),
            Self::User => None,
            Self::Alarm(_) => Some("alarm detected".to_owned()),
            Self::Hook(_) => {
                let because = self.because();
                let because = because.trim_end_matches('.');
                Some(format!("Service deployment rolled back because {because}"))
            }
        }
    }
}

/// The circuit breaker trips.
pub(super) fn trip(service: &mut ServiceState, breaker: Breaker, moment: Timestamp) {
    if let Some(record) = service.service_deployments.first_mut() {
        record.tripped = true;
    }
    fail(service, &Cause::Breaker, breaker.rollback, moment);
}

/// The PRIMARY deployment fails: the service goes back, or nothing more is done.
pub(super) fn fail(
    service: &mut ServiceState,
    cause: &Cause,
    with_rollback: bool,
    moment: Timestamp,
) {
    let Some(number) = service.primary().map(|primary| primary.number) else { return };
    give_up(service, cause, moment);
    if let Some(failure) = cause.failure() {
        events::failed(service, moment, number, &failure);
    }
    let Some(record) = service.service_deployments.first_mut() else { return };
    if record.rollback.is_some() {
        let reason = format!("Rollback failed because {}", cause.because());
        record.turn(Status::RollbackFailed, Some(&reason), moment);
        return;
    }
    if with_rollback {
        roll_back(service, cause, moment);
        return;
    }
    let reason = format!("Service deployment stopped because {}", cause.because());
    record.turn(Status::Stopped, Some(&reason), moment);
}

/// Gives the PRIMARY deployment up: it starts no more tasks.
fn give_up(service: &mut ServiceState, cause: &Cause, moment: Timestamp) {
    let reason = match (cause.failure(), cause) {
        (Some(failure), _) => format!("{}: {failure}.", cause.entry()),
        (None, _) => format!("{}.", cause.entry()),
    };
    if let Some(primary) = service.deployments.first_mut() {
        primary.turn(Rollout::Failed, reason, moment);
        primary.retry_at = None;
    }
}

/// Goes back to the revision of the last completed deployment. While that is being done it is not
/// completed, and nothing can go back to it again; where there is none, nothing more is started.
fn roll_back(service: &mut ServiceState, cause: &Cause, moment: Timestamp) {
    let target = service.last_completed.take();
    let Some(record) = service.service_deployments.first_mut() else { return };
    let Some(target) = target else {
        let reason = "No rollback candidate was found to run the rollback.";
        record.turn(Status::RollbackFailed, Some(reason), moment);
        return;
    };
    let why = format!("Service deployment rolled back because {}", cause.because());
    record.turn(Status::RollbackInProgress, Some(&why), moment);
    record.rollback = Some(Rollback { reason: why, started_at: moment, revision: target });
    let number = service.ids.number();
    let reason = format!("{}: rolling back to deploymentId ecs-svc/{target}.", cause.entry());
    service.deployments.insert(0, Deployment::new(number, target, reason, moment));
    adopt(service, number, target);
    events::rolling_back(service, moment, target);
    stages::turn_back(service, target, moment);
    unsettle(service, moment);
}

/// Counts the tasks that still run a revision for the deployment that goes back to it.
fn adopt(service: &mut ServiceState, number: u64, revision: u64) {
    let of_revision = |task: &&mut super::task::Task| task.revision == Some(revision);
    for task in service.tasks.iter_mut().filter(of_revision).filter(|task| task.is_live()) {
        task.deployment = Some(number);
    }
}
