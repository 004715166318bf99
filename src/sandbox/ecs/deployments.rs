//! Service deployments and service revisions: listing, describing, stopping and continuing them.

use aws_sdk_ecs::{
    operation::{
        continue_service_deployment::{
            ContinueServiceDeploymentInput, ContinueServiceDeploymentOutput,
        },
        describe_service_deployments::{
            DescribeServiceDeploymentsInput, DescribeServiceDeploymentsOutput,
        },
        describe_service_revisions::{
            DescribeServiceRevisionsInput, DescribeServiceRevisionsOutput,
        },
        list_service_deployments::{ListServiceDeploymentsInput, ListServiceDeploymentsOutput},
        stop_service_deployment::{StopServiceDeploymentInput, StopServiceDeploymentOutput},
    },
    types::{DeploymentLifecycleHookAction, ServiceDeploymentBrief, StopServiceDeploymentStopType},
};
use bytes::Bytes;

use super::{
    estate::{self, Controller, Service},
    faults::{invalid, missing, required, sized},
    names, paging,
    rollout::{deployment, hooks},
    view,
};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
    wire,
};

/// `ListServiceDeployments`, newest first.
pub(super) fn list(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListServiceDeploymentsInput::deserialize)?;
    let cluster = estate::cluster(transaction, &call.scope, input.cluster())?.name;
    let service = estate::service(transaction, call.into(), &cluster, input.service())?;
    let records = if service.controller == Controller::Ecs {
        service.rollout.service_deployments.as_slice()
    } else {
        &[]
    };
    let briefs: Vec<ServiceDeploymentBrief> = records
        .iter()
        .map(|record| view::brief(&call.scope, &service, record))
        .filter(|brief| is_listed(&input, brief))
        .collect();
    let key = |brief: &ServiceDeploymentBrief| {
        brief.service_deployment_arn().unwrap_or_default().to_owned()
    };
    let keyed: Vec<(String, ServiceDeploymentBrief)> =
        briefs.into_iter().map(|brief| (key(&brief), brief)).collect();
    let token = input.next_token();
    let (page, next) = paging::page(keyed, |one| &one.0, token, input.max_results(), 20)?;
    let page = page.into_iter().map(|(_, brief)| brief).collect();
    let output = ListServiceDeploymentsOutput::builder().set_service_deployments(Some(page));
    wire::write(&output.set_next_token(next).build())
}

/// Whether a service deployment passes the filters.
fn is_listed(input: &ListServiceDeploymentsInput, brief: &ServiceDeploymentBrief) -> bool {
    let statuses = input.status();
    let has_status =
        statuses.is_empty() || brief.status().is_some_and(|status| statuses.contains(status));
    let Some(range) = input.created_at() else { return has_status };
    let Some(created) = brief.created_at() else { return false };
    has_status
        && range.after().is_none_or(|after| created >= after)
        && range.before().is_none_or(|before| created <= before)
}

/// What the ARN of something that a service has tells: cluster, service, and its own id.
struct Part<'a> {
    /// The short name of the cluster.
    cluster: &'a str,
    /// The service's name.
    service: &'a str,
    /// What ends the ARN.
    id: &'a str,
}

impl<'a> Part<'a> {
    /// Reads an ARN of a kind.
    fn parse(call: &Call, kind: &str, arn: &'a str) -> Result<Self, Fault> {
        match names::parts(&call.scope, arn).as_deref() {
            Some([of, cluster, service, id]) if *of == kind => Ok(Self { cluster, service, id }),
            _ => Err(invalid(format!("Invalid identifier: {arn} is not a {kind}."))),
        }
    }

    /// The service.
    fn service(
        &self,
        call: &Call,
        transaction: &mut Transaction<'_>,
    ) -> Result<Option<Service>, Fault> {
        let found = estate::find_service(transaction, call.into(), self.cluster, self.service)?;
        Ok(found.filter(|service| service.controller == Controller::Ecs))
    }

    /// The service, where it has the service deployment.
    fn service_with_it(
        &self,
        call: &Call,
        transaction: &mut Transaction<'_>,
    ) -> Result<Service, Fault> {
        let found = self.service(call, transaction)?;
        let has_it = |service: &Service| {
            service.rollout.service_deployments.iter().any(|one| one.id == self.id)
        };
        found.filter(has_it).ok_or_else(|| {
            let words = "The service deployment does not exist.";
            Fault::new("ServiceDeploymentNotFoundException", words)
        })
    }
}

