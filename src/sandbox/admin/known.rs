//! What there is that a user can name: so that a name nothing has is refused and not taken silently.

use std::collections::{BTreeMap, BTreeSet};

use crate::sandbox::{
    Sandbox, SandboxError,
    ecr::{self, admin::Resolution},
    ecs,
};

impl Sandbox {
    /// The images that a text means which a fate is bound to: those of ECR, and those that task
    /// definitions name. The URI of an image in a registry that is not emulated means itself.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn images_meant(&self, text: &str) -> Result<BTreeSet<String>, SandboxError> {
        self.state.transact(|transaction| {
            let mut images: BTreeSet<String> = ecr::admin::uris(transaction)?.into_iter().collect();
            images.extend(ecs::admin::images(transaction)?);
            images.retain(|image| ecs::admin::means_image(text, image));
            let is_elsewhere = ecr::admin::resolve(transaction, text)? == Resolution::OtherRegistry;
            if is_elsewhere && has_host(text) {
                images.insert(text.to_owned());
            }
            Ok(images)
        })
    }

    /// The functions that lifecycle hooks of services call, by their ARNs, each with whether a text
    /// means it that an answer is bound to.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn hook_functions(&self, text: &str) -> Result<BTreeMap<String, bool>, SandboxError> {
        let called = self.state.transact(|transaction| ecs::admin::hook_functions(transaction))?;
        let meant = |arn: String| {
            let is_meant = ecs::admin::means_function(text, &arn);
            (arn, is_meant)
        };
        Ok(called.into_iter().map(meant).collect())
    }
}

/// Whether a URI names its registry: a host has a dot or a port.
fn has_host(uri: &str) -> bool {
    uri.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']))
}
