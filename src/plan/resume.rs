//! Going on with a deployment that nobody works on any more: what is left of each step.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cause::cause_in,
    document::container_images,
    planner::{
        Outcome, code_deploy_order, plan_service, shared_families, wanted_containers,
        wanted_digests,
    },
    preflight::{Problem, Refusal},
    restart::restart,
    standing::{Begun, Standing, standing},
    steps::{PlanRequest, PlannedStep, Revision, Rollout, ServicePicture},
};
use crate::model::{
    ContainerName, Deployment, DeploymentKind, Digest, EcsDeploymentId, Step, StepStatus,
    TaskDefinitionArn, Verdict,
};

/// The digests that tasks may have, by container.
type Digests = BTreeMap<ContainerName, BTreeSet<Digest>>;

/// How a step is taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Its effects are carried out, one after the other.
    Apply,
    /// Its rollout is under way, and is followed.
    Follow {
        /// What it moves to.
        task_definition: TaskDefinitionArn,
        /// The rollout.
        ecs_deployment: EcsDeploymentId,
    },
    /// Its task definition is registered, and nothing else is done.
    Register,
    /// It has ended while nobody looked.
    End(Verdict),
    /// The service runs what it ran before; parameters and family are brought in step with it.
    PutBack {
        /// The revision that nothing will run, to be deregistered.
        retire: Option<TaskDefinitionArn>,
        /// Why the service does not run it all the same: ECS put it back, and it did not come up.
        broken: Option<String>,
    },
}

/// What becomes of the steps whose effects are still to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// They are carried out.
    Done,
    /// Nothing more is begun, so that there is nothing to plan for them.
    Left,
}

/// A step with the way to take it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// Its place among the deployment's steps.
    pub position: usize,
    /// What is to be done.
    pub step: PlannedStep,
    /// How it is taken up.
    pub start: Start,
}

/// What is left of a deployment, by what the services look like now. `request` has a picture of
/// every service that has a step, as far as ECS has it. `rest` is what becomes of the steps whose
/// effects are still to be carried out.
///
/// # Errors
/// Refuses where a step is still to be carried out and cannot be.
pub fn resume(
    deployment: &Deployment,
    request: &PlanRequest,
    rest: Rest,
) -> Result<Vec<Leg>, Refusal> {
    let mut legs = Vec::new();
    let mut problems = Vec::new();
    for (position, step) in deployment.steps.iter().enumerate() {
        if !is_open(step) {
            continue;
        }
        let is_ahead = deployment.kind == DeploymentKind::Register;
        let leg = match rest {
            Rest::Left if is_ahead || step.status == StepStatus::Pending => Ok(left(step)),
            _ if is_ahead => registered(request, step, rest),
            _ => leg(request, step, rest),
        };
        match leg {
            Ok((planned, start)) => legs.push(Leg { position, step: planned, start }),
            Err(problem) => problems.push(*problem),
        }
    }
    let to_apply = legs.iter().filter(|leg| leg.start == Start::Apply).map(|leg| &leg.step);
    if rest == Rest::Done {
        problems.extend(shared_families(to_apply));
    }
    if problems.is_empty() { Ok(legs) } else { Err(Refusal { problems }) }
}

/// Whether a step has not ended on its way forward.
fn is_open(step: &Step) -> bool {
    matches!(step.status, StepStatus::Pending | StepStatus::Intent | StepStatus::Applied)
}

/// A step of which nothing but the task definition is to be registered.
fn registered(
    request: &PlanRequest,
    step: &Step,
    rest: Rest,
) -> Result<(PlannedStep, Start), Box<Problem>> {
    let picture = request.pictures.iter().find(|picture| picture.service == step.service);
    match picture {
        Some(picture) => applied(request, picture).map(|(step, _)| (step, Start::Register)),
        None => leg(request, step, rest),
    }
}

/// A step that ends where it is, since whoever carries it out begins nothing.
fn left(step: &Step) -> (PlannedStep, Start) {
    (PlannedStep::ended(step), Start::Apply)
}

