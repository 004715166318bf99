"""CloudWatch's alarms, in each of the three protocols that its clients speak."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import suite
from sandbox import UNCHECKED, Scope
from suite import equal, holds, lost, paged, refused, wait

# botocore has come to speak the second, after it spoke the third for long; most other SDKs speak the
# first.
PROTOCOLS = ("smithy-rpc-v2-cbor", "json", "query")

ACTION = "arn:aws:sns:eu-west-1:000000000000:on-call"

METRIC: dict[str, Any] = {
    "AlarmDescription": 'too many "5xx" & more <than> usual',
    "ActionsEnabled": False,
    "OKActions": [ACTION],
    "AlarmActions": [ACTION, f"{ACTION}-2"],
    "InsufficientDataActions": [],
    "MetricName": "HTTPCode_Target_5XX_Count",
    "Namespace": "AWS/ApplicationELB",
    "Statistic": "Sum",
    "Dimensions": [{"Name": "LoadBalancer", "Value": "app/shop/1"}],
    "Period": 60,
    "Unit": "Count",
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}

# Those that take the place of others.
QUERIES: dict[str, Any] = {
    "Metrics": [
        {
            "Id": "m1",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/ECS",
                    "MetricName": "CPUUtilization",
                    "Dimensions": [{"Name": "ServiceName", "Value": "web"}],
                },
                "Period": 60,
                "Stat": "Average",
            },
            "ReturnData": False,
        },
        {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m1, 2)", "Label": "expected"},
    ],
    "ThresholdMetricId": "band",
    "EvaluationPeriods": 2,
    "ComparisonOperator": "GreaterThanUpperThreshold",
}
PERCENTILE: dict[str, Any] = {
    "MetricName": "TargetResponseTime",
    "Namespace": "AWS/ApplicationELB",
    "ExtendedStatistic": "p99",
    "EvaluateLowSampleCountPercentile": "ignore",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0.25,
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationWindow": {"WallClockWindow": {"Timezone": "Europe/Berlin"}},
    "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 5},
}
PROMQL: dict[str, Any] = {
    "EvaluationCriteria": {"PromQLCriteria": {"Query": "up == 0", "PendingPeriod": 60}},
    "EvaluationInterval": 30,
}


def check(function: Callable[[Scope, Any], None]) -> None:
    """Makes a function of a client one check for each protocol."""
    for protocol in PROTOCOLS:
        suite.check(in_protocol(function, protocol))


def in_protocol(function: Callable[[Scope, Any], None], protocol: str) -> suite.Check:
    """The check in one protocol."""

    def check(aws: Scope) -> None:
        function(aws, aws.in_protocol("cloudwatch", protocol))

    sentence = " ".join((function.__doc__ or "").split()).removesuffix(".")
    check.__doc__ = f"{sentence} ({protocol})"
    check.__name__ = function.__name__
    return check


def metric(client: Any, name: str, **more: Any) -> None:
    """Makes an alarm of a metric."""
    client.put_metric_alarm(AlarmName=name, **{**METRIC, **more})


def described(client: Any, name: str) -> dict[str, Any]:
    """An alarm as it is described."""
    found = client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    (alarm,) = found["MetricAlarms"] + found["CompositeAlarms"]
    return dict(alarm)


def set_state(client: Any, name: str, state: str, **more: Any) -> None:
    """Puts an alarm into a state."""
    client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test", **more)


@check
def a_life(aws: Scope, client: Any) -> None:
    """An alarm is made, described with all it was made with, put into states, and deleted."""
    metric(client, "errors")
    wait(client, "alarm_exists", AlarmNames=["errors"])
    found = described(client, "errors")
    equal(list(lost(METRIC, found, "$")), [], "what was lost")
    equal(found["AlarmArn"], f"arn:aws:cloudwatch:{aws.region}:{aws.account}:alarm:errors")
    equal(found["StateValue"], "INSUFFICIENT_DATA", "the state")
    data = json.dumps({"why": "because"})
    set_state(client, "errors", "ALARM", StateReasonData=data)
    found = described(client, "errors")
    equal((found["StateValue"], found["StateReason"]), ("ALARM", "a test"))
    equal(json.loads(found["StateReasonData"]), {"why": "because"}, "the reason's data")
    holds(found["StateTransitionedTimestamp"] > found["AlarmConfigurationUpdatedTimestamp"], "later")
    metric(client, "errors", Threshold=7.5)
    found = described(client, "errors")
    equal((found["StateValue"], found["Threshold"]), ("ALARM", 7.5), "a changed alarm")
    client.delete_alarms(AlarmNames=["errors"])
    equal(client.describe_alarms(AlarmNames=["errors"])["MetricAlarms"], [], "the alarms")


@check
def of_every_kind(_: Scope, client: Any) -> None:
    """Alarms of queries, percentiles and PromQL are described with all they were made with."""
    for name, members in (("queries", QUERIES), ("late", PERCENTILE), ("down", PROMQL)):
        client.put_metric_alarm(AlarmName=name, **members)
        equal(list(lost(members, described(client, name), "$")), [], f"what was lost of {name}")


@check
def composite(_: Scope, client: Any) -> None:
    """A composite alarm is described where composite alarms are asked for."""
    members = {
        "AlarmRule": "ALARM(errors) AND NOT ALARM(deploying)",
        "AlarmDescription": "both",
        "ActionsEnabled": True,
        "OKActions": [],
        "AlarmActions": [ACTION],
        "InsufficientDataActions": [],
        "ActionsSuppressor": "deploying",
        "ActionsSuppressorWaitPeriod": 60,
        "ActionsSuppressorExtensionPeriod": 120,
    }
    metric(client, "errors")
    client.put_composite_alarm(AlarmName="both", **members)
    wait(client, "composite_alarm_exists", AlarmNames=["both"], AlarmTypes=["CompositeAlarm"])
    equal(list(lost(members, described(client, "both"), "$")), [], "what was lost")
    plain = client.describe_alarms()
    equal([one["AlarmName"] for one in plain["MetricAlarms"]], ["errors"], "without AlarmTypes")
    equal(plain.get("CompositeAlarms", []), [], "composite alarms that nobody asked for")


@check
def chosen(_: Scope, client: Any) -> None:
    """Alarms are described in pages, by prefix, by state and by what they set off."""
    for number in range(5):
        metric(client, f"web-{number}", AlarmActions=[f"{ACTION}-{number}"])
    metric(client, "search")
    set_state(client, "web-3", "ALARM")
    pages = client.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 4})
    equal([len(page["MetricAlarms"]) for page in pages], [4, 2], "the sizes of pages")
    paged(client, "describe_alarms", "MetricAlarms", 6)
    for given, expected in (
        ({"AlarmNamePrefix": "web-"}, 5),
        ({"AlarmNamePrefix": "web-", "MaxRecords": 3}, 3),
        ({"StateValue": "ALARM"}, 1),
        ({"ActionPrefix": f"{ACTION}-4"}, 1),
        ({"AlarmNames": ["web-0", "none"]}, 1),
        ({"AlarmTypes": ["CompositeAlarm"]}, 0),
        ({"AlarmTypes": ["LogAlarm"]}, 0),
    ):
        found = client.describe_alarms(**given)
        count = sum(len(found.get(kind, [])) for kind in ("MetricAlarms", "CompositeAlarms"))
        equal(count, expected, f"the number of alarms by {given}")


@check
def history(_: Scope, client: Any) -> None:
    """What became of an alarm is told in pages, by kind and by time, either way round."""
    began = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3650)
    metric(client, "errors")
    for state in ("OK", "ALARM", "OK"):
        set_state(client, "errors", state)
    metric(client, "other")
    listed = paged(client, "describe_alarm_history", "AlarmHistoryItems", 4, AlarmName="errors")
    kinds = [item["HistoryItemType"] for item in listed]
    equal(kinds, ["StateUpdate"] * 3 + ["ConfigurationUpdate"], "the kinds, newest first")
    equal(json.loads(listed[0]["HistoryData"])["newState"]["stateValue"], "OK", "the data")
    for given, expected in (
        ({}, 5),
        ({"AlarmName": "errors", "HistoryItemType": "StateUpdate"}, 3),
        ({"AlarmTypes": ["CompositeAlarm"]}, 0),
        ({"AlarmName": "errors", "EndDate": listed[1]["Timestamp"]}, 3),
        ({"AlarmName": "errors", "StartDate": listed[1]["Timestamp"]}, 2),
        ({"StartDate": began}, 0),
        ({"MaxRecords": 2}, 2),
    ):
        found = client.describe_alarm_history(**given)["AlarmHistoryItems"]
        equal(len(found), expected, f"the number of items by {given}")
    oldest = client.describe_alarm_history(AlarmName="errors", ScanBy="TimestampAscending")
    equal(oldest["AlarmHistoryItems"], listed[::-1], "the oldest first")


@check
def tagged(aws: Scope, client: Any) -> None:
    """Alarms are made with tags, tagged and untagged."""
    arns = {
        name: f"arn:aws:cloudwatch:{aws.region}:{aws.account}:alarm:{name}"
        for name in ("errors", "both", "none")
    }
    metric(client, "errors", Tags=[{"Key": "team", "Value": "search"}])
    client.put_composite_alarm(
        AlarmName="both", AlarmRule="ALARM(errors)", Tags=[{"Key": "team", "Value": "shop"}]
    )

    def tags(name: str) -> dict[str, str]:
        listed = client.list_tags_for_resource(ResourceARN=arns[name])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in listed}

    equal((tags("errors"), tags("both")), ({"team": "search"}, {"team": "shop"}), "the tags")
    metric(client, "errors", Tags=[{"Key": "team", "Value": "nobody"}])
    equal(tags("errors"), {"team": "search"}, "the tags of a changed alarm")
    added = [{"Key": "team", "Value": "web"}, {"Key": "tier", "Value": ""}]
    client.tag_resource(ResourceARN=arns["errors"], Tags=added)
    equal(tags("errors"), {"team": "web", "tier": ""}, "the tags")
    client.untag_resource(ResourceARN=arns["errors"], TagKeys=["team", "none"])
    equal(tags("errors"), {"tier": ""}, "the tags")
    nothing = {"ResourceARN": arns["none"]}
    refused("ResourceNotFoundException", client.list_tags_for_resource, **nothing)
    refused("ResourceNotFoundException", client.tag_resource, Tags=added, **nothing)
    refused("ResourceNotFoundException", client.untag_resource, TagKeys=["team"], **nothing)


@check
def errors(aws: Scope, client: Any) -> None:
    """What is not there or not valid is an error, and so is what the sandbox does not do."""
    protocol = client.meta.service_model.resolved_protocol
    unchecked = aws.in_protocol("cloudwatch", protocol, UNCHECKED)
    metric(client, "errors")
    state = {"StateValue": "OK", "StateReason": "a test"}
    refused("ResourceNotFound", client.set_alarm_state, AlarmName="none", **state)
    refused(
        "InvalidFormat", client.set_alarm_state, AlarmName="errors", StateReasonData="{", **state
    )
    refused("InvalidNextToken", client.describe_alarms, NextToken="made up")
    refused("InvalidNextToken", client.describe_alarm_history, NextToken="made up")
    for call, request in (
        (unchecked.put_metric_alarm, {}),
        (unchecked.put_metric_alarm, {"AlarmName": "x"}),
        (unchecked.put_metric_alarm, {"AlarmName": "x" * 256, **METRIC}),
        (unchecked.put_metric_alarm, {"AlarmName": "x", **METRIC, "Statistic": "Most"}),
        (unchecked.put_metric_alarm, {"AlarmName": "x", **METRIC, "Unit": "Apples"}),
        (unchecked.put_metric_alarm, {"AlarmName": "x", **METRIC, "ComparisonOperator": "More"}),
        (unchecked.put_metric_alarm, {"AlarmName": "x", **METRIC, "EvaluationPeriods": 0}),
        (unchecked.put_composite_alarm, {"AlarmName": "x"}),
        (client.put_composite_alarm, {"AlarmName": "errors", "AlarmRule": "TRUE"}),
        (unchecked.set_alarm_state, {"AlarmName": "errors", "StateValue": "OK"}),
        (unchecked.set_alarm_state, {"AlarmName": "errors", **state, "StateValue": "FINE"}),
        (unchecked.describe_alarms, {"MaxRecords": 0}),
        (unchecked.describe_alarms, {"StateValue": "FINE"}),
        (unchecked.describe_alarms, {"AlarmTypes": ["Loud"]}),
        (client.describe_alarms, {"AlarmNames": ["a"], "AlarmNamePrefix": "a"}),
        (unchecked.describe_alarm_history, {"HistoryItemType": "Gossip"}),
        (unchecked.describe_alarm_history, {"ScanBy": "Chance"}),
        (unchecked.delete_alarms, {}),
        (client.describe_alarms, {"ChildrenOfAlarmName": "errors"}),
        (client.describe_alarms, {"ParentsOfAlarmName": "errors"}),
        (client.describe_alarm_history, {"AlarmContributorId": "0"}),
    ):
        refused("ValidationError", call, **request)
