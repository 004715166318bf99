"""CloudWatch Logs: what containers of ECS tasks logged."""

from __future__ import annotations

from typing import Any

import shop
from sandbox import Scope
from suite import check, equal, holds, paged, refused, wait

GROUP = "/shop/web"
STREAMS = 2


def logged(aws: Scope, count: int = STREAMS, group: str = GROUP) -> list[str]:
    """Has tasks run that log and exit; gives the names of their streams."""
    image = f"{aws.account}/web:1"
    aws.sandbox.set_fate(image, "crash=3@2")
    aws.ecs.create_cluster(clusterName=shop.CLUSTER)
    shop.revision(aws, image, container=shop.logging(group))
    tasks = aws.ecs.run_task(cluster=shop.CLUSTER, taskDefinition="web", count=count)["tasks"]
    arns = [task["taskArn"] for task in tasks]
    wait(aws.ecs, "tasks_stopped", cluster=shop.CLUSTER, tasks=arns)
    return sorted(f"ecs/web/{arn.rsplit('/', 1)[1]}" for arn in arns)


def messages(events: list[dict[str, Any]]) -> list[str]:
    """The texts of lines."""
    return [event["message"] for event in events]


@check
def a_stream(aws: Scope) -> None:
    """The lines of a stream are read from its start and from its end, page by page."""
    (name,) = logged(aws, 1)
    request = {"logGroupName": GROUP, "logStreamName": name}
    everything = aws.logs.get_log_events(startFromHead=True, **request)["events"]
    holds(messages(everything)[0].startswith("INFO  starting web:1"), "it tells of its start")
    holds(all(one["timestamp"] <= one["ingestionTime"] for one in everything), "in order")
    read, answer = [], aws.logs.get_log_events(startFromHead=True, limit=2, **request)
    while answer["events"]:
        read += answer["events"]
        token = answer["nextForwardToken"]
        answer = aws.logs.get_log_events(nextToken=token, limit=2, **request)
    equal(read, everything, "what is read forward")
    equal(answer["nextForwardToken"], token, "the token at the end")
    last = aws.logs.get_log_events(limit=2, **request)
    equal(last["events"], everything[-2:], "the end")
    before = aws.logs.get_log_events(nextToken=last["nextBackwardToken"], limit=2, **request)
    equal(before["events"], everything[-4:-2], "what is before the end")


@check
def a_time(aws: Scope) -> None:
    """Lines are read from a moment on, and up to another one, which GetLogEvents leaves out and
    FilterLogEvents does not."""
    (name,) = logged(aws, 1)
    arn = f"arn:aws:logs:{aws.region}:{aws.account}:log-group:{GROUP}"
    for group in ({"logGroupName": GROUP}, {"logGroupIdentifier": arn}):
        events = aws.logs.get_log_events(logStreamName=name, unmask=False, **group)["events"]
        first, last = events[0]["timestamp"], events[-1]["timestamp"]
        between = {"startTime": first + 1, "endTime": last, **group}
        inside = [one for one in events if first < one["timestamp"] < last]
        found = aws.logs.get_log_events(logStreamName=name, **between)["events"]
        equal(messages(found), messages(inside), "what GetLogEvents tells")
        found = aws.logs.filter_log_events(**between)["events"]
        equal(messages(found), messages([one for one in events if one["timestamp"] > first]))


