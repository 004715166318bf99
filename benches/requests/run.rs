//! Carries a deployment out as `deploy` does, in process, and tells what the sandbox has seen.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use release_tool::{
    backend::{
        aws::{Aws, AwsOptions, Credentials, Pacing, Throttles},
        clock,
        store::{Ledger, SqliteStore},
    },
    model::{AccountId, Actor, DeploymentKind, DeploymentStatus, Event, Listener, ServiceId},
    ops::{self, Connector, DeployRequest, Execution, StatusRequest, Workspace},
    sandbox::{self, FaultKind, Latency, NewFault, RequestRecord, Sandbox},
};
use tokio::sync::watch;

use super::{
    Outcome,
    shop::{ENVIRONMENT, Shop},
};

/// A sandbox with a project in it, and the way there.
pub(crate) struct Place {
    /// The AWS.
    pub(crate) sandbox: Sandbox,
    /// What is in it.
    pub(crate) shop: Shop,
    /// What a command works with.
    workspace: Workspace,
    /// Where the state is; removed when this is dropped.
    _folder: tempfile::TempDir,
}

/// What one deployment took.
pub(crate) struct Deployment {
    /// The requests until the plan was there.
    pub(crate) before: Vec<RequestRecord>,
    /// The requests after it was approved.
    pub(crate) after: Vec<RequestRecord>,
    /// How often the rollouts were looked at.
    pub(crate) looks: Looks,
    /// When it was approved.
    pub(crate) approved_at: Timestamp,
    /// How long it all took.
    pub(crate) took: SignedDuration,
}

impl Deployment {
    /// The time from the yes to the moment that the last service was told to move.
    pub(crate) fn until_all_told(&self) -> Option<SignedDuration> {
        let told = self.after.iter().filter(|record| record.entry.operation == "UpdateService");
        let last = told.map(|record| record.entry.machine_at).max()?;
        Some(last.duration_since(self.approved_at))
    }
}

impl Place {
    /// Makes a sandbox and fills it. Requests are not held back before the first throttle.
    pub(crate) async fn new(shop: Shop) -> Outcome<Self> {
        Self::with(shop, Pacing::AfterThrottle).await
    }

    /// Makes a sandbox with AWS's quotas, and fills it. Requests are held back as outside the
    /// sandbox.
    pub(crate) async fn under_quotas(shop: Shop) -> Outcome<Self> {
        let place = Self::with(shop, Pacing::Published).await?;
        place.fault(FaultKind::Quota)?;
        Ok(place)
    }

