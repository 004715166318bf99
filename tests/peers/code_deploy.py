"""Deployment groups of CodeDeploy, called as AWS's console calls them."""

from __future__ import annotations

from typing import Any

from provider import ACCOUNT
from sandbox import REGION

ELB = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
LISTENER = f"{ELB}:listener/app/shop/0123456789abcdef/0123456789abcdef"

STYLE = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}

# It waits for nobody, and keeps the original task set no longer than it must.
SHIFTING = {
    "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
    "terminateBlueInstancesOnDeploymentSuccess": {
        "action": "TERMINATE",
        "terminationWaitTimeInMinutes": 0,
    },
}


def target_group(name: str) -> str:
    """The ARN of a target group."""
    return f"{ELB}:targetgroup/{name}/0123456789abcdef"


def make_group(code_deploy: Any, cluster: str, service: str, target: str) -> None:
    """Makes an application and a group that move a service, from its target group to another and
    back."""
    name = f"{cluster}-{service}"
    code_deploy.create_application(applicationName=f"AppECS-{name}", computePlatform="ECS")
    pair = {
        "targetGroups": [{"name": target}, {"name": f"{target}-other"}],
        "prodTrafficRoute": {"listenerArns": [LISTENER]},
    }
    code_deploy.create_deployment_group(
        applicationName=f"AppECS-{name}",
        deploymentGroupName=f"DgpECS-{name}",
        serviceRoleArn=f"arn:aws:iam::{ACCOUNT}:role/code-deploy",
        deploymentConfigName="CodeDeployDefault.ECSAllAtOnce",
        deploymentStyle=STYLE,
        blueGreenDeploymentConfiguration=SHIFTING,
        autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
        loadBalancerInfo={"targetGroupPairInfoList": [pair]},
        ecsServices=[{"serviceName": service, "clusterName": cluster}],
    )
