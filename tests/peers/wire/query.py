"""Reads answers in AWS Query's XML, and holds them against a model.

The protocol: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from botocore.model import OperationModel, Shape

from wire.reading import Fault, Reading, bound_faults, string_faults

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")

# What else the element of an error may have.
ERROR_MEMBERS = {"Type", "Code", "Message"}


def read(operation: OperationModel, response: dict[str, Any]) -> Reading:
    """Reads an answer, with all that its model does not allow."""
    reading = Reading()
    content_type = response["headers"].get("content-type", "")
    if content_type.split(";")[0] != "text/xml":
        reading.faults.append(("(content-type)", f"{content_type!r}, want text/xml"))
    try:
        root = ElementTree.fromstring(response["body"])
    except ElementTree.ParseError as error:
        reading.faults.append(("(body)", str(error)))
        return reading
    namespace = operation.metadata["xmlNamespace"]
    reading.faults += namespace_faults(root, namespace)
    for element in root.iter():
        element.tag = local(element)
    if response["status_code"] < 300:
        read_success(operation, root, reading)
    else:
        read_error(operation, root, reading)
    return reading


def namespace_faults(root: Element, namespace: str) -> list[Fault]:
    """Elements that are not in the service's namespace."""
    strangers = {one.tag for one in root.iter() if one.tag != f"{{{namespace}}}{local(one)}"}
    return [(tag, f"not in the namespace {namespace}") for tag in sorted(strangers)]


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rsplit("}", 1)[-1]


def read_success(operation: OperationModel, root: Element, reading: Reading) -> None:
    """Reads `<OperationResponse><OperationResult>…</OperationResult><ResponseMetadata>…`."""
    expected = [f"{operation.name}Response"]
    if root.tag != expected[0]:
        reading.faults.append((root.tag, f"want {expected[0]}"))
    shape = operation.output_shape
    wrapper = shape.serialization.get("resultWrapper") if shape else None
    wanted = [name for name in (wrapper, "ResponseMetadata") if name]
    if [one.tag for one in root] != wanted:
        reading.faults.append((root.tag, f"has {[one.tag for one in root]}, want {wanted}"))
    reading.request_id = root.findtext("ResponseMetadata/RequestId")
    result = root.find(wrapper) if wrapper else None
    if shape and result is not None:
        reading.faults += walk(shape, result, "$")


def read_error(operation: OperationModel, root: Element, reading: Reading) -> None:
    """Reads `<ErrorResponse><Error><Type/><Code/><Message/></Error><RequestId/>`."""
    names = [one.tag for one in root]
    if root.tag != "ErrorResponse" or names != ["Error", "RequestId"]:
        reading.faults.append((root.tag, f"has {names}, want ErrorResponse of Error and RequestId"))
    reading.request_id = root.findtext("RequestId")
    reading.code = root.findtext("Error/Code")
    kind = root.findtext("Error/Type")
    if kind not in ("Sender", "Receiver"):
        reading.faults.append(("Error.Type", f"{kind!r}, want Sender or Receiver"))
    if not root.findtext("Error/Message"):
        reading.faults.append(("Error.Message", "absent"))
    shapes = [one for one in operation.error_shapes if one.error_code == reading.code]
    allowed = ERROR_MEMBERS.union(*(one.members for one in shapes))
    for element in root.iterfind("Error/*"):
        if element.tag not in allowed:
            reading.faults.append((f"Error.{element.tag}", "not a member of the error"))


def walk(shape: Shape, element: Element, path: str) -> Iterator[Fault]:
    """All faults of an element and of what is in it."""
    match shape.type_name:
        case "structure":
            yield from structure(shape, element, path)
        case "list":
            yield from sequence(shape, element, path)
        case kind:
            if len(element):
                yield path, f"has elements, want {kind}"
            yield from scalar(shape, element.text or "", path)


def structure(shape: Shape, element: Element, path: str) -> Iterator[Fault]:
    """An element with the members of the shape, each once, and no others."""
    members = {m.serialization.get("name", name): m for name, m in shape.members.items()}
    names = [one.tag for one in element]
    for name in shape.required_members:
        if name not in names:
            yield f"{path}.{name}", "absent, and required"
    for one in element:
        if one.tag not in members:
            yield f"{path}.{one.tag}", f"not a member of {shape.name}"
        elif names.count(one.tag) > 1:
            yield f"{path}.{one.tag}", "there more than once"
        else:
            yield from walk(members[one.tag], one, f"{path}.{one.tag}")


def sequence(shape: Shape, element: Element, path: str) -> Iterator[Fault]:
    """An element of members."""
    wanted = shape.member.serialization.get("name", "member")
    yield from bound_faults(shape, len(element), "length", path)
    for one in element:
        if one.tag != wanted:
            yield f"{path}.{one.tag}", f"want {wanted}"
        else:
            yield from walk(shape.member, one, f"{path}[]")


def scalar(shape: Shape, value: str, path: str) -> Iterator[Fault]:
    """An element with nothing but text."""
    match shape.type_name:
        case "integer" | "long":
            if not re.fullmatch(r"-?\d+", value):
                yield path, f"{value!r}, want a whole number"
            else:
                yield from bound_faults(shape, int(value), "value", path)
        case "boolean":
            if value not in ("true", "false"):
                yield path, f"{value!r}, want true or false"
        case "timestamp":
            if not DATE_TIME.fullmatch(value):
                yield path, f"{value!r}, want a date and time in UTC"
        case _:
            yield from string_faults(shape, value, path)
