//! Where credentials come from.
//!
//! What the settings name is taken, and nothing else: the SDK's own chain prefers keys from the
//! environment to a profile that is asked for by name, which would send a release to whatever
//! account those keys are of.

use std::sync::{Arc, Mutex, PoisonError};

use aws_config::{
    ecs::EcsCredentialsProvider,
    environment::EnvironmentVariableCredentialsProvider,
    imds::{self, credentials::ImdsCredentialsProvider},
    profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig,
    web_identity_token::WebIdentityTokenCredentialsProvider,
};
use aws_credential_types::{
    Credentials,
    credential_feature::AwsCredentialFeature,
    provider::{
        self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
    },
};
use jiff::Timestamp;

use super::{absence::NoCredentials, connection::Connection};
use crate::model::{CredentialSource, SignIn};

/// The places that credentials are looked for in, in this order.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Each with what gives them.
    each: Vec<(CredentialSource, SharedCredentialsProvider)>,
    /// Whether there is but one, which the settings name.
    is_named: bool,
    /// Where the last credentials came from.
    last: Arc<Mutex<Vec<CredentialSource>>>,
}

impl Places {
    /// Those of a connection: what it names, or the usual ones in the usual order. EC2's metadata
    /// service is asked only where it is wanted: elsewhere nobody answers, and the silence takes
    /// seconds.
    pub(super) fn of(connection: &Connection, config: &ProviderConfig) -> Self {
        let of = |is_named, each| Self { each, is_named, last: Arc::default() };
        if let Some(given) = &connection.credentials {
            return of(true, vec![(CredentialSource::Sandbox, given.clone())]);
        }
        let profiles = ProfileFileCredentialsProvider::builder().configure(config);
        match &connection.profile {
            Some(name) => of(
                true,
                vec![(
                    CredentialSource::Profile(Some(name.clone())),
                    SharedCredentialsProvider::new(profiles.profile_name(name).build()),
                )],
            ),
            None => of(false, usual(connection, config, profiles.build())),
        }
    }

    /// Looks for credentials.
    async fn look(&self) -> provider::Result {
        let (mut lacks_role, mut asks_instance) = (false, false);
        for (source, provider) in &self.each {
            asks_instance |= *source == CredentialSource::Instance;
            match provider.provide_credentials().await {
                Ok(found) => {
                    let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                    *last = sources(source, &found);
                    return Ok(found);
                }
                Err(CredentialsError::CredentialsNotLoaded(why)) if !self.is_named => {
                    lacks_role |= format!("{why:?}").contains("AWS_ROLE_ARN");
                }
                Err(error) => {
                    let why = NoCredentials::by(source, error).await;
                    return Err(CredentialsError::provider_error(why));
                }
            }
        }
        let why = NoCredentials::anywhere(asks_instance, lacks_role);
        Err(CredentialsError::provider_error(why))
    }

    /// Where the last credentials came from; nothing before there were any.
    pub(super) fn last(&self) -> Vec<CredentialSource> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ProvideCredentials for Places {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.look())
    }
}

/// The usual places, in the usual order.
fn usual(
    connection: &Connection,
    config: &ProviderConfig,
    profiles: ProfileFileCredentialsProvider,
) -> Vec<(CredentialSource, SharedCredentialsProvider)> {
    let keys = EnvironmentVariableCredentialsProvider::new();
    let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(config).build();
    let container = EcsCredentialsProvider::builder().configure(config).build();
    let mut places = vec![
        (CredentialSource::EnvironmentKeys, SharedCredentialsProvider::new(keys)),
        (CredentialSource::Profile(None), SharedCredentialsProvider::new(profiles)),
        (CredentialSource::WebIdentity, SharedCredentialsProvider::new(web_identity)),
        (CredentialSource::Container, SharedCredentialsProvider::new(container)),
    ];
    if connection.instance_metadata {
        let client = imds::Client::builder().configure(config).max_attempts(2).build();
        let instance = ImdsCredentialsProvider::builder().configure(config).imds_client(client);
        places.push((CredentialSource::Instance, SharedCredentialsProvider::new(instance.build())));
    }
    places
}

/// Where credentials come from, as the SDK notes it in them.
fn sources(place: &CredentialSource, found: &Credentials) -> Vec<CredentialSource> {
    if *place == CredentialSource::Sandbox {
        return vec![CredentialSource::Sandbox];
    }
    let noted = found.get_property::<Vec<AwsCredentialFeature>>();
    let mut sources: Vec<CredentialSource> =
        noted.into_iter().flatten().filter_map(|feature| source(feature, place)).collect();
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
fn source(feature: &AwsCredentialFeature, place: &CredentialSource) -> Option<CredentialSource> {
    use AwsCredentialFeature as Noted;
    Some(match feature {
        Noted::CredentialsEnvVars => CredentialSource::EnvironmentKeys,
        Noted::CredentialsProfile | Noted::CredentialsProfileNamedProvider => place.clone(),
        Noted::CredentialsSso | Noted::CredentialsProfileSso => CredentialSource::SingleSignOn,
        Noted::CredentialsEnvVarsStsWebIdToken
        | Noted::CredentialsProfileStsWebIdToken
        | Noted::CredentialsStsAssumeRoleWebId => CredentialSource::WebIdentity,
        Noted::CredentialsProcess | Noted::CredentialsProfileProcess => CredentialSource::Process,
        Noted::CredentialsHttp => CredentialSource::Container,
        Noted::CredentialsImds => CredentialSource::Instance,
        Noted::CredentialsStsAssumeRole | Noted::CredentialsProfileSourceProfile => {
            CredentialSource::ProfileRole
        }
        _ => return None,
    })
}

/// What is remembered of how a connection signs in.
#[derive(Debug)]
pub(super) struct Entrance {
    /// The places of the credentials that it begins with.
    places: Places,
    /// The role that is taken on with them.
    role: Option<String>,
}

impl Entrance {
    /// Of a connection.
    pub(super) fn of(connection: &Connection, places: Places) -> Self {
        Self { places, role: connection.role_arn.clone() }
    }

    /// Where the last credentials came from.
    pub(super) fn last(&self) -> Vec<CredentialSource> {
        self.places.last()
    }

    /// How the credentials of a request come to be. `last` are those that requests are signed with.
    pub(super) async fn sign_in(
        &self,
        last: &SharedCredentialsProvider,
    ) -> Result<SignIn, CredentialsError> {
        let base = self.places.look().await?;
        let mut sources = self.last();
        let mut until = base.expiry();
        let is_fixed = base.session_token().is_some()
            && until.is_none()
            && matches!(
                sources.as_slice(),
                [CredentialSource::EnvironmentKeys | CredentialSource::Profile(_)]
            );
        if let Some(role) = &self.role {
            sources.push(CredentialSource::Role(role.clone()));
            until = last.provide_credentials().await?.expiry();
        }
        let until = until.and_then(|at| Timestamp::try_from(at).ok());
        Ok(SignIn { sources, until, is_fixed })
    }
}
