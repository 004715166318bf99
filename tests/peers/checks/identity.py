"""STS: who a caller is, and sessions of roles."""

from __future__ import annotations

from typing import Any

from sandbox import CONFIG, SESSION, Scope
from suite import check, equal, holds, refused

ROLE = "arn:aws:iam::222222222222:role/deploy/release-tool"
ASSUMED = "arn:aws:sts::222222222222:assumed-role/release-tool/tests"


def assume(aws: Scope, **more: Any) -> dict[str, Any]:
    """Assumes the role."""
    request = {"RoleArn": ROLE, "RoleSessionName": "tests", **more}
    return dict(aws.sts.assume_role(**request))


def as_role(aws: Scope, service: str, credentials: dict[str, Any]) -> Any:
    """A client that signs with a session's credentials."""
    client = SESSION.create_client(
        service,
        region_name=aws.region,
        endpoint_url=aws.sandbox.url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=CONFIG,
    )
    aws.attach(client)
    return client


@check
def a_user(aws: Scope) -> None:
    """A caller is a user of the account that its access key tells."""
    found = aws.sts.get_caller_identity()
    equal(found["Account"], aws.account, "the account")
    holds(found["Arn"].startswith(f"arn:aws:iam::{aws.account}:user/"), "the ARN is a user's")


@check
def a_session(aws: Scope) -> None:
    """A session of a role acts in the role's account, and nowhere else."""
    answer = assume(aws, DurationSeconds=900)
    equal(answer["AssumedRoleUser"]["Arn"], ASSUMED, "the session")
    credentials = answer["Credentials"]
    found = as_role(aws, "sts", credentials).get_caller_identity()
    equal((found["Account"], found["Arn"]), ("222222222222", ASSUMED))
    name = f"/from/{aws.account}"
    parameters = as_role(aws, "ssm", credentials)
    parameters.put_parameter(Name=name, Value="x", Type="String")
    (version,) = parameters.get_parameter_history(Name=name)["Parameters"]
    equal(version["LastModifiedUser"], ASSUMED, "who put the parameter")
    refused("ParameterNotFound", aws.ssm.get_parameter, Name=name)


@check
def by_web_identity(aws: Scope) -> None:
    """A session is opened with a token of a web identity."""
    answer = aws.sts.assume_role_with_web_identity(
        RoleArn=ROLE, RoleSessionName="tests", WebIdentityToken="aaaa.bbbb.cccc"
    )
    equal(answer["AssumedRoleUser"]["Arn"], ASSUMED, "the session")
    refused(
        "InvalidIdentityToken",
        aws.sts.assume_role_with_web_identity,
        RoleArn=ROLE,
        RoleSessionName="tests",
        WebIdentityToken="no token",
    )


@check
def errors(aws: Scope) -> None:
    """What the service does not allow is a ValidationError."""
    refused("ValidationError", assume, aws=aws, RoleArn="arn:aws:iam::2:user/nobody")
    refused("ValidationError", assume, aws=aws, RoleSessionName="no spaces")
    unchecked = aws.unchecked("sts").assume_role
    request = {"RoleArn": ROLE, "RoleSessionName": "tests"}
    refused("ValidationError", unchecked, DurationSeconds=899, **request)
    refused("ValidationError", unchecked, RoleArn=ROLE)
    credentials = assume(aws)["Credentials"]
    chained = as_role(aws, "sts", credentials)
    refused(
        "ValidationError",
        chained.assume_role,
        RoleArn=ROLE,
        RoleSessionName="tests",
        DurationSeconds=3601,
    )
