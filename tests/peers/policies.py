"""Has Terraform make the roles and policies that `iam-policy` prints, in the sandbox.

    policies.py URL PROGRAM

What the sandbox's IAM then has is compared with the documents that are printed as JSON. Exit code 77 where there is no
Terraform, or no mirror of the AWS provider.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from provider import (
    ACCOUNT,
    NO_CHANGES,
    SKIPPED,
    TIMEOUT_SECONDS,
    Broken,
    Terraform,
    mirror,
)
from sandbox import Sandbox

# Another account, with a role of the same name.
OTHER = "222222222222"

MANIFEST = f"""
[bookshop]
name     = "Bookshop"
region   = "eu-west-1"
role_arn = "arn:aws:iam::{ACCOUNT}:role/deployer"
store    = {{ dynamodb = "release-tool", role_arn = "arn:aws:iam::{ACCOUNT}:role/store" }}

[bookshop.environments.prod]
name    = "Production"
cluster = "bookshop-prod"

[bookshop.environments.stage]
name     = "Staging"
cluster  = "bookshop-stage"
account  = "{OTHER}"
role_arn = "arn:aws:iam::{OTHER}:role/ci/deployer"

[bookshop.services.catalogue-api]
name   = "Catalogue API"
before = {{ run_task = ["rake", "db:migrate"] }}

[bookshop.services.orders-api]
name = "Orders API"
"""

PROVIDER = """
provider "aws" {{{alias}
  region                  = "eu-west-1"
  access_key              = "AKIA{account}USER"
  secret_key              = "not verified"
  skip_metadata_api_check = true

  endpoints {{
    iam = "{url}"
    sts = "{url}"
  }}
}}
"""

OWN = """
# What a team adds by itself.
resource "aws_iam_role" "tester" {{
  name = "tester"
  path = "/ci/"

  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = {{ AWS = "{account}" }}
    }}]
  }})

  tags = {{ team = "search" }}
}}

resource "aws_iam_role_policy" "own" {{
  name = "own"
  role = aws_iam_role.tester.id

  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "ssm:GetParameter", Resource = "*" }}]
  }})
}}

data "aws_iam_role" "tester" {{
  name = aws_iam_role.tester.name
}}

data "aws_iam_policy" "printed" {{
  for_each = {{ {policies} }}
  arn      = each.value
}}

