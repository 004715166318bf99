//! What a service runs now, as far as the deployment knows that touched it last.
//!
//! Invariant: what was wanted is never called what runs. A verdict or a look at ECS says what runs;
//! where neither does, it is what ran before, with what the service was told to move to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    arn::TaskDefinitionArn,
    deployment::{Compensation, Deployment, DeploymentKind, Step, StepStatus},
    id::{ImageId, ServiceId},
    image::ReleaseHash,
    release::Release,
    seen::Seen,
    task::BeforeTaskStatus,
    verdict::Verdict,
};

/// A service after a deployment, or in its middle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceNow {
    /// The service.
    pub service: ServiceId,
    /// Its verdict in a word, or what became of it after that.
    pub state: &'static str,
    /// What it runs; nothing where no task runs.
    pub runs: Vec<Running>,
    /// What it is set to, where that is not all that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_to: Option<TaskDefinitionArn>,
    /// What it was told to move to, where it was not seen since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_to_move_to: Option<TaskDefinitionArn>,
    /// What it may have been told to move to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_move_to: Option<TaskDefinitionArn>,
    /// What was registered for it, where it was not to move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered: Option<TaskDefinitionArn>,
    /// Whether it wants no tasks, so that none runs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wants_no_task: bool,
    /// The release hash that the deployment wanted, by image.
    pub wanted: BTreeMap<ImageId, ReleaseHash>,
}

/// Something that a service runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Running {
    /// The revision.
    pub task_definition: Option<TaskDefinitionArn>,
    /// Its release hash by image; empty where it is neither what was wanted nor what ran before.
    pub release_hashes: BTreeMap<ImageId, ReleaseHash>,
    /// How many tasks of it ran, where that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<i32>,
    /// Whether CodeDeploy left it when it gave up, beside what has production traffic.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub left_over: bool,
}

/// The release hashes of revisions, by image.
pub type RevisionHashes = BTreeMap<TaskDefinitionArn, BTreeMap<ImageId, ReleaseHash>>;

/// What a step knows of where its service is.
#[derive(Debug, Default)]
struct Place {
    /// What runs, and how many tasks of it, where that was seen; and whether it is left over.
    runs: Vec<(Option<TaskDefinitionArn>, Option<i32>, bool)>,
    /// What it is set to, where that was seen.
    set_to: Option<TaskDefinitionArn>,
    /// What it was told to move to and was not seen since.
    told: Option<TaskDefinitionArn>,
    /// What it may have been told to move to.
    may: Option<TaskDefinitionArn>,
    /// Whether it was seen to want no tasks.
    wants_no_task: bool,
}

impl Place {
    /// At one revision, and nowhere else.
    fn at(task_definition: Option<&TaskDefinitionArn>) -> Self {
        let runs =
            task_definition.into_iter().map(|arn| (Some(arn.clone()), None, false)).collect();
        Self { runs, ..Self::default() }
    }

    /// Told to move from one revision to another.
    fn between(from: Option<&TaskDefinitionArn>, to: Option<&TaskDefinitionArn>) -> Self {
        if from.is_none() || from == to {
            return Self::at(to);
        }
        Self { told: to.cloned(), ..Self::at(from) }
    }
}

impl Deployment {
    /// Whether it has left a service where it moved it, or on its way there.
    #[must_use]
    pub fn has_moved_services(&self) -> bool {
        let moves = matches!(self.kind, DeploymentKind::Deploy | DeploymentKind::Rollback);
        moves && self.steps.iter().any(Step::has_moved)
    }

    /// Whether it is not over, and some services that it moves are moved and some are not.
    #[must_use]
    pub fn is_half_way(&self) -> bool {
        let is_there = |step: &Step| step.status == StepStatus::Verified || step.has_moved();
        let steps = || self.steps.iter().filter(|step| !step.restart);
        let moves = matches!(self.kind, DeploymentKind::Deploy | DeploymentKind::Rollback);
        moves && !self.status.is_final() && steps().any(is_there) && !steps().all(is_there)
    }

    /// What each of its services runs now, as far as it knows.
    #[must_use]
    pub fn services_now(&self, release: &Release) -> Vec<ServiceNow> {
        self.steps.iter().map(|step| ServiceNow::of(self.kind, step, release)).collect()
    }
}

