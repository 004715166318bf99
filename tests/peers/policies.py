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

MANIFEST = f"""
[bookshop]
name     = "Bookshop"
region   = "eu-west-1"
role_arn = "arn:aws:iam::{ACCOUNT}:role/deployer"
store    = {{ dynamodb = "release-tool", role_arn = "arn:aws:iam::{ACCOUNT}:role/store" }}

[bookshop.environments.prod]
name    = "Production"
cluster = "bookshop-prod"

[bookshop.services.catalogue-api]
name   = "Catalogue API"
before = {{ run_task = ["rake", "db:migrate"] }}

[bookshop.services.orders-api]
name = "Orders API"
"""

PROVIDER = """
provider "aws" {{
  region                  = "eu-west-1"
  access_key              = "AKIA{account}USER"
  secret_key              = "not verified"
  skip_metadata_api_check = true

  endpoints {{
    iam = "{url}"
    sts = "{url}"
  }}
}}

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


def same(left: Any) -> Any:
    """A document in a form in which the order of lists does not count, and one is as good as a list
    of one."""
    if isinstance(left, dict):
        return {name: same(value) for name, value in left.items()}
    if isinstance(left, list):
        entries = sorted(map(same, left), key=lambda one: json.dumps(one, sort_keys=True))
        return entries[0] if len(entries) == 1 else entries
    return left


# The roles that the manifest names: they are there before their policies.
ROLES = ("deployer", "store")


def rehearse(terraform: Terraform, sandbox: Sandbox, printed: dict[str, Any]) -> None:
    """The whole life of the roles and policies."""
    iam: Any = sandbox.client("iam", ACCOUNT)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}
    for name in ROLES:
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    terraform.run("init", "-no-color", "-input=false")
    terraform.run("validate", "-no-color")
    print("ok   what is printed is valid", flush=True)
    terraform.run("apply", "-no-color", "-input=false", "-auto-approve")
    terraform.plan(NO_CHANGES, "after roles and policies were made")
    found = iam.list_policies(Scope="Local")["Policies"]
    made = {one["PolicyName"]: one for one in found}
    if set(made) != set(printed):
        raise Broken(f"the policies are {sorted(made)}, want {sorted(printed)}")
    for name, document in printed.items():
        version = iam.get_policy_version(
            PolicyArn=made[name]["Arn"], VersionId=made[name]["DefaultVersionId"]
        )
        if same(version["PolicyVersion"]["Document"]) != same(document):
            raise Broken(f"{name} says something else than the JSON that is printed")
        print(f"ok   {name} is the same as JSON and in Terraform", flush=True)
    terraform.run("destroy", "-no-color", "-input=false", "-auto-approve")
    for name in ROLES:
        iam.delete_role(RoleName=name)
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

    def run(self, *words: str) -> str:
        """Prints something of a project in a sandbox of its own."""
        done = subprocess.run(
            [self.program, "--sandbox", "iam-policy", *words],
            cwd=self.folder,
            env={"HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        if done.returncode != 0:
            raise Broken(f"iam-policy {' '.join(words)}: {done.stderr}")
        return done.stdout

    def policies(self, *words: str) -> dict[str, Any]:
        """The documents that are printed, by name."""
        told = json.loads(self.run(*words, "--output", "json"))
        return {one["name"]: one["document"] for one in told["policies"]}


def write(printer: Printer, folder: Path, url: str) -> dict[str, Any]:
    """Has everything printed as HCL into a folder; gives the documents."""
    documents: dict[str, Any] = {}
    for words in (("deploy", "--env", "prod"), ("register",), ("status",), ("store",)):
        documents |= printer.policies(*words)
        hcl = printer.run(*words, "--format", "terraform")
        (folder / f"{words[0]}.tf").write_text(hcl)
    for ci, subject in (("github", "--environment"), ("gitlab", "--branch"), ("buildkite", "--tag")):
        words = ("trust", ci, "--repo", "acme/shop", subject, "v1", "--role", ci)
        (folder / f"{ci}.tf").write_text(printer.run(*words, "--format", "terraform"))
    names = (
        f"{json.dumps(name)} = aws_iam_policy.{name.replace('-', '_')}.arn"
        for name in sorted(documents)
    )
    text = PROVIDER.format(account=ACCOUNT, url=url, policies=", ".join(names))
    (folder / "main.tf").write_text(text)
    return documents


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
        terraform = Terraform(folder, providers, url, source)
        try:
            documents = write(Printer(program, project), terraform.folder, url)
            rehearse(terraform, Sandbox(url), documents)
        except Broken as broken:
            print(f"FAIL {broken}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
