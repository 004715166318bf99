//! The judgement of `doctor`, check by check.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::*;
use crate::{
    model::{
        AccountId, AlarmState, ClusterName, ContainerName, CredentialSource, DeploymentController,
        EcsServiceName, EnvironmentId, ImageId, ParameterName, ServiceId, SignIn,
    },
    plan::test_support::picture,
};

/// A service of one container `web` that all is well with.
fn examined(id: &str) -> Examined {
    let picture = picture("web:1");
    Examined {
        service: ServiceId::new(id).unwrap(),
        cluster: ClusterName::new("shop").unwrap(),
        ecs_service: EcsServiceName::new(id).unwrap(),
        containers: picture.containers.clone(),
        observed: Some(picture.observed),
        definition: Some(picture.latest),
    }
}

fn grades(findings: &[Finding]) -> Vec<Grade> {
    findings.iter().map(|finding| finding.grade).collect()
}

#[test]
fn credentials_tell_their_way_and_their_end() {
    let sign_in = |sources, until: Option<&str>, is_fixed| SignIn {
        sources,
        until: until.map(|at| at.parse().unwrap()),
        is_fixed,
    };
    let by_profile = sign_in(
        vec![
            CredentialSource::Profile(Some("prod".to_owned())),
            CredentialSource::SingleSignOn,
            CredentialSource::Role("arn:r".to_owned()),
        ],
        Some("2026-11-21T20:05:00Z"),
        false,
    );
    let told = credentials("arn:a", Some(&by_profile));
    assert_eq!(
        told.text,
        "`arn:a`, by profile `prod`, then single sign-on, then role `arn:r`, until 2026-11-21 \
         20:05:00 UTC"
    );
    // They are renewed.
    assert_eq!(told.grade, Grade::Ok);
    // When a session of the environment's variables ends nobody knows.
    let fixed = sign_in(vec![CredentialSource::EnvironmentKeys], None, true);
    let told = credentials("arn:a", Some(&fixed));
    assert_eq!(
        (told.grade, told.text.as_str()),
        (
            Grade::Ok,
            "`arn:a`, by keys of the environment: the environment's keys are a session that nobody \
             renews, and that does not tell when it ends"
        )
    );
    let lasting = sign_in(vec![CredentialSource::EnvironmentKeys], None, false);
    assert_eq!(credentials("arn:a", Some(&lasting)).text, "`arn:a`, by keys of the environment");
}

#[test]
fn the_account_is_compared_where_the_manifest_names_one() {
    let environment = EnvironmentId::new("prod").unwrap();
    let (one, two) =
        (AccountId::new("1".repeat(12)).unwrap(), AccountId::new("2".repeat(12)).unwrap());
    let told = |expected: Option<&AccountId>| account(&environment, expected, (&one, "arn:a"));
    assert_eq!(told(Some(&one)).grade, Grade::Ok);
    assert_eq!(told(None).grade, Grade::Warn);
    assert!(told(None).fix.unwrap().contains("`account = \"111111111111\"`"));
    assert_eq!(told(Some(&two)).grade, Grade::Fail);
    assert!(told(Some(&two)).text.contains("not 222222222222"));
}

#[test]
fn a_clock_is_let_be_off_a_little() {
    let told = |seconds| clock(Some(SignedDuration::from_secs(seconds))).unwrap();
    assert_eq!(clock(None), None);
    assert_eq!(told(-2).grade, Grade::Ok);
    assert_eq!(told(90).grade, Grade::Warn);
    assert_eq!(told(90).text, "this machine's clock is 90 s behind AWS's");
    assert_eq!(told(-3600).grade, Grade::Fail);
    assert_eq!(told(-3600).text, "this machine's clock is 60 min ahead of AWS's");
}

#[test]
fn services_that_are_there_once_and_active_are_one_line() {
    let all = [examined("a"), examined("b")];
    let told = services(&all);
    assert_eq!(told[0].text, "2 services in `shop`, each ACTIVE");
    assert_eq!(grades(&told), [Grade::Ok]);
    assert_eq!(grades(&containers(&all)), [Grade::Ok]);
}

