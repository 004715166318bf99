"""SSM parameters, with their versions, labels and tags."""

from __future__ import annotations

from typing import Any

from sandbox import Scope
from suite import check, equal, holds, paged, refused

IMAGE = "/shop/images/prod/web"


def put(aws: Scope, name: str = IMAGE, value: str = "web:1", **more: Any) -> int:
    """Puts a parameter; gives the version."""
    answer = aws.ssm.put_parameter(Name=name, Value=value, **{"Type": "String", **more})
    return int(answer["Version"])


@check
def a_life(aws: Scope) -> None:
    """A parameter is put, read, overwritten with a new version, and deleted."""
    equal(put(aws, Description="what runs"), 1, "the version")
    found = aws.ssm.get_parameter(Name=IMAGE)["Parameter"]
    equal((found["Value"], found["Version"], found["Type"]), ("web:1", 1, "String"))
    equal(found["ARN"], f"arn:aws:ssm:{aws.region}:{aws.account}:parameter{IMAGE}", "the ARN")
    refused("ParameterAlreadyExists", put, aws=aws)
    answer = aws.ssm.put_parameter(Name=IMAGE, Value="web:2", Overwrite=True)
    equal((answer["Version"], answer["Tier"]), (2, "Standard"))
    equal(aws.ssm.get_parameter(Name=f"{IMAGE}:1")["Parameter"]["Value"], "web:1", "version 1")
    by_arn = aws.ssm.get_parameter(Name=found["ARN"])["Parameter"]
    equal(by_arn["Value"], "web:2", "the latest")
    aws.ssm.delete_parameter(Name=IMAGE)
    refused("ParameterNotFound", aws.ssm.get_parameter, Name=IMAGE)
    refused("ParameterNotFound", aws.ssm.delete_parameter, Name=IMAGE)
    equal(put(aws), 1, "the version after deletion")


@check
def several(aws: Scope) -> None:
    """Several parameters are read and deleted at once; those that are not there are told."""
    for number in range(3):
        put(aws, f"/a/{number}", str(number))
    answer = aws.ssm.get_parameters(Names=["/a/2", "/a/none", "/a/0", "/a/0:9"])
    equal({one["Name"]: one["Value"] for one in answer["Parameters"]}, {"/a/0": "0", "/a/2": "2"})
    equal(sorted(answer["InvalidParameters"]), ["/a/0:9", "/a/none"])
    gone = aws.ssm.delete_parameters(Names=["/a/0", "/a/1", "/a/none"])
    equal(sorted(gone["DeletedParameters"]), ["/a/0", "/a/1"])
    equal(gone["InvalidParameters"], ["/a/none"])
    eleven = [f"/a/{number}" for number in range(11)]
    refused("ValidationException", aws.ssm.get_parameters, Names=eleven)
    refused("ValidationException", aws.ssm.delete_parameters, Names=eleven)


@check
def secret(aws: Scope) -> None:
    """A SecureString is told only when it is decrypted."""
    put(aws, "/shop/token", "hidden", Type="SecureString")
    hidden = aws.ssm.get_parameter(Name="/shop/token")["Parameter"]
    holds(hidden["Value"] != "hidden", "the value is hidden")
    equal(hidden["Type"], "SecureString", "the type")
    told = aws.ssm.get_parameter(Name="/shop/token", WithDecryption=True)["Parameter"]
    equal(told["Value"], "hidden", "the value")
    put(aws, "/shop/list", "a,b", Type="StringList")
    equal(aws.ssm.get_parameter(Name="/shop/list")["Parameter"]["Value"], "a,b")


