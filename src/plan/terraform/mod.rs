//! Where services stand between ECS, SSM and Terraform, and what `terraform apply` would do. Pure.
//!
//! What a deployment leaves is one thing: the service runs its family's latest ACTIVE revision, and
//! the parameter names its image. Wherever that is not so, or the configuration compares with
//! something else, the next `terraform apply` changes what runs, and that is said here.

mod containers;
mod document;
mod draft;
#[cfg(test)]
mod draft_tests;
mod facts;
mod finding;
mod hidden;
mod members;
mod next;
mod origin;
#[cfg(test)]
mod origin_tests;
mod outlook;
mod part;
mod planned;
#[cfg(test)]
mod planned_tests;
mod resource;
mod service;
mod service_shape;
mod shape;
mod snippet;
#[cfg(test)]
mod tests;
mod toml;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use self::part::Part;
pub use self::{
    document::{TerraformDocument, TerraformReadError},
    draft::{DraftError, DraftManifest, draft_manifest},
    facts::{Facts, ParameterFacts, RevisionFacts},
    finding::{Finding, FindingName, Severity},
    next::{ImageMove, NextApply},
    outlook::Basis,
    snippet::{SnippetParameter, SnippetRequest, SnippetSeen, SnippetService, terraform_snippet},
};
use crate::model::{ContainerName, ImageUri, ServiceId, TaskDefinitionArn};

/// Where a service stands between the family's latest revision, what it runs, and the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TerraformStanding {
    /// The service runs the latest revision, and the parameters name its images.
    InStep,
    /// The latest revision has the images that the parameters name, and the service runs another.
    ServiceBehind,
    /// The same, because ECS itself put the service back.
    PutBack,
    /// The service runs the images that the parameters name, and the latest revision has others.
    RevisionAside,
    /// The service runs the latest revision, and the parameters name other images.
    ParameterApart,
    /// Service, latest revision and parameters are three different things.
    AllApart,
    /// There is no parameter.
    NoParameter,
}

impl TerraformStanding {
    /// Where a service stands.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        if facts.parameters.iter().any(|parameter| parameter.value.is_none()) {
            return Self::NoParameter;
        }
        let is_latest = facts.running.arn == facts.latest.arn;
        let latest_has = facts.has_parameters_images(&facts.latest);
        let running_has = facts.has_parameters_images(&facts.running);
        match (is_latest, latest_has, running_has) {
            (true, true, _) => Self::InStep,
            (true, false, _) => Self::ParameterApart,
            (false, true, _) if facts.is_put_back => Self::PutBack,
            (false, true, _) => Self::ServiceBehind,
            (false, false, true) => Self::RevisionAside,
            (false, false, false) => Self::AllApart,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InStep => "IN_STEP",
            Self::ServiceBehind => "SERVICE_BEHIND",
            Self::PutBack => "PUT_BACK",
            Self::RevisionAside => "REVISION_ASIDE",
            Self::ParameterApart => "PARAMETER_APART",
            Self::AllApart => "ALL_APART",
            Self::NoParameter => "NO_PARAMETER",
        }
    }

    /// What it means, one sentence about the service.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::InStep => "it runs the latest revision, and the parameter names its image",
            Self::ServiceBehind => {
                "the latest revision has the parameter's image, and the service runs another one"
            }
            Self::PutBack => {
                "ECS put it back, and the revision that failed is the latest still, with the \
                 parameter's image"
            }
            Self::RevisionAside => {
                "it runs the parameter's image, and the latest revision has another one"
            }
            Self::ParameterApart => {
                "it runs the latest revision, and the parameter names another image"
            }
            Self::AllApart => {
                "it, the latest revision and the parameter are three different things"
            }
            Self::NoParameter => "there is no parameter that Terraform could take the image from",
        }
    }
}

