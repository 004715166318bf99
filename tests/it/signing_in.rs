//! Every way to credentials, through the program: each is gone again once the credentials are over,
//! and told in one message where it leads nowhere.

use std::process::Command;

use jiff::Timestamp;

use crate::{
    desk::{ACCOUNT, Desk, SSO_TOKEN, Session},
    support::{BOOKSHOP, Run, Shop, Started, document, until},
};

/// The line of the manifest that names the profile.
const PROFILE: &str = "profile = \"work\"";
/// What single sign-on answers to whoever is signed out.
const SIGNED_OUT: &str =
    r#"{"__type":"UnauthorizedException","message":"Session token not found or invalid"}"#;
/// A deployment that is waited for.
const DEPLOY: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

/// The file with the token of single sign-on: named by the SHA-1 of the session's name, `company`.
const SSO_FILE: &str = ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json";

/// The configuration of a profile that signs in with single sign-on.
const SSO_PROFILE: &str = "[profile work]\nsso_session = company\nsso_account_id = 111111111111\n\
    sso_role_name = sso\n[sso-session company]\nsso_region = eu-west-1\n\
    sso_start_url = https://company.awsapps.com/start\nsso_registration_scopes = sso:account:access\n";

/// The example project in the account, with more in the project and in the environment `prod`.
fn project(more: &str, of_prod: &str) -> Shop {
    let region = "region = \"eu-west-1\"\n";
    let cluster = "cluster = \"bookshop-prod\"\n";
    let manifest = BOOKSHOP
        .replace(region, &format!("{region}account = \"{ACCOUNT}\"\n{more}\n"))
        .replace(cluster, &format!("{cluster}{of_prod}\n"));
    assert_ne!(manifest, BOOKSHOP);
    Shop::with(&manifest)
}

/// The time by the machine's clock, which credentials go by.
#[expect(clippy::disallowed_methods, reason = "what ends by the clock is waited for by the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// Has a deployment wait for longer than its credentials last, and checks that it succeeds with new
/// ones, of a role.
fn outlives_its_credentials(shop: &Shop, role: &str, sign_in: impl Fn(&Desk, &mut Command)) {
    let desk = Desk::of(shop);
    shop.sandbox(&["sessions", "8s"]);
    shop.stand_still();
    let mut command = desk.program(shop, DEPLOY);
    sign_in(&desk, &mut command);
    let mut deploy = Started::of(command);
    deploy.hears("search-indexer: started ecs-svc/");
    let before = desk.sessions();
    let last = before.iter().map(|session| session.expires).max().unwrap();
    until("the first credentials are over, and others were asked for", || {
        now() > last && desk.sessions().len() > before.len()
    });
    shop.go_fast();
    deploy.end().expect(0).prints("VERIFIED");
    let name = format!(":assumed-role/{role}/");
    assert!(desk.sessions().iter().any(|session| session.arn.contains(&name)), "{name}");
}

#[test]
fn a_web_identity_is_shown_again_when_its_session_is_over() {
    let shop = project("", "");
    let token = shop.write("token", "a.b.c");
    outlives_its_credentials(&shop, "ci", |_, command| {
        command
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", &token)
            .env("AWS_ROLE_ARN", format!("arn:aws:iam::{ACCOUNT}:role/ci"));
    });
}

#[test]
fn a_container_s_role_is_asked_for_again_when_its_session_is_over() {
    outlives_its_credentials(&project("", ""), "container", Desk::in_container);
}

#[test]
fn an_instance_s_role_is_asked_for_again_when_its_session_is_over() {
    outlives_its_credentials(&project("", ""), "instance", Desk::on_instance);
}

#[test]
fn single_sign_on_is_asked_again_when_its_session_is_over() {
    let shop = project(PROFILE, "");
    shop.write(".aws/config", SSO_PROFILE);
    shop.write(SSO_FILE, &sso_token("2099-01-01T00:00:00Z"));
    outlives_its_credentials(&shop, "sso", |_, _| ());
}

#[test]
fn a_credential_process_is_run_again_when_its_session_is_over() {
    let shop = project(PROFILE, "");
    outlives_its_credentials(&shop, "process", |desk, _| {
        shop.write(".aws/config", &format!("[profile work]\n{}", desk.process(&shop)));
    });
}