impl ServiceNow {
    /// What the service of a step runs now.
    #[must_use]
    pub fn of(kind: DeploymentKind, step: &Step, release: &Release) -> Self {
        let wanted = wanted(step, release);
        let is_ahead = kind == DeploymentKind::Register;
        let place = if is_ahead { Place::at(before(step)) } else { step.place() };
        let runs: Vec<Running> = place
            .runs
            .into_iter()
            .map(|(task_definition, tasks, left_over)| Running {
                release_hashes: hashes(step, task_definition.as_ref(), &wanted),
                task_definition,
                tasks,
                left_over,
            })
            .collect();
        let registered = step.task_definition.clone().filter(|_| is_ahead);
        Self {
            service: step.service.clone(),
            state: if is_ahead && step.status == StepStatus::Verified {
                "REGISTERED"
            } else {
                step.word()
            },
            set_to: place.set_to.filter(|set| !is_all_that_runs(set, &runs)),
            told_to_move_to: place.told,
            may_move_to: place.may,
            registered,
            wants_no_task: place.wants_no_task && runs.is_empty(),
            runs,
            wanted,
        }
    }

    /// What a service runs by a look at ECS, and what it is set to: nobody else is asked what was
    /// wanted of it.
    #[must_use]
    pub fn seen(
        (service, state): (ServiceId, &'static str),
        seen: Option<&Seen>,
        known: &RevisionHashes,
    ) -> Self {
        let set_to = seen.and_then(|seen| seen.task_definition.clone());
        let hashes = |revision: Option<&TaskDefinitionArn>| {
            revision.and_then(|arn| known.get(arn).cloned()).unwrap_or_default()
        };
        let tasks = seen.into_iter().flat_map(|seen| &seen.tasks);
        let runs: Vec<Running> = tasks
            .map(|one| Running {
                release_hashes: hashes(one.task_definition.as_ref()),
                task_definition: one.task_definition.clone(),
                tasks: Some(one.running),
                left_over: one.left_over,
            })
            .collect();
        Self {
            service,
            state,
            wanted: hashes(set_to.as_ref()),
            set_to: set_to.filter(|set| !is_all_that_runs(set, &runs)),
            told_to_move_to: None,
            may_move_to: None,
            registered: None,
            wants_no_task: runs.is_empty() && seen.is_some_and(|seen| seen.desired == 0),
            runs,
        }
    }

    /// Whether it runs something else than what it is set to, or nothing.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.set_to.is_some() || self.runs.iter().any(|runs| runs.left_over)
    }

    /// Whether it is known to run what was wanted, and nothing else.
    #[must_use]
    pub fn runs_what_was_wanted(&self) -> bool {
        let is_it = |runs: &Running| runs.release_hashes == self.wanted;
        !self.runs.is_empty() && self.runs.iter().all(is_it)
    }
}

