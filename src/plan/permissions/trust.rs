//! Trust policies: which jobs of a CI may take on a role, by the token that the CI gives them.
//!
//! A policy always names a repository and where in it a job runs: the token of any other job, of any
//! other customer of the same CI, does not fit. The forms of `sub` are those that GitHub, GitLab and
//! Buildkite document for their tokens.

use serde_json::{Value, json};

use super::{issuer::Issuer, policy::Condition};
use crate::model::AccountId;

/// Whose jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI.
    GitLab,
    /// Buildkite.
    Buildkite,
}

/// Where in a repository a job runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// In an environment of GitHub's, whose rules say who may deploy.
    Environment(String),
    /// For a branch; `*` stands for any part of its name.
    Branch(String),
    /// For a tag; `*` stands for any part of its name.
    Tag(String),
}

/// Whose jobs, and where in which repositories: a claim to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jobs {
    /// Whose.
    pub ci: Ci,
    /// The repositories, projects or pipelines, as `OWNER/NAME`; at least one.
    pub repositories: Vec<String>,
    /// Where in them; at least one.
    pub subjects: Vec<Subject>,
}

/// Who may take on a role. There is none that trusts everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Whose jobs, and where.
    jobs: Jobs,
    /// Who signs their tokens.
    issuer: Issuer,
    /// The partition of the role.
    partition: String,
    /// The account of the role.
    account: AccountId,
}

/// Why nobody can be trusted like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// A repository has another form.
    #[error("`{0}` does not name one repository")]
    Repository(String),
    /// A part of a repository has another form.
    #[error("`{0}` does not name an environment, a branch or a tag")]
    Name(String),
    /// Nothing says where in the repository a job runs.
    #[error("nothing says which jobs of the repository are trusted")]
    Anywhere,
    /// What should be a host has another form.
    #[error("`{0}` names no host")]
    Host(String),
    /// The CI has no hosts but its own.
    #[error("the tokens of {0} are signed by one host only")]
    NoHosts(&'static str),
    /// The CI's tokens do not tell the environment.
    #[error("the tokens of {0} do not tell in which environment a job runs")]
    NoEnvironments(&'static str),
}

impl TrustError {
    /// What to do about it, as one imperative sentence.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Repository(_) => "write it as `OWNER/NAME`, without wildcards",
            Self::Name(_) => "leave out spaces, colons and quotes, and more wildcards than name",
            Self::Anywhere => {
                "name them with `--environment production`, `--branch main` or `--tag 'v*'`"
            }
            Self::Host(_) => "write the host as it is in its URL, such as `github.example.com`",
            Self::NoHosts(_) => "leave `--host` out",
            Self::NoEnvironments(_) => {
                "name a protected branch with `--branch main`, or tags with `--tag 'v*'`"
            }
        }
    }
}

impl Ci {
    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Buildkite => "Buildkite",
        }
    }

    /// The host that signs its tokens.
    pub(super) const fn public_host(self) -> &'static str {
        match self {
            Self::GitHub => "token.actions.githubusercontent.com",
            Self::GitLab => "gitlab.com",
            Self::Buildkite => "agent.buildkite.com",
        }
    }
}

impl Jobs {
    /// Checks that they are some jobs, and not all.
    fn check(&self) -> Result<(), TrustError> {
        for repository in &self.repositories {
            let parts: Vec<&str> = repository.split('/').collect();
            let is_sound = parts.len() >= 2
                && (self.ci == Ci::GitLab || parts.len() == 2)
                && parts.iter().all(|part| is_name(part) && !part.contains(['*', '?']));
            if !is_sound {
                return Err(TrustError::Repository(repository.clone()));
            }
        }
        if self.repositories.is_empty() || self.subjects.is_empty() {
            return Err(TrustError::Anywhere);
        }
        self.subjects.iter().try_for_each(|subject| self.check_subject(subject))
    }

    /// Checks where in a repository a job runs.
    fn check_subject(&self, subject: &Subject) -> Result<(), TrustError> {
        let (Subject::Environment(name) | Subject::Branch(name) | Subject::Tag(name)) = subject;
        let is_wide = name.chars().all(|c| matches!(c, '*' | '?' | '/'));
        if is_wide || !name.split('/').all(is_name) {
            return Err(TrustError::Name(name.clone()));
        }
        match subject {
            Subject::Environment(_) if self.ci != Ci::GitHub => {
                Err(TrustError::NoEnvironments(self.ci.name()))
            }
            _ => Ok(()),
        }
    }
}

