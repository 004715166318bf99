//! What becomes of a deployment as time goes by, one step at a time.

use jiff::{SignedDuration, Timestamp};

use super::{
    BlueGreen, TaskSet,
    course::delete_other,
    deployment::{Creator, Deployment, Failure, Stage, Status},
};
use crate::sandbox::ecs::{estate::Service, rollout::ids};

/// How long the tasks of a new task set may take to be as wanted. AWS waits an hour, and says so.
const HEALTHY_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// How long it takes to give traffic back.
const GOES_BACK_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// AWS's words on a task set that does not come up.
const TIMED_OUT: &str = "The deployment timed out while waiting for the replacement task set to \
                         become healthy. This time out period is 60 minutes.";

/// Takes all steps that can be taken at a moment.
pub(super) fn take(service: &mut Service, moment: Timestamp) {
    while one(service, moment) {}
}

/// Takes the next step, if it can be taken; tells whether it did.
fn one(service: &mut Service, moment: Timestamp) -> bool {
    let is_whole = service.rollout.is_steady;
    let Some(sets) = &mut service.blue_green else { return false };
    let is_up = sets.other.as_ref().is_some_and(|set| set.state.is_steady);
    let Some(newest) = sets.deployments.first_mut() else { return false };
    let is_due = newest.due.is_some_and(|due| due <= moment);
    match newest.stage {
        Stage::Begin if is_due => start(newest, moment),
        Stage::Install if is_up => installed(newest, moment),
        Stage::Ready if is_due => not_continued(newest, moment),
        Stage::Shift if is_due => shift(service, moment),
        Stage::Terminate if is_due => finish(sets, moment),
        Stage::GoBack if is_whole && newest.weight == 0 => {
            newest.end(Status::Succeeded, None, moment);
        }
        Stage::GoBack if is_due && newest.weight > 0 => go_back(service, moment),
        Stage::Install | Stage::GoBack if is_due => give_up(sets, TIMED_OUT, moment),
        _ => return false,
    }
    true
}

/// It begins.
fn start(newest: &mut Deployment, moment: Timestamp) {
    newest.started_at = Some(moment);
    newest.status = Status::InProgress;
    if newest.rolls_back.is_some() {
        newest.stage = Stage::GoBack;
        newest.due = Some(moment + GOES_BACK_AFTER);
        return;
    }
    newest.enter("Install", moment);
    newest.stage = Stage::Install;
    newest.due = Some(moment + HEALTHY_WITHIN);
}

/// The new task set is as wanted: somebody is waited for, or traffic is shifted.
fn installed(newest: &mut Deployment, moment: Timestamp) {
    newest.leave("Install", moment);
    if let Some(minutes) = newest.settings.ready_wait {
        newest.status = Status::Ready;
        newest.stage = Stage::Ready;
        newest.due = Some(moment + SignedDuration::from_mins(i64::from(minutes)));
        return;
    }
    newest.enter("AllowTraffic", moment);
    newest.stage = Stage::Shift;
    newest.due = Some(moment);
}

/// Nobody came: the group says that the deployment stops then.
fn not_continued(newest: &mut Deployment, moment: Timestamp) {
    let message = "The deployment was stopped because traffic was not rerouted in the time given.";
    let failure = Failure { code: "TIMEOUT".to_owned(), message: message.to_owned() };
    newest.end(Status::Stopped, Some(failure), moment);
}

/// The next share of traffic is shifted; with all of it, the new task set is the PRIMARY one.
fn shift(service: &mut Service, moment: Timestamp) {
    let Some(sets) = &mut service.blue_green else { return };
    let Some(newest) = sets.deployments.first_mut() else { return };
    let (weight, wait) = newest.settings.traffic.after(newest.weight);
    newest.weight = weight;
    newest.due = Some(moment + wait);
    if weight < 100 {
        return;
    }
    newest.leave("AllowTraffic", moment);
    newest.stage = Stage::Terminate;
    let minutes = newest.settings.termination_wait;
    if minutes > 0 {
        newest.status = Status::Baking;
    }
    newest.due = Some(moment + SignedDuration::from_mins(i64::from(minutes)));
    exchange(service);
}

/// The other task set becomes the PRIMARY one, and the other way round.
fn exchange(service: &mut Service) {
    let Some(sets) = &mut service.blue_green else { return };
    let Some(TaskSet { external_id, state }) = sets.other.take() else { return };
    let primary = std::mem::replace(&mut service.rollout, state);
    let made_by = std::mem::replace(&mut sets.external_id, external_id);
    sets.other = Some(TaskSet { external_id: made_by, state: primary });
    let definition = service.task_definition().map(str::to_owned);
    service.input.task_definition = definition;
}

/// Traffic goes back to the original task set, and the replacement goes.
fn go_back(service: &mut Service, moment: Timestamp) {
    let Some(sets) = &mut service.blue_green else { return };
    let Some(newest) = sets.deployments.first_mut() else { return };
    newest.weight = 0;
    newest.due = Some(moment + HEALTHY_WITHIN);
    if sets.external_id == newest.rolls_back {
        exchange(service);
    }
    if let Some(sets) = &mut service.blue_green {
        delete_other(sets, moment);
    }
}

/// The original task set goes, and the deployment is done.
fn finish(sets: &mut BlueGreen, moment: Timestamp) {
    delete_other(sets, moment);
    if let Some(newest) = sets.deployments.first_mut() {
        newest.end(Status::Succeeded, None, moment);
    }
}

/// It has failed, and is rolled back if its settings say so. A rollback is not.
fn give_up(sets: &mut BlueGreen, why: &str, moment: Timestamp) {
    let Some(newest) = sets.deployments.first_mut() else { return };
    let failure = Failure { code: "TIMEOUT".to_owned(), message: why.to_owned() };
    newest.end(Status::Failed, Some(failure), moment);
    if newest.settings.auto_rollback.on_failure && newest.rolls_back.is_none() {
        roll_back(sets, moment);
    }
}

/// A new deployment takes back the one that has ended.
pub(super) fn roll_back(sets: &mut BlueGreen, moment: Timestamp) {
    let Some(ended) = sets.deployments.first_mut() else { return };
    let id = id_after(&ended.id);
    ended.rolled_back_by = Some(id.clone());
    let mut back = ended.clone();
    back.rolls_back = Some(std::mem::replace(&mut back.id, id));
    back.creator = Creator::CodeDeployRollback;
    back.description = Some(format!("Rollback of {}", ended.id));
    back.rolled_back_by = None;
    back.failure = None;
    back.created_at = moment;
    back.started_at = None;
    back.completed_at = None;
    back.status = Status::Created;
    back.stage = Stage::Begin;
    back.due = Some(moment + SignedDuration::from_millis(200));
    back.lifecycle = Deployment::pending();
    // There is something to take back, whether or not traffic was shifted.
    back.weight = back.weight.max(1);
    sets.deployments.insert(0, back);
}

/// The id of the deployment that rolls another one back.
fn id_after(id: &str) -> String {
    ids::deployment(&format!("rollback of {id}"))
}
