"""What time does to an ECS service: rolling deployments, the circuit breaker, rollbacks.

Time stands still here, and is put forward step by step, so that no state is missed.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import shop
from sandbox import Scope
from suite import by_token, check, equal, holds, refused

STEP_MILLISECONDS = 100

SECOND = datetime.timedelta(seconds=1)

# A rollout of two tasks takes about 10 seconds, one that fails about 30.
MOST_STEPS = 3000


def watch(
    aws: Scope, until: Callable[[dict[str, Any]], bool], name: str = shop.SERVICE
) -> list[dict[str, Any]]:
    """The service at every step until it is as wanted."""
    seen = []
    for _ in range(MOST_STEPS):
        seen.append(shop.service(aws, name))
        if until(seen[-1]):
            return seen
        aws.sandbox.advance(STEP_MILLISECONDS)
    raise TimeoutError(f"at last {summary(seen[-1])}")


def summary(service: dict[str, Any]) -> list[tuple[str, str, str, int]]:
    """A service's deployments in short."""
    return [
        (
            one["status"],
            one["taskDefinition"].rsplit(":", 1)[1],
            one.get("rolloutState", ""),
            one["runningCount"],
        )
        for one in service["deployments"]
    ]


def is_over(service: dict[str, Any]) -> bool:
    """Whether the only deployment is COMPLETED."""
    return [one["rolloutState"] for one in service["deployments"]] == ["COMPLETED"]


def changes(values: Iterator[Any]) -> list[Any]:
    """Values without repetitions of the one before."""
    kept: list[Any] = []
    for value in values:
        if not kept or kept[-1] != value:
            kept.append(value)
    return kept


def primary(service: dict[str, Any]) -> tuple[str, str]:
    """The revision and the rollout's state of the PRIMARY deployment."""
    return summary(service)[0][1], summary(service)[0][2]


@check
def rolling(aws: Scope) -> None:
    """A rolling deployment goes from IN_PROGRESS to COMPLETED, with healthy tasks between the
    bounds all the time, and the ACTIVE deployment leaves when its tasks are gone."""
    shop.cluster(aws)
    for image in ("web:1", "web:2"):
        shop.revision(aws, image)
    with aws.sandbox.standing_still():
        shop.create(
            aws,
            "web:1",
            desiredCount=4,
            deploymentConfiguration={"minimumHealthyPercent": 75, "maximumPercent": 150},
        )
        first = watch(aws, is_over)
        equal(changes(map(primary, first)), [("1", "IN_PROGRESS"), ("1", "COMPLETED")])
        begun = shop.update(aws, taskDefinition="web:2")
        equal([one["status"] for one in begun["deployments"]], ["PRIMARY", "ACTIVE"])
        seen = [begun, *watch(aws, is_over)]
    equal(changes(map(primary, seen)), [("2", "IN_PROGRESS"), ("2", "COMPLETED")])
    equal(changes(len(one["deployments"]) for one in seen), [2, 1], "the number of deployments")
    for one in seen:
        equal(sum(count for *_, count in summary(one)), one["runningCount"], "running tasks")
        holds(one["runningCount"] >= 3, f"{summary(one)} has 75 % of 4 tasks")
        holds(one["runningCount"] + one["pendingCount"] <= 6, f"{summary(one)} has 150 % of 4")
    messages = [event["message"] for event in seen[-1]["events"]]
    equal(messages[0], "(service web) has reached a steady state.", "the latest event")
    holds(any("deployment completed." in message for message in messages), "an event tells it")


