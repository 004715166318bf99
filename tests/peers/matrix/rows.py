"""What rows are made of: steps, what is done in them, and what Terraform's plan has to say after each.

Invariant: a row works in an environment of its own, and touches no other.
"""

from __future__ import annotations

import json
import signal
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError
from provider import ACCOUNT, Broken
from sandbox import Sandbox

from .program import PROJECT, SERVICES, Program, image
from .proxy import Strike
from .stack import ITSELF, Variant

TIMEOUT_SECONDS = 60

CATALOGUE, ORDERS = SERVICES

# What a plan says that would change something, in the words of `stack.in_words`.
REVISION, SERVICE = "task definition of {} replaced", "service of {} updated"

# What tells of a revision, and is not part of what is registered.
READ_ONLY = (
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
)


class World:
    """What rows are carried out with."""

    def __init__(self, sandbox: Sandbox, program: Program) -> None:
        self.program = program
        self.ecs: Any = sandbox.client("ecs", ACCOUNT)
        self.ssm: Any = sandbox.client("ssm", ACCOUNT)
        self.sts: Any = sandbox.client("sts", ACCOUNT)

    def latest(self, row: str, service: str) -> dict[str, Any]:
        """A family's latest revision, with its tags beside it."""
        family = f"{PROJECT}-{row}-{service}"
        return dict(self.ecs.describe_task_definition(taskDefinition=family, include=["TAGS"]))

    def service(self, row: str, service: str) -> dict[str, Any]:
        """A service as it is described."""
        found = self.ecs.describe_services(cluster=f"{PROJECT}-{row}", services=[service])
        return dict(found["services"][0])

    def point(self, row: str, service: str, revision: str) -> None:
        """Has a service run another revision, and waits until it does."""
        self.ecs.update_service(
            cluster=f"{PROJECT}-{row}", service=service, taskDefinition=revision
        )
        self.wait(row, service)

    def runs(self, row: str) -> tuple[str, ...]:
        """What each service of a row is set to: its image's tag, and its tasks' CPU units."""
        told = []
        for service in SERVICES:
            arn = self.service(row, service)["taskDefinition"]
            revision = self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
            tag = revision["containerDefinitions"][0]["image"].rpartition(":")[2]
            told.append(tag if revision["cpu"] == "256" else f"{tag} with cpu {revision['cpu']}")
        return tuple(told)

    def session(self, repository: str) -> dict[str, str]:
        """What a job of a GitHub repository gets for its token."""
        claims = {
            "iss": "https://token.actions.githubusercontent.com",
            "aud": "sts.amazonaws.com",
            "sub": f"repo:{repository}:environment:production",
        }
        told = self.sts.assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{PROJECT}-deploy-{ITSELF}",
            RoleSessionName="job",
            WebIdentityToken=f"e30.{urlsafe_b64encode(json.dumps(claims).encode()).decode()}.c2ln",
        )["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": told["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": told["SecretAccessKey"],
            "AWS_SESSION_TOKEN": told["SessionToken"],
        }

    def check_gone(self, row: str) -> None:
        """Nothing is left but the revisions, which are kept for rollbacks."""
        names = [f"/{PROJECT}/images/{row}/{service}" for service in SERVICES]
        clusters = self.ecs.describe_clusters(clusters=[f"{PROJECT}-{row}"])["clusters"]
        left = [one["clusterName"] for one in clusters if one["status"] == "ACTIVE"]
        left += [one["Name"] for one in self.ssm.get_parameters(Names=names)["Parameters"]]
        if left:
            raise Broken(f"{left} are left")
        found = self.ecs.list_task_definitions(familyPrefix=f"{PROJECT}-{row}-{ORDERS}")
        kept = found["taskDefinitionArns"]
        if len(kept) != 3:
            raise Broken(f"want 3 revisions, there are {kept}")

    def wait(self, row: str, service: str) -> None:
        """Waits until the rollout of a service is over."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < until:
            deployments = self.service(row, service)["deployments"]
            if [one["rolloutState"] for one in deployments] == ["COMPLETED"]:
                return
            time.sleep(0.05)
        raise Broken(f"{service} of {row} has not settled")


Act = Callable[[World, str], None]


@dataclass(frozen=True)
class Step:
    """Something is done, and then a plan is made."""

    # In words; nothing where it only prepares what is told.
    told: str
    # What the services run then: the tag of both, or of each.
    runs: str | tuple[str, str]
    act: Act | None = None
    # What the plan would change.
    plan: tuple[str, ...] = ()
    # The CPU units that Terraform gives this row's tasks, in place of something else that is done.
    cpu: int | None = None
    # The configuration from here on, in place of something else that is done.
    variant: Variant | None = None

    @property
    def tags(self) -> tuple[str, str]:
        """What the services run, one each."""
        return self.runs if isinstance(self.runs, tuple) else (self.runs, self.runs)


@dataclass(frozen=True)
class Row:
    """A situation."""

    name: str
    steps: tuple[Step, ...]
    # How its configuration differs from the example's, and in words.
    variant: Variant = field(default_factory=Variant)
    differs: str = ""
    # What a plan would change from the beginning.
    always: tuple[str, ...] = ()


def of(service: str, *changes: str) -> tuple[str, ...]:
    """What a plan says of one service."""
    return tuple(sorted(change.format(service) for change in changes))


def of_both(*changes: str) -> tuple[str, ...]:
    """What a plan says of both services."""
    return tuple(sorted(of(CATALOGUE, *changes) + of(ORDERS, *changes)))


def filled(arguments: tuple[str, ...], row: str) -> list[str]:
    """Arguments with the environment in the place of `{}`."""
    return [argument.replace("{}", row) for argument in arguments]


def command(*arguments: str, code: int = 0) -> Act:
    """Runs `release-tool`."""

    def act(world: World, row: str) -> None:
        world.program.run(*filled(arguments, row), code=code)

    return act


def struck(strike: Strike, *arguments: str, code: int = -signal.SIGKILL) -> Act:
    """Runs `release-tool`, and does something to it at a request."""
    return lambda world, row: world.program.struck(strike, *filled(arguments, row), code=code)


def images(what: str, label: str, *more: str) -> tuple[str, ...]:
    """The arguments that deploy the images of a label."""
    return ("deploy", what, "{}", "--from", label, "-y", *more)


ROLLBACK = ("rollback", "{}", "-y", "--reason", "rehearsed")


def deploy(label: str, *more: str, runs: str | None = None) -> Step:
    """Both services are deployed."""
    arguments = images("all", label, *more)
    return Step(" ".join([f"`deploy` of {label}", *more]), runs or label, command(*arguments))


def by_ci(label: str) -> Step:
    """Both services are deployed by a job that has no more than the role of the example."""

    def act(world: World, row: str) -> None:
        session = world.session("acme/bookshop")
        world.program.run(*filled(images("all", label), row), session=session)
        try:
            world.session("acme/another")
        except ClientError:
            return
        raise Broken("the role can be taken on by a job of another repository")

    return Step(f"`deploy` of {label} by the CI's role", label, act)


def back(label: str) -> Step:
    """What was deployed is taken back."""
    return Step("`rollback`", label, command(*ROLLBACK))


def anew(label: str, runs: str | None = None) -> Step:
    """Both services are deployed although the environment is on hold."""
    return deploy(label, "--release-hold", "--reason", "mended", runs=runs)


def finished(verb: str, code: int = 0) -> Act:
    """The unfinished deployment is finished in one way or another."""

    def act(world: World, row: str) -> None:
        number = world.program.newest(row)
        by = (*ROLLBACK, number) if verb == "rollback" else (verb, number)
        world.program.run(*filled(by, row), code=code)

    return act


def detached(world: World, row: str) -> None:
    """A deployment is started, left, and seen through by another command."""
    world.program.run(*filled(images("all", "v2", "--detach"), row))
    world.program.run("wait", world.program.newest(row))


def pointed(world: World, row: str) -> None:
    """Somebody points a service at the revision before, as one does in the console."""
    found = world.latest(row, CATALOGUE)["taskDefinition"]
    world.point(row, CATALOGUE, f"{found['family']}:{found['revision'] - 1}")


def other_tool(world: World, row: str) -> None:
    """Another tool deploys v2 to a service, and writes no parameter."""
    told = world.latest(row, CATALOGUE)
    copy = {key: it for key, it in told["taskDefinition"].items() if key not in READ_ONLY}
    copy["containerDefinitions"][0]["image"] = image(CATALOGUE, "v2")
    registered = world.ecs.register_task_definition(**copy, tags=told["tags"])
    world.point(row, CATALOGUE, registered["taskDefinition"]["taskDefinitionArn"])


def with_plan(step: Step, *plan: str) -> Step:
    """A step after which a plan would change something."""
    return replace(step, plan=plan)
