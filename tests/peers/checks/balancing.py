"""Elastic Load Balancing: target groups that ECS services are behind."""

from __future__ import annotations

from typing import Any

import shop
from sandbox import Scope
from suite import check, equal, holds, paged, refused, wait


def behind(aws: Scope, *names: str) -> list[str]:
    """Makes a service of two tasks behind each of some target groups; gives the groups' ARNs."""
    aws.ecs.create_cluster(clusterName=shop.CLUSTER)
    definition = shop.revision(aws, f"{aws.account}/web:1", **shop.FARGATE)
    for name in names:
        shop.create(aws, definition, name, **shop.behind(aws, name))
    arns = [shop.target_group(aws, name) for name in names]
    for first in range(0, len(names), 10):
        services = list(names[first : first + 10])
        wait(aws.ecs, "services_stable", cluster=shop.CLUSTER, services=services)
    return arns


def health(aws: Scope, arn: str, **more: Any) -> list[tuple[str, str, str]]:
    """The targets of a group: their addresses, states and reasons."""
    found = aws.elb.describe_target_health(TargetGroupArn=arn, **more)["TargetHealthDescriptions"]
    return [
        (
            one["Target"]["Id"],
            one["TargetHealth"]["State"],
            one["TargetHealth"].get("Reason", ""),
        )
        for one in found
    ]


def addresses(aws: Scope, name: str) -> list[str]:
    """The addresses of a service's tasks, as ECS tells them."""
    arns = aws.ecs.list_tasks(cluster=shop.CLUSTER, serviceName=name)["taskArns"]
    tasks = aws.ecs.describe_tasks(cluster=shop.CLUSTER, tasks=arns)["tasks"]
    details = [detail for task in tasks for one in task["attachments"] for detail in one["details"]]
    return sorted(one["value"] for one in details if one["name"] == "privateIPv4Address")


@check
def groups(aws: Scope) -> None:
    """Target groups are described in pages, by ARN and by name."""
    arns = behind(aws, "images", "search", "web")
    listed = paged(aws.elb, "describe_target_groups", "TargetGroups", 3)
    equal([one["TargetGroupArn"] for one in listed], arns, "the target groups")
    for given, expected in (
        ({"TargetGroupArns": arns[1:]}, ["search", "web"]),
        ({"Names": ["web"]}, ["web"]),
        ({"PageSize": 1}, ["images"]),
    ):
        found = aws.elb.describe_target_groups(**given)["TargetGroups"]
        equal([one["TargetGroupName"] for one in found], expected, f"the groups by {given}")
    (group,) = aws.elb.describe_target_groups(Names=["web"])["TargetGroups"]
    equal((group["TargetType"], group["Port"]), ("ip", 8080), "the targets")


@check
def targets(aws: Scope) -> None:
    """The tasks of a service are healthy targets, with the addresses that ECS tells; others are
    not in use, and one that is gone is so too."""
    (arn,) = behind(aws, "web")
    wait(aws.elb, "target_in_service", TargetGroupArn=arn)
    ips = addresses(aws, "web")
    equal(sorted(health(aws, arn)), [(ip, "healthy", "") for ip in ips], "the targets")
    one = [{"Id": ips[0], "Port": 8080}]
    equal(health(aws, arn, Targets=one), [(ips[0], "healthy", "")], "one target")
    for absent in ({"Id": "10.1.1.1"}, {"Id": ips[0], "Port": 81}):
        found = health(aws, arn, Targets=[absent])
        equal(found, [(absent["Id"], "unused", "Target.NotRegistered")], "what is no target")
    shop.update(aws, "web", desiredCount=0)
    wait(aws.elb, "target_deregistered", TargetGroupArn=arn, Targets=one)
    wait(aws.ecs, "services_stable", cluster=shop.CLUSTER, services=["web"])
    equal(health(aws, arn), [], "the targets of a group without tasks")


@check
def unhealthy(aws: Scope) -> None:
    """A target that does not answer well is unhealthy, and tells why."""
    image = f"{aws.account}/ill:1"
    aws.sandbox.set_fate(image, "target-unhealthy")
    aws.ecs.create_cluster(clusterName=shop.CLUSTER)
    definition = shop.revision(aws, image, **shop.FARGATE)
    arn = shop.target_group(aws, "ill")
    seen: set[tuple[str, str]] = set()
    with aws.sandbox.standing_still():
        shop.create(aws, definition, "ill", **shop.behind(aws, "ill"))
        for _ in range(100):
            aws.sandbox.advance(200)
            seen |= {(state, reason) for _, state, reason in health(aws, arn)}
    for wanted in (
        ("initial", "Elb.RegistrationInProgress"),
        ("unhealthy", "Target.ResponseCodeMismatch"),
        ("draining", "Target.DeregistrationInProgress"),
    ):
        holds(wanted in seen, f"{wanted} is among {sorted(seen)}")


@check
def errors(aws: Scope) -> None:
    """What is not there or not valid is an error, and so is what the sandbox does not do."""
    (arn,) = behind(aws, "web")
    absent = shop.target_group(aws, "none")
    elb, unchecked = aws.elb, aws.unchecked("elbv2")
    balancer = f"arn:aws:elasticloadbalancing:{aws.region}:{aws.account}:loadbalancer/app/shop/0"
    refused("LoadBalancerNotFound", elb.describe_target_groups, LoadBalancerArn=balancer)
    refused("TargetGroupNotFound", elb.describe_target_groups, Names=["none"])
    refused("TargetGroupNotFound", elb.describe_target_groups, TargetGroupArns=[arn, absent])
    refused("TargetGroupNotFound", elb.describe_target_health, TargetGroupArn=absent)
    for call, request in (
        (elb.describe_target_groups, {"Names": ["web"], "TargetGroupArns": [arn]}),
        (elb.describe_target_groups, {"Marker": "made up"}),
        (unchecked.describe_target_groups, {"PageSize": 401}),
        (unchecked.describe_target_groups, {"PageSize": 0}),
        (unchecked.describe_target_health, {}),
        (elb.describe_target_health, {"TargetGroupArn": arn, "Include": ["AnomalyDetection"]}),
        (
            elb.describe_target_health,
            {"TargetGroupArn": arn, "Targets": [{"Id": "a", "AvailabilityZone": "all"}]},
        ),
        (
            elb.describe_target_health,
            {"TargetGroupArn": arn, "Targets": [{"Id": "a", "QuicServerId": "0x1"}]},
        ),
    ):
        refused("ValidationError", call, **request)
