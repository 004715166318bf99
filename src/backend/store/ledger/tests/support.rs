//! Records to test with, made up and arbitrary.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::{
    backend::store::{
        Consistency, Cursor, IndexQuery, Item, Key, Ledger, Page, Query, SqliteStore, Store,
        StoreError, Write,
        ledger::{Acquired, Lease, LockRequest, NewDeployment, NewRelease},
    },
    model::{
        Actor, BeforeTask, CiJob, Compensation, ContainerExit, ContainerName, DeploymentKind,
        DeploymentNumber, Digest, EcsDeploymentId, EcsServiceName, EnvironmentId, Evidence,
        HeldLock, ImageId, ImageUri, LabelRecord, OnFailure, ProcessId, ProjectId, ReleaseHash,
        ReleaseNumber, ReleasedImage, RollbackCause, RunTask, Seen, SeenTasks, Selection,
        ServiceEvent, ServiceHead, ServiceId, Step, StepBefore, StepStatus, StepTarget,
        StoppedTask, TaskDefinitionArn, Verdict, VerifiedHead,
    },
};

/// A ledger in a file of its own, with a clock that stands still until it is set.
pub(super) struct Place {
    /// The folder, which lives as long as this.
    pub(super) folder: TempDir,
    /// The store.
    pub(super) store: SqliteStore,
    /// The ledger in it.
    pub(super) ledger: Ledger,
    /// The clock of the store, [`time`] 0 at first.
    pub(super) clock: Clock,
    /// A lease of all of prod.
    pub(super) lease: Lease,
}

impl Place {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
        let clock = Clock(Arc::new(Mutex::new(time(0))));
        let ledger = clock.over(store.clone());
        let lease = lease(&ledger, "prod").await;
        Self { folder, store, ledger, clock, lease }
    }

    /// The ledger over another connection, as another process has it.
    pub(super) async fn another(&self) -> Ledger {
        let store = SqliteStore::open(self.folder.path().join("store.db")).await.unwrap();
        self.clock.over(store)
    }

    /// A ledger whose process dies before its transaction after the first so many.
    pub(super) fn dying_after(&self, transactions: usize) -> Ledger {
        let left = Some(AtomicUsize::new(transactions));
        Ledger::new(Arc::new(Watched { left, ..self.clock.watched(self.store.clone()) }))
    }

    /// A ledger, and how many writes each of its transactions had.
    pub(super) fn counted(&self) -> (Ledger, Arc<Mutex<Vec<usize>>>) {
        let watched = self.clock.watched(self.store.clone());
        let sizes = watched.sizes.clone();
        (Ledger::new(Arc::new(watched)), sizes)
    }

    /// The stored attributes of an item.
    pub(super) async fn stored(&self, key: &Key) -> Map<String, Value> {
        let found = self.store.get(key, Consistency::Strong).await.unwrap();
        found.unwrap_or_else(|| panic!("there is no {key}")).into_attributes()
    }

    /// Changes an item behind the ledger's back, as a program of another age would.
    pub(super) async fn change(&self, key: &Key, change: impl FnOnce(&mut Map<String, Value>)) {
        let mut attributes = self.stored(key).await;
        change(&mut attributes);
        self.store.transact(vec![Write::put(key.clone(), attributes)]).await.unwrap();
    }
}

/// What a test asks a lease with.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    /// Where.
    pub(super) environment: EnvironmentId,
    /// Of what.
    pub(super) selection: Selection,
    /// The services of it.
    pub(super) services: BTreeSet<ServiceId>,
    /// Who asks.
    pub(super) by: Actor,
    /// With which process.
    pub(super) process: Option<ProcessId>,
    /// Which process is gone.
    pub(super) gone: Option<ProcessId>,
    /// The deployment whose lease need not be over.
    pub(super) preempt: Option<DeploymentNumber>,
}

impl Asking {
    /// For all of an environment.
    pub(super) fn all(environment: &str) -> Self {
        Self {
            environment: environment.parse().unwrap(),
            selection: Selection::All,
            services: BTreeSet::new(),
            by: actor(),
            process: None,
            gone: None,
            preempt: None,
        }
    }

