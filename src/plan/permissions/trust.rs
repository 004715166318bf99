//! Trust policies: which jobs of a CI may take on a role, by the token that the CI gives them.
//!
//! A policy always names a repository and where in it a job runs: the token of any other job, of any
//! other customer of the same CI, does not fit. The forms of `sub` are those that GitHub, GitLab and
//! Buildkite document for their tokens.

use serde_json::{Value, json};

use super::policy::Condition;
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

/// Who may take on a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Whose jobs.
    pub ci: Ci,
    /// The host that signs tokens, where it is not the public one.
    pub host: Option<String>,
    /// The partition of the role.
    pub partition: String,
    /// The account of the role.
    pub account: AccountId,
    /// The repositories, projects or pipelines, as `OWNER/NAME`.
    pub repositories: Vec<String>,
    /// Where in them; at least one.
    pub subjects: Vec<Subject>,
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
            Self::NoEnvironments(_) => {
                "name a protected branch with `--branch main`, or tags with `--tag 'v*'`"
            }
        }
    }
}

impl Ci {
    /// Its name.
    const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Buildkite => "Buildkite",
        }
    }

    /// The host that signs its tokens.
    const fn public_host(self) -> &'static str {
        match self {
            Self::GitHub => "token.actions.githubusercontent.com",
            Self::GitLab => "gitlab.com",
            Self::Buildkite => "agent.buildkite.com",
        }
    }
}

impl Trust {
    /// Checks that it trusts some jobs, and not all.
    ///
    /// # Errors
    /// Fails with what is missing or too wide.
    pub fn check(&self) -> Result<(), TrustError> {
        for repository in &self.repositories {
            let parts: Vec<&str> = repository.split('/').collect();
            let is_sound = parts.len() >= 2
                && (self.ci == Ci::GitLab || parts.len() == 2)
                && parts.iter().all(|part| is_name(part) && !part.contains(['*', '?']));
            if !is_sound {
                return Err(TrustError::Repository(repository.clone()));
            }
        }
        if self.subjects.is_empty() {
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

    /// The host that signs the tokens.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.as_deref().unwrap_or(self.ci.public_host())
    }

    /// What tokens are made for.
    #[must_use]
    pub fn audience(&self) -> String {
        match self.ci {
            Ci::GitHub | Ci::Buildkite => "sts.amazonaws.com".to_owned(),
            Ci::GitLab => format!("https://{}", self.host()),
        }
    }

    /// The ARN of the identity provider.
    #[must_use]
    pub fn provider(&self) -> String {
        let Self { partition, account, .. } = self;
        format!("arn:{partition}:iam::{account}:oidc-provider/{}", self.host())
    }

    /// The `sub` of the tokens that are trusted.
    fn subs(&self) -> Vec<String> {
        let of = |repository: &String| {
            let repository = repository.clone();
            self.subjects.iter().map(move |subject| sub(self.ci, &repository, subject))
        };
        self.repositories.iter().flat_map(of).collect()
    }

    /// The conditions on a token.
    pub(super) fn conditions(&self) -> Vec<Condition> {
        let subs = self.subs();
        let is_pattern = subs.iter().any(|sub| sub.contains(['*', '?']));
        let key = |claim: &str| format!("{}:{claim}", self.host());
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
    let is_sound = |c: char| c.is_ascii_alphanumeric() || "-_.@*?+~ ".contains(c);
    !text.is_empty() && text.trim() == text && text.chars().all(is_sound)
}
