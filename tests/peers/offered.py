"""What the sandbox offers: found out by asking for every operation that botocore knows.

The list is compared with what was tried, and every operation of it is made to fail in the ways in
which any can.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from xml.etree import ElementTree

from botocore import xform_name
from botocore.model import OperationModel

import suite
from sandbox import SESSION, TIMEOUT_SECONDS, Sandbox, Scope, access_key
from wire import Finding, Oracle

SERVICES = (
    "application-autoscaling",
    "cloudwatch",
    "codedeploy",
    "ecr",
    "ecs",
    "elbv2",
    "iam",
    "logs",
    "service-quotas",
    "ssm",
    "sts",
)

# Those of them every parameter of whose operations must have been sent by a check: it is heeded, or
# refused, and never ignored.
HELD_TO_PARAMETERS = {
    "application-autoscaling",
    "cloudwatch",
    "codedeploy",
    "elbv2",
    "logs",
    "service-quotas",
}

# What the sandbox calls a service, where botocore has another name.
NAMES = {"elbv2": "elasticloadbalancing", "service-quotas": "servicequotas"}

# What the sandbox says of an operation that it does not offer.
UNKNOWN = {"InvalidAction", "UnknownOperationException"}
NOT_DONE = "The sandbox does not do"

# What only ever answers that there is none, since nothing that is offered could put one.
NEVER_SUCCEED = {"ecr.GetLifecyclePolicy", "ecr.GetRepositoryPolicy"}

# What is never so, since nothing that is offered could bring it about.
NEVER_SO = {"cloudwatch.log_alarm_exists"}

# The errors of each service for what the sandbox can be told to have happen.
JSON_FAILURES = {"deny": "AccessDeniedException", "throttle": "ThrottlingException"}
QUERY_FAILURES = {"deny": "AccessDenied", "throttle": "Throttling", "error": "InternalFailure"}
FAILURES = {
    "application-autoscaling": {**JSON_FAILURES, "error": "InternalServiceException"},
    "cloudwatch": {**JSON_FAILURES, "error": "InternalFailure"},
    "codedeploy": {**JSON_FAILURES, "error": "InternalFailure"},
    "ecr": {**JSON_FAILURES, "error": "ServerException"},
    "ecs": {**JSON_FAILURES, "error": "ServerException"},
    "elbv2": QUERY_FAILURES,
    "iam": QUERY_FAILURES,
    "logs": {**JSON_FAILURES, "error": "ServiceUnavailableException"},
    "service-quotas": {**JSON_FAILURES, "error": "InternalFailure"},
    "ssm": {**JSON_FAILURES, "error": "InternalServerError"},
    "sts": QUERY_FAILURES,
}


def operations(sandbox: Sandbox, scope: Scope) -> set[str]:
    """The operations that the sandbox offers, as `ecs.ListTasks`."""
    return {
        f"{service}.{name}"
        for service in SERVICES
        for name in SESSION.get_service_model(service).operation_names
        if is_offered(sandbox, scope, SESSION.get_service_model(service).operation_model(name))
    }


def is_offered(sandbox: Sandbox, scope: Scope, operation: OperationModel) -> bool:
    """Whether the sandbox knows an operation, asked with a request without members."""
    model = operation.service_model
    headers = {"Authorization": authorization(scope, model.signing_name)}
    if model.resolved_protocol == "json":
        target = f"{model.metadata['targetPrefix']}.{operation.name}"
        headers |= {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        body = b"{}"
    else:
        form = {"Action": operation.name, "Version": model.api_version}
        body = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(f"{sandbox.url}/", body, headers)
    try:
        urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError as error:
        return not says_unknown(error.read())
    return True


def authorization(scope: Scope, service: str) -> str:
    """A header that tells the account; signatures are not verified."""
    credential = f"{access_key(scope.account)}/20260101/{scope.region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"


def says_unknown(body: bytes) -> bool:
    """Whether an error says that the operation is not there."""
    if body.startswith(b"<"):
        root = ElementTree.fromstring(body)
        return any(element.text in UNKNOWN for element in root.iter())
    answer = json.loads(body)
    code = answer["__type"].rsplit("#")[-1]
    return code in UNKNOWN or str(answer.get("message", "")).startswith(NOT_DONE)


def checks(names: set[str]) -> list[suite.Check]:
    """A check for every operation that is offered: it fails as any operation can."""
    return [failing(name) for name in sorted(names)]


def failing(name: str) -> suite.Check:
    """The check that an operation tells of failures that have nothing to do with it."""
    service, operation = name.split(".")

    def check(aws: Scope) -> None:
        call = getattr(aws.unchecked(service), xform_name(operation))
        for kind, code in FAILURES[service].items():
            with aws.sandbox.fault(f"{NAMES.get(service, service)}:{operation}", kind):
                suite.refused(code, call)

    check.__doc__ = f"{name} can be denied, throttled, and fail"
    return check


def untried(names: set[str], oracle: Oracle, scope: Scope) -> dict[Finding, str]:
    """What is offered and was not tried: operations that never succeeded, listings that no
    paginator of botocore read, states that no waiter of botocore waited for, parameters that
    no check sent."""
    never = {
        Finding(name, "(tests)", "is offered, and was never answered with success"): ""
        for name in sorted(names - NEVER_SUCCEED - set(oracle.succeeded))
    }
    tried = untried_pages(names, scope) | untried_waiters(names, scope)
    return never | tried | untried_parameters(names, oracle)


def untried_parameters(names: set[str], oracle: Oracle) -> dict[Finding, str]:
    """Parameters that botocore can send and nobody did."""
    found = {}
    for name in sorted(names):
        service, operation = name.split(".")
        if service in HELD_TO_PARAMETERS:
            shape = SESSION.get_service_model(service).operation_model(operation).input_shape
            for parameter in sorted(shape.members if shape else ()):
                if f"{name}.{parameter}" not in oracle.sent:
                    found[Finding(name, parameter, "was never sent")] = ""
    return found


def untried_pages(names: set[str], scope: Scope) -> dict[Finding, str]:
    """Listings that botocore can page through and nobody did."""
    found = {}
    for name in sorted(names):
        service, operation = name.split(".")
        method = xform_name(operation)
        can_paginate = scope.client(service).can_paginate(method)
        if can_paginate and f"{service}.{method}" not in suite.PAGED:
            found[Finding(name, "(tests)", "was not read with botocore's paginator")] = ""
    return found


def untried_waiters(names: set[str], scope: Scope) -> dict[Finding, str]:
    """States that botocore can wait for and nobody did."""
    found = {}
    for service in SERVICES:
        for waiter in scope.client(service).waiter_names:
            awaited = scope.client(service).get_waiter(waiter).config.operation
            name = f"{service}.{waiter}"
            if f"{service}.{awaited}" in names and name not in suite.AWAITED | NEVER_SO:
                found[Finding(name, "(tests)", "was not awaited with botocore's waiter")] = ""
    return found
