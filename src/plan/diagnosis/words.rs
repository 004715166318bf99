//! What ECS's words mean: the texts of stopped tasks, of their containers, and of service events.
//!
//! The texts are those of the ECS developer guide, "stopped tasks error messages",
//! "`CannotPullContainer` task errors" and "service event messages", and of events that ECS was seen to
//! tell. Rules are in the order in which they tell most; of several that fit one text the first
//! counts.

use crate::model::Cause;

/// What a text means.
pub(super) struct Rule {
    /// The kind of cause.
    pub(super) cause: Cause,
    /// What the text contains, in lower case: all of these.
    pub(super) all: &'static [&'static str],
    /// And one of these, if there are any.
    pub(super) any: &'static [&'static str],
    /// What is wrong; `{}` stands for what is taken from the text.
    pub(super) text: &'static str,
    /// What to do; `{}` as before.
    pub(super) hint: &'static str,
    /// What is taken from the text, and what is said where that is not there.
    pub(super) detail: (Detail, &'static str),
}

/// What is taken from a text.
#[derive(Clone, Copy)]
pub(super) enum Detail {
    /// Nothing.
    Nothing,
    /// What is between two texts.
    Between(&'static str, &'static str),
    /// What follows a text, up to white space.
    After(&'static str),
    /// What follows a text, up to the end of the sentence.
    Sentence(&'static str),
}

impl Rule {
    /// Whether a text is of this kind.
    pub(super) fn fits(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.all.iter().all(|part| text.contains(part))
            && (self.any.is_empty() || self.any.iter().any(|part| text.contains(part)))
    }

    /// What is wrong and what to do, of a text of this kind.
    pub(super) fn told(&self, text: &str) -> (String, String) {
        let (detail, otherwise) = self.detail;
        let found = match detail {
            Detail::Nothing => None,
            Detail::Between(before, after) => text
                .split_once(before)
                .and_then(|(_, rest)| rest.split_once(after))
                .map(|(found, _)| found),
            Detail::After(before) => text
                .split_once(before)
                .and_then(|(_, rest)| rest.split_whitespace().next())
                .map(|word| word.trim_end_matches([':', ',', '.', ';', '"'])),
            Detail::Sentence(before) => {
                text.split_once(before).and_then(|(_, rest)| rest.split(". ").next())
            }
        };
        let found = found.map(|found| found.trim().trim_end_matches('.'));
        let found = found.filter(|found| !found.is_empty()).unwrap_or(otherwise);
        (self.text.replace("{}", found), self.hint.replace("{}", found))
    }
}

/// What a network must let through.
const NETWORK_HINT: &str = "give its subnets a route to AWS: a NAT gateway, or VPC endpoints for \
    ecr.api, ecr.dkr, s3, logs, secretsmanager and ssm, and let its security group out on port 443";

/// How to let a role read.
const SECRET_HINT: &str = "add `secretsmanager:GetSecretValue` or `ssm:GetParameters`, and \
    `kms:Decrypt` for a key of your own, on {} to the policy of the execution role";

/// Where there is room.
const CAPACITY_HINT: &str = "add instances to the cluster or capacity to its capacity provider, or \
    ask for less `cpu` and `memory` in the task definition";

/// See the module.
pub(super) const RULES: &[Rule] = &[
    Rule {
        cause: Cause::SecretUnreadable,
        all: &["resourceinitializationerror", "unable to"],
        any: &["accessdenied", "is not authorized to perform", "access to kms is not allowed"],
        text: "its execution role may not read {}",
        hint: SECRET_HINT,
        detail: (Detail::After("on resource: "), "a secret or parameter of the task definition"),
    },
    Rule {
        cause: Cause::Network,
        all: &["resourceinitializationerror", "unable to pull secrets or registry auth"],
        any: &["timeout", "deadline exceeded", "connection issue", "dial tcp", "no such host"],
        text: "a task cannot reach AWS from its subnet, to read secrets or to sign in to ECR",
        hint: NETWORK_HINT,
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::SecretUnreadable,
        all: &["resourceinitializationerror"],
        any: &["unable to retrieve secret", "unable to pull secrets", "invalid ssm parameters"],
        text: "{}, which its task definition names, cannot be read",
        hint: "create it, or correct `secrets` in the task definition: look whether {} exists and has a \
               value",
        detail: (Detail::After("failed to fetch secret "), "a secret or parameter"),
    },
    Rule {
        cause: Cause::LogUnwritable,
        all: &[],
        any: &[
            "failed to validate logger args",
            "failed to initialize logging driver",
            "failed to create cloudwatch log stream",
        ],
        text: "the log of a container cannot be written",
        hint: "create the log group of `awslogs-group`, let the execution role do \
               `logs:CreateLogStream` and `logs:PutLogEvents`, and let the task reach CloudWatch Logs",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::RoleUnassumable,
        all: &["unable to assume"],
        any: &["role"],
        text: "ECS cannot assume the role {}",
        hint: "create {}, or let `ecs-tasks.amazonaws.com` do `sts:AssumeRole` in its trust policy; it is \
               named by `taskRoleArn` or `executionRoleArn` in the task definition",
        detail: (Detail::Between("role '", "'"), "of the task definition"),
    },
    Rule {
        cause: Cause::RoleUnassumable,
        all: &["ecs can no longer maintain your service"],
        any: &[],
        text: "a role of the service or of its tasks lost a permission or its trust policy",
        hint: "look at the service-linked role of ECS and at `taskRoleArn` and `executionRoleArn` of the \
               task definition",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::WrongPlatform,
        all: &[],
        any: &["does not contain descriptor matching platform", "no matching manifest for"],
        text: "the image is not built for {}, the platform of the task",
        hint: "build the image for it, for example with `docker buildx build --platform {}`, or set \
               `runtimePlatform.cpuArchitecture` in the task definition",
        detail: (Detail::Between("platform '", "'"), "linux/amd64"),
    },
    Rule {
        cause: Cause::WrongPlatform,
        all: &["exec format error"],
        any: &[],
        text: "the program in the image is built for another processor than the task's",
        hint: "build the image for the platform of the task, for example with `docker buildx build \
               --platform linux/amd64`, or set `runtimePlatform.cpuArchitecture` in the task definition",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::ImageDenied,
        all: &["pull"],
        any: &[
            "403 forbidden",
            "pull access denied",
            "accessdenied",
            "is not authorized to perform",
            "no basic auth credentials",
            "401 unauthorized",
            "authorization failed",
        ],
        text: "the image may not be pulled",
        hint: "let the execution role do `ecr:GetAuthorizationToken`, `ecr:BatchGetImage` and \
               `ecr:GetDownloadUrlForLayer`, and let the repository's policy allow the account, where \
               it is another",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::ImageUnreachable,
        all: &["pull"],
        any: &["toomanyrequests", "rate limit"],
        text: "the registry lets no more pulls through: its rate limit is reached",
        hint: "sign in to the registry with `repositoryCredentials`, or keep the image in ECR",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::ImageUnpullable,
        all: &["pull", "no space left on device"],
        any: &[],
        text: "the image does not fit on the disk of the task",
        hint: "raise `ephemeralStorage` in the task definition, or make the image smaller",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::ImageNotFound,
        all: &["cannotpullcontainer"],
        any: &["not found", "manifest unknown", "does not exist", "no such image"],
        text: "the image {} is not in its registry",
        hint: "push it again, or deploy a release whose images are there; a lifecycle policy of the \
               repository may have deleted it",
        detail: (Detail::After("failed to resolve ref "), "of a container"),
    },
    Rule {
        cause: Cause::ImageUnreachable,
        all: &["cannotpullcontainer"],
        any: &[
            "timeout",
            "deadline exceeded",
            "dial tcp",
            "no such host",
            "connection",
            "canceled",
        ],
        text: "the registry of the image cannot be reached from the task's subnet",
        hint: NETWORK_HINT,
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::ImageUnpullable,
        all: &["cannotpull"],
        any: &[],
        text: "the image cannot be pulled",
        hint: "look at ECS's words below, and pull the image by hand with the rights of the execution \
               role",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::CommandNotFound,
        all: &["cannotstartcontainer"],
        any: &["executable file not found", "no such file or directory"],
        text: "the command of a container is not in its image",
        hint: "correct `entryPoint` and `command` in the task definition, or the image",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::CommandNotExecutable,
        all: &["cannotstartcontainer", "permission denied"],
        any: &[],
        text: "the command of a container cannot be executed",
        hint: "make the file executable in the image (`chmod +x`), and readable for its `user`",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::Network,
        all: &[],
        any: &[
            "timeout waiting for network interface provisioning",
            "network interface provision",
            "insufficientfreeaddresses",
            "not enough free addresses",
            "insufficient free addresses",
            "failed to configure eni",
            "unable to create network interface",
            "failed to set up the network namespace",
        ],
        text: "the network interface of a task cannot be made",
        hint: "look whether its subnets have free addresses and its security groups exist, and name \
               larger subnets in the service's network configuration",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::Volume,
        all: &[],
        any: &["cannotcreatevolume", "efs utils", "failed to mount", "mount.nfs4"],
        text: "a volume of the task cannot be made or mounted",
        hint: "look whether the file system exists, has mount targets in the task's subnets, and its \
               security group lets the task in on port 2049",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::CannotStart,
        all: &[],
        any: &["cannotstartcontainer", "containerruntimeerror", "containerruntimetimeouterror"],
        text: "a container cannot be started",
        hint: "look at ECS's words below, and run the image by hand as the task definition has it",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::Quota,
        all: &[],
        any: &["reached the limit on the number of", "configuration is above your limit"],
        text: "a quota of the account leaves no room for a task",
        hint: "ask for more in Service Quotas, for example of `Fargate On-Demand vCPU resource count`, \
               or stop tasks that are not needed",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::NoCapacity,
        all: &["capacity is unavailable"],
        any: &[],
        text: "Fargate has no capacity for a task in the service's availability zones",
        hint: "try again later, or name subnets in other availability zones in the service's network \
               configuration",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::NoCapacity,
        all: &["no container instance met all of its requirements"],
        any: &["insufficient", "already using a port", "missing an attribute", "encountered error"],
        text: "no instance of the cluster has what a task needs: {}",
        hint: CAPACITY_HINT,
        detail: (Detail::Sentence("The closest matching "), "none is large enough"),
    },
    Rule {
        cause: Cause::NoCapacity,
        all: &[],
        any: &[
            "unable to place a task",
            "unable to place tasks",
            "no container instances were found",
            "could not launch",
        ],
        text: "ECS finds no place for a task in the cluster",
        hint: CAPACITY_HINT,
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::Deadlock,
        all: &["was unable to stop or start tasks during a deployment"],
        any: &[],
        text: "`minimumHealthyPercent` and `maximumPercent` leave no task that could be stopped or \
               started",
        hint: "let the service have more or fewer tasks while it rolls out, for example with `aws ecs \
               update-service --deployment-configuration \
               minimumHealthyPercent=100,maximumPercent=200`",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::Deadlock,
        all: &["unable to reach steady state", "protected tasks"],
        any: &[],
        text: "tasks that are protected from being stopped keep the rollout from going on",
        hint: "wait until their protection ends, or take it away with `aws ecs update-task-protection \
               --no-protection-enabled`",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::Throttled,
        all: &["operations are being throttled"],
        any: &[],
        text: "AWS throttles what ECS does for this service",
        hint: "wait: ECS goes on by itself; see what else deploys in this account and region",
        detail: (Detail::Nothing, ""),
    },
    Rule {
        cause: Cause::SpotInterruption,
        all: &[],
        any: &["spot task was interrupted", "spotinterruption", "host ec2 (instance"],
        text: "the capacity below a task was taken back",
        hint: "deploy again; give the service some capacity that is not Spot, with `base` in its \
               capacity provider strategy",
        detail: (Detail::Nothing, ""),
    },
];
