"""Service Quotas: how often requests are let through, and more on request."""

from __future__ import annotations

from typing import Any

from sandbox import Scope
from suite import check, equal, holds, paged, refused

ECS = {"ServiceCode": "ecs"}
# The sustained rate of registering task definitions.
RATE = {**ECS, "QuotaCode": "L-1E6DEB89"}


def value(aws: Scope, **named: Any) -> float:
    """What holds of a quota."""
    return float(aws.quotas.get_service_quota(**(named or RATE))["Quota"]["Value"])


@check
def a_life(aws: Scope) -> None:
    """A quota is told, raised, and told again, one by one and in a listing, in one account only."""
    equal(value(aws), 1, "the rate")
    asked = aws.quotas.request_service_quota_increase(
        **RATE, DesiredValue=10, SupportCaseAllowed=False
    )["RequestedQuota"]
    equal((asked["Status"], asked["DesiredValue"]), ("APPROVED", 10), "what was asked for")
    equal(value(aws), 10, "the rate")
    (listed,) = aws.quotas.list_service_quotas(**RATE, QuotaAppliedAtLevel="ACCOUNT")["Quotas"]
    equal((listed["QuotaArn"], listed["Value"]), (asked["QuotaArn"], 10), "the quota")
    equal(listed, aws.quotas.get_service_quota(**RATE)["Quota"], "the quota")
    equal(value(aws, **ECS, QuotaCode="L-CDF9F16B"), 20, "the burst")
    equal(
        aws.quotas.list_service_quotas(**RATE, QuotaAppliedAtLevel="RESOURCE")["Quotas"],
        [],
        "the quotas of resources",
    )


@check
def listed(aws: Scope) -> None:
    """The quotas of a service are listed in pages."""
    codes = [one["QuotaCode"] for one in aws.quotas.list_service_quotas(**ECS)["Quotas"]]
    pages = paged(aws.quotas, "list_service_quotas", "Quotas", len(codes), **ECS)
    equal([one["QuotaCode"] for one in pages], codes, "the quotas")
    equal(len(aws.quotas.list_service_quotas(ServiceCode="ecr")["Quotas"]), 3, "those of ECR")
    equal(len(aws.quotas.list_service_quotas(**ECS, MaxResults=2)["Quotas"]), 2, "a page")


@check
def kept_to(aws: Scope) -> None:
    """What was raised is let through."""
    quotas = {"L-CDF9F16B": 40, "L-1E6DEB89": 30}
    for code, wanted in quotas.items():
        aws.quotas.request_service_quota_increase(**ECS, QuotaCode=code, DesiredValue=wanted)
    container = {"name": "web", "image": "web:1", "memory": 128}

    def register() -> None:
        aws.ecs.register_task_definition(family="web", containerDefinitions=[container])

    with aws.sandbox.fault("ecs:RegisterTaskDefinition", "quota"):
        for _ in range(40):
            register()


@check
def errors(aws: Scope) -> None:
    """What is not there or not valid is an error."""
    quotas, unchecked = aws.quotas, aws.unchecked("service-quotas")
    context = {"ContextId": "arn:aws:ecs:eu-west-1:1:cluster/shop"}
    for call, request in (
        (quotas.get_service_quota, {**RATE, "QuotaCode": "L-00000000"}),
        (quotas.get_service_quota, {**RATE, "ServiceCode": "ssm"}),
        (quotas.list_service_quotas, {"ServiceCode": "nothing"}),
        (quotas.request_service_quota_increase, {**RATE, "ServiceCode": "sts", "DesiredValue": 9}),
    ):
        refused("NoSuchResourceException", call, **request)
    for call, request in (
        (quotas.get_service_quota, {**RATE, **context}),
        (unchecked.get_service_quota, {}),
        (unchecked.list_service_quotas, {**ECS, "MaxResults": 101}),
        (unchecked.list_service_quotas, {**ECS, "QuotaAppliedAtLevel": "WORLD"}),
        (unchecked.list_service_quotas, {}),
        (quotas.request_service_quota_increase, {**RATE, "DesiredValue": 1}),
        (quotas.request_service_quota_increase, {**RATE, "DesiredValue": 2.5}),
        (quotas.request_service_quota_increase, {**RATE, "DesiredValue": 9, **context}),
        (unchecked.request_service_quota_increase, {}),
    ):
        refused("IllegalArgumentException", call, **request)
    refused(
        "InvalidPaginationTokenException", quotas.list_service_quotas, NextToken="bWFkZQ==", **ECS
    )
    holds(value(aws) == 1, "nothing was raised")
