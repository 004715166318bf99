"""Terraform itself, with its AWS provider from a mirror.

Invariant: nothing is fetched from a network, and nothing of the surroundings gets in.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

DEFAULT_MIRROR = "/opt/tf-plugins"
PROVIDER = "*/hashicorp/aws"

# The exit code of a script that has no Terraform, or no provider.
SKIPPED = 77

# What `terraform plan -detailed-exitcode` says.
NO_CHANGES, CHANGES = 0, 2

TIMEOUT_SECONDS = 180

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

    def __init__(self, folder: Path, mirror: Path, url: str, source: Path) -> None:
        self.folder = folder / "estate"
        shutil.copytree(source, self.folder)
        settings = folder / "terraform.rc"
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

    def show(self, *arguments: str) -> str:
        """What `terraform show -json` says."""
        done = subprocess.run(
            ["terraform", "show", "-json", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
        return done.stdout

    def plan(self, expected: int, when: str) -> None:
        """A plan has changes, or none."""
        self.run("plan", "-no-color", "-input=false", "-detailed-exitcode", codes=(expected,))
        print(f"ok   the plan has {'changes' if expected else 'no changes'} {when}", flush=True)
