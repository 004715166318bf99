"""`release-tool` itself, pointed at the sandbox as at AWS, with a record of its own.

Invariant: every run ends with the exit code that was expected of it, or was killed where it should be.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from provider import ACCOUNT, Broken
from sandbox import REGION, access_key

from .proxy import Proxy, Strike

PROJECT = "bookshop"
SERVICES = ("catalogue-api", "orders-api")
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{PROJECT}"

TIMEOUT_SECONDS = 120


def image(service: str, tag: str) -> str:
    """The image of a service with a tag."""
    return f"{REGISTRY}/{service}:{tag}"


def manifest(environments: Iterable[str]) -> str:
    """The project, with an environment for every row."""
    lines = [f"[{PROJECT}]", f'region = "{REGION}"']
    for name in environments:
        lines += [f"[{PROJECT}.environments.{name}]", f'cluster = "{PROJECT}-{name}"']
    lines += [f"[{PROJECT}.services.{service}]" for service in SERVICES]
    return "\n".join(lines) + "\n"


class Program:
    """The program in a folder with a manifest."""

    def __init__(self, binary: Path, folder: Path, url: str, environments: Iterable[str]) -> None:
        self.binary = binary
        self.folder = folder
        self.url = url
        self.folder.mkdir()
        (self.folder / ".weco-project").write_text(manifest(environments))
        self.environment = {
            "AWS_ACCESS_KEY_ID": access_key(ACCOUNT),
            "AWS_SECRET_ACCESS_KEY": "not verified",
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
        }

    def start(
        self, url: str, arguments: tuple[str, ...], session: dict[str, str]
    ) -> subprocess.Popen[str]:
        """Starts the program."""
        return subprocess.Popen(
            [self.binary, "--endpoint-url", url, *arguments],
            cwd=self.folder,
            env={**self.environment, **session},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0, session: dict[str, str] | None = None) -> str:
        """Runs the program to its end, with a session of its own if there is one; gives what it
        said."""
        process = self.start(self.url, arguments, session or {})
        told, beside = process.communicate(timeout=TIMEOUT_SECONDS)
        check(arguments, process.returncode, code, told + beside)
        return told

    def struck(self, strike: Strike, *arguments: str, code: int) -> None:
        """Runs the program, and sends it a signal at one request, or has that refused."""
        started: list[subprocess.Popen[str]] = []

        def end() -> None:
            """Ends it as `kill -9` does, or asks it to end, and waits until it has."""
            started[0].send_signal(strike.signal)
            started[0].wait(TIMEOUT_SECONDS)

        with Proxy(self.url, strike, end) as proxy:
            started.append(self.start(proxy.url, arguments, {}))
            told = "".join(started[0].communicate(timeout=TIMEOUT_SECONDS))
            if not proxy.has_struck:
                raise Broken(f"{' '.join(arguments)} never came to {strike}\n{told}")
        check(arguments, started[0].returncode, code, told)

    def newest(self, environment: str) -> str:
        """The deployment of an environment that was begun last."""
        told = self.run("history", "--env", environment, "--output", "json")
        return f"d{json.loads(told)['deployments'][0]['number']}"


def check(arguments: tuple[str, ...], found: int, wanted: int, told: str) -> None:
    """The exit code is the one that was expected."""
    if found != wanted:
        line = " ".join(arguments)
        raise Broken(f"release-tool {line}: exit code {found}, want {wanted}\n{told}")
