//! IAM's operations and the verdicts of its policies, asked with forms.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::sandbox::{
    call::Scope,
    state::{State, Transaction},
};

/// Runs with a state of its own.
fn with_state<T>(work: impl FnOnce(&mut Transaction<'_>) -> T) -> T {
    let state = State::open(std::path::Path::new(":memory:")).unwrap();
    state.transact(|transaction| Ok(work(transaction))).unwrap()
}

/// What is answered; or the error's name and message.
fn ask(
    transaction: &mut Transaction<'_>,
    operation: &str,
    parameters: &[(&str, &str)],
) -> Result<String, (String, String)> {
    let body: String =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let call = Call {
        scope: Scope { account: "111111111111".to_owned(), region: "us-east-1".to_owned() },
        operation: operation.to_owned(),
        body: Bytes::from(body),
        now: "2026-11-21T16:32:12.75Z".parse().unwrap(),
        caller: "arn:aws:iam::111111111111:user/sandbox".to_owned(),
    };
    match answer(&call, transaction) {
        Ok(body) => Ok(String::from_utf8(body.to_vec()).unwrap()),
        Err(Fault::Answer { code, members, .. }) => {
            let message = members.get("message").and_then(Value::as_str).unwrap_or_default();
            Err((code, message.to_owned()))
        }
        Err(Fault::Sandbox(error)) => panic!("{error:?}"),
    }
}

fn trust() -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": { "AWS": "111111111111" },
            "Action": "sts:AssumeRole",
        },
    })
    .to_string()
}

fn policy(action: &str, resource: &str) -> String {
    let statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

const ROLE: (&str, &str) = ("RoleName", "deployer");
const ARN: &str = "arn:aws:iam::111111111111:policy/ci/deploy";

/// Makes a role, and a policy that is attached to it.
fn deployer(transaction: &mut Transaction<'_>) {
    let trust = trust();
    let made = ask(transaction, "CreateRole", &[ROLE, ("AssumeRolePolicyDocument", &trust)]);
    assert!(made.unwrap().contains("<Arn>arn:aws:iam::111111111111:role/deployer</Arn>"));
    let document = policy("ecs:*", "*");
    let parameters = [("PolicyName", "deploy"), ("Path", "/ci/"), ("PolicyDocument", &document)];
    let made = ask(transaction, "CreatePolicy", &parameters).unwrap();
    assert!(made.contains(&format!("<Arn>{ARN}</Arn>")), "{made}");
    ask(transaction, "AttachRolePolicy", &[ROLE, ("PolicyArn", ARN)]).unwrap();
}

/// The verdict of the simulator.
fn verdict(transaction: &mut Transaction<'_>, action: &str, resource: &str) -> String {
    let role = "arn:aws:iam::111111111111:role/deployer";
    let parameters = [
        ("PolicySourceArn", role),
        ("ActionNames.member.1", action),
        ("ResourceArns.member.1", resource),
        ("ContextEntries.member.1.ContextKeyName", "iam:PassedToService"),
        ("ContextEntries.member.1.ContextKeyType", "string"),
        ("ContextEntries.member.1.ContextKeyValues.member.1", "ecs-tasks.amazonaws.com"),
    ];
    let told = ask(transaction, "SimulatePrincipalPolicy", &parameters).unwrap();
    let (_, rest) = told.split_once("<EvalDecision>").unwrap();
    rest.split_once('<').unwrap().0.to_owned()
}

#[test]
fn a_role_may_do_what_its_policies_say() {
    with_state(|transaction| {
        deployer(transaction);
        let service = "arn:aws:ecs:eu-west-1:111111111111:service/shop/web";
        assert_eq!(verdict(transaction, "ecs:UpdateService", service), "allowed");
        assert_eq!(verdict(transaction, "ECS:updateservice", service), "allowed");
        assert_eq!(verdict(transaction, "ssm:PutParameter", "*"), "implicitDeny");
        let deny = json!({
            "Statement": [
                { "Effect": "Deny", "NotAction": "ecs:Describe*", "Resource": service },
                {
                    "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
                    "Condition": {
                        "StringEquals": { "iam:PassedToService": "ecs-tasks.amazonaws.com" },
                    },
                },
            ],
        });
        let parameters = [ROLE, ("PolicyName", "no"), ("PolicyDocument", &deny.to_string())];
        ask(transaction, "PutRolePolicy", &parameters).unwrap();
        assert_eq!(verdict(transaction, "ecs:UpdateService", service), "explicitDeny");
        assert_eq!(verdict(transaction, "ecs:DescribeServices", service), "allowed");
        let role = "arn:aws:iam::111111111111:role/task";
        assert_eq!(verdict(transaction, "iam:PassRole", role), "allowed");
    });
}

#[test]
fn what_is_in_use_is_not_deleted() {
    with_state(|transaction| {
        deployer(transaction);
        let refused = |transaction: &mut Transaction<'_>, operation, parameters: &[_]| {
            ask(transaction, operation, parameters).unwrap_err().0
        };
        let policy_arn = ("PolicyArn", ARN);
        assert_eq!(refused(transaction, "DeleteRole", &[ROLE]), "DeleteConflict");
        assert_eq!(refused(transaction, "DeletePolicy", &[policy_arn]), "DeleteConflict");
        ask(transaction, "DetachRolePolicy", &[ROLE, policy_arn]).unwrap();
        ask(transaction, "DeletePolicy", &[policy_arn]).unwrap();
        ask(transaction, "DeleteRole", &[ROLE]).unwrap();
        assert_eq!(refused(transaction, "GetRole", &[ROLE]), "NoSuchEntity");
        assert_eq!(refused(transaction, "GetPolicy", &[policy_arn]), "NoSuchEntity");
    });
}

