"""CodeDeploy: deployments that move the tasks of ECS services."""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import Any

import shop
from sandbox import Scope
from suite import check, equal, holds, lost, paged, refused, wait

APPLICATION = "shop-app"
GROUP = "shop-group"

STYLE = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}


def shifting(wait_minutes: int | None = None, keep_minutes: int = 0) -> dict[str, Any]:
    """How a group moves from one task set to the other: whether it waits for somebody, and how long
    the original task set is kept."""
    ready = {"actionOnTimeout": "CONTINUE_DEPLOYMENT"}
    if wait_minutes is not None:
        ready = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": wait_minutes}
    end = {"action": "TERMINATE", "terminationWaitTimeInMinutes": keep_minutes}
    return {"deploymentReadyOption": ready, "terminateBlueInstancesOnDeploymentSuccess": end}


def group(aws: Scope, name: str = GROUP, service: str = shop.SERVICE) -> dict[str, Any]:
    """What a group is made with that moves a service."""
    pair = {
        "targetGroups": [{"name": "blue"}, {"name": "green"}],
        "prodTrafficRoute": {"listenerArns": [f"arn:aws:elasticloadbalancing:{aws.region}::a"]},
    }
    return {
        "applicationName": APPLICATION,
        "deploymentGroupName": name,
        "serviceRoleArn": f"arn:aws:iam::{aws.account}:role/deployer",
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "deploymentStyle": STYLE,
        "blueGreenDeploymentConfiguration": shifting(),
        "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
        "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
        "ecsServices": [{"serviceName": service, "clusterName": shop.CLUSTER}],
    }


def handed_over(aws: Scope, **more: Any) -> dict[str, Any]:
    """Makes a service that CodeDeploy moves, with two revisions; gives what its group was made
    with."""
    aws.ecs.create_cluster(clusterName=shop.CLUSTER)
    for number in (1, 2):
        shop.revision(aws, f"{aws.account}/web:{number}", **shop.FARGATE)
    controller = {"type": "CODE_DEPLOY"}
    shop.create(aws, "web:1", deploymentController=controller, **shop.behind(aws, "blue"))
    aws.code_deploy.create_application(applicationName=APPLICATION, computePlatform="ECS")
    made_with = {**group(aws), **more}
    aws.code_deploy.create_deployment_group(**made_with)
    return made_with


def app_spec(revision: str = "web:2", **more: Any) -> str:
    """An AppSpec that has a revision run."""
    balancer = {"ContainerName": "web", "ContainerPort": 8080}
    properties = {"TaskDefinition": revision, "LoadBalancerInfo": balancer}
    service = {"Type": "AWS::ECS::Service", "Properties": properties}
    return json.dumps({"version": 0.0, "Resources": [{"TargetService": service}], **more})