@check
def below_a_path(aws: Scope) -> None:
    """Parameters below a path are read in pages, one level or all of them."""
    for name in ("/p/a", "/p/b", "/p/c", "/p/d/e", "/p/d/f/g", "/pq"):
        put(aws, name, name)
    one = paged(aws.ssm, "get_parameters_by_path", "Parameters", 3, Path="/p")
    equal(sorted(each["Name"] for each in one), ["/p/a", "/p/b", "/p/c"], "one level")
    deep = paged(aws.ssm, "get_parameters_by_path", "Parameters", 5, Path="/p/", Recursive=True)
    equal(sorted(each["Name"] for each in deep)[3:], ["/p/d/e", "/p/d/f/g"], "all levels")
    equal(aws.ssm.get_parameters_by_path(Path="/none")["Parameters"], [], "an empty path")
    filters = [{"Key": "Type", "Option": "Equals", "Values": ["SecureString"]}]
    secrets = aws.ssm.get_parameters_by_path(Path="/p", ParameterFilters=filters)
    equal(secrets["Parameters"], [], "secrets")
    refused("ValidationException", aws.ssm.get_parameters_by_path, Path="no slash")
    refused("InvalidNextToken", aws.ssm.get_parameters_by_path, Path="/p", NextToken="made up")


@check
def history(aws: Scope) -> None:
    """Every version is kept, and told in pages."""
    for number in range(5):
        put(aws, value=f"web:{number}", Overwrite=True)
    versions = paged(aws.ssm, "get_parameter_history", "Parameters", 5, Name=IMAGE)
    equal([one["Version"] for one in versions], [1, 2, 3, 4, 5], "the versions")
    equal([one["Value"] for one in versions], [f"web:{n}" for n in range(5)], "the values")
    user = f"arn:aws:iam::{aws.account}:"
    holds(all(one["LastModifiedUser"].startswith(user) for one in versions), "who put it is told")
    refused("ParameterNotFound", aws.ssm.get_parameter_history, Name="/none")


@check
def labelled(aws: Scope) -> None:
    """A label names one version, moves to another one, and is taken off."""
    put(aws)
    put(aws, value="web:2", Overwrite=True)
    answer = aws.ssm.label_parameter_version(Name=IMAGE, Labels=["stable", "1bad", "aws-not"])
    equal((sorted(answer["InvalidLabels"]), answer["ParameterVersion"]), (["1bad", "aws-not"], 2))
    by_label = aws.ssm.get_parameter(Name=f"{IMAGE}:stable")["Parameter"]
    equal((by_label["Value"], by_label["Selector"]), ("web:2", ":stable"))
    aws.ssm.label_parameter_version(Name=IMAGE, ParameterVersion=1, Labels=["stable"])
    equal(aws.ssm.get_parameter(Name=f"{IMAGE}:stable")["Parameter"]["Value"], "web:1")
    versions = aws.ssm.get_parameter_history(Name=IMAGE)["Parameters"]
    equal([one["Labels"] for one in versions], [["stable"], []], "the labels")
    answer = aws.ssm.unlabel_parameter_version(
        Name=IMAGE, ParameterVersion=1, Labels=["stable", "none"]
    )
    equal((answer["RemovedLabels"], answer["InvalidLabels"]), (["stable"], ["none"]))
    refused("ParameterVersionNotFound", aws.ssm.get_parameter, Name=f"{IMAGE}:stable")
    refused("ParameterVersionNotFound", aws.ssm.get_parameter, Name=f"{IMAGE}:9")
    refused(
        "ParameterVersionNotFound",
        aws.ssm.label_parameter_version,
        Name=IMAGE,
        ParameterVersion=9,
        Labels=["a"],
    )
    refused(
        "ParameterVersionNotFound",
        aws.ssm.unlabel_parameter_version,
        Name=IMAGE,
        ParameterVersion=9,
        Labels=["a"],
    )
    eleven = [f"label-{number}" for number in range(11)]
    refused("ValidationException", aws.ssm.label_parameter_version, Name=IMAGE, Labels=eleven)
    aws.ssm.label_parameter_version(Name=IMAGE, Labels=eleven[:10])
    refused(
        "ParameterVersionLabelLimitExceeded",
        aws.ssm.label_parameter_version,
        Name=IMAGE,
        Labels=eleven[10:],
    )


