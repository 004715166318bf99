//! What is put back after a service went back, or was never moved, so that Terraform sees no
//! difference: the family's latest ACTIVE revision is again the one the service runs, and its
//! image the one in SSM.

use std::collections::BTreeSet;

use super::{Engine, journal::Journal};
use crate::{
    model::{Event, ImageId, Step},
    plan::{ParameterChange, Plan},
};

impl Engine<'_> {
    /// Puts parameters back and deregisters failed revisions, for services that run what they ran before.
    /// What cannot be put back is told and stops nothing: the verdicts stand.
    pub(super) async fn put_back(&self, plan: &Plan, journal: &Journal<'_>) {
        let steps = journal.steps();
        for change in parameters_to_restore(plan, &steps) {
            self.restore(change).await;
        }
        for step in steps.iter().filter(|step| step.is_back() && step.registered) {
            self.deregister(step).await;
        }
    }

    /// Gives one parameter its old value.
    async fn restore(&self, change: &ParameterChange) {
        let done = match &change.from {
            Some(value) => self.parameters.put(&change.name, value, true).await.map(|_version| ()),
            None => self.parameters.delete(&change.name).await,
        };
        self.listener.hear(&match done {
            Ok(()) => Event::ParameterRestored {
                parameter: change.name.clone(),
                value: change.from.clone(),
            },
            Err(error) => {
                Event::Warning { text: format!("`{}` could not be put back: {error}", change.name) }
            }
        });
    }

    /// Deregisters the failed revision of a step, unless something still uses it.
    async fn deregister(&self, step: &Step) {
        let Some(task_definition) = &step.task_definition else { return };
        let target = (step.target.cluster.clone(), step.target.ecs_service.clone());
        let in_use = match self.ecs.observe(std::slice::from_ref(&target)).await {
            Ok(seen) => seen.get(&target).is_none_or(|service| {
                let users = service.deployments.iter().map(|d| d.task_definition.as_ref());
                users.chain([service.task_definition.as_ref()]).any(|u| u == Some(task_definition))
            }),
            Err(_unseen) => true,
        };
        let done = if in_use { None } else { Some(self.ecs.deregister(task_definition).await) };
        let service = step.service.clone();
        let short = task_definition.short();
        self.listener.hear(&match done {
            Some(Ok(())) => Event::TaskDefinitionDeregistered {
                service,
                task_definition: task_definition.clone(),
            },
            Some(Err(error)) => {
                Event::Warning { text: format!("{short} could not be deregistered: {error}") }
            }
            None => {
                Event::Warning { text: format!("{short} is still in use and stays registered") }
            }
        });
    }
}

/// The parameters whose every service was put back. One that a service still runs stays.
fn parameters_to_restore<'a>(plan: &'a Plan, steps: &[Step]) -> Vec<&'a ParameterChange> {
    let keeps = |image: &ImageId| {
        steps.iter().any(|step| {
            step.target.images.contains_key(image) && step.started_at.is_some() && !step.is_back()
        })
    };
    let back: BTreeSet<_> =
        steps.iter().filter(|step| step.is_back()).map(|step| &step.service).collect();
    let mut seen = BTreeSet::new();
    plan.steps
        .iter()
        .filter(|step| back.contains(&step.service))
        .flat_map(|step| &step.parameters)
        .filter(|change| !keeps(&change.image) && seen.insert(&change.name))
        .collect()
}
