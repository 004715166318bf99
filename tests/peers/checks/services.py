"""ECS services, but for what time does to them."""

from __future__ import annotations

from typing import Any

import shop
from sandbox import Scope
from suite import check, equal, holds, lost, paged, refused, wait


@check
def a_life(aws: Scope) -> None:
    """A service is created, described, drained, deleted, and then INACTIVE."""
    shop.cluster(aws)
    definition = shop.revision(aws, "web:1")
    created = shop.create(aws, "web", tags=[{"key": "team", "value": "search"}])
    equal(created["taskDefinition"], definition, "the task definition")
    equal(created["status"], "ACTIVE", "the status")
    equal((created["launchType"], created["schedulingStrategy"]), ("EC2", "REPLICA"))
    equal(created["deploymentController"], {"type": "ECS"})
    wait(aws.ecs, "services_stable", cluster=shop.CLUSTER, services=[shop.SERVICE])
    found = shop.service(aws)
    equal((found["runningCount"], found["pendingCount"], found["desiredCount"]), (2, 0, 2))
    holds("tags" not in found, "tags are told only if asked for")
    equal(shop.service(aws, include=["TAGS"])["tags"], [{"key": "team", "value": "search"}])
    refused(
        "InvalidParameterException",
        aws.ecs.delete_service,
        cluster=shop.CLUSTER,
        service=shop.SERVICE,
    )
    shop.update(aws, desiredCount=0)
    wait(aws.ecs, "services_stable", cluster=shop.CLUSTER, services=[shop.SERVICE])
    gone = aws.ecs.delete_service(cluster=shop.CLUSTER, service=shop.SERVICE)["service"]
    holds(gone["status"] in ("DRAINING", "INACTIVE"), "it is on its way out")
    wait(aws.ecs, "services_inactive", cluster=shop.CLUSTER, services=[shop.SERVICE])
    refused("ServiceNotActiveException", shop.update, aws=aws, desiredCount=1)
    equal(aws.ecs.list_services(cluster=shop.CLUSTER)["serviceArns"], [], "the services")


@check
def forced_to_go(aws: Scope) -> None:
    """A service with tasks is deleted only by force, and its tasks stop."""
    shop.cluster(aws)
    shop.create(aws, shop.revision(aws, "web:1"))
    wait(aws.ecs, "services_stable", cluster=shop.CLUSTER, services=[shop.SERVICE])
    tasks = aws.ecs.list_tasks(cluster=shop.CLUSTER, serviceName=shop.SERVICE)["taskArns"]
    aws.ecs.delete_service(cluster=shop.CLUSTER, service=shop.SERVICE, force=True)
    wait(aws.ecs, "tasks_stopped", cluster=shop.CLUSTER, tasks=tasks)
    wait(aws.ecs, "services_inactive", cluster=shop.CLUSTER, services=[shop.SERVICE])


@check
def everything_is_kept(aws: Scope) -> None:
    """A service is described with what it was created with."""
    shop.cluster(aws)
    shop.revision(
        aws,
        "web:1",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
    )
    wanted: dict[str, Any] = {
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-1", "subnet-2"],
                "securityGroups": ["sg-1"],
                "assignPublicIp": "DISABLED",
            }
        },
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": True, "rollback": False},
            "maximumPercent": 150,
            "minimumHealthyPercent": 50,
        },
        "healthCheckGracePeriodSeconds": 30,
        "enableECSManagedTags": True,
        "enableExecuteCommand": True,
        "propagateTags": "SERVICE",
        "desiredCount": 1,
    }
    shop.create(aws, "web", **wanted)
    found = shop.service(aws)
    equal(list(lost(wanted, found, "$")), [], "what was lost")
    primary = found["deployments"][0]
    equal(primary["networkConfiguration"], wanted["networkConfiguration"], "the deployment's")
    equal(primary["launchType"], "FARGATE", "the deployment's launch type")


@check
def created_again(aws: Scope) -> None:
    """Creating the same service again gives the one that is there; another one is an error."""
    shop.cluster(aws)
    shop.revision(aws, "web:1")
    first = shop.create(aws, "web:1")
    equal(shop.create(aws, "web:1")["createdAt"], first["createdAt"])
    refused("InvalidParameterException", shop.create, aws=aws, definition="web:1", desiredCount=5)


