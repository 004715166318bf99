//! One loop that follows all rollouts of a deployment to their end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    Engine, aftermath::let_settle, blindness::Blindness, code_deploy, course::Direction,
    effects::cause_chain, error::EngineError, outcome::is_definite_failure, rollouts::Moving,
    run::Run, verify,
};
use crate::{
    backend::platform::ecs::EcsError,
    model::{
        ClusterName, EcsServiceName, Event, Evidence, ObservedService, ServiceDeployment,
        StageProgress, StepProgress, Verdict,
    },
    plan::{Judgement, PlannedStep, judge},
};

/// How the following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// Every step has a verdict.
    ToTheEnd,
    /// Nobody wanted to wait.
    Detached,
    /// A signal or another command stopped it.
    Stopped,
}

/// The longest time between two looks while something moves.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The time before the first look; it doubles up to [`POLL_INTERVAL`], so that a rollout that is
/// over at once is also told at once.
pub(super) const FIRST_INTERVAL: Duration = Duration::from_millis(250);

/// What was judged of rollouts, by step, and what it was judged by.
pub(super) type Judged = BTreeMap<usize, (Judgement, Option<ServiceDeployment>)>;
/// A service as one look saw it.
pub(super) type Seen = BTreeMap<(ClusterName, EcsServiceName), ObservedService>;

