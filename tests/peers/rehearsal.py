"""What all scripts have in common that have Terraform and `release-tool` work on one sandbox.

Invariant: a script ends with 0, with 1 and the reason, or with 77 where there is no Terraform.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from program import Program
from provider import SKIPPED, Broken, Terraform, mirror
from sandbox import SPEED, Sandbox


def say(text: str) -> None:
    """Tells how far it is."""
    print(text, flush=True)


@dataclass(frozen=True)
class Rehearsal:
    """What a script works with."""

    # A folder of its own.
    folder: Path
    # Where the provider is.
    provider: Path
    sandbox: Sandbox
    # `release-tool`.
    binary: Path

    def terraform(self, source: Path | None, name: str = "estate") -> Terraform:
        """Terraform in a folder of its own, which begins as a copy of another."""
        return Terraform(self.folder / name, self.provider, self.sandbox.url, source)

    def program(self, manifest: str, name: str = "project") -> Program:
        """The program with a manifest."""
        return Program(
            self.binary, self.folder / name, manifest, "--endpoint-url", self.sandbox.url
        )


def rehearse(act: Callable[[Rehearsal], None], end: str) -> int:
    """Carries out a script, with the sandbox and the program of its command line; gives the exit
    code."""
    provider = mirror()
    if provider is None:
        say("no Terraform, or no mirror of its AWS provider in TF_PLUGIN_MIRROR")
        return SKIPPED
    sandbox, binary = Sandbox(sys.argv[1]), Path(sys.argv[2])
    sandbox.set_speed(SPEED)
    with tempfile.TemporaryDirectory(prefix="terraform-") as folder:
        try:
            act(Rehearsal(Path(folder), provider, sandbox, binary))
        except Broken as broken:
            say(f"FAIL {broken}")
            return 1
    say(f"\n{end}")
    return 0
