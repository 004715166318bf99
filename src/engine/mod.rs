//! Carries out what was approved: the only code that changes anything outside.
//!
//! Invariants: nothing is done to AWS whose INTENT is not in the store, written under a lease that
//! is still ours; a service is done only when our own ECS deployment is; after the first failure
//! nothing new is started, what was started is followed to its end, and then everything goes back
//! unless it is meant to stay.

mod aftermath;
mod answer;
mod apply;
mod before;
mod blindness;
mod claim;
mod code_deploy;
mod conclusion;
mod course;
mod effects;
mod error;
mod escape;
mod follow;
mod heads;
mod hold;
mod journal;
mod keeper;
mod late;
mod maker;
mod orders;
mod outcome;
mod proof;
mod registration;
mod rollouts;
mod run;
mod stages;
mod stop;
mod tally;
mod task_log;
mod task_watch;
#[cfg(test)]
mod tests;
mod verify;
mod way_back;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use tokio::{sync::watch, time::Instant};

pub(crate) use self::effects::cause_chain;
pub use self::{
    answer::{Answering, answer_hook},
    before::look_at_task,
    claim::{Claim, claim},
    error::EngineError,
    hold::HoldChange,
    journal::record_end,
    orders::{Beginning, Orders, Unfinished},
    outcome::{Report, status_of},
    registration::{Registration, register},
};
use self::{
    conclusion::goes_back,
    course::{Course, Direction, Others},
    effects::Written,
    escape::EscapeFile,
    follow::Followed,
    journal::Journal,
    keeper::Keeper,
    rollouts::{Rollouts, Stop},
    run::Run,
};
use crate::{
    backend::{
        aws::Throttles,
        params::Parameters,
        platform::ecs::Ecs,
        registry::Registry,
        store::{
            Ledger, StoreError,
            ledger::{DeploymentKey, Lease, NewDeployment},
        },
    },
    model::{
        Deployment, DeploymentKind, DeploymentStatus, Event, ImageId, Listener, OnFailure,
        ReleasedImage, StepStatus,
    },
    plan::{ApprovedPlan, PlannedStep},
};

/// What a deployment is carried out with.
pub struct Engine<'a> {
    /// The environment's ECS.
    pub ecs: &'a Ecs,
    /// The environment's parameters.
    pub parameters: &'a Parameters,
    /// The environment's registry.
    pub registry: &'a Registry,
    /// The record.
    pub ledger: &'a Ledger,
    /// What everything is done under.
    pub lease: &'a Lease,
    /// Which operations AWS throttles.
    pub throttles: &'a Throttles,
    /// Whoever listens.
    pub listener: &'a dyn Listener,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
    /// Turns true when nothing more shall be started.
    pub interrupt: watch::Receiver<bool>,
    /// The folder for what the store does not take.
    pub journal_folder: PathBuf,
}

/// How many services are told to move at the same time. More would only queue at AWS's limit of
/// five changes of services a second.
pub(crate) const SERVICES_AT_ONCE: usize = 10;

/// For how long requests that are under way are waited for after a signal: half of the two seconds
/// in which the command promises to end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

