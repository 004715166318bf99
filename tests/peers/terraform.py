"""Has Terraform make an estate in the sandbox, deploys to it, and sees that Terraform agrees.

    terraform.py URL

What is made is `examples/terraform/sandbox`. Exit code 77 where there is no Terraform, or no mirror
of the AWS provider (`TF_PLUGIN_MIRROR`, a folder as `terraform providers mirror` makes it): nothing
is fetched from a network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sandbox import SPEED, Sandbox

EXAMPLE = Path(__file__).parents[2] / "examples" / "terraform" / "sandbox"
DEFAULT_MIRROR = "/opt/tf-plugins"
PROVIDER = "*/hashicorp/aws"
SKIPPED = 77

ACCOUNT = "000000000000"
CLUSTER = "bookshop-prod"
SERVICES = ("catalogue-api", "orders-api")
FIRST_IMAGE = "registry.example/bookshop/first:1"

# What `terraform plan -detailed-exitcode` says.
NO_CHANGES, CHANGES = 0, 2

TIMEOUT_SECONDS = 120

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


class Broken(Exception):
    """Something is not as it must be."""


class Terraform:
    """Terraform in a folder of its own, with a provider from a mirror."""

    def __init__(self, folder: Path, mirror: Path, url: str, source: Path = EXAMPLE) -> None:
        self.folder = folder / "estate"
        shutil.copytree(source, self.folder)
        settings = folder / "terraform.rc"
        settings.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
        )
        self.environment = {
            "CHECKPOINT_DISABLE": "1",
            # Reading the provider's large schema is most of the work, and a third of that is
            # collecting garbage.
            "GOGC": "400",
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
            "TF_VAR_endpoint": url,
        }

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> int:
        """Runs a command; gives its exit code, which is one of `codes`."""
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        if done.returncode not in codes:
            told = f"exit code {done.returncode}, want {codes}\n{done.stdout}"
            raise Broken(f"terraform {' '.join(arguments)}: {told}")
        return done.returncode

    def show(self, *arguments: str) -> str:
        """What `terraform show -json` says."""
        done = subprocess.run(
            ["terraform", "show", "-json", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
        return done.stdout

    def plan(self, expected: int, when: str) -> None:
        """A plan has changes, or none."""
        self.run("plan", "-no-color", "-input=false", "-detailed-exitcode", codes=(expected,))
        print(f"ok   the plan has {'changes' if expected else 'no changes'} {when}", flush=True)


class Deployer:
    """Deploys as `release-tool` does: only images change, and all three places move together."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.ecs: Any = sandbox.client("ecs", ACCOUNT)
        self.ssm: Any = sandbox.client("ssm", ACCOUNT)

    def register(self, service: str, image: str) -> str:
        """Registers a copy of the family's latest revision with another image; gives its ARN."""
        answer = self.ecs.describe_task_definition(
            taskDefinition=f"prod-{service}", include=["TAGS"]
        )
        copy = answer["taskDefinition"]
        for name in READ_ONLY:
            copy.pop(name, None)
        copy["containerDefinitions"][0]["image"] = image
        registered = self.ecs.register_task_definition(**copy, tags=answer["tags"])
        return str(registered["taskDefinition"]["taskDefinitionArn"])

    def point(self, service: str, image: str, definition: str) -> None:
        """Writes the image down, and has the service run it."""
        name = f"/bookshop/images/prod/{service}"
        self.ssm.put_parameter(Name=name, Value=image, Overwrite=True)
        self.ecs.update_service(cluster=CLUSTER, service=service, taskDefinition=definition)

    def deploy(self, image: str) -> None:
        """Deploys an image to all services, and waits."""
        for service in SERVICES:
            self.point(service, image, self.register(service, image))
        self.wait()
        print(f"ok   {image} is deployed", flush=True)

    def wait(self) -> None:
        """Waits until all rollouts are complete."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < until:
            found = self.ecs.describe_services(cluster=CLUSTER, services=list(SERVICES))
            states = [one["deployments"][0]["rolloutState"] for one in found["services"]]
            if set(states) == {"COMPLETED"}:
                return
            time.sleep(0.05)
        raise Broken(f"the rollouts are {states}")

    def check_gone(self) -> None:
        """Nothing is left but the revisions, which are kept for rollbacks."""
        left = {
            "clusters": self.ecs.list_clusters()["clusterArns"],
            "parameters": self.ssm.describe_parameters()["Parameters"],
        }
        if any(left.values()):
            raise Broken(f"something is left: {left}")
        kept = self.ecs.list_task_definitions(familyPrefix="prod-orders-api")["taskDefinitionArns"]
        if len(kept) != 3:
            raise Broken(f"want 3 revisions, there are {kept}")
        print("ok   everything is gone but the revisions", flush=True)


def rehearse(terraform: Terraform, deployer: Deployer) -> None:
    """The whole life of the estate."""
    terraform.run("init", "-no-color", "-input=false")
    terraform.run("apply", "-no-color", "-input=false", "-auto-approve")
    print("ok   the estate is made", flush=True)
    terraform.plan(NO_CHANGES, "after it was made")
    image = "registry.example/bookshop/app:4246187"
    registered = {service: deployer.register(service, image) for service in SERVICES}
    terraform.plan(CHANGES, "while revisions are registered and not deployed")
    for service, definition in registered.items():
        deployer.point(service, image, definition)
    deployer.wait()
    terraform.plan(NO_CHANGES, "after the deployment")
    deployer.deploy(FIRST_IMAGE)
    terraform.run("destroy", "-no-color", "-input=false", "-auto-approve")
    deployer.check_gone()


def mirror() -> Path | None:
    """The folder with the provider, if there is one."""
    folder = Path(os.environ.get("TF_PLUGIN_MIRROR") or DEFAULT_MIRROR)
    return folder if any(folder.glob(PROVIDER)) else None


def main() -> int:
    """Runs everything; gives the exit code."""
    providers = mirror()
    if shutil.which("terraform") is None or providers is None:
        print("no Terraform, or no mirror of its AWS provider in TF_PLUGIN_MIRROR")
        return SKIPPED
    sandbox = Sandbox(sys.argv[1])
    sandbox.set_speed(SPEED)
    with tempfile.TemporaryDirectory(prefix="terraform-") as folder:
        try:
            rehearse(Terraform(Path(folder), providers, sandbox.url), Deployer(sandbox))
        except Broken as broken:
            print(f"FAIL {broken}", flush=True)
            return 1
    print("\nTerraform and the deployments agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
