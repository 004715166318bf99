//! SSM parameters: where image URIs are published.
//!
//! SSM has no compare-and-swap and no transactions; whoever writes holds the deployment's lock.
//! A parameter's type is never changed: Terraform or others may rely on it.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_ssm::types as sdk;

use super::aws::{AwsError, AwsSession, Bucket, FaultKind, Operation, Repeat, in_parallel};
use crate::model::ParameterName;

/// The most names `GetParameters` takes, and the most `GetParametersByPath` gives a page (SSM API
/// reference).
const NAMES_A_CALL: usize = 10;
/// [`NAMES_A_CALL`] as the API's `MaxResults`.
const PAGE: i32 = 10;
/// How often a write is sent whose answer was lost.
const PUT_ATTEMPTS: u32 = 3;

const GET_PARAMETERS: Operation =
    Operation { name: "GetParameters", bucket: Bucket::ParameterRead, repeat: Repeat::Harmless };
const GET_PARAMETERS_BY_PATH: Operation =
    Operation { name: "GetParametersByPath", ..GET_PARAMETERS };
/// Every write makes a version, of which SSM keeps a hundred.
const PUT_PARAMETER: Operation =
    Operation { name: "PutParameter", bucket: Bucket::ParameterWrite, repeat: Repeat::ActsAgain };

/// Deleting what is deleted changes nothing.
const DELETE_PARAMETER: Operation =
    Operation { name: "DeleteParameter", bucket: Bucket::ParameterWrite, repeat: Repeat::Harmless };

/// What a parameter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterValue {
    /// The value, decrypted if it is a `SecureString`.
    pub value: String,
    /// The version, from 1.
    pub version: i64,
    /// Whether it is a `SecureString`.
    pub is_secret: bool,
}

/// Why a parameter could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ParametersError {
    /// Reading failed.
    #[error("failed to read SSM parameters {what}")]
    Read {
        /// Which ones, as the end of a sentence.
        what: String,
        /// What went wrong.
        source: AwsError,
    },
    /// It was to be created, and is there.
    #[error("SSM parameter `{name}` exists already")]
    Exists {
        /// Its name.
        name: ParameterName,
        /// SSM's answer.
        source: AwsError,
    },
    /// SSM does not take the value.
    #[error("SSM parameter `{name}` does not take the value `{value}`")]
    Refused {
        /// Its name.
        name: ParameterName,
        /// The value.
        value: String,
        /// SSM's answer.
        source: AwsError,
    },
    /// Writing failed; nothing was written.
    #[error("failed to write SSM parameter `{name}`")]
    Write {
        /// Its name.
        name: ParameterName,
        /// What went wrong.
        source: AwsError,
    },
    /// Whether it was written is not known.
    #[error("it is not known whether SSM parameter `{name}` was written")]
    InDoubt {
        /// Its name.
        name: ParameterName,
        /// Why the answer is missing.
        source: AwsError,
    },
}

impl ParametersError {
    /// What AWS made of it.
    #[must_use]
    pub fn aws(&self) -> &AwsError {
        match self {
            Self::Read { source, .. }
            | Self::Exists { source, .. }
            | Self::Refused { source, .. }
            | Self::Write { source, .. }
            | Self::InDoubt { source, .. } => source,
        }
    }

    /// What to do about it, as one imperative sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self.aws().code() {
            Some("ParameterPatternMismatchException") => {
                Some("change the parameter's allowed pattern, or the value".to_owned())
            }
            Some("ParameterMaxVersionLimitExceeded") => Some(
                "move the SSM label off the parameter's oldest version: it keeps SSM from \
                 dropping that version"
                    .to_owned(),
            ),
            _ => self.aws().hint(),
        }
    }
}

/// The parameters of one account and region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// The way there.
    session: AwsSession,
    /// The SDK's client.
    client: aws_sdk_ssm::Client,
    /// The parameters that were looked at: whether each exists, so that a write leaves its type.
    known: Arc<Mutex<BTreeMap<ParameterName, bool>>>,
}

impl Parameters {
    /// The parameters that a session leads to.
    #[must_use]
    pub fn new(session: AwsSession) -> Self {
        let client = aws_sdk_ssm::Client::new(session.config());
        Self { session, client, known: Arc::default() }
    }

