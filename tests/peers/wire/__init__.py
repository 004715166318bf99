"""The conformance oracle: holds raw answers against botocore's models of the services.

botocore reads answers leniently (it drops members it does not know, and looks at no enum), so that
a client that works proves little. This module sees every answer before botocore reads it, and notes
a finding for everything that the model of the operation does not allow.

Invariant: the oracle only looks. What it is attached to sends and receives what it would without.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient
from botocore.model import OperationModel, Shape

from wire import awsjson, cbor, query

# The errors that every service may answer with: "Common Errors" in the services' API references,
# and those of the protocol itself (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html).
COMMON_ERRORS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InternalFailure",
        "InvalidAction",
        "InvalidSignatureException",
        "SerializationException",
        "SignatureDoesNotMatch",
        "Throttling",
        "ThrottlingException",
        "UnknownOperationException",
        "ValidationError",
        "ValidationException",
    }
)

# The errors whose models have the trait `fault`, which botocore does not hand on.
SERVICE_FAULTS = frozenset(
    {
        "InternalServerError",
        "InternalServiceException",
        "ServerException",
        "ServiceUnavailableException",
    }
)

# How each protocol is read.
DIALECTS = {"json": awsjson, "query": query, "smithy-rpc-v2-cbor": cbor}

REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Finding:
    """Something in an answer that the model does not allow."""

    operation: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.path}: {self.what}"


@dataclass
class Oracle:
    """What has been seen, of all clients that it is attached to."""

    requests: int = 0
    sent: set[str] = field(default_factory=set)
    succeeded: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    findings: dict[Finding, str] = field(default_factory=dict)
    request_ids: set[str] = field(default_factory=set)

    @property
    def operations(self) -> set[str]:
        """The operations that were answered, `ecs.ListTasks`, with success or with an error."""
        return set(self.succeeded) | set(self.refused)

    def attach(self, client: BaseClient) -> None:
        """Looks at every request of this client, and every answer to it, from now on."""
        client.meta.events.register("before-parse.*.*", self._hear)
        client.meta.events.register("before-parameter-build.*.*", self._note)

    def _note(self, params: dict[str, Any], model: OperationModel, **_: Any) -> None:
        """Notes which parameters are sent, as `ecs.ListTasks.cluster`."""
        name = f"{model.service_model.service_name}.{model.name}"
        self.sent |= {f"{name}.{parameter}" for parameter in params}

    def _hear(
        self, operation_model: OperationModel, response_dict: dict[str, Any], **_: Any
    ) -> None:
        self.see(operation_model, response_dict)

    def see(self, operation_model: OperationModel, response_dict: dict[str, Any]) -> None:
        """Looks at one answer, as botocore's event `before-parse` tells it."""
        self.requests += 1
        service = operation_model.service_model.service_name
        name = f"{service}.{operation_model.name}"
        body = response_dict["body"]
        for path, what in self._faults(operation_model, response_dict, name):
            excerpt = body[:400].decode(errors="replace")
            self.findings.setdefault(Finding(name, path, what), excerpt)

    def _faults(
        self, operation: OperationModel, response: dict[str, Any], name: str
    ) -> list[tuple[str, str]]:
        protocol = operation.service_model.resolved_protocol
        reading = DIALECTS[protocol].read(operation, response)
        faults = list(reading.faults)
        faults += self._request_id_faults(reading.request_id)
        if response["status_code"] < 300:
            self.succeeded[name] += 1
            if response["status_code"] != 200:
                faults.append(("(status)", f"{response['status_code']}, want 200"))
        else:
            self.refused[name] += 1
            faults += error_faults(operation, reading.code, response["status_code"])
        return faults

    def _request_id_faults(self, request_id: str | None) -> list[tuple[str, str]]:
        if request_id is None:
            return [("(request id)", "absent")]
        if not REQUEST_ID.fullmatch(request_id):
            return [("(request id)", f"{request_id!r} is not a UUID")]
        if request_id in self.request_ids:
            return [("(request id)", "the same as that of an earlier request")]
        self.request_ids.add(request_id)
        return []


def error_faults(operation: OperationModel, code: str | None, status: int) -> list[tuple[str, str]]:
    """What is wrong with an error's code and status for this operation."""
    if not code:
        return [("(error)", "no code")]
    declared = {shape.error_code: shape for shape in operation.error_shapes}
    if code not in declared:
        # A service's own failure can befall any of its operations.
        is_own = code in SERVICE_FAULTS and code in operation.service_model.shape_names
        is_common = code in COMMON_ERRORS or is_own
        return [] if is_common else [("(error)", f"{code} is not declared")]
    wanted = declared_status(declared[code])
    return [] if status == wanted else [("(status)", f"{status} for {code}, want {wanted}")]


def declared_status(shape: Shape) -> int:
    """The HTTP status of an error. Where the model tells none, the client's faults have 400 and the
    service's 500."""
    error = shape.metadata.get("error") or {}
    return int(error.get("httpStatusCode", 500 if shape.name in SERVICE_FAULTS else 400))
