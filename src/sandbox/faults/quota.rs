//! AWS's request quotas as token buckets: per account and region, each shared by the operations of
//! one row, refilled on the machine's clock.
//!
//! Numbers and rows are those that AWS publishes: for ECS in "Request throttling for the Amazon ECS
//! API", for the others in the "Service endpoints and quotas" of the AWS General Reference. Where
//! only a rate is published, the burst is one second of it. What is not published is not limited, and
//! what Service Quotas has can be raised there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Subject;
use crate::sandbox::{
    SandboxError,
    call::Scope,
    service::Service,
    state::{Entity, Transaction},
};

/// One row of a quota table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quota {
    /// Names the bucket.
    name: &'static str,
    /// How many requests a full bucket lets through at once.
    burst: u32,
    /// How many more each second.
    refill: u32,
    /// The operations that share it.
    operations: &'static [&'static str],
    /// The codes of the burst and of the refill in Service Quotas, where it has them.
    codes: Option<[&'static str; 2]>,
}

/// Shortens the tables.
const fn quota(
    name: &'static str,
    burst: u32,
    refill: u32,
    operations: &'static [&'static str],
) -> Quota {
    Quota { name, burst, refill, operations, codes: None }
}

/// A row that Service Quotas has, too, so that it can be raised.
const fn coded(codes: [&'static str; 2], row: Quota) -> Quota {
    Quota { codes: Some(codes), ..row }
}

/// Amazon ECS. The codes are those of "Amazon ECS endpoints and quotas" in the AWS General Reference.
const ECS: &[Quota] = &[
    coded(
        ["L-CDF9F16B", "L-1E6DEB89"],
        quota(
            "ecs/task-definition-modify",
            20,
            1,
            &["RegisterTaskDefinition", "DeregisterTaskDefinition"],
        ),
    ),
    coded(
        ["L-924E3D47", "L-538D7426"],
        quota(
            "ecs/task-definition-read",
            50,
            20,
            &["DescribeTaskDefinition", "ListTaskDefinitions", "ListTaskDefinitionFamilies"],
        ),
    ),
    coded(
        ["L-AA0D4951", "L-C5297B3A"],
        quota("ecs/service-modify", 50, 5, &["CreateService", "UpdateService", "DeleteService"]),
    ),
    coded(
        ["L-22AE4B75", "L-321A0372"],
        quota("ecs/service-read", 100, 20, &["DescribeServices", "ListServices"]),
    ),
    coded(
        ["L-A2AA9478", "L-A2DBEAC1"],
        quota(
            "ecs/service-deployment-read",
            50,
            20,
            &["DescribeServiceDeployments", "ListServiceDeployments"],
        ),
    ),
    quota("ecs/service-revision-read", 50, 20, &["DescribeServiceRevisions"]),
    coded(
        ["L-281CBA4C", "L-80627E8A"],
        quota("ecs/cluster-resource-read", 100, 20, &["ListTasks", "DescribeTasks"]),
    ),
    coded(
        ["L-3B4FAC68", "L-C3AEE9D2"],
        quota("ecs/cluster-resource-modify", 100, 40, &["RunTask", "StartTask", "StopTask"]),
    ),
    coded(["L-35D944A8", "L-43D4E76A"], quota("ecs/cluster-read", 50, 20, &["DescribeClusters"])),
    quota("ecs/tag-modify", 20, 10, &["TagResource", "UntagResource"]),
    quota("ecs/tag-read", 50, 20, &["ListTagsForResource"]),
];

/// AWS Systems Manager's Parameter Store, at the default throughput.
const SSM: &[Quota] = &[
    quota("ssm/get", 40, 40, &["GetParameter", "GetParameters", "GetParametersByPath"]),
    quota(
        "ssm/put",
        3,
        3,
        &[
            "PutParameter",
            "LabelParameterVersion",
            "UnlabelParameterVersion",
            "GetParameterHistory",
            "DescribeParameters",
        ],
    ),
    quota("ssm/delete", 3, 3, &["DeleteParameter", "DeleteParameters"]),
];

/// Amazon ECR. Each is one value, of which a second's worth is the burst, too. The codes are those of
/// "Amazon ECR service quotas" in its user guide.
const ECR: &[Quota] = &[
    coded(["L-AD52DFB2"; 2], quota("ecr/put-image", 10, 10, &["PutImage"])),
    coded(["L-16E70933"; 2], quota("ecr/batch-get-image", 2000, 2000, &["BatchGetImage"])),
    coded(
        ["L-A60A366D"; 2],
        quota("ecr/get-download-url-for-layer", 3000, 3000, &["GetDownloadUrlForLayer"]),
    ),
];

/// Amazon CloudWatch's alarms.
const CLOUDWATCH: &[Quota] = &[
    quota("cloudwatch/describe-alarms", 9, 9, &["DescribeAlarms"]),
    quota("cloudwatch/put-metric-alarm", 3, 3, &["PutMetricAlarm"]),
    quota("cloudwatch/put-composite-alarm", 3, 3, &["PutCompositeAlarm"]),
    quota("cloudwatch/describe-alarm-history", 20, 20, &["DescribeAlarmHistory"]),
    quota("cloudwatch/set-alarm-state", 3, 3, &["SetAlarmState"]),
    quota("cloudwatch/delete-alarms", 3, 3, &["DeleteAlarms"]),
];

/// CloudWatch Logs: "CloudWatch Logs quotas" in its user guide
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>), those that
/// are the same in all regions.
const LOGS: &[Quota] = &[
    quota("logs/describe-log-streams", 25, 25, &["DescribeLogStreams"]),
    quota("logs/describe-log-groups", 10, 10, &["DescribeLogGroups"]),
];

