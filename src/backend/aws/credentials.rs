//! Where credentials come from.
//!
//! What the settings name is taken, and nothing else: the SDK's own chain prefers keys from the
//! environment to a profile that is asked for by name, which would send a release to whatever
//! account those keys are of.

use aws_config::{
    ecs::EcsCredentialsProvider,
    environment::EnvironmentVariableCredentialsProvider,
    imds::{self, credentials::ImdsCredentialsProvider},
    meta::credentials::CredentialsProviderChain,
    profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig,
    web_identity_token::WebIdentityTokenCredentialsProvider,
};
use aws_credential_types::provider::SharedCredentialsProvider;

use super::connection::Connection;

/// The credentials that a connection begins with, before it takes on its role.
pub(super) fn base(connection: &Connection, config: &ProviderConfig) -> SharedCredentialsProvider {
    if let Some(given) = &connection.credentials {
        return given.clone();
    }
    let profiles = ProfileFileCredentialsProvider::builder().configure(config);
    match &connection.profile {
        Some(name) => SharedCredentialsProvider::new(profiles.profile_name(name).build()),
        None => chain(connection, config, profiles.build()),
    }
}

/// The usual places, in the usual order. EC2's metadata service is asked only where it is wanted:
/// elsewhere nobody answers, and the silence takes seconds.
fn chain(
    connection: &Connection,
    config: &ProviderConfig,
    profiles: ProfileFileCredentialsProvider,
) -> SharedCredentialsProvider {
    let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(config).build();
    let container = EcsCredentialsProvider::builder().configure(config).build();
    let mut chain = CredentialsProviderChain::first_try(
        "Environment",
        EnvironmentVariableCredentialsProvider::new(),
    )
    .or_else("Profile", profiles)
    .or_else("WebIdentityToken", web_identity)
    .or_else("EcsContainer", container);
    if connection.instance_metadata {
        let client = imds::Client::builder().configure(config).max_attempts(2).build();
        let instance =
            ImdsCredentialsProvider::builder().configure(config).imds_client(client).build();
        chain = chain.or_else("Ec2InstanceMetadata", instance);
    }
    SharedCredentialsProvider::new(chain)
}
