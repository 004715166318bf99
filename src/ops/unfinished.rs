//! `resume`, `abort`, `wait`, and the rollback of what is not over: a deployment is taken up where
//! the record and ECS say it stands.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::{
    access::Access,
    deploy::{Execution, engine},
    error::OpError,
    ground::Ground,
    hooks::Onlooker,
    images::{Search, gather},
    obstacle::Obstacle,
    pictures::{Album, Subject, take},
    restart::restarted,
    rollback::{hold, hold_if_broken, reason_to_hold},
    workspace::{Workspace, unless_interrupted},
};
use crate::{
    backend::store::ledger::{DeploymentKey, Lease},
    engine::{Claim, Orders, Report, Unfinished},
    manifest::{Environment, Project},
    model::{
        Actor, BeforeTaskStatus, Deployment, DeploymentKind, DeploymentNumber, DeploymentStatus,
        Event, HeldLock, ImageId, LockKind, Release, Selection, ServiceId, Step, StepStatus,
    },
    plan::{
        ImageSource, Insistence, Leg, PlanRequest, Problem, Refusal, Rest, Restarted,
        ServicePicture, Start, Wanted, resume,
    },
};

/// How an unfinished deployment is taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeUp {
    /// What is left of it is done.
    Resume {
        /// Whether the user says that one-off tasks succeeded whose end is not known.
        before_task_succeeded: bool,
    },
    /// Nothing more is begun; what was begun is followed to its end.
    Abort {
        /// Why.
        reason: Option<String>,
    },
    /// What it did is taken back.
    RollBack {
        /// Why.
        reason: Option<String>,
    },
}

/// For how long a running command is waited for that was asked to stop.
const TIME_TO_STOP: Duration = Duration::from_secs(30);
/// The time between two looks at a deployment that somebody else works on.
const INTERVAL: Duration = Duration::from_secs(1);

/// The deployment meant: the one with the number, or the only one that is not over.
///
/// # Errors
/// Fails when there is none, or several.
pub async fn unfinished(
    workspace: &Workspace,
    number: Option<DeploymentNumber>,
) -> Result<Deployment, OpError> {
    if let Some(number) = number {
        return Ok(workspace.ledger.deployment(&workspace.project.id, number).await?);
    }
    let mut open = Vec::new();
    for environment in workspace.project.environments.keys() {
        open.extend(Ground::of(workspace, environment).await?.unfinished);
    }
    // One of an environment that the manifest has no more is seen by the index alone.
    let known: BTreeSet<DeploymentNumber> = open.iter().map(|open| open.number).collect();
    let indexed = workspace.ledger.unfinished(&workspace.project.id).await?;
    open.extend(indexed.into_iter().filter(|open| !known.contains(&open.number)));
    open.sort_by_key(|open| std::cmp::Reverse(open.number));
    let numbers: Vec<DeploymentNumber> = open.iter().map(|open| open.number).collect();
    match (open.pop(), open.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Obstacle::SeveralUnfinished { numbers }.into()),
        (None, _) => Err(Obstacle::NothingUnfinished.into()),
    }
}

/// Takes a deployment up, and carries it to its end.
///
/// # Errors
/// Fails when it is over, when somebody else works on it, and as the engine does.
pub async fn take_up(
    workspace: &Workspace,
    deployment: &Deployment,
    how: &TakeUp,
    execution: Execution<'_>,
) -> Result<(Report, Release), OpError> {
    refuse_if_over(deployment)?;
    let environment = workspace.project.environment(deployment.environment.as_str())?.clone();
    let home = environment.home();
    let opening = Access::open(workspace, &home);
    let access = unless_interrupted(execution.interrupt.clone(), opening).await?;
    let by = access.actor(&workspace.person);
    if matches!(how, TakeUp::Abort { .. }) {
        execution.listener.hear(&aborting(deployment, execution.timeout));
    }
    let (reason, wait) = match how {
        TakeUp::Resume { .. } => (None, Duration::ZERO),
        TakeUp::Abort { reason } | TakeUp::RollBack { reason } => {
            let takes_back = matches!(how, TakeUp::RollBack { .. });
            let wish = (takes_back, reason.as_deref());
            if ask_to_stop(workspace, deployment, (&by, wish)).await? {
                let deployment = deployment.number;
                execution.listener.hear(&Event::AskedToStop { deployment });
            }
            (reason.clone(), TIME_TO_STOP)
        }
    };
    let wanted = Claim {
        project: deployment.project.clone(),
        environment: deployment.environment.clone(),
        selection: lease_name(&workspace.project, deployment),
        services: deployment.steps.iter().map(|step| step.service.clone()).collect(),
        by,
        reason,
        wait,
        preempt: matches!(how, TakeUp::RollBack { .. }).then_some(deployment.number),
    };
    let lease = workspace.claim(&wanted, execution.interrupt.clone()).await?;
    let number = deployment.number;
    let done = under_lease(workspace, (&environment, &access), (number, how), (execution, &lease));
    let done = done.await;
    workspace.let_go(&lease).await;
    done
}

