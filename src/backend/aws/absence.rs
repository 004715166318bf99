//! Credentials that could not be had: by what way, why, and what to do.

use std::{borrow::Cow, error::Error, io};

use aws_config::profile::{Profile, ProfileSet, load};
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_types::error::metadata::ErrorMetadata;
use aws_types::os_shim_internal::{Env, Fs};

use super::fault::{FaultKind, find, innermost};
use crate::model::CredentialSource;

/// How many profiles may name each other as the source.
const LONGEST_CHAIN: usize = 8;
/// What a role's policy is held against by STS.
const TRUST: &str = "let the role's trust policy take this job's token: see `release-tool iam-policy \
                     trust --help`";

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct NoCredentials {
    /// By what way, and why, in words.
    text: String,
    /// The way, as far as it led.
    sources: Vec<CredentialSource>,
    /// What to do about it.
    hint: String,
    /// What is to be done where a role is denied, where a profile asks for a second factor.
    second_factor: Option<String>,
    /// What failed.
    #[source]
    cause: Option<CredentialsError>,
}

impl NoCredentials {
    /// A way that was to lead to credentials does not.
    pub(super) async fn by(source: &CredentialSource, cause: CredentialsError) -> Self {
        let way = match source {
            CredentialSource::Profile(name) => Way::of_profile(name.as_deref()).await,
            other => Way { sources: vec![other.clone()], second_factor: None },
        };
        let by: Vec<String> = way.sources.iter().map(ToString::to_string).collect();
        Self {
            text: format!("{}: {}", by.join(", then "), reason(&way.sources, &cause)),
            hint: hint(&way.sources, &cause),
            sources: way.sources,
            second_factor: way.second_factor,
            cause: Some(cause),
        }
    }

    /// There are none anywhere.
    pub(super) fn anywhere(asks_instance: bool, lacks_role: bool) -> Self {
        let places = if asks_instance {
            "the shared configuration files, the container, or the instance"
        } else {
            "the shared configuration files, or the container"
        };
        let text = format!("none were found in the environment, {places}");
        let (text, hint) = if lacks_role {
            let text = format!("{text}, and `AWS_WEB_IDENTITY_TOKEN_FILE` is set without a role");
            (text, "set `AWS_ROLE_ARN` to the role that takes this job's token")
        } else {
            (text, "sign in again, for example with `aws sso login`, or set `AWS_PROFILE`")
        };
        let hint = hint.to_owned();
        Self { text, sources: Vec::new(), hint, second_factor: None, cause: None }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> &str {
        &self.hint
    }

    /// What to do where STS refused it, if that is known of the way.
    pub(super) fn hint_for(&self, kind: &FaultKind) -> Option<String> {
        let is_denied = matches!(kind, FaultKind::AccessDenied(_));
        let has_token = self.sources.contains(&CredentialSource::WebIdentity);
        match kind {
            _ if is_denied && self.second_factor.is_some() => self.second_factor.clone(),
            _ if is_denied && has_token => Some(TRUST.to_owned()),
            FaultKind::AccessDenied(_) | FaultKind::Throttled | FaultKind::Server => None,
            _ => Some(self.hint.clone()),
        }
    }

    /// Whether it is AWS that is asked for them, and not somebody near.
    pub(super) fn asks_aws(&self) -> bool {
        let near = [CredentialSource::Container, CredentialSource::Instance];
        !self.sources.iter().any(|source| near.contains(source))
    }
}

/// By what way a profile comes to credentials.
struct Way {
    /// The profile that names one, and what it names.
    sources: Vec<CredentialSource>,
    /// What to do where a profile on the way asks for a second factor.
    second_factor: Option<String>,
}

impl Way {
    /// Follows a profile to the one that names a source.
    async fn of_profile(name: Option<&str>) -> Self {
        let wanted = name.map(|name| Cow::Owned(name.to_owned()));
        let files = EnvConfigFiles::default();
        let profiles = load(&Fs::real(), &Env::real(), &files, wanted).await.unwrap_or_default();
        let mut way = Self {
            sources: vec![CredentialSource::Profile(name.map(str::to_owned))],
            second_factor: None,
        };
        let mut next = profiles.get_profile(name.unwrap_or(profiles.selected_profile()));
        for _ in 0..LONGEST_CHAIN {
            let Some(profile) = next else { break };
            if profile.get("mfa_serial").is_some() {
                way.second_factor = Some(format!(
                    "use single sign-on or a `credential_process`: the second factor (`mfa_serial`) \
                     of profile `{}` is not asked for",
                    profile.name()
                ));
            }
            next = source_of(&profiles, profile);
            if next.is_none() {
                let named = name.or(Some(profile.name()).filter(|name| *name != "default"));
                let last = named.map(|_| profile.name().to_owned());
                way.sources = vec![CredentialSource::Profile(last)];
                way.sources.extend(named_by(profile));
            }
        }
        way
    }
}

/// The profile whose credentials a profile takes its role on with.
fn source_of<'a>(profiles: &'a ProfileSet, profile: &Profile) -> Option<&'a Profile> {
    profile.get("role_arn")?;
    let source = profile.get("source_profile").filter(|source| *source != profile.name())?;
    profiles.get_profile(source)
}

