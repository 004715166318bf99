"""Reads answers in Smithy's RPC v2 with CBOR, and holds them against a model.

The protocol: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html

The bytes are read by botocore; what they say is held against the model as JSON is, once it is known
that what is a time, and nothing else, is tagged as one.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator
from typing import Any

from botocore.model import OperationModel, Shape
from botocore.parsers import BaseCBORParser, ResponseParserError

from wire import awsjson
from wire.reading import Fault, Reading

PROTOCOL = "rpc-v2-cbor"


def read(operation: OperationModel, response: dict[str, Any]) -> Reading:
    """Reads an answer, with all that its model does not allow."""
    headers = {name.lower(): value for name, value in response["headers"].items()}
    reading = Reading(request_id=headers.get("x-amzn-requestid"))
    for name, wanted in (("content-type", "application/cbor"), ("smithy-protocol", PROTOCOL)):
        if headers.get(name) != wanted:
            reading.faults.append((f"({name})", f"{headers.get(name)}, want {wanted}"))
    try:
        body = decoded(response["body"])
    except (ResponseParserError, UnicodeDecodeError, RecursionError) as error:
        reading.faults.append(("(body)", str(error)))
        return reading
    if response["status_code"] < 300:
        shape = operation.output_shape
        reading.faults += times(shape, body, "$")
        reading.faults += awsjson.faults(shape, in_seconds(body))
    else:
        awsjson.read_error(operation, headers, body, reading)
    return reading


def decoded(body: bytes) -> Any:
    """The one item that a body is."""
    stream = io.BufferedReader(io.BytesIO(body))
    item = BaseCBORParser().parse_data_item(stream) if body else {}
    if stream.read():
        raise ResponseParserError("there is more after the first item")
    return item


def times(shape: Shape | None, value: Any, path: str) -> Iterator[Fault]:
    """Times that are not tagged as such, and other values that are."""
    kind = shape.type_name if shape else ""
    is_time = isinstance(value, datetime.datetime)
    if is_time != (kind == "timestamp"):
        yield path, f"{value!r}, want {kind}"
    elif kind == "structure" and isinstance(value, dict):
        for name in value.keys() & shape.members.keys():
            yield from times(shape.members[name], value[name], f"{path}.{name}")
    elif kind == "list" and isinstance(value, list):
        for one in value:
            yield from times(shape.member, one, f"{path}[]")


def in_seconds(value: Any) -> Any:
    """A value with its times as JSON has them."""
    match value:
        case datetime.datetime():
            return round(value.timestamp(), 3)
        case dict():
            return {name: in_seconds(one) for name, one in value.items()}
        case list():
            return [in_seconds(one) for one in value]
    return value
