//! Moving a whole service in time: for one that is to look as if it had been there for a while.

use jiff::{SignedDuration, Timestamp};

use super::state::ServiceState;

/// Puts everything that happened to a service, and everything that is yet to happen, earlier.
pub(in crate::sandbox::ecs) fn back(service: &mut ServiceState, by: SignedDuration) {
    let earlier = |moment: &mut Timestamp| *moment -= by;
    let all = |moments: &mut [&mut Option<Timestamp>]| {
        moments.iter_mut().filter_map(|moment| moment.as_mut()).for_each(earlier);
    };
    for one in &mut service.deployments {
        [&mut one.created_at, &mut one.updated_at, &mut one.starts_at]
            .into_iter()
            .for_each(earlier);
        all(&mut [&mut one.retry_at]);
    }
    for one in &mut service.service_deployments {
        [&mut one.created_at, &mut one.updated_at].into_iter().for_each(earlier);
        all(&mut [
            &mut one.started_at,
            &mut one.finished_at,
            &mut one.stopped_at,
            &mut one.turns_at,
        ]);
        if let Some(progress) = &mut one.progress {
            all(&mut [&mut progress.waits_until]);
            for hook in &mut progress.hooks {
                earlier(&mut hook.expires_at);
                all(&mut [&mut hook.answers_at]);
            }
        }
        if let Some(rollback) = &mut one.rollback {
            earlier(&mut rollback.started_at);
        }
    }
    for one in &mut service.tasks {
        [&mut one.created_at, &mut one.since].into_iter().for_each(earlier);
        let times = &mut one.times;
        all(&mut [
            &mut times.pull_started,
            &mut times.pull_stopped,
            &mut times.started,
            &mut times.execution_stopped,
            &mut times.stopped,
        ]);
        if let Some(stop) = &mut one.stop {
            earlier(&mut stop.at);
        }
    }
    service.revisions.iter_mut().for_each(|one| earlier(&mut one.created_at));
    service.events.iter_mut().for_each(|one| earlier(&mut one.at));
    all(&mut [&mut service.wake_at, &mut service.settles_at]);
    earlier(&mut service.clock);
}
