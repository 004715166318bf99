"""All rows, in the order in which they are told."""

from __future__ import annotations

from dataclasses import replace
from signal import SIGINT

from . import parameters, staged
from .proxy import Strike
from .rows import (
    CATALOGUE,
    DEFINITION,
    REVISION,
    ROLLBACK,
    SERVICE,
    OtherTool,
    Row,
    Step,
    after,
    anew,
    back,
    by_ci,
    command,
    deploy,
    detached,
    failing,
    finished,
    images,
    of,
    of_both,
    pointed,
    put_back,
    struck,
    with_plan,
)
from .stack import BREAKER, IGNORES, ITSELF, LAUNCH, POINT, READS, TRACKS, Variant

# Something was deployed before.
BEFORE = replace(deploy("v2"), told="")

# The deployment that dies is of one service, and the image comes up, or crashes.
ONE, ONE_BAD = images(CATALOGUE, "v3"), images(CATALOGUE, "bad")
# One of two services fails.
SECOND = "a set whose second image crashes"

# What a plan says of a service whose deployment got as far as that.
REGISTERED, WRITTEN = of(CATALOGUE, REVISION, SERVICE), of(CATALOGUE, SERVICE)

# Where a deployment is killed, what a plan says then, and what the service runs.
POINTS = {
    "planned": ("before it registers", Strike("RegisterTaskDefinition", after=False), (), "v2"),
    "registered": ("once it has registered", Strike("RegisterTaskDefinition"), REGISTERED, "v2"),
    "written": ("once the parameter is written", Strike("PutParameter"), WRITTEN, "v2"),
    "moved": ("once the service moves", Strike("UpdateService"), (), "v3"),
    "followed": (
        "while it follows",
        Strike("DescribeServices", once_past="UpdateService"),
        (),
        "v3",
    ),
}

# What Terraform changes besides.
CPU = " with cpu 512"
RESIZED = "Terraform gives tasks 512 CPU units"


def all_rows() -> list[tuple[str, list[Row]]]:
    """All rows, under headings."""
    return [
        ("It goes well", successes()),
        ("It fails", failures()),
        ("It is killed (`kill -9`)", deaths()),
        ("It is killed on its way back", deaths_going_back()),
        ("Others are at work", others()),
        ("The rollout goes in stages", staged.in_stages()),
        ("CodeDeploy carries it out", staged.by_code_deploy()),
        ("The parameter is a secret", parameters.secrets()),
        ("`track_latest` is taken up", parameters.adopting()),
        ("The configuration is another", configurations()),
    ]


def resized(runs: str | tuple[str, str]) -> Step:
    """Terraform changes something else."""
    return Step(RESIZED, runs, cpu=512)


def successes() -> list[Row]:
    """What goes well."""
    restart = Step("`restart`", "v2", command("restart", "all", "{}", "-y"))
    return [
        Row(ITSELF, (by_ci("v2"), by_ci("v3"))),
        Row("twice", (deploy("v2"), deploy("v3"))),
        Row("back", (BEFORE, deploy("v3"), back("v2"), anew("v3"))),
        Row("detached", (Step("`deploy --detach` of v2, then `wait`", "v2", detached),)),
        Row("restarted", (deploy("v2"), restart)),
        Row("cpu", (deploy("v2"), resized("v2" + CPU), deploy("v3", runs="v3" + CPU))),
        Row("cpu-back", (BEFORE, deploy("v3"), resized("v3" + CPU), back("v2" + CPU))),
    ]


def failures() -> list[Row]:
    """What fails, and goes back by itself or when it is told to."""
    alone = failing("`deploy` of an image that crashes", ONE_BAD, "v2")
    whole = failing(f"`deploy` of {SECOND}", images("all", "bad-set"), "v2")
    first = replace(whole, told=f"the first `deploy`, of {SECOND}", runs="v1")
    return [
        Row("breaker", (BEFORE, alone, deploy("v3"))),
        Row("set", (BEFORE, whole, deploy("v3"))),
        Row("first", (first, deploy("v2"))),
        Row("hold", (BEFORE, left("hold"), back("v2"))),
        Row("goes-on", (BEFORE, left("continue"), deploy("v3"))),
        refusing("RegisterTaskDefinition"),
        refusing("PutParameter"),
        refusing("UpdateService"),
    ]


