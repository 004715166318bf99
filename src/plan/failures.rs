//! What is known against an image that is about to be deployed again: that it failed here, or that
//! somebody went back from it.

use super::steps::{PlannedStep, Rollout, Warning};
use crate::model::{Deployment, DeploymentKind, ImageId, ImageUri, Release, Step, Verdict};

/// That a step's images failed here in an earlier deployment, or were taken back with it.
#[must_use]
pub fn failed_before(planned: &PlannedStep, earlier: &Deployment) -> Option<Warning> {
    let step = earlier.step(&planned.service).filter(|step| is_the_same(planned, step))?;
    let failed = step.verdict.as_ref().filter(|verdict| verdict.is_definite_failure());
    let Deployment { number, release, status, created_at, .. } = earlier;
    let at = step.finished_at.unwrap_or(*created_at);
    let text = match failed {
        Some(verdict) => format!(
            "failed here with the same images: {number} of {release}, {} at {at:.0}{}",
            verdict.word(),
            cause(step)
        ),
        None if step.is_back() => format!(
            "was put back here with the same images: {number} of {release}, {} at {at:.0}",
            status.as_str()
        ),
        None => return None,
    };
    let hint = format!(
        "deploy it again where its cause is mended; see that with `release-tool show {number}`"
    );
    Some(Warning { service: planned.service.clone(), text, hint })
}

/// That a step brings back what a rollback went back from.
#[must_use]
pub fn gone_back_from(
    planned: &PlannedStep,
    (rollback, from): (&Deployment, &Release),
) -> Option<Warning> {
    let is_from = |(id, uri): (&ImageId, &ImageUri)| {
        from.images.get(id).is_some_and(|image| image.uri == *uri)
    };
    let is_it = rollback.kind == DeploymentKind::Rollback
        && moves(planned)
        && planned.target.images.iter().all(is_from);
    let Deployment { number, created_at: at, description, .. } = rollback;
    let why = description.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    is_it.then(|| Warning {
        service: planned.service.clone(),
        text: format!(
            "gets the images of {} again, which {number} went back from at {at:.0}{why}",
            from.number
        ),
        hint: format!(
            "deploy them again where their fault is mended elsewhere; see how it was with \
             `release-tool show {number}`"
        ),
    })
}

/// Whether a step moves its service to images that it may not run yet.
fn moves(planned: &PlannedStep) -> bool {
    !planned.restart && !matches!(planned.rollout, Rollout::Settled { .. })
}

/// Whether a step is to do what an earlier one did: the same images, also behind their tags, as far as
/// that is known.
fn is_the_same(planned: &PlannedStep, step: &Step) -> bool {
    let is_other = step.digests.iter().any(|(container, then)| {
        let now = planned.digests.get(container);
        now.is_some_and(|now| !now.is_empty() && !then.is_empty() && now.is_disjoint(then))
    });
    moves(planned) && !step.restart && step.target.images == planned.target.images && !is_other
}

/// Why a step failed, where that was found out.
fn cause(step: &Step) -> String {
    let reason = match &step.verdict {
        Some(Verdict::Failed { reason } | Verdict::NoDeployment { reason }) => Some(reason),
        _ => None,
    };
    let found = step.evidence.as_ref().and_then(|all| Some(&all.diagnosis.first()?.text));
    found.or(reason).map(|text| format!(": {text}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{DeploymentStatus, RollbackCause, StepStatus},
        plan::{
            plan,
            test_support::{picture, recorded, release, released, request, step},
        },
    };

    /// The step that moves `web` to an image, as planned now.
    fn planned(image: &str, seed: u8) -> PlannedStep {
        let images = [("web", released(image, seed))];
        plan(request(&images, vec![picture("web:1")])).unwrap().steps.remove(0)
    }

    /// A deployment that moved `web` to `web:2`, and how that ended.
    fn ended(status: StepStatus, verdict: Verdict) -> Deployment {
        let mut step = step(status);
        step.verdict = Some(verdict);
        recorded(DeploymentStatus::RolledBack, vec![step])
    }

    #[test]
    fn only_the_same_images_are_told_to_have_failed() {
        let put_back = || Verdict::RolledBack {
            to: None,
            reason: String::new(),
            cause: RollbackCause::CircuitBreaker,
        };
        let failed = ended(StepStatus::Failed, put_back());
        let told = failed_before(&planned("web:2", 2), &failed).unwrap();
        assert_eq!(
            told.text,
            "failed here with the same images: d1 of r2, ROLLED_BACK at 1970-01-01T00:00:00Z"
        );
        assert!(told.hint.contains("`release-tool show d1`"));
        assert_eq!(failed_before(&planned("web:3", 3), &failed), None);
        // The tag is another image by now.
        assert_eq!(failed_before(&planned("web:2", 3), &failed), None);

        let succeeded = ended(StepStatus::Verified, Verdict::Verified);
        assert_eq!(failed_before(&planned("web:2", 2), &succeeded), None);
        let taken_back = ended(StepStatus::Compensated, Verdict::Verified);
        let told = failed_before(&planned("web:2", 2), &taken_back).unwrap();
        assert!(told.text.starts_with("was put back here with the same images: d1 of r2"));
    }

    #[test]
    fn what_was_gone_back_from_is_told() {
        let rollback = Deployment {
            kind: DeploymentKind::Rollback,
            description: Some("search is slow".to_owned()),
            ..recorded(DeploymentStatus::Succeeded, vec![])
        };
        let from = release(&[("web", released("web:2", 2))]);
        let told = gone_back_from(&planned("web:2", 2), (&rollback, &from)).unwrap();
        assert_eq!(
            told.text,
            "gets the images of r2 again, which d1 went back from at 1970-01-01T00:00:00Z: search \
             is slow"
        );
        assert_eq!(gone_back_from(&planned("web:3", 3), (&rollback, &from)), None);
        let deploy = recorded(DeploymentStatus::Succeeded, vec![]);
        assert_eq!(gone_back_from(&planned("web:2", 2), (&deploy, &from)), None);
    }
}
