//! What commands reach in AWS, and as whom: worked out from the manifest and from what AWS told.
//!
//! What is not known gets a name in capitals that says what to put there. It names nothing that
//! exists, so that a policy with one allows too little and never too much.

use std::collections::{BTreeMap, BTreeSet};

use super::{list::Group, resources::Arns};
use crate::{
    manifest::{Environment, Home, Project, Service, StoreSetting, TableSetting},
    model::{
        ClusterName, CodeDeployGroup, EcrRepository, EcsServiceName, EnvironmentId, ImageId, Label,
        ParameterName, Region, ServiceId,
    },
};

/// Who sends requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// Whoever runs the program, with the credentials that are found.
    Caller,
    /// A role that the manifest names, by its ARN.
    Role(String),
}

impl Principal {
    /// As whom an account is reached.
    fn of(home: &Home) -> Self {
        home.role_arn.as_ref().map_or(Self::Caller, |role| Self::Role(role.to_string()))
    }
}

/// What one principal reaches, as policies name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Who.
    pub principal: Principal,
    /// Clusters.
    pub clusters: BTreeSet<String>,
    /// Services, their deployments and revisions.
    pub services: BTreeSet<String>,
    /// Tasks.
    pub tasks: BTreeSet<String>,
    /// Families of task definitions.
    pub families: BTreeSet<String>,
    /// Those whose revisions have tags.
    pub tagged_families: BTreeSet<String>,
    /// Those that one-off tasks are run of.
    pub one_off_families: BTreeSet<String>,
    /// One-off tasks that get tags.
    pub tagged_tasks: BTreeSet<String>,
    /// The roles of their tasks.
    pub task_roles: BTreeSet<String>,
    /// Parameters to read.
    pub read_parameters: BTreeSet<String>,
    /// Folders of parameters to list.
    pub listed_parameters: BTreeSet<String>,
    /// Parameters to write.
    pub written_parameters: BTreeSet<String>,
    /// Repositories of images.
    pub repositories: BTreeSet<String>,
    /// Log groups.
    pub logs: BTreeSet<String>,
    /// Deployment groups of CodeDeploy.
    pub deployment_groups: BTreeSet<String>,
    /// Their applications.
    pub applications: BTreeSet<String>,
    /// Their configurations.
    pub deployment_configurations: BTreeSet<String>,
    /// Whether the group of a service has to be looked for among all.
    pub looks_for_deployment_groups: bool,
    /// Roles to take on.
    pub assumed_roles: BTreeSet<String>,
    /// The store's table and its indexes.
    pub store_reads: BTreeSet<String>,
    /// The store's table.
    pub store_table: BTreeSet<String>,
    /// The partitions of the store to read.
    pub read_keys: BTreeSet<String>,
    /// The partitions of the store to write.
    pub written_keys: BTreeSet<String>,
    /// The principal itself, as far as IAM is asked about it.
    pub oneself: BTreeSet<String>,
}

impl Reach {
    /// Nothing.
    fn nothing(principal: Principal) -> Self {
        Self {
            principal,
            clusters: BTreeSet::new(),
            services: BTreeSet::new(),
            tasks: BTreeSet::new(),
            families: BTreeSet::new(),
            tagged_families: BTreeSet::new(),
            one_off_families: BTreeSet::new(),
            tagged_tasks: BTreeSet::new(),
            task_roles: BTreeSet::new(),
            read_parameters: BTreeSet::new(),
            listed_parameters: BTreeSet::new(),
            written_parameters: BTreeSet::new(),
            repositories: BTreeSet::new(),
            logs: BTreeSet::new(),
            deployment_groups: BTreeSet::new(),
            applications: BTreeSet::new(),
            deployment_configurations: BTreeSet::new(),
            looks_for_deployment_groups: false,
            assumed_roles: BTreeSet::new(),
            store_reads: BTreeSet::new(),
            store_table: BTreeSet::new(),
            read_keys: BTreeSet::new(),
            written_keys: BTreeSet::new(),
            oneself: BTreeSet::new(),
        }
    }
}

/// The log group of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogGroup {
    /// The region, where the task definition names one.
    pub region: Option<Region>,
    /// Its name.
    pub name: String,
}

/// What CodeDeploy does with a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeDeployFacts {
    /// The group that moves it, where it was found.
    pub group: Option<CodeDeployGroup>,
}