    /// For a set of services, or for one of them where there is one.
    pub(super) fn of(environment: &str, name: &str, services: &[&str]) -> Self {
        let selection = match services {
            [one] if *one == name => Selection::Service(name.parse().unwrap()),
            _ => Selection::Set(name.parse().unwrap()),
        };
        let services = services.iter().map(|service| service.parse().unwrap()).collect();
        Self { selection, services, ..Self::all(environment) }
    }

    /// By somebody else.
    pub(super) fn by(self, name: &str) -> Self {
        Self { by: Actor { name: name.to_owned(), ..Actor::default() }, ..self }
    }

    /// Asks.
    pub(super) async fn ask(&self, ledger: &Ledger) -> Acquired {
        let is_gone = |process: &ProcessId| self.gone.as_ref() == Some(process);
        let request = LockRequest {
            project: &project(),
            environment: &self.environment,
            selection: &self.selection,
            services: &self.services,
            by: &self.by,
            process: self.process.as_ref(),
            reason: Some("a test"),
            is_gone: &is_gone,
            preempt: self.preempt,
        };
        ledger.acquire(&request).await.unwrap()
    }

    /// Asks, and is given the lease.
    pub(super) async fn take(&self, ledger: &Ledger) -> Lease {
        match self.ask(ledger).await {
            Acquired::Lease(lease) => lease,
            Acquired::Held(held) => panic!("{} is held: {held:?}", self.environment),
        }
    }

    /// Asks, and is told who holds what.
    pub(super) async fn meet(&self, ledger: &Ledger) -> Vec<HeldLock> {
        match self.ask(ledger).await {
            Acquired::Held(held) => held,
            Acquired::Lease(lease) => panic!("{lease:?} was given"),
        }
    }
}

/// A lease of a whole environment.
pub(super) async fn lease(ledger: &Ledger, environment: &str) -> Lease {
    Asking::all(environment).take(ledger).await
}

/// A clock that is set by hand.
#[derive(Debug, Clone)]
pub(super) struct Clock(Arc<Mutex<Timestamp>>);

impl Clock {
    /// Sets it to so many seconds after [`time`] 0.
    pub(super) fn set(&self, second: i64) {
        *self.0.lock().unwrap() = time(second);
    }

    /// A ledger with this clock.
    fn over(&self, store: SqliteStore) -> Ledger {
        Ledger::new(Arc::new(self.watched(store)))
    }

    /// A store with this clock.
    fn watched(&self, store: SqliteStore) -> Watched {
        Watched { store, clock: self.clone(), left: None, sizes: Arc::default() }
    }
}

/// A store with a clock of its own that counts its transactions, and may die after some.
#[derive(Debug)]
struct Watched {
    store: SqliteStore,
    clock: Clock,
    /// How many more transactions it answers, if that is limited.
    left: Option<AtomicUsize>,
    /// How many writes each transaction had.
    sizes: Arc<Mutex<Vec<usize>>>,
}

#[async_trait]
impl Store for Watched {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.store.get(key, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.store.query(query).await
    }

