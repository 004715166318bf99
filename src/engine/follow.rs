//! One loop that follows all rollouts of a deployment to their end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::{Engine, apply::cause_chain, error::EngineError, journal::Journal};
use crate::{
    backend::platform::ecs::EcsError,
    model::{
        ClusterName, EcsServiceName, Event, Evidence, ObservedService, ServiceDeployment,
        ServiceId, StepProgress, Verdict,
    },
    plan::{Judgement, Plan, PlannedStep, Watch, judge},
};

/// How the following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// Every step has a verdict.
    ToTheEnd {
        /// Whether all that had to be put back was.
        put_back: bool,
    },
    /// Nobody wanted to wait.
    Detached,
    /// A signal came.
    Interrupted,
}

/// The longest time between two looks while something moves.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The time before the first look; it doubles up to [`POLL_INTERVAL`], so that a rollout that is
/// over at once is also told at once.
const FIRST_INTERVAL: Duration = Duration::from_millis(250);
/// For how long AWS may not be seen before the outcome is called unknown.
const BLINDNESS: Duration = Duration::from_mins(5);

/// A rollout under way.
#[derive(Debug, Clone)]
pub(super) struct Moving {
    /// Its step.
    pub(super) position: usize,
    /// What is watched.
    pub(super) watch: Watch,
    /// The service deployment that ECS last called the current one.
    hint: Option<String>,
    /// When ECS made our deployment, by AWS's clock; kept for when ECS no longer lists it.
    created_at: Option<Timestamp>,
    /// Whether its failure was told.
    told: bool,
    /// When the service was told to move.
    since: Instant,
}

/// The rollouts of a deployment: filled by those who tell services to move, emptied by the one
/// who follows them.
#[derive(Debug, Default)]
pub(super) struct Rollouts {
    /// What both sides share.
    shared: Mutex<Shared>,
}

/// See [`Rollouts`].
#[derive(Debug, Default)]
struct Shared {
    /// Rollouts under way.
    moving: Vec<Moving>,
    /// Whether no more will come.
    all_applied: bool,
    /// The first service that failed.
    failed: Option<ServiceId>,
    /// Whether nothing more shall be started, whatever becomes of what was.
    interrupted: bool,
}

impl Rollouts {
    /// Runs `work` on what is shared.
    fn with<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A service was told to move.
    pub(super) fn begin(&self, position: usize, watch: Watch) {
        let since = Instant::now();
        self.with(|shared| {
            shared.moving.push(Moving {
                position,
                watch,
                hint: None,
                created_at: None,
                told: false,
                since,
            });
        });
    }

    /// No more services will be told to move.
    pub(super) fn all_applied(&self) {
        self.with(|shared| shared.all_applied = true);
    }

    /// A service failed: nothing more is started.
    pub(super) fn failed(&self, service: &ServiceId) {
        self.with(|shared| {
            shared.failed.get_or_insert_with(|| service.clone());
        });
    }

    /// Nothing more shall be started.
    pub(super) fn interrupt(&self) {
        self.with(|shared| shared.interrupted = true);
    }

    /// Never returns once nothing more shall be started; before that, at once.
    pub(super) async fn unless_interrupted(&self) {
        if self.with(|shared| shared.interrupted) {
            std::future::pending::<()>().await;
        }
    }

    /// The first service that failed.
    pub(super) fn first_failure(&self) -> Option<ServiceId> {
        self.with(|shared| shared.failed.clone())
    }
}

/// What was judged of rollouts, by step, and what it was judged by.
pub(super) type Judged = BTreeMap<usize, (Judgement, Option<ServiceDeployment>)>;
/// A service as one look saw it.
pub(super) type Seen = BTreeMap<(ClusterName, EcsServiceName), ObservedService>;

