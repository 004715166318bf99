"""Runs one scenario against the sandbox and against ministack, an emulator by others, and compares
the states that a service goes through.

    scenario.py URL [SCENARIO...]

ministack runs tasks as containers; the Docker daemon is one of ours that runs nothing
(`fake_docker.py`). Exit code 1 where the two differ.

What is compared, for each step of a scenario, are two sequences, each without repetitions:

- revision and `rolloutState` of the PRIMARY deployment: what is being rolled out, and how it goes;
- the number of deployments that are not FAILED: how many revisions are meant to run.

They are two sequences and not one because ECS does not say which comes first, that a rollout is
COMPLETED or that the last task of the old deployment is gone. A FAILED deployment is not counted:
ECS does not say how long it stays in the list after its tasks are gone (ministack keeps it, the
sandbox drops it); that it failed is seen in the PRIMARY deployment that takes its place. Where a
step says `"compare": "end"`, only the last states are compared: ministack calls the first
deployment of a new service COMPLETED before it has a task, which ECS does not.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fake_docker
from sandbox import CONFIG, REGION, SESSION, Sandbox, access_key

ACCOUNT = "400000000000"
CLUSTER, SERVICE = "shop", "web"

# The whole of a scenario takes ministack a few seconds.
TIMEOUT_SECONDS = 60

# How finely the two are looked at: ministack as time goes by, the sandbox as its clock is put.
PAUSE_SECONDS = 0.01
STEP_MILLISECONDS = 100

SCENARIOS = Path(__file__).parent / "scenarios"


class Broken(Exception):
    """The scenario did not come to its end."""


@dataclass
class Way:
    """What a service went through in one step, without repetitions."""

    primary: list[str] = field(default_factory=list)
    deployments: list[int] = field(default_factory=list)

    def note(self, service: dict[str, Any]) -> None:
        """Adds what a service looks like now."""
        deployments = service["deployments"]
        primary = next(one for one in deployments if one["status"] == "PRIMARY")
        counted = [one for one in deployments if one["rolloutState"] != "FAILED"]
        append_changed(self.primary, f"{revision_of(primary)} {primary['rolloutState']}")
        append_changed(self.deployments, len(counted))

    def end(self) -> Way:
        """The last states alone."""
        return Way(self.primary[-1:], self.deployments[-1:])

    def __str__(self) -> str:
        numbers = " → ".join(str(number) for number in self.deployments)
        return f"{' → '.join(self.primary)}; deployments {numbers}"


def append_changed(sequence: list[Any], value: Any) -> None:
    """Adds a value unless it is the last one."""
    if sequence[-1:] != [value]:
        sequence.append(value)


def revision_of(deployment: dict[str, Any]) -> str:
    """The number of a deployment's task definition."""
    return str(deployment["taskDefinition"].rsplit(":", 1)[1])


@dataclass
class Target:
    """One of the two that are compared."""

    name: str
    ecs: Any
    let_time_pass: Callable[[], None]

    def play(self, scenario: dict[str, Any]) -> list[Way]:
        """Plays a scenario; gives the way of each step."""
        self.ecs.create_cluster(clusterName=CLUSTER)
        definitions = {number: self.register(image) for number, image in scenario["images"].items()}
        return [
            self.step(step, definitions[step["revision"]], scenario["service"])
            for step in scenario["steps"]
        ]

    def register(self, image: str) -> str:
        """Registers a revision that runs an image; gives its ARN."""
        container = {"name": "web", "image": image, "memory": 128, "essential": True}
        answer = self.ecs.register_task_definition(family=SERVICE, containerDefinitions=[container])
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def step(self, step: dict[str, Any], definition: str, service: dict[str, Any]) -> Way:
        """Takes a step, and follows the service to its end."""
        way = Way()
        way.note(self.begin(step["do"], definition, service))
        until = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < until:
            described = self.ecs.describe_services(cluster=CLUSTER, services=[SERVICE])
            found = described["services"][0]
            way.note(found)
            if has_ended(found, step["ends_with"]):
                return way
            self.let_time_pass()
        raise Broken(f"{self.name}: {step} has not ended: {way}")

    def begin(self, what: str, definition: str, service: dict[str, Any]) -> dict[str, Any]:
        """Asks for what a step does; gives the service that is answered."""
        if what == "create":
            answer = self.ecs.create_service(
                cluster=CLUSTER, serviceName=SERVICE, taskDefinition=definition, **service
            )
        else:
            answer = self.ecs.update_service(
                cluster=CLUSTER, service=SERVICE, taskDefinition=definition
            )
        return dict(answer["service"])


