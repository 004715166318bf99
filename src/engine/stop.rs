//! The first part of the way back: rollouts that are still under way are rolled back by ECS itself.
//!
//! What ECS is asked is in the record before. Nothing is decided by its answer: what the services
//! look like afterwards decides how each goes on back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::{
    Engine, SERVICES_AT_ONCE,
    course::Direction,
    effects::cause_chain,
    error::EngineError,
    follow::{FIRST_INTERVAL, POLL_INTERVAL, Seen, jittered},
    journal::{Begin, Journal},
    keeper::Keeper,
    rollouts::{Rollouts, Stop},
};
use crate::{
    backend::platform::ecs::EcsError,
    model::{
        ClusterName, EcsServiceName, Event, ObservedService, ServiceDeployment, Step, StepBefore,
        StepProgress, Verdict,
    },
    plan::{goes_back_to_before, is_rolling_back, rollout_under_way},
};

/// What the way back begins under.
pub(super) struct Under<'a> {
    /// The record.
    pub(super) journal: &'a Journal<'a>,
    /// Who keeps the lease.
    pub(super) keeper: &'a Keeper<'a>,
    /// Whether anything may still be begun.
    pub(super) rollouts: &'a Rollouts,
    /// For how long ECS's rollbacks may take.
    pub(super) timeout: Duration,
}

/// A rollout that ECS can roll back: the step's place, the step, what its service looks like, and
/// the service deployment.
type Candidate = (usize, Step, ObservedService, ServiceDeployment);

