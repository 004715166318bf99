//! Carries out what was approved: the only code that changes anything outside.
//!
//! Invariants: nothing is done to AWS whose INTENT is not in the store; a service is done only
//! when our own ECS deployment is; after the first failure nothing new is started, and what was
//! started is followed to its end.

mod apply;
mod error;
mod follow;
mod journal;
mod outcome;
mod put_back;
mod registration;
mod verify;

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

pub use self::{
    error::EngineError,
    outcome::{Report, status_of},
    registration::{Registration, register},
};
use self::{follow::Followed, journal::Journal};
use crate::{
    backend::{
        aws::Throttles,
        params::Parameters,
        platform::ecs::Ecs,
        process,
        store::{
            Ledger,
            ledger::{Acquired, Lease, LockRequest, NewDeployment},
        },
    },
    model::{Actor, DeploymentKind, DeploymentStatus, Event, Listener, OnFailure, ReleaseNumber},
    plan::ApprovedPlan,
};

/// What a deployment is carried out with.
pub struct Engine<'a> {
    /// The environment's ECS.
    pub ecs: &'a Ecs,
    /// The environment's parameters.
    pub parameters: &'a Parameters,
    /// The record.
    pub ledger: &'a Ledger,
    /// Which operations AWS throttles.
    pub throttles: &'a Throttles,
    /// Whoever listens.
    pub listener: &'a dyn Listener,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
    /// Turns true when nothing more shall be started.
    pub interrupt: watch::Receiver<bool>,
}

/// How a deployment is carried out.
#[derive(Debug, Clone)]
pub struct Orders {
    /// The release that the plan makes the environment run.
    pub release: ReleaseNumber,
    /// Who asks.
    pub actor: Actor,
    /// Why.
    pub description: Option<String>,
    /// How long rollouts may take, from the first effect.
    pub timeout: Duration,
    /// Whether to follow the rollouts to their end.
    pub wait: bool,
    /// The version of this program, for the record.
    pub tool_version: String,
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
    /// says what was. A rollout that fails is no error but an outcome in the report.
    pub async fn deploy(
        &self,
        approved: &ApprovedPlan,
        orders: &Orders,
    ) -> Result<Report, EngineError> {
        let plan = approved.plan();
        let lease = self.lease(plan, orders).await?;
        let deployment = self
            .ledger
            .start_deployment(
                &lease,
                NewDeployment {
                    project: plan.project.clone(),
                    environment: plan.environment.clone(),
                    selection: plan.selection.clone(),
                    release: orders.release,
                    kind: DeploymentKind::Deploy,
                    actor: orders.actor.clone(),
                    description: orders.description.clone(),
                    at: (self.now)(),
                    tool_version: orders.tool_version.clone(),
                    on_failure: OnFailure::default(),
                    from_release: None,
                    steps: plan.steps.iter().map(crate::plan::PlannedStep::record).collect(),
                },
            )
            .await
            .map_err(EngineError::NotRecorded)?;
        self.listener.hear(&Event::DeploymentStarted {
            deployment: deployment.number,
            release: deployment.release,
            services: plan.steps.iter().map(|step| step.service.clone()).collect(),
        });
        let journal = Journal::new((self.ledger, lease), self.now, deployment, &plan.wanted.images);
        let followed = self.apply_and_follow(plan, &journal, orders).await?;
        let status = match followed {
            Followed::ToTheEnd { put_back } => match status_of(&journal.steps()) {
                // Services went back, and SSM or the task definition's family did not.
                DeploymentStatus::RolledBack if !put_back => DeploymentStatus::Failed,
                status => status,
            },
            Followed::Detached => DeploymentStatus::Running,
            Followed::Interrupted => DeploymentStatus::Interrupted,
        };
        if status == DeploymentStatus::Interrupted {
            self.listener.hear(&Event::Interrupted);
        }
        let closed = journal.close(status).await;
        journal.release().await;
        Ok(Report { deployment: closed? })
    }

    /// Takes the lease of what the plan touches.
    async fn lease(&self, plan: &crate::plan::Plan, orders: &Orders) -> Result<Lease, EngineError> {
        let process = process::this_process();
        let request = LockRequest {
            project: &plan.project,
            environment: &plan.environment,
            selection: &plan.selection,
            services: &plan.steps.iter().map(|step| step.service.clone()).collect(),
            by: &orders.actor,
            process: process.as_ref(),
            reason: orders.description.as_deref(),
            is_gone: &process::is_gone,
            preempt: false,
        };
        match self.ledger.acquire(&request).await.map_err(EngineError::NotRecorded)? {
            Acquired::Lease(lease) => Ok(lease),
            Acquired::Held(held) => Err(EngineError::Locked { held }),
        }
    }

    /// Tells the services to move and follows those that do, both at the same time, so that a
    /// failure of the first is seen before the last is started.
    async fn apply_and_follow(
        &self,
        plan: &crate::plan::Plan,
        journal: &Journal<'_>,
        orders: &Orders,
    ) -> Result<Followed, EngineError> {
        let deadline = Instant::now() + orders.timeout;
        let rollouts = follow::Rollouts::default();
        let work = async {
            tokio::try_join!(
                self.apply_all(plan, journal, &rollouts),
                self.follow_all(plan, journal, &rollouts, (orders.wait, deadline)),
            )
        };
        let mut work = std::pin::pin!(work);
        let mut interrupt = self.interrupt.clone();
        tokio::select! {
            biased;
            _ = interrupt.wait_for(|stop| *stop) => {}
            done = &mut work => return done.map(|((), followed)| followed),
        }
        rollouts.interrupt();
        // Requests that are under way may still be answered and recorded.
        match tokio::time::timeout(LAST_ANSWERS, work).await {
            Ok(done) => done.map(|((), followed)| followed),
            Err(_still_going) => Ok(Followed::Interrupted),
        }
    }
}