@check
def scaled(aws: Scope) -> None:
    """A changed count is no deployment; a forced one is, with the same task definition."""
    shop.cluster(aws)
    shop.create(aws, shop.revision(aws, "web:1"))
    wait(aws.ecs, "services_stable", cluster=shop.CLUSTER, services=[shop.SERVICE])
    before = shop.service(aws)["deployments"][0]["id"]
    shop.update(aws, desiredCount=3)
    wait(aws.ecs, "services_stable", cluster=shop.CLUSTER, services=[shop.SERVICE])
    found = shop.service(aws)
    equal((found["runningCount"], found["deployments"][0]["id"]), (3, before))
    unchanged = shop.update(aws, taskDefinition="web:1")
    equal([one["id"] for one in unchanged["deployments"]], [before], "the deployments")
    forced = shop.update(aws, forceNewDeployment=True)
    equal([one["status"] for one in forced["deployments"]], ["PRIMARY", "ACTIVE"])
    equal(forced["deployments"][1]["id"], before, "the ACTIVE deployment")
    equal(len({one["taskDefinition"] for one in forced["deployments"]}), 1)


@check
def listed(aws: Scope) -> None:
    """Services are listed in pages, of 10 unless told."""
    shop.cluster(aws)
    shop.revision(aws, "web:1")
    arns = [shop.create(aws, "web", f"s{n:02}", desiredCount=0)["serviceArn"] for n in range(12)]
    equal(sorted(paged(aws.ecs, "list_services", "serviceArns", 12, 5, cluster="shop")), arns)
    equal(len(aws.ecs.list_services(cluster=shop.CLUSTER)["serviceArns"]), 10, "a page")
    fargate = aws.ecs.list_services(cluster=shop.CLUSTER, launchType="FARGATE")
    equal(fargate["serviceArns"], [], "those on Fargate")
    described = aws.ecs.describe_services(cluster=shop.CLUSTER, services=arns[:10])["services"]
    equal([one["serviceArn"] for one in described], arns[:10], "the described ones")


@check
def errors(aws: Scope) -> None:
    """What is not there is a failure when described, and an error elsewhere."""
    shop.cluster(aws)
    answer = aws.ecs.describe_services(cluster=shop.CLUSTER, services=["none"])
    equal(answer["services"], [])
    equal([failure["reason"] for failure in answer["failures"]], ["MISSING"])
    refused("ServiceNotFoundException", shop.update, aws=aws, name="none", desiredCount=1)
    refused("ServiceNotFoundException", aws.ecs.delete_service, cluster="shop", service="none")
    refused("ClientException", shop.create, aws=aws, definition="none")
    refused(
        "ClusterNotFoundException",
        aws.ecs.create_service,
        cluster="none",
        serviceName="web",
        taskDefinition="web",
        desiredCount=1,
    )
    shop.revision(aws, "web:1")
    shop.revision(aws, "web:2")
    shop.create(aws, "web:1")
    refused("ClientException", shop.update, aws=aws, taskDefinition="none:1")
    aws.ecs.deregister_task_definition(taskDefinition="web:2")
    error = refused("ClientException", shop.update, aws=aws, taskDefinition="web:2")["Error"]
    equal(error["Message"], "TaskDefinition is inactive", "the message")
    refused("InvalidParameterException", shop.create, aws=aws, definition="web:1", name="no spaces")
    eleven = [f"s{number}" for number in range(11)]
    refused("InvalidParameterException", aws.ecs.describe_services, cluster="shop", services=eleven)
    refused("InvalidParameterException", aws.ecs.list_services, cluster="shop", nextToken="made up")
    bounds = {"minimumHealthyPercent": 100, "maximumPercent": 100}
    refused(
        "InvalidParameterException",
        shop.create,
        aws=aws,
        definition="web:1",
        name="stuck",
        deploymentConfiguration=bounds,
    )


@check
def another_controller(aws: Scope) -> None:
    """UpdateService deploys nothing where CodeDeploy is in charge."""
    shop.cluster(aws)
    shop.revision(aws, "web:1")
    shop.revision(aws, "web:2")
    shop.create(aws, "web:1", deploymentController={"type": "CODE_DEPLOY"})
    refused("InvalidParameterException", shop.update, aws=aws, taskDefinition="web:2")
    equal(shop.update(aws, desiredCount=1)["desiredCount"], 1)
