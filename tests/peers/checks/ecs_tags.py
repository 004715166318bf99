"""Tags of ECS resources."""

from __future__ import annotations

import shop
from sandbox import Scope
from suite import check, equal, refused


@check
def a_life(aws: Scope) -> None:
    """Every resource of ECS is tagged, told with its tags, and untagged."""
    shop.cluster(aws)
    cluster = f"arn:aws:ecs:{aws.region}:{aws.account}:cluster/{shop.CLUSTER}"
    definition = shop.revision(aws, "web:1")
    service = shop.create(aws, "web", desiredCount=0)["serviceArn"]
    task = aws.ecs.run_task(cluster=shop.CLUSTER, taskDefinition="web")["tasks"][0]["taskArn"]
    for arn in (cluster, definition, service, task):
        aws.ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}])
        aws.ecs.tag_resource(
            resourceArn=arn, tags=[{"key": "a", "value": "2"}, {"key": "b", "value": ""}]
        )
        tags = aws.ecs.list_tags_for_resource(resourceArn=arn)["tags"]
        told = {tag["key"]: tag.get("value") for tag in tags}
        equal(told, {"a": "2", "b": ""}, f"the tags of {arn}")
        aws.ecs.untag_resource(resourceArn=arn, tagKeys=["a", "none"])
        tags = aws.ecs.list_tags_for_resource(resourceArn=arn)["tags"]
        equal([tag["key"] for tag in tags], ["b"], f"the tags of {arn}")


@check
def errors(aws: Scope) -> None:
    """Tags of what is not there, and keys that are AWS's own, are refused."""
    shop.cluster(aws)
    nothing = f"arn:aws:ecs:{aws.region}:{aws.account}:cluster/none"
    tags = [{"key": "a", "value": "1"}]
    for call, more in (
        (aws.ecs.tag_resource, {"tags": tags}),
        (aws.ecs.untag_resource, {"tagKeys": ["a"]}),
        (aws.ecs.list_tags_for_resource, {}),
    ):
        refused("ClusterNotFoundException", call, resourceArn=nothing, **more)
        refused("InvalidParameterException", call, resourceArn="no ARN", **more)
    cluster = f"arn:aws:ecs:{aws.region}:{aws.account}:cluster/{shop.CLUSTER}"
    reserved = [{"key": "aws:mine", "value": "1"}]
    refused("InvalidParameterException", aws.ecs.tag_resource, resourceArn=cluster, tags=reserved)