impl Trust {
    /// Trusts some jobs, and not all, to take on roles of a partition and an account. Their tokens are
    /// signed by the CI's public host, or by one of one's own.
    ///
    /// # Errors
    /// Fails with what is missing or too wide.
    pub fn new(
        jobs: Jobs,
        host: Option<&str>,
        (account, partition): (AccountId, &str),
    ) -> Result<Self, TrustError> {
        jobs.check()?;
        let issuer = Issuer::of(jobs.ci, host)?;
        Ok(Self { jobs, issuer, partition: partition.to_owned(), account })
    }

    /// Whose jobs, and where.
    #[must_use]
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Who signs the tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Whether the CI's public host signs the tokens.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.issuer() == self.jobs.ci.public_host()
    }

    /// What tokens are made for.
    #[must_use]
    pub fn audience(&self) -> String {
        match self.jobs.ci {
            Ci::GitHub | Ci::Buildkite => "sts.amazonaws.com".to_owned(),
            Ci::GitLab => format!("https://{}", self.issuer()),
        }
    }

    /// The ARN of the identity provider.
    #[must_use]
    pub fn provider(&self) -> String {
        let Self { partition, account, .. } = self;
        format!("arn:{partition}:iam::{account}:oidc-provider/{}", self.issuer())
    }

    /// The `sub` of the tokens that are trusted.
    fn subs(&self) -> Vec<String> {
        let Jobs { ci, repositories, subjects } = &self.jobs;
        let of = |repository: &String| {
            let repository = repository.clone();
            subjects.iter().map(move |subject| sub(*ci, &repository, subject))
        };
        repositories.iter().flat_map(of).collect()
    }

    /// The conditions on a token.
    pub(super) fn conditions(&self) -> Vec<Condition> {
        let subs = self.subs();
        let is_pattern = subs.iter().any(|sub| sub.contains(['*', '?']));
        let key = |claim: &str| format!("{}:{claim}", self.issuer());
        vec![
            Condition { operator: "StringEquals", key: key("aud"), values: vec![self.audience()] },
            Condition {
                operator: if is_pattern { "StringLike" } else { "StringEquals" },
                key: key("sub"),
                values: subs,
            },
        ]
    }

    /// The trust policy.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut condition = serde_json::Map::new();
        for Condition { operator, key, values } in self.conditions() {
            let keys = condition.entry(operator).or_insert_with(|| json!({}));
            let value = match values.as_slice() {
                [one] => json!(one),
                many => json!(many),
            };
            if let Value::Object(keys) = keys {
                keys.insert(key, value);
            }
        }
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Federated": self.provider() },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": condition,
            }],
        })
    }
}

/// The `sub` of the tokens of some jobs.
fn sub(ci: Ci, repository: &str, subject: &Subject) -> String {
    match ci {
        Ci::GitHub => match subject {
            Subject::Environment(name) => format!("repo:{repository}:environment:{name}"),
            Subject::Branch(name) => format!("repo:{repository}:ref:refs/heads/{name}"),
            Subject::Tag(name) => format!("repo:{repository}:ref:refs/tags/{name}"),
        },
        Ci::GitLab => {
            let (kind, name) = kind_of(subject);
            format!("project_path:{repository}:ref_type:{kind}:ref:{name}")
        }
        Ci::Buildkite => {
            let (kind, name) = kind_of(subject);
            let folder = if kind == "tag" { "tags" } else { "heads" };
            let (organization, pipeline) = repository.split_once('/').unwrap_or((repository, ""));
            format!(
                "organization:{organization}:pipeline:{pipeline}:ref:refs/{folder}/{name}:commit:*:\
                 step:*"
            )
        }
    }
}

/// The kind of a reference, and its name.
fn kind_of(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::Tag(name) => ("tag", name),
        Subject::Branch(name) | Subject::Environment(name) => ("branch", name),
    }
}

/// Whether a text can be a part of a token's subject.
fn is_name(text: &str) -> bool {
    let is_sound = |c: char| c.is_ascii_alphanumeric() || "-_.@*?+~".contains(c);
    !text.is_empty() && text.chars().all(is_sound)
}
