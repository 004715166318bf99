//! Where something of the registry is: whose registry, and which repository.

use crate::sandbox::{
    call::{Call, Fault, Scope},
    region,
};

use super::fault;

/// A repository, existing or not. All keys of what is in it are made here; no repository's name has
/// an `@`, so that no key of one begins like those of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The registry: the account that owns it, and its region.
    pub(super) scope: Scope,
    /// The repository's name.
    pub(super) repository: String,
}

impl Place {
    /// The repository that a request names, in the caller's registry or in another account's.
    pub(super) fn of(
        call: &Call,
        registry_id: Option<&str>,
        repository: &str,
    ) -> Result<Self, Fault> {
        let scope = registry(call, registry_id)?;
        check_name(repository)?;
        Ok(Self { scope, repository: repository.to_owned() })
    }

    /// The key of the repository itself.
    pub(super) fn key(&self) -> String {
        self.scope.key(&self.repository)
    }

    /// The key of something in the repository; the start of all such keys with an empty `rest`.
    pub(super) fn key_of(&self, rest: &str) -> String {
        self.scope.key(&format!("{}@{rest}", self.repository))
    }

    /// What an image URI begins with.
    pub(super) fn uri(&self) -> String {
        format!("{}/{}", host(&self.scope), self.repository)
    }

    /// The repository's ARN.
    pub(super) fn arn(&self) -> String {
        let Scope { account, region } = &self.scope;
        let partition = region::partition(region);
        format!("arn:{partition}:ecr:{region}:{account}:repository/{}", self.repository)
    }

    /// Reads a repository's ARN.
    pub(super) fn from_arn(arn: &str) -> Result<Self, Fault> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        if let ["arn", _partition, "ecr", region, account, resource] = parts.as_slice()
            && let Some(repository) = resource.strip_prefix("repository/")
        {
            let scope = Scope { account: (*account).to_owned(), region: (*region).to_owned() };
            return Ok(Self { scope, repository: repository.to_owned() });
        }
        Err(fault::invalid("resourceArn", "Invalid ARN"))
    }
}

/// The registry's host.
pub(super) fn host(scope: &Scope) -> String {
    scope.registry()
}

/// The registry that a request names, or the caller's.
pub(super) fn registry(call: &Call, registry_id: Option<&str>) -> Result<Scope, Fault> {
    let Some(account) = registry_id else { return Ok(call.scope.clone()) };
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault::invalid("registryId", "must satisfy regular expression '[0-9]{12}'"));
    }
    Ok(Scope { account: account.to_owned(), region: call.scope.region.clone() })
}

/// Checks a repository's name: levels of words that `.`, `_`, `__` or dashes join.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let joins =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.chars().all(|c| c == '-');
    let is_level = |level: &str| {
        level.starts_with(is_word) && level.ends_with(is_word) && level.split(is_word).all(joins)
    };
    if (2..=256).contains(&name.len()) && name.split('/').all(is_level) {
        return Ok(());
    }
    Err(fault::invalid(
        "repositoryName",
        "must satisfy regular expression \
         '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*' and have 2 to 256 \
         characters",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::testing::scope;

    #[test]
    fn names_are_levels_of_joined_words() {
        for name in ["ab", "app", "uk.ac.wellcome/bag_register", "a__b", "a--b/c-d", "1/2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let long = "a".repeat(257);
        for name in ["", "a", "App", "a..b", "a___b", "a/", "/a", "a//b", "-a", "a.", "a@b", &long]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_place_has_its_own_arn_and_uri() {
        let place = Place { scope: scope(), repository: "team/app".to_owned() };
        assert_eq!(place.uri(), "000000000000.dkr.ecr.eu-west-1.amazonaws.com/team/app");
        assert_eq!(Place::from_arn(&place.arn()).unwrap(), place);
        assert!(Place::from_arn("arn:aws:ecs:eu-west-1:000000000000:repository/app").is_err());
        let china = Scope { region: "cn-north-1".to_owned(), ..scope() };
        let place = Place { scope: china, repository: "app".to_owned() };
        assert_eq!(place.uri(), "000000000000.dkr.ecr.cn-north-1.amazonaws.com.cn/app");
        assert!(place.arn().starts_with("arn:aws-cn:ecr:"));
    }
}
