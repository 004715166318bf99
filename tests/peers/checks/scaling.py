"""Application Auto Scaling: between which bounds services are scaled."""

from __future__ import annotations

from typing import Any

import shop
from sandbox import Scope
from suite import check, equal, holds, lost, paged, refused

ECS = {"ServiceNamespace": "ecs"}
COUNT = {**ECS, "ScalableDimension": "ecs:service:DesiredCount"}


def services(aws: Scope, *names: str) -> list[str]:
    """Makes services without tasks; gives what Application Auto Scaling calls them."""
    shop.cluster(aws)
    definition = shop.revision(aws, "web:1")
    for name in names:
        shop.create(aws, definition, name, desiredCount=0)
    return [f"service/{shop.CLUSTER}/{name}" for name in names]


def register(aws: Scope, resource: str, **more: Any) -> dict[str, Any]:
    """Has a service be scaled."""
    return dict(aws.scaling.register_scalable_target(ResourceId=resource, **COUNT, **more))


def described(aws: Scope, **more: Any) -> list[dict[str, Any]]:
    """The targets."""
    return list(aws.scaling.describe_scalable_targets(**ECS, **more)["ScalableTargets"])


@check
def a_life(aws: Scope) -> None:
    """A service's bounds are set, told, changed one at a time, and taken away."""
    (web,) = services(aws, "web")
    registered = register(aws, web, MinCapacity=2, MaxCapacity=10)
    (target,) = described(aws)
    equal(target["ScalableTargetARN"], registered["ScalableTargetARN"], "the ARN")
    equal((target["MinCapacity"], target["MaxCapacity"]), (2, 10), "the bounds")
    suspended = {"DynamicScalingInSuspended": True, "ScheduledScalingSuspended": True}
    register(aws, web, MaxCapacity=5, SuspendedState=suspended)
    (changed,) = described(aws)
    equal((changed["MinCapacity"], changed["MaxCapacity"]), (2, 5), "the bounds")
    equal(list(lost(suspended, changed["SuspendedState"], "$")), [], "what is suspended")
    equal(changed["CreationTime"], target["CreationTime"], "when it was made")
    aws.scaling.deregister_scalable_target(ResourceId=web, **COUNT)
    equal(described(aws), [], "the targets")
    refused(
        "ObjectNotFoundException",
        aws.scaling.deregister_scalable_target,
        ResourceId=web,
        **COUNT,
    )


@check
def listed(aws: Scope) -> None:
    """Targets are described in pages and by what they are."""
    resources = services(aws, *(f"s{number}" for number in range(5)))
    for resource in resources:
        register(aws, resource, MinCapacity=0, MaxCapacity=1)
    pages = paged(aws.scaling, "describe_scalable_targets", "ScalableTargets", 5, **ECS)
    equal([one["ResourceId"] for one in pages], resources, "the targets")
    some = described(aws, ResourceIds=[resources[3]], ScalableDimension=COUNT["ScalableDimension"])
    equal([one["ResourceId"] for one in some], resources[3:4], "one target")
    equal(len(described(aws, MaxResults=2)), 2, "a page")


@check
def tagged(aws: Scope) -> None:
    """A target is registered with tags, tagged and untagged."""
    (web,) = services(aws, "web")
    bounds = {"MinCapacity": 1, "MaxCapacity": 2}
    arn = register(aws, web, Tags={"team": "search"}, **bounds)["ScalableTargetARN"]

    def tags() -> dict[str, str]:
        return dict(aws.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"])

    equal(tags(), {"team": "search"}, "the tags")
    aws.scaling.tag_resource(ResourceARN=arn, Tags={"team": "web", "tier": "1"})
    equal(tags(), {"team": "web", "tier": "1"}, "the tags")
    aws.scaling.untag_resource(ResourceARN=arn, TagKeys=["team", "none"])
    equal(tags(), {"tier": "1"}, "the tags")
    absent = {"ResourceARN": arn.replace("0ec5", "0ec6")}
    refused("ResourceNotFoundException", aws.scaling.list_tags_for_resource, **absent)
    refused("ResourceNotFoundException", aws.scaling.tag_resource, Tags={"a": ""}, **absent)
    refused("ResourceNotFoundException", aws.scaling.untag_resource, TagKeys=["a"], **absent)


@check
def errors(aws: Scope) -> None:
    """What is not there or not valid is an error, and so is what the sandbox does not do."""
    (web,) = services(aws, "web")
    scaling, unchecked = aws.scaling, aws.unchecked("application-autoscaling")
    bounds = {"MinCapacity": 1, "MaxCapacity": 2}
    named = {**COUNT, "ResourceId": web, **bounds}
    role = f"arn:aws:iam::{aws.account}:role/scaler"
    for call, request in (
        (scaling.register_scalable_target, {**named, "ResourceId": "service/shop/none"}),
        (scaling.register_scalable_target, {**named, "ResourceId": "table/web"}),
        (scaling.register_scalable_target, {**COUNT, "ResourceId": web, "MinCapacity": 1}),
        (scaling.register_scalable_target, {**named, "MaxCapacity": 0}),
        (scaling.register_scalable_target, {**named, "ServiceNamespace": "dynamodb"}),
        (scaling.register_scalable_target, {**named, "RoleARN": role}),
        (unchecked.register_scalable_target, {}),
        (scaling.describe_scalable_targets, {"ServiceNamespace": "lambda"}),
        (scaling.describe_scalable_targets, {**ECS, "MaxResults": 51}),
        (
            scaling.describe_scalable_targets,
            {**ECS, "ScalableDimension": "lambda:function:ProvisionedConcurrency"},
        ),
        (scaling.describe_scalable_targets, COUNT),
        (unchecked.describe_scalable_targets, {}),
        (unchecked.deregister_scalable_target, {}),
    ):
        refused("ValidationException", call, **request)
    refused(
        "InvalidNextTokenException", scaling.describe_scalable_targets, NextToken="made up", **ECS
    )
    holds(described(aws) == [], "nothing was registered")
