"""`release-tool` in the rows' project, which is killed where it should be.

Invariant: every run ends with the exit code that was expected of it, or was killed where it should be.
"""

from __future__ import annotations

import subprocess

import program
from program import TIMEOUT_SECONDS, check
from provider import ACCOUNT, Broken
from rehearsal import Rehearsal
from sandbox import REGION

from .proxy import Proxy, Strike

PROJECT = "bookshop"
SERVICES = ("catalogue-api", "orders-api")
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{PROJECT}"


def image(service: str, tag: str) -> str:
    """The image of a service with a tag."""
    return f"{REGISTRY}/{service}:{tag}"


def manifest(row: str) -> str:
    """The project, with the environment of a row."""
    lines = [f"[{PROJECT}]", f'region = "{REGION}"']
    lines += [f"[{PROJECT}.environments.{row}]", f'cluster = "{PROJECT}-{row}"']
    lines += [f"[{PROJECT}.services.{service}]" for service in SERVICES]
    return "\n".join(lines) + "\n"


class Program(program.Program):
    """The program in a folder of a row, with a record of its own."""

    def __init__(self, rehearsal: Rehearsal, row: str) -> None:
        self.url = rehearsal.sandbox.url
        folder = rehearsal.folder / f"project-{row}"
        always = ("--endpoint-url", self.url)
        super().__init__(rehearsal.binary, folder, manifest(row), *always)

    def struck(self, strike: Strike, *arguments: str, code: int) -> None:
        """Runs the program, and sends it a signal at one request, or has that refused."""
        started: list[subprocess.Popen[str]] = []

        def end() -> None:
            """Ends it as `kill -9` does, or asks it to end, and waits until it has."""
            started[0].send_signal(strike.signal)
            started[0].wait(TIMEOUT_SECONDS)

        with Proxy(self.url, strike, end) as proxy:
            started.append(self.start(arguments, always=("--endpoint-url", proxy.url)))
            told = "".join(started[0].communicate(timeout=TIMEOUT_SECONDS))
            if not proxy.has_struck:
                raise Broken(f"{' '.join(arguments)} never came to {strike}\n{told}")
        check(arguments, started[0].returncode, code, told)

    def newest(self) -> str:
        """The deployment that was begun last."""
        told = self.json("history")
        return f"d{told['deployments'][0]['number']}"