@check
def filtered(aws: Scope) -> None:
    """Lines of several streams are read together, in the order of their times, by terms and by
    streams, and from either end."""
    first, second = logged(aws)
    group = {"logGroupName": GROUP}
    everything = aws.logs.filter_log_events(interleaved=True, unmask=False, **group)["events"]
    times = [one["timestamp"] for one in everything]
    equal(times, sorted(times), "the times")
    equal({one["logStreamName"] for one in everything}, {first, second}, "the streams")
    pages = paged(aws.logs, "filter_log_events", "events", len(everything), 3, **group)
    equal(pages, everything, "the pages")
    for given, expected in (
        ({"logStreamNames": [first]}, len(everything) // 2),
        ({"logStreamNamePrefix": second}, len(everything) // 2),
        ({"filterPattern": "starting web"}, 2),
        ({"filterPattern": "ERROR database"}, 2),
        ({"limit": 3}, 3),
    ):
        found = aws.logs.filter_log_events(**given, **group)["events"]
        equal(len(found), expected, f"the number of lines by {given}")
    latest = aws.logs.filter_log_events(startFromHead=False, limit=2, **group)
    equal(latest["events"], everything[::-1][:2], "the latest")
    token = latest["nextToken"]
    older = aws.logs.filter_log_events(nextToken=token, limit=2, **group)
    equal(older["events"], everything[::-1][2:4], "those before")


@check
def streams(aws: Scope) -> None:
    """Streams are listed in pages, by name, by prefix and by their last line."""
    names = logged(aws, 5)
    group = {"logGroupName": GROUP}
    listed = paged(aws.logs, "describe_log_streams", "logStreams", 5, **group)
    equal([one["logStreamName"] for one in listed], names, "the streams")
    holds(all(one["firstEventTimestamp"] < one["lastEventTimestamp"] for one in listed), "in order")
    arn = f"arn:aws:logs:{aws.region}:{aws.account}:log-group:{GROUP}"
    for given, expected in (
        ({"descending": True}, names[::-1]),
        ({"logStreamNamePrefix": names[2]}, names[2:3]),
        ({"orderBy": "LogStreamName", "limit": 1}, names[:1]),
    ):
        found = aws.logs.describe_log_streams(logGroupIdentifier=arn, **given)["logStreams"]
        equal([one["logStreamName"] for one in found], expected, f"the streams by {given}")
    latest = aws.logs.describe_log_streams(orderBy="LastEventTime", descending=True, **group)
    times = [one["lastEventTimestamp"] for one in latest["logStreams"]]
    equal(times, sorted(times, reverse=True), "the times of last lines")


@check
def groups(aws: Scope) -> None:
    """Groups are listed in pages, by prefix, by pattern, by class and by ARN."""
    names = [f"/shop/{name}" for name in ("images", "search", "web")]
    for name in names:
        logged(aws, 1, name)
    listed = paged(aws.logs, "describe_log_groups", "logGroups", 3)
    equal([one["logGroupName"] for one in listed], names, "the groups")
    arn = f"arn:aws:logs:{aws.region}:{aws.account}:log-group:{names[1]}"
    for given, expected in (
        ({"logGroupNamePrefix": "/shop/s"}, names[1:2]),
        ({"logGroupNamePattern": "EAR"}, names[1:2]),
        ({"logGroupNamePattern": ""}, names),
        ({"logGroupIdentifiers": [arn, names[2]]}, names[1:]),
        ({"logGroupClass": "STANDARD"}, names),
        ({"logGroupClass": "INFREQUENT_ACCESS"}, []),
        ({"accountIdentifiers": [aws.account]}, names),
        ({"includeLinkedAccounts": False, "limit": 2}, names[:2]),
    ):
        found = aws.logs.describe_log_groups(**given)["logGroups"]
        equal([one["logGroupName"] for one in found], expected, f"the groups by {given}")


@check
def errors(aws: Scope) -> None:
    """What is not there or not valid is an error, and so is what the sandbox does not do."""
    (name,) = logged(aws, 1)
    logs, unchecked = aws.logs, aws.unchecked("logs")
    stream = {"logGroupName": GROUP, "logStreamName": name}
    absent = {"logGroupName": "/none"}
    for call, request in (
        (logs.get_log_events, {**stream, **absent}),
        (logs.get_log_events, {**stream, "logStreamName": "none"}),
        (logs.filter_log_events, absent),
        (logs.filter_log_events, {"logGroupName": GROUP, "logStreamNames": ["none"]}),
        (logs.describe_log_streams, absent),
    ):
        refused("ResourceNotFoundException", call, **request)
    both = {"logGroupName": GROUP, "logGroupIdentifier": GROUP}
    for call, request in (
        (logs.get_log_events, {"logStreamName": name}),
        (unchecked.get_log_events, {"logGroupName": GROUP}),
        (logs.get_log_events, {**stream, "logGroupIdentifier": GROUP}),
        (logs.get_log_events, {**stream, "nextToken": "made up"}),
        (unchecked.get_log_events, {**stream, "limit": 0}),
        (unchecked.get_log_events, {**stream, "limit": 10_001}),
        (logs.filter_log_events, both),
        (logs.filter_log_events, {"logGroupName": GROUP, "nextToken": "made up"}),
        (
            logs.filter_log_events,
            {"logGroupName": GROUP, "logStreamNames": [name], "logStreamNamePrefix": "ecs"},
        ),
        (logs.filter_log_events, {"logGroupName": GROUP, "filterPattern": "{ $.a = 1 }"}),
        (logs.describe_log_streams, both),
        (unchecked.describe_log_streams, {"logGroupName": GROUP, "orderBy": "Size"}),
        (
            logs.describe_log_streams,
            {"logGroupName": GROUP, "orderBy": "LastEventTime", "logStreamNamePrefix": "e"},
        ),
        (logs.describe_log_streams, {"logGroupName": GROUP, "nextToken": "made up"}),
        (logs.describe_log_groups, {"nextToken": "made up"}),
        (unchecked.describe_log_groups, {"limit": 51}),
        (unchecked.describe_log_groups, {"logGroupClass": "GOLD"}),
        (logs.describe_log_groups, {"logGroupNamePrefix": "a", "logGroupNamePattern": "a"}),
        (logs.describe_log_groups, {"includeLinkedAccounts": True}),
        (logs.describe_log_groups, {"accountIdentifiers": ["999999999999"]}),
    ):
        refused("InvalidParameterException", call, **request)
