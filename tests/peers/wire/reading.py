"""What all dialects of the wire have in common: a reading of an answer, and checks of scalars.

A fault is a pair of a path into the answer, `$.service.events[].id`, and what is wrong there.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from botocore.model import Shape

Fault = tuple[str, str]


@dataclass
class Reading:
    """What an answer says, as far as it could be read."""

    request_id: str | None = None
    code: str | None = None
    faults: list[Fault] = field(default_factory=list)


def string_faults(shape: Shape, value: str, path: str) -> Iterator[Fault]:
    """What the model does not allow in a string."""
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield path, f"{value!r} is not in the enum {shape.name}"
    yield from bound_faults(shape, len(value), "length", path)
    pattern = compiled(shape.metadata.get("pattern"))
    if pattern and not pattern.fullmatch(value):
        yield path, f"{value!r} does not match {pattern.pattern}"


def bound_faults(shape: Shape, value: float, what: str, path: str) -> Iterator[Fault]:
    """What the model does not allow of a number, or of a length."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and value < least) or (most is not None and value > most):
        yield path, f"{what} {value} is outside [{least}, {most}] of {shape.name}"


@functools.cache
def compiled(pattern: str | None) -> re.Pattern[str] | None:
    """A model's pattern; none where it is of a kind that Python's `re` does not know."""
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None