impl Engine<'_> {
    /// Carries the plan out and tells how it ended.
    ///
    /// # Errors
    /// Fails when the record cannot be written: at the start nothing was changed, later the error
    /// says what was. Fails also when the lease is lost. A rollout that fails is no error but an
    /// outcome in the report.
    pub async fn deploy(
        &self,
        approved: ApprovedPlan,
        beginning: Beginning,
        orders: &Orders,
    ) -> Result<Report, EngineError> {
        let mut plan = approved.into_plan();
        let is_ahead = beginning.kind == DeploymentKind::Register;
        if is_ahead {
            plan.steps.retain(PlannedStep::registers);
        }
        let deployment = self
            .ledger
            .start_deployment(
                self.lease,
                NewDeployment {
                    project: plan.project.clone(),
                    environment: plan.environment.clone(),
                    selection: plan.selection.clone(),
                    release: beginning.release,
                    kind: beginning.kind,
                    actor: beginning.actor,
                    description: beginning.description,
                    at: (self.now)(),
                    tool_version: beginning.tool_version,
                    on_failure: orders.on_failure,
                    settle_seconds: orders.settle.as_secs(),
                    from_release: beginning.from_release,
                    steps: plan.steps.iter().map(PlannedStep::record).collect(),
                },
            )
            .await
            .map_err(EngineError::NotRecorded)?;
        if let Some(change) = &beginning.hold {
            self.change_hold(&deployment, change).await;
        }
        self.listener.hear(&Event::DeploymentStarted {
            deployment: deployment.number,
            release: deployment.release,
            kind: deployment.kind,
            services: plan.steps.iter().map(|step| step.service.clone()).collect(),
        });
        let journal = self.journal(deployment, plan.wanted.images.clone());
        let course = if is_ahead {
            Course::of_registrations(plan)
        } else {
            Course::of_plan(plan, others(orders, beginning.kind))
        };
        self.go_forward(&journal, &course, orders).await
    }

    /// Goes on with a deployment that nobody works on any more, in the direction it has.
    ///
    /// # Errors
    /// As [`Engine::deploy`].
    pub async fn resume(
        &self,
        unfinished: Unfinished,
        orders: &Orders,
    ) -> Result<Report, EngineError> {
        let Unfinished { deployment, images, legs } = unfinished;
        let number = deployment.number;
        let deployment = self.adopt(deployment).await?;
        let goes_back = deployment.status == DeploymentStatus::RollingBack;
        let kind = deployment.kind;
        let journal = self.journal(deployment, images);
        if goes_back {
            self.listener.hear(&Event::Resumed { deployment: number, services: Vec::new() });
            return self.go_back(&journal, orders, "it was on its way back").await;
        }
        let course = Course::of_legs(Direction::Forward, others(orders, kind), legs);
        let services = course.services();
        self.listener.hear(&Event::Resumed { deployment: number, services });
        self.go_forward(&journal, &course, orders).await
    }

    /// Takes back what an unfinished deployment has done.
    ///
    /// # Errors
    /// As [`Engine::deploy`].
    pub async fn roll_back(
        &self,
        unfinished: Unfinished,
        orders: &Orders,
        reason: &str,
    ) -> Result<Report, EngineError> {
        let deployment = self.adopt(unfinished.deployment).await?;
        let journal = self.journal(deployment, unfinished.images);
        self.go_back(&journal, orders, reason).await
    }

    /// Puts our lease on a deployment that somebody else began. One that rests goes on by that.
    async fn adopt(&self, mut deployment: Deployment) -> Result<Deployment, EngineError> {
        let key = DeploymentKey::of(&deployment);
        let running = DeploymentStatus::Running;
        let adopted = match deployment.status {
            DeploymentStatus::Running | DeploymentStatus::RollingBack => {
                self.ledger.adopt(self.lease, &key).await
            }
            resting => {
                deployment.status = running;
                self.ledger.change_status(self.lease, &key, resting, running, None).await
            }
        };
        adopted.map(|()| deployment).map_err(|error| match error {
            StoreError::LeaseLost { .. } => EngineError::LeaseLost { source: error },
            error => EngineError::NotRecorded(error),
        })
    }

    /// The journal of a recorded deployment.
    fn journal(
        &self,
        deployment: Deployment,
        images: BTreeMap<ImageId, ReleasedImage>,
    ) -> Journal<'_> {
        let escape = EscapeFile::new(self.journal_folder.clone(), self.lease.fence());
        Journal::new((self.ledger, self.lease), self.now, deployment, images, escape)
    }

    /// Carries out a course to the release, and what follows from how it ends.
    async fn go_forward(
        &self,
        journal: &Journal<'_>,
        course: &Course,
        orders: &Orders,
    ) -> Result<Report, EngineError> {
        if orders.cancel.is_some() {
            self.tell_running_tasks(journal).await?;
        }
        let rollouts = Rollouts::default();
        for step in journal.steps().iter().filter(|step| step.status == StepStatus::Failed) {
            rollouts.failed(&step.service);
        }
        let followed = self.carry_all(journal, course, (&rollouts, orders)).await?;
        let status = match followed {
            Followed::Detached => DeploymentStatus::Detached,
            Followed::Stopped => DeploymentStatus::Interrupted,
            // The rest cannot be begun, and may not be called failed.
            Followed::ToTheEnd if rollouts.record_lost() => DeploymentStatus::Interrupted,
            Followed::ToTheEnd => return self.conclude_forward(journal, orders).await,
        };
        self.tell_stop(journal, &rollouts);
        self.report(journal, status).await
    }

    /// Runs a course: what moves, and once that is verified what is only restarted. On the way back
    /// restarts come last as well, since they are made for what the others run then.
    async fn carry_all(
        &self,
        journal: &Journal<'_>,
        course: &Course,
        (rollouts, orders): (&Rollouts, &Orders),
    ) -> Result<Followed, EngineError> {
        let [moves, restarts] = course.split();
        let followed = self.carry(journal, &moves, (rollouts, orders)).await?;
        let goes_on = followed == Followed::ToTheEnd && !rollouts.record_lost();
        if !goes_on || restarts.is_empty() {
            return Ok(followed);
        }
        rollouts.go_on(course.direction == Direction::Forward);
        self.carry(journal, &restarts, (rollouts, orders)).await
    }

    /// Runs one course.
    async fn carry(
        &self,
        journal: &Journal<'_>,
        course: &Course,
        (rollouts, orders): (&Rollouts, &Orders),
    ) -> Result<Followed, EngineError> {
        let keeper = Keeper::new(self.ledger, self.lease);
        let settle = match course.direction {
            Direction::Forward => orders.settle,
            Direction::Back => Duration::ZERO,
        };
        let allowed = orders.timeout + course.bakes() + settle;
        let began = Instant::now();
        let mut run = Run {
            course,
            journal,
            rollouts,
            keeper: &keeper,
            written: Written::of(course),
            settle,
            wait: orders.wait || course.direction == Direction::Back,
            goes_back: course.direction == Direction::Forward && goes_back(journal, orders),
            began,
            deadline: began + allowed,
            confirmed_by: orders.confirmed_by.clone(),
        };
        if course.direction == Direction::Forward {
            let before = self.run_before_tasks(&run);
            if self.attend(&run, before).await?.is_none() {
                return Ok(Followed::Stopped);
            }
            run.began = Instant::now();
            run.deadline = run.began + allowed;
        }
        let followed = self.run(&run).await;
        for one in rollouts.moving() {
            if let Some(seen) = &one.seen {
                journal.saw(one.position, seen);
            }
        }
        followed
    }

    /// Tells why nothing more was started.
    fn tell_stop(&self, journal: &Journal<'_>, rollouts: &Rollouts) {
        match rollouts.stopped() {
            Some(Stop::Signal) => self.listener.hear(&Event::Interrupted),
            Some(Stop::Cancelled(request)) => {
                self.listener.hear(&Event::StopRequested { by: request.by.name.clone() });
                journal.stopped_by(request);
            }
            None => {}
        }
    }

    /// Writes the status down, and brings back what is to be told.
    async fn report(
        &self,
        journal: &Journal<'_>,
        status: DeploymentStatus,
    ) -> Result<Report, EngineError> {
        let deployment = journal.close(status).await?;
        let (unrecorded, stopped_by) = (journal.escaped_to(), journal.who_stopped());
        Ok(Report { deployment, unrecorded, stopped_by })
    }
}

/// What a failure means for the other services. A rollback takes back as many as it can.
fn others(orders: &Orders, kind: DeploymentKind) -> Others {
    match (&orders.cancel, kind, orders.on_failure) {
        (Some(reason), _, _) => Others::NeverBegin(reason.clone()),
        (None, DeploymentKind::Rollback, _) | (None, _, OnFailure::Continue) => Others::GoOn,
        (None, _, OnFailure::Rollback | OnFailure::Hold) => Others::Stop,
    }
}