def inline(content: str) -> dict[str, Any]:
    """A revision that is an AppSpec."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {
        "revisionType": "AppSpecContent",
        "appSpecContent": {"content": content, "sha256": digest},
    }


def deploy(aws: Scope, revision: str = "web:2", **more: Any) -> str:
    """Begins a deployment; gives its id."""
    request = {"applicationName": APPLICATION, "deploymentGroupName": GROUP}
    answer = aws.code_deploy.create_deployment(
        **request, revision=inline(app_spec(revision)), **more
    )
    return str(answer["deploymentId"])


def deployment(aws: Scope, name: str) -> dict[str, Any]:
    """A deployment as it is described."""
    return dict(aws.code_deploy.get_deployment(deploymentId=name)["deploymentInfo"])


def until(aws: Scope, name: str, status: str) -> dict[str, Any]:
    """Puts the clock forward until a deployment has a status; gives the deployment."""
    for _ in range(300):
        found = deployment(aws, name)
        if found["status"] == status:
            return found
        aws.sandbox.advance(500)
    raise TimeoutError(f"{name} is {found['status']}, want {status}")


def running(aws: Scope) -> list[tuple[str, str, str]]:
    """The task sets of the service: status, revision, and weight."""
    return [
        (one["status"], one["taskDefinition"].rsplit("/", 1)[1], one["stabilityStatus"])
        for one in shop.service(aws)["taskSets"]
    ]


@check
def applications(aws: Scope) -> None:
    """An application is made, told of, and listed."""
    names = [f"app-{number}" for number in range(3)]
    made = [
        aws.code_deploy.create_application(applicationName=name, computePlatform="ECS")
        for name in names
    ]
    found = aws.code_deploy.get_application(applicationName=names[0])["application"]
    equal(found["applicationId"], made[0]["applicationId"], "the id")
    equal((found["applicationName"], found["computePlatform"]), (names[0], "ECS"))
    everything = [
        name
        for page in aws.code_deploy.get_paginator("list_applications").paginate()
        for name in page["applications"]
    ]
    equal(everything, names, "the applications")


@check
def many(aws: Scope) -> None:
    """Applications are listed a hundred a page."""
    names = [f"app-{number:03}" for number in range(103)]
    for name in names:
        aws.code_deploy.create_application(applicationName=name, computePlatform="ECS")
    listed = paged(aws.code_deploy, "list_applications", "applications", 103, 100)
    equal(listed, names, "the applications")


@check
def configurations(aws: Scope) -> None:
    """AWS's own deployment configurations tell how traffic is shifted."""
    get = aws.code_deploy.get_deployment_config
    for name, expected in (
        ("ECSAllAtOnce", {"type": "AllAtOnce"}),
        (
            "ECSLinear10PercentEvery1Minutes",
            {
                "type": "TimeBasedLinear",
                "timeBasedLinear": {"linearPercentage": 10, "linearInterval": 1},
            },
        ),
        (
            "ECSCanary10Percent15Minutes",
            {
                "type": "TimeBasedCanary",
                "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 15},
            },
        ),
    ):
        whole = f"CodeDeployDefault.{name}"
        found = get(deploymentConfigName=whole)["deploymentConfigInfo"]
        equal(found["deploymentConfigName"], whole, "the name")
        equal(found["trafficRoutingConfig"], expected, f"how {name} shifts traffic")
    refused("DeploymentConfigDoesNotExistException", get, deploymentConfigName="mine")
    refused("InvalidDeploymentConfigNameException", get, deploymentConfigName="a b")
    unchecked = aws.unchecked("codedeploy").get_deployment_config
    refused("DeploymentConfigNameRequiredException", unchecked)


@check
def groups(aws: Scope) -> None:
    """A group tells what it was made with, and what was last deployed."""
    made_with = handed_over(aws)
    request = {"applicationName": APPLICATION, "deploymentGroupName": GROUP}
    found = aws.code_deploy.get_deployment_group(**request)["deploymentGroupInfo"]
    equal(list(lost(made_with, found, "$")), [], "what was lost")
    listed = paged(
        aws.code_deploy,
        "list_deployment_groups",
        "deploymentGroups",
        1,
        100,
        applicationName=APPLICATION,
    )
    equal(listed, [GROUP], "the groups")
    batch = aws.code_deploy.batch_get_deployment_groups(
        applicationName=APPLICATION, deploymentGroupNames=[GROUP, "none"]
    )
    equal(batch["deploymentGroupsInfo"], [found], "the groups")
    holds("none" in batch["errorMessage"], "the one that is not there is told of")
    done = deploy(aws)
    wait(aws.code_deploy, "deployment_successful", deploymentId=done)
    found = aws.code_deploy.get_deployment_group(**request)["deploymentGroupInfo"]
    equal(found["lastSuccessfulDeployment"]["deploymentId"], done, "the last deployment")
    equal(found["targetRevision"]["appSpecContent"]["content"], app_spec(), "the revision")