/// What is known of one service and Terraform.
#[derive(Debug, Clone, Serialize)]
pub struct TerraformCheck {
    /// The service.
    pub service: ServiceId,
    /// Where it stands.
    pub standing: TerraformStanding,
    /// What it is set to.
    pub task_definition: TaskDefinitionArn,
    /// Its family's latest ACTIVE revision.
    pub latest: TaskDefinitionArn,
    /// What the next `terraform apply` would do.
    pub next_apply: NextApply,
    /// What that rests on.
    pub basis: Basis,
    /// What `terraform apply` would do after the next deployment, where a state is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_deployment: Option<NextApply>,
    /// What there is about the configuration.
    pub findings: Vec<Finding>,
    /// Service, revision and parameter in step again, with what runs now: the image of each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub puts_in_step: BTreeMap<String, String>,
    /// Whether `terraform plan` has no changes, and will have none after the next deployment.
    pub clean: bool,
}

/// The images of what is deployed next, which nobody knows: any other than those that run.
const NEXT: &str = "the image that is deployed";

/// Judges one service: from AWS alone, or with what Terraform says.
#[must_use]
pub fn check_terraform(facts: &Facts, document: Option<&TerraformDocument>) -> TerraformCheck {
    let part = document.and_then(|document| Part::of(document, facts));
    let standing = TerraformStanding::of(facts);
    let (basis, next_apply) = outlook::next_apply(facts, part.as_ref());
    let after_deployment = part.is_some().then(|| {
        let next = facts.parameters.iter().map(|one| (one.container.clone(), NEXT.to_owned()));
        after(&facts.after_deployment(&next.collect()), part.as_ref())
    });
    let findings = finding::findings(facts, part.as_ref(), document.is_some());
    let is_quiet = findings.iter().all(|finding| finding.severity == Severity::Note);
    let stays = after_deployment.as_ref().is_none_or(NextApply::is_nothing);
    TerraformCheck {
        service: facts.service.clone(),
        standing,
        task_definition: facts.running.arn.clone(),
        latest: facts.latest.arn.clone(),
        clean: standing == TerraformStanding::InStep
            && next_apply.is_nothing()
            && stays
            && is_quiet,
        puts_in_step: if standing == TerraformStanding::InStep {
            BTreeMap::new()
        } else {
            running(facts)
        },
        next_apply,
        basis,
        after_deployment,
        findings,
    }
}

/// What `terraform apply` would do after a deployment of some images; nothing where Terraform does
/// not have the service.
#[must_use]
pub fn terraform_after_deployment(
    facts: &Facts,
    document: &TerraformDocument,
    images: &BTreeMap<ContainerName, String>,
) -> Option<(NextApply, Vec<Finding>)> {
    let part = Part::of(document, facts)?;
    let findings = finding::findings(facts, Some(&part), true);
    Some((after(&facts.after_deployment(images), Some(&part)), findings))
}

/// Whether Terraform has a service.
#[must_use]
pub fn terraform_has(facts: &Facts, document: &TerraformDocument) -> bool {
    Part::of(document, facts).is_some()
}

/// What `terraform apply` would do then: what was planned before does not count.
fn after(facts: &Facts, part: Option<&Part>) -> NextApply {
    outlook::next_apply(facts, part).1
}

/// The revisions that Terraform knows, to be looked at beside those that ECS names.
#[must_use]
pub fn known_revisions(document: &TerraformDocument) -> BTreeSet<TaskDefinitionArn> {
    let definitions = document.of_kind("aws_ecs_task_definition").filter(|one| one.is_managed);
    definitions.filter_map(|one| TaskDefinitionArn::parse(one.text("arn")?)).collect()
}

/// The image URI that each image of the service runs at.
fn running(facts: &Facts) -> BTreeMap<String, String> {
    let image = |one: &ParameterFacts| Some((one.image.to_string(), facts.runs(one)?.clone()));
    let found = facts.parameters.iter().filter_map(image);
    found.filter(|(_, uri)| ImageUri::parse(uri.as_str()).is_ok()).collect()
}
