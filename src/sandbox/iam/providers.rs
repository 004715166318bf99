//! Identity providers: whose tokens are believed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Request, Told, moment,
    words::{self, Tags, exists, invalid, no_such, too_many},
};
use crate::sandbox::{
    SandboxError,
    call::Fault,
    state::{Entity, Transaction},
    xml,
};

/// The most client ids of a provider (IAM User Guide, "IAM and AWS STS quotas").
const CLIENTS_MAX: usize = 100;

/// A provider of tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Provider {
    /// Its ARN.
    arn: String,
    /// Its URL, without `https://`.
    pub(super) host: String,
    /// The audiences of its tokens.
    pub(super) clients: Vec<String>,
    /// The thumbprints of its certificates.
    thumbprints: Vec<String>,
    /// When it was made.
    created: Timestamp,
    /// Its tags.
    tags: Tags,
}

impl Entity for Provider {
    const KIND: &'static str = "iam.oidc-provider";
}

/// The provider with an ARN.
pub(super) fn by_arn(
    transaction: &Transaction<'_>,
    arn: &str,
) -> Result<Option<Provider>, SandboxError> {
    transaction.get(arn)
}

/// The provider that a request names.
fn find(request: &Request<'_>, transaction: &Transaction<'_>) -> Result<Provider, Fault> {
    let arn = request.required("OpenIDConnectProviderArn")?;
    let own = arn.split(':').nth(4) == Some(request.call.scope.account.as_str());
    let found = if own { by_arn(transaction, arn)? } else { None };
    found.ok_or_else(|| no_such(format!("OpenIDConnect Provider not found for arn {arn}")))
}

/// A thumbprint for a provider that came without: IAM then finds it out by itself.
const FOUND_OUT: &str = "0000000000000000000000000000000000000000";

/// `CreateOpenIDConnectProvider`.
pub(super) fn create(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let url = request.required("Url")?;
    let host = url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/');
    if host.is_empty() || url.starts_with("http://") || host.contains(['?', ' ']) {
        return Err(invalid("Invalid Open ID Connect Provider URL"));
    }
    let arn = request.arn(&format!("oidc-provider/{host}"));
    if by_arn(transaction, &arn)?.is_some() {
        return Err(exists(format!("Provider with url https://{host} already exists.")));
    }
    let mut thumbprints = request.form.list("ThumbprintList");
    if thumbprints.is_empty() {
        thumbprints.push(FOUND_OUT.to_owned());
    }
    let mut provider = Provider {
        arn: arn.clone(),
        host: host.to_owned(),
        clients: request.form.list("ClientIDList"),
        thumbprints,
        created: request.call.now,
        tags: Tags::new(),
    };
    request.add_tags(&mut provider.tags)?;
    transaction.put(&arn, &provider)?;
    let mut told = vec![xml::text("OpenIDConnectProviderArn", &arn)];
    told.extend(words::told_tags(&provider.tags));
    Ok(told)
}

/// A list of texts.
fn texts(name: &str, texts: &[String]) -> String {
    let members: Vec<String> = texts.iter().map(|text| xml::text("member", text)).collect();
    xml::element(name, &members)
}

/// `GetOpenIDConnectProvider`.
pub(super) fn get(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let provider = find(request, transaction)?;
    let mut told = vec![
        xml::text("Url", &provider.host),
        texts("ClientIDList", &provider.clients),
        texts("ThumbprintList", &provider.thumbprints),
        xml::text("CreateDate", &moment(provider.created)),
    ];
    told.extend(words::told_tags(&provider.tags));
    Ok(told)
}

/// `ListOpenIDConnectProviders`.
pub(super) fn list(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let providers = transaction.scan::<Provider>(&request.arn("oidc-provider/"))?;
    let listed: Vec<String> =
        providers.iter().map(|(arn, _)| xml::element("member", &[xml::text("Arn", arn)])).collect();
    Ok(vec![xml::element("OpenIDConnectProviderList", &listed)])
}

/// `DeleteOpenIDConnectProvider`.
pub(super) fn delete(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let provider = find(request, transaction)?;
    transaction.delete::<Provider>(&provider.arn)?;
    Ok(Vec::new())
}

/// `UpdateOpenIDConnectProviderThumbprint`.
pub(super) fn update_thumbprint(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut provider = find(request, transaction)?;
    provider.thumbprints = request.form.list("ThumbprintList");
    transaction.put(&provider.arn, &provider)?;
    Ok(Vec::new())
}

/// `AddClientIDToOpenIDConnectProvider`.
pub(super) fn add_client(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut provider = find(request, transaction)?;
    let client = request.required("ClientID")?;
    if !provider.clients.iter().any(|known| known == client) {
        provider.clients.push(client.to_owned());
    }
    if provider.clients.len() > CLIENTS_MAX {
        return Err(too_many(format!(
            "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENTS_MAX}"
        )));
    }
    transaction.put(&provider.arn, &provider)?;
    Ok(Vec::new())
}

/// `RemoveClientIDFromOpenIDConnectProvider`.
pub(super) fn remove_client(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut provider = find(request, transaction)?;
    let client = request.required("ClientID")?;
    provider.clients.retain(|known| known != client);
    transaction.put(&provider.arn, &provider)?;
    Ok(Vec::new())
}

/// `TagOpenIDConnectProvider`.
pub(super) fn tag(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut provider = find(request, transaction)?;
    request.add_tags(&mut provider.tags)?;
    transaction.put(&provider.arn, &provider)?;
    Ok(Vec::new())
}

/// `UntagOpenIDConnectProvider`.
pub(super) fn untag(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut provider = find(request, transaction)?;
    request.remove_tags(&mut provider.tags);
    transaction.put(&provider.arn, &provider)?;
    Ok(Vec::new())
}

/// `ListOpenIDConnectProviderTags`.
pub(super) fn list_tags(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    words::page_of_tags(request, &find(request, transaction)?.tags)
}
