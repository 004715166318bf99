//! Who signs the tokens of a CI's jobs, as identity providers in IAM are named: a host, and a path where
//! there is one, without a scheme.

use super::trust::{Ci, TrustError};

/// The issuer of tokens: what follows `https://` in their `iss`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issuer(String);

/// Where a GitHub Enterprise Server signs, below its host (its documentation, "`OpenID` Connect
/// reference").
const OF_SERVER: &str = "_services/token";
/// What the hosts of enterprises with a subdomain of GitHub's end with, and what signs there.
const OF_SUBDOMAIN: (&str, &str) = (".ghe.com", "token.actions.");

impl Issuer {
    /// The issuer of a CI: the public one, or that of a host of one's own, which may be given with
    /// `https://` and with a path.
    pub(super) fn of(ci: Ci, host: Option<&str>) -> Result<Self, TrustError> {
        let Some(given) = host else { return Ok(Self(ci.public_host().to_owned())) };
        if ci == Ci::Buildkite {
            return Err(TrustError::NoHosts(ci.name()));
        }
        let bad = || TrustError::Host(given.to_owned());
        let rest = given.strip_prefix("https://").unwrap_or(given).trim_end_matches('/');
        let (host, path) = match rest.split_once('/') {
            Some((host, path)) => (host.to_ascii_lowercase(), Some(path)),
            None => (rest.to_ascii_lowercase(), None),
        };
        let is_path = |path: &str| path.split('/').all(|part| is_part(part, "-_."));
        if !is_host(&host) || !path.is_none_or(is_path) {
            return Err(bad());
        }
        Ok(Self(match path {
            Some(path) => format!("{host}/{path}"),
            None if ci == Ci::GitHub => of_github(&host),
            None => host,
        }))
    }

    /// As ARNs and condition keys have it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The issuer of a GitHub at a host.
fn of_github(host: &str) -> String {
    let (end, start) = OF_SUBDOMAIN;
    if host.starts_with(start) {
        host.to_owned()
    } else if host.ends_with(end) {
        format!("{start}{host}")
    } else {
        format!("{host}/{OF_SERVER}")
    }
}

/// Whether a text is the name of a host. IAM takes no ports.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        is_part(label, "-") && !label.starts_with('-') && !label.ends_with('-') && label.len() < 64
    };
    text.contains('.') && text.split('.').all(is_label)
}

/// Whether a text is letters, digits and some other characters.
fn is_part(text: &str, more: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_host_and_its_path() {
        let github = "token.actions.githubusercontent.com";
        for (ci, host, expected) in [
            (Ci::GitHub, None, github),
            (Ci::GitHub, Some("ghe.acme.com"), "ghe.acme.com/_services/token"),
            (Ci::GitHub, Some("https://GHE.acme.com/"), "ghe.acme.com/_services/token"),
            (
                Ci::GitHub,
                Some("https://ghe.acme.com/_services/token"),
                "ghe.acme.com/_services/token",
            ),
            (Ci::GitHub, Some("acme.ghe.com"), "token.actions.acme.ghe.com"),
            (Ci::GitHub, Some("token.actions.acme.ghe.com"), "token.actions.acme.ghe.com"),
            (Ci::GitHub, Some(github), github),
            (
                Ci::GitHub,
                Some("https://token.actions.githubusercontent.com/acme"),
                "token.actions.githubusercontent.com/acme",
            ),
            (Ci::GitLab, None, "gitlab.com"),
            (Ci::GitLab, Some("https://gitlab.acme.com"), "gitlab.acme.com"),
            (Ci::GitLab, Some("acme.com/gitlab/"), "acme.com/gitlab"),
            (Ci::Buildkite, None, "agent.buildkite.com"),
        ] {
            assert_eq!(Issuer::of(ci, host).unwrap().as_str(), expected, "{host:?}");
        }
    }

    #[test]
    fn what_names_no_issuer_is_refused() {
        for host in [
            "",
            "https://",
            "http://ghe.acme.com",
            "https://https://ghe.acme.com",
            "ghe.acme.com:8443",
            "ghe acme.com",
            "localhost",
            "-ghe.acme.com",
            "ghe..com",
            "ann@ghe.acme.com",
            "ghe.acme.com//token",
            "ghe.acme.com/a b",
            "ghe.acme.com/*",
        ] {
            let refused = Issuer::of(Ci::GitHub, Some(host)).unwrap_err();
            assert_eq!(refused, TrustError::Host(host.to_owned()));
        }
        let refused = Issuer::of(Ci::Buildkite, Some("ci.acme.com")).unwrap_err();
        assert_eq!(refused, TrustError::NoHosts("Buildkite"));
    }
}