/// What AWS told of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFacts {
    /// The family of its task definition.
    pub family: String,
    /// The ARNs of the roles that its task definition names.
    pub task_roles: BTreeSet<String>,
    /// Whether its task definition has tags.
    pub is_tagged: bool,
    /// Whether its tasks get these tags.
    pub propagates_tags: bool,
    /// Where its containers log to.
    pub logs: BTreeSet<LogGroup>,
    /// Where CodeDeploy moves it.
    pub code_deploy: Option<CodeDeployFacts>,
}

/// What a reach is worked out from.
#[derive(Debug, Clone, Copy)]
pub struct ReachRequest<'a> {
    /// The project, with its services.
    pub project: &'a Project,
    /// Which commands.
    pub group: Group,
    /// In which environments.
    pub environments: &'a [&'a Environment],
    /// The label that `register` writes.
    pub label: &'a Label,
    /// The account and region of every home that is reached.
    pub sites: &'a [(Home, Arns)],
    /// What AWS told of services; absent where it told nothing.
    pub services: &'a BTreeMap<(EnvironmentId, ServiceId), ServiceFacts>,
    /// The repositories of images; absent where nothing is known.
    pub images: &'a BTreeMap<ImageId, BTreeSet<EcrRepository>>,
}

/// What each principal reaches. Whoever runs the program comes first.
#[must_use]
pub fn reaches(request: &ReachRequest<'_>) -> Vec<Reach> {
    let mut found = Found { request: *request, reaches: BTreeMap::new() };
    match request.group {
        Group::Status | Group::Deploy | Group::Doctor => {
            for environment in request.environments {
                found.add_environment(environment);
            }
            found.add_labels();
        }
        Group::Register => found.add_registering(),
        Group::Store => {}
    }
    found.add_store();
    found.add_roles();
    found.reaches.into_values().collect()
}

/// The reaches on the way.
struct Found<'a> {
    /// What they are worked out from.
    request: ReachRequest<'a>,
    /// By principal.
    reaches: BTreeMap<Principal, Reach>,
}

impl<'a> Found<'a> {
    /// The reach of whoever works at a home, and the ARNs there. Nothing where nobody said where it
    /// is.
    fn at(&mut self, home: &Home) -> Option<(&mut Reach, &'a Arns)> {
        let (_, arns) = self.request.sites.iter().find(|(of, _)| of == home)?;
        let principal = Principal::of(home);
        let reach =
            self.reaches.entry(principal.clone()).or_insert_with(|| Reach::nothing(principal));
        Some((reach, arns))
    }

    /// Whether the commands change something.
    fn deploys(&self) -> bool {
        self.request.group == Group::Deploy
    }

    /// Whether the commands look at what is to be deployed.
    fn reads_labels(&self) -> bool {
        matches!(self.request.group, Group::Deploy | Group::Doctor)
    }

    /// The folder of all labels of the project.
    fn labels(&self) -> String {
        format!("/{}/images", self.request.project.id)
    }

    /// All that is done in an environment.
    fn add_environment(&mut self, environment: &'a Environment) {
        let project = self.request.project;
        for service in project.services.values() {
            let cluster = project.cluster(environment, service);
            let name = service.ecs_service_name(&environment.id);
            if let (Ok(cluster), Ok(name)) = (cluster, name) {
                self.add_service(environment, service, (cluster, &name));
            }
        }
        let own = ParameterName::folder(&project.id, &Label::of_environment(&environment.id));
        let (labels, deploys) = (self.labels(), self.deploys());
        let (reads_labels, asks_iam) = (self.reads_labels(), self.request.group == Group::Doctor);
        if let Some((reach, arns)) = self.at(&environment.home()) {
            let read = if reads_labels { &labels } else { &own };
            reach.read_parameters.insert(arns.parameters(read));
            if deploys {
                reach.written_parameters.insert(arns.parameters(&own));
            }
            if asks_iam {
                reach.oneself.insert(oneself(&reach.principal, arns));
            }
        }
        if reads_labels {
            self.add_repositories(&environment.home());
        }
        if !deploys {
            return;
        }
        self.add_copies(environment);
        let from = environment.from.as_ref().and_then(|from| project.environments.get(from));
        if let Some(from) = from
            && let Some((reach, arns)) = self.at(&from.home())
        {
            reach.read_parameters.insert(arns.parameters(&labels));
        }
    }

