"""Has Terraform make an estate in the sandbox, has `release-tool` do all it does, and asks
Terraform after every step what it would change.

    terraform.py URL PROGRAM

What is made is `examples/terraform`, once as it is and once for every row of the table in
docs/terraform.md, which is held to what was found; `UPDATE_DOCS=1` writes it. Exit code 77 where
there is no Terraform, or no mirror of the AWS provider (`TF_PLUGIN_MIRROR`, a folder as
`terraform providers mirror` makes it): nothing is fetched from a network.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from matrix import situations, table
from matrix.program import PROJECT, SERVICES, Program, image
from matrix.rows import Row, Step, World
from matrix.stack import AT_ONCE as REQUESTS
from matrix.stack import ITSELF, Stack
from provider import Broken
from rehearsal import Rehearsal, rehearse, say
from sandbox import Sandbox

# Commands wait for rollouts most of their time.
AT_ONCE = 6

# Each label, and the tags of the two images that it names.
LABELS = {"v2": ("v2", "v2"), "v3": ("v3", "v3"), "bad": ("bad", "v2"), "bad-set": ("bad-set", "bad")}


def push(sandbox: Sandbox) -> None:
    """Puts the images into the registry, of which some crash."""
    for service in SERVICES:
        for tag in ("v1", "v2", "v3", "bad", "bad-set"):
            sandbox.control("POST", "put-image", repository=f"{PROJECT}/{service}", tag=tag)
        sandbox.set_fate(f"{service}:bad", "crash=1")


def register(program: Program) -> None:
    """Gives the images their labels."""
    for label, tags in LABELS.items():
        for service, tag in zip(SERVICES, tags):
            program.run("register", image(service, tag), service, "--label", label)


class Play:
    """All rows, a step at a time."""

    def __init__(self, stack: Stack, world: World, rows: list[Row]) -> None:
        self.stack = stack
        self.world = world
        self.rows = rows
        self.plans: dict[str, list[tuple[str, ...]]] = {row.name: [] for row in rows}
        self.wrong: list[str] = []

    def begin(self) -> None:
        """Nothing was done yet."""
        found, wanted = self.stack.plan_by_row(), {row.name: row.always for row in self.rows if row.always}
        if found != wanted:
            raise Broken(f"the plan of what was just made has {found}, want {wanted}")

    def run(self) -> None:
        """Carries out everything."""
        for number in range(max(len(row.steps) for row in self.rows)):
            steps = {row.name: row.steps[number] for row in self.rows if number < len(row.steps)}
            self.act(steps)
            self.look(steps)

    def act(self, steps: dict[str, Step]) -> None:
        """Carries out one step of each row that has one."""
        for row, step in steps.items():
            if step.variant:
                self.stack.write(row, step.variant)
        cpu = {row: step.cpu for row, step in steps.items() if step.cpu}
        if cpu:
            self.stack.resize(cpu)
        acts = [(row, step.act) for row, step in steps.items() if step.act]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            done = [(row, pool.submit(act, self.world, row)) for row, act in acts]
        for row, future in done:
            problem = future.exception()
            if isinstance(problem, Broken):
                self.wrong.append(f"{row}: {problem}")
            elif problem:
                raise problem

    def look(self, steps: dict[str, Step]) -> None:
        """Asks Terraform and ECS what they say now."""
        found = self.stack.plan_by_row()
        for row in self.rows:
            said = found.pop(row.name, ())
            step = steps.get(row.name)
            if step:
                self.plans[row.name].append(said)
            self.check(row, step or row.steps[-1], said)
        self.wrong += [f"{row}: the plan has {told}" for row, told in found.items()]

    def check(self, row: Row, step: Step, said: tuple[str, ...]) -> None:
        """The plan says what it must, and the services run what they must."""
        runs = self.world.runs(row.name)
        if (said, runs) != (step.plan, step.tags):
            self.wrong.append(
                f"{row.name}: after {step.told}\n  the plan has {said or 'no changes'}, want "
                f"{step.plan or 'none'}\n  the services run {runs}, want {step.tags}"
            )


def play(rehearsal: Rehearsal) -> None:
    """The whole life of the estate."""
    groups = situations.all_rows()
    rows = [row for _, group in groups for row in group]
    stack = Stack(rehearsal, {row.name: row.variant for row in rows if row.name != ITSELF})
    programs = {row.name: Program(rehearsal, row.name) for row in rows}
    push(rehearsal.sandbox)
    started = time.monotonic()

    def clock(text: str) -> None:
        """Tells how far it is, and how long it took."""
        say(f"{time.monotonic() - started:5.0f} s  {text}")

    stack.init()
    clock("terraform init")
    stack.apply(REQUESTS)
    clock(f"the estate is made, {len(rows)} times")
    register(programs[ITSELF])
    all_of_it = Play(stack, World(rehearsal.sandbox, programs), rows)
    all_of_it.begin()
    clock("the plan is as it must be")
    all_of_it.run()
    clock("everything is rehearsed")
    stack.destroy_itself()
    all_of_it.world.check_gone(ITSELF)
    clock("the example itself is gone, but for the revisions")
    text = table.table(groups, all_of_it.plans)
    say(f"\n{text}\n")
    if all_of_it.wrong:
        raise Broken("\n".join(all_of_it.wrong))
    table.keep(text, os.environ.get("UPDATE_DOCS") == "1")


if __name__ == "__main__":
    sys.exit(rehearse(play, "Terraform and release-tool agree"))
