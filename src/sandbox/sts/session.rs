//! Sessions of roles, and how an access key tells who signed with it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::sandbox::{
    SandboxError,
    call::Scope,
    credential, region,
    state::{Entity, Transaction},
    xml,
};

/// How long a session is at most that a session opened, in seconds, and how long one is when
/// nothing is told.
pub(super) const CHAINED: u32 = 3600;

/// A role, as its ARN tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    /// The ARN's second part.
    partition: String,
    /// The account.
    pub(super) account: String,
    /// The name, without its path.
    pub(super) name: String,
}

impl Role {
    /// Reads `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`.
    pub(super) fn parse(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
            return None;
        };
        let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
        let valid = !partition.is_empty() && !name.is_empty() && credential::is_account(account);
        valid.then(|| Self {
            partition: (*partition).to_owned(),
            account: (*account).to_owned(),
            name: name.to_owned(),
        })
    }
}

/// A session of a role, kept under its access key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Session {
    /// The account of the role.
    account: String,
    /// The session's ARN.
    arn: String,
    /// When it is over, on the machine's clock.
    expires: Timestamp,
    /// The name of the role, where IAM has it: the session may do what its policies say.
    #[serde(default)]
    role: Option<String>,
}

impl Entity for Session {
    const KIND: &'static str = "sts.session";
}

/// How long sessions last at most, where that was set.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Longest {
    /// Seconds on the machine's clock.
    seconds: u32,
}

impl Entity for Longest {
    const KIND: &'static str = "sts.longest";
}

/// The key of entities of which a sandbox has one.
const ONLY: &str = "";

/// Has sessions that begin from now on last so long at most, whatever is asked for.
pub(in crate::sandbox) fn set_longest(
    transaction: &mut Transaction<'_>,
    longest: Duration,
) -> Result<(), SandboxError> {
    let seconds = u32::try_from(longest.as_secs()).unwrap_or(u32::MAX);
    transaction.put(ONLY, &Longest { seconds })
}

/// How many sessions an account has had.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Opened(u32);

impl Entity for Opened {
    const KIND: &'static str = "sts.opened";
}

impl Session {
    /// A session from now on.
    pub(super) fn start(
        (role, is_kept): (&Role, bool),
        name: &str,
        machine: Timestamp,
        seconds: u32,
    ) -> Self {
        let Role { partition, account, name: role } = role;
        let lifetime = SignedDuration::from_secs(seconds.into());
        Self {
            account: account.clone(),
            arn: format!("arn:{partition}:sts::{account}:assumed-role/{role}/{name}"),
            expires: machine.saturating_add(lifetime).unwrap_or(machine),
            role: is_kept.then(|| role.clone()),
        }
    }

    /// Gives the session an access key, and keeps it; writes it as operations answer it.
    pub(super) fn open(
        mut self,
        machine: Timestamp,
        transaction: &mut Transaction<'_>,
    ) -> Result<Vec<String>, SandboxError> {
        if let Some(Longest { seconds }) = transaction.get(ONLY)? {
            let lifetime = SignedDuration::from_secs(seconds.into());
            let end = machine.saturating_add(lifetime).unwrap_or(machine);
            self.expires = self.expires.min(end);
        }
        let number = transaction.get::<Opened>(&self.account)?.unwrap_or_default().0;
        transaction.put(&self.account, &Opened(number.wrapping_add(1)))?;
        let key = credential::session_key(&self.account, number);
        transaction.put(&key, &self)?;
        let user = [xml::text("AssumedRoleId", &user_id(&self.arn)), xml::text("Arn", &self.arn)];
        let credentials = [
            xml::text("AccessKeyId", &key),
            xml::text("SecretAccessKey", credential::SECRET),
            xml::text("SessionToken", &digest(&key, 64)),
            // Whole seconds, as STS has them.
            xml::text("Expiration", &self.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ];
        Ok(vec![xml::element("AssumedRoleUser", &user), xml::element("Credentials", &credentials)])
    }
}

/// Who signed a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Caller {
    /// The ARN.
    pub(in crate::sandbox) arn: String,
    /// Whether it was a session that is over by now.
    pub(in crate::sandbox) is_expired: bool,
    /// The role by whose policies the request is judged; none where everything is allowed.
    pub(in crate::sandbox) role: Option<String>,
}

/// Who has an access key: a session of a role, or else the user `sandbox` of the key's account.
pub(in crate::sandbox) fn caller(
    transaction: &Transaction<'_>,
    scope: &Scope,
    access_key: &str,
    machine: Timestamp,
) -> Result<Caller, SandboxError> {
    if let Some(session) = transaction.get::<Session>(access_key)? {
        let is_expired = session.expires <= machine;
        return Ok(Caller { is_expired, arn: session.arn, role: session.role });
    }
    let partition = region::partition(&scope.region);
    let arn = format!("arn:{partition}:iam::{}:user/sandbox", scope.account);
    Ok(Caller { arn, is_expired: false, role: None })
}

/// Whether a caller is a session.
pub(super) fn is_session(caller: &str) -> bool {
    caller.contains(":assumed-role/")
}

/// The unique id of a caller: `AIDA…` for a user, `AROA…:SESSION` for a session of a role.
pub(super) fn user_id(caller: &str) -> String {
    match caller.rsplit_once('/') {
        Some((role, session)) if is_session(caller) => {
            format!("{}:{session}", unique_id("AROA", role))
        }
        _ => unique_id("AIDA", caller),
    }
}

/// The unique id of a role by its name: that which its sessions have.
pub(in crate::sandbox) fn role_id(scope: &Scope, name: &str) -> String {
    let partition = region::partition(&scope.region);
    unique_id("AROA", &format!("arn:{partition}:sts::{}:assumed-role/{name}", scope.account))
}

/// A unique id of a kind, always the same for a text.
pub(in crate::sandbox) fn unique_id(kind: &str, text: &str) -> String {
    format!("{kind}{}", digest(text, 17))
}

/// Up to 64 characters that a text always has, of those that unique ids have.
fn digest(text: &str, length: usize) -> String {
    Sha256::digest(text)
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(length)
        .map(|half| char::from(b'A' + half))
        .collect()
}
