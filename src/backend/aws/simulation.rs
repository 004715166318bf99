//! What IAM's policies say of actions, without doing them: `SimulatePrincipalPolicy`.
//!
//! This is the one request to IAM, so that it is written out here instead of taking in IAM's whole SDK;
//! signing, deadlines and errors are those of all others.

use aws_config::{Region as SdkRegion, SdkConfig};
use aws_runtime::auth::{SigV4OperationSigningConfig, sigv4};
use aws_smithy_runtime::client::orchestrator::operation::Operation as PlainOperation;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::Layer, error::metadata::ErrorMetadata};
use aws_types::{SigningName, region::SigningRegion, request_id::RequestId as _};

use super::{
    bucket::Bucket,
    call::{Operation, Repeat},
    fault::AwsError,
    session::AwsSession,
    simulated::{Page, answers, refusal},
};

const SIMULATE_PRINCIPAL_POLICY: Operation = Operation {
    name: "SimulatePrincipalPolicy",
    bucket: Bucket::Identity,
    repeat: Repeat::Harmless,
};

/// What policies are asked: whether somebody may do these actions on these resources.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// The ARN of the role or user.
    pub principal: String,
    /// The actions.
    pub actions: Vec<String>,
    /// The resources.
    pub resources: Vec<String>,
    /// What requests tell beside.
    pub context: Vec<ContextKey>,
}

/// A condition key with what a request tells for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextKey {
    /// The key, for example `ecs:cluster`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it is one of those that can have several values.
    pub is_list: bool,
}

/// What policies say of one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// Whether it is allowed.
    pub is_allowed: bool,
}

impl AwsSession {
    /// Asks IAM what policies say: an answer for each action on each resource.
    ///
    /// # Errors
    /// Fails when IAM does not tell, which most roles may not ask it, or says nothing of something.
    pub async fn simulate(&self, asked: &Simulation) -> Result<Vec<Simulated>, AwsError> {
        let mut pages: Vec<Page> = Vec::new();
        loop {
            let marker = pages.last().and_then(|page| page.marker.as_deref());
            let form = form(asked, marker);
            let send = || {
                let operation = operation(self.config(), self.endpoint());
                let form = form.clone();
                async move { operation.invoke(form).await }
            };
            let page = self.call(SIMULATE_PRINCIPAL_POLICY, send).await?;
            let is_last = page.marker.is_none();
            pages.push(page);
            if is_last {
                break;
            }
        }
        answers(asked, &pages).map_err(|(action, resource)| {
            let message = format!("it says nothing of `{action}` on `{resource}`");
            AwsError::unsound(SIMULATE_PRINCIPAL_POLICY, message)
        })
    }

    /// Where IAM is for this session's partition, and the region that its requests are signed for.
    fn endpoint(&self) -> (String, &'static str) {
        let (host, region) = match self.region().as_str() {
            cn if cn.starts_with("cn-") => ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            gov if gov.starts_with("us-gov-") => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
            _ => ("iam.amazonaws.com", "us-east-1"),
        };
        let given = self.config().endpoint_url().map(str::to_owned);
        (given.unwrap_or_else(|| format!("https://{host}")), region)
    }
}

/// The request's parameters.
fn form(asked: &Simulation, marker: Option<&str>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", SIMULATE_PRINCIPAL_POLICY.name);
    form.append_pair("Version", "2010-05-08");
    form.append_pair("PolicySourceArn", &asked.principal);
    for (list, values) in [("ActionNames", &asked.actions), ("ResourceArns", &asked.resources)] {
        for (number, value) in values.iter().enumerate() {
            form.append_pair(&format!("{list}.member.{}", number + 1), value);
        }
    }
    for (number, ContextKey { name, value, is_list }) in asked.context.iter().enumerate() {
        let entry = format!("ContextEntries.member.{}", number + 1);
        form.append_pair(&format!("{entry}.ContextKeyName"), name);
        let kind = if *is_list { "stringList" } else { "string" };
        form.append_pair(&format!("{entry}.ContextKeyType"), kind);
        form.append_pair(&format!("{entry}.ContextKeyValues.member.1"), value);
    }
    if let Some(marker) = marker {
        form.append_pair("Marker", marker);
    }
    form.finish()
}

/// A request as the SDK would send it.
fn operation(
    config: &SdkConfig,
    (url, region): (String, &'static str),
) -> PlainOperation<String, Page, ErrorMetadata> {
    let mut builder = PlainOperation::builder()
        .service_name("IAM")
        .operation_name(SIMULATE_PRINCIPAL_POLICY.name)
        .endpoint_url(&url)
        .no_retry()
        .runtime_plugin(signing(config, region))
        .serializer(request)
        .deserializer(answer);
    if let Some(client) = config.http_client() {
        builder = builder.http_client(client);
    }
    if let Some(timeouts) = config.timeout_config() {
        builder = builder.timeout_config(timeouts.clone());
    }
    if let Some(sleep) = config.sleep_impl() {
        builder = builder.sleep_impl(sleep);
    }
    if let Some(time) = config.time_source() {
        builder = builder.time_source(time);
    }
    builder.build()
}

/// What signs it.
fn signing(config: &SdkConfig, region: &'static str) -> StaticRuntimePlugin {
    let mut layer = Layer::new("signing");
    layer.store_put(SigningName::from_static("iam"));
    layer.store_put(SigningRegion::from(SdkRegion::from_static(region)));
    layer.store_put(SigV4OperationSigningConfig::default());
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    let options = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
    let mut components = RuntimeComponentsBuilder::new("signing")
        .with_auth_scheme(sigv4::SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(options))
        .with_identity_cache(config.identity_cache());
    if let Some(provider) = config.credentials_provider() {
        components.set_identity_resolver(sigv4::SCHEME_ID, provider);
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

/// The request with its form.
fn request(form: String) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(form));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
    Ok(request)
}

/// The answer's page, or the error that it tells.
fn answer(response: &HttpResponse) -> Result<Page, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    if response.status().is_success() {
        return Page::read(&text).map_err(OrchestratorError::other);
    }
    let (code, message) = refusal(&text);
    let mut error = ErrorMetadata::builder();
    if let Some(code) = code {
        error = error.code(code);
    }
    if let Some(message) = message {
        error = error.message(message);
    }
    tracing::debug!(id = response.request_id(), "IAM refuses");
    Err(OrchestratorError::operation(error.build()))
}
