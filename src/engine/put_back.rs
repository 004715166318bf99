//! What is put back after a service went back, or was never moved, so that Terraform sees no
//! difference: the family's latest ACTIVE revision is again the one the service runs, and its
//! image the one in SSM.
//!
//! What counts is what the service runs now, not what this deployment found: ECS goes back to the
//! last completed deployment, which may be an older one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Engine, apply::cause_chain, journal::Journal};
use crate::{
    model::{Event, ImageId, Label, ParameterName, Step, TaskDefinitionArn, Verdict},
    plan::{Plan, container_images},
};

/// The value that a parameter gets again; none when it did not exist.
type Values = BTreeMap<ImageId, Option<String>>;

impl Engine<'_> {
    /// Puts parameters back and deregisters failed revisions, for services that run what they ran
    /// before. Tells whether all of it was put back; what cannot be is told, and the verdicts
    /// stand.
    pub(super) async fn put_back(&self, plan: &Plan, journal: &Journal<'_>) -> bool {
        let steps = journal.steps();
        let values = self.values_to_restore(&steps).await;
        let mut complete = self.restore_all(plan, values).await;
        for step in steps.iter().filter(|step| was_begun_and_is_back(step)) {
            complete &= self.deregister(step).await;
        }
        complete
    }

    /// Gives parameters their values where they have ours: one that was not written yet, or that
    /// somebody else has written since, stays. Tells whether that is done.
    async fn restore_all(&self, plan: &Plan, values: Values) -> bool {
        let label = Label::of_environment(&plan.environment);
        let name = |image: &ImageId| ParameterName::of_image(&plan.project, &label, image);
        let names: Vec<ParameterName> = values.keys().map(name).collect();
        let now = match self.parameters.get(&names).await {
            Ok(now) => now,
            Err(error) => {
                let text = format!("no parameter could be put back: {}", cause_chain(&error));
                self.listener.hear(&Event::Warning { text });
                return false;
            }
        };
        let mut complete = true;
        for (image, value) in values {
            let parameter = name(&image);
            let found = now.get(&parameter).map(|found| found.value.as_str());
            let ours = plan.wanted.images.get(&image).map(|wanted| wanted.uri.as_str());
            if found == ours {
                complete &= self.restore(parameter, value).await;
            } else if found != value.as_deref() {
                let text = format!("`{parameter}` has another value by now, and keeps it");
                self.listener.hear(&Event::Warning { text });
            }
        }
        complete
    }

    /// The values of the images that no service of this deployment runs any more.
    async fn values_to_restore(&self, steps: &[Step]) -> Values {
        let kept: BTreeSet<&ImageId> = steps
            .iter()
            .filter(|step| step.started_at.is_some() && !step.is_back())
            .flat_map(|step| step.target.images.keys())
            .collect();
        let mut values = Values::new();
        for step in steps.iter().filter(|step| was_begun_and_is_back(step)) {
            for (image, value) in self.values_of(step).await {
                if !kept.contains(&image) {
                    values.entry(image).or_insert(value);
                }
            }
        }
        values
    }

    /// The values that fit what a step's service runs now. Where that is what the step found, they
    /// are what it found in SSM too.
    async fn values_of(&self, step: &Step) -> Values {
        let to = goes_back_to(step);
        if to == step.before.task_definition.as_ref() && !step.before.parameters.is_empty() {
            return step.before.parameters.clone();
        }
        let definition = match to {
            Some(to) => self.ecs.task_definition(to.as_str()).await.ok(),
            None => None,
        };
        let images = definition
            .and_then(|definition| container_images(&definition.document).ok())
            .unwrap_or_default();
        let runs = |container: &str| images.get(container).cloned();
        step.target
            .containers
            .iter()
            .filter_map(|(container, image)| Some((image, runs(container.as_str())?)))
            .filter(|(image, runs)| {
                step.target.images.get(*image).is_some_and(|wanted| wanted.as_str() != runs)
            })
            .map(|(image, runs)| (image.clone(), Some(runs)))
            .collect()
    }

    /// Gives one parameter its value. Tells whether that is done.
    async fn restore(&self, parameter: ParameterName, value: Option<String>) -> bool {
        let done = match &value {
            Some(value) => self.parameters.put(&parameter, value, true).await.map(|_version| ()),
            None => self.parameters.delete(&parameter).await,
        };
        let is_done = done.is_ok();
        self.listener.hear(&match done {
            Ok(()) => Event::ParameterRestored { parameter, value },
            Err(error) => Event::Warning {
                text: format!("`{parameter}` could not be put back: {}", cause_chain(&error)),
            },
        });
        is_done
    }

    /// Deregisters the revision that a step wanted to move to, if nothing uses it. Tells whether
    /// that is done, or not called for.
    async fn deregister(&self, step: &Step) -> bool {
        let Some(failed) = &step.task_definition else { return true };
        if goes_back_to(step) == Some(failed)
            || step.before.task_definition.as_ref() == Some(failed)
        {
            return true;
        }
        let service = step.service.clone();
        let short = failed.short();
        if self.is_in_use(step, failed).await {
            let text = format!("{short} is still in use and stays registered");
            self.listener.hear(&Event::Warning { text });
            return false;
        }
        let done = self.ecs.deregister(failed).await;
        let is_done = done.is_ok();
        self.listener.hear(&match done {
            Ok(()) => {
                Event::TaskDefinitionDeregistered { service, task_definition: failed.clone() }
            }
            Err(error) => Event::Warning {
                text: format!("{short} could not be deregistered: {}", cause_chain(&error)),
            },
        });
        is_done
    }

    /// Whether a deployment of the step's service still uses a revision; yes when ECS does not say.
    async fn is_in_use(&self, step: &Step, task_definition: &TaskDefinitionArn) -> bool {
        let target = (step.target.cluster.clone(), step.target.ecs_service.clone());
        match self.ecs.observe(std::slice::from_ref(&target)).await {
            Ok(seen) => seen.get(&target).is_none_or(|service| {
                let users = service.deployments.iter().map(|d| d.task_definition.as_ref());
                users.chain([service.task_definition.as_ref()]).any(|u| u == Some(task_definition))
            }),
            Err(_unseen) => true,
        }
    }
}

/// Whether something was done for a step, and its service runs what it ran before all the same.
fn was_begun_and_is_back(step: &Step) -> bool {
    step.started_at.is_some() && step.is_back()
}

/// What a service that went back runs now.
fn goes_back_to(step: &Step) -> Option<&TaskDefinitionArn> {
    match &step.verdict {
        Some(Verdict::RolledBack { to: Some(to), .. }) => Some(to),
        _ => step.before.task_definition.as_ref(),
    }
}
