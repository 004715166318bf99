"""Reads answers in awsJson, and holds them against a model.

The protocol: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from botocore.model import OperationModel, Shape

from wire.reading import Fault, Reading, bound_faults, string_faults

# What the protocol has beside the members of an error, and what services call its message.
ERROR_TYPE = "__type"
MESSAGES = {"message", "Message"}

# Lists whose bounds hold for requests only: the sample responses of LabelParameterVersion in SSM's
# API reference have no label where one is the least, and ListImages of ECR answers with as many ids
# as `maxResults` says, up to 1,000 where 100 are the most.
BOUND_IN_REQUESTS = {"ImageIdentifierList", "ParameterLabelList"}


def read(operation: OperationModel, response: dict[str, Any]) -> Reading:
    """Reads an answer, with all that its model does not allow."""
    headers = {name.lower(): value for name, value in response["headers"].items()}
    reading = Reading(request_id=headers.get("x-amzn-requestid"))
    wanted = f"application/x-amz-json-{operation.metadata['jsonVersion']}"
    if headers.get("content-type") != wanted:
        reading.faults.append(("(content-type)", f"{headers.get('content-type')}, want {wanted}"))
    try:
        body = json.loads(response["body"], object_pairs_hook=once, parse_constant=reject_constant)
    except ValueError as error:
        reading.faults.append(("(body)", str(error)))
        return reading
    if response["status_code"] < 300:
        reading.faults += faults(operation.output_shape, body)
    else:
        read_error(operation, headers, body, reading)
    return reading


def read_error(
    operation: OperationModel, headers: dict[str, str], body: Any, reading: Reading
) -> None:
    """Reads an error's code, and finds what its model does not allow."""
    name = error_name(headers, body)
    reading.code = name
    if operation.service_model.is_query_compatible:
        reading.faults += query_error_faults(operation, name, headers)
        reading.code = query_error(headers)[0]
    reading.faults += error_body_faults(operation, name, body)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, each of whose members is there once."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a member is there twice: {[name for name, _ in pairs]}")
    return found


def reject_constant(text: str) -> float:
    """NaN and infinities, which Python reads but JSON does not have."""
    raise ValueError(f"{text} is not JSON")


def query_error(headers: dict[str, str]) -> tuple[str | None, str | None]:
    """The code of an error in AWS Query, and whose fault it is, as services tell them that once
    spoke it: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
    """
    code, _, whose = headers.get("x-amzn-query-error", "").partition(";")
    return code or None, whose or None


def query_error_faults(
    operation: OperationModel, name: str | None, headers: dict[str, str]
) -> Iterator[Fault]:
    """What is wrong with the header that tells an error's code in AWS Query."""
    code, whose = query_error(headers)
    if whose not in ("Sender", "Receiver"):
        yield "(x-amzn-query-error)", f"{whose!r}, want Sender or Receiver"
    declared = {one.name: one.error_code for one in operation.error_shapes}
    if code != declared.get(name or "", name):
        yield "(x-amzn-query-error)", f"{code} for {name}"


def error_name(headers: dict[str, str], body: Any) -> str | None:
    """An error's name, without the namespace before it and the address after it."""
    in_body = body.get(ERROR_TYPE) if isinstance(body, dict) else None
    code = in_body or headers.get("x-amzn-errortype")
    return code.split("#")[-1].split(":")[0] if code else None


def error_body_faults(operation: OperationModel, name: str | None, body: Any) -> list[Fault]:
    """What the model of the error does not allow in its body."""
    shape = next((one for one in operation.error_shapes if one.name == name), None)
    if shape is None:
        return []
    # An error may have a message though its model has no member for it.
    beside = {ERROR_TYPE} if MESSAGES & shape.members.keys() else {ERROR_TYPE, *MESSAGES}
    return list(walk(shape, {k: v for k, v in body.items() if k not in beside}, "$"))


def faults(shape: Shape | None, body: Any) -> list[Fault]:
    """What the model of the output does not allow."""
    if shape is None:
        return [] if body == {} else [("$", f"{body!r}, want an empty object")]
    return list(walk(shape, body, "$"))


def walk(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    """All faults of a value and of what is in it."""
    if value is None:
        yield path, "null"
    else:
        yield from CHECKS[shape.type_name](shape, value, path)


def structure(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    """An object with the members of the shape, and no others."""
    if not isinstance(value, dict):
        yield path, f"{kind(value)}, want an object"
        return
    members = {m.serialization.get("name", name): m for name, m in shape.members.items()}
    required = {
        shape.members[name].serialization.get("name", name) for name in shape.required_members
    }
    for name in sorted(required - value.keys()):
        yield f"{path}.{name}", "absent, and required"
    for name, one in value.items():
        if name not in members:
            yield f"{path}.{name}", f"not a member of {shape.name}"
        else:
            yield from walk(members[name], one, f"{path}.{name}")
    if shape.is_tagged_union and len(value) != 1:
        yield path, f"{len(value)} members of a union"


def sequence(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    """A list."""
    if not isinstance(value, list):
        yield path, f"{kind(value)}, want a list"
        return
    if shape.name not in BOUND_IN_REQUESTS:
        yield from bound_faults(shape, len(value), "length", path)
    for one in value:
        yield from walk(shape.member, one, f"{path}[]")


def mapping(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    """An object with any members."""
    if not isinstance(value, dict):
        yield path, f"{kind(value)}, want an object"
        return
    yield from bound_faults(shape, len(value), "length", path)
    for key, one in value.items():
        yield from walk(shape.key, key, f"{path}{{key}}")
        yield from walk(shape.value, one, f"{path}{{}}")


def text(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    """A string."""
    if not isinstance(value, str):
        yield path, f"{kind(value)}, want a string"
    else:
        yield from string_faults(shape, value, path)


def whole(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    """A whole number that fits."""
    if isinstance(value, bool) or not isinstance(value, int):
        yield path, f"{value!r}, want a whole number"
    elif not -(2**63) <= value < 2**63 or (shape.type_name == "integer" and abs(value) >= 2**31):
        yield path, f"{value} does not fit into {shape.type_name}"
    else:
        yield from bound_faults(shape, value, "value", path)


def number(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield path, f"{value!r}, want a number"
    else:
        yield from bound_faults(shape, value, "value", path)


def timestamp(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    """Seconds since 1970, with milliseconds at the finest."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        yield path, f"{value!r}, want seconds since 1970"
    elif round(value, 3) != value:
        yield path, f"{value!r} is finer than the protocol's milliseconds"


def boolean(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    """A boolean."""
    if not isinstance(value, bool):
        yield path, f"{value!r}, want a boolean"


def blob(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    """Bytes in base64."""
    try:
        content = base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        yield path, f"{value!r}, want base64"
    else:
        yield from bound_faults(shape, len(content), "length", path)


def kind(value: Any) -> str:
    """What a value is, in JSON's words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number")


CHECKS: dict[str, Callable[[Shape, Any, str], Iterator[Fault]]] = {
    "structure": structure,
    "list": sequence,
    "map": mapping,
    "string": text,
    "character": text,
    "integer": whole,
    "long": whole,
    "float": number,
    "double": number,
    "timestamp": timestamp,
    "boolean": boolean,
    "blob": blob,
}
