//! `terraform check`, and what a deployment is told of Terraform beforehand. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    access::Access, definitions::definitions, draft::seen_project, error::OpError,
    pictures::targets, workspace::Workspace,
};
use crate::{
    backend::text::{self, TextSource},
    engine::cause_chain,
    manifest::{Environment, Service},
    model::{
        ContainerName, EcsDeployment, EnvironmentId, ImageId, Label, ObservedService,
        ParameterName, ProjectId, Selection, ServiceId, TaskDefinition, TaskDefinitionArn,
    },
    plan::{
        Facts, FindingName, NextApply, Note, ParameterFacts, Plan, RevisionFacts, ServicePicture,
        TerraformCheck, TerraformDocument, Warning, check_terraform as judge, known_revisions,
        terraform_after_deployment, terraform_has,
    },
};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct TerraformRequest {
    /// `all`, a set or a service.
    pub selection: String,
    /// The environment; all of them where none is named.
    pub environment: Option<String>,
    /// What Terraform says; what the manifest names for each environment where there is none.
    pub state: Option<TextSource>,
}

/// Where services stand, in one environment after the other.
#[derive(Debug, Clone, Serialize)]
pub struct TerraformReport {
    /// The project.
    pub project: ProjectId,
    /// What was asked for.
    pub selection: Selection,
    /// The environments.
    pub environments: Vec<CheckedEnvironment>,
    /// Whether nothing anywhere is to be put right.
    pub clean: bool,
}

/// Where the services of one environment stand.
#[derive(Debug, Clone, Serialize)]
pub struct CheckedEnvironment {
    /// The environment.
    pub environment: EnvironmentId,
    /// Where what Terraform says was read; nothing where it was not asked.
    pub state: Option<String>,
    /// Whether that is a plan, which tells more.
    pub is_plan: bool,
    /// The services, in the order of the manifest.
    pub services: Vec<TerraformCheck>,
    /// The services of which nothing can be said, each with why.
    pub missing: BTreeMap<ServiceId, String>,
}

impl CheckedEnvironment {
    /// Whether nothing there is to be put right.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.services.iter().all(|service| service.clean)
    }
}

/// Reads what Terraform says.
///
/// # Errors
/// Fails when it cannot be read, or is something else.
pub fn read_terraform(from: &TextSource) -> Result<TerraformDocument, OpError> {
    let read = text::read(from).map_err(OpError::TerraformText)?;
    TerraformDocument::read(&read)
        .map_err(|reason| OpError::Terraform { source_of: from.clone(), reason })
}

/// Looks where services stand between ECS, SSM and Terraform.
///
/// # Errors
/// Fails when the manifest does not have what was asked for, what Terraform says cannot be read, or
/// AWS fails.
pub async fn check_terraform(
    workspace: &Workspace,
    request: &TerraformRequest,
) -> Result<TerraformReport, OpError> {
    let project = seen_project(workspace).await?;
    let selection = project.select(&request.selection)?;
    let services = project.services_of(&selection);
    let given = request.state.as_ref().map(read_terraform).transpose()?;
    let environments = match &request.environment {
        Some(environment) => vec![project.environment(environment)?],
        None => project.environments.values().collect(),
    };
    let mut checked = Vec::new();
    for environment in environments {
        let (from, document) = if given.is_some() {
            (request.state.clone(), given.clone())
        } else {
            let from = source_of(workspace, environment);
            let document = from.as_ref().map(read_terraform).transpose()?;
            (from, document)
        };
        checked
            .push(check_environment(workspace, (environment, &services), (from, document)).await?);
    }
    Ok(TerraformReport {
        project: project.id.clone(),
        selection,
        clean: checked.iter().all(CheckedEnvironment::is_clean),
        environments: checked,
    })
}

/// What the manifest names for an environment.
fn source_of(workspace: &Workspace, environment: &Environment) -> Option<TextSource> {
    let path = environment.terraform_state.as_ref()?;
    Some(TextSource::named(path, &workspace.folder))
}

/// Looks at the services of one environment.
async fn check_environment(
    workspace: &Workspace,
    (environment, services): (&Environment, &[&Service]),
    (from, document): (Option<TextSource>, Option<TerraformDocument>),
) -> Result<CheckedEnvironment, OpError> {
    let targets = targets(workspace, environment, services)?;
    let access = Access::open(workspace, &environment.home()).await?;
    let asked: Vec<_> = targets.iter().map(|(_, target)| target.clone()).collect();
    let mut seen = access.ecs.observe(&asked).await?;
    let mut missing = BTreeMap::new();
    let mut subjects = Vec::new();
    for (service, target) in targets {
        let found = seen.remove(&target).filter(|observed| observed.status == "ACTIVE");
        if let Some(observed) = found {
            subjects.push(subject(service, observed));
        } else {
            let (cluster, name) = target;
            missing.insert(service.id.clone(), format!("ECS has no service {name} in {cluster}"));
        }
    }
    let mut facts = look(workspace, (environment, &access), (&subjects, document.as_ref())).await?;
    for subject in &subjects {
        let found = facts.iter().find(|facts| facts.service == subject.service);
        if let Some(reason) = incomparable(found) {
            missing.insert(subject.service.clone(), reason);
        }
    }
    facts.retain(|facts| !missing.contains_key(&facts.service));
    see_who_put_back(&access, &subjects, &mut facts).await;
    Ok(CheckedEnvironment {
        environment: environment.id.clone(),
        state: from.map(|from| from.to_string().replace('`', "")),
        is_plan: document.as_ref().is_some_and(TerraformDocument::is_plan),
        services: facts.iter().map(|facts| judge(facts, document.as_ref())).collect(),
        missing,
    })
}