impl Engine<'_> {
    /// Follows rollouts until each has its verdict, or the deadline passes.
    pub(super) async fn follow_all(
        &self,
        plan: &Plan,
        journal: &Journal<'_>,
        rollouts: &Rollouts,
        (wait, deadline): (bool, Instant),
    ) -> Result<Followed, EngineError> {
        let mut interval = FIRST_INTERVAL;
        let mut blind_since = None;
        loop {
            let (still, last) =
                rollouts.with(|shared| (shared.moving.is_empty(), shared.all_applied));
            // After a failure there is something to put back, and so a reason to wait.
            let waits = wait || rollouts.first_failure().is_some();
            if last && !waits {
                return Ok(Followed::Detached);
            }
            if last && still {
                let put_back = self.put_back(plan, journal).await;
                return Ok(Followed::ToTheEnd { put_back });
            }
            sleep(jittered(interval)).await;
            for operation in self.throttles.take() {
                self.listener.hear(&Event::Throttled { operation });
            }
            let moving = rollouts.with(|shared| shared.moving.clone());
            if moving.is_empty() || !waits {
                continue;
            }
            interval = (interval * 2).min(POLL_INTERVAL);
            blind_since = match self.look(plan, journal, rollouts, moving).await? {
                Ok(()) => None,
                Err(error) => {
                    self.tell_blindness(&error);
                    blind_since.or(Some((Instant::now(), cause_chain(&error))))
                }
            };
            let blind = blind_since.as_ref().filter(|(since, _)| since.elapsed() >= BLINDNESS);
            if Instant::now() >= deadline || blind.is_some() {
                let last_seen = blind.map_or("still in progress", |(_, why)| why);
                self.give_up(journal, rollouts, last_seen).await?;
            }
        }
    }

    /// One look at everything that moves. The inner error says that AWS could not be asked.
    async fn look(
        &self,
        plan: &Plan,
        journal: &Journal<'_>,
        rollouts: &Rollouts,
        mut moving: Vec<Moving>,
    ) -> Result<Result<(), EcsError>, EngineError> {
        let steps = || moving.iter().filter_map(|one| plan.steps.get(one.position));
        let targets: Vec<_> = steps().map(target_of).collect();
        let seen = match self.ecs.observe(&targets).await {
            Ok(seen) => seen,
            Err(error) => return Ok(Err(error)),
        };
        for one in &mut moving {
            let Some(step) = plan.steps.get(one.position) else { continue };
            let service = seen.get(&target_of(step));
            let ours = service.and_then(|service| service.deployment(&one.watch.ours));
            one.created_at = one.created_at.or(ours.and_then(|ours| ours.created_at));
            if let Some(arn) =
                service.and_then(|service| service.current_service_deployment.clone())
                && service
                    .and_then(ObservedService::primary)
                    .is_some_and(|p| p.id == one.watch.ours)
            {
                one.hint = Some(arn);
            }
            self.listener.hear(&Event::Progress(progress(one, service)));
        }
        let judged = match self.judge_all(plan, &moving, &seen).await {
            Ok(judged) => judged,
            Err(error) => return Ok(Err(error)),
        };
        let ended = self.act_on(plan, journal, (&mut moving, judged, &seen), rollouts).await?;
        rollouts.with(|shared| {
            shared.moving.retain(|one| !ended.contains(&one.position));
            for one in &mut shared.moving {
                if let Some(known) = moving.iter().find(|known| known.position == one.position) {
                    one.clone_from(known);
                }
            }
        });
        Ok(Ok(()))
    }

    /// Judges every rollout that the cheap look leaves a question about.
    async fn judge_all(
        &self,
        plan: &Plan,
        moving: &[Moving],
        seen: &Seen,
    ) -> Result<Judged, EcsError> {
        let questions: Vec<(&Moving, &PlannedStep, Option<&ObservedService>)> = moving
            .iter()
            .filter_map(|one| Some((one, plan.steps.get(one.position)?)))
            .map(|(one, step)| (one, step, seen.get(&target_of(step))))
            .filter(|(one, _, service)| one.watch.needs_a_closer_look(*service))
            .collect();
        let hints: Vec<String> =
            questions.iter().filter_map(|(one, _, _)| one.hint.clone()).collect();
        let known = self.allowed(self.ecs.service_deployments(&hints).await)?.unwrap_or_default();
        let mut judged = BTreeMap::new();
        for (one, step, service) in questions {
            let hinted = one.hint.as_ref().and_then(|arn| known.get(arn)).filter(|deployment| {
                deployment.target_revision.as_ref().is_some_and(|r| one.watch.ours.made(r))
            });
            let deployment = match (hinted, service) {
                (Some(deployment), _) => Some(deployment.clone()),
                (None, None) => None,
                (None, Some(_)) => self.find(step, one).await?,
            };
            let judgement = judge(&one.watch, service, deployment.as_ref());
            judged.insert(one.position, (judgement, deployment));
        }
        Ok(judged)
    }

    /// Looks for our service deployment where no hint led to it.
    async fn find(
        &self,
        step: &PlannedStep,
        one: &Moving,
    ) -> Result<Option<ServiceDeployment>, EcsError> {
        let (cluster, service) = (&step.target.cluster, &step.target.ecs_service);
        let found = self.ecs.find_service_deployment(cluster, service, &one.watch.ours, None).await;
        Ok(self.allowed(found)?.flatten())
    }

    /// An answer about service deployments; none where we may not ask. Then a rollout is judged by
    /// the service's `deployments` alone.
    fn allowed<T>(&self, answer: Result<T, EcsError>) -> Result<Option<T>, EcsError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_denied() => {
                let text = format!("judging without service deployments: {}", cause_chain(&error));
                self.listener.hear(&Event::Warning { text });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes and tells what the judgements say. Returns the steps that have ended.
    async fn act_on(
        &self,
        plan: &Plan,
        journal: &Journal<'_>,
        (moving, judged, seen): (&mut [Moving], Judged, &Seen),
        rollouts: &Rollouts,
    ) -> Result<BTreeSet<usize>, EngineError> {
        let verified = self.verify_all(plan, moving, (&judged, seen)).await;
        let mut ended = BTreeSet::new();
        for one in moving.iter_mut() {
            let Some(step) = plan.steps.get(one.position) else { continue };
            let service = seen.get(&target_of(step));
            let verdict = match judged.get(&one.position).map(|(judgement, _)| judgement) {
                None | Some(Judgement::Wait) => continue,
                Some(Judgement::Failing { reason }) => {
                    rollouts.failed(&step.service);
                    self.tell_failing(step, one, (reason, service)).await;
                    continue;
                }
                Some(Judgement::Complete) => match verified.get(&one.position) {
                    Some(verdict) => verdict.clone(),
                    None => continue,
                },
                Some(Judgement::Ended(verdict)) => verdict.clone(),
            };
            let evidence = if verdict == Verdict::Verified {
                None
            } else {
                rollouts.failed(&step.service);
                Some(self.evidence(one, service).await)
            };
            self.conclude(journal, one.position, (verdict, evidence)).await?;
            ended.insert(one.position);
        }
        Ok(ended)
    }

    /// Tells a failure once, while ECS is still putting the service back.
    async fn tell_failing(
        &self,
        step: &PlannedStep,
        one: &mut Moving,
        (reason, service): (&str, Option<&ObservedService>),
    ) {
        if one.told {
            return;
        }
        one.told = true;
        let evidence = self.evidence(one, service).await;
        let service = step.service.clone();
        self.listener.hear(&Event::Failing { service, reason: reason.to_owned(), evidence });
    }

    /// Collects what ECS still knows about the failure. What cannot be had is left out: evidence
    /// never stands in the way of a verdict.
    async fn evidence(&self, one: &Moving, service: Option<&ObservedService>) -> Evidence {
        let Some(service) = service else { return Evidence::default() };
        let since = service.deployment(&one.watch.ours).and_then(|ours| ours.created_at);
        let since = since.or(one.created_at);
        self.ecs.evidence(service, &one.watch.ours, since).await.unwrap_or_default()
    }

    /// Writes a verdict down and tells it.
    pub(super) async fn conclude(
        &self,
        journal: &Journal<'_>,
        position: usize,
        (verdict, evidence): (Verdict, Option<Evidence>),
    ) -> Result<(), EngineError> {
        journal.end(position, verdict.clone(), evidence.clone()).await?;
        let Some(step) = journal.step(position) else { return Ok(()) };
        let seconds = match (step.started_at, step.finished_at) {
            (Some(start), Some(end)) => u64::try_from(end.duration_since(start).as_secs()),
            _ => Ok(0),
        };
        self.listener.hear(&Event::StepFinished {
            service: step.service,
            verdict,
            evidence,
            seconds: seconds.unwrap_or_default(),
        });
        Ok(())
    }

    /// AWS could not be asked: say so and go on.
    fn tell_blindness(&self, error: &EcsError) {
        let text = format!("cannot see how the rollouts go, trying again: {}", cause_chain(error));
        self.listener.hear(&Event::Warning { text });
    }

    /// The wait is over and the end is not known.
    async fn give_up(
        &self,
        journal: &Journal<'_>,
        rollouts: &Rollouts,
        last_seen: &str,
    ) -> Result<(), EngineError> {
        let moving = rollouts.with(|shared| std::mem::take(&mut shared.moving));
        for one in moving {
            rollouts.failed(&one.watch.service);
            let seconds = one.since.elapsed().as_secs();
            let verdict = Verdict::TimedOut { seconds, last_seen: last_seen.to_owned() };
            self.conclude(journal, one.position, (verdict, None)).await?;
        }
        Ok(())
    }
}

/// The key a step's service has among those seen.
pub(super) fn target_of(step: &PlannedStep) -> (ClusterName, EcsServiceName) {
    (step.target.cluster.clone(), step.target.ecs_service.clone())
}

/// How far a rollout is.
fn progress(one: &Moving, service: Option<&ObservedService>) -> StepProgress {
    let ours = service.and_then(|service| service.deployment(&one.watch.ours));
    StepProgress {
        service: one.watch.service.clone(),
        rollout_state: ours.and_then(|ours| ours.rollout_state),
        running: ours.map_or(0, |ours| ours.running),
        pending: ours.map_or(0, |ours| ours.pending),
        desired: service.map_or(0, |service| service.desired),
        old_tasks: service.map_or(0, |service| service.tasks_of_others(&one.watch.ours)),
        failed_tasks: ours.map_or(0, |ours| ours.failed_tasks),
        seconds: one.since.elapsed().as_secs(),
    }
}

/// The interval, up to a tenth longer, so that many commands do not ask in step.
fn jittered(interval: Duration) -> Duration {
    let random = u64::from(uuid::Uuid::new_v4().as_bytes().first().copied().unwrap_or_default());
    interval + interval * u32::try_from(random).unwrap_or_default() / 2560
}