    async fn query_index(&self, query: &IndexQuery) -> Result<Page, StoreError> {
        self.store.query_index(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        if let Some(left) = &self.left {
            let before = left.load(Ordering::SeqCst);
            if before == 0 {
                return Err(StoreError::Unavailable {
                    store: "test".to_owned(),
                    problem: "the process is dead".to_owned(),
                    hint: String::new(),
                    source: "dead".into(),
                });
            }
            left.store(before - 1, Ordering::SeqCst);
        }
        self.sizes.lock().unwrap().push(writes.len());
        self.store.transact(writes).await
    }

    async fn scan(&self, limit: usize, after: Option<&Cursor>) -> Result<Page, StoreError> {
        self.store.scan(limit, after).await
    }

    fn now(&self) -> Timestamp {
        *self.clock.0.lock().unwrap()
    }
}

pub(super) fn project() -> ProjectId {
    ProjectId::new("cat").unwrap()
}

pub(super) fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn image(tag: &str) -> ReleasedImage {
    let uri = ImageUri::parse(format!("example.com/app:{tag}")).unwrap();
    ReleasedImage { digest: Some(digest()), release_hash: uri.release_hash(), uri }
}

pub(super) fn images(tag: &str) -> BTreeMap<ImageId, ReleasedImage> {
    BTreeMap::from([(ImageId::new("app").unwrap(), image(tag))])
}

fn digest() -> Digest {
    Digest::parse(&format!("sha256:{}", "0f".repeat(32))).unwrap()
}

pub(super) fn arn(revision: u32) -> TaskDefinitionArn {
    let text = format!("arn:aws:ecs:eu-west-1:000000000000:task-definition/web:{revision}");
    TaskDefinitionArn::parse(&text).unwrap()
}

pub(super) fn actor() -> Actor {
    Actor {
        name: "Bob Beardly <bob@beardcorp.com>".to_owned(),
        arn: None,
        host: Some("laptop".to_owned()),
        ci: Some(CiJob { system: "GitHub Actions".to_owned(), url: None }),
    }
}

pub(super) fn new_release(tag: &str) -> NewRelease {
    NewRelease {
        project: project(),
        selection: Selection::All,
        images: images(tag),
        actor: actor(),
        description: Some(format!("for {tag}")),
        at: time(0),
    }
}

pub(super) fn new_deployment(environment: &str, steps: Vec<Step>) -> NewDeployment {
    NewDeployment {
        project: project(),
        environment: environment.parse().unwrap(),
        selection: Selection::All,
        release: ReleaseNumber(1),
        kind: DeploymentKind::Deploy,
        actor: actor(),
        description: None,
        at: time(0),
        tool_version: "0.1.0".to_owned(),
        on_failure: OnFailure::Hold,
        settle_seconds: 120,
        from_release: None,
        steps,
    }
}

/// A step that was not begun.
pub(super) fn step(service: &str) -> Step {
    let image_id = ImageId::new("app").unwrap();
    let target = StepTarget {
        cluster: "main".parse().unwrap(),
        ecs_service: EcsServiceName::new(service).unwrap(),
        containers: BTreeMap::from([(ContainerName::new("app").unwrap(), image_id.clone())]),
        images: BTreeMap::from([(image_id, image("v2").uri)]),
        enable_circuit_breaker: false,
    };
    Step::new(service.parse().unwrap(), target, StepBefore::default())
}

/// Steps for `s0`, `s1` and so on.
pub(super) fn steps(count: usize) -> Vec<Step> {
    (0..count).map(|n| step(&format!("s{n}"))).collect()
}

/// What was there before a step.
pub(super) fn before() -> StepBefore {
    StepBefore {
        latest: None,
        task_definition: Some(arn(1)),
        ecs_deployment: Some(EcsDeploymentId::new("ecs-svc/1")),
        parameters: BTreeMap::from([(ImageId::new("app").unwrap(), None)]),
        digests: BTreeMap::new(),
        release_hashes: BTreeMap::from([(ImageId::new("app").unwrap(), ReleaseHash::new("v1"))]),
    }
}

/// A step with every member.
pub(in super::super) fn full_step(service: &str) -> Step {
    Step {
        status: StepStatus::Failed,
        before: before(),
        digests: BTreeMap::new(),
        task_definition: Some(arn(2)),
        registered: true,
        ecs_deployment: Some(EcsDeploymentId::new("ecs-svc/2")),
        verdict: Some(Verdict::Failed { reason: "it crashed".to_owned() }),
        note: Some("nothing runs".to_owned()),
        evidence: Some(Evidence::default()),
        started_at: Some(time(1)),
        finished_at: Some(time(2)),
        compensation: Some(Compensation { before: before(), ..Compensation::default() }),
        seen: Some(Seen {
            at: time(2),
            task_definition: Some(arn(2)),
            desired: 2,
            tasks: vec![SeenTasks { task_definition: Some(arn(1)), running: 2, left_over: false }],
        }),
        before_task: Some(BeforeTask::new(RunTask {
            command: vec!["migrate".to_owned()],
            container: ContainerName::new("web").unwrap(),
            timeout_seconds: 60,
        })),
        ..step(service)
    }
}

/// The head of a service after an attempt that did not get far.
pub(super) fn head(service: &str, deployment: u64) -> ServiceHead {
    ServiceHead {
        service: service.parse().unwrap(),
        deployment: crate::model::DeploymentNumber(deployment),
        release: ReleaseNumber(deployment),
        status: StepStatus::Intent,
        before: Some(arn(1)),
        task_definition: None,
        ecs_deployment: None,
        verdict: None,
        images: images("v2"),
        at: time(1),
        verified: None,
        before_task: None,
    }
}

/// The head of a service that a deployment verified.
pub(super) fn verified_head(service: &str, deployment: u64) -> ServiceHead {
    let attempt = head(service, deployment);
    ServiceHead {
        status: StepStatus::Verified,
        task_definition: Some(arn(2)),
        verdict: Some(Verdict::Verified),
        verified: Some(VerifiedHead {
            deployment: attempt.deployment,
            release: attempt.release,
            task_definition: arn(2),
            ecs_deployment: Some(EcsDeploymentId::new("ecs-svc/2")),
            images: attempt.images.clone(),
            at: time(2),
        }),
        ..attempt
    }
}

pub(super) fn label_record(tag: &str, second: i64) -> LabelRecord {
    let ReleasedImage { uri, digest, release_hash } = image(tag);
    LabelRecord { uri, digest, release_hash, by: actor(), at: time(second) }
}

fn moments() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_i64, 0..1_000_000_000_i32)
        .prop_map(|(second, nano)| Timestamp::new(second, nano).unwrap())
}

