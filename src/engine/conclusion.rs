//! What follows once every step has its verdict: the end, or the way back.

use std::collections::BTreeSet;

use super::{
    Engine, Orders, Report,
    course::{Course, Direction, Others},
    error::EngineError,
    follow::Followed,
    journal::Journal,
    keeper::Keeper,
    outcome::{is_definite_failure, status_after_going_back, status_of},
    rollouts::{Rollouts, Stop},
    stop::Under,
};
use crate::{
    model::{
        Deployment, DeploymentKind, DeploymentStatus, Event, OnFailure, ServiceId, StepStatus,
    },
    plan::{Extent, Undo},
};

impl Engine<'_> {
    /// What follows when every step has its verdict: the end, or the way back.
    pub(super) async fn conclude_forward(
        &self,
        journal: &Journal<'_>,
        orders: &Orders,
    ) -> Result<Report, EngineError> {
        let deployment = journal.deployment();
        let status = status_of(&deployment.steps);
        if matches!(status, DeploymentStatus::Succeeded | DeploymentStatus::Unknown) {
            return self.report(journal, status).await;
        }
        if journal.escaped_to().is_some() {
            // What follows from a failure cannot be begun without the store; it is left to `resume`.
            return self.report(journal, DeploymentStatus::Interrupted).await;
        }
        let is_rollback = deployment.kind == DeploymentKind::Rollback;
        if goes_back(journal, orders) && is_definite_failure(&deployment.steps) {
            let failed = deployment.steps.iter().find(|step| step.status == StepStatus::Failed);
            let reason =
                failed.map_or_else(String::new, |step| format!("`{}` failed", step.service));
            return self.go_back(journal, orders, &reason).await;
        }
        let followed = self.undo(journal, (Extent::WhatIsBack, orders)).await?;
        let any = |wanted| journal.steps().iter().any(|step| step.status == wanted);
        let status = match status {
            _ if followed == Followed::Stopped => DeploymentStatus::Interrupted,
            _ if any(StepStatus::Compensating) => DeploymentStatus::Unknown,
            _ if is_rollback && status != DeploymentStatus::Superseded => {
                DeploymentStatus::RollbackFailed
            }
            _ if orders.cancel.is_some() => DeploymentStatus::Cancelled,
            // Services went back, and SSM or the task definition's family did not.
            DeploymentStatus::RolledBack if any(StepStatus::CompensateFailed) => {
                DeploymentStatus::Failed
            }
            status => status,
        };
        self.report(journal, status).await
    }

    /// Takes back everything that the deployment has done.
    pub(super) async fn go_back(
        &self,
        journal: &Journal<'_>,
        orders: &Orders,
        reason: &str,
    ) -> Result<Report, EngineError> {
        self.tell_running_tasks(journal).await?;
        journal.turn(DeploymentStatus::RollingBack, Some(reason)).await?;
        let followed = self.undo(journal, (Extent::Everything, orders)).await?;
        let deployment = journal.deployment();
        let status = match followed {
            Followed::ToTheEnd => status_after_going_back(&deployment.steps),
            Followed::Detached | Followed::Stopped => DeploymentStatus::RollingBack,
        };
        self.report(journal, status).await
    }

    /// Carries out the way back of some or all steps: of those that run what they ran before, only
    /// parameters and families are brought in step with that.
    async fn undo(
        &self,
        journal: &Journal<'_>,
        (extent, orders): (Extent, &Orders),
    ) -> Result<Followed, EngineError> {
        if extent == Extent::Everything {
            self.tell_way_back(&journal.deployment());
        }
        let Some(undo) = self.look_back_in_peace(journal, (extent, orders)).await? else {
            return Ok(Followed::Stopped);
        };
        for text in undo.left_alone {
            self.listener.hear(&Event::Warning { text });
        }
        let course = Course::of_legs(Direction::Back, Others::GoOn, undo.legs);
        if course.is_empty() {
            return Ok(Followed::ToTheEnd);
        }
        let rollouts = Rollouts::default();
        let followed = self.carry_all(journal, &course, (&rollouts, orders)).await?;
        self.tell_stop(journal, &rollouts);
        Ok(if rollouts.record_lost() { Followed::Stopped } else { followed })
    }

    /// Tells that what was begun goes back.
    fn tell_way_back(&self, deployment: &Deployment) {
        let begun = deployment.steps.iter().filter(|step| {
            !matches!(
                step.status,
                StepStatus::Pending
                    | StepStatus::Skipped
                    | StepStatus::Compensated
                    | StepStatus::CompensateFailed
            )
        });
        let services: Vec<ServiceId> = begun.map(|step| step.service.clone()).collect();
        if !services.is_empty() {
            self.listener.hear(&Event::RollingBack { deployment: deployment.number, services });
        }
    }

    /// Has ECS roll back what it still can, and works out the rest of the way back, while the lease
    /// is kept, since both may take minutes; nothing where a signal or a wish to stop comes first.
    async fn look_back_in_peace(
        &self,
        journal: &Journal<'_>,
        (extent, orders): (Extent, &Orders),
    ) -> Result<Option<Undo>, EngineError> {
        let rollouts = Rollouts::default();
        let keeper = Keeper::new(self.ledger, self.lease);
        let timeout = orders.timeout;
        let under = Under { journal, keeper: &keeper, rollouts: &rollouts, timeout };
        let looking = async {
            let late = match extent {
                Extent::Everything => self.stop_rollouts(&under).await?,
                Extent::WhatIsBack => BTreeSet::new(),
            };
            let mut undo = self.look_back(journal, extent).await?;
            undo.legs.retain(|leg| !late.contains(&leg.position));
            Ok(undo)
        };
        let mut interrupt = self.interrupt.clone();
        tokio::select! {
            biased;
            _ = interrupt.wait_for(|stop| *stop) => rollouts.stop(Stop::Signal),
            () = rollouts.stops() => {}
            lost = keeper.keep(&rollouts) => return Err(lost),
            undo = looking => return undo.map(Some),
        }
        self.tell_stop(journal, &rollouts);
        Ok(None)
    }
}

/// Whether everything goes back once a service has failed.
pub(super) fn goes_back(journal: &Journal<'_>, orders: &Orders) -> bool {
    journal.deployment().kind == DeploymentKind::Deploy
        && orders.cancel.is_none()
        && orders.on_failure == OnFailure::Rollback
}