#[test]
fn every_service_that_will_not_do_has_a_line() {
    let missing = Examined { observed: None, ..examined("gone") };
    let deleted = |status: &str| {
        let mut one = examined(&status.to_lowercase());
        one.observed.as_mut().unwrap().status = status.to_owned();
        one
    };
    let mut external = examined("external");
    external.observed.as_mut().unwrap().controller = DeploymentController::External;
    let mut stuck = examined("stuck");
    let seen = stuck.observed.as_mut().unwrap();
    (seen.desired, seen.minimum_healthy_percent, seen.maximum_percent) = (1, 100, 100);
    let twice = Examined { ecs_service: EcsServiceName::new("stuck").unwrap(), ..examined("twin") };
    let all = [missing, deleted("INACTIVE"), deleted("DRAINING"), external, stuck, twice];
    let told = services(&all);
    assert_eq!(grades(&told), [Grade::Fail; 6]);
    let says = [
        "not in cluster",
        "not in cluster",
        "is DRAINING",
        "EXTERNAL",
        "cannot replace",
        "one ECS service",
    ];
    for (finding, says) in told.iter().zip(says) {
        assert!(finding.text.contains(says), "{finding:?}");
        assert!(finding.fix.is_some());
    }
}

#[test]
fn containers_are_those_of_the_latest_revision() {
    let mut renamed = examined("renamed");
    let name = ContainerName::new("app").unwrap();
    renamed.containers = BTreeMap::from([(name, ImageId::new("app").unwrap())]);
    let without = Examined { definition: None, ..examined("without") };
    let unread = Examined { containers: BTreeMap::new(), definition: None, ..examined("unread") };
    let told = containers(&[renamed, without]);
    assert_eq!(grades(&told), [Grade::Fail; 2]);
    assert!(told[0].text.contains("no container `app`"), "{told:?}");
    assert!(told[1].text.contains("no ACTIVE task definition"), "{told:?}");
    assert_eq!(containers(&[unread]), []);
    assert_eq!(containers(&[Examined { observed: None, ..examined("gone") }]), []);
}

#[test]
fn circuit_breakers_and_alarms_are_only_to_know() {
    let mut open = examined("open");
    open.observed.as_mut().unwrap().circuit_breaker.enabled = false;
    assert_eq!(breakers(&[open]).unwrap().grade, Grade::Warn);
    let mut watched_one = examined("watched");
    let seen = watched_one.observed.as_mut().unwrap();
    seen.circuit_breaker.enabled = true;
    seen.alarms.enabled = true;
    seen.alarms.names = ["fine", "red", "gone"].map(str::to_owned).to_vec();
    assert_eq!(breakers(std::slice::from_ref(&watched_one)).unwrap().grade, Grade::Ok);
    let states = BTreeMap::from([
        ("fine".to_owned(), AlarmState::Ok),
        ("red".to_owned(), AlarmState::Alarm),
    ]);
    let told = alarms(&[watched_one], &states).unwrap();
    assert_eq!(grades(&told), [Grade::Warn; 2]);
    assert_eq!(alarms(&[examined("unwatched")], &states), None);
}

#[test]
fn parameters_are_there_and_strings() {
    let of = |name: &str, is_secure, is_source| Image {
        image: ImageId::new(name).unwrap(),
        parameter: ParameterName::new(format!("/shop/images/x/{name}")).unwrap(),
        is_secure,
        is_source,
    };
    let fine = of("fine", Some(false), true);
    assert_eq!(grades(&parameters(std::slice::from_ref(&fine))), [Grade::Ok]);
    let told = parameters(&[
        fine,
        of("secret", Some(true), false),
        of("unregistered", None, true),
        of("undeployed", None, false),
    ]);
    assert_eq!(grades(&told), [Grade::Warn, Grade::Fail, Grade::Warn]);
    assert!(told[0].text.starts_with("`/shop/images/x/secret` is of type SecureString"));
}

/// So many requests of a kind.
fn load(operation: &'static str, requests: usize, (burst, per_second): (f64, f64)) -> Load {
    let (published, more) = (Quota { burst, per_second }, "ask for L-1".to_owned());
    Load { operation, requests, published, applied: None, more }
}