fn digests() -> impl Strategy<Value = Digest> {
    "[0-9a-f]{64}".prop_map(|hex| Digest::parse(&format!("sha256:{hex}")).unwrap())
}

fn released_images() -> impl Strategy<Value = BTreeMap<ImageId, ReleasedImage>> {
    let image = ("[a-z]{1,8}(/[a-z]{1,8})?:[a-z0-9]{1,12}", prop::option::of(digests()), ".*")
        .prop_map(|(uri, digest, hash)| ReleasedImage {
            uri: ImageUri::parse(uri).unwrap(),
            digest,
            release_hash: ReleaseHash::new(hash),
        });
    prop::collection::btree_map(
        "[A-Za-z0-9_.-]{1,20}".prop_map(|id| id.parse().unwrap()),
        image,
        0..4,
    )
}

fn actors() -> impl Strategy<Value = Actor> {
    let ci = (".*", prop::option::of(".*")).prop_map(|(system, url)| CiJob { system, url });
    (".*", prop::option::of(".*"), prop::option::of(".*"), prop::option::of(ci))
        .prop_map(|(name, arn, host, ci)| Actor { name, arn, host, ci })
}

fn arns() -> impl Strategy<Value = TaskDefinitionArn> {
    (1..u32::MAX).prop_map(arn)
}

fn ecs_deployments() -> impl Strategy<Value = EcsDeploymentId> {
    any::<u64>().prop_map(|number| EcsDeploymentId::new(format!("ecs-svc/{number}")))
}

fn selections() -> impl Strategy<Value = Selection> {
    prop_oneof![
        Just(Selection::All),
        "[b-z]{1,8}".prop_map(|id| Selection::Set(id.parse().unwrap())),
        "[b-z]{1,8}".prop_map(|id| Selection::Service(id.parse().unwrap())),
    ]
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Verified),
        ".*".prop_map(|reason| Verdict::Failed { reason }),
        (prop::option::of(arns()), ".*").prop_map(|(to, reason)| Verdict::RolledBack {
            to,
            reason,
            cause: RollbackCause::Alarm
        }),
        ".*".prop_map(|reason| Verdict::Stopped { reason }),
        prop::option::of(arns()).prop_map(|task_definition| Verdict::Drifted { task_definition }),
        ".*".prop_map(|reason| Verdict::NoDeployment { reason }),
        ".*".prop_map(|reason| Verdict::RollbackFailed { reason }),
        (prop::option::of(ecs_deployments()), prop::option::of(arns()))
            .prop_map(|(by, task_definition)| Verdict::superseded(by, task_definition)),
        (any::<u64>(), ".*")
            .prop_map(|(seconds, last_seen)| Verdict::TimedOut { seconds, last_seen }),
        ".*".prop_map(|reason| Verdict::NotStarted { reason }),
        ".*".prop_map(|reason| Verdict::Unknown { reason }),
    ]
}

