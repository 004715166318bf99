"""The oracle itself: an answer that is not as the models have it is a finding."""

from __future__ import annotations

import json
from typing import Any

from sandbox import SESSION, Scope
from suite import check, equal
from wire import Oracle

REQUEST_ID = "01234567-89ab-cdef-0123-456789abcdef"

# An operation, a status, an answer, and where a finding must be.
WRONG_JSON: list[tuple[str, str, int, Any, str]] = [
    ("ecs", "ListTasks", 200, {"tasks": []}, "$.tasks"),
    ("ecs", "ListTasks", 200, {"taskArns": "a"}, "$.taskArns"),
    ("ecs", "ListTasks", 200, {"taskArns": [1]}, "$.taskArns[]"),
    ("ecs", "ListTasks", 200, {"taskArns": None}, "$.taskArns"),
    ("ecs", "RunTask", 200, {"tasks": [{"startedAt": "now"}]}, "$.tasks[].startedAt"),
    ("ecs", "RunTask", 200, {"tasks": [{"version": "1"}]}, "$.tasks[].version"),
    ("ecs", "RunTask", 200, {"tasks": [{"launchType": "MOON"}]}, "$.tasks[].launchType"),
    ("ssm", "GetParameter", 200, {"Parameter": {"Name": ""}}, "$.Parameter.Name"),
    ("ecr", "ListTagsForResource", 200, {"tags": [{"Key": "a"}]}, "$.tags[].Value"),
    ("ecs", "ListTasks", 400, {"__type": "ParameterNotFound"}, "(error)"),
    ("ecs", "ListTasks", 500, {"__type": "ClientException"}, "(status)"),
    ("ssm", "GetParameter", 500, {"__type": "InternalServerError", "message": ""}, "$.message"),
]

WRONG_XML: list[tuple[int, str, str]] = [
    (200, "<GetCallerIdentityResponse/>", "GetCallerIdentityResponse"),
    (403, "<ErrorResponse><Error><Code>Odd</Code></Error></ErrorResponse>", "(error)"),
    (200, "no XML", "(body)"),
]


def findings(service: str, operation: str, status: int, body: str, content_type: str) -> set[str]:
    """Where an oracle finds something in an answer."""
    oracle = Oracle()
    headers = {"content-type": content_type, "x-amzn-requestid": REQUEST_ID}
    oracle.see(
        SESSION.get_service_model(service).operation_model(operation),
        {"status_code": status, "headers": headers, "body": body.encode()},
    )
    return {finding.path for finding in oracle.findings}


@check
def json_answers(_: Scope) -> None:
    """What a model does not allow of JSON is found, and nothing else is."""
    kind = "application/x-amz-json-1.1"
    for service, operation, status, body, path in WRONG_JSON:
        found = findings(service, operation, status, json.dumps(body), kind)
        equal(found, {path}, f"what is found in {body}")
    equal(findings("ecs", "ListTasks", 200, '{"taskArns":["a"]}', kind), set(), "nothing")
    equal(findings("ecs", "ListTasks", 200, "{}", "text/html"), {"(content-type)"})
    equal(findings("ecs", "ListTasks", 200, '{"nextToken":"","nextToken":""}', kind), {"(body)"})


@check
def xml_answers(_: Scope) -> None:
    """What a model does not allow of XML is found."""
    for status, body, path in WRONG_XML:
        found = findings("sts", "GetCallerIdentity", status, body, "text/xml")
        equal(path in found, True, f"{path} being found in {body}")