/// The source that a profile names; none where it has keys, or nothing.
fn named_by(profile: &Profile) -> Option<CredentialSource> {
    let has = |key: &str| profile.get(key).is_some();
    if has("web_identity_token_file") {
        return Some(CredentialSource::WebIdentity);
    }
    if has("sso_session") || has("sso_start_url") {
        return Some(CredentialSource::SingleSignOn);
    }
    if has("credential_process") {
        return Some(CredentialSource::Process);
    }
    match profile.get("credential_source")? {
        "EcsContainer" => Some(CredentialSource::Container),
        "Ec2InstanceMetadata" => Some(CredentialSource::Instance),
        "Environment" => Some(CredentialSource::EnvironmentKeys),
        _ => None,
    }
}

/// Why a way does not lead to credentials.
fn reason(sources: &[CredentialSource], cause: &CredentialsError) -> String {
    if is_of_profile(sources, cause) && cause.source().is_none() {
        return "it is not in the shared configuration files, or names no credentials".to_owned();
    }
    let reason = innermost(cause);
    // What follows is the answer as it came, in which there may be keys.
    let reason = reason.split(". Response {").next().unwrap_or_default();
    match find::<io::Error>(cause) {
        Some(_) if sources.ends_with(&[CredentialSource::WebIdentity]) && !is_sent(cause) => {
            format!("its file cannot be read: {reason}")
        }
        _ => reason.to_owned(),
    }
}

/// Whether it is the profile that is wrong.
fn is_of_profile(sources: &[CredentialSource], cause: &CredentialsError) -> bool {
    use CredentialsError::{CredentialsNotLoaded, InvalidConfiguration};
    matches!(sources, [.., CredentialSource::Profile(_)])
        && matches!(cause, CredentialsNotLoaded(_) | InvalidConfiguration(_))
}

/// Whether it came to a request.
fn is_sent(cause: &(dyn Error + 'static)) -> bool {
    find::<hyper_util::client::legacy::Error>(cause).is_some()
}

/// What to do where a way does not lead to credentials.
fn hint(sources: &[CredentialSource], cause: &CredentialsError) -> String {
    let profile = sources.iter().find_map(|source| match source {
        CredentialSource::Profile(Some(name)) => Some(name.as_str()),
        _ => None,
    });
    let is_forbidden =
        find::<ErrorMetadata>(cause).is_some_and(|told| told.code() == Some("ForbiddenException"));
    if is_forbidden && sources.ends_with(&[CredentialSource::SingleSignOn]) {
        return format!(
            "have the account and the role that {} names assigned to you in IAM Identity Center",
            in_words(profile)
        );
    }
    if is_of_profile(sources, cause) {
        return format!(
            "mend {} in the shared configuration files, for example with `aws configure sso{}`, or \
             name another one",
            in_words(profile),
            option(profile)
        );
    }
    renewal(sources).unwrap_or_else(|| format!("mend {}", in_words(profile)))
}

/// How credentials from these places come to be good again, where that is known.
pub(super) fn renewal(sources: &[CredentialSource]) -> Option<String> {
    let profile = match sources.first() {
        Some(CredentialSource::Profile(name)) => name.as_deref(),
        _ => None,
    };
    Some(match sources.iter().rfind(|source| !matches!(source, CredentialSource::Role(_)))? {
        CredentialSource::SingleSignOn => {
            format!("sign in again with `aws sso login{}`", option(profile))
        }
        CredentialSource::Process => format!(
            "run the `credential_process` of {} by hand, and mend what it says",
            in_words(profile)
        ),
        CredentialSource::WebIdentity => {
            "have the job write a token that is good to the file that \
             `AWS_WEB_IDENTITY_TOKEN_FILE` or the profile names"
                .to_owned()
        }
        CredentialSource::Container => {
            "give the task or the pod a role, and see that its agent answers where \
             `AWS_CONTAINER_CREDENTIALS_FULL_URI` or its like says"
                .to_owned()
        }
        CredentialSource::Instance => {
            "give the instance a role, and see that its metadata service answers".to_owned()
        }
        CredentialSource::EnvironmentKeys => {
            "take fresh `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, or \
             unset them and name a `profile`, which is renewed by itself"
                .to_owned()
        }
        CredentialSource::Profile(_) => format!("write fresh keys into {}", in_words(profile)),
        CredentialSource::ProfileRole
        | CredentialSource::Role(_)
        | CredentialSource::Sandbox
        | CredentialSource::Unknown => return None,
    })
}

/// A profile as a sentence has it.
fn in_words(profile: Option<&str>) -> String {
    CredentialSource::Profile(profile.map(str::to_owned)).to_string()
}

/// A profile as the AWS CLI takes it.
fn option(profile: Option<&str>) -> String {
    profile.map(|name| format!(" --profile {name}")).unwrap_or_default()
}