@check
def described(aws: Scope) -> None:
    """Parameters are described in pages, without their values, by filters."""
    for number in range(5):
        put(aws, f"/d/{number}", "x", Description=f"number {number}")
    put(aws, "/e/secret", "x", Type="SecureString")
    everything = paged(aws.ssm, "describe_parameters", "Parameters", 6)
    holds(all("Value" not in one for one in everything), "values are not told")
    first = next(one for one in everything if one["Name"] == "/d/0")
    equal((first["Description"], first["Version"], first["Tier"]), ("number 0", 1, "Standard"))
    for given, expected in (
        ({"Key": "Name", "Option": "BeginsWith", "Values": ["/d/"]}, 5),
        ({"Key": "Name", "Option": "Equals", "Values": ["/d/1", "/d/2"]}, 2),
        ({"Key": "Name", "Option": "Contains", "Values": ["secret"]}, 1),
        ({"Key": "Path", "Option": "OneLevel", "Values": ["/d"]}, 5),
        ({"Key": "Type", "Values": ["SecureString"]}, 1),
    ):
        found = aws.ssm.describe_parameters(ParameterFilters=[given])["Parameters"]
        equal(len(found), expected, f"the number of parameters by {given}")
    unknown = [{"Key": "Colour", "Values": ["red"]}]
    refused("ValidationException", aws.ssm.describe_parameters, ParameterFilters=unknown)
    label = [{"Key": "Label", "Values": ["stable"]}]
    refused("InvalidFilterKey", aws.ssm.describe_parameters, ParameterFilters=label)
    refused("InvalidNextToken", aws.ssm.describe_parameters, NextToken="made up")


@check
def tagged(aws: Scope) -> None:
    """A parameter is put with tags, tagged and untagged."""
    put(aws, Tags=[{"Key": "team", "Value": "search"}])
    request = {"ResourceType": "Parameter", "ResourceId": IMAGE}

    def tags() -> dict[str, str]:
        listed = aws.ssm.list_tags_for_resource(**request)["TagList"]
        return {tag["Key"]: tag["Value"] for tag in listed}

    equal(tags(), {"team": "search"}, "the tags")
    aws.ssm.add_tags_to_resource(
        Tags=[{"Key": "team", "Value": "shop"}, {"Key": "b", "Value": "1"}], **request
    )
    equal(tags(), {"team": "shop", "b": "1"}, "the tags")
    aws.ssm.remove_tags_from_resource(TagKeys=["b", "none"], **request)
    equal(tags(), {"team": "shop"}, "the tags")
    nothing = {"ResourceType": "Parameter", "ResourceId": "/none"}
    added = [{"Key": "a", "Value": "1"}]
    refused("InvalidResourceId", aws.ssm.add_tags_to_resource, Tags=added, **nothing)
    refused("InvalidResourceId", aws.ssm.remove_tags_from_resource, TagKeys=["a"], **nothing)
    refused("InvalidResourceId", aws.ssm.list_tags_for_resource, **nothing)


@check
def limits(aws: Scope) -> None:
    """What the service allows of names, values and versions is held."""
    refused("AccessDeniedException", put, aws=aws, name="/aws/mine")
    refused("ValidationException", put, aws=aws, name="no spaces")
    refused("HierarchyLevelLimitExceededException", put, aws=aws, name="/a" * 16)
    refused("ValidationException", put, aws=aws, value="x" * 4097)
    equal(put(aws, "/large", "x" * 8192, Tier="Advanced"), 1, "the version of a large one")
    refused("ValidationException", put, aws=aws, value="{{ssm:/other}}")
    refused("ValidationException", aws.ssm.put_parameter, Name="/untyped", Value="x")
    for _ in range(102):
        put(aws, "/many", "x", Overwrite=True)
    versions = aws.ssm.get_paginator("get_parameter_history").paginate(Name="/many")
    numbers = [one["Version"] for page in versions for one in page["Parameters"]]
    equal((len(numbers), numbers[0], numbers[-1]), (100, 3, 102), "the versions that are kept")
    aws.ssm.label_parameter_version(Name="/many", ParameterVersion=3, Labels=["oldest"])
    refused("ParameterMaxVersionLimitExceeded", put, aws=aws, name="/many", Overwrite=True)
