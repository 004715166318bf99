//! Deployments: how they begin, and how they end.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    super::{Condition, Index, MAX_WRITES, StoreError, Write},
    DeploymentKey, Ledger,
    heads::HeadWrite,
    keys,
    numbers::Counter,
    records::{self, DeploymentRecord, EntryRecord, StepRecord},
};
use crate::model::{
    Actor, Deployment, DeploymentKind, DeploymentNumber, DeploymentStatus, EnvironmentId,
    OnFailure, ProjectId, ReleaseNumber, Selection, ServiceHead, ServiceId, Step,
};

/// Writes that begin a deployment beside its steps: the counter, the entry and the main record.
const OTHER_WRITES: usize = 3;
/// Most steps: their place has four digits in the keys.
const MOST_STEPS: usize = 10_000;

/// A deployment that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeployment {
    /// Its project.
    pub project: ProjectId,
    /// Where.
    pub environment: EnvironmentId,
    /// What was asked for.
    pub selection: Selection,
    /// What it makes the environment run.
    pub release: ReleaseNumber,
    /// What sort of change it is.
    pub kind: DeploymentKind,
    /// Who asked for it.
    pub actor: Actor,
    /// Why, in the words given.
    pub description: Option<String>,
    /// When, before the first effect.
    pub at: Timestamp,
    /// The version of this program.
    pub tool_version: String,
    /// What is done when a service fails.
    pub on_failure: OnFailure,
    /// What a rollback goes back from.
    pub from_release: Option<ReleaseNumber>,
    /// One step a service, in the order they are carried out.
    pub steps: Vec<Step>,
}

impl NewDeployment {
    /// The deployment with its number.
    fn numbered(self, number: DeploymentNumber) -> Deployment {
        Deployment {
            number,
            project: self.project,
            environment: self.environment,
            selection: self.selection,
            release: self.release,
            kind: self.kind,
            status: DeploymentStatus::Running,
            actor: self.actor,
            description: self.description,
            created_at: self.at,
            finished_at: None,
            tool_version: self.tool_version,
            on_failure: self.on_failure,
            from_release: self.from_release,
            cancel: None,
            steps: self.steps,
        }
    }

    /// Checks that the steps can be told apart.
    fn check(&self) -> Result<(), StoreError> {
        let services: BTreeSet<&ServiceId> = self.steps.iter().map(|step| &step.service).collect();
        if services.len() < self.steps.len() {
            return Err(StoreError::invalid("a deployment has two steps for one service"));
        }
        if self.steps.len() > MOST_STEPS {
            let reason = format!("a deployment has more than {MOST_STEPS} steps");
            return Err(StoreError::invalid(reason));
        }
        Ok(())
    }
}

/// How a deployment ends.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The status it must have now.
    pub expected: DeploymentStatus,
    /// The status it ends with.
    pub status: DeploymentStatus,
    /// When.
    pub at: Timestamp,
    /// The heads of the services it touched.
    pub heads: &'a [ServiceHead],
}

impl Ledger {
    /// Records a deployment before its first effect, as `RUNNING`, and gives it its number.
    ///
    /// Up to 97 steps are written in the transaction that takes the number. More do not fit in one,
    /// so the number is taken first, then the steps are written, and last the records that make
    /// readers see the deployment: it is there whole or not at all.
    ///
    /// # Errors
    /// Fails with [`StoreError::Invalid`] for two steps on one service, and when the store cannot
    /// be used.
    pub async fn start_deployment(&self, new: NewDeployment) -> Result<Deployment, StoreError> {
        new.check()?;
        if new.steps.len() <= MAX_WRITES - OTHER_WRITES {
            let begun = |number| new.clone().numbered(DeploymentNumber(number));
            let uses = |number| Beginning::of(begun(number)).map(Beginning::into_writes);
            let number = self.take_number(&new.project, Counter::Deployment, uses).await?;
            return Ok(begun(number));
        }
        let none = |_| Ok(Vec::new());
        let number = self.take_number(&new.project, Counter::Deployment, none).await?;
        let deployment = new.numbered(DeploymentNumber(number));
        let beginning = Beginning::of(deployment.clone())?;
        for steps in beginning.steps.chunks(MAX_WRITES) {
            self.store.transact(steps.to_vec()).await?;
        }
        self.store.transact(beginning.visible).await?;
        Ok(deployment)
    }

    /// Moves a deployment that goes on from one status to another, such as `RUNNING` to
    /// `INTERRUPTED` and back.
    ///
    /// # Errors
    /// Fails with [`StoreError::Conflict`] when it does not have the expected status, with
    /// [`StoreError::Invalid`] for a status that ends it, and when the store cannot be used.
    pub async fn change_status(
        &self,
        key: &DeploymentKey,
        expected: DeploymentStatus,
        status: DeploymentStatus,
    ) -> Result<(), StoreError> {
        if expected.is_final() || status.is_final() {
            let reason = format!(
                "a deployment does not go on from {} to {}",
                expected.as_str(),
                status.as_str()
            );
            return Err(StoreError::invalid(reason));
        }
        let set = Map::from_iter([("status".to_owned(), Value::from(status.as_str()))]);
        let write = main_update(key, expected, set, Vec::new());
        let done = self.store.transact(vec![write]).await;
        done.map_err(|error| explain(error, key, expected))
    }

