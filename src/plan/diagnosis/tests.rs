//! The causes of real texts: of the ECS developer guide, and of stopped tasks and events as people
//! reported them.

use jiff::Timestamp;

use super::*;
use crate::model::{
    ContainerExit, ContainerLog, LogLine, ServiceEvent, UnhealthyTarget, UnhealthyTask,
};

/// The causes of what stopped tasks, containers and events say.
fn causes(evidence: &Evidence) -> Vec<Cause> {
    diagnose(evidence, None).iter().map(|one| one.cause).collect()
}

fn stopped(code: &str, reason: &str, containers: &[(&str, Option<i32>, &str)]) -> Evidence {
    let containers = containers.iter().map(|(name, exit_code, reason)| ContainerExit {
        name: (*name).to_owned(),
        exit_code: *exit_code,
        reason: (*reason).to_owned(),
        ..ContainerExit::default()
    });
    let task = StoppedTask {
        id: "t".to_owned(),
        stop_code: code.to_owned(),
        stopped_reason: reason.to_owned(),
        containers: containers.collect(),
        ..StoppedTask::default()
    };
    Evidence { stopped_tasks: vec![task], ..Evidence::default() }
}

fn told(messages: &[&str]) -> Evidence {
    let events = messages.iter().enumerate().map(|(n, message)| ServiceEvent {
        id: n.to_string(),
        at: Timestamp::from_second(i64::try_from(n).unwrap()).unwrap(),
        message: (*message).to_owned(),
    });
    Evidence { events: events.collect(), ..Evidence::default() }
}

/// What ECS says, the cause of it, and words of the diagnosis.
const STOPPED: &[(&str, Cause, &str)] = &[
    (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to \
         resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:v9: \
         111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:v9: not found",
        Cause::ImageNotFound,
        "111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:v9 is not in its registry",
    ),
    (
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to \
         resolve ref h/web@sha256:1a2b: h/web@sha256:1a2b: not found",
        Cause::ImageNotFound,
        "h/web@sha256:1a2b",
    ),
    (
        "CannotPullContainerError: Error response from daemon: pull access denied for web, \
         repository does not exist or may require 'docker login': denied: User: \
         arn:aws:sts::1:assumed-role/e/x is not authorized to perform: ecr:BatchGetImage",
        Cause::ImageDenied,
        "may not be pulled",
    ),
    (
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to pull and unpack \
         image \"1.dkr.ecr.eu-west-1.amazonaws.com/web:latest\": failed to resolve reference: \
         unexpected status code 403 Forbidden",
        Cause::ImageDenied,
        "may not be pulled",
    ),
    (
        "CannotPullContainerError: inspect image has been retried 5 time(s): httpReaderSeeker: \
         failed open: unexpected status code https://registry-1.docker.io/v2/x: 429 Too Many \
         Requests - Server message: toomanyrequests: You have reached your pull rate limit",
        Cause::ImageUnreachable,
        "rate limit",
    ),
    (
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to \
         resolve ref docker.io/library/web:1: failed to do request: Head \
         \"https://registry-1.docker.io/v2/library/web/manifests/1\": dial tcp 44.205.64.79:443: \
         i/o timeout",
        Cause::ImageUnreachable,
        "cannot be reached",
    ),
    (
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest \
         does not contain descriptor matching platform 'linux/amd64'",
        Cause::WrongPlatform,
        "linux/amd64",
    ),
    (
        "CannotPullContainerError: write /var/lib/docker/tmp/GetImageBlob111111111: no space left \
         on device",
        Cause::ImageUnpullable,
        "disk",
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
         retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 \
         time(s): operation error SSM: GetParameters, https response error StatusCode: 400, api \
         error AccessDeniedException: User: arn:aws:sts::1:assumed-role/e/x is not authorized to \
         perform: ssm:GetParameters on resource: arn:aws:ssm:eu-west-1:1:parameter/shop/DB because \
         no identity-based policy allows the ssm:GetParameters action",
        Cause::SecretUnreadable,
        "may not read arn:aws:ssm:eu-west-1:1:parameter/shop/DB",
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
         retrieval failed: unable to retrieve secret from asm: service call has been retried 1 \
         time(s): failed to fetch secret arn:aws:secretsmanager:eu-west-1:1:secret:app from \
         secrets manager: operation error Secrets Manager: GetSecretValue, https response error \
         StatusCode: 400, ResourceNotFoundException: Secrets Manager can't find the specified \
         secret value for staging label: AWSCURRENT",
        Cause::SecretUnreadable,
        "arn:aws:secretsmanager:eu-west-1:1:secret:app, which",
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot \
         pull registry auth from Amazon ECR: There is a connection issue between the task and \
         Amazon ECR. Check your task network configuration. operation error ECR: \
         GetAuthorizationToken, dial tcp 52.1.2.3:443: i/o timeout",
        Cause::Network,
        "cannot reach AWS",
    ),
    (
        "ResourceInitializationError: failed to validate logger args: create stream has been \
         retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The \
         specified log group does not exist. : exit status 1",
        Cause::LogUnwritable,
        "log",
    ),
    (
        "CannotStartContainerError: Error response from daemon: failed to create task for \
         container: failed to create shim task: OCI runtime create failed: runc create failed: \
         unable to start container process: exec: \"serve\": executable file not found in $PATH: \
         unknown",
        Cause::CommandNotFound,
        "command",
    ),
    (
        "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: \
         stderr: mount.nfs4: Connection timed out : unsuccessful EFS utils command execution; \
         code: 32",
        Cause::Volume,
        "volume",
    ),
    (
        "Timeout waiting for network interface provisioning to complete.",
        Cause::Network,
        "interface",
    ),
    (
        "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 1m",
        Cause::CannotStart,
        "cannot be started",
    ),
];

