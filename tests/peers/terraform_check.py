"""Has `release-tool` foretell what Terraform will do, and sees that Terraform does it.

    terraform_check.py URL PROGRAM

What is made is `tests/it/terraform/quirks`, whose services are each made in another way. Then all of
it is taken over by the HCL that the program prints, and stays clean. Exit code 77 where there is no
Terraform, or no mirror of the AWS provider.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from provider import ACCOUNT, CHANGES, NO_CHANGES, Broken, Terraform
from rehearsal import Rehearsal, rehearse, say
from sandbox import Sandbox

QUIRKS = Path(__file__).parents[1] / "it" / "terraform" / "quirks"

# Every service, with what a state does not tell of it.
SERVICES = {
    "tidy": None,
    "untracked": None,
    "sensitive": None,
    "secure": None,
    "reset": "that Terraform sets the parameter back",
    "family": "that the service names the family",
    "ignored": "that changes are ignored",
    "exposed": None,
    "managed": None,
    "literal": None,
    "revision": None,
    "empty": None,
}

FIRST = "registry.example/quirks/first:1"


class Quirks:
    """The program with the services' manifest."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        services = "\n".join(f"{name} = {{}}" for name in SERVICES)
        manifest = (
            '[quirks]\nregion = "eu-west-1"\n'
            '[quirks.environments.prod]\ncluster = "quirks-prod"\n'
            f"[quirks.services]\n{services}\n"
        )
        self.program = rehearsal.program(manifest)

    def deploy(self, image: str) -> None:
        """Deploys an image to all services."""
        images = [part for name in SERVICES for part in ("--image", f"{name}={image}")]
        self.program.run("deploy", "all", "prod", "--skip-confirm", *images)
        say(f"ok   {image} is deployed")

    def check(self, said: str) -> dict[str, str]:
        """What the next apply does to each service, by what Terraform says."""
        arguments = ("terraform", "check", "--env", "prod", "--state", "-")
        services = self.program.json(*arguments, told=said)["environments"][0]["services"]
        return {one["service"]: one["next_apply"]["kind"] for one in services}


def kinds(plan: dict[str, Any]) -> dict[str, str]:
    """What a plan does to each service, in the program's words."""
    changes = {one["address"]: one["change"] for one in plan["resource_changes"]}
    outputs = plan.get("output_changes", {})
    return {name: kind(name, changes, outputs) for name in SERVICES}


def kind(name: str, changes: dict[str, Any], outputs: dict[str, Any]) -> str:
    """What a plan does to one service."""
    module, last = ("module.tidy.", "this") if name == "tidy" else ("", name)
    definition = changes[f"{module}aws_ecs_task_definition.{last}"]
    service = changes[f"{module}aws_ecs_service.{last}"]
    if "create" in definition["actions"]:
        containers = definition["after"].get("container_definitions")
        return "fails" if containers and '"image":""' in containers else "registers"
    if service["actions"] == ["update"]:
        before, after = (service[when].get("task_definition") for when in ("before", "after"))
        return "moves" if before != after else "beside"
    if outputs.get(name, {}).get("actions", ["no-op"]) != ["no-op"]:
        return "beside"
    return "nothing"


def compare(told: dict[str, str], done: dict[str, str], of_state: bool) -> None:
    """What was foretold is what is planned, but for what cannot be known."""
    for name, hidden in SERVICES.items():
        if of_state and hidden:
            say(f"     {name}: a state does not tell {hidden}")
        elif told[name] != done[name]:
            raise Broken(f"{name}: {told[name]} was foretold, and Terraform plans {done[name]}")
        else:
            say(f"ok   {name}: {done[name]}")


def foretell(terraform: Terraform, quirks: Quirks, sandbox: Sandbox) -> None:
    """Makes the estate, moves it on, and compares."""
    ssm: Any = sandbox.client("ssm", ACCOUNT)
    empty = {"Name": "/quirks/images/prod/empty", "Value": FIRST}
    ssm.put_parameter(**empty, Type="String")
    terraform.init()
    terraform.apply()
    ssm.delete_parameter(Name=empty["Name"])
    ssm.put_parameter(**empty, Type="SecureString")
    quirks.deploy("registry.example/quirks/app:2")
    shown = quirks.check(terraform.show())
    kept = quirks.check((terraform.folder / "terraform.tfstate").read_text())
    if shown != kept:
        raise Broken(f"a state file foretells {kept}, and what is shown of it {shown}")
    terraform.plan(CHANGES, "where services are made in other ways")
    planned = kinds(terraform.planned())
    compare(shown, planned, of_state=True)
    compare(quirks.check(terraform.show("plan")), planned, of_state=False)


def take_over(terraform: Terraform, quirks: Quirks) -> None:
    """Has Terraform take over what is there with the HCL that is printed."""
    shutil.rmtree(terraform.folder / "part")
    for name in ("terraform.tfstate", "terraform.tfstate.backup", "plan"):
        (terraform.folder / name).unlink(missing_ok=True)
    main = terraform.folder / "main.tf"
    provider, _ = main.read_text().split("\nlocals {", 1)
    main.write_text(provider)
    hcl = quirks.program.run("terraform", "snippet", "--env", "prod", "--import")
    (terraform.folder / "services.tf").write_text(hcl)
    terraform.run("fmt", "-check", "services.tf")
    terraform.init()
    terraform.run("validate", "-no-color")
    say("ok   what is printed is valid, and formatted")
    terraform.apply()
    terraform.plan(NO_CHANGES, "once it was taken over")
    quirks.deploy("registry.example/quirks/app:3")
    terraform.plan(NO_CHANGES, "after the next deployment")
    check = ("terraform", "check", "--env", "prod", "--state", "-", "--exit-code")
    clean = quirks.program.run(*check, told=terraform.show())
    say(clean.splitlines()[0])


def play(rehearsal: Rehearsal) -> None:
    """Runs everything."""
    terraform, quirks = rehearsal.terraform(QUIRKS), Quirks(rehearsal)
    foretell(terraform, quirks, rehearsal.sandbox)
    take_over(terraform, quirks)


if __name__ == "__main__":
    sys.exit(rehearse(play, "Terraform does what was foretold"))
