//! Restarts that failed since their services were deployed last, for `status`: no head tells of them.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{error::OpError, workspace::Workspace};
use crate::{
    manifest::Service,
    model::{Deployment, DeploymentNumber, FailedRestart, Restarting, ServiceHead, ServiceId},
};

/// The newest restart of each service, where that is newer than its last deployment and failed, by the
/// newest deployments of the environment with the services that they have steps for. A restart that failed
/// before them is not told any more, as `docs/tasks.md` says.
pub(super) async fn failed_restarts(
    workspace: &Workspace,
    (heads, services): (&BTreeMap<ServiceId, ServiceHead>, &[&Service]),
    newest: &[(DeploymentNumber, Vec<ServiceId>)],
) -> Result<BTreeMap<ServiceId, FailedRestart>, OpError> {
    let (ledger, project) = (&workspace.ledger, &workspace.project.id);
    let mut read: BTreeMap<DeploymentNumber, Deployment> = BTreeMap::new();
    let mut failed = BTreeMap::new();
    for service in services {
        let deployed = heads.get(&service.id).map(|head| head.deployment);
        let is_of_it = |(number, services): &&(DeploymentNumber, Vec<ServiceId>)| {
            Some(*number) > deployed && services.contains(&service.id)
        };
        for (number, _) in newest.iter().filter(is_of_it) {
            let deployment = match read.entry(*number) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(ledger.deployment(project, *number).await?),
            };
            let Some(step) = deployment.step(&service.id) else { continue };
            match Restarting::of(deployment, step) {
                Restarting::NotBegun => {}
                Restarting::Fine => break,
                Restarting::Failed(restart) => {
                    failed.insert(service.id.clone(), restart);
                    break;
                }
            }
        }
    }
    Ok(failed)
}
