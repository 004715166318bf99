"""ECS task definitions."""

from __future__ import annotations

from typing import Any

from sandbox import Scope
from suite import check, equal, holds, lost, paged, refused

# What tells of a revision, and is not part of what was registered.
READ_ONLY = {
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
}


def plain(family: str, image: str = "web:1", **more: Any) -> dict[str, Any]:
    """The least that can be registered."""
    container = {"name": "web", "image": image, "memory": 128}
    return {"family": family, "containerDefinitions": [container], **more}


# Every kind of member that copies have been known to lose.
RICH: dict[str, Any] = {
    "family": "rich",
    "taskRoleArn": "arn:aws:iam::111111111111:role/task",
    "executionRoleArn": "arn:aws:iam::111111111111:role/execution",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "512",
    "memory": "1024",
    "pidMode": "task",
    "ephemeralStorage": {"sizeInGiB": 30},
    "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
    "enableFaultInjection": True,
    "volumes": [
        {
            "name": "data",
            "efsVolumeConfiguration": {"fileSystemId": "fs-1", "transitEncryption": "ENABLED"},
        }
    ],
    "proxyConfiguration": {
        "type": "APPMESH",
        "containerName": "log",
        "properties": [{"name": "ProxyIngressPort", "value": "15000"}],
    },
    "containerDefinitions": [
        {
            "name": "web",
            "image": "registry.example/web@sha256:" + "a" * 64,
            "essential": True,
            "cpu": 256,
            "memoryReservation": 256,
            "portMappings": [{"containerPort": 8080, "protocol": "tcp", "name": "http"}],
            "entryPoint": ["/bin/web"],
            "command": ["serve", "--port", "8080"],
            "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
            "environmentFiles": [{"value": "arn:aws:s3:::bucket/web.env", "type": "s3"}],
            "secrets": [{"name": "TOKEN", "valueFrom": "/shop/token"}],
            "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}],
            "dependsOn": [{"containerName": "log", "condition": "START"}],
            "healthCheck": {"command": ["CMD", "true"], "interval": 10, "startPeriod": 5},
            "linuxParameters": {"initProcessEnabled": True},
            "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}],
            "dockerLabels": {"a": "b"},
            "readonlyRootFilesystem": True,
            "startTimeout": 30,
            "stopTimeout": 60,
            "user": "1000",
            "workingDirectory": "/srv",
            "restartPolicy": {"enabled": True, "ignoredExitCodes": [0]},
            "versionConsistency": "disabled",
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "web", "awslogs-region": "eu-west-1"},
                "secretOptions": [],
            },
            "systemControls": [{"namespace": "net.core.somaxconn", "value": "512"}],
        },
        {
            "name": "log",
            "image": "registry.example/log:1",
            "essential": False,
            "memory": 64,
            "firelensConfiguration": {"type": "fluentbit", "options": {"a": "b"}},
        },
    ],
    "tags": [{"key": "team", "value": "search"}, {"key": "empty", "value": ""}],
}


def content(definition: dict[str, Any]) -> dict[str, Any]:
    """A task definition without what tells of its revision."""
    return {name: value for name, value in definition.items() if name not in READ_ONLY}


@check
def nothing_is_lost(aws: Scope) -> None:
    """A task definition is described with everything that it was registered with."""
    registered = aws.ecs.register_task_definition(**RICH)
    answer = aws.ecs.describe_task_definition(taskDefinition="rich", include=["TAGS"])
    equal(answer["tags"], RICH["tags"], "tags")
    equal(answer["taskDefinition"], registered["taskDefinition"], "what is described")
    wanted = {name: value for name, value in RICH.items() if name != "tags"}
    equal(list(lost(wanted, answer["taskDefinition"], "$")), [], "what was lost")
    without = aws.ecs.describe_task_definition(taskDefinition="rich")
    holds("tags" not in without, "tags are told only if asked for")


@check
def a_copy(aws: Scope) -> None:
    """A copy of what is described is the next revision, with the same content."""
    aws.ecs.register_task_definition(**RICH)
    first = aws.ecs.describe_task_definition(taskDefinition="rich", include=["TAGS"])
    copy = aws.ecs.register_task_definition(**content(first["taskDefinition"]), tags=first["tags"])[
        "taskDefinition"
    ]
    equal(copy["revision"], 2, "the revision")
    equal(content(copy), content(first["taskDefinition"]), "the content")
    latest = aws.ecs.describe_task_definition(taskDefinition="rich", include=["TAGS"])
    equal(latest["taskDefinition"]["taskDefinitionArn"], copy["taskDefinitionArn"])
    equal(latest["tags"], first["tags"], "tags")