@check
def a_life(aws: Scope) -> None:
    """A deployment brings a second task set up, shifts traffic to it, and ends the first one; its
    target tells of both."""
    handed_over(aws)
    began = datetime.datetime.now(datetime.UTC)
    with aws.sandbox.standing_still():
        name = deploy(aws, description="the second")
        until(aws, name, "InProgress")
        targets = paged(
            aws.code_deploy, "list_deployment_targets", "targetIds", 1, 100, deploymentId=name
        )
        equal(targets, [f"{shop.CLUSTER}:{shop.SERVICE}"], "the targets")
        for status, count in (("InProgress", 1), ("Failed", 0)):
            listed = aws.code_deploy.list_deployment_targets(
                deploymentId=name, targetFilters={"TargetStatus": [status]}
            )
            equal(len(listed["targetIds"]), count, f"the number of targets that are {status}")
        for _ in range(10):
            aws.sandbox.advance(300)
            aws.code_deploy.get_deployment_target(deploymentId=name, targetId=targets[0])
        found = until(aws, name, "Succeeded")
    equal(found["description"], "the second", "the description")
    equal(found["deploymentOverview"]["Succeeded"], 1, "the overview")
    holds(found["createTime"] <= found["startTime"] <= found["completeTime"], "in order")
    equal(running(aws)[0], ("PRIMARY", "web:2", "STEADY_STATE"), "the task set")
    (target,) = aws.code_deploy.batch_get_deployment_targets(
        deploymentId=name, targetIds=targets
    )["deploymentTargets"]
    events = target["ecsTarget"]["lifecycleEvents"]
    holds({one["status"] for one in events} <= {"Succeeded", "Skipped"}, "the events succeeded")
    holds("AllowTraffic" in [one["lifecycleEventName"] for one in events], "traffic was allowed")
    holds(found["createTime"].year >= began.year, "it has a time")


@check
def awaited(aws: Scope) -> None:
    """A deployment waits for somebody, goes on, and is kept until the original task set is ended
    by hand."""
    handed_over(aws, blueGreenDeploymentConfiguration=shifting(10, 60))
    with aws.sandbox.standing_still():
        name = deploy(aws, deploymentConfigName="CodeDeployDefault.ECSCanary10Percent5Minutes")
        until(aws, name, "Ready")
        go_on = aws.code_deploy.continue_deployment
        refused(
            "DeploymentIsNotInReadyStateException",
            go_on,
            deploymentId=name,
            deploymentWaitType="TERMINATION_WAIT",
        )
        go_on(deploymentId=name, deploymentWaitType="READY_WAIT")
        aws.sandbox.advance(301_000)
        until(aws, name, "Baking")
        go_on(deploymentId=name, deploymentWaitType="TERMINATION_WAIT")
        until(aws, name, "Succeeded")


@check
def stopped(aws: Scope) -> None:
    """A deployment that is stopped is rolled back by another one, and both are listed."""
    handed_over(aws, blueGreenDeploymentConfiguration=shifting(10))
    with aws.sandbox.standing_still():
        rollback = {"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"]}
        name = deploy(aws, autoRollbackConfiguration=rollback)
        until(aws, name, "Ready")
        error = refused("DeploymentLimitExceededException", deploy, aws=aws)["Error"]
        holds(name in error["Message"], "the deployment in progress is named")
        answer = aws.code_deploy.stop_deployment(deploymentId=name, autoRollbackEnabled=True)
        holds(answer["status"] in ("Pending", "Succeeded"), "it is being stopped")
        found = until(aws, name, "Stopped")
        back = found["rollbackInfo"]["rollbackDeploymentId"]
        undone = until(aws, back, "Succeeded")
    equal(undone["creator"], "codeDeployRollback", "the creator")
    equal(undone["rollbackInfo"]["rollbackTriggeringDeploymentId"], name, "what it undoes")
    equal(found["errorInformation"]["code"], "MANUAL_STOP", "the error")
    listed = paged(aws.code_deploy, "list_deployments", "deployments", 2, 100)
    equal(set(listed), {name, back}, "the deployments")
    # botocore sends whole seconds.
    begun = found["createTime"] - datetime.timedelta(seconds=1)
    later = undone["createTime"] + datetime.timedelta(seconds=1)
    of_group = {"applicationName": APPLICATION, "deploymentGroupName": GROUP}
    for given, expected in (
        ({"includeOnlyStatuses": ["Stopped"]}, 1),
        ({"includeOnlyStatuses": ["InProgress", "Queued"]}, 0),
        ({"createTimeRange": {"start": begun, "end": later}}, 2),
        ({"createTimeRange": {"start": later}}, 0),
    ):
        found_by = aws.code_deploy.list_deployments(**of_group, **given)["deployments"]
        equal(len(found_by), expected, f"the number of deployments by {given}")
    batch = aws.code_deploy.batch_get_deployments(deploymentIds=[name, back, "d-NONE00000"])
    equal({one["deploymentId"] for one in batch["deploymentsInfo"]}, {name, back})
    over = "DeploymentAlreadyCompletedException"
    refused(over, aws.code_deploy.stop_deployment, deploymentId=name)
    refused(over, aws.code_deploy.continue_deployment, deploymentId=name)


