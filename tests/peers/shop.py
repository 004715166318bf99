"""What checks of ECS services begin with: a cluster, task definitions and a service."""

from __future__ import annotations

from typing import Any

from sandbox import Scope

CLUSTER = "shop"
SERVICE = "web"

BREAKER = {"enable": True, "rollback": True}

# What a revision has whose tasks run on Fargate.
FARGATE: dict[str, Any] = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
}


def cluster(aws: Scope) -> None:
    """Makes the cluster."""
    aws.ecs.create_cluster(clusterName=CLUSTER)


def revision(
    aws: Scope,
    image: str,
    family: str = SERVICE,
    container: dict[str, Any] | None = None,
    **more: Any,
) -> str:
    """Registers a revision that runs an image; gives its ARN."""
    whole = {"name": "web", "image": image, "memory": 128, **(container or {})}
    answer = aws.ecs.register_task_definition(family=family, containerDefinitions=[whole], **more)
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def create(aws: Scope, definition: str, name: str = SERVICE, **more: Any) -> dict[str, Any]:
    """Creates a service of two tasks."""
    request = {"desiredCount": 2, "taskDefinition": definition, **more}
    return dict(aws.ecs.create_service(cluster=CLUSTER, serviceName=name, **request)["service"])


def update(aws: Scope, name: str = SERVICE, **change: Any) -> dict[str, Any]:
    """Updates a service."""
    return dict(aws.ecs.update_service(cluster=CLUSTER, service=name, **change)["service"])


def service(aws: Scope, name: str = SERVICE, **more: Any) -> dict[str, Any]:
    """The service as it is described."""
    answer = aws.ecs.describe_services(cluster=CLUSTER, services=[name], **more)
    return dict(answer["services"][0])


def service_deployments(aws: Scope, name: str = SERVICE) -> list[dict[str, Any]]:
    """A service's deployments as they are described, newest first."""
    briefs = aws.ecs.list_service_deployments(cluster=CLUSTER, service=name)["serviceDeployments"]
    arns = [brief["serviceDeploymentArn"] for brief in briefs]
    found = aws.ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    return sorted(found, key=lambda one: arns.index(one["serviceDeploymentArn"]))


def logging(group: str) -> dict[str, Any]:
    """What a container has that logs to a group."""
    options = {
        "awslogs-group": group,
        "awslogs-region": "eu-west-1",
        "awslogs-stream-prefix": "ecs",
    }
    return {"logConfiguration": {"logDriver": "awslogs", "options": options}}


def target_group(aws: Scope, name: str) -> str:
    """The ARN of a target group."""
    scope = f"{aws.region}:{aws.account}"
    return f"arn:aws:elasticloadbalancing:{scope}:targetgroup/{name}/0123456789abcdef"


def behind(aws: Scope, group: str) -> dict[str, Any]:
    """What a service on Fargate has that is behind a target group."""
    balancer = {
        "targetGroupArn": target_group(aws, group),
        "containerName": "web",
        "containerPort": 8080,
    }
    return {
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "loadBalancers": [balancer],
    }