output "documents" {{
  value = {{ for name, policy in data.aws_iam_policy.printed : name => policy.policy }}
}}
"""


# The documents that are printed, by name, of each account.
Printed = dict[str, dict[str, Any]]


def same(left: Any) -> Any:
    """A document in a form in which the order of lists does not count, and one is as good as a list
    of one."""
    if isinstance(left, dict):
        return {name: same(value) for name, value in left.items()}
    if isinstance(left, list):
        entries = sorted(map(same, left), key=lambda one: json.dumps(one, sort_keys=True))
        return entries[0] if len(entries) == 1 else entries
    return left


# The roles that the manifest names, with their accounts: they are there before their policies.
ROLES = ((ACCOUNT, "deployer"), (ACCOUNT, "store"), (OTHER, "deployer"))


def account_of(role: str | None) -> str:
    """The account in which a policy is made: that of its role."""
    return role.split(":")[4] if role else ACCOUNT


def compare(iam: Any, printed: dict[str, Any]) -> None:
    """Compares the policies of an account with what was printed for its roles."""
    made = {one["PolicyName"]: one for one in iam.list_policies(Scope="Local")["Policies"]}
    if set(made) != set(printed):
        raise Broken(f"the policies are {sorted(made)}, want {sorted(printed)}")
    for name, document in printed.items():
        version = iam.get_policy_version(
            PolicyArn=made[name]["Arn"], VersionId=made[name]["DefaultVersionId"]
        )
        if same(version["PolicyVersion"]["Document"]) != same(document):
            raise Broken(f"{name} says something else than the JSON that is printed")
        print(f"ok   {name} is the same as JSON and in Terraform", flush=True)


def rehearse(terraform: Terraform, sandbox: Sandbox, printed: Printed) -> None:
    """The whole life of the roles and policies."""
    clients: dict[str, Any] = {one: sandbox.client("iam", one) for one in (ACCOUNT, OTHER)}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}
    for account, name in ROLES:
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        clients[account].create_role(RoleName=name, AssumeRolePolicyDocument=document)
    terraform.run("init", "-no-color", "-input=false")
    terraform.run("validate", "-no-color")
    print("ok   what is printed is valid", flush=True)
    terraform.run("apply", "-no-color", "-input=false", "-auto-approve")
    terraform.plan(NO_CHANGES, "after roles and policies were made")
    for account, iam in clients.items():
        compare(iam, printed[account])
        attached = iam.list_attached_role_policies(RoleName="deployer")["AttachedPolicies"]
        names = {one["PolicyName"] for one in attached}
        wanted = {name for name in printed[account] if "deployer" in name}
        if names != wanted:
            raise Broken(f"the deployer of {account} has {sorted(names)}, want {sorted(wanted)}")
    terraform.run("destroy", "-no-color", "-input=false", "-auto-approve")
    for account, name in ROLES:
        clients[account].delete_role(RoleName=name)
    for iam in clients.values():
        left = iam.list_roles()["Roles"] + iam.list_policies(Scope="Local")["Policies"]
        if left or iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            raise Broken(f"something is left: {left}")
    print("ok   everything is gone", flush=True)


class Printer:
    """The program, in a project whose commands take on roles."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder
        (folder / ".weco-project").write_text(MANIFEST)

        self.run("sandbox", "seed")

    def run(self, *words: str) -> str:
        """Runs the program with a sandbox of its own; gives what it printed."""
        done = subprocess.run(
            [self.program, "--sandbox", *words],
            cwd=self.folder,
            env={"HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        if done.returncode != 0:
            raise Broken(f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    def policies(self, printed: Printed, *words: str) -> None:
        """Takes in the documents that are printed."""
        told = json.loads(self.run("iam-policy", *words, "--output", "json"))
        for one in told["policies"]:
            documents = printed[account_of(one["role"])]
            if one["name"] in documents:
                raise Broken(f"{one['name']} is printed twice")
            documents[one["name"]] = one["document"]


# What is printed into one folder.
PRINTED = (
    ("deploy", "--env", "prod"),
    ("deploy",),
    ("register",),
    ("status", "--env", "prod"),
    ("store",),
)


def write(printer: Printer, folder: Path, url: str) -> Printed:
    """Has everything printed as HCL into a folder; gives the documents."""
    printed: Printed = {ACCOUNT: {}, OTHER: {}}
    for words in PRINTED:
        printer.policies(printed, *words)
        hcl = printer.run("iam-policy", *words, "--format", "terraform")
        (folder / f"{'_'.join(words)}.tf").write_text(hcl)
    for ci, subject in (("github", "--environment"), ("gitlab", "--branch"), ("buildkite", "--tag")):
        words = ("iam-policy", "trust", ci, "--repo", "acme/shop", subject, "v1", "--format", "terraform")
        (folder / f"{ci}.tf").write_text(printer.run(*words, "--role", ci))
        again = printer.run(*words, "--role", f"{ci}-again", "--provider", "refer")
        (folder / f"{ci}_again.tf").write_text(again)
    names = (
        f"{json.dumps(name)} = aws_iam_policy.{name.replace('-', '_')}.arn"
        for name in sorted(printed[ACCOUNT])
    )
    text = PROVIDER.format(account=ACCOUNT, url=url, alias="")
    for account in (ACCOUNT, OTHER):
        alias = f'\n  alias = "account_{account}"\n'
        text += PROVIDER.format(account=account, url=url, alias=alias)
    text += OWN.format(account=ACCOUNT, policies=", ".join(names))
    (folder / "main.tf").write_text(text)
    return printed


def main() -> int:
    """Runs everything; gives the exit code."""
    url, program = sys.argv[1:]
    providers = mirror()
    if providers is None:
        print("no Terraform, or no mirror of its AWS provider in TF_PLUGIN_MIRROR")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="terraform-") as place:
        folder = Path(place)
        source, project = folder / "nothing", folder / "project"
        source.mkdir()
        project.mkdir()
        terraform = Terraform(folder / "estate", providers, url, source)
        try:
            printed = write(Printer(program, project), terraform.folder, url)
            rehearse(terraform, Sandbox(url), printed)
        except Broken as broken:
            print(f"FAIL {broken}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
