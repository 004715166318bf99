//! Managed policies and their versions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Request, Told,
    document::{Document, Use},
    moment, roles,
    words::{self, Tags, conflict, encoded, exists, invalid, no_such, too_many},
};
use crate::sandbox::{
    call::Fault,
    state::{Entity, Transaction},
    sts, xml,
};

/// The most characters of a policy (IAM User Guide, "IAM and AWS STS quotas").
const SIZE_MAX: usize = 6144;
/// The most versions of a policy.
const VERSIONS_MAX: usize = 5;

/// A version of a policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Version {
    /// Its number, from 1.
    number: u32,
    /// The document.
    document: String,
    /// When it was made.
    created: Timestamp,
}

/// A policy that can be attached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Managed {
    /// Its name.
    name: String,
    /// Its path.
    path: String,
    /// Its unique id.
    id: String,
    /// Its ARN.
    pub(super) arn: String,
    /// What it is for.
    description: Option<String>,
    /// When it was made.
    created: Timestamp,
    /// When it was changed.
    updated: Timestamp,
    /// Its tags.
    tags: Tags,
    /// Its versions.
    versions: Vec<Version>,
    /// The version that counts.
    default: u32,
    /// How many versions there ever were.
    made: u32,
}

impl Entity for Managed {
    const KIND: &'static str = "iam.policy";
}

impl Managed {
    /// The document that counts.
    pub(super) fn document(&self) -> &str {
        let version = self.versions.iter().find(|version| version.number == self.default);
        version.map_or("", |version| version.document.as_str())
    }

    /// As it is told.
    fn told(&self, attachments: usize) -> Vec<String> {
        let mut told = vec![
            xml::text("PolicyName", &self.name),
            xml::text("PolicyId", &self.id),
            xml::text("Arn", &self.arn),
            xml::text("Path", &self.path),
            xml::text("DefaultVersionId", &format!("v{}", self.default)),
            xml::text("AttachmentCount", &attachments.to_string()),
            xml::text("PermissionsBoundaryUsageCount", "0"),
            xml::text("IsAttachable", "true"),
            xml::text("CreateDate", &moment(self.created)),
            xml::text("UpdateDate", &moment(self.updated)),
        ];
        told.extend(self.description.as_ref().map(|text| xml::text("Description", text)));
        told.extend(words::told_tags(&self.tags));
        told
    }

    /// A version as it is told.
    fn told_version(&self, version: &Version, with_document: bool) -> Vec<String> {
        let document = with_document.then(|| xml::text("Document", &encoded(&version.document)));
        let is_default = version.number == self.default;
        let told = [
            xml::text("VersionId", &format!("v{}", version.number)),
            xml::text("IsDefaultVersion", &is_default.to_string()),
            xml::text("CreateDate", &moment(version.created)),
        ];
        document.into_iter().chain(told).collect()
    }

    /// A version by its id.
    fn version(&self, id: &str) -> Result<&Version, Fault> {
        let number = id.strip_prefix('v').and_then(|number| number.parse::<u32>().ok());
        self.versions.iter().find(|version| Some(version.number) == number).ok_or_else(|| {
            no_such(format!(
                "Policy {} version {id} does not exist or is not attachable.",
                self.arn
            ))
        })
    }
}

/// The policy that a request names.
pub(super) fn find(request: &Request<'_>, transaction: &Transaction<'_>) -> Result<Managed, Fault> {
    let arn = request.required("PolicyArn")?;
    let own = arn.split(':').nth(4) == Some(request.call.scope.account.as_str());
    let found = if own { transaction.get(arn)? } else { None };
    found.ok_or_else(|| no_such(format!("Policy {arn} does not exist or is not attachable.")))
}

/// The document that comes with a request.
fn document_of(request: &Request<'_>) -> Result<String, Fault> {
    let text = request.required("PolicyDocument")?;
    if roles::size(text) > SIZE_MAX {
        return Err(too_many(format!("Cannot exceed quota for PolicySize: {SIZE_MAX}")));
    }
    Document::read(text, Use::Identity)?;
    Ok(text.to_owned())
}

/// The names of the roles that have a policy.
fn users(
    request: &Request<'_>,
    transaction: &Transaction<'_>,
    arn: &str,
) -> Result<Vec<String>, Fault> {
    let roles = roles::all(request, transaction)?.into_iter();
    Ok(roles.filter(|role| role.attached.contains(arn)).map(|role| role.name).collect())
}

/// `CreatePolicy`.
pub(super) fn create(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let (name, path) = (request.name("PolicyName", 128)?, request.path()?);
    let arn = request.arn(&format!("policy{path}{name}"));
    if transaction.get::<Managed>(&arn)?.is_some() {
        return Err(exists(format!(
            "A policy called {name} already exists. Duplicate names are not allowed."
        )));
    }
    let now = request.call.now;
    let version = Version { number: 1, document: document_of(request)?, created: now };
    let mut policy = Managed {
        id: sts::unique_id("ANPA", &arn),
        name: name.to_owned(),
        path: path.to_owned(),
        arn,
        description: request.form.value("Description").map(str::to_owned),
        created: now,
        updated: now,
        tags: Tags::new(),
        versions: vec![version],
        default: 1,
        made: 1,
    };
    request.add_tags(&mut policy.tags)?;
    transaction.put(&policy.arn, &policy)?;
    Ok(vec![xml::element("Policy", &policy.told(0))])
}

