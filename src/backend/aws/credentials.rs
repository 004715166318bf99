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
use aws_credential_types::{
    Credentials,
    credential_feature::AwsCredentialFeature,
    provider::{ProvideCredentials as _, SharedCredentialsProvider, error::CredentialsError},
};
use jiff::Timestamp;

use super::connection::Connection;
use crate::model::{CredentialSource, SignIn};

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

/// What is remembered of how a connection signs in.
#[derive(Debug)]
pub(super) struct Entrance {
    /// The credentials that it begins with.
    base: SharedCredentialsProvider,
    /// Whether they were given, which only the sandbox does.
    is_given: bool,
    /// The profile, where one is named.
    profile: Option<String>,
    /// The role that is taken on with them.
    role: Option<String>,
}

impl Entrance {
    /// Of a connection.
    pub(super) fn of(connection: &Connection, base: SharedCredentialsProvider) -> Self {
        Self {
            base,
            is_given: connection.credentials.is_some(),
            profile: connection.profile.clone(),
            role: connection.role_arn.clone(),
        }
    }

    /// How the credentials of a request come to be. `last` are those that requests are signed with.
    pub(super) async fn sign_in(
        &self,
        last: &SharedCredentialsProvider,
    ) -> Result<SignIn, CredentialsError> {
        let base = self.base.provide_credentials().await?;
        let mut sources = self.sources(&base);
        let mut until = base.expiry();
        let is_fixed =
            sources == [CredentialSource::EnvironmentKeys] && base.session_token().is_some();
        if let Some(role) = &self.role {
            sources.push(CredentialSource::Role(role.clone()));
            until = last.provide_credentials().await?.expiry();
        }
        let until = until.and_then(|at| Timestamp::try_from(at).ok());
        Ok(SignIn { sources, until, is_fixed })
    }

    /// Where the first credentials come from, as the SDK notes it in them.
    fn sources(&self, base: &Credentials) -> Vec<CredentialSource> {
        if self.is_given {
            return vec![CredentialSource::Sandbox];
        }
        let noted = base.get_property::<Vec<AwsCredentialFeature>>();
        let known = |feature: &AwsCredentialFeature| self.source(feature);
        let mut sources: Vec<CredentialSource> =
            noted.into_iter().flatten().filter_map(known).collect();
        // The profile is noted last, and comes first.
        let of_profile = |source: &CredentialSource| matches!(source, CredentialSource::Profile(_));
        sources.sort_by_key(|source| !of_profile(source));
        sources.dedup();
        if sources.is_empty() {
            sources.push(CredentialSource::Unknown);
        }
        sources
    }

    /// A source as the SDK notes it. A web identity of the environment is noted as one of a profile.
    fn source(&self, feature: &AwsCredentialFeature) -> Option<CredentialSource> {
        use AwsCredentialFeature as Noted;
        Some(match feature {
            Noted::CredentialsEnvVars => CredentialSource::EnvironmentKeys,
            Noted::CredentialsProfile | Noted::CredentialsProfileNamedProvider => {
                CredentialSource::Profile(self.profile.clone())
            }
            Noted::CredentialsSso | Noted::CredentialsProfileSso => CredentialSource::SingleSignOn,
            Noted::CredentialsEnvVarsStsWebIdToken
            | Noted::CredentialsProfileStsWebIdToken
            | Noted::CredentialsStsAssumeRoleWebId => CredentialSource::WebIdentity,
            Noted::CredentialsProcess | Noted::CredentialsProfileProcess => {
                CredentialSource::Process
            }
            Noted::CredentialsHttp => CredentialSource::Container,
            Noted::CredentialsImds => CredentialSource::Instance,
            Noted::CredentialsStsAssumeRole | Noted::CredentialsProfileSourceProfile => {
                CredentialSource::ProfileRole
            }
            _ => return None,
        })
    }
}
