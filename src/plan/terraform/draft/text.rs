//! The text of a manifest that was made.

use std::collections::BTreeMap;

use super::{
    super::toml::{key, quote, table},
    DraftManifest, Environment, Service,
};
use crate::model::{ProjectId, ServiceId};

/// The text of a manifest.
pub(super) fn write(
    project: &ProjectId,
    (environments, services): (&BTreeMap<String, Environment>, &BTreeMap<ServiceId, Service>),
    left_out: Vec<String>,
) -> DraftManifest {
    let mut remarks = left_out;
    let mut lines = vec![
        "# What can be deployed, and where: made from what Terraform says. Terraform does not tell of \
         service"
            .to_owned(),
        "# sets, of the roles to deploy with, of the store, and from which environment another takes \
         its images."
            .to_owned(),
        String::new(),
        format!("[{}]", key(project.as_str())),
    ];
    for (id, environment) in environments {
        lines.push(String::new());
        lines.extend(environment.remarks.iter().map(|remark| format!("# {remark}")));
        remarks.extend(environment.remarks.iter().cloned());
        lines.push(format!("[{}.environments.{}]", key(project.as_str()), key(id)));
        lines.push(format!("cluster = {}", quote(&environment.cluster)));
        let region = environment.region.as_ref().map(|region| quote(region.as_str()));
        lines.extend(region.map(|region| format!("region  = {region}")));
        let account = environment.account.as_ref().map(|account| quote(account.as_str()));
        lines.extend(account.map(|account| format!("account = {account}")));
    }
    for (id, service) in services {
        lines.push(String::new());
        lines.extend(service.remarks.iter().map(|remark| format!("# {remark}")));
        remarks.extend(service.remarks.iter().map(|remark| format!("{id}: {remark}")));
        lines.push(format!("[{}.services.{}]", key(project.as_str()), key(id.as_str())));
        lines.extend(service.ecs_name.as_ref().map(|name| format!("service = {}", quote(name))));
        lines.extend(images(id, service));
        if !service.clusters.is_empty() {
            lines.push(format!("cluster = {}", table(&service.clusters)));
        }
    }
    lines.push(String::new());
    let (services, environments) = (services.len(), environments.len());
    DraftManifest { text: lines.join("\n"), remarks, services, environments }
}

/// The key `images` of a service; nothing where it is the default.
fn images(id: &ServiceId, service: &Service) -> Option<String> {
    let all = &service.containers;
    let same = all.iter().all(|(container, image)| container == image);
    match all.iter().collect::<Vec<_>>().as_slice() {
        [] => None,
        [(_, image)] if same && *image == id.as_str() => None,
        _ if same => {
            let images: Vec<String> = all.values().map(|image| quote(image)).collect();
            Some(format!("images = [{}]", images.join(", ")))
        }
        _ => Some(format!("images = {}", table(all))),
    }
}
