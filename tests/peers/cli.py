"""Drives the sandbox with the AWS CLI, as a person at a terminal or a script of a CI would.

    cli.py URL

Prints each command that did what it should; exit code 1 on the first that did not.
"""

from __future__ import annotations

import json
import sys

from aws_cli import ACCOUNT, REGION, REGISTRY, Broken, Cli, expect
from cli_beside import alarms, scaling, under_code_deploy
from sandbox import SPEED, Sandbox


def containers(tag: str) -> str:
    """The containers of a task definition, as an argument."""
    image = f"{REGISTRY}/web:{tag}"
    return json.dumps([{"name": "web", "image": image, "memory": 128, "essential": True}])


def prepare(aws: Cli, sandbox: Sandbox) -> None:
    """A cluster, a repository with two images, and who is asking."""
    expect(
        "the account",
        aws.text("sts", "get-caller-identity", "--query", "Account", "--output", "text"),
        ACCOUNT,
    )
    aws.text("ecs", "create-cluster", "--cluster-name", "shop", "--tags", "key=team,value=search")
    aws.text("ecr", "create-repository", "--repository-name", "web")
    scope = {"account": ACCOUNT, "region": REGION}
    for tag in ("1", "2"):
        sandbox.control("POST", "put-image", scope=scope, repository="web", tag=tag)
    listed = aws.text(
        "ecr",
        "list-images",
        "--repository-name",
        "web",
        "--query",
        "sort(imageIds[].imageTag)",
        "--output",
        "text",
    )
    expect("the tags", listed.split(), ["1", "2"])


def roll_out(aws: Cli) -> None:
    """Creates a service and waits for it, then deploys another image as a script does."""
    first = register(aws, "1")
    aws.text(
        "ecs",
        "create-service",
        "--cluster",
        "shop",
        "--service-name",
        "web",
        "--task-definition",
        first,
        "--desired-count",
        "2",
        "--deployment-configuration",
        "deploymentCircuitBreaker={enable=true,rollback=true}",
    )
    aws.text("ecs", "wait", "services-stable", "--cluster", "shop", "--services", "web")
    expect("the tasks", len(tasks(aws)), 2)
    second = register(aws, "2")
    updated = aws.json(
        "ecs",
        "update-service",
        "--cluster",
        "shop",
        "--service",
        "web",
        "--task-definition",
        second,
        "--query",
        "service.deployments[].[status, rolloutState]",
    )
    expect("the deployments", updated, [["PRIMARY", "IN_PROGRESS"], ["ACTIVE", "COMPLETED"]])
    aws.text("ecs", "wait", "services-stable", "--cluster", "shop", "--services", "web")
    described = aws.text(
        "ecs",
        "describe-services",
        "--cluster",
        "shop",
        "--services",
        "web",
        "--output",
        "text",
        "--query",
        "services[0].deployments[].[taskDefinition, rolloutState, runningCount]",
    )
    expect("the service", described.split(), [second, "COMPLETED", "2"])


def register(aws: Cli, tag: str) -> str:
    """Registers a revision; gives its ARN."""
    return aws.text(
        "ecs",
        "register-task-definition",
        "--family",
        "web",
        "--container-definitions",
        containers(tag),
        "--query",
        "taskDefinition.taskDefinitionArn",
        "--output",
        "text",
    )


def tasks(aws: Cli) -> list[str]:
    """The service's tasks, read page by page."""
    arns = aws.json(
        "ecs",
        "list-tasks",
        "--cluster",
        "shop",
        "--service-name",
        "web",
        "--page-size",
        "1",
        "--query",
        "taskArns",
    )
    return list(arns)


def verify(aws: Cli) -> None:
    """What the deployment left: its record, and the digests that run."""
    arn = aws.text(
        "ecs",
        "list-service-deployments",
        "--cluster",
        "shop",
        "--service",
        "web",
        "--status",
        "SUCCESSFUL",
        "--output",
        "text",
        "--query",
        "serviceDeployments[0].targetServiceRevisionArn",
    )
    in_revision = aws.text(
        "ecs",
        "describe-service-revisions",
        "--service-revision-arns",
        arn,
        "--output",
        "text",
        "--query",
        "serviceRevisions[0].containerImages[0].imageDigest",
    )
    in_registry = aws.text(
        "ecr",
        "batch-get-image",
        "--repository-name",
        "web",
        "--image-ids",
        "imageTag=2",
        "--query",
        "images[0].imageId.imageDigest",
        "--output",
        "text",
    )
    expect("the digest", in_revision, in_registry)


def parameters(aws: Cli) -> None:
    """Parameters are put, listed a few at a time, and read."""
    for label in ("latest", "prod", "stage"):
        aws.text(
            "ssm",
            "put-parameter",
            "--type",
            "String",
            "--name",
            f"/shop/images/{label}/web",
            "--value",
            f"{REGISTRY}/web:2",
        )
    page = aws.json(
        "ssm", "get-parameters-by-path", "--path", "/shop", "--recursive", "--max-items", "2"
    )
    expect("the first items", len(page["Parameters"]), 2)
    rest = aws.json(
        "ssm",
        "get-parameters-by-path",
        "--path",
        "/shop",
        "--recursive",
        "--starting-token",
        page["NextToken"],
    )
    names = [one["Name"] for one in page["Parameters"] + rest["Parameters"]]
    expect(
        "the names",
        sorted(names),
        [f"/shop/images/{one}/web" for one in ("latest", "prod", "stage")],
    )
    value = aws.text(
        "ssm",
        "get-parameter",
        "--name",
        "/shop/images/prod/web",
        "--query",
        "Parameter.Value",
        "--output",
        "text",
    )
    expect("the value", value, f"{REGISTRY}/web:2")


def clean_up(aws: Cli) -> None:
    """What is not there is an error; the service and the cluster go."""
    aws.refused(
        "ServiceNotFoundException",
        "ecs",
        "update-service",
        "--cluster",
        "shop",
        "--service",
        "none",
        "--desired-count",
        "1",
    )
    aws.text("ecs", "delete-service", "--cluster", "shop", "--service", "web", "--force")
    aws.text("ecs", "delete-service", "--cluster", "shop", "--service", "api", "--force")
    aws.text("ecs", "wait", "services-inactive", "--cluster", "shop", "--services", "web", "api")
    status = aws.text(
        "ecs",
        "delete-cluster",
        "--cluster",
        "shop",
        "--query",
        "cluster.status",
        "--output",
        "text",
    )
    expect("the cluster", status, "INACTIVE")


def main() -> int:
    """Runs all commands; gives the exit code."""
    url = sys.argv[1]
    sandbox, aws = Sandbox(url), Cli(url)
    sandbox.set_speed(SPEED)
    try:
        prepare(aws, sandbox)
        roll_out(aws)
        verify(aws)
        parameters(aws)
        alarms(aws)
        scaling(aws)
        under_code_deploy(aws)
        clean_up(aws)
    except Broken as broken:
        print(f"FAIL {broken}", flush=True)
        return 1
    print("\nthe AWS CLI did all it was asked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
