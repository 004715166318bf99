"""Terraform, with the stack of `examples/terraform` as it is, and once more for every row.

Invariant: one `init` and one `plan` serve all rows. A row is a module of its own, with an environment
of its own, so that a plan tells for each what it found.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provider import CHANGES, NO_CHANGES, Broken, Terraform

EXAMPLE = Path(__file__).parents[3] / "examples" / "terraform"
# The environment of the example itself, which is not a module.
ITSELF = "prod"

# What of the example is there once for an account, and not once for an environment.
ONCE = ("provider.tf", "ci.tf")

# Every request is answered at once.
AT_ONCE = "-parallelism=40"

KINDS = {
    "aws_ecs_task_definition": "task definition",
    "aws_ecs_service": "service",
    "aws_ssm_parameter": "parameter",
}
ACTIONS = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "destroyed",
}


@dataclass(frozen=True)
class Variant:
    """How a row's configuration differs from the example's."""

    # Texts that are replaced in `main.tf`; each must be there.
    edits: Mapping[str, str] = field(default_factory=dict)
    # An expression that the root module shows as an output.
    output: str | None = None


class Stack(Terraform):
    """Terraform in a folder of its own."""

    def __init__(self, folder: Path, provider: Path, url: str, rows: Mapping[str, Variant]) -> None:
        super().__init__(folder, provider, url, EXAMPLE)
        self.rows = rows
        self.cpu: dict[str, int] = {}
        for row, variant in rows.items():
            self.write(row, variant)
        self.write_root()

    def write(self, row: str, variant: Variant) -> None:
        """Writes a row's module: the example with another text here and there."""
        module = self.folder / "rows" / row
        shutil.copytree(EXAMPLE, module, dirs_exist_ok=True)
        for name in ONCE:
            (module / name).unlink(missing_ok=True)
        text = (module / "main.tf").read_text()
        for old, new in variant.edits.items():
            if old not in text:
                raise Broken(f"`{old}` is not in the example any more")
            text = text.replace(old, new)
        if variant.output:
            text += f'\noutput "it" {{\n  value = {variant.output}\n}}\n'
        (module / "main.tf").write_text(text)

    def write_root(self) -> None:
        """Has the root module call every row's."""
        called = []
        for row, variant in self.rows.items():
            cpu = self.cpu.get(row, 256)
            called.append(
                f'module "{row}" {{\n  source      = "./rows/{row}"\n  environment = "{row}"\n'
                f"  cpu         = {cpu}\n}}\n"
            )
            if variant.output:
                called.append(f'output "{row}" {{\n  value = module.{row}.it\n}}\n')
        (self.folder / "rows.tf").write_text("\n".join(called))

    def apply(self, rows: Mapping[str, int] | None = None) -> None:
        """Applies everything, or gives some rows' tasks other CPU units and applies those rows."""
        targets = []
        if rows is not None:
            self.cpu.update(rows)
            self.write_root()
            targets = [f"-target=module.{row}" for row in rows]
        self.run("apply", "-no-color", "-input=false", "-auto-approve", AT_ONCE, *targets)

    def destroy_itself(self) -> None:
        """Destroys the example's own cluster and parameters, and with them all that needs them."""
        kinds = ("aws_ecs_cluster.shop", "aws_ssm_parameter.image", "aws_iam_role.execution")
        targets = [f"-target={kind}" for kind in kinds]
        self.run("destroy", "-no-color", "-input=false", "-auto-approve", AT_ONCE, *targets)

    def plan_by_row(self) -> dict[str, tuple[str, ...]]:
        """What a plan would do, by row."""
        code, told = self.run(
            "plan", "-json", "-input=false", "-detailed-exitcode", AT_ONCE, codes=(NO_CHANGES, CHANGES)
        )
        found: dict[str, list[str]] = {}
        for line in told.splitlines():
            message = json.loads(line)
            for row, change in changes(message):
                found.setdefault(row, []).append(change)
        if (code == CHANGES) != bool(found):
            raise Broken(f"exit code {code} with {found}")
        return {row: tuple(sorted(told)) for row, told in found.items()}


def changes(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The changes that one line of a plan tells, each with its row."""
    if message["type"] == "planned_change" and message["change"]["action"] != "read":
        change = message["change"]
        return [(row_of(change["resource"]["module"]), in_words(change))]
    if message["type"] == "outputs":
        outputs = message["outputs"].items()
        return [(name, "output changed") for name, it in outputs if it["action"] != "noop"]
    return []


def row_of(module: str) -> str:
    """The row that a module is of."""
    found = re.fullmatch(r"module\.([a-z0-9-]+)", module)
    return found.group(1) if found else ITSELF


def in_words(change: Mapping[str, Any]) -> str:
    """A change of one resource in words."""
    resource = change["resource"]
    kind = KINDS.get(resource["resource_type"], resource["resource_type"])
    action = ACTIONS.get(change["action"], change["action"])
    return f"{kind} of {resource['resource_key']} {action}"