/// The rate of `GetLogEvents` in a region, from the same table.
fn get_log_events(region: &str) -> Quota {
    let rate = match region {
        "us-west-2" | "ap-northeast-3" | "ap-southeast-3" | "ca-west-1" | "eu-central-1"
        | "eu-west-1" | "il-central-1" => 10,
        "eu-west-3" => 30,
        _ => 25,
    };
    quota("logs/get-log-events", rate, rate, &["GetLogEvents"])
}

/// The rate of `FilterLogEvents` in a region, from the same table.
fn filter_log_events(region: &str) -> Quota {
    let rate = match region {
        "us-east-1" => 25,
        "ap-northeast-3" | "ap-southeast-3" | "ca-west-1" | "eu-central-1" | "il-central-1" => 5,
        _ => 10,
    };
    quota("logs/filter-log-events", rate, rate, &["FilterLogEvents"])
}

/// Elastic Load Balancing: "Request throttling for the Elastic Load Balancing API" in its user guide
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html>): "the
/// token bucket size for non-mutating API actions is 40 tokens", and 10 are added each second.
const ELB: &[Quota] =
    &[quota("elb/read", 40, 10, &["DescribeTargetGroups", "DescribeTargetHealth"])];

/// The quota that an operation falls under.
fn of(service: Service, operation: &str, region: &str) -> Option<Quota> {
    match (service, operation) {
        (Service::Logs, "GetLogEvents") => return Some(get_log_events(region)),
        (Service::Logs, "FilterLogEvents") => return Some(filter_log_events(region)),
        _ => {}
    }
    rows(service).iter().find(|row| row.operations.contains(&operation)).copied()
}

/// The rows of a service.
const fn rows(service: Service) -> &'static [Quota] {
    match service {
        Service::Ecs => ECS,
        Service::Ssm => SSM,
        Service::Ecr => ECR,
        Service::CloudWatch => CLOUDWATCH,
        Service::Logs => LOGS,
        Service::Elb => ELB,
        // "CodeDeploy quotas", "Quotas for Application Auto Scaling" and "IAM and AWS STS quotas" have
        // no rates; CodeDeploy's vary, as AWS's support told a user, and are not published. Those of
        // Service Quotas itself are for changes only.
        Service::AutoScaling
        | Service::CodeDeploy
        | Service::Sts
        | Service::Iam
        | Service::ServiceQuotas => &[],
    }
}