@check
def named(aws: Scope) -> None:
    """A revision is found by family, by family:revision and by ARN."""
    arns = [
        aws.ecs.register_task_definition(**plain("web"))["taskDefinition"]["taskDefinitionArn"]
        for _ in range(2)
    ]
    equal(arns[0], f"arn:aws:ecs:{aws.region}:{aws.account}:task-definition/web:1")
    for name, number in (("web", 2), ("web:1", 1), (arns[0], 1), (arns[1], 2)):
        found = aws.ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
        equal(found["revision"], number, f"the revision of {name}")


@check
def deregistered(aws: Scope) -> None:
    """An INACTIVE revision is still described, but the family's latest is an ACTIVE one, and its
    number is not used again."""
    for _ in range(2):
        aws.ecs.register_task_definition(**plain("web"))
    gone = aws.ecs.deregister_task_definition(taskDefinition="web:2")["taskDefinition"]
    equal(gone["status"], "INACTIVE", "the status")
    holds(gone["deregisteredAt"] >= gone["registeredAt"], "it tells when")
    equal(
        aws.ecs.describe_task_definition(taskDefinition="web:2")["taskDefinition"]["status"],
        "INACTIVE",
    )
    latest = aws.ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]
    equal(latest["revision"], 1, "the latest")
    third = aws.ecs.register_task_definition(**plain("web"))["taskDefinition"]
    equal(third["revision"], 3, "the next")
    listed = aws.ecs.list_task_definitions(familyPrefix="web", status="INACTIVE")
    equal(listed["taskDefinitionArns"], [gone["taskDefinitionArn"]])


@check
def deleted(aws: Scope) -> None:
    """Only an INACTIVE revision is deleted; others are failures."""
    for _ in range(2):
        aws.ecs.register_task_definition(**plain("web"))
    aws.ecs.deregister_task_definition(taskDefinition="web:1")
    answer = aws.ecs.delete_task_definitions(taskDefinitions=["web:1", "web:2", "none:1"])
    equal([one["status"] for one in answer["taskDefinitions"]], ["DELETE_IN_PROGRESS"])
    equal(len(answer["failures"]), 2, "the number of failures")


@check
def listed(aws: Scope) -> None:
    """Task definitions and families are listed in pages, in order, and by their status."""
    for family in ("api", "web", "worker"):
        for _ in range(2):
            aws.ecs.register_task_definition(**plain(family))
    arns = paged(aws.ecs, "list_task_definitions", "taskDefinitionArns", 6)
    short = [arn.rsplit("/", 1)[1] for arn in arns]
    equal(short, ["api:1", "api:2", "web:1", "web:2", "worker:1", "worker:2"])
    downward = aws.ecs.list_task_definitions(sort="DESC")["taskDefinitionArns"]
    equal(downward, arns[::-1], "the other way round")
    web = aws.ecs.list_task_definitions(familyPrefix="web")["taskDefinitionArns"]
    equal(web, arns[2:4], "those of web")
    equal(paged(aws.ecs, "list_task_definition_families", "families", 3), ["api", "web", "worker"])
    aws.ecs.deregister_task_definition(taskDefinition="api:1")
    aws.ecs.deregister_task_definition(taskDefinition="api:2")
    for status, expected in (
        ("ACTIVE", ["web", "worker"]),
        ("INACTIVE", ["api"]),
        ("ALL", ["api", "web", "worker"]),
    ):
        families = aws.ecs.list_task_definition_families(status=status)["families"]
        equal(families, expected, f"{status} families")
    prefixed = aws.ecs.list_task_definition_families(familyPrefix="w")["families"]
    equal(prefixed, ["web", "worker"])


@check
def errors(aws: Scope) -> None:
    """What is not there or not valid is a ClientException or an InvalidParameterException."""
    refused("ClientException", aws.ecs.describe_task_definition, taskDefinition="none")
    refused("ClientException", aws.ecs.describe_task_definition, taskDefinition="none:1")
    refused("ClientException", aws.ecs.deregister_task_definition, taskDefinition="none:1")
    refused("ClientException", aws.ecs.register_task_definition, **plain("no spaces"))
    refused(
        "ClientException", aws.ecs.register_task_definition, family="web", containerDefinitions=[]
    )
    fargate = plain("web", requiresCompatibilities=["FARGATE"], networkMode="awsvpc")
    refused("ClientException", aws.ecs.register_task_definition, **fargate)
    refused("InvalidParameterException", aws.ecs.list_task_definitions, nextToken="made up")
    refused("InvalidParameterException", aws.ecs.list_task_definition_families, nextToken="made up")
    eleven = [f"web:{number}" for number in range(1, 12)]
    refused("InvalidParameterException", aws.ecs.delete_task_definitions, taskDefinitions=eleven)