@check
def joined(aws: Scope) -> None:
    """Deployment, service deployment, service revision and tasks are joined by their ids."""
    shop.cluster(aws)
    shop.revision(aws, "web:1")
    shop.revision(aws, "web:2")
    with aws.sandbox.standing_still():
        shop.create(aws, "web:1")
        watch(aws, is_over)
        begun = shop.update(aws, taskDefinition="web:2")
        source = begun["deployments"][1]["id"].removeprefix("ecs-svc/")
        number = begun["deployments"][0]["id"].removeprefix("ecs-svc/")
        watch(aws, is_over)
    newest, oldest = shop.service_deployments(aws)
    equal(newest["targetServiceRevision"]["arn"].rsplit("/", 1)[1], number, "the target")
    sources = [one["arn"].rsplit("/", 1)[1] for one in newest["sourceServiceRevisions"]]
    equal(sources, [source], "the sources")
    holds(
        "sourceServiceRevisions" not in oldest or not oldest["sourceServiceRevisions"],
        "the first deployment has no source",
    )
    equal([newest["status"], oldest["status"]], ["SUCCESSFUL"] * 2, "the statuses")
    holds(newest["createdAt"] <= newest["startedAt"] <= newest["finishedAt"], "times are in order")
    (revision,) = aws.ecs.describe_service_revisions(
        serviceRevisionArns=[newest["targetServiceRevision"]["arn"]]
    )["serviceRevisions"]
    equal(revision["taskDefinition"].rsplit("/", 1)[1], "web:2", "the revision's task definition")
    arns = aws.ecs.list_tasks(cluster=shop.CLUSTER, serviceName=shop.SERVICE)["taskArns"]
    tasks = aws.ecs.describe_tasks(cluster=shop.CLUSTER, tasks=arns)["tasks"]
    equal({task["startedBy"] for task in tasks}, {f"ecs-svc/{number}"}, "who started the tasks")
    equal({task["group"] for task in tasks}, {"service:web"}, "the tasks' group")


@check
def digests(aws: Scope) -> None:
    """A service revision and its tasks tell the digest that the registry has for the image, and
    keep it when the tag moves."""
    shop.cluster(aws)
    aws.ecr.create_repository(repositoryName="web")
    pushed = aws.sandbox.control(
        "POST",
        "put-image",
        scope={"account": aws.account, "region": aws.region},
        repository="web",
        tag="1",
    )["digest"]
    image = f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/web:1"
    shop.revision(aws, image)
    with aws.sandbox.standing_still():
        shop.create(aws, "web:1", desiredCount=1)
        watch(aws, is_over)
    (record,) = shop.service_deployments(aws)
    (revision,) = aws.ecs.describe_service_revisions(
        serviceRevisionArns=[record["targetServiceRevision"]["arn"]]
    )["serviceRevisions"]
    equal(
        revision["containerImages"],
        [{"containerName": "web", "image": image, "imageDigest": pushed}],
    )
    arns = aws.ecs.list_tasks(cluster=shop.CLUSTER, serviceName=shop.SERVICE)["taskArns"]
    (task,) = aws.ecs.describe_tasks(cluster=shop.CLUSTER, tasks=arns)["tasks"]
    equal(task["containers"][0]["imageDigest"], pushed, "the task's digest")
    in_registry = aws.ecr.describe_images(repositoryName="web", imageIds=[{"imageTag": "1"}])
    equal(in_registry["imageDetails"][0]["imageDigest"], pushed, "the registry's digest")
    manifest = aws.ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1"}])
    raw = manifest["images"][0]["imageManifest"].encode()
    equal("sha256:" + hashlib.sha256(raw).hexdigest(), pushed, "the manifest's digest")


def fail(aws: Scope, fate: str, **breaker: Any) -> list[dict[str, Any]]:
    """Deploys an image with a fate on top of a healthy one; gives the service step by step until
    nothing is in progress."""
    bad = f"{aws.account}/web:2"
    shop.cluster(aws)
    shop.revision(aws, f"{aws.account}/web:1")
    shop.revision(aws, bad)
    aws.sandbox.set_fate(bad, fate)
    shop.create(aws, "web:1", deploymentConfiguration={"deploymentCircuitBreaker": {**breaker}})
    watch(aws, is_over)
    begun = shop.update(aws, taskDefinition="web:2")

    def has_ended(service: dict[str, Any]) -> bool:
        states = [one["rolloutState"] for one in service["deployments"]]
        return "IN_PROGRESS" not in states and "STOPPED" not in states

    return [begun, *watch(aws, has_ended)]