#[test]
fn tasks_that_do_not_start_say_why() {
    for (reason, cause, words) in STOPPED.iter().copied() {
        let found = diagnose(&stopped("TaskFailedToStart", reason, &[("app", None, "")]), None);
        assert_eq!(found[0].cause, cause, "{reason}: {found:?}");
        assert!(found[0].text.contains(words), "{}", found[0].text);
        assert!(!found[0].hint.is_empty() && !found[0].hint.contains("{}"));
    }
}

#[test]
fn exit_codes_say_what_happened() {
    let ended = "Essential container in task exited";
    for (code, reason, cause) in [
        (137, "OutOfMemoryError: Container killed due to memory usage", Cause::OutOfMemory),
        (137, "", Cause::Killed),
        (139, "", Cause::SegmentationFault),
        (127, "", Cause::CommandNotFound),
        (126, "", Cause::CommandNotExecutable),
        (1, "", Cause::Crashed),
        (0, "", Cause::Exited),
    ] {
        let evidence = stopped("EssentialContainerExited", ended, &[("app", Some(code), reason)]);
        assert_eq!(causes(&evidence)[0], cause, "{code} {reason}");
    }
    let containers = [("proxy", Some(143), ""), ("app", Some(3), ""), ("side", Some(137), "")];
    let mut evidence = stopped("EssentialContainerExited", ended, &containers);
    let line = LogLine { at: Timestamp::UNIX_EPOCH, message: "boom".to_owned() };
    evidence.logs.push(ContainerLog {
        task: "t".to_owned(),
        container: "app".to_owned(),
        lines: vec![line],
        ..ContainerLog::default()
    });
    let found = diagnose(&evidence, None);
    assert_eq!(found[0].text, "container app exited with 3; the last it said: boom");
    assert_eq!(found.len(), 1, "the others ended in its wake");
    evidence.logs[0].lines[0].message = "exec /usr/local/bin/app: exec format error".to_owned();
    assert_eq!(causes(&evidence)[0], Cause::WrongPlatform);
    // What a task is ended with that ECS stops is no cause.
    let evidence = stopped(
        "ServiceSchedulerInitiated",
        "Task failed container health checks",
        &[("app", Some(137), "")],
    );
    assert_eq!(causes(&evidence), [Cause::ContainerUnhealthy]);
}

#[test]
fn health_checks_say_what_they_found() {
    let group = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/6d0ecf831eec9f09";
    let event = |reason: &str| {
        let text = format!(
            "(service web) (task 795dee6c) (port 8080) is unhealthy in (target-group {group}) due to \
             (reason {reason})."
        );
        diagnose(&told(&[&text]), None)[0].clone()
    };
    let codes = event("Health checks failed with these codes: [502]");
    assert_eq!(codes.cause, Cause::TargetUnhealthy);
    assert!(codes.text.contains("port 8080 is answered with 502"), "{}", codes.text);
    assert!(codes.hint.contains(group), "{}", codes.hint);
    for reason in ["Health checks failed", "Request timed out"] {
        let found = event(reason);
        assert_eq!(found.cause, Cause::TargetUnreachable, "{reason}");
        assert!(found.hint.contains("0.0.0.0 at port 8080"), "{}", found.hint);
    }
    let zone = event("Target is in an Availability Zone that is not enabled for the load balancer");
    assert!(zone.text.contains("availability zone"), "{}", zone.text);
    let seen = Evidence {
        targets: vec![UnhealthyTarget {
            target_group: group.to_owned(),
            target: "10.0.1.2:9000".to_owned(),
            state: "unhealthy".to_owned(),
            reason: "Target.Timeout".to_owned(),
            description: "Request timed out".to_owned(),
            ..UnhealthyTarget::default()
        }],
        ..Evidence::default()
    };
    assert!(
        diagnose(&seen, None)[0].text.contains("port 9000 gets no answer (Target.Timeout Request")
    );
    let elb = stopped(
        "ServiceSchedulerInitiated",
        &format!("Task failed ELB health checks in (target-group {group})"),
        &[("app", Some(0), "")],
    );
    assert_eq!(causes(&elb), [Cause::TargetUnreachable]);
    let running = UnhealthyTask { containers: vec!["app".to_owned()], ..UnhealthyTask::default() };
    let running = Evidence { unhealthy_tasks: vec![running], ..Evidence::default() };
    assert_eq!(diagnose(&running, None)[0].text, "the health check of container app fails");
}

