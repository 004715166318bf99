//! The SDK's own clients, in process and over HTTP.

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_sts::{
    Client,
    config::{BehaviorVersion, Credentials, Region, SharedHttpClient, retry::RetryConfig},
    error::{ProvideErrorMetadata as _, SdkError},
    operation::RequestId as _,
};
use aws_smithy_types::retry::ErrorKind;
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use super::*;
use crate::sandbox::CrashMode;
use crate::sandbox::{credentials, serve::LARGEST_BODY};

const ROLE: &str = "arn:aws:iam::222222222222:role/release/deployer";

/// A client of STS that sends each request once.
fn client(credentials: Credentials, http: SharedHttpClient, endpoint: Option<String>) -> Client {
    let mut config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .retry_config(RetryConfig::disabled())
        .credentials_provider(credentials)
        .http_client(http);
    config.set_endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// A client in process.
fn in_process(bench: &Bench, credentials: Credentials) -> Client {
    client(credentials, bench.sandbox.http_client(), None)
}

/// Serves a sandbox for as long as `work` with its address takes.
async fn served<T>(sandbox: Sandbox, work: impl AsyncFnOnce(String) -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let mut server = JoinSet::new();
    server.spawn(sandbox.serve(listener, async { stopped.await.unwrap_or_default() }));
    let limit = std::time::Duration::from_secs(20);
    let result = tokio::time::timeout(limit, work(endpoint)).await.unwrap();
    drop(stop);
    server.join_next().await.unwrap().unwrap().unwrap();
    result
}

/// An HTTP client that needs no TLS.
fn plain() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

/// Whether a connection was cut before the answer.
fn is_cut<E>(error: &SdkError<E>) -> bool {
    let kind = Some(ErrorKind::TransientError);
    matches!(error, SdkError::DispatchFailure(it) if it.as_other() == kind)
}

/// Who am I, who am I in a role, and what is said of a role that cannot be.
async fn talk(client: impl Fn(Credentials) -> Client) {
    let user = client(credentials("111111111111"));
    let who = user.get_caller_identity().send().await.unwrap();
    assert_eq!(who.account(), Some("111111111111"));
    assert_eq!(who.arn(), Some("arn:aws:iam::111111111111:user/sandbox"));
    assert!(who.user_id().unwrap().starts_with("AIDA"));
    assert_eq!(who.request_id().unwrap().len(), 36);

    let assumed = user.assume_role().role_arn(ROLE).role_session_name("ann").send().await.unwrap();
    let arn = "arn:aws:sts::222222222222:assumed-role/deployer/ann";
    assert_eq!(assumed.assumed_role_user().unwrap().arn(), arn);
    let keys = assumed.credentials().unwrap();
    let session = client(Credentials::new(
        keys.access_key_id(),
        keys.secret_access_key(),
        Some(keys.session_token().to_owned()),
        None,
        "test",
    ));
    let who = session.get_caller_identity().send().await.unwrap();
    assert_eq!((who.account(), who.arn()), (Some("222222222222"), Some(arn)));
    let id = assumed.assumed_role_user().unwrap().assumed_role_id();
    assert_eq!(who.user_id(), Some(id));

    let refused = user.assume_role().role_arn("arn:aws:iam::1:role/x").role_session_name("ann");
    let error = refused.send().await.unwrap_err();
    assert_eq!(error.code(), Some("ValidationError"));
    assert_eq!(error.message(), Some("arn:aws:iam::1:role/x is invalid"));
    assert_eq!(error.request_id().unwrap().len(), 36);
}

#[tokio::test]
async fn sts_answers_in_process() {
    let bench = Bench::new();
    talk(|credentials| in_process(&bench, credentials)).await;
}

#[tokio::test]
async fn sts_answers_over_http() {
    let bench = Bench::new();
    served(bench.sandbox.clone(), async |endpoint| {
        talk(|credentials| client(credentials, plain(), Some(endpoint.clone()))).await;
    })
    .await;
    assert_eq!(bench.sandbox.requests(None).unwrap().len(), 4);
}

#[tokio::test]
async fn credentials_are_of_their_account() {
    let bench = Bench::new();
    let credentials = credentials("123456789012").provide_credentials().await.unwrap();
    let who = in_process(&bench, credentials).get_caller_identity().send().await.unwrap();
    assert_eq!(who.account(), Some("123456789012"));
}

#[tokio::test]
async fn faults_are_an_sdk_clients_own_errors() {
    let bench = Bench::new();
    let client = in_process(&bench, credentials(""));
    for kind in ["timeout", "drop", "throttle"] {
        bench.fault("*", kind, 1);
    }
    let mut errors = Vec::new();
    for _ in 0..3 {
        errors.push(client.get_caller_identity().send().await.unwrap_err());
    }
    assert!(matches!(&errors[0], SdkError::DispatchFailure(it) if it.is_timeout()), "{errors:?}");
    assert!(is_cut(&errors[1]), "{errors:?}");
    assert_eq!(errors[2].code(), Some("Throttling"));
    assert!(client.get_caller_identity().send().await.is_ok());
}

#[tokio::test]
async fn faults_are_played_on_connections() {
    let bench = Bench::new();
    for kind in ["drop", "drop-after"] {
        bench.fault("AssumeRole", kind, 1);
    }
    served(bench.sandbox.clone(), async |endpoint| {
        let client = client(credentials(""), plain(), Some(endpoint));
        for _ in 0..2 {
            let asked = client.assume_role().role_arn(ROLE).role_session_name("ann");
            let error = asked.send().await.unwrap_err();
            assert!(is_cut(&error), "{error:?}");
        }
        assert!(client.get_caller_identity().send().await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_crash_cuts_a_connection_and_leaves_the_server() {
    let bench = Bench::new();
    bench.sandbox.count_points(std::num::NonZeroU64::new(2)).unwrap();
    served(bench.sandbox.clone(), async |endpoint| {
        let client = client(credentials(""), plain(), Some(endpoint));
        assert!(client.get_caller_identity().send().await.is_ok());
        let error = client.get_caller_identity().send().await.unwrap_err();
        assert!(is_cut(&error), "{error:?}");
        assert!(client.get_caller_identity().send().await.is_ok());
    })
    .await;
    let statuses: Vec<_> =
        bench.sandbox.requests(None).unwrap().into_iter().map(|it| it.entry.status).collect();
    assert_eq!(statuses, [Some(200), None, Some(200)]);
    let reading = bench.sandbox.crash().unwrap();
    assert_eq!((reading.mode, reading.points), (CrashMode::Struck, 2));
}

#[tokio::test]
async fn an_answer_may_be_withheld_until_the_client_leaves() {
    let bench = Bench::new();
    bench.fault("*", "timeout", 1);
    served(bench.sandbox.clone(), async |endpoint| {
        let client = client(credentials(""), plain(), Some(endpoint));
        let asked = client.get_caller_identity().send();
        let mut asked = std::pin::pin!(asked);
        // Nothing is answered by the time that the request is in the log.
        while bench.sandbox.requests(None).unwrap().is_empty() {
            tokio::select! {
                answer = &mut asked => panic!("{answer:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        assert!(futures_util::FutureExt::now_or_never(&mut asked).is_none());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn latency_is_waited_for() {
    let bench = Bench::new();
    bench.fault("*", "latency=1500", 1);
    let client = in_process(&bench, credentials(""));
    let before = tokio::time::Instant::now();
    client.get_caller_identity().send().await.unwrap();
    assert_eq!(before.elapsed().as_millis(), 1500);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let bench = Bench::new();
    let (status, _) = served(bench.sandbox.clone(), async |endpoint| {
        let size = LARGEST_BODY + 1;
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n");
        raw(&endpoint, &head).await
    })
    .await;
    assert_eq!(status, "HTTP/1.1 413 Payload Too Large");
}

#[tokio::test]
async fn urls_of_layers_lead_to_the_server() {
    let bench = Bench::new();
    let image = crate::sandbox::admin::PutImage {
        scope: Scope::default(),
        repository: "web".to_owned(),
        tag: "1".to_owned(),
        revision: Some("4246187".to_owned()),
    };
    bench.sandbox.put_image(&image).unwrap();
    let digest = config_digest(&bench.sandbox);
    let body = json!({"repositoryName": "web", "layerDigest": digest}).to_string();
    served(bench.sandbox.clone(), async |endpoint| {
        let target = "AmazonEC2ContainerRegistry_V20150921.GetDownloadUrlForLayer";
        let host = endpoint.strip_prefix("http://").unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\nx-amz-target: {target}\r\n\
             content-length: {}\r\n",
            body.len()
        );
        let (_, answer) = raw(&endpoint, &format!("{head}connection: close\r\n\r\n{body}")).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let url = answer["downloadUrl"].as_str().unwrap();
        let path = url.strip_prefix(&endpoint).unwrap();
        let get = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let (status, config) = raw(&endpoint, &get).await;
        assert_eq!(status, "HTTP/1.1 200 OK");
        assert!(config.contains(r#""org.opencontainers.image.revision":"4246187""#), "{config}");
    })
    .await;
}

/// The digest of the configuration of the image `web:1`.
fn config_digest(sandbox: &Sandbox) -> String {
    let wanted = json!({"repositoryName": "web", "imageIds": [{"imageTag": "1"}]});
    let (_, answer) = ask(sandbox, Service::Ecr, "BatchGetImage", &wanted);
    let manifest = answer["images"][0]["imageManifest"].as_str().unwrap();
    let manifest: Value = serde_json::from_str(manifest).unwrap();
    manifest["config"]["digest"].as_str().unwrap().to_owned()
}

/// Sends bytes, and gives the first line and the body of what comes back.
async fn raw(endpoint: &str, request: &str) -> (String, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// A client of CloudWatch, which speaks CBOR.
fn cloudwatch(bench: &Bench) -> aws_sdk_cloudwatch::Client {
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(aws_sdk_cloudwatch::config::BehaviorVersion::latest())
        .region(aws_sdk_cloudwatch::config::Region::new("eu-west-1"))
        .retry_config(RetryConfig::disabled())
        .credentials_provider(credentials("111111111111"))
        .http_client(bench.sandbox.http_client());
    aws_sdk_cloudwatch::Client::from_conf(config.build())
}

#[tokio::test]
async fn alarms_go_through_the_sdk_s_own_client() {
    use aws_sdk_cloudwatch::types::{ComparisonOperator, StateValue, Statistic};

    let bench = Bench::new();
    let client = cloudwatch(&bench);
    let put = client.put_metric_alarm().alarm_name("errors").metric_name("Errors").namespace("a");
    let put = put.statistic(Statistic::Sum).period(60).evaluation_periods(2).threshold(5.0);
    put.comparison_operator(ComparisonOperator::GreaterThanThreshold).send().await.unwrap();
    let set = client.set_alarm_state().alarm_name("errors").state_reason("tëst");
    set.state_value(StateValue::Alarm).send().await.unwrap();
    let described =
        client.describe_alarms().alarm_names("errors").alarm_names("missing").send().await.unwrap();
    let [alarm] = described.metric_alarms() else { panic!("{described:?}") };
    assert_eq!(alarm.state_value(), Some(&StateValue::Alarm));
    assert_eq!((alarm.state_reason(), alarm.threshold()), (Some("tëst"), Some(5.0)));
    assert_eq!(alarm.state_transitioned_timestamp().unwrap().secs(), 1_795_278_732);
    assert_eq!(described.request_id().unwrap().len(), 36);
    let start = aws_smithy_types::DateTime::from_secs(1_795_278_733);
    let history = client.describe_alarm_history().start_date(start).send().await.unwrap();
    assert_eq!(history.alarm_history_items().len(), 0);

    let set = client.set_alarm_state().alarm_name("missing").state_reason("r");
    let missing = set.state_value(StateValue::Ok).send().await.unwrap_err().into_service_error();
    assert!(missing.is_resource_not_found(), "{missing:?}");
    let set = client.set_alarm_state().alarm_name("errors").state_reason("r");
    let broken = set.state_value(StateValue::Ok).state_reason_data("{").send().await;
    let broken = broken.unwrap_err().into_service_error();
    assert!(broken.is_invalid_format_fault(), "{broken:?}");
    client.delete_alarms().alarm_names("errors").send().await.unwrap();
    assert!(client.describe_alarms().send().await.unwrap().metric_alarms().is_empty());
}
