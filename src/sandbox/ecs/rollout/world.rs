//! What a rollout sees of the rest of the sandbox: images, their fates, alarms, functions, the pace.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    super::{
        fate::{Fate, Fates},
        function::Functions,
    },
    Revision, Task,
    pace::Pace,
    revision::pinned,
};
use crate::sandbox::AlarmState;

/// The world at the time of a request, as plain data, so that rollouts stay pure.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox::ecs) struct World {
    /// How long things take.
    pub(in crate::sandbox::ecs) pace: Pace,
    /// The digest of every image that may be pulled, by the reference it is pulled by; an image
    /// that is not here cannot be found.
    pub(in crate::sandbox::ecs) images: BTreeMap<String, String>,
    /// What becomes of tasks, by image.
    pub(in crate::sandbox::ecs) fates: Fates,
    /// The execution roles of task definitions, by the task definition's ARN.
    pub(in crate::sandbox::ecs) roles: BTreeMap<String, String>,
    /// What the functions of lifecycle hooks answer.
    pub(in crate::sandbox::ecs) functions: Functions,
    /// By the names of alarms the moments at which they came into a state, oldest first.
    pub(in crate::sandbox::ecs) alarms: BTreeMap<String, Vec<(Timestamp, AlarmState)>>,
}

impl World {
    /// Adds an image that can be pulled, by the reference given and by its digest: a deployment
    /// that finds the digest pulls by it from then on.
    pub(in crate::sandbox::ecs) fn add(&mut self, reference: &str, digest: &str) {
        self.images.insert(pinned(reference, digest), digest.to_owned());
        self.images.insert(reference.to_owned(), digest.to_owned());
    }

    /// Pulls an image at a moment: its digest, and what becomes of the container; or ECS's words
    /// on why it cannot be pulled.
    pub(super) fn pull(
        &self,
        (image, has_own_command): (&str, bool),
        reference: &str,
        moment: Timestamp,
    ) -> Result<(String, Fate), String> {
        const RETRIED: &str = "CannotPullContainerError: pull image manifest has been retried";
        let fate = self.fates.of(image, moment);
        if fate == Fate::WrongPlatform {
            return Err(format!(
                "{RETRIED} 7 time(s): image Manifest does not contain descriptor matching \
                 platform 'linux/amd64'"
            ));
        }
        match self.images.get(reference) {
            Some(digest) if fate != Fate::Unpullable && has_own_command => {
                Ok((digest.clone(), self.fates.of_command(image, moment)))
            }
            Some(digest) if fate != Fate::Unpullable => Ok((digest.clone(), fate)),
            _ => Err(format!(
                "{RETRIED} 1 time(s): failed to resolve ref {reference}: {reference}: not found"
            )),
        }
    }

    /// The state of an alarm at a moment; none of one that nobody has put into a state by then.
    pub(super) fn alarm(&self, name: &str, moment: Timestamp) -> Option<AlarmState> {
        let mut changes = self.alarms.get(name)?.iter();
        changes.rfind(|(at, _)| *at <= moment).map(|(_, state)| *state)
    }

    /// When an alarm first goes to ALARM after a moment.
    pub(super) fn goes_to_alarm(&self, name: &str, after: Timestamp) -> Option<Timestamp> {
        let mut changes = self.alarms.get(name)?.iter();
        let goes = changes.find(|(at, state)| *at > after && *state == AlarmState::Alarm);
        goes.map(|(at, _)| *at)
    }

    /// ECS's words on a task for which a secret cannot be read, if that is its fate.
    pub(super) fn unreadable_secret(&self, task: &Task, moment: Timestamp) -> Option<String> {
        let has_that_fate = |image: &str| self.fates.of(image, moment) == Fate::NoSecret;
        let container = task.containers.iter().find(|one| has_that_fate(&one.spec.image))?;
        let (partition, region, account) = place(&task.definition);
        let name = &container.spec.name;
        let secret = format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}");
        let role = self.roles.get(&task.definition).and_then(|arn| arn.rsplit('/').next());
        let role = role.unwrap_or("ecsTaskExecutionRole");
        Some(format!(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution \
             resource retrieval failed: unable to retrieve secret from asm: service call has been \
             retried 1 time(s): failed to fetch secret {secret} from secrets manager: operation \
             error Secrets Manager: GetSecretValue, https response error StatusCode: 400, api \
             error AccessDeniedException: User: arn:{partition}:sts::{account}:assumed-role/{role}/{} is \
             not authorized to perform: secretsmanager:GetSecretValue on resource: {secret} because \
             no identity-based policy allows the secretsmanager:GetSecretValue action",
            task.id
        ))
    }

    /// The role with which a revision's tasks cannot be started at a moment, if that is the fate of
    /// one of its images.
    pub(super) fn unassumable_role(
        &self,
        revision: &Revision,
        moment: Timestamp,
    ) -> Option<String> {
        let has_that_fate = |image: &str| self.fates.of(image, moment) == Fate::NoRole;
        revision.containers.iter().find(|one| has_that_fate(&one.image))?;
        let (partition, _, account) = place(&revision.task_definition);
        let made_up = || format!("arn:{partition}:iam::{account}:role/ecsTaskExecutionRole");
        Some(self.roles.get(&revision.task_definition).cloned().unwrap_or_else(made_up))
    }
}

/// The partition, the region and the account of an ARN.
fn place(arn: &str) -> (&str, &str, &str) {
    let mut parts = arn.split(':').skip(1);
    let (partition, _service) = (parts.next().unwrap_or_default(), parts.next());
    (partition, parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}
