"""The AWS CLI, pointed at a sandbox, and what its commands are held to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from sandbox import access_key

ACCOUNT = "300000000000"
REGION = "eu-west-1"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"

# The CLI's own waiters look every 15 seconds; at the tests' speed the first look suffices.
TIMEOUT_SECONDS = 60


class Broken(Exception):
    """A command did not do what it should."""


class Cli:
    """The AWS CLI, pointed at a sandbox."""

    def __init__(self, url: str) -> None:
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}
        self.environment = kept | {
            "AWS_ACCESS_KEY_ID": access_key(ACCOUNT),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": url,
            "AWS_PAGER": "",
            "AWS_SECRET_ACCESS_KEY": "not verified",
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "awscli", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )

    def text(self, *arguments: str) -> str:
        """What a command that succeeds writes."""
        done = self.run(*arguments)
        if done.returncode != 0:
            raise Broken(f"aws {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
        print(f"ok   aws {shown(arguments)}", flush=True)
        return done.stdout.strip()

    def json(self, *arguments: str) -> Any:
        """The JSON that a command that succeeds writes."""
        return json.loads(self.text(*arguments))

    def refused(self, code: str, *arguments: str) -> None:
        """A command is answered with an error, and says so."""
        done = self.run(*arguments)
        if done.returncode == 0 or f"({code})" not in done.stderr:
            told = f"exit code {done.returncode}, {done.stderr.strip()}"
            raise Broken(f"aws {' '.join(arguments)}: want {code}, got {told}")
        print(f"ok   aws {shown(arguments)}: {code}", flush=True)


def shown(arguments: tuple[str, ...]) -> str:
    """A command without its long arguments."""
    return " ".join(one if len(one) < 60 else "…" for one in arguments)


def expect(what: str, actual: Any, expected: Any) -> None:
    """Both are the same."""
    if actual != expected:
        raise Broken(f"{what}: {actual!r}, want {expected!r}")