    /// A service in its cluster.
    fn add_service(
        &mut self,
        environment: &Environment,
        service: &Service,
        (cluster, name): (&ClusterName, &EcsServiceName),
    ) {
        let key = (environment.id.clone(), service.id.clone());
        let facts = self.request.services.get(&key);
        let deploys = self.deploys();
        let Some((reach, arns)) = self.at(&environment.home()) else { return };
        reach.clusters.insert(arns.cluster(cluster));
        reach.services.extend(arns.service(cluster, name.as_str()));
        reach.tasks.insert(arns.tasks(cluster));
        let named = service.code_deploy_group(&environment.id);
        add_code_deploy((reach, arns), (cluster, name), (named, facts));
        if deploys {
            match facts {
                Some(facts) => {
                    if service.before.is_some() && facts.propagates_tags {
                        reach.tagged_tasks.insert(arns.tasks(cluster));
                    }
                    add_definition((reach, arns), service, facts);
                }
                None => add_unknown((reach, arns), service),
            }
        }
    }

    /// What is read of the project's own labels.
    fn add_labels(&mut self) {
        let project = self.request.project;
        let (labels, deploys) = (self.labels(), self.deploys());
        let reads = self.reads_labels();
        if let Some((reach, arns)) = self.at(&project.home).filter(|_| reads) {
            reach.read_parameters.insert(arns.parameters(&labels));
        }
        if deploys {
            self.add_repositories(&project.home);
        }
        let latest = ParameterName::folder(&project.id, &Label::latest());
        if project.is_open()
            && let Some((reach, arns)) = self.at(&project.home)
        {
            reach.listed_parameters.insert(arns.folder(&latest));
        }
    }

    /// What `register` does.
    fn add_registering(&mut self) {
        let project = self.request.project;
        let environment = project.environments.get(self.request.label.as_str());
        let home = environment.map_or_else(|| project.home.clone(), Environment::home);
        let folder = ParameterName::folder(&project.id, self.request.label);
        if let Some((reach, arns)) = self.at(&home) {
            reach.read_parameters.insert(arns.parameters(&folder));
            reach.written_parameters.insert(arns.parameters(&folder));
        }
        self.add_repositories(&home);
    }

    /// The repositories of all images, for whoever asks from a home.
    fn add_repositories(&mut self, home: &Home) {
        let (project, images) = (self.request.project, self.request.images);
        let Some((reach, arns)) = self.at(home) else { return };
        for image in project.images.values() {
            let named = image.repository.as_deref();
            let seen = images.get(&image.id);
            let whole = named.and_then(EcrRepository::parse);
            let own = named.filter(|name| is_name(name) && seen.is_none_or(BTreeSet::is_empty));
            reach.repositories.extend(whole.as_ref().map(Arns::repository));
            reach.repositories.extend(own.map(|name| arns.own_repository(name)));
            reach.repositories.extend(seen.into_iter().flatten().map(Arns::repository));
            if named.is_none() && seen.is_none() {
                reach
                    .repositories
                    .insert(arns.own_repository(&format!("REPOSITORY-OF-{}", image.id)));
            }
        }
    }

    /// The repositories of all images in the registry of an environment's own.
    fn add_copies(&mut self, environment: &Environment) {
        let (project, images) = (self.request.project, self.request.images);
        let Some(registry) = &environment.registry else { return };
        let Some((reach, _)) = self.at(&environment.home()) else { return };
        for image in project.images.values() {
            let named = image.repository.as_deref();
            let whole = named.and_then(EcrRepository::parse).map(|repository| repository.name);
            let own = named.filter(|name| is_name(name)).map(str::to_owned);
            let seen = images.get(&image.id).into_iter().flatten();
            let all = seen.map(|repository| repository.name.clone()).chain(whole).chain(own);
            let there = all.filter_map(|name| registry.repository(&name));
            reach.repositories.extend(there.map(|repository| Arns::repository(&repository)));
        }
    }

    /// The store, where it is a table.
    fn add_store(&mut self) {
        let StoreSetting::DynamoDb(setting) = &self.request.project.store else { return };
        let TableSetting { table, home } = setting.as_ref();
        let (read, written) = (self.read_keys(), self.written_keys());
        let Some((reach, arns)) = self.at(home) else { return };
        let table = arns.table(table.as_str());
        reach.store_reads.extend([table.clone(), format!("{table}/index/*")]);
        reach.store_table.insert(table);
        reach.read_keys.extend(read);
        reach.written_keys.extend(written);
    }

