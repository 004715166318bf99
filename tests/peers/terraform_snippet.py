"""Has Terraform take over services that nobody described to it, by the HCL that is printed of them.

    terraform_snippet.py URL PROGRAM

Each service is set another way, so that together they have every member that ECS services and task
definitions commonly have. What is printed is valid and formatted, and changes nothing that runs;
afterwards `terraform plan` has no changes, and none after the next deployment either. Exit code 77
where there is no Terraform, or no mirror of the AWS provider.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from typing import Any

from code_deploy import ELB, make_group, target_group
from program import Program
from provider import ACCOUNT, NO_CHANGES, Broken, Terraform
from rehearsal import Rehearsal, rehearse, say
from sandbox import REGION, Sandbox

CLUSTER = "rich-prod"
IMAGE = "registry.example/rich/app"
TIMEOUT_SECONDS = 60

ROLE = f"arn:aws:iam::{ACCOUNT}:role"

FARGATE = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "executionRoleArn": f"{ROLE}/execution",
}
NETWORK = {
    "networkConfiguration": {
        "awsvpcConfiguration": {
            "subnets": ["subnet-2", "subnet-1"],
            "securityGroups": ["sg-1"],
            "assignPublicIp": "ENABLED",
        }
    }
}
ON_FARGATE = {"launchType": "FARGATE", **NETWORK}
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
# A container whose tasks are behind a target group.
PORT = {"portMappings": [{"containerPort": 8080, "protocol": "tcp", "name": "http"}]}


def balanced(name: str, **more: Any) -> dict[str, Any]:
    """A load balancer of a service."""
    return {"targetGroupArn": target_group(name), "containerName": name, "containerPort": 8080, **more}


# Each service: its container beside name and image, its task definition, and itself.
SERVICES: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]] = {
    "plain": ({"memory": 64}, {}, {}),
    "web": (
        {
            **PORT,
            "environment": [
                {"name": "ZONE", "value": "eu"},
                {"name": "DB_PASSWORD", "value": "hunter2"},
            ],
            "logConfiguration": {
                "logDriver": "splunk",
                "options": {"splunk-url": "https://splunk.example", "splunk-token": "0f-1a"},
            },
            "mountPoints": [{"sourceVolume": "books", "containerPath": "/books"}],
        },
        {
            **FARGATE,
            "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
            "ephemeralStorage": {"sizeInGiB": 40},
            "volumes": [
                {
                    "name": "books",
                    "efsVolumeConfiguration": {
                        "fileSystemId": "fs-0a1b2c3d",
                        "rootDirectory": "/",
                        "transitEncryption": "ENABLED",
                        "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"},
                    },
                }
            ],
            "tags": [{"key": "team", "value": "${search}"}],
        },
        {
            **ON_FARGATE,
            "loadBalancers": [balanced("web")],
            "healthCheckGracePeriodSeconds": 30,
            "platformVersion": "1.4.0",
            "enableExecuteCommand": True,
            "enableECSManagedTags": True,
            "propagateTags": "SERVICE",
            "tags": [{"key": "team", "value": "search"}],
            "serviceRegistries": [
                {"registryArn": f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:service/srv-1"}
            ],
            "deploymentConfiguration": {
                **BREAKER,
                "minimumHealthyPercent": 0,
                "maximumPercent": 150,
                "alarms": {"alarmNames": ["web-5xx"], "enable": True, "rollback": True},
            },
        },
    ),
    "pool": (
        {},
        FARGATE,
        {
            **NETWORK,
            "capacityProviderStrategy": [
                {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
                {"capacityProvider": "FARGATE_SPOT", "weight": 4},
            ],
            "deploymentConfiguration": BREAKER,
        },
    ),
    "mesh": (
        {**PORT, "dependsOn": [{"containerName": "envoy", "condition": "START"}]},
        {
            **FARGATE,
            "proxyConfiguration": {
                "type": "APPMESH",
                "containerName": "envoy",
                "properties": [
                    {"name": "ProxyIngressPort", "value": "15000"},
                    {"name": "AppPorts", "value": "8080"},
                    {"name": "EgressIgnoredIPs", "value": "169.254.170.2"},
                ],
            },
        },
        {**ON_FARGATE, "deploymentConfiguration": BREAKER},
    ),
    "connected": (
        PORT,
        FARGATE,
        {
            **ON_FARGATE,
            "serviceConnectConfiguration": {
                "enabled": True,
                "namespace": f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/ns-1",
                "services": [
                    {
                        "portName": "http",
                        "discoveryName": "connected",
                        "clientAliases": [{"port": 80, "dnsName": "connected"}],
                        "timeout": {"idleTimeoutSeconds": 60, "perRequestTimeoutSeconds": 5},
                    }
                ],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {"awslogs-group": "/ecs/rich", "awslogs-region": REGION},
                },
            },
            "deploymentConfiguration": BREAKER,
        },
    ),
    "disk": (
        {"mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch"}]},
        {**FARGATE, "volumes": [{"name": "scratch", "configuredAtLaunch": True}]},
        {
            **ON_FARGATE,
            "volumeConfigurations": [
                {
                    "name": "scratch",
                    "managedEBSVolume": {
                        "roleArn": f"{ROLE}/volumes",
                        "sizeInGiB": 20,
                        "volumeType": "gp3",
                        "encrypted": True,
                        "filesystemType": "ext4",
                    },
                }
            ],
            "deploymentConfiguration": BREAKER,
        },
    ),
    "packed": (
        {"memory": 64, "mountPoints": [{"sourceVolume": "host", "containerPath": "/host"}]},
        {
            "networkMode": "bridge",
            "pidMode": "host",
            "placementConstraints": [{"type": "memberOf", "expression": "attribute:zone == a"}],
            "volumes": [
                {"name": "host", "host": {"sourcePath": "/srv"}},
                {
                    "name": "made",
                    "dockerVolumeConfiguration": {
                        "scope": "shared",
                        "autoprovision": True,
                        "driver": "local",
                        "driverOpts": {"type": "nfs"},
                        "labels": {"kept": "yes"},
                    },
                },
            ],
        },
        {
            "launchType": "EC2",
            "placementStrategy": [
                {"type": "spread", "field": "attribute:ecs.availability-zone"},
                {"type": "binpack", "field": "memory"},
            ],
            "placementConstraints": [{"type": "distinctInstance"}],
            "deploymentConfiguration": BREAKER,
        },
    ),
    "green": (
        PORT,
        FARGATE,
        {
            **ON_FARGATE,
            "loadBalancers": [
                balanced(
                    "green",
                    advancedConfiguration={
                        "alternateTargetGroupArn": target_group("other"),
                        "productionListenerRule": f"{ELB}:listener-rule/app/shop/0f/1a/2b",
                        "roleArn": f"{ROLE}/balancer",
                    },
                )
            ],
            "deploymentConfiguration": {
                **BREAKER,
                "strategy": "BLUE_GREEN",
                "bakeTimeInMinutes": 1,
                "lifecycleHooks": [
                    {
                        "hookTargetArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:smoke",
                        "roleArn": f"{ROLE}/hooks",
                        "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
                    }
                ],
            },
        },
    ),
    "canary": (
        {"memory": 64},
        {},
        {
            "deploymentConfiguration": {
                **BREAKER,
                "strategy": "CANARY",
                "bakeTimeInMinutes": 1,
                "canaryConfiguration": {"canaryPercent": 10, "canaryBakeTimeInMinutes": 1},
            }
        },
    ),
    "handed-over": (
        PORT,
        FARGATE,
        {
            **ON_FARGATE,
            "loadBalancers": [balanced("handed-over")],
            "deploymentController": {"type": "CODE_DEPLOY"},
        },
    ),
}

# What Terraform is given for what is not printed.
VARIABLES = {
    "web_DB_PASSWORD": "hunter2",
    "web_splunk-token": "0f-1a",
}

# What is not about services.
PROVIDER = f"""
terraform {{
  required_providers {{
    aws = {{
      source = "hashicorp/aws"
    }}
  }}
}}

