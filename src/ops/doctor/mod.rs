//! `doctor`: whether everything is there that the commands need. Changes nothing.
//!
//! The checks run side by side, each with its own deadline, and none of them hides another: what
//! cannot be looked at is a line of its own.

mod entrance;
mod origin;
mod parameters;
mod permissions;
mod quotas;
mod services;
mod terraform;
mod tries;

use std::{collections::BTreeMap, future::Future, path::Path, time::Duration};

use futures_util::future::join_all;
pub use quotas::loads;
use serde::Serialize;
use tokio::time::timeout;

use self::permissions::{Asked, Untold};
use super::{error::OpError, workspace::Connector};
use crate::{
    backend::{
        aws::{AwsSession, Tried},
        params::Parameters,
        source::Repository,
        store::{Ledger, StoreError},
    },
    engine::cause_chain,
    manifest::{Environment, Home, Project},
    model::{EnvironmentId, Label, ParameterName, ProjectId, ServiceId},
    plan::doctor::{Check, Finding, Grade, Tries},
};

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is looked at.
pub struct Patient<'a> {
    /// The project.
    pub project: &'a Project,
    /// The way to AWS.
    pub connector: &'a Connector,
    /// The local git repository, if there is one.
    pub repository: Option<&'a Repository>,
    /// The name of the store.
    pub store: String,
    /// The folder of the manifest, where its relative paths start.
    pub folder: &'a Path,
    /// How the store is reached, where it is a table.
    pub table: Option<&'a Home>,
}

/// Why the store cannot be opened, in words.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What is wrong.
    pub text: String,
    /// What to do about it.
    pub fix: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct DoctorReport {
    /// The project.
    pub project: ProjectId,
    /// Whether nothing fails.
    pub healthy: bool,
    /// What was found of the project, and of each environment.
    pub sections: Vec<Section>,
}

/// What was found of one environment, or of what all have in common.
#[derive(Debug, Clone, Serialize)]
pub struct Section {
    /// The environment; nothing for what all have in common.
    pub environment: Option<EnvironmentId>,
    /// The findings, in the order of the checks.
    pub findings: Vec<Finding>,
}

/// Looks at the project and at an environment, or at all of them.
///
/// # Errors
/// Fails when the manifest does not have the environment. Everything else is a finding.
pub async fn doctor(
    patient: &Patient<'_>,
    environment: Option<&str>,
    store: impl Future<Output = Result<Ledger, Trouble>>,
) -> Result<DoctorReport, OpError> {
    let environments: Vec<&Environment> = match environment {
        Some(id) => vec![patient.project.environment(id)?],
        None => patient.project.environments.values().collect(),
    };
    let each = environments.iter().map(|environment| look_at(patient, environment));
    let mut origins = Origins::new();
    let record = async {
        let looked = record(patient, (&environments, &mut origins), store);
        timed(Check::Store, looked).await.unwrap_or_else(|late| vec![late])
    };
    let (record, each) = tokio::join!(record, join_all(each));
    let is_read = record.iter().all(|finding| finding.grade == Grade::Ok);
    let table = patient.table.filter(|_| is_read);
    let common = [git(patient.repository)].into_iter().chain(record).collect();
    let mut sections = vec![Section { environment: None, findings: common }];
    let settled = environments.iter().zip(each);
    sections.extend(settled.map(|(environment, mut look)| {
        let has_read = table.is_some_and(|table| table.role_arn == environment.home().role_arn);
        look.findings.extend(origins.remove(&environment.id).unwrap_or_default());
        look.settle(environment, has_read)
    }));
    let all = sections.iter().flat_map(|section| &section.findings);
    let healthy = all.map(|finding| finding.grade).max() != Some(Grade::Fail);
    Ok(DoctorReport { project: patient.project.id.clone(), healthy, sections })
}

/// A check with its deadline; or that it was missed.
async fn timed<T>(check: Check, work: impl Future<Output = T>) -> Result<T, Finding> {
    timeout(PATIENCE, Box::pin(work)).await.map_err(|_late| {
        let text = format!("no answer within {} s", PATIENCE.as_secs());
        let fix = "run it again with `-vv`, which shows each request".to_owned();
        Finding::fail(check, text, Some(fix))
    })
}

/// An error as a finding.
fn failed(check: Check, error: &OpError) -> Finding {
    Finding::fail(check, cause_chain(error), error.hints().into_iter().next())
}

/// Whether commits can be named.
fn git(repository: Option<&Repository>) -> Finding {
    let Some(repository) = repository else {
        let text = "no git repository here: plans do not tell what changes between releases";
        return Finding::warn(Check::Git, text, "run it in a clone of the project's repository");
    };
    match repository.head() {
        Some(commit) => {
            let short: String = commit.hash.chars().take(7).collect();
            Finding::ok(Check::Git, format!("at {short}"))
        }
        None => Finding::ok(Check::Git, "a repository without commits"),
    }
}

/// What was found of where the images of environments come from.
type Origins = BTreeMap<EnvironmentId, Vec<Finding>>;

/// Whether the record can be read, as far as the environments go; and what of other environments it does
/// not tell, whether that can be read there.
async fn record(
    patient: &Patient<'_>,
    (environments, origins): (&[&Environment], &mut Origins),
    store: impl Future<Output = Result<Ledger, Trouble>>,
) -> Vec<Finding> {
    let ledger = match store.await {
        Ok(ledger) => ledger,
        Err(Trouble { text, fix }) => return vec![Finding::fail(Check::Store, text, fix)],
    };
    match read_record(patient, environments, &ledger).await {
        Ok(deployments) => {
            for environment in environments {
                let look = timed(Check::Images, origin::look(patient, environment, &ledger));
                origins
                    .insert(environment.id.clone(), look.await.unwrap_or_else(|late| vec![late]));
            }
            let text = format!("`{}`, with {deployments} services deployed", patient.store);
            vec![Finding::ok(Check::Store, text)]
        }
        Err(error) => vec![failed(Check::Store, &error.into())],
    }
}