/// That a deployment is ended as it is, with what that waits for.
fn aborting(deployment: &Deployment, timeout: Duration) -> Event {
    let goes_back = deployment.status == DeploymentStatus::RollingBack;
    let is_on_its_way = |step: &&Step| match step.status {
        StepStatus::Applied => !goes_back,
        // A one-off task that still runs is not waited for.
        StepStatus::Intent => {
            let task = step.before_task.as_ref().map(|task| task.status);
            let is_passed =
                |task| matches!(task, BeforeTaskStatus::Succeeded | BeforeTaskStatus::Skipped);
            !goes_back && task.is_none_or(is_passed)
        }
        StepStatus::Compensating => true,
        _ => false,
    };
    let services = deployment.steps.iter().filter(is_on_its_way);
    Event::Aborting {
        deployment: deployment.number,
        goes_back,
        services: services.map(|step| step.service.clone()).collect(),
        seconds: timeout.as_secs(),
    }
}

/// What the lease for taking a deployment up is named after. One of `all` that has steps for a part
/// of the services only is held under one of them, since `all` meets everybody; the others that it
/// has steps for are in the lease as well.
fn lease_name(project: &Project, deployment: &Deployment) -> Selection {
    let steps: BTreeSet<&ServiceId> = deployment.steps.iter().map(|step| &step.service).collect();
    let services = project.services_of(&Selection::All);
    let is_whole = !services.is_empty() && services.iter().all(|all| steps.contains(&all.id));
    match (&deployment.selection, steps.first()) {
        (Selection::All, Some(first)) if !is_whole => Selection::Service((*first).clone()),
        (selection, _) => selection.clone(),
    }
}

/// Refuses a deployment that is over.
fn refuse_if_over(deployment: &Deployment) -> Result<(), OpError> {
    if deployment.status.is_final() {
        return Err(Obstacle::Over { deployment: Box::new(deployment.clone()) }.into());
    }
    Ok(())
}

/// Tells whoever works on a deployment that it is to stop, and whether anybody does.
async fn ask_to_stop(
    workspace: &Workspace,
    deployment: &Deployment,
    (by, wish): (&Actor, (bool, Option<&str>)),
) -> Result<bool, OpError> {
    let ground = Ground::of(workspace, &deployment.environment).await?;
    let is_worked_on = ground.is_worked_on(deployment.number);
    if is_worked_on {
        let key = DeploymentKey::of(deployment);
        workspace.ledger.request_cancel(&key, by, wish).await?;
    }
    Ok(is_worked_on)
}

