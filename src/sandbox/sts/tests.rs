//! STS's operations, asked with forms.

use jiff::SignedDuration;
use serde_json::Value;

use super::*;
use crate::sandbox::{
    call::Scope,
    state::{State, Transaction},
};

const ROLE: &str = "arn%3Aaws%3Aiam%3A%3A222222222222%3Arole%2Fpath%2Fdeployer";

/// Runs with a state of its own.
fn with_state<T>(work: impl FnOnce(&mut Transaction<'_>) -> T) -> T {
    let state = State::open(std::path::Path::new(":memory:")).unwrap();
    state.transact(|transaction| Ok(work(transaction))).unwrap()
}

fn machine() -> Timestamp {
    "2026-11-21T16:32:12.75Z".parse().unwrap()
}

fn scope() -> Scope {
    Scope { account: "111111111111".to_owned(), region: "eu-west-1".to_owned() }
}

/// What a caller is answered; or the error's name and message.
fn ask(
    transaction: &mut Transaction<'_>,
    caller: &str,
    operation: &str,
    form: &str,
) -> Result<String, (String, String)> {
    let call = Call {
        scope: scope(),
        operation: operation.to_owned(),
        body: Bytes::from(form.to_owned()),
        now: machine(),
        caller: caller.to_owned(),
    };
    match answer(&call, transaction, machine()) {
        Ok(body) => Ok(String::from_utf8(body.to_vec()).unwrap()),
        Err(Fault::Answer { code, members, .. }) => {
            let message = members.get("message").and_then(Value::as_str).unwrap_or_default();
            Err((code, message.to_owned()))
        }
        Err(Fault::Sandbox(error)) => panic!("{error:?}"),
    }
}

/// An element's text.
fn inner<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    rest.split_once(&format!("</{name}>")).unwrap().0
}

const USER: &str = "arn:aws:iam::111111111111:user/sandbox";

#[test]
fn a_session_lasts_as_long_as_was_asked_for_on_the_machines_clock() {
    with_state(|transaction| {
        let form = format!("RoleArn={ROLE}&RoleSessionName=ann&DurationSeconds=900");
        let xml = ask(transaction, USER, "AssumeRole", &form).unwrap();
        assert_eq!(inner(&xml, "Expiration"), "2026-11-21T16:47:12Z");
        let key = inner(&xml, "AccessKeyId");
        assert_eq!(key, "ASIA2222222222220000");
        let at = |seconds| {
            let later = machine() + SignedDuration::from_secs(seconds);
            caller(transaction, &scope(), key, later).unwrap()
        };
        let arn = "arn:aws:sts::222222222222:assumed-role/deployer/ann".to_owned();
        assert_eq!(at(899), Caller { arn: arn.clone(), is_expired: false, role: None });
        assert_eq!(at(900), Caller { arn, is_expired: true, role: None });
    });
}

#[test]
fn a_session_lasts_no_longer_than_was_set() {
    with_state(|transaction| {
        set_longest(transaction, std::time::Duration::from_secs(15)).unwrap();
        let form = format!("RoleArn={ROLE}&RoleSessionName=ann&DurationSeconds=900");
        let xml = ask(transaction, USER, "AssumeRole", &form).unwrap();
        assert_eq!(inner(&xml, "Expiration"), "2026-11-21T16:32:27Z");
    });
}

#[test]
fn no_two_sessions_share_a_key() {
    with_state(|transaction| {
        let form = format!("RoleArn={ROLE}&RoleSessionName=ann");
        let mut key = || {
            let xml = ask(transaction, USER, "AssumeRole", &form).unwrap();
            inner(&xml, "AccessKeyId").to_owned()
        };
        assert_ne!(key(), key());
    });
}

