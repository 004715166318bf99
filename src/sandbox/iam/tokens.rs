//! Who may take on a role: callers by their ARNs, and the bearers of tokens by what these say.
//!
//! The signatures of tokens are not verified, as no signature is here.

use aws_smithy_types::base64;
use serde_json::{Map, Value};

use super::{
    Context, Decision, Question,
    evaluate::trusts,
    providers::{self, Provider},
    roles::Role,
};
use crate::sandbox::{SandboxError, call::Fault, state::Transaction};

/// A token of a provider, read.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sandbox) struct Token(Map<String, Value>);

impl Token {
    /// Reads a token: three parts in base64, of which the second one has the claims.
    pub(in crate::sandbox) fn read(text: &str) -> Option<Self> {
        let claims = text.split('.').nth(1)?;
        let mut padded = claims.replace('-', "+").replace('_', "/");
        while !padded.len().is_multiple_of(4) {
            padded.push('=');
        }
        serde_json::from_slice(&base64::decode(padded).ok()?).ok().map(Self)
    }

    /// A claim's texts.
    fn claim(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(all)) => {
                all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The host that signed it.
    fn host(&self) -> String {
        let issuer = self.claim("iss").into_iter().next().unwrap_or_default();
        issuer.strip_prefix("https://").unwrap_or(&issuer).trim_end_matches('/').to_owned()
    }

    /// What trust policies are told of it.
    fn context(&self) -> Context {
        let host = self.host();
        ["sub", "aud"].into_iter().fold(Context::default(), |context, claim| {
            context.with(&format!("{host}:{claim}"), self.claim(claim))
        })
    }
}

impl Role {
    /// Asks the trust policy.
    fn asks(
        &self,
        action: &str,
        context: Context,
        principals: &[(&str, String)],
    ) -> Result<Decision, Fault> {
        let question = Question { action: action.to_owned(), resource: self.arn.clone(), context };
        Ok(trusts(&self.trust()?, &question, principals))
    }

    /// Whether the role trusts a caller, who may be named by ARN, by role or by account.
    pub(in crate::sandbox) fn trusts_caller(
        &self,
        transaction: &Transaction<'_>,
        (caller, account): (&str, &str),
        external_id: Option<&str>,
    ) -> Result<bool, Fault> {
        let partition = self.arn.split(':').nth(1).unwrap_or("aws");
        let principal = principal(transaction, caller, account)?;
        let names = [
            caller.to_owned(),
            principal.clone(),
            account.to_owned(),
            format!("arn:{partition}:iam::{account}:root"),
        ];
        let principals: Vec<(&str, String)> = names.into_iter().map(|name| ("AWS", name)).collect();
        let context = Context::default().with("aws:PrincipalArn", vec![principal]);
        let context = match external_id {
            Some(id) => context.with("sts:ExternalId", vec![id.to_owned()]),
            None => context,
        };
        Ok(self.asks("sts:AssumeRole", context, &principals)? == Decision::Allowed)
    }

    /// Whether the role trusts the bearer of a token.
    pub(in crate::sandbox) fn trusts_token(&self, token: &Token) -> Result<bool, Fault> {
        let parts: Vec<&str> = self.arn.split(':').collect();
        let [_, partition, _, _, account, ..] = parts.as_slice() else { return Ok(false) };
        let provider = format!("arn:{partition}:iam::{account}:oidc-provider/{}", token.host());
        let principals = [("Federated", provider)];
        let decision = self.asks("sts:AssumeRoleWithWebIdentity", token.context(), &principals)?;
        Ok(decision == Decision::Allowed)
    }
}

/// Whom policies know a caller as: the role of a session, with its path where IAM has the role; anybody
/// else as themselves (IAM User Guide, `aws:PrincipalArn`).
pub(in crate::sandbox) fn principal(
    transaction: &Transaction<'_>,
    caller: &str,
    account: &str,
) -> Result<String, SandboxError> {
    let Some((start, session)) = caller.split_once(":assumed-role/") else {
        return Ok(caller.to_owned());
    };
    let name = session.split('/').next().unwrap_or(session);
    let partition = start.split(':').nth(1).unwrap_or("aws");
    let otherwise = || format!("arn:{partition}:iam::{account}:role/{name}");
    Ok(super::role(transaction, account, name)?.map_or_else(otherwise, |role| role.arn))
}

/// Checks that the account of a role knows who signed a token, and for whom.
pub(in crate::sandbox) fn check_provider(
    transaction: &Transaction<'_>,
    role: &Role,
    token: &Token,
) -> Result<(), Fault> {
    let account = role.arn.split(':').nth(4).unwrap_or_default();
    let partition = role.arn.split(':').nth(1).unwrap_or_default();
    let arn = format!("arn:{partition}:iam::{account}:oidc-provider/{}", token.host());
    let found: Option<Provider> = providers::by_arn(transaction, &arn)?;
    let Some(provider) = found else {
        let host = token.host();
        let message = format!("No OpenIDConnect provider found in your account for https://{host}");
        return Err(Fault::new("InvalidIdentityToken", message));
    };
    if token.claim("aud").iter().any(|audience| provider.clients.contains(audience)) {
        return Ok(());
    }
    Err(Fault::new("InvalidIdentityToken", "Incorrect token audience"))
}
