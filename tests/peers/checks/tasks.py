"""ECS tasks, of services and by themselves."""

from __future__ import annotations

import shop
from sandbox import Scope
from suite import check, equal, holds, paged, refused, wait


@check
def a_life(aws: Scope) -> None:
    """A task is run, comes up, is stopped by a user, and tells so."""
    shop.cluster(aws)
    image = f"{aws.account}/life:1"
    aws.sandbox.set_fate(image, "task-exit=0@3600")
    definition = shop.revision(aws, image)
    answer = aws.ecs.run_task(
        cluster=shop.CLUSTER,
        taskDefinition="web",
        startedBy="a tester",
        group="migrations",
        tags=[{"key": "team", "value": "search"}],
        overrides={"containerOverrides": [{"name": "web", "command": ["migrate"]}]},
    )
    equal(answer["failures"], [])
    (task,) = answer["tasks"]
    equal((task["lastStatus"], task["desiredStatus"]), ("PROVISIONING", "RUNNING"))
    equal((task["taskDefinitionArn"], task["startedBy"]), (definition, "a tester"))
    equal(task["group"], "migrations", "the group")
    equal(task["overrides"]["containerOverrides"][0]["command"], ["migrate"], "the override")
    arn = task["taskArn"]
    wait(aws.ecs, "tasks_running", cluster=shop.CLUSTER, tasks=[arn])
    (running,) = aws.ecs.describe_tasks(cluster=shop.CLUSTER, tasks=[arn], include=["TAGS"])[
        "tasks"
    ]
    equal(running["tags"], [{"key": "team", "value": "search"}], "tags")
    holds(running["createdAt"] <= running["pullStartedAt"] <= running["startedAt"], "in order")
    equal(running["containers"][0]["lastStatus"], "RUNNING", "the container")
    stopped = aws.ecs.stop_task(cluster=shop.CLUSTER, task=arn, reason="enough")["task"]
    equal(stopped["desiredStatus"], "STOPPED", "what is desired")
    wait(aws.ecs, "tasks_stopped", cluster=shop.CLUSTER, tasks=[arn])
    (gone,) = aws.ecs.describe_tasks(cluster=shop.CLUSTER, tasks=[arn])["tasks"]
    equal((gone["stopCode"], gone["stoppedReason"]), ("UserInitiated", "enough"))
    holds(gone["stoppingAt"] <= gone["stoppedAt"], "in order")
    holds("exitCode" in gone["containers"][0], "the container tells its exit code")


@check
def exits(aws: Scope) -> None:
    """A task whose container exits tells the code."""
    image = f"{aws.account}/job:1"
    aws.sandbox.set_fate(image, "crash=42@2")
    shop.cluster(aws)
    shop.revision(aws, image, "job")
    (task,) = aws.ecs.run_task(cluster=shop.CLUSTER, taskDefinition="job")["tasks"]
    wait(aws.ecs, "tasks_stopped", cluster=shop.CLUSTER, tasks=[task["taskArn"]])
    (gone,) = aws.ecs.describe_tasks(cluster=shop.CLUSTER, tasks=[task["taskArn"]])["tasks"]
    equal(gone["stopCode"], "EssentialContainerExited", "the stop code")
    equal(gone["containers"][0]["exitCode"], 42, "the exit code")


@check
def replaced(aws: Scope) -> None:
    """A service's task that is stopped is replaced."""
    shop.cluster(aws)
    shop.create(aws, shop.revision(aws, "web:1"))
    wait(aws.ecs, "services_stable", cluster=shop.CLUSTER, services=[shop.SERVICE])
    before = aws.ecs.list_tasks(cluster=shop.CLUSTER, serviceName=shop.SERVICE)["taskArns"]
    aws.ecs.stop_task(cluster=shop.CLUSTER, task=before[0])
    wait(aws.ecs, "tasks_stopped", cluster=shop.CLUSTER, tasks=before[:1])
    wait(aws.ecs, "services_stable", cluster=shop.CLUSTER, services=[shop.SERVICE])
    after = aws.ecs.list_tasks(cluster=shop.CLUSTER, serviceName=shop.SERVICE)["taskArns"]
    equal(len(after), 2, "the number of tasks")
    holds(before[0] not in after and before[1] in after, "the other one stays")


@check
def listed(aws: Scope) -> None:
    """Tasks are listed in pages, and by service, family, starter and status."""
    shop.cluster(aws)
    shop.revision(aws, "web:1")
    shop.revision(aws, "job:1", "job")
    jobs = aws.ecs.run_task(cluster=shop.CLUSTER, taskDefinition="job", count=3, startedBy="me")
    arns = sorted(task["taskArn"] for task in jobs["tasks"])
    shop.create(aws, "web")
    wait(aws.ecs, "services_stable", cluster=shop.CLUSTER, services=[shop.SERVICE])
    everything = paged(aws.ecs, "list_tasks", "taskArns", 5, cluster=shop.CLUSTER)

    def tasks(**filters: str) -> list[str]:
        return sorted(aws.ecs.list_tasks(cluster=shop.CLUSTER, **filters)["taskArns"])

    equal(tasks(family="job"), arns, "those of a family")
    equal(tasks(startedBy="me"), arns, "those that I started")
    equal(tasks(serviceName=shop.SERVICE), sorted(set(everything) - set(arns)), "the service's")
    equal(tasks(desiredStatus="STOPPED"), [], "the stopped ones")
    aws.ecs.stop_task(cluster=shop.CLUSTER, task=arns[0])
    equal(tasks(desiredStatus="STOPPED"), arns[:1], "the stopped ones")
    equal(tasks(family="job"), arns[1:], "the others")
    equal(tasks(launchType="FARGATE"), [], "those on Fargate")
    refused("InvalidParameterException", tasks, startedBy="me", family="job")


@check
def errors(aws: Scope) -> None:
    """What is not there is a failure when described, and an error elsewhere."""
    shop.cluster(aws)
    nobody = "0123456789abcdef0123456789abcdef"
    answer = aws.ecs.describe_tasks(cluster=shop.CLUSTER, tasks=[nobody])
    equal([failure["reason"] for failure in answer["failures"]], ["MISSING"])
    refused("InvalidParameterException", aws.ecs.stop_task, cluster=shop.CLUSTER, task=nobody)
    refused("ClientException", aws.ecs.run_task, cluster=shop.CLUSTER, taskDefinition="none")
    shop.revision(aws, "web:1")
    refused(
        "InvalidParameterException",
        aws.ecs.run_task,
        cluster=shop.CLUSTER,
        taskDefinition="web",
        count=11,
    )
    refused("ServiceNotFoundException", aws.ecs.list_tasks, cluster="shop", serviceName="none")
    refused("InvalidParameterException", aws.ecs.list_tasks, cluster="shop", nextToken="made up")