@check
def broken_and_back(aws: Scope) -> None:
    """The circuit breaker ends a deployment whose image cannot be pulled, and the service goes
    back to what it ran."""
    with aws.sandbox.standing_still():
        seen = fail(aws, "unpullable", enable=True, rollback=True)
    equal(
        changes(map(primary, seen)),
        [("2", "IN_PROGRESS"), ("1", "IN_PROGRESS"), ("1", "COMPLETED")],
    )
    failed = max(
        (
            one
            for service in seen
            for one in service["deployments"]
            if one["rolloutState"] == "IN_PROGRESS" and one["taskDefinition"].endswith(":2")
        ),
        key=lambda one: one["failedTasks"],
    )
    holds(failed["failedTasks"] > 0, "failed tasks are counted")
    equal({one["runningCount"] for one in seen}, {2}, "the running tasks, all the time")
    newest = shop.service_deployments(aws)[0]
    equal(newest["status"], "ROLLBACK_SUCCESSFUL", "the status")
    back = newest["rollback"]["serviceRevisionArn"]
    equal(back, newest["sourceServiceRevisions"][0]["arn"], "what it went back to")
    breaker = newest["deploymentCircuitBreaker"]
    equal((breaker["status"], breaker["threshold"]), ("TRIGGERED", 3), "the breaker")
    holds(breaker["failureCount"] >= 3, "failures were counted")
    stopped = aws.ecs.list_tasks(
        cluster=shop.CLUSTER, serviceName=shop.SERVICE, desiredStatus="STOPPED"
    )["taskArns"]
    tasks = aws.ecs.describe_tasks(cluster=shop.CLUSTER, tasks=stopped)["tasks"]
    failed = [task for task in tasks if task["stopCode"] == "TaskFailedToStart"]
    holds(len(failed) >= 3, f"{len(failed)} of {len(tasks)} stopped tasks failed to start")
    for task in failed:
        holds("CannotPullContainerError" in task["stoppedReason"], "the task tells why")


@check
def broken_and_left(aws: Scope) -> None:
    """Without rollback the deployment stays FAILED, and what ran goes on running."""
    with aws.sandbox.standing_still():
        seen = fail(aws, "crash=3", enable=True, rollback=False)
        last = seen[-1]
    equal(primary(last), ("2", "FAILED"), "the PRIMARY deployment")
    equal(summary(last)[1], ("ACTIVE", "1", "COMPLETED", 2), "the ACTIVE deployment")
    newest = shop.service_deployments(aws)[0]
    equal((newest["status"], "rollback" in newest), ("STOPPED", False), "the service deployment")
    stopped = aws.ecs.list_tasks(
        cluster=shop.CLUSTER, serviceName=shop.SERVICE, desiredStatus="STOPPED"
    )["taskArns"]
    tasks = aws.ecs.describe_tasks(cluster=shop.CLUSTER, tasks=stopped)["tasks"]
    exited = [task for task in tasks if task["stopCode"] == "EssentialContainerExited"]
    equal({task["containers"][0]["exitCode"] for task in exited}, {3}, "the exit codes")


@check
def superseded(aws: Scope) -> None:
    """A deployment that another one supersedes is STOPPED."""
    shop.cluster(aws)
    for image in ("web:1", "web:2", "web:3"):
        shop.revision(aws, image)
    with aws.sandbox.standing_still():
        shop.create(aws, "web:1")
        watch(aws, is_over)
        shop.update(aws, taskDefinition="web:2")
        aws.sandbox.advance(500)
        shop.update(aws, taskDefinition="web:3")
        equal(
            [one["taskDefinition"][-1] for one in shop.service(aws)["deployments"]],
            ["3", "2", "1"],
            "the deployments",
        )
        watch(aws, is_over)
    statuses = [one["status"] for one in shop.service_deployments(aws)]
    equal(statuses, ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"], "the statuses")


@check
def stopped(aws: Scope) -> None:
    """A deployment that is stopped goes back, and one that has ended cannot be stopped."""
    shop.cluster(aws)
    shop.revision(aws, "web:1")
    shop.revision(aws, "web:2")
    with aws.sandbox.standing_still():
        shop.create(aws, "web:1")
        watch(aws, is_over)
        shop.update(aws, taskDefinition="web:2")
        aws.sandbox.advance(500)
        newest = shop.service_deployments(aws)[0]
        equal(newest["status"], "IN_PROGRESS", "the status")
        arn = newest["serviceDeploymentArn"]
        equal(shop.service(aws)["currentServiceDeployment"], arn, "the current deployment")
        answer = aws.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
        equal(answer["serviceDeploymentArn"], arn)
        seen = watch(aws, is_over)
    equal(primary(seen[-1]), ("1", "COMPLETED"), "the PRIMARY deployment")
    equal(shop.service_deployments(aws)[0]["status"], "ROLLBACK_SUCCESSFUL", "the status")
    refused("ConflictException", aws.ecs.stop_service_deployment, serviceDeploymentArn=arn)
    nobody = arn.rsplit("/", 1)[0] + "/none"
    refused(
        "ServiceDeploymentNotFoundException",
        aws.ecs.stop_service_deployment,
        serviceDeploymentArn=nobody,
    )
    missing = aws.ecs.describe_service_deployments(serviceDeploymentArns=[nobody])
    equal([one["reason"] for one in missing["failures"]], ["MISSING"])


@check
def staged(aws: Scope) -> None:
    """A blue/green deployment goes through its stages, and waits at a PAUSE hook for its answer."""
    shop.cluster(aws)
    shop.revision(aws, "web:1")
    shop.revision(aws, "web:2")
    hook = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    staging = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1, "lifecycleHooks": [hook]}
    with aws.sandbox.standing_still():
        shop.create(aws, "web:1")
        watch(aws, is_over)
        shop.update(aws, taskDefinition="web:2", deploymentConfiguration=staging)
        waiting = paused(aws)
        arn = waiting["serviceDeploymentArn"]
        equal(waiting["lifecycleStage"], "POST_SCALE_UP", "the stage")
        (detail,) = waiting["lifecycleHookDetails"]
        equal((detail["targetType"], detail["timeoutAction"]), ("PAUSE", "ROLLBACK"))
        weights = waiting["targetServiceRevision"]["requestedProductionTrafficWeight"]
        equal(weights, 0.0, "the new revision's share of traffic")
        answer = aws.ecs.continue_service_deployment(
            serviceDeploymentArn=arn, hookId=detail["hookId"]
        )
        equal(answer["serviceDeploymentArn"], arn)
        seen = watch(aws, is_over)
    equal(primary(seen[-1]), ("2", "COMPLETED"), "the PRIMARY deployment")
    over = shop.service_deployments(aws)[0]
    equal(over["status"], "SUCCESSFUL", "the status")
    shares = [over["targetServiceRevision"]["requestedProductionTrafficWeight"]]
    shares += [one["requestedProductionTrafficWeight"] for one in over["sourceServiceRevisions"]]
    equal(shares, [100.0, 0.0], "the shares of traffic")