/// What is left of one step.
fn leg(
    request: &PlanRequest,
    step: &Step,
    rest: Rest,
) -> Result<(PlannedStep, Start), Box<Problem>> {
    let picture = request.pictures.iter().find(|picture| picture.service == step.service);
    let Some(picture) = picture else {
        let reason = "the ECS service is not there any more".to_owned();
        return Ok((PlannedStep::ended(step), Start::End(Verdict::Failed { reason })));
    };
    // A restart moves to what it found, and to nothing else.
    let found = step.before.task_definition.as_ref().filter(|_| step.restart);
    let begun = Begun {
        before: &step.before,
        task_definition: step.task_definition.as_ref().or(found),
        ecs_deployment: step.ecs_deployment.as_ref(),
    };
    let is_begun = step.status != StepStatus::Pending;
    let has_content = !step.restart && has_images(request, picture);
    match standing(begun, &picture.observed, has_content) {
        Standing::Moved { task_definition, ecs_deployment } if is_begun => {
            let planned = followed(request, picture, (step, &task_definition, &ecs_deployment));
            Ok((planned, Start::Follow { task_definition, ecs_deployment }))
        }
        Standing::Back { to, reason } if is_begun => {
            let cause = cause_in(&reason);
            let verdict = Verdict::RolledBack { to, reason, cause };
            Ok((PlannedStep::ended(step), Start::End(verdict)))
        }
        Standing::Elsewhere { by, task_definition } => {
            let verdict = Verdict::superseded(Some(by), task_definition);
            Ok((PlannedStep::ended(step), Start::End(verdict)))
        }
        _ => match rest {
            Rest::Done if step.restart => {
                Ok((restart(picture, step.before.digests.clone())?, Start::Apply))
            }
            Rest::Done => applied(request, picture)
                .map(|(planned, start)| (with_breaker(planned, step), start)),
            Rest::Left => Ok(left(step)),
        },
    }
}

/// A step that turns the circuit breaker on, if it began with that wish.
fn with_breaker(mut planned: PlannedStep, step: &Step) -> PlannedStep {
    let moves = matches!(planned.rollout, Rollout::Update { .. });
    planned.target.enable_circuit_breaker = moves && step.target.enable_circuit_breaker;
    planned.circuit_breaker |= planned.target.enable_circuit_breaker;
    planned
}

/// Whether the revision that a service is set to has the images wanted.
fn has_images(request: &PlanRequest, picture: &ServicePicture) -> bool {
    let images = container_images(&picture.running().document).unwrap_or_default();
    wanted_containers(request, picture)
        .iter()
        .all(|(name, uri)| images.get(name.as_str()).is_some_and(|image| image == uri.as_str()))
}

/// A step of which everything that is not done yet is to be done.
fn applied(
    request: &PlanRequest,
    picture: &ServicePicture,
) -> Result<(PlannedStep, Start), Box<Problem>> {
    match plan_service(request, picture)? {
        Outcome::Step(step) => Ok((*step, Start::Apply)),
        Outcome::Unchanged(service) => {
            // Only without `keep_settled`; then nothing is left.
            Err(Box::new(Problem::NoTaskDefinition {
                service: service.service,
                reason: "nothing is left to do for it".to_owned(),
            }))
        }
    }
}

/// A step whose rollout is followed.
fn followed(
    request: &PlanRequest,
    picture: &ServicePicture,
    (step, task_definition, ours): (&Step, &TaskDefinitionArn, &EcsDeploymentId),
) -> PlannedStep {
    PlannedStep {
        selected: picture.selected,
        digests: digests_of(request, picture, step),
        revision: Revision::Existing { task_definition: task_definition.clone() },
        rollout: Rollout::Adopt { ecs_deployment: ours.clone() },
        desired: picture.observed.desired,
        circuit_breaker: picture.observed.circuit_breaker.enabled,
        strategy: picture.observed.strategy.clone(),
        code_deploy: code_deploy_order(&picture.observed),
        ..PlannedStep::ended(step)
    }
}