fn evidence() -> impl Strategy<Value = Evidence> {
    let event =
        (".*", moments(), ".*").prop_map(|(id, at, message)| ServiceEvent { id, at, message });
    let exit =
        (".*", prop::option::of(any::<i32>()), ".*").prop_map(|(name, exit_code, reason)| {
            ContainerExit { name, exit_code, reason, ..ContainerExit::default() }
        });
    let task = (".*", ".*", ".*", prop::collection::vec(exit, 0..3)).prop_map(
        |(id, stop_code, stopped_reason, containers)| StoppedTask {
            id,
            stop_code,
            stopped_reason,
            containers,
            ..StoppedTask::default()
        },
    );
    (prop::collection::vec(event, 0..3), prop::collection::vec(task, 0..3)).prop_map(
        |(events, stopped_tasks)| Evidence { events, stopped_tasks, ..Evidence::default() },
    )
}

fn statuses() -> impl Strategy<Value = StepStatus> {
    prop::sample::select(vec![
        StepStatus::Pending,
        StepStatus::Intent,
        StepStatus::Applied,
        StepStatus::Verified,
        StepStatus::Skipped,
        StepStatus::Failed,
    ])
}

fn befores() -> impl Strategy<Value = StepBefore> {
    let parameters = prop::collection::btree_map(
        "[a-z]{1,8}".prop_map(|id| id.parse().unwrap()),
        prop::option::of(".*"),
        0..3,
    );
    (prop::option::of(arns()), prop::option::of(ecs_deployments()), parameters).prop_map(
        |(task_definition, ecs_deployment, parameters)| StepBefore {
            latest: None,
            task_definition,
            ecs_deployment,
            parameters,
            digests: BTreeMap::new(),
            release_hashes: BTreeMap::new(),
        },
    )
}

/// Any step of the service `web`.
pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let progress = (statuses(), befores(), prop::option::of(arns()), any::<bool>());
    let outcome = (prop::option::of(ecs_deployments()), prop::option::of(verdicts()));
    let ending =
        (prop::option::of(evidence()), prop::option::of(moments()), prop::option::of(moments()));
    (progress, outcome, ending).prop_map(
        |(
            (status, before, task_definition, registered),
            (ecs_deployment, verdict),
            (evidence, started_at, finished_at),
        )| Step {
            status,
            before,
            task_definition,
            registered,
            ecs_deployment,
            verdict,
            evidence,
            started_at,
            finished_at,
            ..step("web")
        },
    )
}

/// Any release to be.
pub(super) fn any_new_release() -> impl Strategy<Value = NewRelease> {
    (selections(), released_images(), actors(), prop::option::of(".*"), moments()).prop_map(
        |(selection, images, actor, description, at)| NewRelease {
            project: project(),
            selection,
            images,
            actor,
            description,
            at,
        },
    )
}

/// Any head of the service `web`.
pub(super) fn any_head() -> impl Strategy<Value = ServiceHead> {
    let attempt = (statuses(), prop::option::of(arns()), prop::option::of(ecs_deployments()));
    let verified = (arns(), prop::option::of(ecs_deployments()), released_images(), moments())
        .prop_map(|(task_definition, ecs_deployment, images, at)| VerifiedHead {
            deployment: crate::model::DeploymentNumber(7),
            release: ReleaseNumber(3),
            task_definition,
            ecs_deployment,
            images,
            at,
        });
    let rest = (prop::option::of(verdicts()), released_images(), moments());
    let task = prop::option::of((1_u64..9).prop_map(crate::model::DeploymentNumber));
    (attempt, rest, (prop::option::of(verified), task)).prop_map(
        |((status, before, ecs_deployment), (verdict, images, at), (verified, before_task))| {
            ServiceHead {
                status,
                before,
                ecs_deployment,
                verdict,
                images,
                at,
                verified,
                before_task,
                ..head("web", 7)
            }
        },
    )
}

/// Any record of a label.
pub(super) fn any_label_record() -> impl Strategy<Value = LabelRecord> {
    (prop::option::of(digests()), ".*", actors(), moments()).prop_map(|(digest, hash, by, at)| {
        LabelRecord {
            digest,
            release_hash: ReleaseHash::new(hash),
            by,
            at,
            ..label_record("v1", 0)
        }
    })
}
