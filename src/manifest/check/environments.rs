//! Environments: their settings, what the project lends them, and where `from` leads.

use std::path::PathBuf;

use super::{Draft, Kind, define};
use crate::{
    manifest::{
        error::ManifestErrorKind,
        project::{Environment, Home, RoleArn},
        read::{Collection, Item, join},
        shape,
        tree::Text,
    },
    model::{AccountId, EcrRegistry, EnvironmentId},
};

impl Draft<'_> {
    /// Reads what the project lends to its environments.
    pub(super) fn home(&mut self, table: &shape::Project) -> Home {
        let home = Home {
            region: self.region(table.region.as_ref()),
            account: table.account.as_ref().and_then(|account| self.account(account)),
            role_arn: table.role_arn.as_ref().and_then(|text| self.role_arn(text)),
            external_id: None,
            profile: table.profile.as_ref().map(|profile| profile.value.clone()),
        };
        let mismatch = check_accounts(&self.path, home.account.as_ref(), home.role_arn.as_ref());
        if let (Err(kind), Some(text)) = (mismatch, &table.role_arn) {
            self.reader.report(text.span, kind);
        }
        home
    }

    /// Defines the environments of the project.
    pub(super) fn define_environments(
        &mut self,
        environments: Option<Collection<shape::Environment>>,
    ) {
        for item in environments.into_iter().flat_map(|Collection(items)| items) {
            self.define_environment(item);
        }
    }

    /// Defines one environment.
    fn define_environment(&mut self, item: Item<shape::Environment>) {
        let Item { id, path, table } = item;
        let environment =
            define(&id, Kind::Environment, &mut self.defined_environments, self.reader);
        let cluster = table.cluster.as_ref().and_then(|cluster| self.parse(cluster));
        let region = self.region(table.region.as_ref());
        let account = table.account.as_ref().and_then(|account| self.account(account));
        let role_arn = table.role_arn.as_ref().and_then(|text| self.role_arn(text));
        let registry = table.registry.as_ref().and_then(|text| self.registry(text));
        if let Some(from) = &table.from {
            self.refer(&join(&path, "from"), Kind::Environment, from);
        }
        let Some(environment): Option<EnvironmentId> = environment else { return };
        if let Some(from) = table.from {
            self.from.insert(environment.clone(), from);
        }
        let environment = Environment {
            name: table.name.map_or_else(|| environment.to_string(), |name| name.value),
            id: environment,
            cluster,
            region,
            account,
            role_arn,
            external_id: table.external_id.map(|id| id.value),
            profile: table.profile.map(|profile| profile.value),
            from: None,
            registry,
            on_failure: table.on_failure.unwrap_or_default(),
            require_reason: table.require_reason.unwrap_or_default(),
            terraform_state: table.terraform.and_then(state).map(Into::into),
        };
        self.environments.insert(environment.id.clone(), environment);
    }

    /// Reads the ARN of a role.
    pub(super) fn role_arn(&mut self, text: &Text) -> Option<RoleArn> {
        let role = RoleArn::parse(&text.value);
        if role.is_none() {
            self.reader.report(text.span, ManifestErrorKind::InvalidRoleArn(text.value.clone()));
        }
        role
    }

    /// Reads the host of a registry.
    fn registry(&mut self, text: &Text) -> Option<EcrRegistry> {
        let registry = EcrRegistry::parse(&text.value);
        if registry.is_none() {
            self.reader.report(text.span, ManifestErrorKind::InvalidRegistry(text.value.clone()));
        }
        registry
    }

    /// Sets where each environment takes its images from, and takes down circles.
    pub(super) fn link_environments(&mut self) {
        for (id, from) in &self.from {
            let from = self.environments.get(from.value.as_str()).map(|from| from.id.clone());
            if let Some(environment) = self.environments.get_mut(id) {
                environment.from = from;
            }
        }
        let ids: Vec<EnvironmentId> = self.environments.keys().cloned().collect();
        for id in ids {
            let circle = self.circle_from(&id);
            let is_first = circle.iter().all(|other| self.position(&id) <= self.position(other));
            if let (true, false, Some(from)) = (is_first, circle.is_empty(), self.from.get(&id)) {
                let names = circle.iter().map(ToString::to_string).collect();
                self.reader.report(from.span, ManifestErrorKind::Cycle(names));
            }
        }
    }

    /// The environments on the way from `start` back to it; none if the way does not lead back.
    fn circle_from(&self, start: &EnvironmentId) -> Vec<EnvironmentId> {
        let mut way = vec![start.clone()];
        let mut here = start;
        while let Some(next) = self.environments.get(here).and_then(|e| e.from.as_ref()) {
            if next == start {
                return way;
            }
            if way.contains(next) {
                break;
            }
            way.push(next.clone());
            here = next;
        }
        Vec::new()
    }

    /// The place of an environment in the order of the file.
    fn position(&self, id: &EnvironmentId) -> Option<usize> {
        self.environments.get_index_of(id)
    }

    /// Fills in what the project lends, and compares each account with that of the role.
    pub(super) fn apply_defaults(&mut self, home: &Home, terraform_state: Option<&String>) {
        for environment in self.environments.values_mut() {
            lend(&mut environment.terraform_state, terraform_state.map(PathBuf::from).as_ref());
            environment.terraform_state = environment.terraform_state.take().map(|path| {
                path.to_string_lossy().replace("{env}", environment.id.as_str()).into()
            });
            let path = format!("{}.environments.{}", self.path, environment.id);
            let is_lent_both = environment.account.is_none() && environment.role_arn.is_none();
            lend(&mut environment.region, home.region.as_ref());
            let lent = home.role_arn.as_ref().filter(|role| serves(role, environment));
            lend(&mut environment.role_arn, lent);
            lend(&mut environment.account, home.account.as_ref());
            lend(&mut environment.profile, home.profile.as_ref());
            let checked = if environment.external_id.is_some() && environment.role_arn.is_none() {
                let (key, needed) = ("external_id", "role_arn");
                Err(ManifestErrorKind::NeedsKey { place: path, key, needed })
            } else if is_lent_both {
                Ok(())
            } else {
                check_accounts(&path, environment.account.as_ref(), environment.role_arn.as_ref())
            };
            if let Err(kind) = checked {
                let span = self.defined_environments.get(environment.id.as_str());
                self.reader.report(span.copied().unwrap_or_default(), kind);
            }
        }
    }
}

/// The path of a `terraform` table. The reader has reported where there is none.
pub(super) fn state(table: shape::Terraform) -> Option<String> {
    table.state.map(|state| state.value)
}

/// Takes the project's setting where an environment has none.
pub(super) fn lend<T: Clone>(own: &mut Option<T>, lent: Option<&T>) {
    *own = own.take().or_else(|| lent.cloned());
}

/// Whether the project's role can be taken on for an environment: not where that names another
/// account, whose own role is signed in to.
fn serves(role: &RoleArn, environment: &Environment) -> bool {
    environment.account.as_ref().is_none_or(|account| account.as_str() == role.account())
}

/// Checks that a role is in the account that it is used for: ECS reaches no other.
pub(super) fn check_accounts(
    path: &str,
    account: Option<&AccountId>,
    role: Option<&RoleArn>,
) -> Result<(), ManifestErrorKind> {
    match (account, role) {
        (Some(account), Some(role)) if account.as_str() != role.account() => {
            Err(ManifestErrorKind::AccountMismatch {
                place: path.to_owned(),
                account: account.to_string(),
                role_account: role.account().to_owned(),
            })
        }
        _ => Ok(()),
    }
}
