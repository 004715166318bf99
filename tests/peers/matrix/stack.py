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

from provider import CHANGES, FAILED, NO_CHANGES, Broken, Terraform
from rehearsal import Rehearsal

EXAMPLE = Path(__file__).parents[3] / "examples" / "terraform"
# The environment of the example itself, which is not a module.
ITSELF = "prod"

# What of the example is there once for an account, and not once for an environment.
ONCE = ("provider.tf", "ci.tf")

# Every request is answered at once.
AT_ONCE = "-parallelism=40"

# Texts of the example's `main.tf` that rows have otherwise.
POINT = "aws_ecs_task_definition.service[each.key].arn\n"
TRACKS = "  track_latest = true # what was deployed is what Terraform compares with\n"
IGNORES = "\n  lifecycle {\n    ignore_changes = [value, insecure_value]\n  }\n"
LAUNCH = '  launch_type     = "FARGATE"\n'
BREAKER = "  deployment_circuit_breaker {\n    enable   = true\n    rollback = true\n  }\n"
READS = "data.aws_ssm_parameter.image[each.key].insecure_value"

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

    def __init__(self, rehearsal: Rehearsal, rows: Mapping[str, Variant]) -> None:
        folder, url = rehearsal.folder / "estate", rehearsal.sandbox.url
        super().__init__(folder, rehearsal.provider, url, EXAMPLE)
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

    def resize(self, rows: Mapping[str, int]) -> None:
        """Gives some rows' tasks CPU units, and applies those rows."""
        self.cpu.update(rows)
        self.write_root()
        self.apply(AT_ONCE, *(f"-target=module.{row}" for row in rows))

    def destroy_itself(self) -> None:
        """Destroys the example's own cluster and parameters, and with them all that needs them."""
        kinds = ("aws_ecs_cluster.shop", "aws_ssm_parameter.image", "aws_iam_role.execution")
        self.destroy(AT_ONCE, *(f"-target={kind}" for kind in kinds))

    def plan_by_row(self) -> dict[str, tuple[str, ...]]:
        """What a plan would do, by row."""
        code, told = self.run(
            "plan", "-json", "-input=false", "-detailed-exitcode", AT_ONCE,
            codes=(NO_CHANGES, FAILED, CHANGES),
        )
        if code == FAILED:
            raise Broken("\n".join(errors(told)))
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


def errors(told: str) -> list[str]:
    """The errors that the lines of a plan tell."""
    found = []
    for line in told.splitlines():
        diagnostic = json.loads(line).get("diagnostic", {})
        if diagnostic.get("severity") == "error":
            at = diagnostic.get("address", "the configuration")
            found.append(f"{at}: {diagnostic['summary']} {diagnostic['detail']}")
    return found


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
