//! The whole store, looked over: every item read as the record it should be, and every record held
//! against those that it names.
//!
//! It only reads, and reads while others may be writing: a flaw that is gone the next time was no
//! flaw.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{
    super::{Index, Item, Key, StoreError},
    AuditBreak, DeploymentKey, Ledger,
    audit::Chain,
    keys,
    records::{
        self, ArtifactRecord, AuditHead, Counters, DeploymentRecord, EntryRecord,
        FingerprintRecord, GuardRecord, HeadRecord, LabelItem, LeaseRecord, ManualRecord, Record,
        StepRecord,
    },
};
use crate::model::{
    AuditEvent, Deployment, EnvironmentId, Hold, ProjectId, Release, ServiceHead, TimelineEntry,
};

/// Items of a page of the walk.
const PAGE: usize = 500;

/// What sort of flaw it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// A record that cannot be read.
    Damaged,
    /// A record that a newer version of this program wrote.
    Newer,
    /// An item that is none of this program's records.
    Unknown,
    /// A record that is not where its content says.
    Misplaced,
    /// A step whose deployment is not there.
    StepWithoutDeployment,
    /// A deployment that has more or fewer steps than it says.
    StepsLost,
    /// An entry whose deployment is not there.
    EntryWithoutDeployment,
    /// A deployment that its number does not lead to.
    DeploymentWithoutEntry,
    /// A deployment, or a fingerprint, whose release is not there.
    ReleaseMissing,
    /// A head of a deployment that is not there.
    HeadWithoutDeployment,
    /// A deployment that is over and still listed as active, or the other way round.
    WronglyListed,
    /// A counter behind a number that was given.
    CounterBehind,
    /// An entry of the audit log that is missing, or is not as it was written.
    AuditBroken,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The item, as `pk/sk`.
    pub item: String,
    /// What sort of flaw it is.
    pub flaw: Flaw,
    /// What is wrong, as a sentence without its end.
    pub detail: String,
}

/// What a store was found to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Examined {
    /// How many items there are.
    pub items: usize,
    /// How many records there are of each type.
    pub records: BTreeMap<String, usize>,
    /// What is not as it should be, by item.
    pub findings: Vec<Finding>,
}

