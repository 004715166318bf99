//! What concerns a registry or a repository's policies: `GetAuthorizationToken`,
//! `GetLifecyclePolicy`, `GetRepositoryPolicy`.

use aws_smithy_types::base64;
use jiff::ToSpan;
use serde::{Deserialize, Serialize};

use super::{
    Seconds, fault,
    place::{self, Place},
    repository::Repository,
};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
};

/// `GetAuthorizationTokenRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Authorize {
    /// Registries; the caller's, when they are not given.
    registry_ids: Option<Vec<String>>,
}

/// `GetAuthorizationTokenResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Authorized {
    /// One token a registry.
    authorization_data: Vec<Authorization>,
}

/// `AuthorizationData`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    /// User and password in base64. There is nothing here that asks for them.
    #[serde(rename = "authorizationToken")]
    token: String,
    /// Until when it is valid: for twelve hours.
    expires_at: Seconds,
    /// The registry.
    proxy_endpoint: String,
}

/// Answers `GetAuthorizationToken`.
pub(super) fn authorize(
    call: &Call,
    _transaction: &mut Transaction<'_>,
    input: &Authorize,
) -> Result<Authorized, Fault> {
    let own = vec![call.scope.account.clone()];
    let ids = input.registry_ids.as_ref().unwrap_or(&own);
    if !(1..=10).contains(&ids.len()) {
        return Err(fault::invalid("registryIds", "there must be 1 to 10 of them"));
    }
    let data = |id: &String| {
        let scope = place::registry(call, Some(id))?;
        let expires_at = call.now.checked_add(12.hours()).unwrap_or(call.now);
        Ok(Authorization {
            token: base64::encode(format!("AWS:sandbox-{}", scope.account)),
            expires_at: expires_at.into(),
            proxy_endpoint: format!("https://{}", place::host(&scope)),
        })
    };
    Ok(Authorized { authorization_data: ids.iter().map(data).collect::<Result<_, Fault>>()? })
}

/// A request about a repository.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OfRepository {
    /// Whose registry.
    registry_id: Option<String>,
    /// Which repository.
    repository_name: String,
}

/// The policy that no repository has: the answer to a request for it is always an error.
#[derive(Debug, Serialize)]
pub(super) enum NoPolicy {}

/// Answers `GetLifecyclePolicy`: no repository here has one.
pub(super) fn lifecycle_policy(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &OfRepository,
) -> Result<NoPolicy, Fault> {
    Err(no_policy(call, transaction, input, ("LifecyclePolicyNotFoundException", "Lifecycle")))
}

/// Answers `GetRepositoryPolicy`: no repository here has one.
pub(super) fn repository_policy(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &OfRepository,
) -> Result<NoPolicy, Fault> {
    Err(no_policy(call, transaction, input, ("RepositoryPolicyNotFoundException", "Repository")))
}

/// Says that the repository, if it is there, has no policy of the kind.
fn no_policy(
    call: &Call,
    transaction: &Transaction<'_>,
    input: &OfRepository,
    (code, kind): (&str, &str),
) -> Fault {
    let found = Place::of(call, input.registry_id.as_deref(), &input.repository_name)
        .and_then(|place| Repository::find(transaction, &place).map(|_| place));
    match found {
        Err(fault) => fault,
        Ok(place) => Fault::new(
            code,
            format!(
                "{kind} policy does not exist for the repository with name '{}' in the registry \
                 with id '{}'",
                place.repository, place.scope.account
            ),
        ),
    }
}
