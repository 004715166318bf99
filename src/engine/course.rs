//! What one run of the engine is to do: the legs of its steps, in one direction.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    model::ServiceId,
    plan::{Leg, Plan, PlannedStep, Start},
};

/// In which direction steps go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the release.
    Forward,
    /// To what ran before.
    Back,
}

/// What is done with the other steps when one fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Others {
    /// Those that were not begun are not begun any more.
    Stop,
    /// They go on.
    GoOn,
    /// Nothing is begun at all, for this reason; what was begun is followed.
    NeverBegin(String),
}

/// What is to be done, by the place of each step in the deployment.
#[derive(Debug)]
pub(super) struct Course {
    /// The direction.
    pub(super) direction: Direction,
    /// What a failure means for the other steps.
    pub(super) others: Others,
    /// The legs; steps without one are over.
    legs: BTreeMap<usize, (PlannedStep, Start)>,
}

impl Course {
    /// The whole of a plan.
    pub(super) fn of_plan(plan: Plan, others: Others) -> Self {
        let legs = plan.steps.into_iter().enumerate();
        let legs = legs.map(|(position, step)| Leg { position, step, start: Start::Apply });
        Self::of_legs(Direction::Forward, others, legs)
    }

    /// Nothing of a plan but its task definitions.
    pub(super) fn of_registrations(plan: Plan) -> Self {
        let legs = plan.steps.into_iter().enumerate();
        let legs = legs.map(|(position, step)| Leg { position, step, start: Start::Register });
        Self::of_legs(Direction::Forward, Others::GoOn, legs)
    }

    /// Legs in one direction.
    pub(super) fn of_legs(
        direction: Direction,
        others: Others,
        legs: impl IntoIterator<Item = Leg>,
    ) -> Self {
        let legs = legs.into_iter().map(|leg| (leg.position, (leg.step, leg.start)));
        Self { direction, others, legs: legs.collect() }
    }

    /// The course in its two parts, one after the other: what moves, and what is only restarted.
    pub(super) fn split(&self) -> [Self; 2] {
        [false, true].map(|restart| Self {
            direction: self.direction,
            others: self.others.clone(),
            legs: self
                .legs
                .iter()
                .filter(|(_, (step, _))| step.restart == restart)
                .map(|(position, leg)| (*position, leg.clone()))
                .collect(),
        })
    }

    /// What is to be done at a place.
    pub(super) fn step(&self, position: usize) -> Option<&PlannedStep> {
        self.legs.get(&position).map(|(step, _)| step)
    }

    /// All steps with their places and the way to take them up.
    pub(super) fn legs(&self) -> impl Iterator<Item = (usize, &PlannedStep, &Start)> {
        self.legs.iter().map(|(position, (step, start))| (*position, step, start))
    }

    /// All steps.
    pub(super) fn steps(&self) -> impl Iterator<Item = &PlannedStep> {
        self.legs.values().map(|(step, _)| step)
    }

    /// How long the longest rollout takes at least, by its planned waits.
    pub(super) fn bakes(&self) -> Duration {
        self.steps().map(PlannedStep::bakes).max().unwrap_or_default()
    }

    /// Their services.
    pub(super) fn services(&self) -> Vec<ServiceId> {
        self.steps().map(|step| step.service.clone()).collect()
    }

    /// Whether nothing is to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }
}