def has_ended(service: dict[str, Any], revision: str) -> bool:
    """Whether all tasks run a revision, and nothing else is going on."""
    going_on = [one for one in service["deployments"] if one["rolloutState"] != "FAILED"]
    return (
        [revision_of(one) for one in going_on] == [revision]
        and going_on[0]["rolloutState"] == "COMPLETED"
        and service["runningCount"] == service["desiredCount"]
    )


@contextmanager
def the_sandbox(url: str, scenario: dict[str, Any]) -> Iterator[Target]:
    """The sandbox, whose time stands still but for the steps in which it is looked at."""
    sandbox = Sandbox(url)
    for number in scenario["unpullable"]:
        sandbox.set_fate(scenario["images"][number], "unpullable")
    with sandbox.standing_still():
        yield Target(
            "sandbox", sandbox.client("ecs", ACCOUNT), lambda: sandbox.advance(STEP_MILLISECONDS)
        )


@contextmanager
def ministack(scenario: dict[str, Any]) -> Iterator[Target]:
    """ministack on a free port, with nothing but ECS, and a daemon without some images."""
    missing = {scenario["images"][number] for number in scenario["unpullable"]}
    with (
        tempfile.TemporaryDirectory(prefix="ministack-") as folder,
        fake_docker.running(missing) as daemon,
    ):
        port = free_port()
        process = start_ministack(Path(folder), port, daemon)
        try:
            wait_for(port, process, Path(folder))
            client = SESSION.create_client(
                "ecs",
                region_name=REGION,
                endpoint_url=f"http://127.0.0.1:{port}",
                aws_access_key_id=access_key(ACCOUNT),
                aws_secret_access_key="not verified",
                config=CONFIG,
            )
            yield Target("ministack", client, lambda: time.sleep(PAUSE_SECONDS))
        finally:
            end(process)


def start_ministack(folder: Path, port: int, daemon: str) -> subprocess.Popen[bytes]:
    """Starts ministack so that it ends when this process does, however it does."""
    environment = {
        "BIND_HOST": "127.0.0.1",
        "DOCKER_HOST": daemon,
        "GATEWAY_PORT": str(port),
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "SERVICES": "ecs",
        "TMPDIR": str(folder),
    }
    watched = str(Path(__file__).with_name("watched.py"))
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, watched, sys.executable, "-m", "ministack"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends what `watched.py` runs, and waits for it."""
    if process.stdin:
        process.stdin.close()
    process.wait(TIMEOUT_SECONDS)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Waits until a process that was started takes connections."""
    until = time.monotonic() + TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Broken(f"ministack did not start:\n{(folder / 'log').read_text()}")


def compare(scenario: dict[str, Any], ours: list[Way], theirs: list[Way]) -> bool:
    """Prints both ways of each step; tells whether all are the same."""
    same = True
    for step, one, other in zip(scenario["steps"], ours, theirs, strict=True):
        pair = (one, other) if step["compare"] == "way" else (one.end(), other.end())
        agrees = pair[0] == pair[1]
        same = same and agrees
        title = f"{step['do']} to revision {step['revision']} ({step['compare']})"
        print(f"{'ok  ' if agrees else 'FAIL'} {title}")
        print(f"     sandbox    {one}\n     ministack  {other}", flush=True)
    return same


def run(url: str, path: Path) -> bool:
    """Runs a scenario on both; tells whether they agree."""
    scenario = json.loads(path.read_text())
    print(f"{path.stem}: {scenario['about']}", flush=True)
    with the_sandbox(url, scenario) as target:
        ours = target.play(scenario)
    with ministack(scenario) as target:
        theirs = target.play(scenario)
    return compare(scenario, ours, theirs)


def main() -> int:
    """Runs the scenarios that are named, or all; gives the exit code."""
    url, *names = sys.argv[1:]
    paths = [Path(name) for name in names] or sorted(SCENARIOS.glob("*.json"))
    try:
        results = [run(url, path) for path in paths]
    except Broken as broken:
        print(f"FAIL {broken}", flush=True)
        return 1
    agreed = all(results)
    print("\nthe sandbox and ministack agree" if agreed else "\nthey differ")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
