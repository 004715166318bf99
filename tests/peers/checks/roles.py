"""IAM: roles, policies and identity providers, and what sessions of roles may do."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

from checks.identity import as_role
from sandbox import Scope
from suite import check, equal, holds, paged, refused, wait

TAGS = [{"Key": "team", "Value": "search"}, {"Key": "to", "Value": "delete"}]
HOST = "token.actions.githubusercontent.com"


def document(*statements: dict[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(aws: Scope) -> str:
    """A trust policy for whoever is of the account."""
    who = {"AWS": f"arn:aws:iam::{aws.account}:root"}
    return document({"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"})


def allowing(action: str, resource: str = "*") -> str:
    """A policy that allows one thing."""
    return document({"Effect": "Allow", "Action": action, "Resource": resource})


def role(aws: Scope, name: str, **more: Any) -> str:
    """Makes a role; gives its ARN."""
    request = {"RoleName": name, "AssumeRolePolicyDocument": trust(aws), **more}
    return str(aws.client("iam").create_role(**request)["Role"]["Arn"])


def policy(aws: Scope, name: str, **more: Any) -> str:
    """Makes a policy; gives its ARN."""
    request = {"PolicyName": name, "PolicyDocument": allowing("ecs:*"), **more}
    return str(aws.client("iam").create_policy(**request)["Policy"]["Arn"])


@check
def a_role(aws: Scope) -> None:
    """A role is made, told, changed and deleted."""
    iam = aws.client("iam")
    arn = role(aws, "deployer", Path="/ci/", Description="deploys", Tags=TAGS)
    equal(arn, f"arn:aws:iam::{aws.account}:role/ci/deployer", "the ARN")
    wait(iam, "role_exists", RoleName="deployer")
    found = iam.get_role(RoleName="deployer")["Role"]
    equal(found["AssumeRolePolicyDocument"], json.loads(trust(aws)), "the trust policy")
    equal((found["Description"], found["MaxSessionDuration"]), ("deploys", 3600))
    iam.update_role(RoleName="deployer", Description="moves", MaxSessionDuration=7200)
    other = document(
        {"Effect": "Allow", "Principal": {"AWS": aws.account}, "Action": "sts:AssumeRole"}
    )
    iam.update_assume_role_policy(RoleName="deployer", PolicyDocument=other)
    iam.untag_role(RoleName="deployer", TagKeys=["to"])
    iam.tag_role(RoleName="deployer", Tags=[{"Key": "and", "Value": ""}])
    found = iam.get_role(RoleName="deployer")["Role"]
    equal((found["Description"], found["MaxSessionDuration"]), ("moves", 7200))
    equal(found["AssumeRolePolicyDocument"], json.loads(other), "the trust policy")
    equal([tag["Key"] for tag in found["Tags"]], ["and", "team"], "the tags")
    paged(iam, "list_role_tags", "Tags", 2, RoleName="deployer")
    paged(iam, "list_instance_profiles_for_role", "InstanceProfiles", 0, RoleName="deployer")
    for name in ("a", "b"):
        role(aws, name)
    paged(iam, "list_roles", "Roles", 3)
    refused("EntityAlreadyExists", role, aws=aws, name="a")
    refused("MalformedPolicyDocument", role, aws=aws, name="c", AssumeRolePolicyDocument="{}")
    iam.delete_role(RoleName="a")
    refused("NoSuchEntity", iam.get_role, RoleName="a")


@check
def its_policies(aws: Scope) -> None:
    """A role has policies of its own, and managed ones that are attached."""
    iam = aws.client("iam")
    role(aws, "deployer")
    names = ("one", "three", "two")
    for name in names:
        iam.put_role_policy(
            RoleName="deployer", PolicyName=name, PolicyDocument=allowing("ssm:*")
        )
    equal(paged(iam, "list_role_policies", "PolicyNames", 3, RoleName="deployer"), list(names))
    told = iam.get_role_policy(RoleName="deployer", PolicyName="one")
    equal(told["PolicyDocument"], json.loads(allowing("ssm:*")), "the document")
    arns = [policy(aws, name) for name in names]
    for arn in arns:
        iam.attach_role_policy(RoleName="deployer", PolicyArn=arn)
    found = paged(iam, "list_attached_role_policies", "AttachedPolicies", 3, RoleName="deployer")
    equal([one["PolicyArn"] for one in found], arns, "what is attached")
    for name in ("b", "c"):
        role(aws, name)
        iam.attach_role_policy(RoleName=name, PolicyArn=arns[0])
    entities = iam.list_entities_for_policy(PolicyArn=arns[0])
    equal([one["RoleName"] for one in entities["PolicyRoles"]], ["b", "c", "deployer"])
    paged(iam, "list_entities_for_policy", "PolicyRoles", 3, PolicyArn=arns[0])
    refused("DeleteConflict", iam.delete_role, RoleName="deployer")
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arns[0])
    for name in names:
        iam.delete_role_policy(RoleName="deployer", PolicyName=name)
    for arn in arns:
        iam.detach_role_policy(RoleName="deployer", PolicyArn=arn)
    iam.delete_role(RoleName="deployer")
    refused("NoSuchEntity", iam.get_role_policy, RoleName="b", PolicyName="one")


@check
def a_managed_policy(aws: Scope) -> None:
    """A managed policy has versions, of which one counts."""
    iam = aws.client("iam")
    arn = policy(aws, "deploy", Path="/ci/", Description="deploys", Tags=TAGS)
    wait(iam, "policy_exists", PolicyArn=arn)
    for action in ("ssm:*", "ecr:*"):
        iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=allowing(action), SetAsDefault=action == "ecr:*"
        )
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    equal((found["DefaultVersionId"], found["AttachmentCount"]), ("v3", 0))
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    equal(version["Document"], json.loads(allowing("ssm:*")), "the document")
    equal(version["IsDefaultVersion"], False)
    paged(iam, "list_policy_versions", "Versions", 3, PolicyArn=arn)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
    for number in ("v2", "v3"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=number)
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "and", "Value": "more"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["to"])
    paged(iam, "list_policy_tags", "Tags", 2, PolicyArn=arn)
    for name in ("a", "b"):
        policy(aws, name)
    paged(iam, "list_policies", "Policies", 3, Scope="Local")
    refused("EntityAlreadyExists", policy, aws=aws, name="a")
    refused("LimitExceeded", policy, aws=aws, name="c", PolicyDocument=allowing("x:" + "y" * 7000))
    iam.delete_policy(PolicyArn=arn)
    refused("NoSuchEntity", iam.get_policy, PolicyArn=arn)


@check
def a_provider(aws: Scope) -> None:
    """An identity provider is made, told, changed and deleted."""
    iam = aws.client("iam")
    made = iam.create_open_id_connect_provider(
        Url=f"https://{HOST}", ClientIDList=["sts.amazonaws.com"], Tags=TAGS
    )
    arn = made["OpenIDConnectProviderArn"]
    equal(arn, f"arn:aws:iam::{aws.account}:oidc-provider/{HOST}", "the ARN")
    named = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(ClientID="another", **named)
    iam.remove_client_id_from_open_id_connect_provider(ClientID="sts.amazonaws.com", **named)
    iam.update_open_id_connect_provider_thumbprint(ThumbprintList=["a" * 40], **named)
    iam.tag_open_id_connect_provider(Tags=[{"Key": "and", "Value": "more"}], **named)
    iam.untag_open_id_connect_provider(TagKeys=["to"], **named)
    found = iam.get_open_id_connect_provider(**named)
    equal((found["Url"], found["ClientIDList"]), (HOST, ["another"]))
    equal(found["ThumbprintList"], ["a" * 40])
    equal(len(iam.list_open_id_connect_provider_tags(**named)["Tags"]), 2, "the number of tags")
    paged(iam, "list_open_id_connect_provider_tags", "Tags", 2, **named)
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    equal(listed, [{"Arn": arn}])
    iam.delete_open_id_connect_provider(**named)
    refused("NoSuchEntity", iam.get_open_id_connect_provider, **named)


@check
def the_simulator(aws: Scope) -> None:
    """The simulator tells what policies say."""
    iam = aws.client("iam")
    source = role(aws, "deployer")
    iam.put_role_policy(
        RoleName="deployer", PolicyName="one", PolicyDocument=allowing("ecs:Describe*")
    )
    asked = {"ActionNames": ["ecs:DescribeServices", "ecs:UpdateService", "ecs:DescribeTasks"]}
    found = paged(
        iam, "simulate_principal_policy", "EvaluationResults", 3, PolicySourceArn=source, **asked
    )
    verdicts = [one["EvalDecision"] for one in found]
    equal(verdicts, ["allowed", "implicitDeny", "allowed"], "the verdicts")
    passing = document(
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        }
    )
    for service, verdict in (("ecs-tasks", "allowed"), ("ec2", "implicitDeny")):
        (result,) = iam.simulate_custom_policy(
            PolicyInputList=[passing],
            ActionNames=["iam:PassRole"],
            ResourceArns=[source],
            ContextEntries=[
                {
                    "ContextKeyName": "iam:PassedToService",
                    "ContextKeyType": "string",
                    "ContextKeyValues": [f"{service}.amazonaws.com"],
                }
            ],
        )["EvaluationResults"]
        (one,) = result["ResourceSpecificResults"]
        equal((one["EvalResourceDecision"], one["EvalResourceName"]), (verdict, source))
        equal(result["EvalDecision"], verdict)
    paged(
        iam, "simulate_custom_policy", "EvaluationResults", 3, PolicyInputList=[passing], **asked
    )
    simulate = iam.simulate_custom_policy
    refused("InvalidInput", simulate, PolicyInputList=["{}"], **asked)


@check
def a_session_of_a_role(aws: Scope) -> None:
    """What the policies of a role do not allow, its sessions are denied."""
    iam = aws.client("iam")
    source = role(aws, "reader")
    iam.put_role_policy(
        RoleName="reader",
        PolicyName="one",
        PolicyDocument=allowing("ssm:Get*", f"arn:aws:ssm:*:{aws.account}:parameter/shop/*"),
    )
    aws.ssm.put_parameter(Name="/shop/a", Value="1", Type="String")
    session = aws.sts.assume_role(RoleArn=source, RoleSessionName="tests")["Credentials"]
    ssm = as_role(aws, "ssm", session)
    equal(ssm.get_parameter(Name="/shop/a")["Parameter"]["Value"], "1")
    error = refused("AccessDeniedException", ssm.get_parameter, Name="/other/a")
    words = error["Error"]["Message"]
    arn = f"arn:aws:sts::{aws.account}:assumed-role/reader/tests"
    holds(words.startswith(f"User: {arn} is not authorized to perform: ssm:GetParameter"), words)
    holds(f":{aws.account}:parameter/other/a because no identity-based policy" in words, words)
    refused("AccessDeniedException", ssm.put_parameter, Name="/shop/a", Value="2", Overwrite=True)
    refused("AccessDenied", as_role(aws, "iam", session).list_roles)
    equal(as_role(aws, "sts", session).get_caller_identity()["Arn"], arn, "who it is")


def token(host: str, audience: str, subject: str) -> str:
    """A token that nobody signed."""

    def part(content: dict[str, str]) -> str:
        return urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    claims = {"iss": f"https://{host}", "aud": audience, "sub": subject}
    return f"{part({'alg': 'none'})}.{part(claims)}.c2ln"


@check
def a_token(aws: Scope) -> None:
    """A role is given to the jobs of a CI that its trust policy names, and to no other."""
    iam = aws.client("iam")
    provider = f"arn:aws:iam::{aws.account}:oidc-provider/{HOST}"
    production = "repo:acme/shop:environment:production"
    trusting = document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {f"{HOST}:aud": "sts.amazonaws.com", f"{HOST}:sub": production}
            },
        }
    )
    source = role(aws, "ci", AssumeRolePolicyDocument=trusting)
    take = aws.sts.assume_role_with_web_identity
    named = {"RoleArn": source, "RoleSessionName": "tests"}
    right = token(HOST, "sts.amazonaws.com", production)
    refused("InvalidIdentityToken", take, WebIdentityToken=right, **named)
    iam.create_open_id_connect_provider(Url=f"https://{HOST}", ClientIDList=["sts.amazonaws.com"])
    arn = take(WebIdentityToken=right, **named)["AssumedRoleUser"]["Arn"]
    equal(arn, f"arn:aws:sts::{aws.account}:assumed-role/ci/tests", "the session")
    for wrong in ("repo:acme/shop:environment:stage", "repo:evil/shop:environment:production"):
        other = token(HOST, "sts.amazonaws.com", wrong)
        refused("AccessDenied", take, WebIdentityToken=other, **named)
    audience = token(HOST, "https://github.com/acme", production)
    refused("InvalidIdentityToken", take, WebIdentityToken=audience, **named)
    # A token is needed: the account's own users are not trusted.
    refused("AccessDenied", aws.sts.assume_role, **named)