    /// Ends a deployment: its status, the heads of its services, and its place among those that are
    /// not over, in one transaction. Gives the services whose heads were left as they are, since a
    /// newer deployment has touched them.
    ///
    /// More than 99 heads do not fit in one transaction. They are written first, each part only
    /// while the deployment has the expected status, and the status last: a process that dies in
    /// between leaves a deployment that is not over, to be ended again with the same heads.
    ///
    /// # Errors
    /// Fails with [`StoreError::Conflict`] when the deployment does not have the expected status,
    /// with [`StoreError::Invalid`] for a status that does not end it or heads of another
    /// deployment, and when the store cannot be used.
    pub async fn finish_deployment(
        &self,
        key: &DeploymentKey,
        ending: Ending<'_>,
    ) -> Result<Vec<ServiceId>, StoreError> {
        let Ending { expected, status, at, heads } = ending;
        if expected.is_final() || !status.is_final() {
            let reason = format!(
                "a deployment does not end from {} as {}",
                expected.as_str(),
                status.as_str()
            );
            return Err(StoreError::invalid(reason));
        }
        let set = Map::from_iter([
            ("status".to_owned(), Value::from(status.as_str())),
            ("finished_at".to_owned(), records::value(&at)?),
        ]);
        let active = [Index::Second.pk_attribute(), Index::Second.sk_attribute()];
        let last = main_update(key, expected, set, active.map(str::to_owned).to_vec());
        let check = Write::check(keys::deployment(key)).when(has_status(expected));
        let heads = HeadWrite::of_all(key, heads)?;
        let done = self.write_heads(heads, Some((&check, &last))).await;
        done.map_err(|error| explain(error, key, expected))
    }
}

/// The writes that begin a deployment.
struct Beginning {
    /// Its steps.
    steps: Vec<Write>,
    /// What makes readers see it.
    visible: Vec<Write>,
}

impl Beginning {
    /// The writes of a deployment, each of which fails when it is there already.
    fn of(deployment: Deployment) -> Result<Self, StoreError> {
        let key = DeploymentKey::of(&deployment);
        let (main, steps) = DeploymentRecord::split(deployment);
        let services = steps.iter().map(|step| step.service.clone()).collect();
        let entry =
            EntryRecord { number: key.number, environment: key.environment.clone(), services };
        let entry = records::encode(&entry, Some(&keys::environment_entry(&key)))?;
        let main = records::encode(&main, Some(&keys::active_entry(&key)))?;
        let steps = steps.into_iter().enumerate().map(|(position, step)| {
            let place = keys::step(&key, position, &step.service);
            let attributes = records::encode(&StepRecord { position, step }, None)?;
            Ok(Write::put(place, attributes).when(Condition::Absent))
        });
        Ok(Self {
            steps: steps.collect::<Result<_, StoreError>>()?,
            visible: vec![
                Write::put(keys::entry(&key.project, key.number), entry).when(Condition::Absent),
                Write::put(keys::deployment(&key), main).when(Condition::Absent),
            ],
        })
    }

    /// All of them.
    fn into_writes(self) -> Vec<Write> {
        [self.steps, self.visible].concat()
    }
}

/// That a deployment has a status.
fn has_status(status: DeploymentStatus) -> Condition {
    Condition::equals("status", status.as_str())
}

/// A change of a deployment's main record, while it has the expected status.
fn main_update(
    key: &DeploymentKey,
    expected: DeploymentStatus,
    set: Map<String, Value>,
    remove: Vec<String>,
) -> Write {
    Write::update(keys::deployment(key), set, remove)
        .when(has_status(expected))
        .when(records::known::<DeploymentRecord>())
}

/// Tells a conflict on a deployment's main record in words.
fn explain(error: StoreError, key: &DeploymentKey, expected: DeploymentStatus) -> StoreError {
    let place = keys::deployment(key);
    let Some(failed) = error.conflict().and_then(|conflict| conflict.on(&place)) else {
        return error;
    };
    let Some(found) = &failed.found else {
        return StoreError::NotFound { what: key.to_string() };
    };
    match records::decode::<DeploymentRecord>(found) {
        Err(unreadable) => unreadable,
        Ok(record) => {
            let (is, was) = (record.status.as_str(), expected.as_str());
            let reason = format!("{key} is {is}, not {was}");
            StoreError::conflicting(reason, vec![failed.clone()])
        }
    }
}
