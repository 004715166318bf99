//! What says how to reach an account and region, and the making of it.

use std::{fmt, sync::Arc, time::Duration};

use aws_config::{
    AppName, BehaviorVersion, Region as SdkRegion, SdkConfig,
    default_provider::{use_dual_stack::use_dual_stack_provider, use_fips::use_fips_provider},
    identity::IdentityCache,
    provider_config::ProviderConfig,
    retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig,
    sts::AssumeRoleProvider,
    timeout::TimeoutConfig,
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::default_async_sleep, time::SystemTimeSource};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::{
    credentials::{Entrance, Places},
    http,
    pacer::{Pacers, Pacing, ThrottleHook},
    session::AwsSession,
};
use crate::model::{AccountId, Region};

/// How long one try of a request may take; every request of ours is small.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(12);
/// How long a request may take altogether, signing in included.
const OPERATION_TIMEOUT: Duration = Duration::from_mins(1);
/// How long signing in may take: single sign-on and two roles, each a request.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(10);

/// What holds for all connections of this process.
#[derive(Default)]
pub struct AwsOptions {
    /// What requests are sent with; by default this program's own client. An embedded AWS is put
    /// in here.
    pub http_client: Option<SharedHttpClient>,
    /// Whether requests are held back.
    pub pacing: Pacing,
    /// Whom to tell of throttles.
    pub on_throttle: Option<ThrottleHook>,
}

impl fmt::Debug for AwsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsOptions").field("pacing", &self.pacing).finish_non_exhaustive()
    }
}

/// How to reach one account and region, as the manifest and the settings say.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The region.
    pub region: Region,
    /// The role to take on, if any.
    pub role_arn: Option<String>,
    /// What the role's trust policy asks for as `sts:ExternalId`.
    pub external_id: Option<String>,
    /// Name of the session when a role is taken on; `CloudTrail` shows it. Characters that STS
    /// does not take are replaced, and it is cut to 64.
    pub session_name: String,
    /// The profile of the shared configuration files to use, and no other source.
    pub profile: Option<String>,
    /// Where to send every request, instead of to AWS. Nothing else sets it: `AWS_ENDPOINT_URL`
    /// and the profile's `endpoint_url` are not read. (How a profile signs in, with a role of its
    /// own or single sign-on, is up to the SDK.)
    pub endpoint_url: Option<String>,
    /// Credentials to begin with, instead of looking for any.
    pub credentials: Option<SharedCredentialsProvider>,
    /// Whether EC2's metadata service may be asked for credentials.
    pub instance_metadata: bool,
    /// The account that must be reached.
    pub account: Option<AccountId>,
}

impl Connection {
    /// A connection with whatever credentials are found, to AWS itself.
    #[must_use]
    pub fn to(region: Region) -> Self {
        Self {
            region,
            role_arn: None,
            external_id: None,
            session_name: "release-tool".to_owned(),
            profile: None,
            endpoint_url: None,
            credentials: None,
            instance_metadata: false,
            account: None,
        }
    }

    /// Begins with these credentials, instead of looking for any.
    pub fn sign_in(&mut self, credentials: Credentials) {
        self.credentials = Some(SharedCredentialsProvider::new(credentials));
    }

    /// What tells this connection's account from others before AWS was asked, for pacing: the
    /// account expected, or that of the role. Connections of unknown accounts share one budget.
    pub(super) fn account_key(&self) -> String {
        let of_role = || self.role_arn.as_deref()?.split(':').nth(4);
        let known = self.account.as_ref().map(AccountId::as_str).or_else(of_role);
        known.unwrap_or("unknown").to_owned()
    }
}

/// The way to all accounts: one HTTP client, one set of pacers.
#[derive(Debug, Clone)]
pub struct Aws {
    /// What requests are sent with.
    http_client: SharedHttpClient,
    /// Who holds them back.
    pacers: Arc<Pacers>,
}