/// Why a service cannot be compared, where it cannot.
fn incomparable(found: Option<&Facts>) -> Option<String> {
    let Some(facts) = found else {
        return Some("it has no task definition with an ACTIVE revision".to_owned());
    };
    let container = facts.unknown_container()?;
    let there = facts.running.images.keys().cloned().collect::<Vec<_>>().join(", ");
    let arn = facts.running.arn.short();
    Some(format!("{arn} has no container {container}, which the manifest names; it has {there}"))
}

/// A service that is compared with what Terraform says.
#[derive(Debug, Clone)]
struct Subject {
    /// Its id.
    service: ServiceId,
    /// The image of each mapped container.
    containers: Vec<(ContainerName, ImageId)>,
    /// In ECS.
    observed: ObservedService,
}

/// A service of the manifest, as ECS has it.
fn subject(service: &Service, observed: ObservedService) -> Subject {
    let containers = service.containers.iter();
    let containers = containers.map(|(container, image)| (container.clone(), image.clone()));
    Subject { service: service.id.clone(), containers: containers.collect(), observed }
}

/// Reads what of ECS and SSM is compared with what Terraform says.
async fn look(
    workspace: &Workspace,
    (environment, access): (&Environment, &Access),
    (subjects, document): (&[Subject], Option<&TerraformDocument>),
) -> Result<Vec<Facts>, OpError> {
    let label = Label::of_environment(&environment.id);
    let project = &workspace.project.id;
    let name = |image: &ImageId| ParameterName::of_image(project, &label, image);
    let images: BTreeSet<&ImageId> =
        subjects.iter().flat_map(|one| one.containers.iter().map(|(_, image)| image)).collect();
    let names: Vec<ParameterName> = images.into_iter().map(name).collect();
    let arns = || subjects.iter().filter_map(|one| one.observed.task_definition.as_ref());
    let families: BTreeSet<String> = arns().map(|arn| arn.family().to_owned()).collect();
    // A state may have families of the same name in other accounts and regions.
    let there: BTreeSet<&str> = arns().map(TaskDefinitionArn::without_revision).collect();
    let known = document.map(known_revisions).unwrap_or_default();
    let others: Vec<TaskDefinitionArn> =
        known.into_iter().filter(|arn| there.contains(arn.without_revision())).collect();
    let all = arns().chain(&others).map(ToString::to_string);
    let references: BTreeSet<String> = all.chain(families.iter().cloned()).collect();
    let (revisions, parameters) =
        tokio::try_join!(async { Ok(definitions(&access.ecs, references).await?) }, async {
            Ok::<_, OpError>(access.parameters.get(&names).await?)
        },)?;
    let facts = subjects.iter().filter_map(|subject| {
        let parameters = subject.containers.iter().map(|(container, image)| {
            let name = name(image);
            let found = parameters.get(&name);
            ParameterFacts {
                container: container.clone(),
                image: image.clone(),
                value: found.map(|found| found.value.clone()),
                is_secret: found.is_some_and(|found| found.is_secret),
                name,
            }
        });
        facts(subject, &others, (&revisions, parameters.collect()))
    });
    Ok(facts.collect())
}

/// Asks whether ECS itself put services back that do not run the latest revision. Once that is over
/// only the list of deployments tells; that it cannot be read is noted, and stops nothing.
async fn see_who_put_back(access: &Access, subjects: &[Subject], facts: &mut [Facts]) {
    let is_behind =
        |facts: &&mut Facts| facts.running.arn != facts.latest.arn && !facts.is_put_back;
    for facts in facts.iter_mut().filter(is_behind) {
        let subject = subjects.iter().find(|subject| subject.service == facts.service);
        let Some(ObservedService { cluster, name, .. }) = subject.map(|one| &one.observed) else {
            continue;
        };
        match access.ecs.was_put_back(cluster, name).await {
            Ok(is_put_back) => facts.is_put_back = is_put_back,
            Err(error) => facts.history_not_read = Some(cause_chain(&error)),
        }
    }
}