@check
def failed(aws: Scope) -> None:
    """A deployment whose tasks crash fails, tells why, and is rolled back."""
    handed_over(aws)
    aws.sandbox.set_fate(f"{aws.account}/web:2", "crash")
    with aws.sandbox.standing_still():
        name = deploy(aws)
        found = until(aws, name, "Failed")
    holds(found["errorInformation"]["message"], "it tells why")
    holds(found["rollbackInfo"]["rollbackDeploymentId"], "it is rolled back")


@check
def missing(aws: Scope) -> None:
    """What is not there or not given is an error that names it."""
    handed_over(aws)
    cd, unchecked = aws.code_deploy, aws.unchecked("codedeploy")
    app, none = {"applicationName": APPLICATION}, {"applicationName": "none"}
    spec = inline(app_spec())
    for code, call, request in (
        ("ApplicationNameRequiredException", unchecked.create_application, {}),
        ("ApplicationNameRequiredException", unchecked.get_application, {}),
        ("InvalidApplicationNameException", cd.create_application, {"applicationName": "a b"}),
        (
            "ApplicationAlreadyExistsException",
            cd.create_application,
            {**app, "computePlatform": "ECS"},
        ),
        ("ApplicationDoesNotExistException", cd.get_application, none),
        ("ApplicationDoesNotExistException", cd.list_deployment_groups, none),
        ("ApplicationDoesNotExistException", cd.list_deployments, none),
        ("InvalidNextTokenException", cd.list_applications, {"nextToken": "?"}),
        ("InvalidNextTokenException", cd.list_deployment_groups, {**app, "nextToken": "?"}),
        ("InvalidNextTokenException", cd.list_deployments, {"nextToken": "?"}),
        ("DeploymentGroupNameRequiredException", unchecked.get_deployment_group, app),
        (
            "DeploymentGroupDoesNotExistException",
            cd.get_deployment_group,
            {**app, "deploymentGroupName": "none"},
        ),
        ("DeploymentGroupAlreadyExistsException", cd.create_deployment_group, group(aws)),
        (
            "ECSServiceMappingLimitExceededException",
            cd.create_deployment_group,
            group(aws, "other"),
        ),
        (
            "InvalidECSServiceException",
            cd.create_deployment_group,
            group(aws, "other", "none"),
        ),
        (
            "RoleRequiredException",
            unchecked.create_deployment_group,
            {**app, "deploymentGroupName": "other"},
        ),
        ("RevisionRequiredException", cd.create_deployment, {**app, "deploymentGroupName": GROUP}),
        (
            "DeploymentGroupDoesNotExistException",
            cd.create_deployment,
            {**app, "deploymentGroupName": "none", "revision": spec},
        ),
        (
            "DeploymentConfigDoesNotExistException",
            cd.create_deployment,
            {
                **app,
                "deploymentGroupName": GROUP,
                "revision": spec,
                "deploymentConfigName": "mine",
            },
        ),
        ("DeploymentIdRequiredException", unchecked.get_deployment, {}),
        ("DeploymentIdRequiredException", unchecked.continue_deployment, {}),
        ("DeploymentDoesNotExistException", cd.get_deployment, {"deploymentId": "d-NONE00000"}),
        ("DeploymentDoesNotExistException", cd.stop_deployment, {"deploymentId": "d-NONE00000"}),
        (
            "DeploymentDoesNotExistException",
            cd.list_deployment_targets,
            {"deploymentId": "d-NONE00000"},
        ),
        (
            "BatchLimitExceededException",
            cd.batch_get_deployments,
            {"deploymentIds": [f"d-{number:09}" for number in range(26)]},
        ),
    ):
        refused(code, call, **request)
    name = deploy(aws)
    for code, call, request in (
        ("DeploymentTargetIdRequiredException", unchecked.get_deployment_target, {}),
        (
            "DeploymentTargetDoesNotExistException",
            cd.get_deployment_target,
            {"targetId": "shop:none"},
        ),
        (
            "DeploymentTargetDoesNotExistException",
            cd.batch_get_deployment_targets,
            {"targetIds": ["shop:none"]},
        ),
        (
            "DeploymentTargetListSizeExceededException",
            cd.batch_get_deployment_targets,
            {"targetIds": [f"shop:{number}" for number in range(26)]},
        ),
        ("InvalidNextTokenException", cd.list_deployment_targets, {"nextToken": "?"}),
        (
            "InvalidTargetFilterNameException",
            cd.list_deployment_targets,
            {"targetFilters": {"ServerInstanceLabel": ["Green"]}},
        ),
    ):
        refused(code, call, deploymentId=name, **request)


