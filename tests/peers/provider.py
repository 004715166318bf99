"""Terraform itself, with its AWS provider from a mirror.

Invariant: nothing is fetched from a network, and nothing of the surroundings gets in.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

DEFAULT_MIRROR = "/opt/tf-plugins"
PROVIDER = "*/hashicorp/aws"

# The exit code of a script that has no Terraform, or no provider.
SKIPPED = 77

# What `terraform plan -detailed-exitcode` says.
NO_CHANGES, FAILED, CHANGES = 0, 1, 2

TIMEOUT_SECONDS = 300

# What is to be done is not asked for.
UNASKED = ("-no-color", "-input=false", "-auto-approve")

# The account of the provider's access key.
ACCOUNT = "000000000000"


class Broken(Exception):
    """Something is not as it must be."""


def mirror() -> Path | None:
    """The folder with the provider, if there is one, and Terraform."""
    folder = Path(os.environ.get("TF_PLUGIN_MIRROR") or DEFAULT_MIRROR)
    is_there = shutil.which("terraform") is not None and any(folder.glob(PROVIDER))
    return folder if is_there else None


class Terraform:
    """Terraform in a folder of its own, with a provider from a mirror."""

    def __init__(self, folder: Path, mirror: Path, url: str, source: Path | None) -> None:
        self.folder = folder
        if source:
            shutil.copytree(source, self.folder)
        else:
            self.folder.mkdir()
        settings = folder.with_suffix(".rc")
        path = json.dumps(str(mirror))
        settings.write_text(
            f"provider_installation {{\n  filesystem_mirror {{\n    path = {path}\n  }}\n}}\n"
        )
        self.environment = {
            "CHECKPOINT_DISABLE": "1",
            # Reading the provider's large schema is most of the work, and a third of that is
            # collecting garbage.
            "GOGC": "400",
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
            "TF_VAR_endpoint": url,
        }

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> tuple[int, str]:
        """Runs a command; gives its exit code, which is one of `codes`, and what it said."""
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        if done.returncode not in codes:
            told = f"exit code {done.returncode}, want {codes}\n{done.stdout}"
            raise Broken(f"terraform {' '.join(arguments)}: {told}")
        return done.returncode, done.stdout

    def init(self) -> None:
        """Makes the folder ready."""
        self.run("init", "-no-color", "-input=false")

    def apply(self, *arguments: str) -> str:
        """Applies everything, or what the arguments say; gives what it said."""
        return self.run("apply", *UNASKED, *arguments)[1]

    def destroy(self, *arguments: str) -> None:
        """Destroys everything, or what the arguments say."""
        self.run("destroy", *UNASKED, *arguments)

    def show(self, *arguments: str) -> str:
        """What `terraform show -json` says."""
        return self.run("show", "-json", *arguments)[1]

    def plan(self, expected: int, when: str) -> str:
        """A plan has changes, or none; it is left in `plan`. Gives what it said."""
        plan = ("plan", "-no-color", "-input=false", "-detailed-exitcode", "-out=plan")
        _, told = self.run(*plan, codes=(expected,))
        print(f"ok   the plan has {'changes' if expected else 'no changes'} {when}", flush=True)
        return told

    def planned(self) -> Any:
        """What the plan that was made last would do, as JSON."""
        return json.loads(self.show("plan"))
