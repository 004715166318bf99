//! A connection that stands: the configuration all clients are made from, and who we are.

use std::sync::Arc;

use aws_config::{Region as SdkRegion, SdkConfig};
use jiff::SignedDuration;
use tokio::sync::OnceCell;

use super::{
    bucket::{Bucket, Limit},
    call::{Operation, Repeat},
    connection::Connection,
    credentials::Entrance,
    fault::{AwsError, FaultKind},
    pacer::{Pacer, Pacers},
    region::meant,
    their_clock::SharedClock,
    witness::{Tried, Witness},
};
use crate::model::{AccountId, CredentialSource, Region, SignIn, other_account};

/// Asks who we are.
const GET_CALLER_IDENTITY: Operation =
    Operation { name: "GetCallerIdentity", bucket: Bucket::Identity, repeat: Repeat::Harmless };

/// Who AWS takes us for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account.
    pub account: AccountId,
    /// The caller's ARN; for a role, the session's.
    pub arn: String,
}

/// Why it is not certain that this is the account it should be.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// AWS did not say.
    #[error("failed to ask AWS who we are")]
    Aws(#[from] AwsError),
    /// AWS cannot be reached, and the region has a name that is not known.
    #[error("failed to reach AWS in region `{region}`, which is none that is known")]
    Misspelt {
        /// The region.
        region: Region,
        /// What it was probably meant to be.
        meant: &'static str,
        /// Why it cannot be reached.
        source: AwsError,
    },
    /// AWS's answer makes no sense.
    #[error("failed to read who we are: AWS named {0}")]
    Unreadable(String),
    /// It is another account.
    #[error("this is account {found} (`{arn}`), not {expected}")]
    WrongAccount {
        /// The account that the settings name.
        expected: AccountId,
        /// The account that was reached.
        found: AccountId,
        /// As whom.
        arn: String,
    },
}

impl IdentityError {
    /// What to do about it, as one imperative sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Aws(error) => role_hint(error).or_else(|| error.hint()),
            Self::Misspelt { meant, .. } => {
                Some(format!("write the region as `{meant}`, if that is meant"))
            }
            Self::Unreadable(_) => None,
            Self::WrongAccount { expected, found, .. } => Some(other_account(expected, found)),
        }
    }
}

/// What to do about a role that is refused: STS says the same whether it is the caller's policy or the
/// role's that does not allow it, unless it names one of them.
fn role_hint(error: &AwsError) -> Option<String> {
    let FaultKind::AccessDenied(denial) = error.kind() else { return None };
    let told = ["identity-based policy", "explicit deny"];
    let is_told = told.iter().any(|words| error.message().contains(words));
    if error.operation() != "AssumeRole" || is_told {
        return None;
    }
    let (role, caller) = (denial.resource.as_deref()?, lasting(denial.principal.as_deref()?));
    Some(format!(
        "let the trust policy of `{role}` name {caller}, with the `external_id` of the manifest where \
         it asks for one (for jobs of a CI see `release-tool iam-policy trust --help`); and allow \
         `sts:AssumeRole` on it to {caller}"
    ))
}

/// Who a policy can name: of a session its role, since the next session is called something else. The
/// role's path is not in the ARN of a session.
fn lasting(caller: &str) -> String {
    let role = || {
        let (place, role) = caller.split_once(":assumed-role/")?;
        let (name, _session) = role.rsplit_once('/')?;
        Some(format!("the role `{name}` of account {}", place.rsplit(':').next()?))
    };
    role().unwrap_or_else(|| format!("`{caller}`"))
}

/// A connection to one account and region. Cheap to clone; clones share credentials, pacers and
/// what is known of the caller.
#[derive(Debug, Clone)]
pub struct AwsSession {
    /// Shared by all clones.
    inner: Arc<Inner>,
}

/// What the clones of a session share.
#[derive(Debug)]
struct Inner {
    /// What all clients are made from.
    config: SdkConfig,
    /// The region.
    region: Region,
    /// The account that must be reached.
    expected: Option<AccountId>,
    /// What pacers tell accounts apart by.
    account_key: String,
    /// Who holds requests back.
    pacers: Arc<Pacers>,
    /// Who we are, once asked.
    identity: OnceCell<CallerIdentity>,
    /// How we sign in.
    entrance: Arc<Entrance>,
    /// STS's clock.
    clock: SharedClock,
    /// What was tried.
    witness: Arc<Witness>,
}

