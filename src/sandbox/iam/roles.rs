//! Roles: who may take them on, and what is attached to them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Request, Told,
    document::{Document, Use},
    moment,
    policies::{self, Managed},
    words::{self, Tags, conflict, encoded, exists, invalid, no_such, too_many},
};
use crate::sandbox::{
    call::Fault,
    state::{Entity, Transaction},
    sts, xml,
};

/// The most characters of all of a role's own policies together, and of its trust policy, white
/// space not counted (IAM User Guide, "IAM and AWS STS quotas").
const INLINE_MAX: usize = 10_240;
/// The most characters of a trust policy.
const TRUST_MAX: usize = 2048;
/// The most managed policies of a role.
const ATTACHED_MAX: usize = 10;

/// A role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Role {
    /// Its name.
    pub(super) name: String,
    /// Its path.
    path: String,
    /// Its unique id.
    id: String,
    /// Its ARN.
    pub(in crate::sandbox) arn: String,
    /// What it is for.
    description: Option<String>,
    /// How long a session may last, in seconds.
    pub(in crate::sandbox) longest: u32,
    /// Its trust policy.
    trust: String,
    /// When it was made.
    created: Timestamp,
    /// Its tags.
    tags: Tags,
    /// Its own policies.
    inline: BTreeMap<String, String>,
    /// The ARNs of the managed policies that are attached.
    pub(super) attached: BTreeSet<String>,
}

impl Entity for Role {
    const KIND: &'static str = "iam.role";
}

/// Where a role is kept. Names are unique whatever their case.
pub(super) fn key(account: &str, name: &str) -> String {
    format!("{account}/{}", name.to_ascii_lowercase())
}

/// The characters of a document as IAM counts them.
pub(super) fn size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

impl Role {
    /// All policies of the role, read.
    pub(super) fn documents(&self, transaction: &Transaction<'_>) -> Result<Vec<Document>, Fault> {
        let mut documents = Vec::new();
        for text in self.inline.values() {
            documents.push(Document::read(text, Use::Identity)?);
        }
        for arn in &self.attached {
            let policy: Option<Managed> = transaction.get(arn)?;
            if let Some(policy) = policy {
                documents.push(Document::read(policy.document(), Use::Identity)?);
            }
        }
        Ok(documents)
    }

    /// Its trust policy, read.
    pub(super) fn trust(&self) -> Result<Document, Fault> {
        Document::read(&self.trust, Use::Trust)
    }

    /// As it is told.
    fn told(&self) -> Vec<String> {
        let mut told = vec![
            xml::text("Path", &self.path),
            xml::text("RoleName", &self.name),
            xml::text("RoleId", &self.id),
            xml::text("Arn", &self.arn),
            xml::text("CreateDate", &moment(self.created)),
            xml::text("AssumeRolePolicyDocument", &encoded(&self.trust)),
            xml::text("MaxSessionDuration", &self.longest.to_string()),
        ];
        told.extend(self.description.as_ref().map(|text| xml::text("Description", text)));
        told.extend(words::told_tags(&self.tags));
        told
    }
}

/// The role that a request names.
pub(super) fn find(request: &Request<'_>, transaction: &Transaction<'_>) -> Result<Role, Fault> {
    let name = request.required("RoleName")?;
    let found = transaction.get(&key(&request.call.scope.account, name))?;
    found.ok_or_else(|| no_such(format!("The role with name {name} cannot be found.")))
}

/// Keeps a role.
fn keep(
    request: &Request<'_>,
    transaction: &mut Transaction<'_>,
    role: &Role,
) -> Result<(), Fault> {
    Ok(transaction.put(&key(&request.call.scope.account, &role.name), role)?)
}

/// The trust policy that comes with a request.
fn trust_of(request: &Request<'_>, parameter: &str) -> Result<String, Fault> {
    let text = request.required(parameter)?;
    if size(text) > TRUST_MAX {
        return Err(too_many("Cannot exceed quota for ACLSizePerRole: 2048"));
    }
    Document::read(text, Use::Trust)?;
    Ok(text.to_owned())
}

/// How long a session may last, as a request has it.
fn longest(request: &Request<'_>, otherwise: u32) -> Result<u32, Fault> {
    let Some(text) = request.form.value("MaxSessionDuration") else { return Ok(otherwise) };
    let seconds = text.parse().ok().filter(|seconds| (3600..=43_200).contains(seconds));
    seconds.ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value '{text}' at 'maxSessionDuration' failed to satisfy \
             constraint: Member must have value between 3600 and 43200"
        ))
    })
}

/// `CreateRole`.
pub(super) fn create(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    if request.form.value("PermissionsBoundary").is_some() {
        return Err(invalid("The sandbox has no permissions boundaries."));
    }
    let name = request.name("RoleName", 64)?;
    let account = &request.call.scope.account;
    if transaction.get::<Role>(&key(account, name))?.is_some() {
        return Err(exists(format!("Role with name {name} already exists.")));
    }
    let path = request.path()?;
    let mut role = Role {
        id: sts::role_id(&request.call.scope, name),
        arn: request.arn(&format!("role{path}{name}")),
        name: name.to_owned(),
        path: path.to_owned(),
        description: request.form.value("Description").map(str::to_owned),
        longest: longest(request, 3600)?,
        trust: trust_of(request, "AssumeRolePolicyDocument")?,
        created: request.call.now,
        tags: Tags::new(),
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
    };
    request.add_tags(&mut role.tags)?;
    keep(request, transaction, &role)?;
    Ok(vec![xml::element("Role", &role.told())])
}

