"""What rows are made of: steps, what is done in them, and what Terraform's plan has to say after each.

Invariant: a row works in an environment of its own, and touches no other.
"""

from __future__ import annotations

import json
import signal
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
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
DEFINITION, PARAMETER = "task definition of {} updated", "parameter of {} updated"

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

    def __init__(self, sandbox: Sandbox, programs: Mapping[str, Program]) -> None:
        # One for each row: they wait for each other's records no more than those of several teams.
        self.programs = programs
        self.ecs: Any = sandbox.client("ecs", ACCOUNT)
        self.ssm: Any = sandbox.client("ssm", ACCOUNT)
        self.sts: Any = sandbox.client("sts", ACCOUNT)
        self.code_deploy: Any = sandbox.client("codedeploy", ACCOUNT)

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

        def is_over() -> bool:
            deployments = self.service(row, service)["deployments"]
            return [one["rolloutState"] for one in deployments] == ["COMPLETED"]

        self.until(f"{service} of {row} has settled", is_over)

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Waits until something is so."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while not is_so():
            if time.monotonic() > until:
                raise Broken(f"it never came that {what}")
            time.sleep(0.05)


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
        world.programs[row].run(*filled(arguments, row), code=code)

    return act


def struck(strike: Strike, *arguments: str, code: int = -signal.SIGKILL) -> Act:
    """Runs `release-tool`, and does something to it at a request."""
    return lambda world, row: world.programs[row].struck(strike, *filled(arguments, row), code=code)


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
        world.programs[row].run(*filled(images("all", label), row), session=session)
        try:
            world.session("acme/another")
        except ClientError:
            return
        raise Broken("the role can be taken on by a job of another repository")

    return Step(f"`deploy` of {label} by the CI's role", label, act)


def back(runs: str | tuple[str, str]) -> Step:
    """What was deployed is taken back."""
    return Step("`rollback`", runs, command(*ROLLBACK))


def failing(told: str, arguments: tuple[str, ...], runs: str) -> Step:
    """A deployment that fails, and goes back."""
    return Step(told, runs, command(*arguments, code=3))


def anew(label: str, runs: str | None = None) -> Step:
    """Both services are deployed although the environment is on hold."""
    return deploy(label, "--release-hold", "--reason", "mended", runs=runs)


def finished(verb: str, code: int = 0) -> Act:
    """The unfinished deployment is finished in one way or another."""

    def act(world: World, row: str) -> None:
        number = world.programs[row].newest()
        by = (*ROLLBACK, number) if verb == "rollback" else (verb, number)
        world.programs[row].run(*filled(by, row), code=code)

    return act


def detached(world: World, row: str) -> None:
    """A deployment is started, left, and seen through by another command."""
    world.programs[row].run(*filled(images("all", "v2", "--detach"), row))
    world.programs[row].run("wait", world.programs[row].newest())


def pointed(world: World, row: str) -> None:
    """Somebody points a service at the revision before, as one does in the console."""
    found = world.latest(row, CATALOGUE)["taskDefinition"]
    world.point(row, CATALOGUE, f"{found['family']}:{found['revision'] - 1}")


@dataclass(frozen=True)
class OtherTool:
    """Another tool deploys v2 to a service, each in its own way."""

    # Whether it writes the parameter, copies tags, and deregisters the revision before.
    writes: bool = False
    tags: bool = True
    deregisters: bool = False

    def __call__(self, world: World, row: str) -> None:
        told = world.latest(row, CATALOGUE)
        copy = {key: it for key, it in told["taskDefinition"].items() if key not in READ_ONLY}
        copy["containerDefinitions"][0]["image"] = image(CATALOGUE, "v2")
        tags = {"tags": told["tags"]} if self.tags else {}
        registered = world.ecs.register_task_definition(**copy, **tags)
        if self.writes:
            name = f"/{PROJECT}/images/{row}/{CATALOGUE}"
            world.ssm.put_parameter(Name=name, Value=image(CATALOGUE, "v2"), Overwrite=True)
        world.point(row, CATALOGUE, registered["taskDefinition"]["taskDefinitionArn"])
        if self.deregisters:
            before = told["taskDefinition"]["taskDefinitionArn"]
            world.ecs.deregister_task_definition(taskDefinition=before)


def put_back(world: World, row: str) -> None:
    """Nothing is done until ECS itself has put a service back."""
    world.wait(row, CATALOGUE)


def after(*acts: Act | None) -> Act:
    """One thing after another."""

    def act(world: World, row: str) -> None:
        for one in acts:
            if one:
                one(world, row)

    return act


def with_plan(step: Step, *plan: str) -> Step:
    """A step after which a plan would change something."""
    return replace(step, plan=plan)
