//! Where a release stands: what the heads of an environment tell of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    deployment::StepStatus,
    head::{ServiceHead, VerifiedHead},
    id::{EnvironmentId, ServiceId},
    release::ReleaseNumber,
    verdict::Verdict,
};

/// The services of an environment that a release was deployed to, as far as their heads tell: they
/// know the last attempt, and what was last verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseStanding {
    /// The environment.
    pub environment: EnvironmentId,
    /// The services that run it, verified.
    pub verified: Vec<ServiceId>,
    /// The services that it was last verified for, and that something else was deployed to since,
    /// which is not verified.
    pub touched: Vec<ServiceId>,
    /// The services that it was deployed to last and for which it is not verified, with how far
    /// that came.
    pub attempted: BTreeMap<ServiceId, StepStatus>,
}

impl ReleaseStanding {
    /// Where a release stands in an environment with these heads; nothing where no head knows it.
    #[must_use]
    pub fn of<'h>(
        number: ReleaseNumber,
        environment: &EnvironmentId,
        heads: impl IntoIterator<Item = &'h ServiceHead>,
    ) -> Option<Self> {
        let mut standing = Self {
            environment: environment.clone(),
            verified: Vec::new(),
            touched: Vec::new(),
            attempted: BTreeMap::new(),
        };
        for head in heads {
            let service = head.service.clone();
            match head.verified.as_ref().filter(|verified| verified.release == number) {
                Some(verified) if is_still_so(head, verified) => standing.verified.push(service),
                Some(_) if head.release != number => standing.touched.push(service),
                _ if head.release == number => {
                    standing.attempted.insert(service, head.status);
                }
                _ => {}
            }
        }
        let is_known = !standing.verified.is_empty()
            || !standing.touched.is_empty()
            || !standing.attempted.is_empty();
        is_known.then_some(standing)
    }
}

/// Whether a service still runs what was verified: it was not put back from it, and nothing came
/// after it, or what came was not started or was put back.
///
/// A deployment that moved a service back has verified what it moved it to, so that head and
/// verification are of one deployment, and the revision tells which of the two ways it went.
fn is_still_so(head: &ServiceHead, verified: &VerifiedHead) -> bool {
    use StepStatus::{CompensateFailed, Compensated, Compensating};
    if head.deployment == verified.deployment {
        return match head.status {
            Compensated => head.task_definition.as_ref() == Some(&verified.task_definition),
            status => !matches!(status, Compensating | CompensateFailed),
        };
    }
    match &head.verdict {
        Some(Verdict::RolledBack { to: Some(to), .. }) => *to == verified.task_definition,
        Some(Verdict::NotStarted { .. }) => true,
        _ => head.status == Compensated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeploymentNumber, RollbackCause, TaskDefinitionArn};

    fn arn(revision: u64) -> TaskDefinitionArn {
        let text = format!("arn:aws:ecs:eu-west-1:000000000000:task-definition/web:{revision}");
        TaskDefinitionArn::parse(&text).unwrap()
    }

    /// A head whose release 1 was verified by deployment 1, and which deployment 2 of a release has
    /// touched since.
    fn head(release: u64, status: StepStatus, verdict: Option<Verdict>) -> ServiceHead {
        let at = "2026-11-21T16:32:12Z".parse().unwrap();
        ServiceHead {
            service: ServiceId::new("web").unwrap(),
            deployment: DeploymentNumber(2),
            release: ReleaseNumber(release),
            status,
            before: None,
            task_definition: None,
            ecs_deployment: None,
            verdict,
            images: BTreeMap::new(),
            at,
            verified: Some(VerifiedHead {
                deployment: DeploymentNumber(1),
                release: ReleaseNumber(1),
                task_definition: arn(1),
                ecs_deployment: None,
                images: BTreeMap::new(),
                at,
            }),
            before_task: None,
        }
    }

    /// A rollback to a revision.
    fn back_to(revision: &TaskDefinitionArn) -> Verdict {
        let (to, reason) = (Some(revision.clone()), String::new());
        Verdict::RolledBack { to, reason, cause: RollbackCause::CircuitBreaker }
    }

    /// What a head tells of a release, in a word.
    fn word(number: u64, head: &ServiceHead) -> &'static str {
        let prod = EnvironmentId::new("prod").unwrap();
        match ReleaseStanding::of(ReleaseNumber(number), &prod, [head]) {
            None => "unknown",
            Some(standing) if !standing.verified.is_empty() => "verified",
            Some(standing) if !standing.touched.is_empty() => "touched",
            Some(standing) => standing.attempted.values().next().unwrap().as_str(),
        }
    }

    #[test]
    fn a_release_stands_where_the_heads_say() {
        use StepStatus::{Applied, Compensated, Failed};
        let not_started = || Some(Verdict::NotStarted { reason: String::new() });
        let back = |revision| Some(back_to(&arn(revision)));
        for (status, verdict, one, two) in [
            (Applied, None, "touched", "APPLIED"),
            (Failed, Some(Verdict::Failed { reason: String::new() }), "touched", "FAILED"),
            (Failed, back(1), "verified", "FAILED"),
            (Failed, back(7), "touched", "FAILED"),
            (Failed, not_started(), "verified", "FAILED"),
            (Compensated, None, "verified", "COMPENSATED"),
        ] {
            let head = head(2, status, verdict);
            assert_eq!((word(1, &head), word(2, &head)), (one, two), "{head:?}");
            assert_eq!(word(3, &head), "unknown");
        }
    }

    #[test]
    fn a_second_attempt_at_the_same_release_is_an_attempt() {
        let mut head = head(1, StepStatus::Applied, None);
        assert_eq!(word(1, &head), "APPLIED");
        head.verified.as_mut().unwrap().deployment = DeploymentNumber(2);
        assert_eq!(word(1, &head), "verified");
        head.status = StepStatus::Compensated;
        assert_eq!(word(1, &head), "COMPENSATED");
    }

    #[test]
    fn a_service_that_was_moved_back_runs_what_was_verified() {
        // As a deployment leaves it that put a copy of the revision before in place.
        let copy = arn(3);
        let verdict = back_to(&copy);
        let mut head = head(2, StepStatus::Compensated, Some(verdict));
        head.task_definition = Some(copy.clone());
        let verified = head.verified.as_mut().unwrap();
        verified.deployment = DeploymentNumber(2);
        verified.task_definition = copy;
        assert_eq!((word(1, &head), word(2, &head)), ("verified", "COMPENSATED"));
        head.verified.as_mut().unwrap().task_definition = arn(1);
        assert_eq!((word(1, &head), word(2, &head)), ("touched", "COMPENSATED"));
    }
}