def left(way: str) -> Step:
    """A deployment of a set that fails, and that does not go back."""
    arguments = images("all", "bad-set", "--on-failure", way)
    act = command(*arguments, code=4)
    return Step(f"`deploy --on-failure {way}` of {SECOND}", ("bad-set", "v2"), act)


def refusing(operation: str) -> Row:
    """AWS refuses what is asked of the second service."""
    strike = Strike(operation, number=2, refuses=True)
    act = struck(strike, *images("all", "v3"), code=3)
    told = f"`deploy` of a set, denied the second `{operation}`"
    return Row(f"refused-{operation.lower()}", (BEFORE, Step(told, "v2", act)))


def deaths() -> list[Row]:
    """A deployment that is killed at each step, and ended in each way."""
    rows = []
    for name, (where, strike, plan, runs) in POINTS.items():
        died = Step(f"`deploy` killed {where}", (runs, "v2"), struck(strike, *ONE), plan)
        resume = Step("`resume`", ("v3", "v2"), finished("resume"))
        rollback = Step("`rollback`", "v2", finished("rollback"))
        abort = Step("`abort`", (runs, "v2"), finished("abort"))
        rows += [
            Row(f"{name}-resume", (BEFORE, died, resume, back("v2"))),
            Row(f"{name}-rollback", (BEFORE, died, rollback)),
            Row(f"{name}-abort", (BEFORE, died, abort)),
        ]
    return rows


def deaths_going_back() -> list[Row]:
    """What is killed on its way back, and resumed."""
    points = {
        "restored": ("once the parameter is restored", Strike("PutParameter", 2), REGISTERED),
        "retiring": (
            "before it deregisters",
            Strike("DeregisterTaskDefinition", after=False),
            REGISTERED,
        ),
        "retired": ("once it has deregistered", Strike("DeregisterTaskDefinition"), ()),
    }
    end = Step("`resume`", "v2", finished("resume", code=3))
    rows = []
    for name, (where, strike, plan) in points.items():
        told = f"`deploy` of an image that crashes, killed {where}"
        died = Step(told, "v2", struck(strike, *ONE_BAD), plan)
        rows.append(Row(name, (BEFORE, died, end)))
    return rows + [rollback_killed(name) for name in ("registered", "written", "moved")]


def rollback_killed(name: str) -> Row:
    """A rollback of a finished deployment that is killed."""
    where, strike, plan, runs = POINTS[name]
    one = Step("", ("v3", "v2"), command(*ONE))
    at = ("v2", "v2") if runs == "v3" else ("v3", "v2")
    died = Step(f"`rollback` killed {where}", at, struck(strike, *ROLLBACK), plan)
    end = Step("`resume`", "v2", finished("resume"))
    return Row(f"rollback-{name}", (BEFORE, one, died, end))


def others() -> list[Row]:
    """What others do before, between and after."""
    by_hand = Step("a service pointed at the revision before, by hand", ("v1", "v2"), pointed)
    tool = Step("another tool deploys, and writes no parameter", ("v2", "v1"), OtherTool())
    bare = OtherTool(writes=True, tags=False)
    untagged = Step("another tool deploys, and copies no tags", ("v2", "v1"), bare)
    tags = of(CATALOGUE, DEFINITION)
    tidy = OtherTool(writes=True, deregisters=True)
    alone = Step("another tool deploys, and deregisters the revision before", ("v2", "v1"), tidy)
    where, strike, plan, _ = POINTS["written"]
    died = Step(f"`deploy` killed {where}", "v2", struck(strike, *ONE), plan)
    applied = ("v3" + CPU, "v2" + CPU)
    superseded = Step("`resume` (superseded)", applied, finished("resume", code=4))
    stops = Strike("DescribeServices", once_past="UpdateService", signal=SIGINT)
    interrupted = Step("`deploy`, then Ctrl-C", ("v3", "v2"), struck(stops, *ONE, code=7))
    resume = Step("`resume`", ("v3", "v2"), finished("resume"))
    where, strike, plan, _ = POINTS["followed"]
    told = "`deploy` of an image that crashes, killed while it follows, and put back by ECS"
    back_by_ecs = Step(told, "v2", after(struck(strike, *ONE_BAD), put_back), WRITTEN)
    failed = Step("`resume`", "v2", finished("resume", code=3))
    return [
        Row("by-hand", (BEFORE, with_plan(by_hand, *WRITTEN), deploy("v3"))),
        Row("other-tool", (with_plan(tool, *REGISTERED), deploy("v3"))),
        Row("untagged", (with_plan(untagged, *tags), with_plan(deploy("v3"), *tags))),
        Row("deregistered", (alone, deploy("v3"))),
        Row("put-back", (BEFORE, back_by_ecs, failed)),
        parameters.writing(),
        Row("applied", (BEFORE, died, resized(applied), superseded)),
        Row("interrupted", (BEFORE, interrupted, resume)),
    ]


