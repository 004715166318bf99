//! Reading deployments: one by its number, the newest of an environment or a service, and those
//! that are not over.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    super::{Consistency, Index, Item, StoreError},
    DeploymentKey, Ledger, keys,
    pages::Question,
    records::{self, DeploymentRecord, EntryRecord, StepRecord},
};
use crate::model::{Deployment, DeploymentNumber, EnvironmentId, ProjectId, ServiceId};

/// How many deployments are read at once.
const READ_AT_ONCE: usize = 8;

/// Why a stored deployment is not whole.
#[derive(Debug, thiserror::Error)]
enum NotWhole {
    /// Its main record is gone.
    #[error("its main record is missing")]
    NoMain,
    /// Steps are gone, or there are too many.
    #[error("it has {found} of {expected} steps")]
    Steps {
        /// Steps in the store.
        found: usize,
        /// Steps it began with.
        expected: usize,
    },
}

impl Ledger {
    /// A deployment with its steps, as of now.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] when there is none with this number, and when the store
    /// cannot be used.
    pub async fn deployment(
        &self,
        project: &ProjectId,
        number: DeploymentNumber,
    ) -> Result<Deployment, StoreError> {
        let found = self.store.get(&keys::entry(project, number), Consistency::Strong).await?;
        let Some(item) = found else {
            let what = format!("deployment `{number}` of `{project}`");
            return Err(StoreError::NotFound { what });
        };
        let entry: EntryRecord = records::decode(&item)?;
        self.whole(DeploymentKey {
            project: project.clone(),
            environment: entry.environment,
            number,
        })
        .await
    }

    /// The newest deployments, newest first: of one environment or of all, and of one service or
    /// of any. However old they are, `limit` of them are found if there are so many. Of an
    /// environment, one begun a moment ago may be missing.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds one that this program cannot read.
    pub async fn history(
        &self,
        project: &ProjectId,
        environment: Option<&EnvironmentId>,
        service: Option<&ServiceId>,
        limit: usize,
    ) -> Result<Vec<Deployment>, StoreError> {
        let question = match environment {
            Some(id) => Question::newest_in(Index::First, keys::environment(project, id)),
            None => Question::newest(keys::entries(project)),
        };
        // A page is as large as the limit only where every entry on it counts.
        let question = if service.is_none() { question.paged_for(limit) } else { question };
        let read = |item: &Item| {
            let entry: EntryRecord = records::decode(item)?;
            let wanted = service.is_none_or(|service| entry.services.contains(service));
            Ok(wanted.then(|| DeploymentKey {
                project: project.clone(),
                environment: entry.environment,
                number: entry.number,
            }))
        };
        let keys = self.gather(question, limit, read).await?;
        self.whole_each(keys).await
    }

    /// The newest deployments of an environment, newest first and at most `limit`: their numbers, and
    /// the services they have steps for. One begun a moment ago may be missing.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds one that this program cannot read.
    pub async fn newest_of(
        &self,
        project: &ProjectId,
        environment: &EnvironmentId,
        limit: usize,
    ) -> Result<Vec<(DeploymentNumber, Vec<ServiceId>)>, StoreError> {
        let place = keys::environment(project, environment);
        let question = Question::newest_in(Index::First, place).paged_for(limit);
        let read = |item: &Item| {
            let entry: EntryRecord = records::decode(item)?;
            Ok(Some((entry.number, entry.services)))
        };
        self.gather(question, limit, read).await
    }

    /// Deployments of an environment with their steps, in the order in which they are asked for.
    ///
    /// # Errors
    /// Fails when one of them is not there, and when the store cannot be used.
    pub async fn deployments_of(
        &self,
        project: &ProjectId,
        environment: &EnvironmentId,
        numbers: &[DeploymentNumber],
    ) -> Result<Vec<Deployment>, StoreError> {
        let key = |number: &DeploymentNumber| DeploymentKey {
            project: project.clone(),
            environment: environment.clone(),
            number: *number,
        };
        self.whole_each(numbers.iter().map(key).collect()).await
    }

    /// The deployments that are not over, newest first. One begun a moment ago may be missing; the
    /// heads of its services tell of it at once.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or holds one that this program cannot read.
    pub async fn unfinished(&self, project: &ProjectId) -> Result<Vec<Deployment>, StoreError> {
        let question = Question::newest_in(Index::Second, keys::active(project));
        let read = |item: &Item| {
            let main: DeploymentRecord = records::decode(item)?;
            let (environment, number) = (main.environment, main.number);
            Ok(Some(DeploymentKey { project: project.clone(), environment, number }))
        };
        let keys = self.gather(question, usize::MAX, read).await?;
        let mut deployments = self.whole_each(keys).await?;
        // The index may lag; the deployments themselves were read as of now.
        deployments.retain(|deployment| !deployment.status.is_final());
        Ok(deployments)
    }

    /// Reads deployments with their steps, in the order of the keys.
    async fn whole_each(&self, keys: Vec<DeploymentKey>) -> Result<Vec<Deployment>, StoreError> {
        let reads = keys.into_iter().map(|key| self.whole(key));
        stream::iter(reads).buffered(READ_AT_ONCE).try_collect().await
    }

    /// Reads a deployment that is known to be there, with its steps.
    async fn whole(&self, key: DeploymentKey) -> Result<Deployment, StoreError> {
        let question = Question::all(keys::deployment_partition(&key), "");
        let parts = self.gather(question, usize::MAX, Part::read).await?;
        let (mut main, mut steps) = (None, Vec::new());
        for part in parts {
            match part {
                Part::Main(record) => main = Some(*record),
                Part::Step(record) => steps.push(record.step),
            }
        }
        let broken = |problem: NotWhole| records::damaged(key.to_string(), problem);
        let main = main.ok_or_else(|| broken(NotWhole::NoMain))?;
        if main.step_count != steps.len() {
            let (found, expected) = (steps.len(), main.step_count);
            return Err(broken(NotWhole::Steps { found, expected }));
        }
        Ok(main.join(steps))
    }
}

/// One record of a deployment's partition.
enum Part {
    /// The main record.
    Main(Box<DeploymentRecord>),
    /// A step; they come in their order.
    Step(Box<StepRecord>),
}

impl Part {
    /// Reads an item of the partition; others than these are passed over.
    fn read(item: &Item) -> Result<Option<Self>, StoreError> {
        let sk = item.key().sk();
        if sk == keys::META {
            return Ok(Some(Self::Main(Box::new(records::decode(item)?))));
        }
        if sk.starts_with(keys::STEPS) {
            return Ok(Some(Self::Step(Box::new(records::decode(item)?))));
        }
        Ok(None)
    }
}
