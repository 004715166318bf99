//! Reading and writing request bodies as they are, around the SDK's types.
//!
//! The SDK drops members of an answer that it does not know, and cannot send any. Its
//! interceptors let us take the answer's text, and give our own text for a request before that is
//! signed.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef},
        orchestrator::HttpRequest,
        runtime_components::RuntimeComponents,
    },
    http::HttpError,
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::EcsError;

/// Keeps the body of the answer to one request.
///
/// The body is there only after the SDK has read it to the end, which is after deserialization.
#[derive(Debug, Clone, Default)]
pub(super) struct KeepBody(Arc<Mutex<Vec<u8>>>);

impl Intercept for KeepBody {
    fn name(&self) -> &'static str {
        "KeepBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body.to_vec();
        Ok(())
    }
}

/// The members of `DescribeTaskDefinition`'s answer that are kept as text.
#[derive(Deserialize)]
struct Described<'a> {
    /// The task definition.
    #[serde(rename = "taskDefinition", borrow)]
    task_definition: &'a RawValue,
}

impl KeepBody {
    /// The answer as JSON.
    pub(super) fn json(&self, of: &str) -> Result<Value, EcsError> {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_slice(&body).map_err(|error| EcsError::unreadable(of, error.to_string()))
    }

    /// The text of the answer's `taskDefinition`, byte for byte.
    pub(super) fn task_definition(&self, reference: &str) -> Result<String, EcsError> {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_slice::<Described<'_>>(&body)
            .map(|described| described.task_definition.get().to_owned())
            .map_err(|error| EcsError::unreadable(reference, error.to_string()))
    }
}

/// A request with another body. To be done before the request is signed.
pub(super) fn replace_body(mut request: HttpRequest, body: &str) -> Result<HttpRequest, HttpError> {
    request.headers_mut().try_insert("content-length", body.len().to_string())?;
    *request.body_mut() = SdkBody::from(body);
    Ok(request)
}