impl Engine<'_> {
    /// Has ECS roll back what is still under way, and sees that to its end. Gives the places of the
    /// steps of which that did not end in time: they stay as they are.
    pub(super) async fn stop_rollouts(
        &self,
        under: &Under<'_>,
    ) -> Result<BTreeSet<usize>, EngineError> {
        let candidates = match self.candidates(&under.journal.steps()).await {
            Ok(candidates) => candidates,
            Err(error) if error.is_denied() => {
                self.tell_refusal(None, &error);
                return Ok(BTreeSet::new());
            }
            Err(source) => {
                let deployment = under.journal.deployment().number;
                return Err(EngineError::WayBackUnseen { deployment, source });
            }
        };
        let stopping = stream::iter(candidates).map(|candidate| self.stop(under, candidate));
        let taken: Vec<Option<usize>> =
            stopping.buffer_unordered(SERVICES_AT_ONCE).try_collect().await?;
        self.follow_rollbacks(under, &taken.into_iter().flatten().collect()).await
    }

    /// The rollouts that ECS can roll back to where their steps found the services.
    async fn candidates(&self, steps: &[Step]) -> Result<Vec<Candidate>, EcsError> {
        let begun: Vec<(usize, &Step)> =
            steps.iter().enumerate().filter(|(_, step)| step.ecs_deployment.is_some()).collect();
        let seen = self.seen(begun.iter().map(|(_, step)| *step)).await?;
        let moving: Vec<_> = begun
            .into_iter()
            .filter_map(|(position, step)| Some((position, step, seen.get(&target(step))?)))
            .filter(|(_, step, service)| rollout_under_way(step, service).is_some())
            .collect();
        let current = |service: &ObservedService| service.current_service_deployment.clone();
        let arns: Vec<String> =
            moving.iter().filter_map(|(_, _, service)| current(service)).collect();
        let known = self.ecs.service_deployments(&arns).await?;
        let ours: Vec<Candidate> = moving
            .into_iter()
            .filter_map(|(position, step, service)| {
                let deployment = known.get(&current(service)?)?.clone();
                let revision = deployment.target_revision.as_ref()?;
                let is_ours = step.ecs_deployment.as_ref()?.made(revision);
                is_ours.then(|| (position, step.clone(), service.clone(), deployment))
            })
            .collect();
        let sources: Vec<_> = ours
            .iter()
            .flat_map(|(.., deployment)| &deployment.sources)
            .filter_map(|source| source.revision.clone())
            .collect();
        let revisions = self.ecs.service_revisions(&sources).await?;
        let goes_back = |(_, step, _, deployment): &Candidate| {
            goes_back_to_before(step, deployment, &revisions)
        };
        Ok(ours.into_iter().filter(goes_back).collect())
    }

    /// Looks at the services of steps.
    async fn seen(&self, steps: impl Iterator<Item = &Step>) -> Result<Seen, EcsError> {
        let targets: Vec<_> = steps.map(target).collect();
        self.ecs.observe(&targets).await
    }

    /// Asks ECS for one rollback, and gives the step's place where ECS takes the request. What it
    /// refuses goes back by a new deployment.
    async fn stop(
        &self,
        under: &Under<'_>,
        (position, step, service, deployment): Candidate,
    ) -> Result<Option<usize>, EngineError> {
        if !under.keeper.before_effect(under.rollouts).await? {
            return Ok(None);
        }
        let before = StepBefore {
            task_definition: service.task_definition.clone(),
            ecs_deployment: step.ecs_deployment.clone(),
            ..StepBefore::default()
        };
        match under.journal.begin_stopping(position, &before, &deployment.arn).await? {
            Begin::Yes => {}
            Begin::Cancelled(request) => {
                under.rollouts.stop(Stop::Cancelled(request));
                return Ok(None);
            }
            Begin::NoRecord(_) => {
                under.rollouts.lose_record();
                return Ok(None);
            }
        }
        if let Err(error) = self.ecs.roll_back_deployment(&deployment.arn).await {
            self.tell_refusal(Some(&step), &error);
            return Ok(None);
        }
        if let Some(ecs_deployment) = step.ecs_deployment {
            let service = step.service;
            self.listener.hear(&Event::RollbackRequested { service, ecs_deployment });
        }
        Ok(Some(position))
    }

    /// Tells that ECS does not roll back itself.
    fn tell_refusal(&self, step: Option<&Step>, error: &EcsError) {
        let who = step.map_or_else(String::new, |step| format!("`{}`: ", step.service));
        let chain = cause_chain(error);
        let text = format!("{who}ECS is not asked to roll back, a new deployment does it: {chain}");
        self.listener.hear(&Event::Warning { text });
    }

    /// Follows the rollbacks that ECS was asked for, now or before this process began, to their
    /// end.
    async fn follow_rollbacks(
        &self,
        under: &Under<'_>,
        taken: &BTreeSet<usize>,
    ) -> Result<BTreeSet<usize>, EngineError> {
        let deadline = Instant::now() + under.timeout;
        let mut interval = FIRST_INTERVAL;
        let steps = under.journal.steps();
        let asked = steps.iter().enumerate();
        let mut asked: BTreeMap<usize, &Step> = asked.filter(|(_, step)| is_asked(step)).collect();
        while !asked.is_empty() {
            if Instant::now() >= deadline {
                return self.give_rollbacks_up(under, asked).await;
            }
            match self.still_rolling_back(under.journal, (&asked, taken)).await {
                Ok(still) => asked.retain(|position, _| still.contains(position)),
                Err(error) if error.is_denied() => return Ok(BTreeSet::new()),
                Err(error) => {
                    let chain = cause_chain(&error);
                    let text = format!("cannot see how ECS rolls back, trying again: {chain}");
                    self.listener.hear(&Event::Warning { text });
                }
            }
            if !asked.is_empty() {
                sleep(jittered(interval)).await;
                interval = (interval * 2).min(POLL_INTERVAL);
            }
        }
        Ok(BTreeSet::new())
    }

    /// Which of the rollbacks are not over.
    async fn still_rolling_back(
        &self,
        journal: &Journal<'_>,
        (asked, taken): (&BTreeMap<usize, &Step>, &BTreeSet<usize>),
    ) -> Result<BTreeSet<usize>, EcsError> {
        let arns: Vec<String> = asked.values().filter_map(|step| stopped(step)).collect();
        let seen = self.seen(asked.values().copied()).await?;
        let known = self.ecs.service_deployments(&arns).await?;
        let mut still = BTreeSet::new();
        for (position, step) in asked {
            let deployment = stopped(step).and_then(|arn| known.get(&arn));
            let Some((deployment, service)) = deployment.zip(seen.get(&target(step))) else {
                continue;
            };
            journal.saw(*position, service);
            if is_rolling_back(step, deployment, (service, taken.contains(position))) {
                self.listener.hear(&Event::Progress(progress(step, service, deployment)));
                still.insert(*position);
            }
        }
        Ok(still)
    }

    /// The wait is over, and ECS is not.
    async fn give_rollbacks_up(
        &self,
        under: &Under<'_>,
        late: BTreeMap<usize, &Step>,
    ) -> Result<BTreeSet<usize>, EngineError> {
        for (position, step) in &late {
            let verdict = Verdict::TimedOut {
                seconds: under.timeout.as_secs(),
                last_seen: "ECS still rolls it back".to_owned(),
            };
            under.journal.end(*position, Direction::Back, (verdict.clone(), None)).await?;
            self.listener.hear(&Event::PutBack {
                service: step.service.clone(),
                to: None,
                verdict,
                evidence: None,
                seconds: under.timeout.as_secs(),
            });
        }
        Ok(late.into_keys().collect())
    }
}

/// Where a step acts.
fn target(step: &Step) -> (ClusterName, EcsServiceName) {
    (step.target.cluster.clone(), step.target.ecs_service.clone())
}

/// The service deployment that ECS was asked to roll back for a step.
fn stopped(step: &Step) -> Option<String> {
    step.compensation.as_ref()?.stopped.clone()
}

/// Whether ECS was asked to roll a step back, and nothing else was done for it since.
fn is_asked(step: &Step) -> bool {
    !step.is_over()
        && step
            .compensation
            .as_ref()
            .is_some_and(|back| back.stopped.is_some() && back.task_definition.is_none())
}

/// How far ECS's rollback is.
fn progress(
    step: &Step,
    service: &ObservedService,
    deployment: &ServiceDeployment,
) -> StepProgress {
    let primary = service.primary();
    let others = primary.map_or(0, |primary| service.tasks_of_others(&primary.id));
    StepProgress {
        service: step.service.clone(),
        rollout_state: primary.and_then(|primary| primary.rollout_state),
        running: primary.map_or(0, |primary| primary.running),
        pending: primary.map_or(0, |primary| primary.pending),
        desired: service.desired,
        old_tasks: others,
        failed_tasks: primary.map_or(0, |primary| primary.failed_tasks),
        seconds: 0,
        stage: deployment.strategy.is_staged().then(|| deployment.progress(None)),
    }
}