/// A value that Service Quotas has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Listed {
    /// Its code.
    pub(in crate::sandbox) code: &'static str,
    /// What it is, in words of the sandbox.
    pub(in crate::sandbox) name: String,
    /// What holds by default.
    pub(in crate::sandbox) default: u32,
}

/// What Service Quotas has of a service, sorted by code.
pub(in crate::sandbox) fn listed(service: Service) -> Vec<Listed> {
    let mut all: Vec<Listed> = rows(service).iter().flat_map(values).collect();
    all.sort_by_key(|one| one.code);
    all
}

/// The values of a row.
fn values(row: &Quota) -> Vec<Listed> {
    let operations = row.operations.join(", ");
    let value = |code, what: &str, default| {
        let name = format!("{what} of {operations} requests");
        Listed { code, name, default }
    };
    match row.codes {
        None => Vec::new(),
        Some([burst, rate]) if burst == rate => vec![value(rate, "Rate", row.refill)],
        Some([burst, rate]) => {
            vec![value(burst, "Burst rate", row.burst), value(rate, "Sustained rate", row.refill)]
        }
    }
}

/// A quota that was raised, by account, region and code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Raised {
    /// What holds.
    pub(in crate::sandbox) value: u32,
}

impl Entity for Raised {
    const KIND: &'static str = "quotas.raised";
}

/// What holds in an account and region, of something with a code and a default.
pub(in crate::sandbox) fn applied(
    transaction: &Transaction<'_>,
    scope: &Scope,
    (code, default): (&str, u32),
) -> Result<u32, SandboxError> {
    let raised = transaction.get::<Raised>(&scope.key(code))?;
    Ok(raised.map_or(default, |raised| raised.value))
}

impl Quota {
    /// The row as it holds in an account and region.
    fn in_scope(self, transaction: &Transaction<'_>, scope: &Scope) -> Result<Self, SandboxError> {
        let Some([burst, rate]) = self.codes else { return Ok(self) };
        Ok(Self {
            burst: applied(transaction, scope, (burst, self.burst))?,
            refill: applied(transaction, scope, (rate, self.refill))?,
            ..self
        })
    }
}

/// How full a bucket was at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    /// In billionths of a request, so that nothing is lost by rounding: a rate of one a second
    /// brings one of them each nanosecond.
    level: u64,
    /// When.
    at: Timestamp,
}

impl Entity for Bucket {
    const KIND: &'static str = "faults.bucket";
}

/// What one request takes from a bucket.
const REQUEST: u64 = 1_000_000_000;

impl Bucket {
    /// A bucket that nobody has taken from.
    fn full(quota: Quota, at: Timestamp) -> Self {
        Self { level: u64::from(quota.burst) * REQUEST, at }
    }

    /// Fills up what has come in since, and takes a request out if there is one.
    fn take(&mut self, quota: Quota, now: Timestamp) -> bool {
        let passed = u64::try_from(now.duration_since(self.at).as_nanos()).unwrap_or_default();
        let full = Self::full(quota, now).level;
        self.level =
            passed.saturating_mul(quota.refill.into()).saturating_add(self.level).min(full);
        // A machine's clock that was put back brings nothing, and nothing twice later.
        self.at = self.at.max(now);
        let Some(rest) = self.level.checked_sub(REQUEST) else {
            return false;
        };
        self.level = rest;
        true
    }
}

/// Whether AWS would let a request through now. One that it would not takes nothing.
pub(super) fn let_through(
    transaction: &mut Transaction<'_>,
    subject: &Subject<'_>,
    machine: Timestamp,
) -> Result<bool, SandboxError> {
    let scope = subject.scope;
    let Some(quota) = of(subject.service, subject.operation, &scope.region) else {
        return Ok(true);
    };
    let quota = quota.in_scope(transaction, scope)?;
    let key = scope.key(quota.name);
    let mut bucket =
        transaction.get::<Bucket>(&key)?.unwrap_or_else(|| Bucket::full(quota, machine));
    let passes = bucket.take(quota, machine);
    transaction.put(&key, &bucket)?;
    Ok(passes)
}

