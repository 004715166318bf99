"""What checks of ECS services begin with: a cluster, task definitions and a service."""

from __future__ import annotations

from typing import Any

from sandbox import Scope

CLUSTER = "shop"
SERVICE = "web"

BREAKER = {"enable": True, "rollback": True}


def cluster(aws: Scope) -> None:
    """Makes the cluster."""
    aws.ecs.create_cluster(clusterName=CLUSTER)


def revision(aws: Scope, image: str, family: str = SERVICE, **more: Any) -> str:
    """Registers a revision that runs an image; gives its ARN."""
    container = {"name": "web", "image": image, "memory": 128}
    answer = aws.ecs.register_task_definition(
        family=family, containerDefinitions=[container], **more
    )
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