/// `GetPolicy`.
pub(super) fn get(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let policy = find(request, transaction)?;
    let attachments = users(request, transaction, &policy.arn)?.len();
    Ok(vec![xml::element("Policy", &policy.told(attachments))])
}

/// `ListPolicies`. There are none of AWS's own.
pub(super) fn list(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let (prefix, scope) = (request.arn("policy/"), request.form.value("Scope"));
    let path = request.form.value("PathPrefix").unwrap_or("/");
    let only_attached = request.form.value("OnlyAttached") == Some("true");
    let mut listed = Vec::new();
    if scope != Some("AWS") {
        for (arn, policy) in transaction.scan::<Managed>(&prefix)? {
            let attachments = users(request, transaction, &arn)?.len();
            // Tags and description are told by `GetPolicy` only.
            let brief = Managed { tags: Tags::new(), description: None, ..policy };
            if brief.path.starts_with(path) && (attachments > 0 || !only_attached) {
                listed.push((arn, xml::element("member", &brief.told(attachments))));
            }
        }
    }
    request.page("Policies", listed)
}

/// `DeletePolicy`.
pub(super) fn delete(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let policy = find(request, transaction)?;
    if !users(request, transaction, &policy.arn)?.is_empty() {
        return Err(conflict("Cannot delete a policy attached to entities."));
    }
    if policy.versions.len() > 1 {
        return Err(conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the \
             policy's versions. The default version is deleted with the policy.",
        ));
    }
    transaction.delete::<Managed>(&policy.arn)?;
    Ok(Vec::new())
}

/// `CreatePolicyVersion`.
pub(super) fn create_version(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut policy = find(request, transaction)?;
    if policy.versions.len() >= VERSIONS_MAX {
        return Err(too_many(
            "A managed policy can have up to 5 versions. Before you create a new version, you must \
             delete an existing version.",
        ));
    }
    let now = request.call.now;
    policy.made = policy.made.saturating_add(1);
    let version = Version { number: policy.made, document: document_of(request)?, created: now };
    if request.form.value("SetAsDefault") == Some("true") {
        policy.default = version.number;
    }
    policy.updated = now;
    policy.versions.push(version.clone());
    transaction.put(&policy.arn, &policy)?;
    Ok(vec![xml::element("PolicyVersion", &policy.told_version(&version, false))])
}

/// `GetPolicyVersion`.
pub(super) fn get_version(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let policy = find(request, transaction)?;
    let version = policy.version(request.required("VersionId")?)?;
    Ok(vec![xml::element("PolicyVersion", &policy.told_version(version, true))])
}

/// `ListPolicyVersions`.
pub(super) fn list_versions(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let policy = find(request, transaction)?;
    let listed = policy.versions.iter().map(|version| {
        let told = policy.told_version(version, false);
        (format!("{:010}", version.number), xml::element("member", &told))
    });
    request.page("Versions", listed.collect())
}

/// `DeletePolicyVersion`.
pub(super) fn delete_version(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut policy = find(request, transaction)?;
    let number = policy.version(request.required("VersionId")?)?.number;
    if number == policy.default {
        return Err(conflict("Cannot delete the default version of a policy."));
    }
    policy.versions.retain(|version| version.number != number);
    transaction.put(&policy.arn, &policy)?;
    Ok(Vec::new())
}

/// `SetDefaultPolicyVersion`.
pub(super) fn set_default_version(
    request: &Request<'_>,
    transaction: &mut Transaction<'_>,
) -> Told {
    let mut policy = find(request, transaction)?;
    policy.default = policy.version(request.required("VersionId")?)?.number;
    policy.updated = request.call.now;
    transaction.put(&policy.arn, &policy)?;
    Ok(Vec::new())
}

/// `TagPolicy`.
pub(super) fn tag(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut policy = find(request, transaction)?;
    request.add_tags(&mut policy.tags)?;
    transaction.put(&policy.arn, &policy)?;
    Ok(Vec::new())
}

/// `UntagPolicy`.
pub(super) fn untag(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut policy = find(request, transaction)?;
    request.remove_tags(&mut policy.tags);
    transaction.put(&policy.arn, &policy)?;
    Ok(Vec::new())
}

/// `ListPolicyTags`.
pub(super) fn list_tags(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    words::page_of_tags(request, &find(request, transaction)?.tags)
}

/// `ListEntitiesForPolicy`.
pub(super) fn list_entities(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let policy = find(request, transaction)?;
    let wanted = request.form.value("EntityFilter");
    if !matches!(wanted, None | Some("Role" | "User" | "Group")) {
        return Err(invalid("The sandbox knows the filters Role, User and Group."));
    }
    let mut listed = Vec::new();
    if matches!(wanted, None | Some("Role")) {
        for name in users(request, transaction, &policy.arn)? {
            let id = sts::role_id(&request.call.scope, &name);
            let members = [xml::text("RoleName", &name), xml::text("RoleId", &id)];
            listed.push((name, xml::element("member", &members)));
        }
    }
    let mut told = vec![xml::element("PolicyGroups", &[]), xml::element("PolicyUsers", &[])];
    told.extend(request.page("PolicyRoles", listed)?);
    Ok(told)
}