/// `GetRole`.
pub(super) fn get(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let role = find(request, transaction)?;
    let mut told = role.told();
    told.push(xml::element("RoleLastUsed", &[]));
    Ok(vec![xml::element("Role", &told)])
}

/// All roles of the account.
pub(super) fn all(
    request: &Request<'_>,
    transaction: &Transaction<'_>,
) -> Result<Vec<Role>, Fault> {
    let prefix = format!("{}/", request.call.scope.account);
    Ok(transaction.scan::<Role>(&prefix)?.into_iter().map(|(_, role)| role).collect())
}

/// `ListRoles`.
pub(super) fn list(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let prefix = request.form.value("PathPrefix").unwrap_or("/");
    let roles = all(request, transaction)?.into_iter();
    let listed = roles.filter(|role| role.path.starts_with(prefix)).map(|role| {
        // Tags are told by `GetRole` only.
        let role = Role { tags: Tags::new(), ..role };
        (role.name.clone(), xml::element("member", &role.told()))
    });
    request.page("Roles", listed.collect())
}

/// `UpdateRole`.
pub(super) fn update(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut role = find(request, transaction)?;
    role.longest = longest(request, 3600)?;
    if let Some(description) = request.form.value("Description") {
        role.description = Some(description.to_owned());
    }
    keep(request, transaction, &role)?;
    Ok(vec![String::new()])
}

/// `UpdateAssumeRolePolicy`.
pub(super) fn update_trust(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut role = find(request, transaction)?;
    role.trust = trust_of(request, "PolicyDocument")?;
    keep(request, transaction, &role)?;
    Ok(Vec::new())
}

/// `DeleteRole`.
pub(super) fn delete(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let role = find(request, transaction)?;
    if !role.inline.is_empty() {
        return Err(conflict("Cannot delete entity, must delete policies first."));
    }
    if !role.attached.is_empty() {
        return Err(conflict("Cannot delete entity, must detach all policies first."));
    }
    transaction.delete::<Role>(&key(&request.call.scope.account, &role.name))?;
    Ok(Vec::new())
}

/// `TagRole`.
pub(super) fn tag(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut role = find(request, transaction)?;
    request.add_tags(&mut role.tags)?;
    keep(request, transaction, &role)?;
    Ok(Vec::new())
}

/// `UntagRole`.
pub(super) fn untag(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut role = find(request, transaction)?;
    request.remove_tags(&mut role.tags);
    keep(request, transaction, &role)?;
    Ok(Vec::new())
}

/// `ListRoleTags`.
pub(super) fn list_tags(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    words::page_of_tags(request, &find(request, transaction)?.tags)
}

/// `PutRolePolicy`.
pub(super) fn put_policy(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut role = find(request, transaction)?;
    let (name, text) = (request.name("PolicyName", 128)?, request.required("PolicyDocument")?);
    Document::read(text, Use::Identity)?;
    role.inline.insert(name.to_owned(), text.to_owned());
    if role.inline.values().map(|text| size(text)).sum::<usize>() > INLINE_MAX {
        let words = "Maximum policy size of 10240 bytes exceeded for role";
        return Err(too_many(format!("{words} {}", role.name)));
    }
    keep(request, transaction, &role)?;
    Ok(Vec::new())
}

/// That a role has no policy of a name.
fn no_policy(name: &str) -> Fault {
    no_such(format!("The role policy with name {name} cannot be found."))
}

/// `GetRolePolicy`.
pub(super) fn get_policy(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let role = find(request, transaction)?;
    let name = request.required("PolicyName")?;
    let text = role.inline.get(name).ok_or_else(|| no_policy(name))?;
    Ok(vec![
        xml::text("RoleName", &role.name),
        xml::text("PolicyName", name),
        xml::text("PolicyDocument", &encoded(text)),
    ])
}

/// `DeleteRolePolicy`.
pub(super) fn delete_policy(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut role = find(request, transaction)?;
    let name = request.required("PolicyName")?;
    role.inline.remove(name).ok_or_else(|| no_policy(name))?;
    keep(request, transaction, &role)?;
    Ok(Vec::new())
}

/// `ListRolePolicies`.
pub(super) fn list_policies(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let role = find(request, transaction)?;
    let names = role.inline.keys().map(|name| (name.clone(), xml::text("member", name)));
    request.page("PolicyNames", names.collect())
}

/// `AttachRolePolicy`.
pub(super) fn attach(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut role = find(request, transaction)?;
    let policy = policies::find(request, transaction)?;
    role.attached.insert(policy.arn);
    if role.attached.len() > ATTACHED_MAX {
        return Err(too_many(format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED_MAX}")));
    }
    keep(request, transaction, &role)?;
    Ok(Vec::new())
}

/// `DetachRolePolicy`.
pub(super) fn detach(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let mut role = find(request, transaction)?;
    let arn = request.required("PolicyArn")?;
    if !role.attached.remove(arn) {
        return Err(no_such(format!("Policy {arn} was not found.")));
    }
    keep(request, transaction, &role)?;
    Ok(Vec::new())
}

/// `ListAttachedRolePolicies`.
pub(super) fn list_attached(request: &Request<'_>, transaction: &mut Transaction<'_>) -> Told {
    let role = find(request, transaction)?;
    let listed = role.attached.iter().map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let members = [xml::text("PolicyName", name), xml::text("PolicyArn", arn)];
        (arn.clone(), xml::element("member", &members))
    });
    request.page("AttachedPolicies", listed.collect())
}

/// `ListInstanceProfilesForRole`: there are none.
pub(super) fn list_instance_profiles(
    request: &Request<'_>,
    transaction: &mut Transaction<'_>,
) -> Told {
    find(request, transaction)?;
    request.page("InstanceProfiles", Vec::new())
}
