"""Has `release-tool` foretell what Terraform will do, and sees that Terraform does it.

    terraform_check.py URL PROGRAM

What is made is `tests/it/terraform/quirks`, whose services are each made in another way. Then all of
it is taken over by the HCL that the program prints, and stays clean. Exit code 77 where there is no
Terraform, or no mirror of the AWS provider.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from provider import ACCOUNT, CHANGES, NO_CHANGES, SKIPPED, Broken, Terraform, mirror
from sandbox import SPEED, Sandbox

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


class Program:
    """`release-tool` in a folder of its own, with the sandbox for AWS."""

    def __init__(self, program: str, folder: Path, url: str) -> None:
        self.program = program
        self.folder = folder / "project"
        self.folder.mkdir()
        self.url = url
        services = "\n".join(f"{name} = {{}}" for name in SERVICES)
        (self.folder / ".weco-project").write_text(
            '[quirks]\nregion = "eu-west-1"\n'
            '[quirks.environments.prod]\ncluster = "quirks-prod"\n'
            f"[quirks.services]\n{services}\n"
        )

    def run(self, *arguments: str, told: str = "") -> str:
        """Runs a command, which must succeed; gives what it prints."""
        done = subprocess.run(
            [self.program, "--endpoint-url", self.url, *arguments],
            cwd=self.folder,
            env={
                "AWS_ACCESS_KEY_ID": f"AKIA{ACCOUNT}USER",
                "AWS_SECRET_ACCESS_KEY": "not verified",
                "HOME": str(self.folder),
                "PATH": os.environ["PATH"],
            },
            input=told,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
        )
        if done.returncode:
            raise Broken(f"release-tool {' '.join(arguments)}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def deploy(self, image: str) -> None:
        """Deploys an image to all services."""
        images = [part for name in SERVICES for part in ("--image", f"{name}={image}")]
        self.run("deploy", "all", "prod", "--skip-confirm", *images)
        print(f"ok   {image} is deployed", flush=True)

    def check(self, said: str) -> dict[str, str]:
        """What the next apply does to each service, by what Terraform says."""
        arguments = ("terraform", "check", "--env", "prod", "--state", "-", "--output", "json")
        report = json.loads(self.run(*arguments, told=said))
        services = report["environments"][0]["services"]
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
            print(f"     {name}: a state does not tell {hidden}")
        elif told[name] != done[name]:
            raise Broken(f"{name}: {told[name]} was foretold, and Terraform plans {done[name]}")
        else:
            print(f"ok   {name}: {done[name]}", flush=True)


def rehearse(terraform: Terraform, program: Program, sandbox: Sandbox) -> None:
    """Makes the estate, moves it on, and compares."""
    ssm: Any = sandbox.client("ssm", ACCOUNT)
    empty = {"Name": "/quirks/images/prod/empty", "Value": FIRST}
    ssm.put_parameter(**empty, Type="String")
    terraform.run("init", "-no-color", "-input=false")
    terraform.run("apply", "-no-color", "-input=false", "-auto-approve")
    ssm.delete_parameter(Name=empty["Name"])
    ssm.put_parameter(**empty, Type="SecureString")
    program.deploy("registry.example/quirks/app:2")
    shown = program.check(terraform.show())
    kept = program.check((terraform.folder / "terraform.tfstate").read_text())
    if shown != kept:
        raise Broken(f"a state file foretells {kept}, and what is shown of it {shown}")
    plan = ("plan", "-no-color", "-input=false", "-detailed-exitcode", "-out=plan")
    terraform.run(*plan, codes=(CHANGES,))
    said = terraform.show("plan")
    planned = kinds(json.loads(said))
    compare(shown, planned, of_state=True)
    compare(program.check(said), planned, of_state=False)


def take_over(terraform: Terraform, program: Program) -> None:
    """Has Terraform take over what is there with the HCL that is printed."""
    shutil.rmtree(terraform.folder / "part")
    for name in ("terraform.tfstate", "terraform.tfstate.backup", "plan"):
        (terraform.folder / name).unlink(missing_ok=True)
    main = terraform.folder / "main.tf"
    provider, _ = main.read_text().split("\nlocals {", 1)
    main.write_text(provider)
    hcl = program.run("terraform", "snippet", "--env", "prod", "--import")
    (terraform.folder / "services.tf").write_text(hcl)
    terraform.run("fmt", "-check", "services.tf")
    terraform.run("init", "-no-color", "-input=false")
    terraform.run("validate", "-no-color")
    print("ok   what is printed is valid, and formatted", flush=True)
    terraform.run("apply", "-no-color", "-input=false", "-auto-approve")
    terraform.plan(NO_CHANGES, "once it was taken over")
    program.deploy("registry.example/quirks/app:3")
    terraform.plan(NO_CHANGES, "after the next deployment")
    clean = program.run("terraform", "check", "--env", "prod", "--state", "-", "--exit-code",
                        told=terraform.show())
    print(clean.splitlines()[0], flush=True)


def main() -> int:
    """Runs everything; gives the exit code."""
    providers = mirror()
    if shutil.which("terraform") is None or providers is None:
        print("no Terraform, or no mirror of its AWS provider in TF_PLUGIN_MIRROR")
        return SKIPPED
    sandbox = Sandbox(sys.argv[1])
    sandbox.set_speed(SPEED)
    with tempfile.TemporaryDirectory(prefix="terraform-") as folder:
        place = Path(folder)
        terraform = Terraform(place, providers, sandbox.url, QUIRKS)
        program = Program(sys.argv[2], place, sandbox.url)
        try:
            rehearse(terraform, program, sandbox)
            take_over(terraform, program)
        except Broken as broken:
            print(f"FAIL {broken}", flush=True)
            return 1
    print("\nTerraform does what was foretold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
