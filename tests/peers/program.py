"""`release-tool` itself, in a folder with a manifest, pointed at a sandbox as at AWS.

Invariant: every run ends with the exit code that was expected of it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provider import ACCOUNT, Broken
from sandbox import access_key

TIMEOUT_SECONDS = 300


class Program:
    """The program, and where it works."""

    def __init__(self, binary: Path, folder: Path, manifest: str, *always: str) -> None:
        self.binary = binary
        self.folder = folder
        # The arguments that come before all others, such as where AWS is.
        self.always = always
        self.folder.mkdir()
        (self.folder / ".weco-project").write_text(manifest)
        self.environment = {
            "AWS_ACCESS_KEY_ID": access_key(ACCOUNT),
            "AWS_SECRET_ACCESS_KEY": "not verified",
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
        }

    def start(
        self,
        arguments: tuple[str, ...],
        session: Mapping[str, str] | None = None,
        always: tuple[str, ...] | None = None,
    ) -> subprocess.Popen[str]:
        """Starts the program."""
        return subprocess.Popen(
            [self.binary, *(self.always if always is None else always), *arguments],
            cwd=self.folder,
            env={**self.environment, **(session or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        *arguments: str,
        code: int = 0,
        session: Mapping[str, str] | None = None,
        told: str = "",
    ) -> str:
        """Runs the program to its end, with a session of its own if there is one and something on
        its standard input; gives what it said."""
        process = self.start(arguments, session)
        said, beside = process.communicate(told, timeout=TIMEOUT_SECONDS)
        check(arguments, process.returncode, code, said + beside)
        return said

    def json(self, *arguments: str, told: str = "") -> Any:
        """The same, as JSON."""
        return json.loads(self.run(*arguments, "--output", "json", told=told))


def check(arguments: tuple[str, ...], found: int, wanted: int, told: str) -> None:
    """The exit code is the one that was expected."""
    if found != wanted:
        line = " ".join(arguments)
        raise Broken(f"release-tool {line}: exit code {found}, want {wanted}\n{told}")
