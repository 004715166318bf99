//! Whoever gives out credentials besides STS: the container's agent, EC2's metadata service, single
//! sign-on, and what a credential process asks. It gives out sessions of the sandbox's STS, and passes
//! everything else on to the sandbox, so that one URL is all of AWS.
//!
//! It listens on a free port of 127.0.0.1, and ends with the test's process.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use jiff::Timestamp;
use release_tool::sandbox::{Outcome, Sandbox};
use serde_json::{Value, json};

use crate::support::Shop;

/// The account that everybody is signed in to.
pub(crate) const ACCOUNT: &str = "111111111111";
/// What the container's agent is shown.
const AGENT_TOKEN: &str = "of-the-container";
/// What EC2's metadata service is shown.
const METADATA_TOKEN: &str = "of-the-instance";
/// What single sign-on is shown.
pub(crate) const SSO_TOKEN: &str = "of-the-company";

/// A session that was given out.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The name of the session, which tells by what way it came about.
    pub(crate) arn: String,
    /// When it is over.
    pub(crate) expires: Timestamp,
    /// What it signs with: access key, secret and token.
    pub(crate) keys: [String; 3],
}

/// The server.
pub(crate) struct Desk {
    /// Where it is.
    pub(crate) url: String,
    /// What it needs for its answers.
    inside: Arc<Inside>,
}

/// What all connections share.
struct Inside {
    /// The sandbox behind it.
    cloud: Sandbox,
    /// The sessions that were given out.
    sessions: Mutex<Vec<Session>>,
    /// What one path is answered with instead.
    refusal: Mutex<Option<(&'static str, u16, &'static str)>>,
}

impl Desk {
    /// In front of a project's sandbox.
    pub(crate) fn of(shop: &Shop) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inside = Arc::new(Inside {
            cloud: shop.cloud(),
            sessions: Mutex::default(),
            refusal: Mutex::default(),
        });
        let shared = Arc::clone(&inside);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let inside = Arc::clone(&shared);
                thread::spawn(move || serve(stream.unwrap(), &inside));
            }
        });
        Self { url, inside }
    }

    /// The sessions that were given out so far.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        self.inside.sessions.lock().unwrap().clone()
    }

    /// A session of a role, as STS gives it.
    pub(crate) fn session(&self, role: &str) -> Session {
        self.inside.session(role)
    }

    /// Refuses what paths that begin so are asked, with a status and a body.
    pub(crate) fn refuse(&self, path: &'static str, status: u16, body: &'static str) {
        *self.inside.refusal.lock().unwrap() = Some((path, status, body));
    }

    /// Answers everything again.
    pub(crate) fn refuse_nothing(&self) {
        *self.inside.refusal.lock().unwrap() = None;
    }

    /// A command of a project that works with this AWS and finds no credentials.
    pub(crate) fn program(&self, shop: &Shop, arguments: &[&str]) -> Command {
        let mut command = shop.program_without_sandbox(arguments);
        command.args(["--endpoint-url", &self.url]);
        // Signing in takes the way that the SDK goes, to STS and single sign-on.
        command.env("AWS_ENDPOINT_URL", &self.url);
        command
    }

    /// As in a task of ECS or a pod of EKS.
    pub(crate) fn in_container(&self, command: &mut Command) {
        command
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/container", self.url))
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", AGENT_TOKEN);
    }

    /// As on an instance of EC2.
    pub(crate) fn on_instance(&self, command: &mut Command) {
        command
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &self.url)
            .env("AWS_EC2_METADATA_DISABLED", "false");
    }

    /// The line of a profile that has a process ask for credentials.
    pub(crate) fn process(&self, shop: &Shop) -> String {
        let address = self.url.strip_prefix("http://").unwrap().replace(':', "/");
        let script = format!(
            "exec 3<>/dev/tcp/{address}\nprintf 'GET /process HTTP/1.1\\r\\n\\r\\n' >&3\n\
             while IFS= read -r line <&3 && [ \"$line\" != $'\\r' ]; do :; done\n\
             IFS= read -r line <&3\nprintf '%s' \"$line\"\n"
        );
        let file = shop.write("sign-in.sh", &script);
        format!("credential_process = /bin/bash {}\n", file.display())
    }
}

