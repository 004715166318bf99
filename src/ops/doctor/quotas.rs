//! How often AWS lets requests through, and how long a deployment of everything then takes.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    backend::{
        aws::{AwsSession, Bucket, FaultKind, Limit},
        quotas::{Quotas, Rates},
    },
    engine::cause_chain,
    manifest::Project,
    plan::doctor::{self, Finding, Load, Quota},
};

/// How long AWS is asked for what need not be known.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks what is applied. Where AWS does not tell, what it publishes has to do, and that is said.
pub(super) async fn look(project: &Project, session: &AwsSession) -> Vec<Finding> {
    let quotas = Quotas::new(session.clone());
    let (rates, note) = match timeout(PATIENCE, quotas.rates()).await {
        Ok(Ok(rates)) => (rates, None),
        Ok(Err(error)) => {
            let is_denied = matches!(error.kind(), FaultKind::AccessDenied(_));
            let fix = if is_denied { error.hint() } else { None };
            (Rates::published(), Some(doctor::untold(&cause_chain(&error), fix)))
        }
        Err(_late) => {
            let why = format!("no answer within {} s", PATIENCE.as_secs());
            (Rates::published(), Some(doctor::untold(&why, None)))
        }
    };
    let services = project.services.len();
    let mut findings = doctor::quotas(services, &loads(&rates, services, project.images.len()));
    findings.extend(note);
    findings
}

/// What a deployment of so many services, of so many images, asks of what AWS lets through least often.
#[must_use]
pub fn loads(rates: &Rates, services: usize, images: usize) -> Vec<Load> {
    let load = |operation, requests, bucket: Bucket| Load {
        operation,
        requests,
        published: quota(bucket.published()),
        applied: rates.applied(bucket).map(quota),
        more: more(bucket),
    };
    vec![
        load("RegisterTaskDefinition", services, Bucket::TaskDefinitionModify),
        load("UpdateService", services, Bucket::ServiceModify),
        load("PutParameter", images, Bucket::ParameterWrite),
    ]
}

/// A limit, as it is reckoned with.
const fn quota(Limit { burst, per_second }: Limit) -> Quota {
    Quota { burst, per_second }
}

/// How to get more of something.
fn more(bucket: Bucket) -> String {
    match bucket.codes() {
        Some([burst, rate]) => format!("ask for more in Service Quotas (ecs: {burst} and {rate})"),
        None => "turn on the higher throughput of the Parameter Store in its settings".to_owned(),
    }
}
