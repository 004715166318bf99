//! Which deployment group moves a service.

use std::sync::PoisonError;

use aws_sdk_codedeploy::types::DeploymentGroupInfo;

use super::{
    BATCH_GET_DEPLOYMENT_GROUPS, CodeDeploy, GET_DEPLOYMENT_GROUP, GROUPS_A_CALL,
    LIST_APPLICATIONS, LIST_DEPLOYMENT_GROUPS, ServiceKey, convert, is_missing,
};
use crate::{
    backend::{aws::in_parallel, platform::ecs::EcsError},
    model::{ClusterName, CodeDeployGroup, CodeDeployWaits, EcsDeploymentId, EcsServiceName},
};

/// How many pages of a listing are read: a hundred names each.
const PAGES_MAX: usize = 50;

/// A group as it is found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The group.
    pub(crate) group: CodeDeployGroup,
    /// The waits that it plans for each deployment.
    pub(crate) waits: CodeDeployWaits,
    /// Its latest deployment.
    pub(crate) last: Option<EcsDeploymentId>,
}

impl CodeDeploy {
    /// The group that moves a service, and its latest deployment; or why there is none, in one
    /// sentence. That we may not look is such a reason.
    pub(crate) async fn latest(&self, key: &ServiceKey) -> Result<Result<Found, String>, EcsError> {
        match self.group_of(key).await {
            Ok(Ok((group, info))) => {
                let last = info.last_attempted_deployment().and_then(|last| last.deployment_id());
                let last = last.map(EcsDeploymentId::new);
                let configured = info.blue_green_deployment_configuration();
                let waits = convert::waits((info.deployment_config_name(), configured));
                Ok(Ok(Found { group, waits: self.with_shift(waits).await?, last }))
            }
            Ok(Err(reason)) => Ok(Err(reason)),
            Err(error) if error.is_denied() => {
                let why = error.aws().map(ToString::to_string).unwrap_or_default();
                Ok(Err(format!("CodeDeploy does not let us see its deployment groups: {why}")))
            }
            Err(error) => Err(error),
        }
    }

    /// The group that moves a service, and what CodeDeploy says of it; or why there is none, in one
    /// sentence. The manifest's word counts first, then the names that AWS's console gives, then
    /// the groups of the account are looked through.
    async fn group_of(
        &self,
        key: &ServiceKey,
    ) -> Result<Result<(CodeDeployGroup, DeploymentGroupInfo), String>, EcsError> {
        if let Some(named) = self.named.get(key) {
            let found = self.group(named).await?;
            return Ok(found.map(|info| (named.clone(), info)).ok_or_else(|| {
                format!("the manifest names deployment group {named}, which is not there")
            }));
        }
        let known = self.known(key);
        for group in known.into_iter().chain([conventional(key)]) {
            if let Some(info) = self.group(&group).await?
                && moves(&info, key)
            {
                self.remember(key, &group);
                return Ok(Ok((group, info)));
            }
        }
        let all = self.shared.all.get_or_try_init(|| self.all_groups()).await?;
        let ours: Vec<&CodeDeployGroup> =
            all.iter().filter(|(of, _)| of == key).map(|(_, group)| group).collect();
        let [group] = ours.as_slice() else {
            return Ok(Err(match ours.as_slice() {
                [] => "no deployment group of CodeDeploy names it".to_owned(),
                [first, second, ..] => {
                    format!("several deployment groups name it: {first}, {second}")
                }
                [_] => String::new(),
            }));
        };
        self.remember(key, group);
        let found = self.group(group).await?;
        Ok(found.map(|info| ((*group).clone(), info)).ok_or_else(|| format!("{group} is gone")))
    }

    /// The group that was found for a service before.
    fn known(&self, key: &ServiceKey) -> Option<CodeDeployGroup> {
        self.shared.found.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Keeps the group that was found for a service.
    fn remember(&self, key: &ServiceKey, group: &CodeDeployGroup) {
        let mut found = self.shared.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert(key.clone(), group.clone());
    }

    /// What CodeDeploy says of a group; nothing where there is none.
    async fn group(
        &self,
        group: &CodeDeployGroup,
    ) -> Result<Option<DeploymentGroupInfo>, EcsError> {
        let request = self
            .client
            .get_deployment_group()
            .application_name(&group.application)
            .deployment_group_name(&group.group);
        match self.session.call(GET_DEPLOYMENT_GROUP, || request.clone().send()).await {
            Ok(answer) => Ok(answer.deployment_group_info),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(EcsError::of(format!("read deployment group {group}"))(error)),
        }
    }

    /// All groups of the account that move an ECS service.
    async fn all_groups(&self) -> Result<Vec<(ServiceKey, CodeDeployGroup)>, EcsError> {
        let applications = self.applications().await?;
        let of_each = applications.iter().map(|application| self.groups_of(application));
        Ok(in_parallel(of_each.collect()).await?.into_iter().flatten().collect())
    }

    /// The names of all applications.
    async fn applications(&self) -> Result<Vec<String>, EcsError> {
        let (mut all, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = self.client.list_applications().set_next_token(next);
            let answer = self
                .session
                .call(LIST_APPLICATIONS, || request.clone().send())
                .await
                .map_err(EcsError::of("list the applications of CodeDeploy"))?;
            all.extend_from_slice(answer.applications());
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// The groups of an application that move an ECS service.
    async fn groups_of(
        &self,
        application: &str,
    ) -> Result<Vec<(ServiceKey, CodeDeployGroup)>, EcsError> {
        let doing = || format!("list the deployment groups of `{application}`");
        let (mut names, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = self
                .client
                .list_deployment_groups()
                .application_name(application)
                .set_next_token(next);
            let answer = self
                .session
                .call(LIST_DEPLOYMENT_GROUPS, || request.clone().send())
                .await
                .map_err(EcsError::of(doing()))?;
            names.extend_from_slice(answer.deployment_groups());
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        let mut found = Vec::new();
        for names in names.chunks(GROUPS_A_CALL) {
            let request = self
                .client
                .batch_get_deployment_groups()
                .application_name(application)
                .set_deployment_group_names(Some(names.to_vec()));
            let answer = self
                .session
                .call(BATCH_GET_DEPLOYMENT_GROUPS, || request.clone().send())
                .await
                .map_err(EcsError::of(doing()))?;
            found.extend(answer.deployment_groups_info().iter().flat_map(services_of));
        }
        Ok(found)
    }
}

/// The names that AWS's console gives to what it makes for a service.
fn conventional((cluster, service): &ServiceKey) -> CodeDeployGroup {
    CodeDeployGroup {
        application: format!("AppECS-{cluster}-{service}"),
        group: format!("DgpECS-{cluster}-{service}"),
    }
}

/// Whether a group moves a service.
fn moves(info: &DeploymentGroupInfo, key: &ServiceKey) -> bool {
    services_of(info).iter().any(|(of, _)| of == key)
}

/// The services that a group moves.
fn services_of(info: &DeploymentGroupInfo) -> Vec<(ServiceKey, CodeDeployGroup)> {
    let text = |name: Option<&str>| name.unwrap_or_default().to_owned();
    let group = CodeDeployGroup {
        application: text(info.application_name()),
        group: text(info.deployment_group_name()),
    };
    let key = |cluster: Option<&str>, service: Option<&str>| {
        let cluster = ClusterName::new(cluster.unwrap_or("default")).ok()?;
        Some((cluster, EcsServiceName::new(service?).ok()?))
    };
    info.ecs_services()
        .iter()
        .filter_map(|one| key(one.cluster_name(), one.service_name()))
        .map(|key| (key, group.clone()))
        .collect()
}