#[test]
fn a_web_identity_opens_a_session_too() {
    with_state(|transaction| {
        let form = format!("RoleArn={ROLE}&RoleSessionName=ci&WebIdentityToken=a.b.c");
        let xml = ask(transaction, USER, "AssumeRoleWithWebIdentity", &form).unwrap();
        let user = inner(&xml, "AssumedRoleUser");
        assert_eq!(inner(user, "Arn"), "arn:aws:sts::222222222222:assumed-role/deployer/ci");
        let form = format!("RoleArn={ROLE}&RoleSessionName=ci&WebIdentityToken=abcd");
        let refused = ask(transaction, USER, "AssumeRoleWithWebIdentity", &form);
        assert_eq!(refused.unwrap_err().0, "InvalidIdentityToken");
    });
}

#[test]
fn requests_that_break_a_rule_are_refused() {
    let session = "arn:aws:sts::111111111111:assumed-role/a/ann";
    let long = "x".repeat(65);
    for (caller, form, message) in [
        (
            USER,
            "RoleSessionName=ann".to_owned(),
            "1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: \
             Member must not be null",
        ),
        (USER, "RoleArn=deployer&RoleSessionName=ann".to_owned(), "deployer is invalid"),
        (
            USER,
            format!("RoleArn={ROLE}&RoleSessionName=a"),
            "1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy \
             constraint: Member must have length greater than or equal to 2",
        ),
        (
            USER,
            format!("RoleArn={ROLE}&RoleSessionName={long}"),
            "1 validation error detected: Value \
             'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' at \
             'roleSessionName' failed to satisfy constraint: Member must have length less than or \
             equal to 64",
        ),
        (
            USER,
            format!("RoleArn={ROLE}&RoleSessionName=a%20b"),
            "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ),
        (
            USER,
            format!("RoleArn={ROLE}&RoleSessionName=ann&DurationSeconds=899"),
            "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy \
             constraint: Member must have value greater than or equal to 900",
        ),
        (
            session,
            format!("RoleArn={ROLE}&RoleSessionName=ann&DurationSeconds=3601"),
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
             role chaining",
        ),
    ] {
        let refused = with_state(|transaction| ask(transaction, caller, "AssumeRole", &form));
        let expected = ("ValidationError".to_owned(), message.to_owned());
        assert_eq!(refused.unwrap_err(), expected, "{form}");
    }
}

#[test]
fn an_unknown_operation_is_refused() {
    let refused = with_state(|transaction| ask(transaction, USER, "GetFederationToken", ""));
    assert_eq!(refused.unwrap_err().0, "InvalidAction");
}

#[test]
fn a_session_is_known_by_its_role_with_the_path() {
    let make = |transaction: &mut Transaction<'_>, (name, path): (&str, &str), trust: &Value| {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("RoleName", name)
            .append_pair("Path", path)
            .append_pair("AssumeRolePolicyDocument", &trust.to_string())
            .finish();
        let call = Call {
            scope: scope(),
            operation: "CreateRole".to_owned(),
            body: Bytes::from(form),
            now: machine(),
            caller: USER.to_owned(),
        };
        iam::answer(&call, transaction).map(drop).unwrap();
    };
    let trust = |principal: &str, condition: Value| {
        serde_json::json!({ "Statement": {
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": { "AWS": principal }, "Condition": condition,
        }})
    };
    let role = "arn:aws:iam::111111111111:role/ci/deployer";
    let short = "arn:aws:iam::111111111111:role/deployer";
    let session = "arn:aws:sts::111111111111:assumed-role/deployer/ann";
    let account = "111111111111";
    let is = |arn: &str| serde_json::json!({ "ArnEquals": { "aws:PrincipalArn": arn } });
    let nothing = || serde_json::json!({});
    for (trust, is_given) in [
        (trust(role, nothing()), true),
        (trust(session, nothing()), true),
        (trust(short, nothing()), false),
        (trust(account, is(role)), true),
        (trust(account, is(session)), false),
    ] {
        with_state(|transaction| {
            let anybody = serde_json::json!({ "Statement": {
                "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": account },
            }});
            make(transaction, ("deployer", "/ci/"), &anybody);
            make(transaction, ("store", "/"), &trust);
            let form =
                "RoleArn=arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Fstore&RoleSessionName=ann";
            let told = ask(transaction, session, "AssumeRole", form);
            assert_eq!(told.is_ok(), is_given, "{trust}: {told:?}");
        });
    }
}
