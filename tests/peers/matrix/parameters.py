"""Rows about parameters, and about how `track_latest` is taken up."""

from __future__ import annotations

from dataclasses import replace

from .program import PROJECT, SERVICES, image
from .rows import (
    CATALOGUE,
    DEFINITION,
    PARAMETER,
    REVISION,
    SERVICE,
    Row,
    Step,
    World,
    back,
    deploy,
    of,
    of_both,
    with_plan,
)
from .stack import READS, TRACKS, Variant

# They are none, and might be: `insecure_value` is refused for secrets.
PLAIN = {"  insecure_value = \"$": "  value          = \"$"}
# The parameters are secrets, and are read as such.
SECURE = {
    'type           = "String"\n': 'type           = "SecureString"\n',
    '  insecure_value = "$': '  value          = "$',
    READS: "nonsensitive(data.aws_ssm_parameter.image[each.key].value)",
}


def applied(runs: str | tuple[str, str], told: str = "`terraform apply`") -> Step:
    """Terraform applies what its plan had."""
    return Step(told, runs, cpu=256)


def secrets() -> list[Row]:
    """What is about secrets."""
    read = "a `SecureString`, read by `nonsensitive(….value)`"
    return [
        Row("secure", (deploy("v2"), deploy("v3"), back("v2")), Variant(SECURE), read),
        becoming_secure(),
    ]


def becoming_secure() -> Row:
    """The parameters become secrets, of which `insecure_value` is empty."""
    made = Step("the parameters become `SecureString`", "v2", make_secure)
    mended = Step("the configuration says so, and reads `nonsensitive(….value)`", "v2")
    lost = of_both(REVISION, SERVICE, PARAMETER)
    steps = (
        replace(deploy("v2"), told=""),
        with_plan(made, *lost),
        replace(mended, variant=Variant(SECURE)),
        deploy("v3"),
    )
    return Row("secured", steps, Variant(PLAIN))


def make_secure(world: World, row: str) -> None:
    """Makes the parameters anew, of another type and with their values."""
    for service in SERVICES:
        name = f"/{PROJECT}/images/{row}/{service}"
        value = world.ssm.get_parameter(Name=name)["Parameter"]["Value"]
        world.ssm.delete_parameter(Name=name)
        world.ssm.put_parameter(Name=name, Value=value, Type="SecureString")


def parameter_alone(world: World, row: str) -> None:
    """Somebody writes a parameter, and nothing else."""
    name = f"/{PROJECT}/images/{row}/{CATALOGUE}"
    world.ssm.put_parameter(Name=name, Value=image(CATALOGUE, "v2"), Overwrite=True)


def writing() -> Row:
    """A parameter is written, and Terraform deploys it."""
    written = Step("somebody writes a parameter, and nothing else", "v1", parameter_alone)
    plan = of(CATALOGUE, REVISION, SERVICE)
    told = "`terraform apply` deploys it"
    return Row("parameter", (with_plan(written, *plan), applied(("v2", "v1"), told), deploy("v3")))


def adopting() -> list[Row]:
    """`track_latest` is taken up: between deployments, and too late."""
    before = Variant({TRACKS: ""})
    on = Step("it is turned on in the configuration", "v1", variant=Variant())
    late = replace(on, runs="v2")
    once = of_both(DEFINITION)
    twice = of_both(REVISION, SERVICE)
    return [
        Row(
            "adopts",
            (with_plan(on, *once), applied("v1"), deploy("v2"), deploy("v3")),
            before,
            "no `track_latest`",
        ),
        Row(
            "adopts-late",
            (with_plan(deploy("v2"), *twice), with_plan(late, *twice), applied("v2"), deploy("v3")),
            before,
            "no `track_latest`",
        ),
    ]