/// The digests that a step's tasks may have: those recorded when it was planned, whatever its tags are
/// now, and what the images tell now where none are. What a restarted service runs is not part of the
/// release, but as it was found.
fn digests_of(request: &PlanRequest, picture: &ServicePicture, step: &Step) -> Digests {
    if step.restart {
        return step.before.digests.clone();
    }
    let mut digests = wanted_digests(request, picture);
    digests.extend(step.digests.clone());
    digests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{DeploymentStatus, RolloutState},
        plan::{
            Restarted, plan,
            test_support::{
                self, arn, definition, deployment, digest, picture, released, request, service,
                step,
            },
        },
    };
    use RolloutState::{Completed, InProgress};

    /// A deployment under way with one step.
    fn recorded(step: Step) -> Deployment {
        test_support::recorded(DeploymentStatus::Running, vec![step])
    }

    /// How a step is taken up when the service looks like this.
    fn start(step: Step, picture: ServicePicture) -> Start {
        let mut request = request(&[("web", released("web:2", 2))], vec![picture]);
        request.keep_settled = true;
        let mut legs = resume(&recorded(step), &request, Rest::Done).unwrap();
        assert_eq!(legs.len(), 1);
        legs.remove(0).start
    }

    /// The service, moved to `web:2` by `ecs-svc/2`.
    fn moved(state: RolloutState) -> ServicePicture {
        ServicePicture {
            observed: service(vec![deployment(2, true, 1, state)]),
            latest: definition("web", 2, &[("web", "web:2")]),
            ..picture("web:1")
        }
    }

    #[test]
    fn what_is_not_done_is_done_and_what_goes_on_is_followed() {
        let followed = Start::Follow {
            task_definition: arn("web", 2),
            ecs_deployment: EcsDeploymentId::new("ecs-svc/2"),
        };
        for status in [StepStatus::Pending, StepStatus::Intent] {
            assert_eq!(start(step(status), picture("web:1")), Start::Apply);
        }
        assert_eq!(start(step(StepStatus::Intent), moved(InProgress)), followed);
        assert_eq!(start(step(StepStatus::Intent), moved(Completed)), followed);
        // Somebody moved it there before we began: it is verified as any other.
        assert_eq!(start(step(StepStatus::Pending), moved(Completed)), Start::Apply);
    }

    #[test]
    fn what_was_registered_is_not_registered_again() {
        let mut registered = picture("web:1");
        registered.current = Some(definition("web", 1, &[("web", "web:1")]));
        registered.latest = definition("web", 2, &[("web", "web:2")]);
        let request = request(&[("web", released("web:2", 2))], vec![registered]);
        let legs = resume(&recorded(step(StepStatus::Intent)), &request, Rest::Done).unwrap();
        let revision = &legs[0].step.revision;
        assert_eq!(*revision, Revision::Existing { task_definition: arn("web", 2) });
    }

    #[test]
    fn a_restart_is_held_to_what_ran_when_it_was_planned() {
        let web = ContainerName::new("web").unwrap();
        let digests = BTreeMap::from([(web, BTreeSet::from([digest(1)]))]);
        let restarts = vec![Restarted { picture: picture("web:1"), digests: digests.clone() }];
        let planned = PlanRequest { restarts, ..request(&[], vec![]) };
        let mut step = plan(planned).unwrap().steps.remove(0).record();
        assert_eq!(step.before.digests, digests);
        for (status, deployments) in [
            (StepStatus::Pending, vec![deployment(1, true, 2, Completed)]),
            (StepStatus::Intent, vec![deployment(1, true, 2, Completed)]),
            (StepStatus::Applied, vec![deployment(1, true, 2, InProgress)]),
        ] {
            step.status = status;
            if status == StepStatus::Applied {
                step.task_definition = Some(arn("web", 1));
                step.ecs_deployment = Some(EcsDeploymentId::new("ecs-svc/1"));
            }
            let now = ServicePicture { observed: service(deployments), ..picture("web:1") };
            let request = request(&[], vec![now]);
            let legs = resume(&recorded(step.clone()), &request, Rest::Done).unwrap();
            assert_eq!(legs[0].step.digests, digests, "{status:?}");
        }
    }

    #[test]
    fn what_is_followed_is_held_to_the_digests_that_it_was_planned_with() {
        let web = ContainerName::new("web").unwrap();
        let mut step = step(StepStatus::Applied);
        step.task_definition = Some(arn("web", 2));
        step.ecs_deployment = Some(EcsDeploymentId::new("ecs-svc/2"));
        let planned = BTreeMap::from([(web, BTreeSet::from([digest(2)]))]);
        assert_eq!(step.digests, planned);
        let followed = |step: &Step, seed: Option<u8>| {
            let mut image = released("web:2", 2);
            image.digest = seed.map(digest);
            let request = request(&[("web", image)], vec![moved(InProgress)]);
            let legs = resume(&recorded(step.clone()), &request, Rest::Done).unwrap();
            assert!(matches!(legs[0].start, Start::Follow { .. }), "{:?}", legs[0].start);
            legs[0].step.digests.clone()
        };
        // The tag has another digest by now, or the image is gone.
        assert_eq!(followed(&step, Some(9)), planned);
        assert_eq!(followed(&step, None), planned);
        // Records of before have none.
        step.digests.clear();
        assert_eq!(followed(&step, Some(2)), planned);
        assert_eq!(followed(&step, None), BTreeMap::new());
    }

    #[test]
    fn what_somebody_else_moved_is_left_alone() {
        let mut other = picture("web:9");
        other.observed = service(vec![deployment(7, true, 2, Completed)]);
        other.latest = definition("web", 7, &[("web", "web:9")]);
        for status in [StepStatus::Pending, StepStatus::Intent] {
            let start = start(step(status), other.clone());
            assert!(matches!(start, Start::End(Verdict::Superseded { .. })), "{start:?}");
        }
    }

    /// A restart of `web:1`, as recorded.
    fn restarted(status: StepStatus) -> Step {
        let picture = picture("web:1");
        let restarts = vec![Restarted { picture, digests: BTreeMap::new() }];
        let planned = PlanRequest { restarts, ..request(&[], vec![]) };
        Step { status, ..plan(planned).unwrap().steps.remove(0).record() }
    }

    #[test]
    fn a_restart_follows_nothing_but_what_it_found() {
        // Of the same family, and perhaps with the very same image: whose it is tells the revision.
        for image in ["web:9", "web:1"] {
            let mut other = picture(image);
            other.observed = service(vec![deployment(9, true, 2, Completed)]);
            other.latest = definition("web", 9, &[("web", image)]);
            for status in [StepStatus::Pending, StepStatus::Intent] {
                let start = start(restarted(status), other.clone());
                let by = Some(EcsDeploymentId::new("ecs-svc/9"));
                let superseded = Verdict::superseded(by, Some(arn("web", 9)));
                assert_eq!(start, Start::End(superseded), "{status:?}");
            }
        }
        let mut anew = deployment(5, true, 2, Completed);
        anew.task_definition = Some(arn("web", 1));
        let anew = ServicePicture { observed: service(vec![anew]), ..picture("web:1") };
        // Before it was begun, the same was restarted by somebody else: ours is still to be made.
        assert_eq!(start(restarted(StepStatus::Pending), anew.clone()), Start::Apply);
        let ecs_deployment = EcsDeploymentId::new("ecs-svc/5");
        let followed = Start::Follow { task_definition: arn("web", 1), ecs_deployment };
        assert_eq!(start(restarted(StepStatus::Intent), anew), followed);
    }

    #[test]
    fn what_is_over_has_no_leg_and_what_is_gone_has_failed() {
        let request = request(&[("web", released("web:2", 2))], vec![]);
        for status in [StepStatus::Verified, StepStatus::Failed, StepStatus::Compensated] {
            let legs = resume(&recorded(step(status)), &request, Rest::Done).unwrap();
            assert_eq!(legs, []);
        }
        let legs = resume(&recorded(step(StepStatus::Applied)), &request, Rest::Done).unwrap();
        assert!(matches!(legs[0].start, Start::End(Verdict::Failed { .. })));
    }

    #[test]
    fn what_is_left_where_it_is_needs_no_plan() {
        let mut renamed = picture("web:1");
        renamed.latest = definition("web", 1, &[("other", "web:1")]);
        renamed.observed = service(vec![deployment(1, true, 1, Completed)]);
        let request = request(&[], vec![renamed]);
        for status in [StepStatus::Pending, StepStatus::Intent] {
            let recorded = recorded(step(status));
            assert!(resume(&recorded, &request, Rest::Done).is_err());
            let legs = resume(&recorded, &request, Rest::Left).unwrap();
            let [only] = legs.as_slice() else { panic!("{legs:?}") };
            assert_eq!((&only.start, &only.step.revision), (&Start::Apply, &Revision::None));
        }
    }
}