def paused(aws: Scope) -> dict[str, Any]:
    """The newest service deployment, once one of its hooks waits for an answer."""
    for _ in range(MOST_STEPS):
        newest = shop.service_deployments(aws)[0]
        details = newest.get("lifecycleHookDetails", [])
        if any(detail["status"] == "AWAITING_ACTION" for detail in details):
            return newest
        aws.sandbox.advance(STEP_MILLISECONDS)
    raise TimeoutError("no hook waits")


@check
def listed(aws: Scope) -> None:
    """Service deployments are listed in pages, newest first, by status and by time."""
    shop.cluster(aws)
    shop.revision(aws, "web:1")
    request = {"cluster": shop.CLUSTER, "service": shop.SERVICE}
    with aws.sandbox.standing_still():
        shop.create(aws, "web:1", desiredCount=0)
        for _ in range(4):
            watch(aws, is_over)
            aws.sandbox.advance(60_000)
            shop.update(aws, forceNewDeployment=True)
    pages = list(
        by_token(aws.ecs.list_service_deployments, "serviceDeployments", maxResults=2, **request)
    )
    equal([len(page) for page in pages], [2, 2, 1], "the pages")
    briefs = [brief for page in pages for brief in page]
    times = [brief["createdAt"] for brief in briefs]
    equal(times, sorted(set(times), reverse=True), "the times")
    while_of = {"after": times[4] + SECOND, "before": times[0] - SECOND}
    middle = aws.ecs.list_service_deployments(createdAt=while_of, **request)["serviceDeployments"]
    equal([brief["createdAt"] for brief in middle], times[1:4], "those of a while")
    done = aws.ecs.list_service_deployments(status=["STOPPED"], **request)["serviceDeployments"]
    equal(done, [], "those that were stopped")
    missing = aws.ecs.describe_service_revisions(
        serviceRevisionArns=[briefs[0]["targetServiceRevisionArn"] + "0"]
    )
    equal([one["reason"] for one in missing["failures"]], ["MISSING"])
    refused(
        "ServiceNotFoundException",
        aws.ecs.list_service_deployments,
        cluster=shop.CLUSTER,
        service="none",
    )
    refused(
        "InvalidParameterException",
        aws.ecs.describe_service_deployments,
        serviceDeploymentArns=["no ARN"],
    )
    refused(
        "InvalidParameterException",
        aws.ecs.describe_service_revisions,
        serviceRevisionArns=["no ARN"],
    )