    /// Reads parameters by name, ten a request and the requests side by side. Those that do not
    /// exist are absent from the answer.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn get(
        &self,
        names: &[ParameterName],
    ) -> Result<BTreeMap<ParameterName, ParameterValue>, ParametersError> {
        let mut wanted: Vec<&ParameterName> = names.iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let requests = wanted.chunks(NAMES_A_CALL).map(|names| self.get_some(names));
        let answers = in_parallel(requests.collect()).await?;
        let found: BTreeMap<_, _> = answers.into_iter().flatten().collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(wanted.into_iter().map(|name| (name.clone(), found.contains_key(name))));
        Ok(found)
    }

    /// Reads at most ten parameters.
    async fn get_some(
        &self,
        names: &[&ParameterName],
    ) -> Result<Vec<(ParameterName, ParameterValue)>, ParametersError> {
        let request = self
            .client
            .get_parameters()
            .set_names(Some(names.iter().map(ToString::to_string).collect()))
            .with_decryption(true);
        let answer = self
            .session
            .call(GET_PARAMETERS, || request.clone().send())
            .await
            .map_err(|source| ParametersError::Read { what: listed(names), source })?;
        Ok(answer.parameters().iter().filter_map(parameter).collect())
    }

    /// Reads all parameters of a folder such as `/project/images/latest`, not of the folders in
    /// it. Ten a request, one after the other, as the API has it.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn by_folder(
        &self,
        folder: &str,
    ) -> Result<BTreeMap<ParameterName, ParameterValue>, ParametersError> {
        let request = self
            .client
            .get_parameters_by_path()
            .path(folder)
            .recursive(false)
            .with_decryption(true)
            .max_results(PAGE);
        let mut found = BTreeMap::new();
        let mut next = None;
        loop {
            let page = request.clone().set_next_token(next);
            let answer =
                self.session.call(GET_PARAMETERS_BY_PATH, || page.clone().send()).await.map_err(
                    |source| ParametersError::Read { what: format!("in `{folder}`"), source },
                )?;
            found.extend(answer.parameters().iter().filter_map(parameter));
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(found.keys().map(|name: &ParameterName| (name.clone(), true)));
        Ok(found)
    }

    /// Writes a parameter and returns its new version. One that exists keeps its type, be it
    /// `String` or `SecureString`; a new one is a `String`.
    ///
    /// When an answer was lost, the parameter is read: if it has the value, that is the answer,
    /// otherwise it is written again.
    ///
    /// # Errors
    /// Fails when SSM refuses, with [`ParametersError::Exists`] when the parameter is there and
    /// is not to be overwritten, and with [`ParametersError::InDoubt`] when even reading does not
    /// tell.
    pub async fn put(
        &self,
        name: &ParameterName,
        value: &str,
        overwrite: bool,
    ) -> Result<i64, ParametersError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let source = match self.send_put(name, value, overwrite).await {
                Ok(version) => return Ok(version),
                Err(ParametersError::Write { source, .. }) if source.is_ambiguous() => source,
                Err(error) => return Err(error),
            };
            let Ok(found) = self.get(std::slice::from_ref(name)).await else {
                return Err(ParametersError::InDoubt { name: name.clone(), source });
            };
            match found.get(name) {
                Some(found) if found.value == value => return Ok(found.version),
                _ if attempts < PUT_ATTEMPTS => {}
                _ => return Err(ParametersError::InDoubt { name: name.clone(), source }),
            }
        }
    }

    /// Deletes a parameter. One that does not exist is as good as deleted.
    ///
    /// # Errors
    /// Fails when SSM refuses, or the request fails.
    pub async fn delete(&self, name: &ParameterName) -> Result<(), ParametersError> {
        let request = self.client.delete_parameter().name(name.as_str());
        let answer = self.session.call(DELETE_PARAMETER, || request.clone().send()).await;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(source) => Err(ParametersError::Write { name: name.clone(), source }),
        }
    }

    /// Writes once.
    async fn send_put(
        &self,
        name: &ParameterName,
        value: &str,
        overwrite: bool,
    ) -> Result<i64, ParametersError> {
        // SSM takes a type only for what is new, or changes it.
        let exists = overwrite && self.exists(name).await?;
        let request = self
            .client
            .put_parameter()
            .name(name.as_str())
            .value(value)
            .overwrite(overwrite)
            .set_type((!exists).then_some(sdk::ParameterType::String));
        let answer = self.session.call(PUT_PARAMETER, || request.clone().send()).await;
        let answer = answer.map_err(|source| write_error(name, value, source))?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), true);
        Ok(answer.version())
    }

    /// Whether a parameter exists; asked only if it was not looked at before.
    async fn exists(&self, name: &ParameterName) -> Result<bool, ParametersError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        match known {
            Some(exists) => Ok(exists),
            None => Ok(self.get(std::slice::from_ref(name)).await?.contains_key(name)),
        }
    }
}

/// One parameter of an answer; none if it lacks a name or value.
fn parameter(parameter: &sdk::Parameter) -> Option<(ParameterName, ParameterValue)> {
    let name = ParameterName::new(parameter.name()?).ok()?;
    let value = parameter.value()?.to_owned();
    let is_secret = parameter.r#type() == Some(&sdk::ParameterType::SecureString);
    Some((name, ParameterValue { value, version: parameter.version(), is_secret }))
}

/// What a refused write means.
fn write_error(name: &ParameterName, value: &str, source: AwsError) -> ParametersError {
    let name = name.clone();
    match source.kind() {
        FaultKind::Conflict => ParametersError::Exists { name, source },
        FaultKind::Invalid => ParametersError::Refused { name, value: value.to_owned(), source },
        _ => ParametersError::Write { name, source },
    }
}

/// Names in backticks with commas between.
fn listed(names: &[&ParameterName]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