/// Fills all buckets.
pub(super) fn refill(transaction: &mut Transaction<'_>) -> Result<(), SandboxError> {
    for (key, _) in transaction.scan::<Bucket>("")? {
        transaction.delete::<Bucket>(&key)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    const REGISTER: Quota = ECS[0];

    fn start() -> Timestamp {
        "2026-11-21T16:32:12Z".parse().unwrap()
    }

    /// When the `k`th of `k` requests gets through that are sent as fast as they get through.
    fn finished(quota: Quota, k: u32) -> SignedDuration {
        let (mut now, mut bucket) = (start(), Bucket::full(quota, start()));
        for _ in 0..k {
            while !bucket.take(quota, now) {
                let missing = (REQUEST - bucket.level).div_ceil(quota.refill.into());
                now += SignedDuration::from_nanos(i64::try_from(missing).unwrap());
            }
        }
        now.duration_since(start())
    }

    #[test]
    fn registering_takes_what_the_quota_says() {
        for (k, seconds) in [(1, 0), (20, 0), (21, 1), (100, 80), (1000, 980)] {
            assert_eq!(finished(REGISTER, k), SignedDuration::from_secs(seconds), "{k}");
        }
    }

    proptest! {
        #[test]
        fn k_requests_take_what_is_above_the_burst_by_the_refill(
            burst in 1_u32..100, refill in 1_u32..50, k in 0_u32..300
        ) {
            let quota = Quota { name: "", burst, refill, operations: &[], codes: None };
            let theory = f64::from(k.saturating_sub(burst)) / f64::from(refill);
            // Each wait is rounded up to a nanosecond.
            let slack = 1e-9 * f64::from(k) + 1e-9;
            let took = finished(quota, k).as_secs_f64();
            prop_assert!((theory - 1e-9..=theory + slack).contains(&took), "{took} {theory}");
        }

        #[test]
        fn no_second_lets_more_through_than_a_bucket_and_its_refill(
            gaps in proptest::collection::vec(0_i64..300, 1..200)
        ) {
            let (mut now, mut bucket) = (start(), Bucket::full(REGISTER, start()));
            let mut passed: Vec<Timestamp> = Vec::new();
            for gap in gaps {
                now += SignedDuration::from_millis(gap);
                if bucket.take(REGISTER, now) {
                    passed.push(now);
                }
            }
            for first in &passed {
                let second = *first..*first + SignedDuration::from_secs(1);
                prop_assert!(passed.iter().filter(|at| second.contains(at)).count() <= 21);
            }
        }
    }

    #[test]
    fn rates_of_reading_logs_are_those_of_the_region() {
        for (region, get, filter) in [
            ("eu-west-1", 10, 10),
            ("us-east-1", 25, 25),
            ("eu-central-1", 10, 5),
            ("eu-north-1", 25, 10),
        ] {
            let rate = |operation: &str| of(Service::Logs, operation, region).unwrap().refill;
            assert_eq!((rate("GetLogEvents"), rate("FilterLogEvents")), (get, filter), "{region}");
        }
        assert!(of(Service::CodeDeploy, "GetDeployment", "eu-west-1").is_none());
    }

    #[test]
    fn a_clock_put_back_brings_nothing() {
        let mut bucket = Bucket { level: 0, at: start() };
        assert!(!bucket.take(REGISTER, start() - SignedDuration::from_hours(1)));
        assert!(!bucket.take(REGISTER, start()));
        assert!(bucket.take(REGISTER, start() + SignedDuration::from_secs(1)));
    }

    #[test]
    fn a_code_is_one_value() {
        let mut codes: Vec<&str> = [Service::Ecs, Service::Ecr]
            .into_iter()
            .flat_map(listed)
            .map(|listed| listed.code)
            .collect();
        assert_eq!(codes.len(), 19);
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 19);
        assert_eq!(listed(Service::Ssm), []);
    }

    #[test]
    fn an_operation_is_in_one_row_at_most() {
        for rows in [ECS, SSM, ECR, LOGS, ELB] {
            let mut operations: Vec<&str> =
                rows.iter().flat_map(|row| row.operations).copied().collect();
            operations.sort_unstable();
            let count = operations.len();
            operations.dedup();
            assert_eq!(operations.len(), count);
        }
    }
}
