"""Rows of services whose rollouts go in stages, or are carried out by CodeDeploy.

The strategy of a rollout is given past Terraform: the provider that is tried does not know it.
CodeDeploy's groups are made past it, too, since they are no part of the example.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from code_deploy import make_group, target_group

from .program import PROJECT, SERVICES
from .proxy import Strike
from .rows import (
    CATALOGUE,
    Act,
    Row,
    Step,
    World,
    after,
    anew,
    back,
    deploy,
    failing,
    finished,
    images,
    struck,
)
from .stack import BREAKER, LAUNCH, Variant

STRATEGIES: Mapping[str, Mapping[str, Any]] = {
    "blue/green": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1},
    "canary": {
        "strategy": "CANARY",
        "bakeTimeInMinutes": 1,
        "canaryConfiguration": {"canaryPercent": 20, "canaryBakeTimeInMinutes": 1},
    },
    "linear": {
        "strategy": "LINEAR",
        "bakeTimeInMinutes": 1,
        "linearConfiguration": {"stepPercent": 50, "stepBakeTimeInMinutes": 1},
    },
}

# A service that CodeDeploy moves, behind a target group.
BALANCED = """
  deployment_controller {
    type = "CODE_DEPLOY"
  }

  load_balancer {
    target_group_arn = "%s"
    container_name   = each.key
    container_port   = each.value.port
  }

  lifecycle {
    ignore_changes = [task_definition, load_balancer]
  }
"""
FOLLOWS = Strike("DescribeServices", once_past="UpdateService")
DIED = "`deploy` killed while it follows"


def in_stages() -> list[Row]:
    """What ECS does in stages."""
    return [
        of_strategy("blue/green", "", deploy("v2"), deploy("v3"), back("v2"), anew("v3")),
        of_strategy("blue/green", "-fails", deploy("v2"), crashing(), deploy("v3")),
        of_strategy("blue/green", "-set", deploy("v2"), crashing_set(), deploy("v3")),
        of_strategy("blue/green", "-resume", deploy("v2"), died(FOLLOWS), resumed(), back("v2")),
        of_strategy("blue/green", "-rollback", deploy("v2"), baking(), rolled_back()),
        of_strategy("canary", "", deploy("v2"), crashing(), deploy("v3"), back("v2")),
        of_strategy("linear", "", deploy("v2"), deploy("v3"), back("v2")),
    ]


def by_code_deploy() -> list[Row]:
    """What CodeDeploy carries out."""
    follows = died(Strike("DescribeServices", once_past="CreateDeployment"))
    follows = replace(follows, act=after(follows.act, moved_on))
    return [
        moved("code-deploy", deploy("v2"), deploy("v3"), back("v2"), anew("v3")),
        moved("code-deploy-fails", deploy("v2"), crashing(), deploy("v3")),
        moved("code-deploy-resume", deploy("v2"), follows, resumed(), back("v2")),
        moved("code-deploy-rollback", deploy("v2"), follows, rolled_back()),
    ]


def of_strategy(name: str, ending: str, *steps: Step) -> Row:
    """A row whose services are given a strategy before its first step."""
    first, *others = steps
    prepared = replace(first, act=after(strategy(STRATEGIES[name]), first.act))
    row = f"{name.replace('/', '-')}{ending}"
    return Row(row, (prepared, *others), differs=f"a strategy of {name}")


def moved(row: str, *steps: Step) -> Row:
    """A row whose services are given groups of CodeDeploy before its first step."""
    first, *others = steps
    prepared = replace(first, act=after(grouped, first.act))
    target = target_group(f"{row}-${{each.key}}")
    edits = {BREAKER: "", LAUNCH: LAUNCH + BALANCED % target}
    return Row(row, (prepared, *others), Variant(edits), "CodeDeploy")


def strategy(settings: Mapping[str, Any]) -> Act:
    """Gives services a strategy, as the console does."""

    def act(world: World, row: str) -> None:
        for service in SERVICES:
            told = world.service(row, service)["deploymentConfiguration"]
            world.ecs.update_service(
                cluster=f"{PROJECT}-{row}",
                service=service,
                deploymentConfiguration={**told, **settings},
            )

    return act


def grouped(world: World, row: str) -> None:
    """Makes an application and a group for each service, called as the console calls them."""
    for service in SERVICES:
        make_group(world.code_deploy, f"{PROJECT}-{row}", service, f"{row}-{service}")


def crashing() -> Step:
    """An image that crashes is deployed to one service."""
    return failing("`deploy` of an image that crashes", images(CATALOGUE, "bad"), "v2")


def crashing_set() -> Step:
    """An image that crashes is deployed to the second of two services."""
    told = "`deploy` of a set whose second image crashes"
    return failing(told, images("all", "bad-set"), "v2")


def died(strike: Strike) -> Step:
    """A deployment of one service dies while it is followed."""
    return Step(DIED, ("v3", "v2"), struck(strike, *images(CATALOGUE, "v3")))


def baking() -> Step:
    """The same, and what ran before is kept for a day: it is under way for all that comes."""
    step = died(FOLLOWS)
    day = strategy({**STRATEGIES["blue/green"], "bakeTimeInMinutes": 1440})
    return replace(step, told="`deploy` killed in a long bake", act=after(day, step.act))


def moved_on(world: World, row: str) -> None:
    """CodeDeploy goes on where nobody follows it, and comes to its end."""
    world.until(
        f"CodeDeploy has moved {CATALOGUE} of {row}",
        lambda: [one["status"] for one in world.service(row, CATALOGUE)["taskSets"]] == ["PRIMARY"]
        and world.runs(row) == ("v3", "v2"),
    )


def resumed() -> Step:
    """It is resumed."""
    return Step("`resume`", ("v3", "v2"), finished("resume"))


def rolled_back() -> Step:
    """It is taken back."""
    return Step("`rollback`", "v2", finished("rollback"))