impl Step {
    /// The word for how far the step is, or how it ended.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.status, &self.verdict) {
            (StepStatus::Compensated, _) => "ROLLED_BACK",
            (StepStatus::CompensateFailed, _) => "ROLLBACK_FAILED",
            (StepStatus::Compensating, _) => "ROLLING_BACK",
            (_, Some(verdict)) => verdict.word(),
            (StepStatus::Pending, None) => "NOT_STARTED",
            (StepStatus::Intent, None) => "BEGUN",
            (_, None) => "IN_PROGRESS",
        }
    }

    /// Whether the service was told to move by the step, and is not known to be back.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        let is_moving_back = self.status == StepStatus::Compensating;
        self.ecs_deployment.is_some() && !self.restart && !self.is_back() && !is_moving_back
    }

    /// Where the service is.
    fn place(&self) -> Place {
        match &self.compensation {
            Some(back) => self.place_on_the_way_back(back),
            None => self.place_forward(),
        }
    }

    /// Where a service is that goes back, or went.
    fn place_on_the_way_back(&self, back: &Compensation) -> Place {
        let moved = back.ecs_deployment.as_ref().and(back.task_definition.as_ref());
        let stayed = back.before.task_definition.as_ref();
        if self.status == StepStatus::Compensated {
            let by_ecs = back.stopped.as_ref().and(before(self));
            return Place::at(moved.or(by_ecs).or(stayed));
        }
        let asked = moved.is_some() || back.stopped.is_some();
        match (&self.verdict, self.last_seen()) {
            (Some(Verdict::RolledBack { to, .. }), _) if !asked => Place::at(to.as_ref()),
            // What ECS works towards on the way there says nothing of where it arrives.
            (_, Some(seen)) if self.status == StepStatus::Compensating => {
                Place { set_to: None, ..seen }
            }
            (_, Some(seen)) => seen,
            _ if asked => Place::between(stayed, moved.or(before(self))),
            _ => Place::at(stayed),
        }
    }

    /// Where a service is that was to move to what was wanted.
    fn place_forward(&self) -> Place {
        match &self.verdict {
            Some(Verdict::Verified) => Place::at(self.task_definition.as_ref().or(before(self))),
            Some(Verdict::RolledBack { to, .. }) => Place::at(to.as_ref()),
            Some(Verdict::NotStarted { .. } | Verdict::NoDeployment { .. }) => {
                Place::at(before(self))
            }
            _ if self.ecs_deployment.is_none() => self.place_before_its_rollout(),
            verdict => self.last_seen().unwrap_or_else(|| match verdict {
                Some(
                    Verdict::Superseded { task_definition, .. }
                    | Verdict::Drifted { task_definition },
                ) => Place::at(task_definition.as_ref()),
                _ => Place::between(before(self), self.task_definition.as_ref()),
            }),
        }
    }

    /// Where a service is of which no rollout of ours is recorded: where it was, unless the request
    /// to move it was answered by nobody.
    fn place_before_its_rollout(&self) -> Place {
        if let Some(
            Verdict::Superseded { task_definition, .. } | Verdict::Drifted { task_definition },
        ) = &self.verdict
        {
            return Place::at(task_definition.as_ref());
        }
        let task = self.before_task.as_ref().map(|task| task.status);
        let is_held = task.is_some_and(|status| status != BeforeTaskStatus::Succeeded);
        let in_doubt = self.verdict.as_ref().is_none_or(Verdict::is_in_doubt);
        let may = self.task_definition.clone().filter(|_| in_doubt && !is_held);
        let may = may.filter(|may| Some(may) != before(self));
        Place { may, ..Place::at(before(self)) }
    }

    /// Where the service was when it was last seen.
    fn last_seen(&self) -> Option<Place> {
        let seen = self.seen.as_ref()?;
        let runs = seen.tasks.iter();
        let runs = runs.map(|one| (one.task_definition.clone(), Some(one.running), one.left_over));
        let runs = runs.collect();
        let (set_to, wants_no_task) = (seen.task_definition.clone(), seen.desired == 0);
        Some(Place { runs, set_to, wants_no_task, ..Place::default() })
    }
}

/// Whether a revision is all that runs, but for what is left over.
fn is_all_that_runs(revision: &TaskDefinitionArn, runs: &[Running]) -> bool {
    let mut serving = runs.iter().filter(|runs| !runs.left_over);
    let is_it = |only: &Running| only.task_definition.as_ref() == Some(revision);
    serving.next().is_some_and(is_it) && serving.next().is_none()
}

/// The revision that the step found.
fn before(step: &Step) -> Option<&TaskDefinitionArn> {
    step.before.task_definition.as_ref()
}

/// The release hashes that a step wants, by image. What is only restarted is to run what it runs.
fn wanted(step: &Step, release: &Release) -> BTreeMap<ImageId, ReleaseHash> {
    let of_uri = |(id, uri): (&ImageId, &super::image::ImageUri)| {
        let released = release.images.get(id).filter(|_| !step.restart);
        let hash = released.map(|image| image.release_hash.clone());
        (id.clone(), hash.unwrap_or_else(|| uri.release_hash()))
    };
    step.target.images.iter().map(of_uri).collect()
}

/// The release hashes of a revision, as far as a step knows it: of what was wanted, of what ran
/// before, and of its copy. What is restarted is wanted as it was found.
fn hashes(
    step: &Step,
    revision: Option<&TaskDefinitionArn>,
    wanted: &BTreeMap<ImageId, ReleaseHash>,
) -> BTreeMap<ImageId, ReleaseHash> {
    let copy = step.compensation.as_ref().and_then(|back| back.task_definition.as_ref());
    let was_wanted = if step.restart { before(step) } else { step.task_definition.as_ref() };
    if revision.is_some() && revision == was_wanted {
        return wanted.clone();
    }
    if step.restart || revision.is_none() || (revision != before(step) && revision != copy) {
        return BTreeMap::new();
    }
    let found = step.before.release_hashes.iter();
    let found = found.filter(|(id, _)| wanted.contains_key(*id));
    found.map(|(id, hash)| (id.clone(), hash.clone())).collect()
}

#[cfg(test)]
#[path = "now_tests.rs"]
mod tests;