impl Aws {
    /// Sets up what all connections share. Sends nothing.
    #[must_use]
    pub fn new(options: AwsOptions) -> Self {
        Self {
            http_client: options.http_client.unwrap_or_else(http::client),
            pacers: Arc::new(Pacers::new(options.pacing, options.on_throttle)),
        }
    }

    /// Sets up a connection. Reads the shared configuration files, but sends nothing: what is
    /// wrong with the credentials shows with the first request.
    pub async fn connect(&self, connection: &Connection) -> AwsSession {
        let region = SdkRegion::new(connection.region.to_string());
        let providers = ProviderConfig::without_region()
            .with_region(Some(region.clone()))
            .with_http_client(self.http_client.clone())
            .with_retry_config(RetryConfig::standard())
            .with_timeout_config(timeouts());
        let config = self.config(region, connection, &providers).await;
        let places = Places::of(connection, &providers);
        let entrance = Entrance::of(connection, places.clone());
        let base = SharedCredentialsProvider::new(places);
        let provider = match &connection.role_arn {
            Some(role) => with_role(connection, role, &config, base).await,
            None => base,
        };
        let config = config.into_builder().credentials_provider(provider).build();
        AwsSession::new(config, (connection, entrance), Arc::clone(&self.pacers))
    }

    /// Everything of a configuration but its credentials. FIPS and dual-stack endpoints are a
    /// matter of the machine, so that the SDK may read what is set there.
    async fn config(
        &self,
        region: SdkRegion,
        connection: &Connection,
        providers: &ProviderConfig,
    ) -> SdkConfig {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(region)
            .http_client(self.http_client.clone())
            .time_source(SystemTimeSource::new())
            .timeout_config(timeouts())
            .retry_config(RetryConfig::disabled())
            .identity_cache(IdentityCache::lazy().load_timeout(SIGN_IN_TIMEOUT).build())
            // Bodies are small, and an attempt's deadline catches a stalled one as well.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_sleep_impl(default_async_sleep());
        config.set_endpoint_url(connection.endpoint_url.clone());
        config.set_app_name(AppName::new("release-tool").ok());
        config.set_use_fips(use_fips_provider(providers).await);
        config.set_use_dual_stack(use_dual_stack_provider(providers).await);
        config.build()
    }
}

/// Deadlines of every request.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(http::CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// Takes on a role. STS may be asked again on failures: `AssumeRole` changes nothing.
async fn with_role(
    connection: &Connection,
    role: &str,
    config: &SdkConfig,
    base: SharedCredentialsProvider,
) -> SharedCredentialsProvider {
    let config = config.to_builder().retry_config(RetryConfig::standard()).build();
    let mut builder = AssumeRoleProvider::builder(role)
        .configure(&config)
        .session_name(session_name(&connection.session_name));
    if let Some(id) = &connection.external_id {
        builder = builder.external_id(id);
    }
    SharedCredentialsProvider::new(builder.build_from_provider(base).await)
}