#[test]
fn a_profile_s_role_is_taken_on_again_when_its_session_is_over() {
    let shop = project(PROFILE, "");
    let role = format!("role_arn = arn:aws:iam::{ACCOUNT}:role/work\nsource_profile = base\n");
    shop.write(".aws/config", &format!("[profile work]\n{role}\n{}", keys_profile("base")));
    outlives_its_credentials(&shop, "work", |_, _| ());
}

#[test]
fn the_manifest_s_role_is_taken_on_again_with_what_is_asked_for_again() {
    let role = format!("role_arn = \"arn:aws:iam::{ACCOUNT}:role/release\"");
    outlives_its_credentials(&project("", &role), "release", Desk::in_container);
}

/// A profile with keys.
fn keys_profile(name: &str) -> String {
    format!(
        "[profile {name}]\naws_access_key_id = AKIA{ACCOUNT}USER\naws_secret_access_key = any\n"
    )
}

/// What `aws sso login` leaves behind.
fn sso_token(expires: &str) -> String {
    format!("{{\"accessToken\": \"{SSO_TOKEN}\", \"expiresAt\": \"{expires}\"}}")
}

/// Tells what `status` says where a profile leads nowhere.
fn refused(shop: &Shop, desk: &Desk, profile: &str) -> String {
    shop.write(".aws/config", profile);
    let run = Started::of(desk.program(shop, &["status", "all", "prod"])).end().expect(1);
    assert_eq!(run.stdout, "");
    told(shop, desk, &run)
}

/// What a failing command says, without what differs from one run to the next.
fn told(shop: &Shop, desk: &Desk, run: &Run) -> String {
    let request = regex_lite::Regex::new("request [0-9a-f-]{36}").unwrap();
    let text = shop.steady(&run.stderr).replace(&desk.url, "[desk]");
    request.replace_all(&text, "request [id]").into_owned()
}

