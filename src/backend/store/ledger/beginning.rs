//! How a deployment begins: whole, or not at all.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    super::{Condition, MAX_WRITES, StoreError, Write},
    DeploymentKey, Ledger,
    audit::News,
    contention::Contention,
    keys,
    lease::Lease,
    numbers::Counter,
    records::{self, DeploymentRecord, EntryRecord, StepRecord},
    timeline,
};
use crate::model::{
    Actor, Deployment, DeploymentKind, DeploymentNumber, DeploymentStatus, EnvironmentId,
    OnFailure, ProjectId, ReleaseNumber, Selection, ServiceId, Step, TimelineEntry,
};

/// Writes that begin a deployment beside its steps: the counter, the entry, the main record, the
/// lease, the first entry of its timeline, and two of the audit log.
const OTHER_WRITES: usize = 7;
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
    /// For how many seconds a complete rollout has to stay so until it is verified.
    pub settle_seconds: u64,
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
            settle_seconds: self.settle_seconds,
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

impl Ledger {
    /// Records a deployment before its first effect, as `RUNNING`, gives it its number, and names it
    /// in the lease.
    ///
    /// Up to 93 steps are written in the transaction that takes the number. More do not fit in one,
    /// so the number is taken first, then the steps are written, and last the records that make
    /// readers see the deployment: it is there whole or not at all.
    ///
    /// # Errors
    /// Fails with [`StoreError::LeaseLost`] when the lease is somebody else's by now, with
    /// [`StoreError::Invalid`] for two steps on one service, and when the store cannot be used.
    pub async fn start_deployment(
        &self,
        lease: &Lease,
        new: NewDeployment,
    ) -> Result<Deployment, StoreError> {
        new.check()?;
        let started = if new.steps.len() <= MAX_WRITES - OTHER_WRITES {
            self.start_at_once(lease, new).await
        } else {
            self.start_in_parts(lease, new).await
        };
        started.map_err(|error| lease.explain(error))
    }

    /// Begins a deployment in one transaction.
    async fn start_at_once(
        &self,
        lease: &Lease,
        new: NewDeployment,
    ) -> Result<Deployment, StoreError> {
        let mut contention = Contention::default();
        loop {
            let claim = self.claim(&new.project, Counter::Deployment).await?;
            let deployment = new.clone().numbered(DeploymentNumber(claim.number));
            let beginning = Beginning::of(deployment.clone(), lease)?;
            let mut writes = [beginning.steps, beginning.visible].concat();
            writes.push(claim.write);
            match self.transact_and_tell(lease.chain(), &[beginning.news], &writes).await {
                Ok(()) => return Ok(deployment),
                Err(error) if lease.is_lost_by(&error) => return Err(error),
                Err(error) => contention.after(error).await?,
            }
        }
    }

    /// Begins a deployment in as many transactions as its steps take.
    async fn start_in_parts(
        &self,
        lease: &Lease,
        new: NewDeployment,
    ) -> Result<Deployment, StoreError> {
        let number = self.take_number(&new.project, Counter::Deployment).await?;
        let deployment = new.numbered(DeploymentNumber(number));
        let beginning = Beginning::of(deployment.clone(), lease)?;
        for steps in beginning.steps.chunks(MAX_WRITES - 1) {
            let writes = [lease.check()].into_iter().chain(steps.iter().cloned());
            self.store.transact(writes.collect()).await?;
        }
        let (news, visible) = ([beginning.news], beginning.visible);
        self.transact_and_tell(lease.chain(), &news, &visible).await?;
        Ok(deployment)
    }
}

/// The writes that begin a deployment.
struct Beginning {
    /// Its steps.
    steps: Vec<Write>,
    /// What makes readers see it, under the lease.
    visible: Vec<Write>,
    /// What is told of it.
    news: News,
}

impl Beginning {
    /// The writes of a deployment, each of which fails when it is there already.
    fn of(deployment: Deployment, lease: &Lease) -> Result<Self, StoreError> {
        let key = DeploymentKey::of(&deployment);
        lease.check_covers(&key)?;
        let news = News::of("deployment.started", &deployment.actor, key.number.to_string())
            .detail(format!("{} of {}", deployment.release, deployment.selection))
            .reason(deployment.description.as_deref());
        let told = TimelineEntry { at: deployment.created_at, service: None, text: news.words() };
        let (mut main, steps) = DeploymentRecord::split(deployment);
        main.fence = Some(lease.fence());
        let services = steps.iter().map(|step| step.service.clone()).collect();
        let entry =
            EntryRecord { number: key.number, environment: key.environment.clone(), services };
        let entry = records::encode(&entry, Some(&keys::environment_entry(&key)))?;
        let main = records::encode(&main, Some(&keys::active_entry(&key)))?;
        let steps = steps.into_iter().enumerate().map(|(position, step)| {
            let place = keys::step(&key, position, &step.service);
            let attributes = records::encode(&StepRecord::new(position, step), None)?;
            Ok(Write::put(place, attributes).when(Condition::Absent))
        });
        Ok(Self {
            steps: steps.collect::<Result<_, StoreError>>()?,
            visible: vec![
                Write::put(keys::entry(&key.project, key.number), entry).when(Condition::Absent),
                Write::put(keys::deployment(&key), main).when(Condition::Absent),
                lease.naming(key.number),
                timeline::telling_one(&key, &told)?,
            ],
            news,
        })
    }
}