def configurations() -> list[Row]:
    """What differs in the configuration."""
    named = "aws_ecs_task_definition.service[each.key]"
    exposed = 'aws_ecs_task_definition.service["catalogue-api"]'
    revision = f'"${{{named}.family}}:${{{named}.revision}}"\n'
    unrevised = {POINT: f"{named}.arn_without_revision\n"}
    family = {POINT: f"{named}.family\n"}
    itself = {READS: "aws_ssm_parameter.image[each.key].insecure_value"}
    both, services = of_both(REVISION, SERVICE), of_both(SERVICE)
    reset = of_both(REVISION, SERVICE, "parameter of {} updated")
    return [
        other("untracked", "no `track_latest`", {TRACKS: ""}, both),
        other("maximum", "no `track_latest`, `max()` of the latest revision", maximum(), both),
        by_value(),
        other("revision", '`"family:revision"`', {POINT: revision}),
        replace(other("unrevised", "`arn_without_revision`", unrevised, services), always=services),
        replace(other("family", "`family`", family, services), always=services),
        other("direct", "the parameter's resource is read, and no data source", itself),
        other("set-back", "the parameter without `ignore_changes`", {IGNORES: ""}, reset),
        destroying(),
        ignoring(),
        output("output", "an output of the ARN", f"{exposed}.arn", "output changed"),
        output("tidy", "one of `arn_without_revision`", f"{exposed}.arn_without_revision"),
        switching(),
    ]


def other(name: str, differs: str, edits: dict[str, str], plan: tuple[str, ...] = ()) -> Row:
    """A deployment where the configuration is another."""
    return Row(name, (with_plan(deploy("v2"), *plan),), Variant(edits), differs)


def maximum() -> dict[str, str]:
    """The service runs the latest revision there is, which a data source tells."""
    named = "aws_ecs_task_definition.service[each.key]"
    latest = "data.aws_ecs_task_definition.latest[each.key]"
    source = (
        'data "aws_ecs_task_definition" "latest" {\n  for_each = local.services\n\n'
        f"  task_definition = {named}.family\n}}\n"
    )
    start = 'resource "aws_ecs_service" "service" {\n'
    number = f'"${{{named}.family}}:${{max({named}.revision, {latest}.revision)}}"\n'
    return {TRACKS: "", start: f"{source}\n{start}", POINT: number}


def by_value() -> Row:
    """The parameter is read as if it were a secret, and then is not."""
    plain = Step("`.insecure_value` instead", "v2", variant=Variant())
    steps = (deploy("v2"), with_plan(plain, *of_both(DEFINITION)), parameters.applied("v2"))
    return Row("value", steps, Variant({"].insecure_value": "].value"}), "`.value`")


def output(name: str, differs: str, expression: str, *plan: str) -> Row:
    """A deployment where the root module shows something of a task definition."""
    return Row(name, (with_plan(deploy("v2"), *plan),), Variant(output=expression), differs)


def destroying() -> Row:
    """Terraform deregisters what it replaces, also what was deployed and is good."""
    steps = (BEFORE, deploy("v3"), resized("v3" + CPU), back("v2" + CPU))
    edits = {"skip_destroy = true": "skip_destroy = false"}
    return Row("destroys", steps, Variant(edits), "no `skip_destroy`")


def ignoring() -> Row:
    """Terraform registers what it changes, and no service runs it until something is deployed."""
    steps = (deploy("v2"), resized("v2"), deploy("v3", runs="v3" + CPU))
    edits = {LAUNCH: f"{LAUNCH}\n  lifecycle {{\n    ignore_changes = [task_definition]\n  }}\n"}
    return Row("ignores", steps, Variant(edits), "the service with `ignore_changes`")


def switching() -> Row:
    """The flag turns on what the configuration does not say, and then does."""
    on = with_plan(deploy("v2", "--enable-circuit-breaker"), *of_both(SERVICE))
    mended = Step("the configuration has it, too", "v2", variant=Variant())
    return Row("switch", (on, mended, deploy("v3")), Variant({BREAKER: ""}), "no circuit breaker")
