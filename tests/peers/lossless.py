"""Holds the copying of task definitions to botocore's model of `RegisterTaskDefinition`.

    lossless.py

Every member that the model has, however deep, is once in the task definitions of
`tests/it/task-definitions/every-member.json`, which the tests deploy and compare; and what is left
out of a copy is what only a description has. `UPDATE_DOCS=1` writes the file.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.session import Session

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "tests" / "it" / "task-definitions" / "every-member.json"
COPIES = ROOT / "src" / "plan" / "document.rs"

# What nobody knows yet, with an order and a spelling of its own.
UNKNOWN = {"z": 1.5, "a": [], "m": {"is": None, "not": False}}

# What must be there for ECS to take it, whatever it is called in the model.
NEEDED = {"name": "app", "image": "example.org/app:1"}

# What tags are is told beside a task definition.
BESIDE = ("tags",)


def whole(shape: Any, name: str) -> Any:
    """A value that has every member of a shape once."""
    if name in NEEDED:
        return NEEDED[name]
    match shape.type_name:
        case "structure":
            return {key: whole(member, key) for key, member in shape.members.items()}
        case "list":
            return [whole(shape.member, "")]
        case "map":
            return {"key": whole(shape.value, "")}
        case "string":
            return shape.enum[0] if shape.enum else f"a {name or 'text'}"
        case "boolean":
            return True
        case _:
            return 7


def empty(shape: Any, name: str) -> Any:
    """A value that has every member of a shape, and nothing in any of them."""
    if name in NEEDED:
        return NEEDED[name]
    match shape.type_name:
        case "structure":
            return {key: empty(member, key) for key, member in shape.members.items()}
        case "list":
            return [empty(shape.member, "")] if name == "containerDefinitions" else []
        case "map":
            return {}
        case "string":
            return shape.enum[0] if shape.enum else ""
        case "boolean":
            return name == "essential"
        case _:
            return 0


def ahead(shape: Any, name: str) -> Any:
    """The same as `whole`, with a member that nobody knows in every structure."""
    match shape.type_name:
        case "structure" if name not in NEEDED:
            known = {key: ahead(member, key) for key, member in shape.members.items()}
            return {"fromTheFuture": UNKNOWN, **dict(reversed(known.items()))}
        case "list":
            return [ahead(shape.member, "")]
        case _:
            return whole(shape, name)


def bodies(shape: Any) -> dict[str, Any]:
    """The task definitions, by what is special about them."""
    made: dict[str, Callable[[Any, str], Any]] = {"whole": whole, "empty": empty, "ahead": ahead}
    told = {}
    for name, make in made.items():
        body = make(shape, "")
        tags = [{"key": "team", "value": "books"}]
        # A container has memory, and a port mapping has either a port or a range.
        told[name] = {**body, "family": "web", "memory": "512", "tags": tags}
    return told


def check_left_out(model: Any) -> None:
    """What a copy leaves out is what only a description has."""
    asked = model.operation_model("RegisterTaskDefinition").input_shape.members
    told = model.shape_for("TaskDefinition").members
    wanted = {name for name in told if name not in asked}
    found = re.search(r"const READ_ONLY: .*?= \[(.*?)\];", COPIES.read_text(), re.DOTALL)
    names = set(re.findall(r'"(\w+)"', found.group(1))) if found else set()
    if names != wanted:
        sys.exit(f"FAIL a copy leaves out {sorted(names)}, and not {sorted(wanted)}")
    lost = [name for name in asked if name not in told and name not in BESIDE]
    if lost:
        sys.exit(f"FAIL a description does not tell {lost}: a copy cannot have them")
    print(f"ok   a copy leaves out {len(names)} of {len(told)} members: what registering adds")


def members(value: Any) -> int:
    """How many members there are, however deep."""
    if isinstance(value, dict):
        return sum(1 + members(one) for one in value.values())
    return sum(members(one) for one in value) if isinstance(value, list) else 0


def main() -> int:
    """Checks both; gives the exit code."""
    model = Session().get_service_model("ecs")
    check_left_out(model)
    made = bodies(model.operation_model("RegisterTaskDefinition").input_shape)
    text = json.dumps(made, indent=2) + "\n"
    if os.environ.get("UPDATE_DOCS") == "1":
        KEPT.write_text(text)
    if KEPT.read_text() != text:
        print(f"FAIL {KEPT.name} is not what botocore's model has: run it with UPDATE_DOCS=1")
        return 1
    print(f"ok   {KEPT.name} has all {members(made['whole'])} members of the model")
    return 0


if __name__ == "__main__":
    sys.exit(main())
