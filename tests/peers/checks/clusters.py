"""ECS clusters."""

from __future__ import annotations

from sandbox import Scope
from suite import check, equal, holds, paged, refused


@check
def a_life(aws: Scope) -> None:
    """A cluster is created, described with its tags, deleted, and then INACTIVE."""
    tags = [{"key": "team", "value": "search"}]
    created = aws.ecs.create_cluster(
        clusterName="shop",
        tags=tags,
        settings=[{"name": "containerInsights", "value": "enabled"}],
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
    )["cluster"]
    equal(created["status"], "ACTIVE", "status")
    equal(created["clusterArn"], f"arn:aws:ecs:{aws.region}:{aws.account}:cluster/shop")
    answer = aws.ecs.describe_clusters(clusters=["shop"], include=["TAGS", "SETTINGS"])
    (described,) = answer["clusters"]
    equal(described["tags"], tags, "tags")
    equal(described["settings"], [{"name": "containerInsights", "value": "enabled"}], "settings")
    equal(described["capacityProviders"], ["FARGATE", "FARGATE_SPOT"], "providers")
    without = aws.ecs.describe_clusters(clusters=["shop"])["clusters"][0]
    equal((without["tags"], without["settings"]), ([], []), "what was not asked for")
    equal(aws.ecs.delete_cluster(cluster="shop")["cluster"]["status"], "INACTIVE", "status")
    equal(aws.ecs.list_clusters()["clusterArns"], [], "the clusters")


@check
def by_default(aws: Scope) -> None:
    """A cluster without a name is `default`, and creating it again gives the same one."""
    first = aws.ecs.create_cluster()["cluster"]
    equal(first["clusterName"], "default", "the name")
    equal(aws.ecs.create_cluster()["cluster"]["clusterArn"], first["clusterArn"])
    equal(aws.ecs.describe_clusters()["clusters"][0]["clusterArn"], first["clusterArn"])


@check
def changed(aws: Scope) -> None:
    """Settings and capacity providers of a cluster are changed."""
    aws.ecs.create_cluster(clusterName="shop")
    insights = [{"name": "containerInsights", "value": "disabled"}]
    updated = aws.ecs.update_cluster_settings(cluster="shop", settings=insights)["cluster"]
    equal(updated["settings"], insights, "settings")
    namespace = f"arn:aws:servicediscovery:{aws.region}:{aws.account}:namespace/ns-shop"
    connected = aws.ecs.update_cluster(
        cluster="shop", serviceConnectDefaults={"namespace": namespace}
    )["cluster"]
    equal(connected["serviceConnectDefaults"], {"namespace": namespace})
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 2, "base": 1}]
    provided = aws.ecs.put_cluster_capacity_providers(
        cluster="shop", capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=strategy
    )["cluster"]
    equal(provided["defaultCapacityProviderStrategy"], strategy)


@check
def listed(aws: Scope) -> None:
    """Clusters are listed in pages."""
    names = [f"cluster-{number}" for number in range(5)]
    arns = [aws.ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"] for name in names]
    equal(sorted(paged(aws.ecs, "list_clusters", "clusterArns", 5)), sorted(arns))


@check
def missing(aws: Scope) -> None:
    """A cluster that is not there is a failure when described, and an error elsewhere."""
    answer = aws.ecs.describe_clusters(clusters=["none"])
    equal(answer["clusters"], [])
    equal([failure["reason"] for failure in answer["failures"]], ["MISSING"])
    refused("ClusterNotFoundException", aws.ecs.delete_cluster, cluster="none")
    refused("ClusterNotFoundException", aws.ecs.list_services, cluster="none")
    refused("ClusterNotFoundException", aws.ecs.list_tasks, cluster="none")
    refused("ClusterNotFoundException", aws.ecs.describe_services, cluster="none", services=["a"])
    refused("ClusterNotFoundException", aws.ecs.update_cluster, cluster="none")
    refused("InvalidParameterException", aws.ecs.create_cluster, clusterName="no spaces")
    refused("InvalidParameterException", aws.ecs.list_clusters, nextToken="made up")


@check
def in_use(aws: Scope) -> None:
    """A cluster with a service or a task is not deleted."""
    aws.ecs.create_cluster(clusterName="shop")
    aws.ecs.register_task_definition(
        family="web", containerDefinitions=[{"name": "web", "image": "web:1", "memory": 128}]
    )
    (task,) = aws.ecs.run_task(cluster="shop", taskDefinition="web")["tasks"]
    refused("ClusterContainsTasksException", aws.ecs.delete_cluster, cluster="shop")
    aws.ecs.stop_task(cluster="shop", task=task["taskArn"])
    aws.ecs.create_service(cluster="shop", serviceName="web", taskDefinition="web", desiredCount=0)
    refused("ClusterContainsServicesException", aws.ecs.delete_cluster, cluster="shop")


@check
def counted(aws: Scope) -> None:
    """A cluster counts its services and tasks."""
    aws.ecs.create_cluster(clusterName="shop")
    aws.ecs.register_task_definition(
        family="web", containerDefinitions=[{"name": "web", "image": "web:1", "memory": 128}]
    )
    with aws.sandbox.standing_still():
        aws.ecs.run_task(cluster="shop", taskDefinition="web", count=3)
        aws.ecs.create_service(
            cluster="shop", serviceName="web", taskDefinition="web", desiredCount=0
        )
        (cluster,) = aws.ecs.describe_clusters(clusters=["shop"])["clusters"]
        equal(cluster["activeServicesCount"], 1, "services")
        equal(cluster["pendingTasksCount"], 3, "pending tasks")
        aws.sandbox.advance(10_000)
        (cluster,) = aws.ecs.describe_clusters(clusters=["shop"])["clusters"]
        equal(cluster["runningTasksCount"], 3, "running tasks")
        holds("failures" not in cluster, "failures are beside the clusters")