variable "endpoint" {{
  type = string
}}

provider "aws" {{
  region     = "{REGION}"
  access_key = "AKIA{ACCOUNT}USER"
  secret_key = "not verified"

  skip_metadata_api_check = true

  endpoints {{
    ecs = var.endpoint
    ssm = var.endpoint
    sts = var.endpoint
  }}
}}
"""

# Blocks that the provider does not have before 6.4.
NEWER = ("deployment_configuration", "advanced_configuration")


def manifest() -> str:
    """The project."""
    services = "\n".join(f"{name} = {{}}" for name in SERVICES)
    return (
        f'[rich]\nregion = "{REGION}"\n[rich.environments.prod]\ncluster = "{CLUSTER}"\n'
        f"[rich.services]\n{services}\n"
    )


class Estate:
    """The services, in the sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.ecs: Any = sandbox.client("ecs", ACCOUNT)
        self.ssm: Any = sandbox.client("ssm", ACCOUNT)
        self.code_deploy: Any = sandbox.client("codedeploy", ACCOUNT)
        self.sandbox = sandbox

    def make(self) -> None:
        """Makes everything."""
        self.ecs.create_cluster(
            clusterName=CLUSTER, capacityProviders=["FARGATE", "FARGATE_SPOT"]
        )
        self.sandbox.control("POST", "alarms", name="web-5xx", state="OK")
        for name, (container, definition, service) in SERVICES.items():
            containers = [{"name": name, "image": f"{IMAGE}:1", **container}]
            if name == "mesh":
                containers.append({"name": "envoy", "image": "registry.example/envoy:1"})
            self.ecs.register_task_definition(
                family=f"rich-{name}", containerDefinitions=containers, **definition
            )
            self.ssm.put_parameter(
                Name=f"/rich/images/prod/{name}", Value=f"{IMAGE}:1", Type="String"
            )
            self.ecs.create_service(
                cluster=CLUSTER,
                serviceName=name,
                desiredCount=1,
                taskDefinition=f"rich-{name}",
                **service,
            )
        make_group(self.code_deploy, CLUSTER, "handed-over", "handed-over")
        self.settle()

    def services(self) -> list[dict[str, Any]]:
        """All services as they are described."""
        names = list(SERVICES)
        found = []
        for start in range(0, len(names), 10):
            part = names[start : start + 10]
            found += self.ecs.describe_services(cluster=CLUSTER, services=part)["services"]
        return found

    def settle(self) -> None:
        """Waits until every rollout is over."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < until:
            rollouts = [one for service in self.services() for one in service["deployments"]]
            if all(one["rolloutState"] == "COMPLETED" for one in rollouts):
                return
            time.sleep(0.05)
        raise Broken("the services have not settled")

    def rollouts(self) -> dict[str, list[str]]:
        """What each service runs in: its deployments, or its task sets."""
        return {
            service["serviceName"]: [
                one["id"] for one in service["deployments"] + service.get("taskSets", [])
            ]
            for service in self.services()
        }


def known(hcl: str) -> str:
    """What is printed, without the blocks that this version of the provider does not have yet."""
    for name in NEWER:
        found = re.subn(rf"\n\n(?: +# [^\n]*\n)*( +){name} \{{\n.*?\n\1\}}", "", hcl, flags=re.S)
        hcl, count = found
        if not count:
            raise Broken(f"there is no {name} in what is printed")
    return hcl


def take_over(terraform: Terraform, program: Program) -> None:
    """Has Terraform take into its state what is there."""
    printed = program.run("terraform", "snippet", "--env", "prod", "--import")
    for secret in VARIABLES.values():
        if secret in printed:
            raise Broken(f"`{secret}` is printed")
    services = terraform.folder / "services.tf"
    services.write_text(printed)
    terraform.run("fmt", "-check", "services.tf")
    services.write_text(known(printed))
    (terraform.folder / "main.tf").write_text(PROVIDER)
    terraform.environment |= {f"TF_VAR_{name}": value for name, value in VARIABLES.items()}
    terraform.init()
    terraform.run("validate", "-no-color")
    say("ok   what is printed is valid, and formatted")
    terraform.run("plan", "-no-color", "-input=false", "-out=plan")
    check_import(terraform.planned())


# What a service or task definition is imported without, because it is about Terraform only.
ABOUT_TERRAFORM = {"track_latest", "skip_destroy", "wait_for_steady_state", "task_definition"}


def check_import(plan: dict[str, Any]) -> None:
    """All is taken into the state, and nothing is changed but what is about Terraform alone."""
    for one in plan["resource_changes"]:
        change = one["change"]
        if one["mode"] == "data":
            continue
        if "importing" not in change or not set(change["actions"]) <= {"no-op", "update"}:
            raise Broken(f"{one['address']}: {change['actions']}")
        before, after = change["before"], change["after"]
        differs = {name for name in after if before.get(name) != after[name]}
        if one["type"] == "aws_ssm_parameter":
            differs -= {"insecure_value", "value", "overwrite"}
        if differs - ABOUT_TERRAFORM:
            values = {name: (before.get(name), after[name]) for name in differs}
            raise Broken(f"{one['address']} is changed: {values}")
    say("ok   all of it is imported, and nothing of it is changed")


def play(rehearsal: Rehearsal) -> None:
    """Runs everything."""
    estate = Estate(rehearsal.sandbox)
    estate.make()
    terraform, program = rehearsal.terraform(None), rehearsal.program(manifest())
    take_over(terraform, program)
    before = estate.rollouts()
    terraform.apply()
    if estate.rollouts() != before:
        raise Broken(f"Terraform deployed something: {before} became {estate.rollouts()}")
    say("ok   nothing was deployed")
    terraform.plan(NO_CHANGES, "once it was taken over")
    images = [part for name in SERVICES for part in ("--image", f"{name}={IMAGE}:2")]
    program.run("deploy", "all", "prod", "--skip-confirm", *images)
    say(f"ok   {len(SERVICES)} services are deployed")
    terraform.plan(NO_CHANGES, "after the next deployment")


if __name__ == "__main__":
    sys.exit(rehearse(play, "Terraform has taken over what was printed"))