impl Ledger {
    /// Looks over the whole store, all projects in it.
    ///
    /// # Errors
    /// Fails when the store cannot be used. Whatever is wrong in it is told, and is no failure.
    pub async fn examine(&self) -> Result<Examined, StoreError> {
        let mut survey = Survey::default();
        let mut after = None;
        loop {
            let page = self.store.scan(PAGE, after.as_ref()).await?;
            for item in &page.items {
                survey.take(item);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        for (project, environment) in std::mem::take(&mut survey.chains) {
            let chain = Chain { project: &project, environment: environment.as_ref() };
            for broken in self.breaks_of(chain).await? {
                let key = keys::audit_event(&project, environment.as_ref(), broken.number);
                survey.find(&key, Flaw::AuditBroken, broken.to_string());
            }
        }
        Ok(survey.conclude())
    }

    /// The breaks of an audit chain. One with an entry that cannot be read, which is a finding of
    /// its own, is not followed.
    async fn breaks_of(&self, chain: Chain<'_>) -> Result<Vec<AuditBreak>, StoreError> {
        match self.verify_chain(chain).await {
            Err(StoreError::Damaged { .. } | StoreError::NewerSchema { .. }) => Ok(Vec::new()),
            done => done,
        }
    }
}

/// A project's number, of a release or a deployment.
type Numbered = (String, u64);

/// What was seen so far.
#[derive(Debug, Default)]
struct Survey {
    /// What is known already.
    examined: Examined,
    /// The deployments, by their partition.
    deployments: BTreeMap<String, Deployment>,
    /// How many steps there are, by their partition, with the key of one.
    steps: BTreeMap<String, (usize, Key)>,
    /// How many steps each deployment says it has, by partition.
    step_counts: BTreeMap<String, usize>,
    /// The entries of deployments: their own key, and the partition they lead to.
    entries: BTreeMap<Key, String>,
    /// The releases.
    releases: BTreeSet<Numbered>,
    /// What names a release.
    of_releases: Vec<(Key, Numbered)>,
    /// What names a deployment of an environment: its key, and that deployment's partition.
    of_deployments: Vec<(Key, String)>,
    /// The counters, by project: of releases and of deployments.
    counters: BTreeMap<String, Counters>,
    /// The audit chains there are.
    chains: BTreeSet<(ProjectId, Option<EnvironmentId>)>,
}

/// The project that a key is of.
fn project_of(key: &Key) -> String {
    key.pk().split('#').nth(1).unwrap_or_default().to_owned()
}

impl Survey {
    /// Takes down a flaw.
    fn find(&mut self, key: &Key, flaw: Flaw, detail: impl Into<String>) {
        let finding = Finding { item: key.to_string(), flaw, detail: detail.into() };
        self.examined.findings.push(finding);
    }

    /// Reads an item as the record it should be; takes down why it cannot be.
    fn decode<R: Record>(&mut self, item: &Item) -> Option<R> {
        match records::decode(item) {
            Ok(record) => Some(record),
            Err(error) => {
                let flaw = match &error {
                    StoreError::NewerSchema { .. } => Flaw::Newer,
                    _ => Flaw::Damaged,
                };
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                self.find(item.key(), flaw, cause.unwrap_or_else(|| error.to_string()));
                None
            }
        }
    }

    /// Takes an item in.
    fn take(&mut self, item: &Item) {
        self.examined.items += 1;
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind {
            Counters::TYPE => self.take_counters(item),
            FingerprintRecord::TYPE => self.take_fingerprint(item),
            LabelItem::TYPE => drop(self.decode::<LabelItem>(item)),
            ArtifactRecord::TYPE => drop(self.decode::<ArtifactRecord>(item)),
            GuardRecord::TYPE => drop(self.decode::<GuardRecord>(item)),
            LeaseRecord::TYPE => drop(self.decode::<LeaseRecord>(item)),
            ManualRecord::TYPE => drop(self.decode::<ManualRecord>(item)),
            Hold::TYPE => drop(self.decode::<Hold>(item)),
            AuditEvent::TYPE => {
                drop(self.decode::<AuditEvent>(item));
                self.take_chain(item.key());
            }
            AuditHead::TYPE => {
                drop(self.decode::<AuditHead>(item));
                self.take_chain(item.key());
            }
            TimelineEntry::TYPE => drop(self.decode::<TimelineEntry>(item)),
            Release::TYPE => self.take_release(item),
            EntryRecord::TYPE => self.take_entry(item),
            DeploymentRecord::TYPE => self.take_deployment(item),
            StepRecord::TYPE => self.take_step(item),
            HeadRecord::TYPE => self.take_head(item),
            other => {
                let detail = format!("its type `{other}` is none that this version knows");
                self.find(item.key(), Flaw::Unknown, detail);
                return;
            }
        }
        *self.examined.records.entry(kind.to_owned()).or_default() += 1;
    }

    /// Takes down which audit chain an entry, or an end, is of.
    fn take_chain(&mut self, key: &Key) {
        let pk = key.pk().trim_end_matches("#AUD");
        let environment = pk.split_once("#E#").and_then(|(_, id)| EnvironmentId::new(id).ok());
        let Ok(project) = ProjectId::new(project_of(key)) else { return };
        self.chains.insert((project, environment));
    }

    /// Takes a project's counters in.
    fn take_counters(&mut self, item: &Item) {
        let Some(counters) = self.decode(item) else { return };
        self.counters.insert(project_of(item.key()), counters);
    }

    /// Takes the fingerprint of a release in.
    fn take_fingerprint(&mut self, item: &Item) {
        let Some(record): Option<FingerprintRecord> = self.decode(item) else { return };
        self.of_releases.push((item.key().clone(), (project_of(item.key()), record.release.0)));
    }

    /// Takes a release in.
    fn take_release(&mut self, item: &Item) {
        let Some(release): Option<Release> = self.decode(item) else { return };
        self.check_place(item, &keys::release(&release.project, release.number));
        self.releases.insert((release.project.to_string(), release.number.0));
    }

    /// Takes the entry of a deployment in.
    fn take_entry(&mut self, item: &Item) {
        let Some(record): Option<EntryRecord> = self.decode(item) else { return };
        let Ok(project) = ProjectId::new(project_of(item.key())) else { return };
        self.check_place(item, &keys::entry(&project, record.number));
        let (environment, number) = (record.environment, record.number);
        let deployment = DeploymentKey { project, environment, number };
        self.entries.insert(item.key().clone(), keys::deployment_partition(&deployment));
    }

    /// Takes a deployment in.
    fn take_deployment(&mut self, item: &Item) {
        let Some(record): Option<DeploymentRecord> = self.decode(item) else { return };
        let step_count = record.step_count;
        let deployment = record.join(Vec::new());
        let key = DeploymentKey::of(&deployment);
        self.check_place(item, &keys::deployment(&key));
        let is_listed = item.get(Index::Second.pk_attribute()).is_some();
        if is_listed == deployment.status.is_final() {
            let (is, listed) = if is_listed { ("over", "still") } else { ("not over", "not") };
            let detail = format!("it is {is} and {listed} listed as active");
            self.find(item.key(), Flaw::WronglyListed, detail);
        }
        let release = (deployment.project.to_string(), deployment.release.0);
        self.of_releases.push((item.key().clone(), release));
        self.step_counts.insert(item.key().pk().to_owned(), step_count);
        self.deployments.insert(item.key().pk().to_owned(), deployment);
    }

    /// Takes a step in.
    fn take_step(&mut self, item: &Item) {
        drop(self.decode::<StepRecord>(item));
        let key = item.key();
        let steps = self.steps.entry(key.pk().to_owned()).or_insert_with(|| (0, key.clone()));
        steps.0 += 1;
    }

    /// Takes the head of a service in.
    fn take_head(&mut self, item: &Item) {
        let Some(record): Option<HeadRecord> = self.decode(item) else { return };
        let head = ServiceHead::from(record);
        let partition = |number: u64| format!("{}#D#{number}", item.key().pk());
        let verified = head.verified.map(|verified| verified.deployment.0);
        let task = head.before_task.map(|number| number.0);
        let named: BTreeSet<u64> =
            verified.into_iter().chain(task).chain([head.deployment.0]).collect();
        let named = named.into_iter().map(|number| (item.key().clone(), partition(number)));
        self.of_deployments.extend(named);
    }

    /// Checks that a record is where its content says.
    fn check_place(&mut self, item: &Item, place: &Key) {
        if item.key() != place {
            self.find(item.key(), Flaw::Misplaced, format!("its content belongs at `{place}`"));
        }
    }

    /// Holds the records against each other.
    fn conclude(mut self) -> Examined {
        self.hold_steps();
        self.hold_entries();
        self.hold_releases();
        self.hold_heads();
        self.hold_counters();
        self.examined.findings.sort();
        self.examined
    }

    /// Steps and their deployments.
    fn hold_steps(&mut self) {
        let lost: Vec<Key> = self
            .steps
            .iter()
            .filter(|(partition, _)| !self.deployments.contains_key(*partition))
            .map(|(_, (_, key))| key.clone())
            .collect();
        for key in lost {
            let detail = "its deployment is not there: its beginning broke off, or it was removed";
            self.find(&key, Flaw::StepWithoutDeployment, detail);
        }
        for (partition, wanted) in std::mem::take(&mut self.step_counts) {
            let found = self.steps.get(&partition).map_or(0, |(count, _)| *count);
            if found != wanted {
                let detail = format!("it has {found} steps, and says that it has {wanted}");
                self.find(&Key::new(partition, keys::META), Flaw::StepsLost, detail);
            }
        }
    }

    /// Deployments and the entries that lead to them.
    fn hold_entries(&mut self) {
        let mut led_to = BTreeSet::new();
        for (key, partition) in std::mem::take(&mut self.entries) {
            if !self.deployments.contains_key(&partition) {
                let detail = format!("there is no deployment at `{partition}`");
                self.find(&key, Flaw::EntryWithoutDeployment, detail);
            }
            led_to.insert(partition);
        }
        let lost: Vec<String> =
            self.deployments.keys().filter(|pk| !led_to.contains(*pk)).cloned().collect();
        for partition in lost {
            let detail = "its number does not lead to it, so that `history` does not have it";
            self.find(&Key::new(partition, keys::META), Flaw::DeploymentWithoutEntry, detail);
        }
    }

    /// Releases and what names them.
    fn hold_releases(&mut self) {
        for (key, release) in std::mem::take(&mut self.of_releases) {
            if !self.releases.contains(&release) {
                let detail = format!("its release `r{}` is not there", release.1);
                self.find(&key, Flaw::ReleaseMissing, detail);
            }
        }
    }

    /// Heads and their deployments.
    fn hold_heads(&mut self) {
        for (key, partition) in std::mem::take(&mut self.of_deployments) {
            if !self.deployments.contains_key(&partition) {
                let number = partition.rsplit('#').next().unwrap_or_default();
                let detail = format!("its deployment `d{number}` is not there");
                self.find(&key, Flaw::HeadWithoutDeployment, detail);
            }
        }
    }

    /// Counters and the numbers that were given.
    fn hold_counters(&mut self) {
        let deployments = self.deployments.values();
        let deployments = greatest(deployments.map(|d| (d.project.to_string(), d.number.0)));
        let releases = greatest(self.releases.iter().cloned());
        let counters = std::mem::take(&mut self.counters);
        let of = |project: &str, count: fn(&Counters) -> Option<u64>| {
            counters.get(project).and_then(count).unwrap_or_default()
        };
        let behind = releases
            .iter()
            .map(|(project, last)| (project, 'r', *last, of(project, |c| c.release)))
            .chain(
                deployments
                    .iter()
                    .map(|(project, last)| (project, 'd', *last, of(project, |c| c.deployment))),
            )
            .filter(|(_, _, last, counted)| counted < last);
        let behind: Vec<_> = behind.map(|(p, kind, last, n)| (p.clone(), kind, last, n)).collect();
        for (project, kind, last, counted) in behind {
            let detail = format!("it stands at {counted}, and `{kind}{last}` was given");
            self.find(&Key::new(format!("P#{project}"), "CTR"), Flaw::CounterBehind, detail);
        }
    }
}

/// The greatest number of each project.
fn greatest(numbers: impl Iterator<Item = Numbered>) -> BTreeMap<String, u64> {
    let mut greatest = BTreeMap::new();
    for (project, number) in numbers {
        let last: &mut u64 = greatest.entry(project).or_default();
        *last = number.max(*last);
    }
    greatest
}