/// Takes a deployment up under the lease on its services.
async fn under_lease(
    workspace: &Workspace,
    (environment, access): (&Environment, &Access),
    (number, how): (DeploymentNumber, &TakeUp),
    (execution, lease): (Execution<'_>, &Lease),
) -> Result<(Report, Release), OpError> {
    let project = &workspace.project.id;
    // As it is now: whoever worked on it may have got further meanwhile.
    let deployment = workspace.ledger.deployment(project, number).await?;
    refuse_if_over(&deployment)?;
    let release = workspace.ledger.find_release(project, deployment.release).await?;
    let goes_back = deployment.status == DeploymentStatus::RollingBack
        || matches!(how, TakeUp::RollBack { .. });
    let legs = if goes_back {
        Vec::new()
    } else {
        let looking = legs(workspace, (environment, access), (&deployment, rest(how)));
        unless_interrupted(execution.interrupt.clone(), looking).await?
    };
    let orders = Orders {
        timeout: execution.timeout,
        settle: execution.settle.unwrap_or(Duration::from_secs(deployment.settle_seconds)),
        wait: execution.wait,
        on_failure: execution.on_failure.unwrap_or(deployment.on_failure),
        cancel: match how {
            TakeUp::Abort { reason } => {
                Some(reason.clone().unwrap_or_else(|| "the deployment was cancelled".to_owned()))
            }
            TakeUp::Resume { .. } | TakeUp::RollBack { .. } => None,
        },
        confirmed_by: matches!(how, TakeUp::Resume { before_task_succeeded: true })
            .then(|| lease.by().name.clone()),
    };
    let telling = (lease.by(), execution.listener);
    if let Some(reason) = reason_to_stay(&deployment, how) {
        hold(workspace, &deployment, reason, telling).await;
    }
    let engine = engine(workspace, access, &execution, lease);
    let images = release.images.clone();
    let unfinished = Unfinished { deployment, images, legs };
    let report = match how {
        TakeUp::RollBack { reason } => {
            let reason = reason.as_deref().unwrap_or("it was rolled back by hand");
            engine.roll_back(unfinished, &orders, reason).await?
        }
        TakeUp::Resume { .. } | TakeUp::Abort { .. } => engine.resume(unfinished, &orders).await?,
    };
    hold_if_broken(workspace, &report.deployment, telling).await;
    Ok((report, release))
}

/// What becomes of the steps that are still to be carried out.
fn rest(how: &TakeUp) -> Rest {
    match how {
        TakeUp::Abort { .. } => Rest::Left,
        TakeUp::Resume { .. } | TakeUp::RollBack { .. } => Rest::Done,
    }
}

/// Refuses where a service is in ECS and yet cannot be looked at, and that stands against what is
/// left of its step: it is not known then to have failed.
fn refuse_unseen(deployment: &Deployment, rest: Rest, album: &Album) -> Result<(), Refusal> {
    let is_needed = |step: &&Step| match step.status {
        StepStatus::Pending => rest == Rest::Done,
        status => matches!(status, StepStatus::Intent | StepStatus::Applied),
    };
    let is_gone = |problem: &&Problem| matches!(problem, Problem::ServiceMissing { .. });
    let needed = deployment.steps.iter().filter(is_needed);
    let problems = needed.filter_map(|step| album.problems.get(&step.service));
    let problems: Vec<Problem> = problems.filter(|problem| !is_gone(problem)).cloned().collect();
    if problems.is_empty() { Ok(()) } else { Err(Refusal { problems }) }
}

/// Why the environment is put on hold before a deployment is taken up, where it is: for what goes
/// back by hand. Set before the first effect, it is there whatever becomes of the command.
fn reason_to_stay(deployment: &Deployment, how: &TakeUp) -> Option<String> {
    match how {
        TakeUp::RollBack { reason } => Some(reason_to_hold(reason.as_deref())),
        TakeUp::Resume { .. } | TakeUp::Abort { .. } => {
            let goes_back = deployment.kind == DeploymentKind::Rollback;
            goes_back.then(|| reason_to_hold(deployment.description.as_deref()))
        }
    }
}

/// The services that steps move, by image. What is only restarted runs what it ran, whatever the release has.
fn users_of_images(steps: &[Step]) -> BTreeMap<ImageId, Vec<ServiceId>> {
    let mut users: BTreeMap<ImageId, Vec<ServiceId>> = BTreeMap::new();
    for step in steps.iter().filter(|step| !step.restart) {
        for image in step.target.images.keys() {
            users.entry(image.clone()).or_default().push(step.service.clone());
        }
    }
    users
}

/// What is left of a deployment, by what its services look like now.
async fn legs(
    workspace: &Workspace,
    (environment, access): (&Environment, &Access),
    (deployment, rest): (&Deployment, Rest),
) -> Result<Vec<Leg>, OpError> {
    let subjects = Subject::of_steps(&deployment.steps);
    let users = users_of_images(&deployment.steps);
    let source = ImageSource::Release(deployment.release);
    let search = Search {
        home: environment.home(),
        access,
        // The release has the images as they are called here.
        registry: None,
        source: &source,
        given: &BTreeMap::new(),
        users: &users,
    };
    let (gathered, album) = tokio::try_join!(
        gather(workspace, &search),
        take(workspace, (environment, access), &subjects),
    )?;
    refuse_unseen(deployment, rest, &album)?;
    let mut images = gathered.images;
    if !gathered.problems.is_empty() {
        // What was moved already can be followed without its image: the record has the digest that it
        // is held to. What the tag is now is none.
        let release =
            workspace.ledger.find_release(&deployment.project, deployment.release).await?;
        for (id, mut image) in release.images {
            image.digest = None;
            images.entry(id).or_insert(image);
        }
    }
    let request = PlanRequest {
        project: deployment.project.clone(),
        environment: deployment.environment.clone(),
        selection: deployment.selection.clone(),
        wanted: Wanted { source, images, platforms: gathered.platforms, subjects: BTreeMap::new() },
        pictures: album.pictures,
        restarts: Vec::new(),
        left_out: BTreeMap::new(),
        keep_settled: true,
        // Each step says for itself.
        enable_circuit_breaker: false,
        insist: Insistence { on_rollback: false, on_dead_lock: true },
        kind: deployment.kind,
    };
    let mut legs = resume(deployment, &request, rest)?;
    if rest == Rest::Done {
        refuse_other_images(access, (&mut legs, &request.pictures)).await?;
    }
    let lost: BTreeSet<&ImageId> = gathered.problems.keys().collect();
    let needs_lost = rest == Rest::Done
        && legs.iter().any(|leg| {
            leg.start == Start::Apply
                && !leg.step.restart
                && leg.step.target.images.keys().any(|image| lost.contains(image))
        });
    if needs_lost {
        let problems = gathered.problems.into_values().collect();
        return Err(Refusal { problems }.into());
    }
    Ok(legs)
}

/// Refuses where a service that is still to be restarted would start another image than it runs. What
/// it may start goes into the legs of records that do not have it.
async fn refuse_other_images(
    access: &Access,
    (legs, pictures): (&mut [Leg], &[ServicePicture]),
) -> Result<(), OpError> {
    let is_due = |leg: &&mut Leg| leg.step.restart && leg.start == Start::Apply;
    let mut due: BTreeMap<ServiceId, &mut Leg> =
        legs.iter_mut().filter(is_due).map(|leg| (leg.step.service.clone(), leg)).collect();
    let of_due = pictures.iter().filter(|picture| due.contains_key(&picture.service));
    for Restarted { picture, digests } in restarted(access, of_due.cloned().collect()).await? {
        let leg = due.get_mut(&picture.service).filter(|leg| leg.step.digests.is_empty());
        if let Some(leg) = leg {
            leg.step.digests = digests;
        }
    }
    Ok(())
}

/// Waits for the end of a deployment: whoever works on it is watched, and where nobody does, it is
/// taken up, unless it was asked to stop: then it is for whoever asked. The timeout is that of the watch, and of each way that is then
/// carried on, to which the waits of its rollouts are added.
///
/// # Errors
/// Fails when it does not end in time, and as [`take_up`].
pub async fn wait_for(
    workspace: &Workspace,
    number: DeploymentNumber,
    execution: Execution<'_>,
    tell: impl Fn(&Deployment),
) -> Result<(Report, Release), OpError> {
    let (ledger, project) = (&workspace.ledger, &workspace.project.id);
    let environment = ledger.deployment(project, number).await?.environment;
    let mut interrupt = execution.interrupt.clone();
    let deadline = Instant::now() + execution.timeout;
    let mut onlooker = Onlooker::default();
    loop {
        // The locks first: whoever gave its lease back by then has written what became of it.
        let ground = Ground::of(workspace, &environment).await?;
        let deployment = ledger.deployment(project, number).await?;
        tell(&deployment);
        if deployment.status.is_final() {
            let release = ledger.find_release(project, deployment.release).await?;
            return Ok((Report { deployment, unrecorded: None, stopped_by: None }, release));
        }
        if !ground.is_worked_on(number) && deployment.cancel.is_none() {
            let timeout = deadline.saturating_duration_since(Instant::now());
            let execution = Execution { timeout, ..execution.clone() };
            let how = TakeUp::Resume { before_task_succeeded: false };
            let taken = take_up(workspace, &deployment, &how, execution).await;
            match taken {
                Err(OpError::Obstacle(obstacle)) if is_overtaken(&obstacle) => {}
                done => return done,
            }
        }
        if Instant::now() >= deadline {
            let is_worked_on = ground.is_worked_on(number);
            return Err(Obstacle::NotInTime { number, is_worked_on }.into());
        }
        onlooker.look(workspace, &deployment, execution.listener).await;
        tokio::select! {
            () = sleep_until(deadline.min(Instant::now() + INTERVAL)) => {}
            _ = interrupt.wait_for(|stop| *stop) => {
                return Err(crate::engine::EngineError::Stopped.into());
            }
        }
    }
}

/// Whether a deployment could not be taken up because somebody else was faster. A lock that a person
/// set is not waited for.
fn is_overtaken(obstacle: &Obstacle) -> bool {
    let is_lease = |held: &HeldLock| matches!(held.kind, LockKind::Lease { .. });
    match obstacle {
        Obstacle::Over { .. } => true,
        Obstacle::Locked { held, .. } => held.iter().all(is_lease),
        _ => false,
    }
}