    /// The partitions of the store that are the project's.
    fn read_keys(&self) -> Vec<String> {
        let project = &self.request.project.id;
        vec![format!("P#{project}"), format!("P#{project}#*")]
    }

    /// The partitions of the store that the commands write: those of the project, and of the
    /// environments they are for.
    fn written_keys(&self) -> Vec<String> {
        let project = &self.request.project.id;
        let of_project = ["", "#AUD", "#ART#*"].map(|end| format!("P#{project}{end}"));
        let mut keys = of_project.to_vec();
        if self.deploys() {
            keys.extend(["#DEP", "#R#*"].map(|end| format!("P#{project}{end}")));
            for environment in self.request.environments {
                let of = format!("P#{project}#E#{}", environment.id);
                keys.extend([format!("{of}#*"), of]);
            }
        }
        keys
    }

    /// The roles that whoever runs the program takes on.
    fn add_roles(&mut self) {
        let roles: BTreeSet<String> = self
            .reaches
            .keys()
            .filter_map(|principal| match principal {
                Principal::Role(role) => Some(role.clone()),
                Principal::Caller => None,
            })
            .collect();
        if !roles.is_empty() {
            let caller = self
                .reaches
                .entry(Principal::Caller)
                .or_insert_with(|| Reach::nothing(Principal::Caller));
            caller.assumed_roles = roles;
        }
    }
}

/// The principal as a resource of IAM. Which role it is that runs the program the manifest does not
/// tell, where it names none.
fn oneself(principal: &Principal, arns: &Arns) -> String {
    match principal {
        Principal::Role(arn) => arn.clone(),
        Principal::Caller => arns.role("YOUR-ROLE"),
    }
}

/// Whether a repository of the manifest is a name only, without a registry's host.
fn is_name(repository: &str) -> bool {
    let first = repository.split('/').next().unwrap_or_default();
    !(repository.contains('/') && first.contains(['.', ':']))
}

/// What is done with the task definition of a service.
fn add_definition((reach, arns): (&mut Reach, &Arns), service: &Service, facts: &ServiceFacts) {
    let family = arns.family(&facts.family);
    if facts.is_tagged {
        reach.tagged_families.insert(family.clone());
    }
    if service.before.is_some() {
        reach.one_off_families.insert(family.clone());
    }
    reach.families.insert(family);
    reach.task_roles.extend(facts.task_roles.iter().cloned());
    for log in &facts.logs {
        let region = log.region.clone().unwrap_or_else(|| arns.region.clone());
        let there = Arns { region, account: arns.account.clone() };
        reach.logs.insert(there.log_group(&log.name));
    }
}

/// The same for a service of which nothing is known.
fn add_unknown((reach, arns): (&mut Reach, &Arns), service: &Service) {
    let id = &service.id;
    let family = arns.family(&format!("FAMILY-OF-{id}"));
    if service.before.is_some() {
        reach.one_off_families.insert(family.clone());
    }
    reach.families.insert(family);
    reach.task_roles.insert(arns.role(&format!("TASK-ROLE-OF-{id}")));
    reach.task_roles.insert(arns.role(&format!("EXECUTION-ROLE-OF-{id}")));
    reach.logs.insert(arns.log_group(&format!("LOG-GROUP-OF-{id}")));
}

/// What is done with the deployment group of a service, where it has one.
fn add_code_deploy(
    (reach, arns): (&mut Reach, &Arns),
    (cluster, name): (&ClusterName, &EcsServiceName),
    (named, facts): (Option<CodeDeployGroup>, Option<&ServiceFacts>),
) {
    let is_moved = facts.map_or(named.is_some(), |facts| facts.code_deploy.is_some());
    if !is_moved {
        return;
    }
    let found = facts.and_then(|facts| facts.code_deploy.as_ref()?.group.clone());
    let usual = CodeDeployGroup {
        application: format!("AppECS-{cluster}-{name}"),
        group: format!("DgpECS-{cluster}-{name}"),
    };
    // A group that the manifest does not name is looked for: first by the names that AWS's console
    // gives.
    let tried = named.is_none().then(|| usual.clone());
    reach.looks_for_deployment_groups |= named.is_none() && found.as_ref() != Some(&usual);
    for group in [named, tried, found].into_iter().flatten() {
        reach.deployment_groups.insert(arns.deployment_group(&group));
        reach.applications.insert(arns.application(&group));
    }
    reach.deployment_configurations.insert(arns.deployment_configurations());
}