/// What there is of one service; nothing where its family has no ACTIVE revision.
fn facts(
    subject: &Subject,
    others: &[TaskDefinitionArn],
    (revisions, parameters): (&BTreeMap<String, TaskDefinition>, Vec<ParameterFacts>),
) -> Option<Facts> {
    let observed = &subject.observed;
    let arn = observed.task_definition.as_ref()?;
    let revision = |reference: &str| revisions.get(reference).map(RevisionFacts::of);
    let others = others.iter().filter(|other| other.family() == arn.family());
    Some(Facts {
        service: subject.service.clone(),
        arn: observed.arn.clone(),
        running: revision(arn.as_str())?,
        latest: revision(arn.family())?,
        others: others.filter_map(|other| revision(other.as_str())).collect(),
        parameters,
        is_put_back: observed.primary().is_some_and(EcsDeployment::is_a_rollback),
        history_not_read: None,
        by_code_deploy: observed.code_deploy.is_some(),
    })
}

/// What a deployment wants to know of Terraform before it is said yes to.
pub(super) struct Foresight {
    /// The environment.
    environment: Environment,
    /// Where what Terraform says is; nothing where the manifest names none.
    from: Option<TextSource>,
    /// The services that were looked at.
    subjects: Vec<Subject>,
}

impl Foresight {
    /// What there is to know of the services that were looked at.
    pub(super) fn of(
        workspace: &Workspace,
        environment: &Environment,
        pictures: &[ServicePicture],
    ) -> Self {
        let from = source_of(workspace, environment);
        let subjects = pictures.iter().filter(|_| from.is_some()).map(|picture| Subject {
            service: picture.service.clone(),
            containers: picture.containers.clone().into_iter().collect(),
            observed: picture.observed.clone(),
        });
        Self { environment: environment.clone(), subjects: subjects.collect(), from }
    }

    /// Warns of services that `terraform apply` would not leave as the plan has them. What cannot be
    /// read is said, and stops nothing.
    pub(super) async fn warn(self, workspace: &Workspace, access: &Access, plan: &mut Plan) {
        let Some(from) = &self.from else { return };
        let moves = plan.moves();
        let subjects: Vec<Subject> =
            self.subjects.into_iter().filter(|one| moves.contains(&one.service)).collect();
        if subjects.is_empty() {
            return;
        }
        let looked = async {
            let document = read_terraform(from)?;
            let place = (&self.environment, access);
            let facts = look(workspace, place, (&subjects, Some(&document))).await?;
            Ok::<_, OpError>((document, facts))
        };
        match looked.await {
            Ok((document, facts)) => {
                let warned: Vec<Warning> =
                    facts.iter().filter_map(|facts| foretold(plan, facts, &document)).collect();
                plan.warnings.extend(warned);
                plan.notes.extend(not_there(from, &facts, &document));
            }
            Err(error) => plan.notes.push(Note {
                text: format!("whether Terraform agrees is not known: {}", cause_chain(&error)),
                hint: error.hints().into_iter().next(),
            }),
        }
    }
}

/// What is said of services that Terraform does not have where the manifest says that it does.
fn not_there(from: &TextSource, facts: &[Facts], document: &TerraformDocument) -> Option<Note> {
    let is_absent = |facts: &&Facts| !terraform_has(facts, document);
    let absent: Vec<&str> =
        facts.iter().filter(is_absent).map(|facts| facts.service.as_str()).collect();
    (!absent.is_empty()).then(|| Note {
        text: format!(
            "whether Terraform agrees is not known: {from} does not have {}",
            absent.join(", ")
        ),
        hint: Some("name the state that has it as `terraform.state` in the manifest".to_owned()),
    })
}

/// What is said of a service that `terraform apply` would not leave as the plan has it.
fn foretold(plan: &Plan, facts: &Facts, document: &TerraformDocument) -> Option<Warning> {
    let step = plan.steps.iter().find(|step| step.service == facts.service)?;
    let image = |one: &ParameterFacts| {
        let uri = step.target.images.get(&one.image)?;
        Some((one.container.clone(), uri.to_string()))
    };
    let images = facts.parameters.iter().filter_map(image).collect();
    let (next, findings) = terraform_after_deployment(facts, document, &images)?;
    let hides = findings.iter().find(|finding| finding.name == FindingName::DefinitionIgnored);
    let text = match &next {
        next if next.is_a_danger() || matches!(next, NextApply::Unknown { .. }) => {
            format!("would not stay: after this deployment `terraform apply` {}", next.words())
        }
        _ => format!("is half hidden from Terraform: {}", hides?.text),
    };
    let all =
        format!("see `release-tool terraform check {} --env {}`", facts.service, plan.environment);
    let cause = findings.iter().find(|finding| finding.is_a_cause());
    let hint = cause.map_or(all.clone(), |cause| format!("{}; {all}", cause.fix));
    Some(Warning { service: facts.service.clone(), text, hint })
}
