//! IAM: roles with their policies, identity providers, and the simulator of policies.
//!
//! What a role may do is what its policies say: requests of its sessions are held against them
//! ([`authorize`](super::authorize)). Users and groups there are none. A policy that the sandbox could
//! not keep to is refused: other condition operators, policy variables, permissions boundaries. IAM has
//! no regions, so that everything is kept by account. Limits, names and error texts are those of the
//! API, version 2010-05-08.

mod condition;
mod document;
mod evaluate;
mod pattern;
mod policies;
mod providers;
mod roles;
mod simulate;
#[cfg(test)]
mod tests;
mod tokens;
mod words;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    SandboxError,
    call::{Call, Fault},
    form::Form,
    refusal,
    service::{Protocol, Service},
    state::Transaction,
    xml,
};
pub(super) use condition::Context;
pub(super) use evaluate::{Decision, Question};
pub(super) use roles::Role;
pub(super) use tokens::{Token, check_provider, principal};

/// The content of an operation's result.
type Told = Result<Vec<String>, Fault>;

/// One request to IAM.
struct Request<'a> {
    /// The request.
    call: &'a Call,
    /// Its parameters.
    form: Form,
}

/// An operation.
type Operation = fn(&Request<'_>, &mut Transaction<'_>) -> Told;

/// The operations on roles.
const ROLES: &[(&str, Operation)] = &[
    ("CreateRole", roles::create),
    ("GetRole", roles::get),
    ("ListRoles", roles::list),
    ("UpdateRole", roles::update),
    ("UpdateAssumeRolePolicy", roles::update_trust),
    ("DeleteRole", roles::delete),
    ("TagRole", roles::tag),
    ("UntagRole", roles::untag),
    ("ListRoleTags", roles::list_tags),
    ("PutRolePolicy", roles::put_policy),
    ("GetRolePolicy", roles::get_policy),
    ("DeleteRolePolicy", roles::delete_policy),
    ("ListRolePolicies", roles::list_policies),
    ("AttachRolePolicy", roles::attach),
    ("DetachRolePolicy", roles::detach),
    ("ListAttachedRolePolicies", roles::list_attached),
    ("ListInstanceProfilesForRole", roles::list_instance_profiles),
];

/// The operations on managed policies.
const POLICIES: &[(&str, Operation)] = &[
    ("CreatePolicy", policies::create),
    ("GetPolicy", policies::get),
    ("ListPolicies", policies::list),
    ("DeletePolicy", policies::delete),
    ("CreatePolicyVersion", policies::create_version),
    ("GetPolicyVersion", policies::get_version),
    ("ListPolicyVersions", policies::list_versions),
    ("DeletePolicyVersion", policies::delete_version),
    ("SetDefaultPolicyVersion", policies::set_default_version),
    ("TagPolicy", policies::tag),
    ("UntagPolicy", policies::untag),
    ("ListPolicyTags", policies::list_tags),
    ("ListEntitiesForPolicy", policies::list_entities),
    ("SimulatePrincipalPolicy", simulate::principal),
    ("SimulateCustomPolicy", simulate::custom),
];

/// The operations on identity providers.
const PROVIDERS: &[(&str, Operation)] = &[
    ("CreateOpenIDConnectProvider", providers::create),
    ("GetOpenIDConnectProvider", providers::get),
    ("ListOpenIDConnectProviders", providers::list),
    ("DeleteOpenIDConnectProvider", providers::delete),
    ("UpdateOpenIDConnectProviderThumbprint", providers::update_thumbprint),
    ("AddClientIDToOpenIDConnectProvider", providers::add_client),
    ("RemoveClientIDFromOpenIDConnectProvider", providers::remove_client),
    ("TagOpenIDConnectProvider", providers::tag),
    ("UntagOpenIDConnectProvider", providers::untag),
    ("ListOpenIDConnectProviderTags", providers::list_tags),
];

/// Answers one request. The body is a form; what is answered is the content of the `…Response`
/// element.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let name = call.operation.as_str();
    let known = ROLES.iter().chain(POLICIES).chain(PROVIDERS).find(|(of, _)| *of == name);
    let Some((_, operation)) = known else {
        return Err(refusal::unknown_operation(Protocol::Query(Service::Iam), name));
    };
    let request = Request { call, form: Form::of(&call.body) };
    let told = operation(&request, transaction)?;
    // Operations that answer nothing have no result in the API's model.
    if told.is_empty() {
        return Ok(Bytes::new());
    }
    Ok(Bytes::from(xml::element(&format!("{name}Result"), &told)))
}

/// The role of an account by its name, if there is one.
pub(super) fn role(
    transaction: &Transaction<'_>,
    account: &str,
    name: &str,
) -> Result<Option<Role>, SandboxError> {
    transaction.get(&roles::key(account, name))
}

/// What the policies of a role say of a request.
pub(super) fn decide(
    transaction: &Transaction<'_>,
    role: &Role,
    question: &Question,
) -> Result<Decision, Fault> {
    Ok(evaluate::decide(&role.documents(transaction)?, question))
}

/// A moment as IAM writes it: whole seconds.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