impl Inside {
    /// Answers a request.
    fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path().to_owned();
        if let Some((prefix, status, body)) = *self.refusal.lock().unwrap()
            && path.starts_with(prefix)
            && path.len() > 1
        {
            return told(status, body);
        }
        let header = |name: &str| request.headers().get(name).and_then(|it| it.to_str().ok());
        let on_instance = header("x-aws-ec2-metadata-token") == Some(METADATA_TOKEN);
        match path.as_str() {
            "/container" if header("authorization") == Some(AGENT_TOKEN) => {
                self.document("container", &json!({}))
            }
            "/process" => self.document("process", &json!({ "Version": 1 })),
            "/latest/api/token" if request.method() == Method::PUT => {
                let ttl = header("x-aws-ec2-metadata-token-ttl-seconds").unwrap();
                let mut response = told(200, METADATA_TOKEN);
                let ttl = ttl.parse().unwrap();
                response.headers_mut().insert("x-aws-ec2-metadata-token-ttl-seconds", ttl);
                response
            }
            "/latest/meta-data/iam/security-credentials/" if on_instance => told(200, "shop"),
            "/latest/meta-data/iam/security-credentials/shop" if on_instance => {
                self.document("instance", &json!({ "Code": "Success", "Type": "AWS-HMAC" }))
            }
            "/federation/credentials" if header("x-amz-sso_bearer_token") == Some(SSO_TOKEN) => {
                self.role_credentials()
            }
            "/token" if request.body().windows(12).any(|part| part == b"refreshToken") => {
                let token = json!({ "accessToken": SSO_TOKEN, "expiresIn": 3600 });
                told(200, &token.to_string())
            }
            "/" => self.pass_on(request),
            path if path.starts_with("/service/") => self.pass_on(request),
            _ => told(403, "{}"),
        }
    }

    /// Has the sandbox answer. What its STS gives out is noted.
    fn pass_on(&self, request: Request<Bytes>) -> Response<Bytes> {
        let form = String::from_utf8_lossy(request.body()).into_owned();
        let Outcome::Answer(answer) = self.cloud.handle(request).outcome else {
            panic!("{form} is not answered")
        };
        if form.starts_with("Action=AssumeRole") && answer.status().is_success() {
            self.note(&String::from_utf8_lossy(answer.body()));
        }
        answer
    }

    /// Notes a session as STS tells it.
    fn note(&self, xml: &str) -> Session {
        let inner = |name: &str| {
            let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
            rest.split_once("</").unwrap().0.to_owned()
        };
        let session = Session {
            arn: inner("Arn"),
            expires: inner("Expiration").parse().unwrap(),
            keys: ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(inner),
        };
        self.sessions.lock().unwrap().push(session.clone());
        session
    }

    /// A session of a role.
    fn session(&self, role: &str) -> Session {
        let scope = format!("AKIA{ACCOUNT}USER/20261121/eu-west-1/sts/aws4_request");
        let signed =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let form = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleSessionName=desk&\
             RoleArn=arn:aws:iam::{ACCOUNT}:role/{role}"
        );
        let request = Request::post("/").header("Authorization", signed);
        let request = request.body(Bytes::from(form)).unwrap();
        let Outcome::Answer(answer) = self.cloud.handle(request).outcome else { panic!() };
        self.note(&String::from_utf8_lossy(answer.body()))
    }

    /// A session as the container's agent and EC2's metadata service tell it.
    fn document(&self, role: &str, more: &Value) -> Response<Bytes> {
        let Session { expires, keys: [key, secret, token], .. } = self.session(role);
        let mut document = json!({
            "AccessKeyId": key, "SecretAccessKey": secret, "Token": token, "SessionToken": token,
            "Expiration": expires.to_string(), "LastUpdated": "2026-11-21T00:00:00Z",
        });
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        told(200, &format!("{document}\n"))
    }

    /// A session as single sign-on tells it.
    fn role_credentials(&self) -> Response<Bytes> {
        let Session { expires, keys: [key, secret, token], .. } = self.session("sso");
        let credentials = json!({
            "accessKeyId": key, "secretAccessKey": secret, "sessionToken": token,
            "expiration": expires.as_millisecond(),
        });
        told(200, &json!({ "roleCredentials": credentials }).to_string())
    }
}

/// An answer.
fn told(status: u16, body: &str) -> Response<Bytes> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Bytes::from(body.to_owned())).unwrap()
}

/// Answers the requests of one connection.
fn serve(mut stream: TcpStream, inside: &Inside) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader) {
        let response = inside.answer(request);
        let mut head = format!("HTTP/1.1 {}\r\n", response.status());
        for (name, value) in response.headers() {
            write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
        write!(head, "content-length: {}\r\n\r\n", response.body().len()).unwrap();
        let sent =
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(response.body()));
        if sent.is_err() {
            return;
        }
    }
}

/// Reads a request; nothing at the connection's end.
fn read(reader: &mut impl BufRead) -> Option<Request<Bytes>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let mut first = lines[0].split(' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?);
    let mut length = 0;
    for (name, value) in lines[1..].iter().filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
        request = request.header(name, value);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(request.body(Bytes::from(body)).unwrap())
}
