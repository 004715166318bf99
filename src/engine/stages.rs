//! How far a rollout in stages is, and what it waits for.
//!
//! ECS tells the stage and the shares of traffic, and not since when: that is what was seen when
//! they changed. A planned wait is never called stuck.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Engine, follow::progress, rollouts::Moving, run::Run};
use crate::model::{Event, HookDetail, ObservedService, Percent, ServiceDeployment, StageProgress};

/// What is known of the stages of one rollout.
#[derive(Debug, Clone, Default)]
pub(super) struct Stages {
    /// Where it was seen last, and since when.
    place: Option<(Place, Timestamp)>,
    /// How far it was seen last.
    last: Option<StageProgress>,
    /// The hooks that were told to wait.
    told: BTreeSet<String>,
}

/// The stage in which ECS stops old tasks, in its word.
const CLEAN_UP: &str = "CLEAN_UP";

/// Where a rollout is: its stage, and the new version's share of production traffic.
type Place = (Option<String>, Option<Percent>);

impl Stages {
    /// Takes note of one look. A change since the look before has happened just now; of what is
    /// seen for the first time only ECS's last change is known.
    fn notice(&mut self, deployment: &ServiceDeployment, now: Timestamp) {
        let green = deployment.target.as_ref();
        let place =
            (deployment.lifecycle_stage.clone(), green.and_then(|target| target.production));
        let since = match &self.place {
            Some((seen, since)) if *seen == place => *since,
            Some(_) => now,
            None => deployment.updated_at.unwrap_or(now).min(now),
        };
        self.place = Some((place, since));
        self.last = Some(deployment.progress(Some(since)));
    }

    /// Takes note of how far CodeDeploy is, which tells itself since when; nothing where it is not
    /// under way.
    pub(super) fn take_note(&mut self, stage: Option<StageProgress>) {
        self.last = stage;
    }

    /// The hooks that wait for an answer and were not told so yet.
    fn news(&mut self) -> Vec<HookDetail> {
        let open = self.last.iter().flat_map(|last| &last.hooks);
        let waiting: Vec<HookDetail> = open.filter(|hook| hook.awaits_action()).cloned().collect();
        waiting.into_iter().filter(|hook| self.told.insert(hook.id.clone())).collect()
    }

    /// Whether it goes in stages, as far as it was seen.
    pub(super) fn is_known(&self) -> bool {
        self.last.is_some()
    }

    /// Whether it is in a stage in which old tasks are kept as planned, as far as it was seen.
    pub(super) fn keeps_old_tasks(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.stage.as_deref() != Some(CLEAN_UP))
    }

    /// What it was doing when it was seen last; nothing where it has no stages.
    pub(super) fn words(&self) -> Option<String> {
        let last = self.last.as_ref()?;
        let at = last.stage.as_deref().unwrap_or("its first stage");
        let paused = last.hooks.iter().find(|hook| hook.awaits_action());
        let paused = paused.map_or_else(String::new, |hook| {
            if hook.is_ready_wait() {
                return format!(", {} waits for an answer before it shifts traffic", hook.id);
            }
            format!(", {} hook {} waits for an answer", hook.target_type, hook.id)
        });
        Some(format!("still going, {} in {at}{paused}", last.strategy))
    }
}