/// How many services were ever deployed, by the record.
async fn read_record(
    patient: &Patient<'_>,
    environments: &[&Environment],
    ledger: &Ledger,
) -> Result<usize, StoreError> {
    let project = &patient.project.id;
    let mut services = 0;
    for environment in environments {
        services += ledger.heads(project, &environment.id).await?.len();
        ledger.locks(project, &environment.id).await?;
    }
    Ok(services)
}

/// What needs somebody who is signed in.
const BEHIND_THE_DOOR: [Check; 8] = [
    Check::Permissions,
    Check::Services,
    Check::Containers,
    Check::Breakers,
    Check::Alarms,
    Check::Parameters,
    Check::Images,
    Check::Quotas,
];

/// What was seen of an environment.
struct Look {
    /// What was found.
    findings: Vec<Finding>,
    /// The permissions that IAM does not tell of, with what was tried instead.
    untold: Option<(Untold, Tries)>,
}

impl Look {
    /// All that was found, once the store was looked at: as whoever works in the environment, or not.
    fn settle(mut self, environment: &Environment, has_read_store: bool) -> Section {
        if let Some((untold, mut tries)) = self.untold {
            tries.allowed.extend(has_read_store.then_some("Query"));
            self.findings.extend(untold.settle(&tries));
        }
        self.findings.sort_by_key(|finding| finding.check);
        Section { environment: Some(environment.id.clone()), findings: self.findings }
    }
}

impl From<Vec<Finding>> for Look {
    fn from(findings: Vec<Finding>) -> Self {
        Self { findings, untold: None }
    }
}

/// Looks at an environment.
async fn look_at(patient: &Patient<'_>, environment: &Environment) -> Look {
    let mut look = match patient.connector.connect(&environment.home()).await {
        Ok(session) => go_in(patient, environment, &session).await,
        Err(error) => {
            let failed = [failed(Check::Credentials, &error)].into_iter();
            failed.chain(shut("AWS cannot be reached")).collect::<Vec<_>>().into()
        }
    };
    look.findings.extend(terraform::look(patient, environment));
    look
}

/// Goes in, where we are let in.
async fn go_in(patient: &Patient<'_>, environment: &Environment, session: &AwsSession) -> Look {
    let (findings, is_open) = entrance::enter(environment, session).await;
    let mut look = if is_open {
        inside(patient, environment, session).await
    } else {
        shut("nobody is let in").into()
    };
    look.findings.extend(findings);
    look
}

/// What nobody looks at.
fn shut(why: &str) -> Vec<Finding> {
    let skipped = |check| Finding::skipped(check, format!("not looked at: {why}"));
    BEHIND_THE_DOOR.into_iter().map(skipped).collect()
}

/// What is seen by somebody who is signed in.
async fn inside(patient: &Patient<'_>, environment: &Environment, session: &AwsSession) -> Look {
    let project = match with_services(patient).await {
        Ok(project) => project,
        Err(finding) => return vec![*finding].into(),
    };
    let (services, parameters, permissions, quotas) = tokio::join!(
        timed(Check::Services, services::look(&project, environment, session)),
        timed(Check::Parameters, parameters::look(patient, &project, (environment, session))),
        timed(Check::Permissions, permissions::look(patient, environment, session)),
        quotas::look(&project, session),
    );
    let (mut findings, examined) = services.unwrap_or_else(|late| (vec![late], Vec::new()));
    if !examined.is_empty() {
        let alarms = timed(Check::Alarms, services::alarms(session, &examined)).await;
        findings.extend(alarms.unwrap_or_else(|late| vec![late]));
    }
    let observed: Vec<_> = examined.into_iter().filter_map(|one| one.observed).collect();
    findings.extend(parameters.unwrap_or_else(|late| vec![late]));
    findings.extend(quotas);
    match permissions.unwrap_or_else(|late| Asked::Told(vec![late])) {
        Asked::Told(told) => {
            findings.extend(told);
            findings.into()
        }
        Asked::Untold(untold) => {
            // What is not answered in time was not tried.
            let _late = timeout(PATIENCE, tries::send(session, &observed)).await;
            let Tried { allowed, denied } = session.tried();
            Look { findings, untold: Some((untold, Tries { allowed, denied })) }
        }
    }
}

/// The project; where its manifest names no services, with those that are registered.
async fn with_services(patient: &Patient<'_>) -> Result<Project, Box<Finding>> {
    let project = patient.project;
    if !project.is_open() {
        return Ok(project.clone());
    }
    let wrong = |error: OpError| Box::new(failed(Check::Services, &error));
    let session = patient.connector.connect(&project.home).await.map_err(wrong)?;
    let folder = ParameterName::folder(&project.id, &Label::latest());
    let found = Parameters::new(session).by_folder(&folder).await;
    let found = found.map_err(|error| wrong(error.into()))?;
    let ids = found.keys().filter_map(|name| name.as_str().rsplit('/').next());
    let services: Vec<ServiceId> = ids.filter_map(|id| ServiceId::new(id).ok()).collect();
    if services.is_empty() {
        return Err(wrong(OpError::NoServices { project: project.id.to_string() }));
    }
    project.clone().with_services(services).map_err(|error| wrong(error.into()))
}