#[test]
fn a_policy_has_five_versions_of_which_one_counts() {
    with_state(|transaction| {
        deployer(transaction);
        let document = policy("ssm:GetParameters", "*");
        let parameters =
            [("PolicyArn", ARN), ("PolicyDocument", &document), ("SetAsDefault", "true")];
        for _ in 0..4 {
            ask(transaction, "CreatePolicyVersion", &parameters).unwrap();
        }
        assert_eq!(verdict(transaction, "ssm:GetParameters", "*"), "allowed");
        let refused = ask(transaction, "CreatePolicyVersion", &parameters).unwrap_err();
        assert_eq!(refused.0, "LimitExceeded");
        let version = |id| [("PolicyArn", ARN), ("VersionId", id)];
        ask(transaction, "SetDefaultPolicyVersion", &version("v1")).unwrap();
        assert_eq!(verdict(transaction, "ssm:GetParameters", "*"), "implicitDeny");
        let refused = ask(transaction, "DeletePolicyVersion", &version("v1")).unwrap_err();
        assert_eq!(refused.0, "DeleteConflict");
        ask(transaction, "DeletePolicyVersion", &version("v2")).unwrap();
    });
}

#[test]
fn documents_that_could_not_be_kept_to_are_refused() {
    let with_condition = |operator: &str| {
        json!({ "Statement": {
            "Effect": "Allow", "Action": "ecs:*", "Resource": "*",
            "Condition": { operator: { "aws:CurrentTime": "2026-01-01T00:00:00Z" } },
        }})
        .to_string()
    };
    let long = policy("ecs:*", &format!("arn:aws:ecs:eu-west-1:1:service/{}", "x".repeat(7000)));
    with_state(|transaction| {
        for (document, code, message) in [
            ("{".to_owned(), "MalformedPolicyDocument", "Syntax errors"),
            (policy("ecs", "*"), "MalformedPolicyDocument", "prefaced by a vendor"),
            (policy("ecs:*", "web"), "MalformedPolicyDocument", "ARN format"),
            (trust(), "MalformedPolicyDocument", "should not specify a principal"),
            (with_condition("DateLessThan"), "MalformedPolicyDocument", "DateLessThan"),
            (
                policy("ecs:*", "arn:aws:s3:::${aws:username}"),
                "MalformedPolicyDocument",
                "variables",
            ),
            (long, "LimitExceeded", "6144"),
        ] {
            let parameters = [("PolicyName", "p"), ("PolicyDocument", document.as_str())];
            let refused = ask(transaction, "CreatePolicy", &parameters).unwrap_err();
            assert_eq!(refused.0, code, "{document:.80}");
            assert!(refused.1.contains(message), "{}", refused.1);
        }
    });
}

#[test]
fn whoever_trusts_a_ci_says_whose_jobs() {
    let host = "token.actions.githubusercontent.com";
    let document = |condition: Value| {
        json!({ "Statement": {
            "Effect": "Allow",
            "Principal": { "Federated": format!("arn:aws:iam::111111111111:oidc-provider/{host}") },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }})
        .to_string()
    };
    let sub = format!("{host}:sub");
    with_state(|transaction| {
        for (condition, is_taken) in [
            (json!({ "StringEquals": { &sub: "repo:acme/shop:environment:production" } }), true),
            (json!({ "StringLike": { &sub: "repo:acme/shop:*" } }), true),
            (json!({ "StringLike": { &sub: "*" } }), false),
            (json!({ "StringEquals": { format!("{host}:aud"): "sts.amazonaws.com" } }), false),
        ] {
            let text = document(condition);
            let parameters = [("RoleName", "ci"), ("AssumeRolePolicyDocument", text.as_str())];
            let made = ask(transaction, "CreateRole", &parameters);
            assert_eq!(made.is_ok(), is_taken, "{text}");
            if is_taken {
                ask(transaction, "DeleteRole", &[("RoleName", "ci")]).unwrap();
            }
        }
    });
}

#[test]
fn listings_come_in_pages() {
    with_state(|transaction| {
        for name in ["a", "b", "c"] {
            let trust = trust();
            let parameters = [("RoleName", name), ("AssumeRolePolicyDocument", trust.as_str())];
            ask(transaction, "CreateRole", &parameters).unwrap();
        }
        let first = ask(transaction, "ListRoles", &[("MaxItems", "2")]).unwrap();
        assert_eq!(first.matches("<RoleName>").count(), 2);
        let (_, rest) = first.split_once("<Marker>").unwrap();
        let marker = rest.split_once('<').unwrap().0;
        let second =
            ask(transaction, "ListRoles", &[("MaxItems", "2"), ("Marker", marker)]).unwrap();
        assert!(second.contains("<RoleName>c</RoleName>"), "{second}");
        assert!(second.contains("<IsTruncated>false</IsTruncated>"), "{second}");
    });
}