/// What ECS says, the cause of it, and words of the diagnosis.
const EVENTS: &[(&str, Cause, &str)] = &[
    (
        "(service web) was unable to place a task. Reason: Capacity is unavailable at this time. \
         Please try again later or in a different availability zone.",
        Cause::NoCapacity,
        "Fargate",
    ),
    (
        "(service web) was unable to place a task because no container instance met all of its \
         requirements. The closest matching container-instance 0a1b has insufficient CPU units \
         available. For more information, see the Troubleshooting section.",
        Cause::NoCapacity,
        "container-instance 0a1b has insufficient CPU units available",
    ),
    (
        "(service web) was unable to place a task because no container instance met all of its \
         requirements.",
        Cause::NoCapacity,
        "no place",
    ),
    (
        "(service web) was unable to place a task. Reason: You've reached the limit on the number \
         of vCPUs you can run concurrently",
        Cause::Quota,
        "quota",
    ),
    (
        "(service web) was unable to reach steady state. Reason: No Container Instances were found \
         in your capacity provider.",
        Cause::NoCapacity,
        "no place",
    ),
    (
        "(service web) failed to launch a task with (error ECS was unable to assume the role \
         'arn:aws:iam::1:role/web' that was provided for this task. Please verify that the role \
         being passed has the proper trust relationship and permissions and that your IAM user \
         has permissions to pass this role.).",
        Cause::RoleUnassumable,
        "the role arn:aws:iam::1:role/web",
    ),
    (
        "(service web) was unable to place a task. Reason: CannotPullContainerError: pull image \
         manifest has been retried 7 time(s): failed to resolve ref h/web:latest: not found.",
        Cause::ImageNotFound,
        "h/web:latest is not",
    ),
    (
        "(service web) was unable to stop or start tasks during a deployment because of the \
         service deployment configuration. Update the minimumHealthyPercent or maximumPercent \
         value and try again.",
        Cause::Deadlock,
        "minimumHealthyPercent",
    ),
    (
        "(service web) was unable to reach steady state because task set (ecs-svc/1) was unable to \
         scale in. Reason: The number of protected tasks are more than the desired count of tasks",
        Cause::Deadlock,
        "protected",
    ),
    (
        "(service web) operations are being throttled. Will try again later.",
        Cause::Throttled,
        "throttles",
    ),
];

#[test]
fn events_say_why_no_task_is_started() {
    for (event, cause, words) in EVENTS.iter().copied() {
        let found = diagnose(&told(&["(service web) has started 1 tasks: (task a).", event]), None);
        assert_eq!(found[0].cause, cause, "{event}: {found:?}");
        assert!(found[0].text.contains(words), "{}", found[0].text);
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

#[test]
fn the_most_telling_is_first_and_the_rest_is_told_in_ecs_s_words() {
    let mut evidence = stopped("UserInitiated", "Stopped by hand", &[("app", Some(143), "")]);
    assert_eq!(causes(&evidence), [Cause::StoppedByUser]);
    evidence.alarms = vec!["errors".to_owned()];
    assert_eq!(causes(&evidence), [Cause::Alarm, Cause::StoppedByUser]);
    let spot = stopped("SpotInterruption", "Your Spot Task was interrupted.", &[]);
    assert_eq!(causes(&spot), [Cause::SpotInterruption]);
    let strange = stopped("TaskFailedToStart", "Something nobody has seen before", &[]);
    let found = diagnose(&strange, None);
    assert_eq!(found[0].cause, Cause::Unknown);
    assert_eq!(found[0].text, "ECS says: Something nobody has seen before");
    assert!(diagnose(&told(&["(service web) has started 1 tasks: (task a)."]), None).is_empty());
    assert!(diagnose(&Evidence::default(), None).is_empty());
}