#[test]
fn single_sign_on_that_leads_nowhere_names_the_command_to_sign_in_with() {
    let shop = project(PROFILE, "");
    let desk = Desk::of(&shop);
    insta::assert_snapshot!(refused(&shop, &desk, SSO_PROFILE), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: profile `work`, then single sign-on: failed to load the cached SSO token
    hint: sign in again with `aws sso login --profile work`
    ");
    shop.write(SSO_FILE, &sso_token("2000-01-01T00:00:00Z"));
    insta::assert_snapshot!(refused(&shop, &desk, SSO_PROFILE), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: profile `work`, then single sign-on: the SSO token has expired and cannot be refreshed
    hint: sign in again with `aws sso login --profile work`
    ");
    shop.write(SSO_FILE, &sso_token("2099-01-01T00:00:00Z"));
    desk.refuse("/federation", 401, SIGNED_OUT);
    let by_another = format!(
        "{}[profile work]\nrole_arn = arn:aws:iam::{ACCOUNT}:role/work\nsource_profile = inner\n",
        SSO_PROFILE.replace("[profile work]", "[profile inner]")
    );
    insta::assert_snapshot!(refused(&shop, &desk, &by_another), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: profile `inner`, then single sign-on: UnauthorizedException: Session token not found or invalid
    hint: sign in again with `aws sso login --profile inner`
    ");
    let forbidden = "{\"__type\":\"ForbiddenException\",\"message\":\"No access\"}";
    desk.refuse("/federation", 403, forbidden);
    insta::assert_snapshot!(refused(&shop, &desk, SSO_PROFILE), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: profile `work`, then single sign-on: ForbiddenException: No access
    hint: have the account and the role that profile `work` names assigned to you in IAM Identity Center
    ");
}

#[test]
fn single_sign_on_renews_its_own_token_where_it_may() {
    let shop = project(PROFILE, "");
    let desk = Desk::of(&shop);
    shop.write(".aws/config", SSO_PROFILE);
    let token = serde_json::json!({
        "accessToken": "over", "expiresAt": "2000-01-01T00:00:00Z", "refreshToken": "again",
        "clientId": "id", "clientSecret": "secret",
        "registrationExpiresAt": "2099-01-01T00:00:00Z",
    });
    let file = shop.write(SSO_FILE, &token.to_string());
    Started::of(desk.program(&shop, &["status", "all", "prod"])).end().expect(0);
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(kept.contains(SSO_TOKEN), "the AWS CLI finds it, too: {kept}");
}

#[test]
fn a_profile_that_leads_nowhere_is_told_with_what_is_wrong_in_it() {
    let shop = project(PROFILE, "");
    let desk = Desk::of(&shop);
    insta::assert_snapshot!(refused(&shop, &desk, ""), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: profile `work`: it is not in the shared configuration files, or names no credentials
    hint: mend profile `work` in the shared configuration files, for example with `aws configure sso --profile work`, or name another one
    ");
    let process = "[profile work]\ncredential_process = echo nobody is there >&2; exit 3\n";
    insta::assert_snapshot!(refused(&shop, &desk, process), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: profile `work`, then a credential process: Error retrieving credentials: external process exited with code exit status: 3. Stderr: nobody is there
    hint: run the `credential_process` of profile `work` by hand, and mend what it says
    ");
    let role = format!("role_arn = arn:aws:iam::{ACCOUNT}:role/work\nsource_profile = base\n");
    let of_nobody = format!("[profile work]\n{role}");
    insta::assert_snapshot!(refused(&shop, &desk, &of_nobody), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: profile `work`: profile `base` was not defined: could not find source profile base referenced from work
    hint: mend profile `work` in the shared configuration files, for example with `aws configure sso --profile work`, or name another one
    ");
    let denied = format!("[profile work]\n{role}{}", keys_profile("base"));
    shop.sandbox(&["fault", "add", "AssumeRole", "deny"]);
    insta::assert_snapshot!(refused(&shop, &desk, &denied), @r"
    error: failed to ask AWS who we are
      because: `AssumeRole` is not allowed: User: arn:aws:iam::111111111111:user/sandbox is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/work because no identity-based policy allows the sts:AssumeRole action (AccessDenied, request [id])
    hint: allow `sts:AssumeRole` on `arn:aws:iam::111111111111:role/work` to `arn:aws:iam::111111111111:user/sandbox`
    ");
    let second = format!("mfa_serial = arn:aws:iam::{ACCOUNT}:mfa/ann\n");
    let with_second = format!("[profile work]\n{second}{role}{}", keys_profile("base"));
    insta::assert_snapshot!(refused(&shop, &desk, &with_second), @r"
    error: failed to ask AWS who we are
      because: `AssumeRole` is not allowed: User: arn:aws:iam::111111111111:user/sandbox is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/work because no identity-based policy allows the sts:AssumeRole action (AccessDenied, request [id])
    hint: use single sign-on or a `credential_process`: the second factor (`mfa_serial`) of profile `work` is not asked for
    ");
}

/// Tells what `status` says where what is set leads nowhere.
fn status(shop: &Shop, desk: &Desk, set: &dyn Fn(&mut Command)) -> String {
    let mut command = desk.program(shop, &["status", "all", "prod"]);
    set(&mut command);
    told(shop, desk, &Started::of(command).end().expect(1))
}

#[test]
fn a_token_of_a_job_that_leads_nowhere_is_told_as_such() {
    let shop = project("", "");
    let desk = Desk::of(&shop);
    let status = |set: &dyn Fn(&mut Command)| status(&shop, &desk, set);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/ci");
    let token = shop.write("token", "abc");
    let shows = |command: &mut Command, file: &str| {
        command.env("AWS_WEB_IDENTITY_TOKEN_FILE", file).env("AWS_ROLE_ARN", &role);
    };
    insta::assert_snapshot!(status(&|command| shows(command, "/nonesuch")), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: a web identity token (OIDC): its file cannot be read: No such file or directory (os error 2)
    hint: have the job write a token that is good to the file that `AWS_WEB_IDENTITY_TOKEN_FILE` or the profile names
    ");
    let token = token.to_str().unwrap();
    insta::assert_snapshot!(status(&|command| shows(command, token)), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `AssumeRoleWithWebIdentity`: The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token) (InvalidIdentityToken, request [id])
    hint: have the job write a token that is good to the file that `AWS_WEB_IDENTITY_TOKEN_FILE` or the profile names
    ");
    shop.sandbox(&["fault", "add", "AssumeRoleWithWebIdentity", "deny"]);
    insta::assert_snapshot!(status(&|command| shows(command, token)), @r"
    error: failed to ask AWS who we are
      because: `AssumeRoleWithWebIdentity` is not allowed: User: arn:aws:iam::000000000000:user/sandbox is not authorized to perform: sts:AssumeRoleWithWebIdentity on resource: arn:aws:iam::111111111111:role/ci because no identity-based policy allows the sts:AssumeRoleWithWebIdentity action (AccessDenied, request [id])
    hint: let the role's trust policy take this job's token: see `release-tool iam-policy trust --help`
    ");
    insta::assert_snapshot!(status(&|command| {
        command.env("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    }), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: none were found in the environment, the shared configuration files, or the container, and `AWS_WEB_IDENTITY_TOKEN_FILE` is set without a role
    hint: set `AWS_ROLE_ARN` to the role that takes this job's token
    ");
}

#[test]
fn a_role_of_a_container_or_an_instance_that_leads_nowhere_is_told_as_such() {
    let shop = project("", "");
    let desk = Desk::of(&shop);
    let status = |set: &dyn Fn(&mut Command)| status(&shop, &desk, set);
    insta::assert_snapshot!(status(&|command| {
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/container");
    }), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: the container's role: Connection refused (os error 111)
    hint: give the task or the pod a role, and see that its agent answers where `AWS_CONTAINER_CREDENTIALS_FULL_URI` or its like says
    ");
    insta::assert_snapshot!(status(&|command| {
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/container", desk.url));
    }), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: the container's role: Non-success status from HTTP credential provider: StatusCode(403)
    hint: give the task or the pod a role, and see that its agent answers where `AWS_CONTAINER_CREDENTIALS_FULL_URI` or its like says
    ");
    insta::assert_snapshot!(status(&|command| {
        command
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
            .env("AWS_EC2_METADATA_DISABLED", "false");
    }), @r"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: none were found in the environment, the shared configuration files, the container, or the instance
    hint: sign in again, for example with `aws sso login`, or set `AWS_PROFILE`
    ");
    desk.refuse("/latest/meta-data", 500, "");
    insta::assert_snapshot!(status(&|command| desk.on_instance(command)), @r#"
    error: failed to ask AWS who we are
      because: no valid AWS credentials for `GetCallerIdentity`: the instance's role: error response from IMDS (code: 500)
    hint: give the instance a role, and see that its metadata service answers
    "#);
}

/// Keys of the environment, as a session has them.
fn keys(command: &mut Command, session: &Session) {
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    for (name, value) in names.iter().zip(&session.keys) {
        command.env(name, value);
    }
}

#[test]
fn keys_of_the_environment_that_end_meanwhile_end_the_wait_at_once_and_it_is_gone_on_with() {
    let shop = project("", "");
    let desk = Desk::of(&shop);
    shop.stand_still();
    let session = desk.session("short");
    let mut command = desk.program(&shop, DEPLOY);
    keys(&mut command, &session);
    let mut deploy = Started::of(command);
    deploy.hears("search-indexer: started ecs-svc/");
    shop.sandbox(&["fault", "add", "*", "expired"]);
    let run = deploy.end().expect(8);
    run.tells("cannot see how the rollouts go: failed to ")
        .tells("The security token included in the request is expired")
        .tells("take fresh `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`")
        .prints("ECS cannot be asked any more")
        .prints("release-tool resume d1");
    let mut command = desk.program(&shop, &["status", "all", "prod", "--output", "json"]);
    keys(&mut command, &session);
    let run = Started::of(command).end().expect(1);
    let error = document(&run.stdout);
    let cause = error["causes"][1].as_str().unwrap();
    assert!(cause.contains("(ExpiredToken, request "), "{cause}");
    shop.sandbox(&["fault", "clear"]);
    assert!(error["hints"][0].as_str().unwrap().starts_with("take fresh `AWS_ACCESS_KEY_ID`"));
    shop.go_fast();
    let mut command = desk.program(&shop, &["resume", "d1"]);
    keys(&mut command, &desk.session("fresh"));
    Started::of(command).end().expect(0).prints("VERIFIED");
}

#[test]
fn whoever_signs_in_again_meanwhile_needs_do_nothing_else() {
    let shop = project(PROFILE, "");
    let desk = Desk::of(&shop);
    shop.write(".aws/config", SSO_PROFILE);
    shop.write(SSO_FILE, &sso_token("2099-01-01T00:00:00Z"));
    shop.sandbox(&["sessions", "6s"]);
    shop.stand_still();
    let mut deploy = Started::of(desk.program(&shop, DEPLOY));
    deploy.hears("search-indexer: started ecs-svc/");
    desk.refuse("/federation", 401, SIGNED_OUT);
    let told = deploy.hears("cannot see how the rollouts go, trying again");
    assert!(told.contains("; sign in again with `aws sso login --profile work`"), "{told}");
    desk.refuse_nothing();
    shop.go_fast();
    deploy.end().expect(0).prints("VERIFIED");
}
