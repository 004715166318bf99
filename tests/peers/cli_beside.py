"""What the AWS CLI does with the services beside ECS: alarms, bounds of scaling, CodeDeploy, target
groups and logs."""

from __future__ import annotations

import json
from typing import Any

from aws_cli import ACCOUNT, REGION, REGISTRY, Cli, expect


def alarms(aws: Cli) -> None:
    """An alarm is made, goes off, and is described."""
    aws.text(
        "cloudwatch",
        "put-metric-alarm",
        "--alarm-name",
        "web-5xx",
        "--metric-name",
        "5xx",
        "--namespace",
        "shop",
        "--statistic",
        "Sum",
        "--period",
        "60",
        "--evaluation-periods",
        "1",
        "--threshold",
        "5",
        "--comparison-operator",
        "GreaterThanThreshold",
    )
    state = ("--state-value", "ALARM", "--state-reason", "a test")
    aws.text("cloudwatch", "set-alarm-state", "--alarm-name", "web-5xx", *state)
    found = aws.json(
        "cloudwatch",
        "describe-alarms",
        "--state-value",
        "ALARM",
        "--query",
        "MetricAlarms[].[AlarmName, StateReason, Threshold]",
    )
    expect("the alarms", found, [["web-5xx", "a test", 5.0]])
    aws.refused("ResourceNotFound", "cloudwatch", "set-alarm-state", "--alarm-name", "none", *state)


def scaling(aws: Cli) -> None:
    """A service's bounds are set and told."""
    dimension = ("--scalable-dimension", "ecs:service:DesiredCount")
    named = ("--service-namespace", "ecs", "--resource-id", "service/shop/web", *dimension)
    bounds = ("--min-capacity", "1", "--max-capacity", "4")
    aws.text("application-autoscaling", "register-scalable-target", *named, *bounds)
    found = aws.json(
        "application-autoscaling",
        "describe-scalable-targets",
        "--service-namespace",
        "ecs",
        "--query",
        "ScalableTargets[].[ResourceId, MinCapacity, MaxCapacity]",
    )
    expect("the bounds", found, [["service/shop/web", 1, 4]])


def under_code_deploy(aws: Cli) -> None:
    """A service behind a target group is deployed by CodeDeploy; its targets are healthy, and its
    tasks have logged."""
    arn = target_group("blue")
    for tag in ("1", "2"):
        register_for_fargate(aws, tag)
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    balancer = {"targetGroupArn": arn, "containerName": "api", "containerPort": 8080}
    service = {
        "cluster": "shop",
        "serviceName": "api",
        "taskDefinition": "api:1",
        "desiredCount": 1,
        "launchType": "FARGATE",
        "deploymentController": {"type": "CODE_DEPLOY"},
        "networkConfiguration": network,
        "loadBalancers": [balancer],
    }
    aws.text("ecs", "create-service", "--cli-input-json", json.dumps(service))
    aws.text("deploy", "create-application", "--application-name", "a", "--compute-platform", "ECS")
    aws.text("deploy", "create-deployment-group", "--cli-input-json", json.dumps(deployment_group()))
    aws.text("elbv2", "wait", "target-in-service", "--target-group-arn", arn)
    health = ("TargetHealthDescriptions[].TargetHealth.State", "--output", "text")
    states = aws.text(
        "elbv2", "describe-target-health", "--target-group-arn", arn, "--query", *health
    )
    expect("the targets", states, "healthy")
    names = aws.json(
        "elbv2", "describe-target-groups", "--query", "TargetGroups[].TargetGroupName"
    )
    expect("the target groups", "blue" in names, True)
    name = begin_deployment(aws)
    aws.text("deploy", "wait", "deployment-successful", "--deployment-id", name)
    found = aws.json(
        "deploy",
        "get-deployment",
        "--deployment-id",
        name,
        "--query",
        "deploymentInfo.[status, creator]",
    )
    expect("the deployment", found, ["Succeeded", "user"])
    read_logs(aws)


def target_group(name: str) -> str:
    """The ARN of a target group."""
    scope = f"{REGION}:{ACCOUNT}"
    return f"arn:aws:elasticloadbalancing:{scope}:targetgroup/{name}/0123456789abcdef"


def register_for_fargate(aws: Cli, tag: str) -> None:
    """Registers a revision that runs on Fargate and logs."""
    options = {
        "awslogs-group": "/shop/api",
        "awslogs-region": REGION,
        "awslogs-stream-prefix": "ecs",
    }
    logging = {"logDriver": "awslogs", "options": options}
    container = {"name": "api", "image": f"{REGISTRY}/web:{tag}", "logConfiguration": logging}
    definition = {
        "family": "api",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [container],
    }
    aws.text("ecs", "register-task-definition", "--cli-input-json", json.dumps(definition))


def deployment_group() -> dict[str, Any]:
    """What the deployment group of the service is made with."""
    route = {"listenerArns": ["any"]}
    pair = {"targetGroups": [{"name": "blue"}, {"name": "green"}], "prodTrafficRoute": route}
    end = {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0}
    return {
        "applicationName": "a",
        "deploymentGroupName": "g",
        "serviceRoleArn": f"arn:aws:iam::{ACCOUNT}:role/deployer",
        "deploymentStyle": {
            "deploymentType": "BLUE_GREEN",
            "deploymentOption": "WITH_TRAFFIC_CONTROL",
        },
        "blueGreenDeploymentConfiguration": {
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
            "terminateBlueInstancesOnDeploymentSuccess": end,
        },
        "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
        "ecsServices": [{"serviceName": "api", "clusterName": "shop"}],
    }


def begin_deployment(aws: Cli) -> str:
    """Has CodeDeploy deploy the second revision; gives the deployment's id."""
    balancer = {"ContainerName": "api", "ContainerPort": 8080}
    properties = {"TaskDefinition": "api:2", "LoadBalancerInfo": balancer}
    service = {"Type": "AWS::ECS::Service", "Properties": properties}
    spec = json.dumps({"version": 0.0, "Resources": [{"Service": service}]})
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": spec}}
    return aws.text(
        "deploy",
        "create-deployment",
        "--application-name",
        "a",
        "--deployment-group-name",
        "g",
        "--revision",
        json.dumps(revision),
        "--query",
        "deploymentId",
        "--output",
        "text",
    )


def read_logs(aws: Cli) -> None:
    """The lines of a stream, and those of all streams that have a term."""
    group = ("--log-group-name", "/shop/api")
    stream = aws.text(
        "logs",
        "describe-log-streams",
        *group,
        "--order-by",
        "LastEventTime",
        "--max-items",
        "1",
        "--query",
        "logStreams[0].logStreamName",
        "--output",
        "text",
    ).split()[0]
    lines = aws.json(
        "logs",
        "get-log-events",
        *group,
        "--log-stream-name",
        stream,
        "--start-from-head",
        "--query",
        "events[].message",
    )
    expect("the first line", lines[0].startswith("INFO  starting web:"), True)
    found = aws.json(
        "logs",
        "filter-log-events",
        *group,
        "--filter-pattern",
        "starting",
        "--query",
        "events[].message",
    )
    expect("the starts of both revisions", len(found), 2)
    absent = ("--log-group-name", "/none", "--log-stream-name", "none")
    aws.refused("ResourceNotFoundException", "logs", "get-log-events", *absent)