/// A session name as STS takes it: 2 to 64 letters, digits and `+=,.@_-` (STS API reference,
/// `AssumeRole.RoleSessionName`).
fn session_name(wanted: &str) -> String {
    let sound = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    let name: String = wanted.chars().map(|c| if sound(c) { c } else { '-' }).take(64).collect();
    if name.len() < 2 { "release-tool".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process::Command};

    use super::*;
    use crate::backend::aws::{AwsError, Bucket, FaultKind, Operation, Repeat};
    use crate::backend::testing::{Answer, FakeAws, connection};

    #[test]
    fn session_names_are_what_sts_takes() {
        assert_eq!(session_name("release-tool-Bob Beardly/d12"), "release-tool-Bob-Beardly-d12");
        assert_eq!(session_name(&"é".repeat(99)), "-".repeat(64));
        assert_eq!(session_name(""), "release-tool");
    }

    #[test]
    fn the_account_is_known_from_the_settings_or_the_role() {
        let mut connection = Connection::to(Region::new("eu-west-1").unwrap());
        assert_eq!(connection.account_key(), "unknown");
        connection.role_arn = Some("arn:aws:iam::222222222222:role/release-tool".to_owned());
        assert_eq!(connection.account_key(), "222222222222");
        connection.account = Some(AccountId::new("111111111111").unwrap());
        assert_eq!(connection.account_key(), "111111111111");
    }

    const ASSUMED: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
        <AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
        <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>\
        </AssumeRoleResponse>";
    const IDENTITY: &str = "<GetCallerIdentityResponse \
        xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
        <Account>222222222222</Account><Arn>arn:aws:sts::222222222222:assumed-role/r/s</Arn>\
        </GetCallerIdentityResult></GetCallerIdentityResponse>";

    fn sts(refuse_role: bool) -> FakeAws {
        FakeAws::new(move |seen| match seen.operation.as_str() {
            "AssumeRole" if refuse_role => Answer::xml(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
                 <Code>AccessDenied</Code><Message>User: arn:aws:iam::1:user/bob is not \
                 authorized to perform: sts:AssumeRole on resource: arn:aws:iam::2:role/r\
                 </Message></Error></ErrorResponse>",
            )
            .with_status(403),
            "AssumeRole" => Answer::xml(ASSUMED),
            "GetCallerIdentity" => Answer::xml(IDENTITY),
            other => panic!("{other}"),
        })
    }

    fn with_a_role() -> Connection {
        Connection {
            role_arn: Some("arn:aws:iam::222222222222:role/release".to_owned()),
            external_id: Some("outside".to_owned()),
            session_name: "release-tool-bob-d1".to_owned(),
            ..connection()
        }
    }

    #[tokio::test]
    async fn a_role_is_taken_on_once_for_all_clients_and_regions() {
        let aws = sts(false);
        let session = aws.aws().connect(&with_a_role()).await;
        session.identity().await.unwrap();
        session.identity().await.unwrap();
        let elsewhere = session.in_region(&Region::new("us-east-1").unwrap());
        let client = aws_sdk_sts::Client::new(elsewhere.config());
        client.get_caller_identity().send().await.unwrap();
        let seen = aws.seen();
        let operations: Vec<_> = seen.iter().map(|seen| seen.operation.as_str()).collect();
        assert_eq!(operations, ["AssumeRole", "GetCallerIdentity", "GetCallerIdentity"]);
        for part in ["RoleSessionName=release-tool-bob-d1", "ExternalId=outside"] {
            assert!(seen[0].body.contains(part), "{}", seen[0].body);
        }
        assert!(seen[1].headers["authorization"].contains("Credential=ASIAROLE/"));
        assert!(seen[2].uri.contains("us-east-1"), "{}", seen[2].uri);
    }

    #[tokio::test]
    async fn a_role_that_is_refused_is_a_denial_that_names_it() {
        let session = sts(true).aws().connect(&with_a_role()).await;
        let hint = session.identity().await.unwrap_err().hint().unwrap();
        // It may be the role that does not trust, or the caller that may not: STS does not tell.
        assert!(
            hint.starts_with(
                "let the trust policy of `arn:aws:iam::2:role/r` name `arn:aws:iam::1:user/bob`"
            ),
            "{hint}"
        );
        assert!(hint.ends_with("allow `sts:AssumeRole` on it to `arn:aws:iam::1:user/bob`"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_was_not_signed_in_time_is_not_in_doubt() {
        let aws = FakeAws::new(|_| Answer::Silence);
        let session = aws.aws().connect(&with_a_role()).await;
        let client = aws_sdk_ecs::Client::new(session.config());
        let write = Operation {
            name: "UpdateService",
            bucket: Bucket::ServiceModify,
            repeat: Repeat::ActsAgain,
        };
        let refused = client.update_service().service("s").send().await.unwrap_err();
        let error = AwsError::new(write, &refused);
        assert_eq!(error.kind(), &FaultKind::Unreachable, "{error}");
        assert!(aws.seen().iter().all(|seen| seen.operation == "AssumeRole"), "{:?}", aws.seen());
    }

    #[tokio::test]
    async fn another_account_than_expected_is_an_error() {
        let expecting = |account: &str| Connection {
            account: Some(AccountId::new(account).unwrap()),
            ..connection()
        };
        let aws = sts(false).aws();
        let right = aws.connect(&expecting("222222222222")).await;
        assert_eq!(right.identity().await.unwrap().account.as_str(), "222222222222");
        let wrong = aws.connect(&expecting("333333333333")).await;
        assert_eq!(
            wrong.identity().await.unwrap_err().to_string(),
            "this is account 222222222222 (`arn:aws:sts::222222222222:assumed-role/r/s`), not \
             333333333333"
        );
    }

    #[tokio::test]
    async fn a_retry_can_wait() {
        let session = sts(false).session().await;
        assert!(session.config().sleep_impl().is_some());
    }

    /// Runs one of the ignored tests below in a process of its own with other variables.
    fn in_child(test: &str, variables: &[(&str, &str)]) {
        let name = format!("backend::aws::connection::tests::{test}");
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--ignored", "--exact", &name]);
        let from_aws = env::vars_os().map(|(name, _)| name);
        for name in from_aws.filter(|name| name.to_string_lossy().starts_with("AWS_")) {
            child.env_remove(name);
        }
        let output = child.envs(variables.iter().copied()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    #[test]
    fn a_named_profile_beats_keys_and_endpoints_of_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let profile = "[profile prod]\naws_access_key_id = AKIAPROFILE\n\
                       aws_secret_access_key = s\nendpoint_url = http://127.0.0.1:2\n";
        fs::write(&file, profile).unwrap();
        let file = file.to_str().unwrap();
        let variables = [
            ("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"),
            ("AWS_CONFIG_FILE", file),
            ("AWS_SHARED_CREDENTIALS_FILE", file),
        ];
        in_child("child_with_profile_and_keys", &variables);
    }

    #[tokio::test]
    #[ignore = "needs the variables that the test above sets"]
    async fn child_with_profile_and_keys() {
        for (profile, key) in [(Some("prod"), "AKIAPROFILE"), (None, "AKIAENVIRONMENT")] {
            let aws = sts(false);
            let connection = Connection {
                profile: profile.map(str::to_owned),
                ..Connection::to(Region::new("eu-west-1").unwrap())
            };
            aws.aws().connect(&connection).await.identity().await.unwrap();
            let seen = aws.seen();
            assert!(seen[0].headers["authorization"].contains(key), "{profile:?} {seen:?}");
            assert_eq!(seen[0].uri, "https://sts.eu-west-1.amazonaws.com/");
        }
    }

    #[test]
    fn no_credentials_is_told_at_once() {
        let nowhere = "/nonexistent/aws";
        let variables = [("AWS_CONFIG_FILE", nowhere), ("AWS_SHARED_CREDENTIALS_FILE", nowhere)];
        in_child("child_without_credentials", &variables);
    }

    #[tokio::test]
    #[ignore = "needs the variables that the test above sets"]
    async fn child_without_credentials() {
        let aws = FakeAws::new(|_| Answer::xml("").with_status(404));
        let mut connection = Connection::to(Region::new("eu-west-1").unwrap());
        let session = aws.aws().connect(&connection).await;
        let error = session.identity().await.unwrap_err();
        assert_eq!(aws.seen().len(), 0);
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(
            text,
            "no valid AWS credentials for `GetCallerIdentity`: none were found in the \
             environment, the shared configuration files, or the container"
        );
        assert!(error.hint().unwrap().contains("aws sso login"));

        connection.instance_metadata = true;
        aws.aws().connect(&connection).await.identity().await.unwrap_err();
        assert!(aws.seen()[0].uri.contains("169.254.169.254"), "asked where it is wanted");
    }
}