    /// Makes a sandbox and fills it.
    async fn with(shop: Shop, pacing: Pacing) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let sandbox = Sandbox::open(folder.path())?;
        shop.seed(&sandbox)?;
        let store = SqliteStore::open(folder.path().join("store.sqlite")).await?;
        let throttles = Arc::new(Throttles::default());
        let options = AwsOptions {
            http_client: Some(sandbox.http_client()),
            pacing,
            on_throttle: Some(throttles.hook()),
        };
        let workspace = Workspace {
            project: shop.project()?,
            ledger: Ledger::new(Arc::new(store)),
            connector: Connector {
                aws: Aws::new(options),
                region: None,
                profile: None,
                endpoint_url: None,
                leftover_endpoint: None,
                instance_metadata: false,
                sandbox: Some(credentials),
                session_name: "benchmark".to_owned(),
            },
            throttles,
            repository: None,
            person: Actor { name: "benchmark".to_owned(), ..Actor::default() },
            now: clock::now,
            journal_folder: folder.path().join("journal"),
            folder: folder.path().to_owned(),
        };
        Ok(Self { sandbox, shop, workspace, _folder: folder })
    }

    /// Has every answer come late.
    pub(crate) fn slow_down(&self, milliseconds: u32) -> Outcome<()> {
        self.fault(FaultKind::Latency(Latency::from_millis(milliseconds)))
    }

    /// Has a fault played on every request.
    pub(crate) fn fault(&self, kind: FaultKind) -> Outcome<()> {
        Ok(self.sandbox.add_fault(NewFault { on: "*".parse()?, kind, times: None })?)
    }

    /// Deploys everything.
    pub(crate) async fn deploy(&self) -> Outcome<Deployment> {
        let start = clock::now();
        let first = self.last_request()?;
        let request = DeployRequest {
            selection: "all".to_owned(),
            environment: ENVIRONMENT.to_owned(),
            from: None,
            images: std::collections::BTreeMap::new(),
            allow_missing: false,
            skip_before: false,
            rerun_before: false,
            kind: DeploymentKind::Deploy,
            from_release: None,
            reason: None,
            release_hold: false,
            wait: Duration::ZERO,
            enable_circuit_breaker: false,
            insist: release_tool::plan::Insistence::default(),
        };
        let draft = ops::draft(&self.workspace, &request).await?;
        if draft.plan.steps.len() != self.shop.services {
            let planned = draft.plan.steps.len();
            return Err(format!("{planned} of {} services planned", self.shop.services).into());
        }
        let before = self.sandbox.requests(Some(first))?;
        let approved_at = clock::now();
        let watcher = Watcher::default();
        let (_stop, interrupt) = watch::channel(false);
        let execution = Execution {
            listener: &watcher,
            interrupt,
            timeout: Duration::from_mins(10),
            settle: None,
            wait: true,
            on_failure: None,
        };
        let approval = self.last_request()?;
        let (report, _release) = ops::carry_out(&self.workspace, draft, execution).await?;
        if report.deployment.status != DeploymentStatus::Succeeded {
            let failed = report.deployment.steps.iter().find_map(|step| step.verdict.clone());
            return Err(format!("{:?}: {failed:?}", report.deployment.status).into());
        }
        Ok(Deployment {
            before,
            after: self.sandbox.requests(Some(approval))?,
            looks: watcher.looks(),
            approved_at,
            took: clock::now().duration_since(start),
        })
    }

    /// Asks for the status of everything; tells the requests and the time.
    pub(crate) async fn status(&self) -> Outcome<(Vec<RequestRecord>, SignedDuration)> {
        let first = self.last_request()?;
        let start = clock::now();
        let request = StatusRequest {
            selection: "all".to_owned(),
            environment: ENVIRONMENT.to_owned(),
            digests: false,
        };
        let report = ops::status(&self.workspace, &request).await?;
        let took = clock::now().duration_since(start);
        if report.services.len() != self.shop.services {
            return Err(format!("the status of {} services", report.services.len()).into());
        }
        Ok((self.sandbox.requests(Some(first))?, took))
    }

    /// The number of the last request.
    fn last_request(&self) -> Outcome<u64> {
        Ok(self.sandbox.requests(None)?.last().map_or(0, |record| record.sequence))
    }
}

/// Credentials that the sandbox takes for its default account.
fn credentials(_account: Option<&AccountId>) -> Credentials {
    sandbox::credentials(sandbox::DEFAULT_ACCOUNT)
}

/// Looks at the rollouts of a deployment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Looks {
    /// How many there were.
    pub(crate) all: usize,
    /// How many of them found rollouts that had ended.
    pub(crate) with_ends: usize,
}

/// Counts looks: each tells the progress of every service that moves once, and then which ended.
#[derive(Default)]
struct Watcher(Mutex<Watched>);

/// What a watcher has heard.
#[derive(Default)]
struct Watched {
    /// The looks by now.
    looks: Looks,
    /// The services whose progress this look has told.
    seen: BTreeSet<ServiceId>,
    /// Whether this look has found an end.
    has_ends: bool,
}

impl Watcher {
    /// The looks there were.
    fn looks(&self) -> Looks {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).looks
    }
}

impl Listener for Watcher {
    fn hear(&self, event: &Event) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Progress(progress) => {
                let is_again = !watched.seen.insert(progress.service.clone());
                if is_again || watched.has_ends || watched.looks.all == 0 {
                    watched.looks.all += 1;
                    watched.has_ends = false;
                    watched.seen = BTreeSet::from([progress.service.clone()]);
                }
            }
            Event::StepFinished { .. } if !watched.has_ends => {
                watched.has_ends = true;
                watched.looks.with_ends += 1;
            }
            _ => {}
        }
    }
}