impl AwsSession {
    /// Puts a session together.
    pub(super) fn new(
        config: SdkConfig,
        (connection, entrance): (&Connection, Entrance),
        pacers: Arc<Pacers>,
    ) -> Self {
        let inner = Inner {
            config,
            region: connection.region.clone(),
            expected: connection.account.clone(),
            account_key: connection.account_key(),
            pacers,
            identity: OnceCell::new(),
            entrance: Arc::new(entrance),
            clock: SharedClock::default(),
            witness: Arc::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.inner.region
    }

    /// What clients are made from.
    pub(crate) fn config(&self) -> &SdkConfig {
        &self.inner.config
    }

    /// The same caller in another region.
    pub(crate) fn in_region(&self, region: &Region) -> Self {
        if region == self.region() {
            return self.clone();
        }
        let config = self.inner.config.to_builder().region(SdkRegion::new(region.to_string()));
        let inner = Inner {
            config: config.build(),
            region: region.clone(),
            expected: self.inner.expected.clone(),
            account_key: self.inner.account_key.clone(),
            pacers: Arc::clone(&self.inner.pacers),
            identity: self.inner.identity.clone(),
            entrance: Arc::clone(&self.inner.entrance),
            clock: self.inner.clock.clone(),
            witness: Arc::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Who AWS takes us for, and whether that is in the expected account. AWS is asked once.
    ///
    /// # Errors
    /// Fails when there are no valid credentials, and when the account is not the expected one.
    pub async fn identity(&self) -> Result<&CallerIdentity, IdentityError> {
        let identity = self.inner.identity.get_or_try_init(|| self.ask_identity()).await?;
        match &self.inner.expected {
            Some(expected) if *expected != identity.account => Err(IdentityError::WrongAccount {
                expected: expected.clone(),
                found: identity.account.clone(),
                arn: identity.arn.clone(),
            }),
            _ => Ok(identity),
        }
    }

    /// The account, once it was asked who we are.
    pub(crate) fn account(&self) -> Option<&AccountId> {
        self.inner.identity.get().map(|identity| &identity.account)
    }

    /// Asks STS.
    async fn ask_identity(&self) -> Result<CallerIdentity, IdentityError> {
        let client = aws_sdk_sts::Client::new(&self.inner.config);
        let clock = &self.inner.clock;
        let ask = || client.get_caller_identity().customize().interceptor(clock.clone()).send();
        let answer = self.call(GET_CALLER_IDENTITY, ask).await;
        let answer = answer.map_err(|error| self.not_identified(error))?;
        let account = AccountId::new(answer.account().unwrap_or_default())
            .map_err(|error| IdentityError::Unreadable(error.to_string()))?;
        Ok(CallerIdentity { account, arn: answer.arn().unwrap_or_default().to_owned() })
    }

    /// Why AWS does not say who we are.
    fn not_identified(&self, source: AwsError) -> IdentityError {
        let is_aws = self.inner.config.endpoint_url().is_none();
        let is_unreachable = is_aws && *source.kind() == FaultKind::Unreachable;
        match meant(self.region()).filter(|_| is_unreachable) {
            Some(meant) => IdentityError::Misspelt { region: self.region().clone(), meant, source },
            None => source.into(),
        }
    }

    /// How we sign in, and until when; nothing where there are no credentials, which the first
    /// request tells better.
    pub async fn sign_in(&self) -> Option<SignIn> {
        let last = self.inner.config.credentials_provider()?;
        self.inner.entrance.sign_in(&last).await.ok()
    }

    /// Where the last credentials came from; nothing before there were any.
    pub(super) fn sources(&self) -> Vec<CredentialSource> {
        self.inner.entrance.last()
    }

    /// How far AWS's clock is ahead of this machine's, once it was asked who we are; also where it
    /// refused to tell.
    #[must_use]
    pub fn clock_ahead(&self) -> Option<SignedDuration> {
        self.inner.clock.ahead()
    }

    /// The pacer of a bucket of this account and region.
    pub(super) fn pacer(&self, bucket: Bucket) -> Arc<Pacer> {
        self.inner.pacers.of(&self.inner.account_key, self.inner.region.as_str(), bucket)
    }

    /// Keeps requests of this account and region to what AWS told instead of what is published.
    pub(crate) fn keep_to(&self, applied: impl IntoIterator<Item = (Bucket, Limit)>) {
        for (bucket, limit) in applied {
            self.pacer(bucket).keep_to(limit);
        }
    }

    /// What became of the requests that were sent, as far as permissions go.
    #[must_use]
    pub fn tried(&self) -> Tried {
        self.inner.witness.tried()
    }

    /// Who notes what became of requests.
    pub(super) fn witness(&self) -> &Witness {
        &self.inner.witness
    }

    /// All pacers.
    pub(super) fn pacers(&self) -> &Pacers {
        &self.inner.pacers
    }
}