@check
def not_done(aws: Scope) -> None:
    """What the sandbox does not do is refused with one of the operation's own errors."""
    handed_over(aws)
    cd = aws.code_deploy
    tags = [{"Key": "team", "Value": "search"}]
    filters = [{"Key": "a", "Value": "b", "Type": "KEY_AND_VALUE"}]
    alarms = {"enabled": True, "alarms": [{"name": "errors"}]}
    bucket = {"bucket": "b", "key": "k", "bundleType": "JSON"}
    keep = shifting() | {"terminateBlueInstancesOnDeploymentSuccess": {"action": "KEEP_ALIVE"}}
    in_place = {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}
    trigger = {"triggerName": "t", "triggerTargetArn": "a", "triggerEvents": ["DeploymentStart"]}
    for code, request in (
        ("InvalidComputePlatformException", {}),
        ("InvalidComputePlatformException", {"computePlatform": "Lambda"}),
        ("InvalidTagsToAddException", {"computePlatform": "ECS", "tags": tags}),
    ):
        refused(code, cd.create_application, applicationName="another", **request)
    for code, request in (
        ("InvalidAlarmConfigException", {"alarmConfiguration": alarms}),
        ("InvalidTagsToAddException", {"tags": tags}),
        ("InvalidInputException", {"ec2TagFilters": filters}),
        ("InvalidInputException", {"onPremisesInstanceTagFilters": filters}),
        ("InvalidInputException", {"autoScalingGroups": ["a"]}),
        ("InvalidInputException", {"outdatedInstancesStrategy": "UPDATE"}),
        ("InvalidInputException", {"ec2TagSet": {"ec2TagSetList": [filters]}}),
        ("InvalidInputException", {"onPremisesTagSet": {"onPremisesTagSetList": [filters]}}),
        ("InvalidInputException", {"terminationHookEnabled": True}),
        ("InvalidTriggerConfigException", {"triggerConfigurations": [trigger]}),
        ("InvalidDeploymentStyleException", {"deploymentStyle": in_place}),
        (
            "InvalidBlueGreenDeploymentConfigurationException",
            {"blueGreenDeploymentConfiguration": keep},
        ),
        ("InvalidLoadBalancerInfoException", {"loadBalancerInfo": {"elbInfoList": []}}),
    ):
        refused(code, cd.create_deployment_group, **{**group(aws, "other"), **request})
    named = {"applicationName": APPLICATION, "deploymentGroupName": GROUP}
    for code, request in (
        ("InvalidAlarmConfigException", {"overrideAlarmConfiguration": alarms}),
        ("InvalidTargetInstancesException", {"targetInstances": {"autoScalingGroups": ["a"]}}),
        ("InvalidFileExistsBehaviorException", {"fileExistsBehavior": "OVERWRITE"}),
        (
            "InvalidIgnoreApplicationStopFailuresValueException",
            {"ignoreApplicationStopFailures": True},
        ),
        (
            "InvalidUpdateOutdatedInstancesOnlyValueException",
            {"updateOutdatedInstancesOnly": True},
        ),
        ("InvalidInputException", {"deploymentMode": "RESTART"}),
        ("InvalidRevisionException", {"revision": {"revisionType": "S3", "s3Location": bucket}}),
        ("InvalidRevisionException", {"revision": inline("version: 0.0")}),
        ("InvalidRevisionException", {"revision": inline("{}")}),
        ("InvalidRevisionException", {"revision": inline(app_spec(Hooks=[{"AfterInstall": "x"}]))}),
    ):
        whole = {**named, "revision": inline(app_spec()), **request}
        refused(code, cd.create_deployment, **whole)
    refused("InvalidExternalIdException", cd.list_deployments, externalId="x")
    holds(cd.list_deployments()["deployments"] == [], "nothing was deployed")