impl Engine<'_> {
    /// Tells how far a rollout is, and once for each hook that it waits for an answer.
    pub(super) fn tell_progress(
        &self,
        run: &Run<'_>,
        one: &mut Moving,
        (service, deployment): (Option<&ObservedService>, Option<&ServiceDeployment>),
    ) {
        let staged = deployment.filter(|deployment| deployment.strategy.is_staged());
        if let Some(deployment) = staged {
            one.stages.notice(deployment, (self.now)());
        }
        self.listener.hear(&Event::Progress(progress(one, service, one.stages.last.clone())));
        for hook in one.stages.news() {
            let stage = one.stages.last.as_ref().and_then(|last| last.stage.clone());
            self.listener.hear(&Event::HookAwaits {
                deployment: run.journal.deployment().number,
                service: one.watch.service.clone(),
                stage,
                hook,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{RevisionShare, Strategy, TrafficSteps},
        plan::test_support::service_deployment,
    };

    /// A canary that gives ten percent, waits a quarter of an hour, and bakes for five minutes.
    fn canary(stage: &str, production: f64) -> ServiceDeployment {
        let share = |production| RevisionShare {
            revision: None,
            requested: 2,
            running: 2,
            pending: 0,
            test: None,
            production: Some(Percent::new(production)),
        };
        ServiceDeployment {
            lifecycle_stage: Some(stage.to_owned()),
            strategy: Strategy {
                name: "CANARY".to_owned(),
                bake_minutes: 5,
                shift: Some(TrafficSteps {
                    percent: Percent::new(10.0),
                    bake_minutes: 15,
                    waits: 1,
                }),
                hooks: Vec::new(),
            },
            target: Some(share(production)),
            sources: vec![share(100.0 - production)],
            ..service_deployment()
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    /// When the wait is over, after each of some looks.
    fn waits(looks: &[(&str, f64, i64)]) -> Vec<Option<i64>> {
        let mut stages = Stages::default();
        looks
            .iter()
            .map(|(stage, production, minute)| {
                stages.notice(&canary(stage, *production), at(*minute));
                let until = stages.last.as_ref().and_then(|last| last.until);
                until.map(|until| until.as_second() / 60)
            })
            .collect()
    }

    #[test]
    fn a_wait_is_counted_from_when_it_was_seen_to_begin() {
        let looks = [
            ("SCALE_UP", 0.0, 0),
            ("PRODUCTION_TRAFFIC_SHIFT", 10.0, 3),
            ("PRODUCTION_TRAFFIC_SHIFT", 10.0, 9),
            ("PRODUCTION_TRAFFIC_SHIFT", 100.0, 18),
            ("BAKE_TIME", 100.0, 19),
            ("CLEAN_UP", 100.0, 24),
        ];
        assert_eq!(waits(&looks), [None, Some(18), Some(18), None, Some(24), None]);
    }

    #[test]
    fn old_tasks_are_kept_as_planned_until_clean_up() {
        assert!(!Stages::default().keeps_old_tasks());
        for (stage, expected) in [("SCALE_UP", true), ("BAKE_TIME", true), ("CLEAN_UP", false)] {
            let mut stages = Stages::default();
            stages.notice(&canary(stage, 100.0), at(0));
            assert_eq!(stages.keeps_old_tasks(), expected, "{stage}");
        }
    }

    #[test]
    fn of_what_began_before_ecs_tells_the_last_change() {
        let mut baking = canary("BAKE_TIME", 100.0);
        baking.updated_at = Some(at(2));
        let mut stages = Stages::default();
        stages.notice(&baking, at(4));
        assert_eq!(stages.last.as_ref().unwrap().until, Some(at(7)));
    }

    #[test]
    fn a_hook_that_waits_is_told_once_and_named_at_the_end() {
        let mut paused = canary("POST_TEST_TRAFFIC_SHIFT", 0.0);
        let hook = |id: &str, status: &str| HookDetail {
            id: id.to_owned(),
            target_type: "PAUSE".to_owned(),
            target: None,
            status: status.to_owned(),
            expires_at: Some(at(60)),
            timeout_action: Some("ROLLBACK".to_owned()),
        };
        paused.hooks = vec![hook("one", "SUCCEEDED"), hook("two", "AWAITING_ACTION")];
        let mut stages = Stages::default();
        assert_eq!(stages.words(), None);
        stages.notice(&paused, at(1));
        let news: Vec<String> = stages.news().into_iter().map(|hook| hook.id).collect();
        assert_eq!(news, ["two"]);
        stages.notice(&paused, at(2));
        assert!(stages.news().is_empty());
        let words = stages.words().unwrap();
        assert_eq!(
            words,
            "still going, CANARY in POST_TEST_TRAFFIC_SHIFT, PAUSE hook two waits for an answer"
        );
    }
}