impl Engine<'_> {
    /// Follows rollouts until each has its verdict, or the deadline passes.
    pub(super) async fn follow_all(&self, run: &Run<'_>) -> Result<Followed, EngineError> {
        let mut interval = FIRST_INTERVAL;
        let mut blindness: Option<Blindness> = None;
        loop {
            let (still, last) = run.rollouts.are_over();
            // After a failure there is something to put back, and so a reason to wait.
            let waits = run.wait || run.rollouts.first_failure().is_some();
            if last && still {
                return Ok(Followed::ToTheEnd);
            }
            if last && !waits {
                return Ok(Followed::Detached);
            }
            if last && run.leaves_the_rest() {
                // ECS is asked to roll them back: nobody needs to wait for their bakes.
                return Ok(Followed::ToTheEnd);
            }
            sleep(jittered(interval)).await;
            for operation in self.throttles.take() {
                self.listener.hear(&Event::Throttled { operation });
            }
            let moving = run.rollouts.moving();
            if moving.is_empty() || !waits {
                continue;
            }
            interval = (interval * 2).min(POLL_INTERVAL);
            blindness = match self.look(run, moving).await? {
                Ok(()) => None,
                Err(error) => {
                    self.tell_blindness(&error);
                    Some(Blindness::of(&error, blindness))
                }
            };
            let blind = blindness.as_ref().and_then(Blindness::too_long);
            if Instant::now() >= run.deadline || blind.is_some() {
                self.give_up(run, blind.as_deref()).await?;
            }
        }
    }

    /// One look at everything that moves, until the deadline. The inner error says that AWS could
    /// not be asked.
    async fn look(
        &self,
        run: &Run<'_>,
        mut moving: Vec<Moving>,
    ) -> Result<Result<(), EcsError>, EngineError> {
        let (seen, judged) = match timeout_at(run.deadline, self.read(run, &mut moving)).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return Ok(Err(error)),
            // The deadline is the caller's to see.
            Err(_late) => return Ok(Ok(())),
        };
        let ended = self.act_on(run, &mut moving, (judged, &seen)).await?;
        run.rollouts.update(&ended, &moving);
        Ok(Ok(()))
    }

    /// Asks AWS about everything that moves, and judges it. Nothing is written.
    async fn read(&self, run: &Run<'_>, moving: &mut [Moving]) -> Result<(Seen, Judged), EcsError> {
        let steps = || moving.iter().filter_map(|one| run.course.step(one.position));
        let targets: Vec<_> = steps().map(target_of).collect();
        // First CodeDeploy and then ECS: what CodeDeploy calls done can then be seen in ECS, and a task
        // set that is PRIMARY for a moment longer is not taken for somebody else's.
        let deployments = self.code_deployments(moving).await?;
        let seen = self.ecs.observe(&targets).await?;
        for one in moving.iter_mut() {
            let Some(step) = run.course.step(one.position) else { continue };
            let service = seen.get(&target_of(step));
            let ours = service.and_then(|service| service.deployment(&one.watch.ours));
            one.created_at = one.created_at.or(ours.and_then(|ours| ours.created_at));
            one.seen = service.cloned().map(Arc::new).or_else(|| one.seen.take());
            if let Some(arn) =
                service.and_then(|service| service.current_service_deployment.clone())
                && service
                    .and_then(ObservedService::primary)
                    .is_some_and(|p| p.id == one.watch.ours)
            {
                one.hint = Some(arn);
            }
            one.started_by = one.started_by.take().or(ours.and_then(|ours| ours.task_set.clone()));
            if one.watch.ours.is_of_code_deploy() {
                self.notice_code_deploy(one, service).await;
            }
        }
        let judged = self.judge_all(run, moving, (&seen, &deployments)).await?;
        for one in moving.iter_mut() {
            let Some(step) = run.course.step(one.position) else { continue };
            let deployment =
                judged.get(&one.position).and_then(|(_, deployment)| deployment.as_ref());
            self.tell_progress(run, one, (seen.get(&target_of(step)), deployment));
        }
        Ok((seen, judged))
    }

    /// Judges every rollout that the cheap look leaves a question about.
    async fn judge_all(
        &self,
        run: &Run<'_>,
        moving: &[Moving],
        (seen, deployments): (&Seen, &code_deploy::Known),
    ) -> Result<Judged, EcsError> {
        let questions: Vec<(&Moving, &PlannedStep, Option<&ObservedService>)> = moving
            .iter()
            .filter_map(|one| Some((one, run.course.step(one.position)?)))
            .map(|(one, step)| (one, step, seen.get(&target_of(step))))
            .filter(|(one, _, service)| {
                one.watch.ours.is_of_code_deploy() || one.watch.needs_a_closer_look(*service)
            })
            .collect();
        let hints: Vec<String> =
            questions.iter().filter_map(|(one, _, _)| one.hint.clone()).collect();
        let known = self.allowed(self.ecs.service_deployments(&hints).await)?.unwrap_or_default();
        let mut judged = BTreeMap::new();
        for (one, step, service) in questions {
            if let Some(judgement) = code_deploy::judged(one, service, deployments) {
                judged.insert(one.position, (judgement, None));
                continue;
            }
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
        run: &Run<'_>,
        moving: &mut [Moving],
        (mut judged, seen): (Judged, &Seen),
    ) -> Result<BTreeSet<usize>, EngineError> {
        let_settle(moving, &mut judged, run.settle);
        // What has failed stops the others at once: before anything is verified or collected.
        announce(run, moving, &judged, &BTreeMap::new());
        let verifying = self.verify_all(run, moving, (&judged, seen));
        // What is not verified by the deadline has no verdict yet.
        let verified = timeout_at(run.deadline, verifying).await.unwrap_or_default();
        announce(run, moving, &judged, &verified);
        self.watch_settling(run, moving, &judged).await;
        let mut proofs = self.collect(run, moving, (&judged, &verified, seen)).await;
        let mut ended = BTreeSet::new();
        for one in moving.iter_mut() {
            let Some(step) = run.course.step(one.position) else { continue };
            let proof = proofs.remove(&one.position);
            let verdict = match judged.get(&one.position).map(|(judgement, _)| judgement) {
                None | Some(Judgement::Wait) => {
                    self.tell_trouble(step, one, proof);
                    self.tell_old_tasks(step, one).await;
                    continue;
                }
                Some(Judgement::Short { running, desired }) => {
                    if proof.is_some() {
                        let looked = (complete_at(&judged, one), running < desired);
                        one.aftermath.see(one.proof.stopped.as_deref(), looked);
                    }
                    let Some(verdict) = one.aftermath.judge((*running, *desired)) else {
                        continue;
                    };
                    run.rollouts.ended(&step.service, &verdict);
                    verdict
                }
                Some(Judgement::Failing { reason }) => {
                    self.tell_failing(step, one, (reason, proof));
                    continue;
                }
                Some(Judgement::Complete) => {
                    let Some(proof) = verified.get(&one.position) else {
                        self.tell_old_tasks(step, one).await;
                        continue;
                    };
                    self.take_note(run, step, (one, proof)).await?;
                    proof.verdict.clone()
                }
                Some(Judgement::Ended(verdict)) => verdict.clone(),
            };
            if let Some(seen) = &one.seen {
                run.journal.saw(one.position, seen);
            }
            self.conclude(run, one.position, (verdict, proof)).await?;
            ended.insert(one.position);
        }
        self.keep(run, moving, &ended).await?;
        Ok(ended)
    }

    /// Tells a failure once, while ECS is still putting the service back.
    fn tell_failing(
        &self,
        step: &PlannedStep,
        one: &mut Moving,
        (reason, evidence): (&str, Option<Evidence>),
    ) {
        if one.told {
            return;
        }
        one.told = true;
        let (service, reason) = (step.service.clone(), reason.to_owned());
        let evidence = evidence.unwrap_or_default();
        self.listener.hear(&Event::Failing { service, reason, evidence });
    }

    /// Writes a verdict down and tells it.
    pub(super) async fn conclude(
        &self,
        run: &Run<'_>,
        position: usize,
        (verdict, evidence): (Verdict, Option<Evidence>),
    ) -> Result<(), EngineError> {
        let direction = run.course.direction;
        let verdict = match run.course.step(position) {
            Some(step) => self.with_maker(run, (&step.service, verdict)).await,
            None => verdict,
        };
        run.journal.end(position, direction, (verdict.clone(), evidence.clone())).await?;
        let Some(step) = run.journal.step(position) else { return Ok(()) };
        let back = step.compensation.filter(|_| direction == Direction::Back);
        let (start, end) = match &back {
            Some(back) => (back.started_at, back.finished_at),
            None => (step.started_at, step.finished_at),
        };
        let seconds = match (start, end) {
            (Some(start), Some(end)) => u64::try_from(end.duration_since(start).as_secs()),
            _ => Ok(0),
        };
        let (service, seconds) = (step.service, seconds.unwrap_or_default());
        self.listener.hear(&match back {
            None => Event::StepFinished { service, verdict, evidence, seconds },
            Some(back) => {
                let by_ecs = back.stopped.and(step.before.task_definition);
                let to = back.ecs_deployment.and(back.task_definition).or(by_ecs);
                Event::PutBack { service, to, verdict, evidence, seconds }
            }
        });
        Ok(())
    }
}