/// `ContinueServiceDeployment`: the hook must be `AWAITING_ACTION` and the deployment in progress.
/// The words where it is not so are those of the ECS developer guide, "troubleshooting blue/green
/// deployments"; which error has them AWS does not publish.
pub(super) fn go_on(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ContinueServiceDeploymentInput::deserialize)?;
    let arn = required(input.service_deployment_arn(), "Service deployment ARN")?;
    let hook = required(input.hook_id(), "Hook ID")?;
    let goes_on = match input.action() {
        None | Some(DeploymentLifecycleHookAction::Continue) => true,
        Some(DeploymentLifecycleHookAction::Rollback) => false,
        Some(other) => {
            return Err(invalid(format!("The action {} is not supported.", other.as_str())));
        }
    };
    let part = Part::parse(call, "service-deployment", arn)?;
    let mut service = part.service_with_it(call, transaction)?;
    if !hooks::resolve(&mut service.rollout, (part.id, hook), goes_on, call.now) {
        return Err(invalid(
            "Provided hookId is either completed, unavailable, or not associated with the given \
             Resource ARN",
        ));
    }
    estate::catch_up(transaction, call.into(), &mut service)?;
    estate::save(transaction, &call.scope, &service)?;
    wire::write(&ContinueServiceDeploymentOutput::builder().service_deployment_arn(arn).build())
}

/// `DescribeServiceDeployments`.
pub(super) fn describe(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, DescribeServiceDeploymentsInput::deserialize)?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in sized(input.service_deployment_arns(), "Service deployment ARNs", 20)? {
        let part = Part::parse(call, "service-deployment", arn)?;
        let service = part.service(call, transaction)?;
        let records = service.as_ref().map(|one| one.rollout.service_deployments.as_slice());
        let record = records.unwrap_or_default().iter().find(|one| one.id == part.id);
        match service.as_ref().zip(record) {
            Some((service, record)) => {
                found.push(view::service_deployment(&call.scope, service, record)?);
            }
            None => failures.push(missing(arn)),
        }
    }
    let output = DescribeServiceDeploymentsOutput::builder().set_service_deployments(Some(found));
    wire::write(&output.set_failures(Some(failures)).build())
}

/// `DescribeServiceRevisions`.
pub(super) fn describe_revisions(
    call: &Call,
    transaction: &mut Transaction<'_>,
) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, DescribeServiceRevisionsInput::deserialize)?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in sized(input.service_revision_arns(), "Service revision ARNs", 20)? {
        let part = Part::parse(call, "service-revision", arn)?;
        let service = part.service(call, transaction)?;
        let number = part.id.parse().unwrap_or(0);
        let revision = service.as_ref().and_then(|one| one.rollout.revision(number));
        match service.as_ref().zip(revision) {
            Some((service, revision)) => {
                found.push(view::revision(&call.scope, service, revision)?);
            }
            None => failures.push(missing(arn)),
        }
    }
    let output = DescribeServiceRevisionsOutput::builder().set_service_revisions(Some(found));
    wire::write(&output.set_failures(Some(failures)).build())
}

/// `StopServiceDeployment`. `ROLLBACK` is the only way to stop that the API's documentation allows.
pub(super) fn stop(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, StopServiceDeploymentInput::deserialize)?;
    let arn = required(input.service_deployment_arn(), "Service deployment ARN")?;
    let part = Part::parse(call, "service-deployment", arn)?;
    if let Some(kind) = input.stop_type()
        && *kind != StopServiceDeploymentStopType::Rollback
    {
        return Err(invalid(format!("The stop type {} is not supported.", kind.as_str())));
    }
    let mut service = part.service_with_it(call, transaction)?;
    if !deployment::request_rollback(&mut service.rollout, part.id, call.now) {
        let words = "The service deployment cannot be stopped because it has finished.";
        return Err(Fault::new("ConflictException", words));
    }
    estate::save(transaction, &call.scope, &service)?;
    wire::write(&StopServiceDeploymentOutput::builder().service_deployment_arn(arn).build())
}