#[test]
fn quotas_tell_the_least_time_of_the_slowest() {
    let loads = |services| {
        [
            load("RegisterTaskDefinition", services, (20.0, 1.0)),
            load("PutParameter", services, (3.0, 3.0)),
        ]
    };
    let told = |services| quotas(services, &loads(services)).remove(0);
    assert_eq!(told(3).text, "3 services at once wait for none");
    assert_eq!(
        told(100).text,
        "100 services at once take 80 s at the least, by what AWS publishes: RegisterTaskDefinition \
         20 at once, then 1 a second"
    );
    assert_eq!((told(100).grade, told(1000).grade), (Grade::Ok, Grade::Warn));
    assert_eq!(told(1000).fix.unwrap(), "ask for L-1, or deploy the sets one by one");
    assert_eq!(quotas(3, &[]), []);
    let least = least_seconds(&loads(1000));
    assert!((least - 980.0).abs() < f64::EPSILON, "{least}");
    assert!(least_seconds(&[]) < f64::EPSILON);
}

#[test]
fn what_an_account_was_given_is_told_and_reckoned_with() {
    let register = load("RegisterTaskDefinition", 100, (20.0, 1.0));
    let update = load("UpdateService", 100, (50.0, 5.0));
    let given =
        |load: Load, burst, per_second| Load { applied: Some(Quota { burst, per_second }), ..load };
    let loads = [given(register, 50.0, 10.0), given(update, 50.0, 5.0)];
    let told = quotas(100, &loads);
    assert_eq!(
        told[0].text,
        "100 services at once take 10 s at the least, by this account's quota: UpdateService 50 at \
         once, then 5 a second"
    );
    assert_eq!(
        told[1].text,
        "applied in this account: RegisterTaskDefinition 50 at once, then 10 a second (by default 20 \
         at once, then 1 a second); UpdateService 50 at once, then 5 a second"
    );
    assert_eq!(untold("no", Some("allow it".to_owned())).grade, Grade::Warn);
    assert_eq!(untold("no", None).grade, Grade::Skipped);
}

#[test]
fn what_nobody_tried_is_not_called_given() {
    let environment = EnvironmentId::new("prod").unwrap();
    let actions: BTreeSet<String> =
        ["ecs:DescribeServices", "ecs:ListTasks", "ecs:UpdateService", "iam:PassRole"]
            .map(str::to_owned)
            .into();
    let tries = Tries {
        allowed: BTreeSet::from(["DescribeServices"]),
        denied: BTreeSet::from(["ListTasks"]),
    };
    let told = tried(&environment, "arn:r", (&actions, &tries));
    assert_eq!(grades(&told), [Grade::Fail, Grade::Ok, Grade::Skipped]);
    assert!(told[0].text.starts_with("`ecs:ListTasks` is not allowed to `arn:r`"), "{told:?}");
    assert_eq!(told[1].text, "1 given, as what was read here shows: `ecs:DescribeServices`");
    assert_eq!(told[2].text, "2 not checked: `ecs:UpdateService`, `iam:PassRole`");
}

#[test]
fn a_session_s_policies_are_those_of_its_role() {
    for (caller, whose) in [
        ("arn:aws:sts::1:assumed-role/ci/me", "arn:aws:iam::1:role/ci"),
        (
            "arn:aws-cn:sts::1:assumed-role/AWSReservedSSO_x/me",
            "arn:aws-cn:iam::1:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_x",
        ),
        ("arn:aws:iam::1:user/ann", "arn:aws:iam::1:user/ann"),
        ("arn:aws:sts::1:federated-user/ann", "arn:aws:sts::1:federated-user/ann"),
    ] {
        assert_eq!(principal(caller), whose);
    }
}

#[test]
fn a_line_an_action_tells_what_is_missing() {
    let environment = EnvironmentId::new("prod").unwrap();
    let denied = [("ecs:A", "one"), ("ssm:B", "x"), ("ecs:A", "two")]
        .map(|(action, resource)| (action.to_owned(), resource.to_owned()));
    let told = permissions(&environment, "arn:r", (9, &denied));
    assert_eq!(grades(&told), [Grade::Fail; 2]);
    assert_eq!(told[0].text, "`ecs:A` is not allowed on `one`, `two` to `arn:r`");
    assert_eq!(grades(&permissions(&environment, "arn:r", (9, &[]))), [Grade::Ok]);
    // Deployments do without it.
    let spared = [("servicequotas:ListServiceQuotas".to_owned(), "*".to_owned())];
    assert_eq!(grades(&permissions(&environment, "arn:r", (9, &spared))), [Grade::Warn]);
    assert_eq!(not_simulated("arn:r", true, "no").grade, Grade::Warn);
    assert_eq!(not_simulated("arn:r", false, "no").grade, Grade::Skipped);
}