impl Run<'_> {
    /// Whether a service has failed, all goes back, and what still moves does so in stages, and
    /// well. Where a step is in doubt nothing goes back, and the rest is seen to its end.
    fn leaves_the_rest(&self) -> bool {
        let (moving, steps) = (self.rollouts.moving(), self.journal.steps());
        self.goes_back
            && is_definite_failure(&steps)
            && !steps.iter().filter_map(|step| step.verdict.as_ref()).any(Verdict::is_in_doubt)
            && moving.iter().all(|one| one.stages.is_known() && !one.told)
    }
}

/// Takes note of all that one look shows to have failed or ended, so that nothing more is begun
/// while it is found out why.
fn announce(
    run: &Run<'_>,
    moving: &[Moving],
    judged: &Judged,
    verified: &BTreeMap<usize, verify::Proof>,
) {
    for one in moving {
        let service = &one.watch.service;
        match judged.get(&one.position).map(|(judgement, _)| judgement) {
            Some(Judgement::Failing { .. }) => run.rollouts.failed(service),
            Some(Judgement::Ended(verdict)) => run.rollouts.ended(service, verdict),
            Some(Judgement::Complete) => {
                if let Some(proof) = verified.get(&one.position) {
                    run.rollouts.ended(service, &proof.verdict);
                }
            }
            None | Some(Judgement::Wait | Judgement::Short { .. }) => {}
        }
    }
}

/// When ECS says that a rollout was complete.
pub(super) fn complete_at(judged: &Judged, one: &Moving) -> Option<Timestamp> {
    judged.get(&one.position)?.1.as_ref()?.finished_at
}

/// The key a step's service has among those seen.
pub(super) fn target_of(step: &PlannedStep) -> (ClusterName, EcsServiceName) {
    (step.target.cluster.clone(), step.target.ecs_service.clone())
}

/// How far a rollout is.
pub(super) fn progress(
    one: &Moving,
    service: Option<&ObservedService>,
    stage: Option<StageProgress>,
) -> StepProgress {
    let ours = service.and_then(|service| service.deployment(&one.watch.ours));
    StepProgress {
        service: one.watch.service.clone(),
        rollout_state: ours.and_then(|ours| ours.rollout_state),
        running: ours.map_or(0, |ours| ours.running),
        pending: ours.map_or(0, |ours| ours.pending),
        desired: service.map_or(0, |service| service.desired),
        old_tasks: service.map_or(0, |service| service.tasks_of_others(&one.watch.ours)),
        failed_tasks: ours.map_or(0, |ours| ours.failed_tasks),
        seconds: one.elapsed().as_secs(),
        stage,
    }
}

/// The interval, up to a tenth longer, so that many commands do not ask in step.
pub(super) fn jittered(interval: Duration) -> Duration {
    let random = u64::from(uuid::Uuid::new_v4().as_bytes().first().copied().unwrap_or_default());
    interval + interval * u32::try_from(random).unwrap_or_default() / 2560
}
