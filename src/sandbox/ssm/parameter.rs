//! A parameter with the versions that are kept of it.
//!
//! Invariant: there is always a latest version; at most 100 versions are kept; a label points to
//! one of them at most.

use std::collections::BTreeMap;

use aws_sdk_ssm::types;
use aws_smithy_types::base64;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    date, fault,
    name::{self, Reference, Selector},
    version::{Kind, Version},
};
use crate::sandbox::{
    SandboxError,
    call::{Fault, Scope},
    state::{Entity, Transaction},
};

/// Versions that are kept of a parameter.
const MAX_VERSIONS: usize = 100;

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parameter {
    /// Its full name, as it was created.
    pub(super) name: String,
    /// What it is now.
    latest: Version,
    /// What it was before, the oldest first.
    earlier: Vec<Version>,
    /// Its tags.
    pub(super) tags: BTreeMap<String, String>,
}

impl Entity for Parameter {
    const KIND: &'static str = "ssm-parameter";
}

impl Parameter {
    /// A new parameter.
    pub(super) fn new(name: String, first: Version, tags: BTreeMap<String, String>) -> Self {
        Self { name, latest: first, earlier: Vec::new(), tags }
    }

    /// What the parameter is now.
    pub(super) fn latest(&self) -> &Version {
        &self.latest
    }

    /// All versions that are kept, the oldest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.earlier.iter().chain([&self.latest])
    }

    /// All versions, to be changed.
    pub(super) fn versions_mut(&mut self) -> impl Iterator<Item = &mut Version> {
        self.earlier.iter_mut().chain([&mut self.latest])
    }

    /// The version with a number, or the latest one.
    pub(super) fn version_mut(&mut self, number: Option<i64>) -> Result<&mut Version, Fault> {
        let number = number.unwrap_or(self.latest.number);
        let missing = fault::version_not_found(number, &self.name);
        self.versions_mut().find(|version| version.number == number).ok_or(missing)
    }

    /// The version that a reader wants.
    pub(super) fn select(&self, selector: Option<&Selector>) -> Result<&Version, Fault> {
        let found = match selector {
            None => Some(&self.latest),
            Some(Selector::Version(wanted)) => {
                self.versions().find(|version| version.number == *wanted)
            }
            Some(Selector::Label(label)) => {
                self.versions().find(|version| version.labels.contains(label))
            }
        };
        found.ok_or_else(|| match selector {
            Some(Selector::Label(label)) => fault::version_not_found(label, &self.name),
            Some(Selector::Version(number)) => fault::version_not_found(number, &self.name),
            None => fault::not_found(&self.name),
        })
    }

    /// Makes `next` the latest version. The oldest one goes when there are too many, unless a
    /// label holds it.
    pub(super) fn push(&mut self, next: Version) -> Result<(), Fault> {
        if self.earlier.len() + 1 >= MAX_VERSIONS
            && let Some(oldest) = self.earlier.first()
        {
            if !oldest.labels.is_empty() {
                return Err(self.held(oldest.number));
            }
            self.earlier.remove(0);
        }
        self.earlier.push(std::mem::replace(&mut self.latest, next));
        Ok(())
    }

    /// Says that a label holds the oldest version.
    fn held(&self, oldest: i64) -> Fault {
        let message = format!(
            "You attempted to create a new version of {} by calling the PutParameter API with the \
             overwrite flag. Version {oldest}, the oldest version, can't be deleted because it has \
             a label associated with it. Move the label to another version of the parameter, and \
             try again.",
            self.name
        );
        Fault::new("ParameterMaxVersionLimitExceeded", message)
    }

    /// A version's value as an answer gives it. Without decryption, a secret's is a text that tells
    /// nothing and is the same every time.
    pub(super) fn shown_value(&self, version: &Version, decrypt: bool) -> String {
        if decrypt || version.kind != Kind::SecureString {
            return version.value.clone();
        }
        let sealed = Sha256::new()
            .chain_update(&self.name)
            .chain_update(version.number.to_be_bytes())
            .chain_update(&version.value)
            .finalize();
        base64::encode(sealed)
    }

    /// A version as `GetParameter` and its relatives answer it.
    pub(super) fn view(
        &self,
        scope: &Scope,
        version: &Version,
        selector: Option<&Selector>,
        decrypt: bool,
    ) -> types::Parameter {
        types::Parameter::builder()
            .name(&self.name)
            .r#type(version.kind.api())
            .value(self.shown_value(version, decrypt))
            .version(version.number)
            .set_selector(selector.map(Selector::shown))
            .last_modified_date(date(version.modified_at))
            .arn(name::arn(scope, &self.name))
            .data_type(&version.data_type)
            .build()
    }

    /// Keeps the parameter.
    pub(super) fn save(
        &self,
        transaction: &mut Transaction<'_>,
        scope: &Scope,
    ) -> Result<(), SandboxError> {
        transaction.put(&scope.key(&self.name), self)
    }
}

/// The parameter with a name, of a request that may give no selector or ARN.
pub(super) fn named(
    transaction: &Transaction<'_>,
    scope: &Scope,
    name: Option<&str>,
) -> Result<Parameter, Fault> {
    let name = name.unwrap_or_default().trim();
    transaction.get(&scope.key(name))?.ok_or_else(|| fault::not_found(name))
}

/// The parameter that a reader names, and the version that is wanted of it.
pub(super) fn find(
    transaction: &Transaction<'_>,
    scope: &Scope,
    text: &str,
) -> Result<(Parameter, Option<Selector>), Fault> {
    let missing = || fault::not_found(text);
    let reference = Reference::parse(text, scope).ok_or_else(missing)?;
    for name in &reference.names {
        name::check_readable(name)?;
        if let Some(parameter) = transaction.get::<Parameter>(&scope.key(name))? {
            return Ok((parameter, reference.selector));
        }
    }
    Err(missing())
}
