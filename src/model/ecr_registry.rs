//! A registry of ECR by its host, and what an image is called there.

use std::fmt;

use super::image::{EcrRepository, ImageUri};

/// A private ECR registry: `<account>.dkr.ecr.<region>.amazonaws.com`, in China with `.cn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcrRegistry(String);

impl EcrRegistry {
    /// Reads a host; `None` for anything else.
    #[must_use]
    pub fn parse(host: &str) -> Option<Self> {
        let is_host = !host.contains('/') && EcrRepository::parse(&format!("{host}/x")).is_some();
        is_host.then(|| Self(host.to_owned()))
    }

    /// What an image of another registry of ECR is called here; nothing for one that is here, and
    /// for one of any other registry, which is left where it is.
    #[must_use]
    pub fn copy_of(&self, uri: &ImageUri) -> Option<ImageUri> {
        uri.ecr()?;
        let (host, rest) = uri.as_str().split_once('/')?;
        if host == self.0 {
            return None;
        }
        ImageUri::parse(format!("{}/{rest}", self.0)).ok()
    }

    /// A repository of this name here.
    #[must_use]
    pub fn repository(&self, name: &str) -> Option<EcrRepository> {
        EcrRepository::parse(&format!("{}/{name}", self.0))
    }
}

impl fmt::Display for EcrRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registries_of_ecr_are_read() {
        for host in [
            "111111111111.dkr.ecr.eu-west-1.amazonaws.com",
            "111111111111.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "111111111111.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        ] {
            assert_eq!(EcrRegistry::parse(host).unwrap().to_string(), host);
        }
        for text in ["", "ghcr.io", "111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop", "1"] {
            assert_eq!(EcrRegistry::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_image_keeps_its_name_tag_and_digest_in_another_registry() {
        let there = "222222222222.dkr.ecr.cn-north-1.amazonaws.com.cn";
        let registry = EcrRegistry::parse(there).unwrap();
        let copy = |text: &str| registry.copy_of(&ImageUri::parse(text).unwrap());
        let digest = format!("sha256:{}", "0".repeat(64));
        let named = format!("shop/search:1@{digest}");
        let here = format!("111111111111.dkr.ecr.eu-west-1.amazonaws.com/{named}");
        assert_eq!(copy(&here).unwrap().as_str(), format!("{there}/{named}"));
        assert_eq!(copy(&format!("{there}/shop/search:1")), None, "it is there");
        assert_eq!(copy("ghcr.io/acme/search:1"), None, "it stays where it is");
        assert_eq!(copy("nginx:1"), None);
    }
}
