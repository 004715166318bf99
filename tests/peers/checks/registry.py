"""ECR repositories, images and layers."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.request
from typing import Any

from sandbox import Scope
from suite import check, equal, holds, paged, refused

REPOSITORY = "team/web"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"


def digest(content: bytes) -> str:
    """The digest of some bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def upload(aws: Scope, content: bytes, repository: str = REPOSITORY) -> str:
    """Uploads a layer in parts of the size that is wanted; gives its digest."""
    begun = aws.ecr.initiate_layer_upload(repositoryName=repository)
    for first in range(0, len(content), begun["partSize"]):
        part = content[first : first + begun["partSize"]]
        answer = aws.ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=begun["uploadId"],
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
        equal(answer["lastByteReceived"], first + len(part) - 1, "the last byte")
    done = aws.ecr.complete_layer_upload(
        repositoryName=repository, uploadId=begun["uploadId"], layerDigests=[digest(content)]
    )
    equal(done["layerDigest"], digest(content), "the digest")
    return str(done["layerDigest"])


def image(aws: Scope, version: str, repository: str = REPOSITORY) -> str:
    """Uploads what an image needs; gives its manifest."""
    labels = {"org.opencontainers.image.revision": version}
    config = json.dumps({"config": {"Labels": labels}}).encode()
    described = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, upload(aws, config, repository), len(config)),
        "layers": [],
    }
    return json.dumps(described, indent=1)


def descriptor(kind: str, of: str, size: int) -> dict[str, Any]:
    """What a manifest says of a blob or of another manifest."""
    return {"mediaType": kind, "digest": of, "size": size}


def push(aws: Scope, manifest: str, tag: str | None = None, **more: Any) -> dict[str, Any]:
    """Puts an image."""
    request = {"imageTag": tag} if tag else {}
    answer = aws.ecr.put_image(repositoryName=REPOSITORY, imageManifest=manifest, **request, **more)
    return dict(answer["image"])


def create(aws: Scope, **more: Any) -> dict[str, Any]:
    """Creates the repository."""
    return dict(aws.ecr.create_repository(repositoryName=REPOSITORY, **more)["repository"])


@check
def a_life(aws: Scope) -> None:
    """A repository is created, described, and deleted when it is empty."""
    created = create(aws, tags=[{"Key": "team", "Value": "search"}])
    equal(created["registryId"], aws.account, "the registry")
    equal(
        created["repositoryUri"],
        f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/{REPOSITORY}",
        "the URI",
    )
    equal(created["imageTagMutability"], "MUTABLE", "the mutability")
    (found,) = aws.ecr.describe_repositories(repositoryNames=[REPOSITORY])["repositories"]
    equal(found, created, "the described repository")
    refused("RepositoryAlreadyExistsException", create, aws=aws)
    push(aws, image(aws, "1"), "1")
    refused("RepositoryNotEmptyException", aws.ecr.delete_repository, repositoryName=REPOSITORY)
    gone = aws.ecr.delete_repository(repositoryName=REPOSITORY, force=True)["repository"]
    equal(gone["repositoryArn"], created["repositoryArn"])
    refused("RepositoryNotFoundException", aws.ecr.delete_repository, repositoryName=REPOSITORY)
    missing = {"repositoryNames": [REPOSITORY]}
    refused("RepositoryNotFoundException", aws.ecr.describe_repositories, **missing)


@check
def pushed_and_read(aws: Scope) -> None:
    """An image is read as it was pushed: by tag and by digest, byte for byte, with its layers."""
    create(aws)
    manifest = image(aws, "4246187")
    put = push(aws, manifest, "1")
    name = digest(manifest.encode())
    equal(put["imageId"], {"imageDigest": name, "imageTag": "1"})
    for one in ({"imageTag": "1"}, {"imageDigest": name}):
        answer = aws.ecr.batch_get_image(
            repositoryName=REPOSITORY, imageIds=[one], acceptedMediaTypes=[OCI_MANIFEST]
        )
        (found,) = answer["images"]
        equal((found["imageManifest"], found["imageManifestMediaType"]), (manifest, OCI_MANIFEST))
    (told,) = aws.ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": "1"}])[
        "imageDetails"
    ]
    equal((told["imageDigest"], told["imageTags"]), (name, ["1"]))
    config = json.loads(manifest)["config"]["digest"]
    layers = aws.ecr.batch_check_layer_availability(
        repositoryName=REPOSITORY, layerDigests=[config, digest(b"nothing")]
    )
    told = [one["layerAvailability"] for one in layers["layers"]]
    equal(told, ["AVAILABLE", "UNAVAILABLE"], "what is told of the layers")
    url = aws.ecr.get_download_url_for_layer(repositoryName=REPOSITORY, layerDigest=config)
    with urllib.request.urlopen(url["downloadUrl"], timeout=5) as layer:
        content = layer.read()
    equal(digest(content), config, "the digest of the layer")
    labels = json.loads(content)["config"]["Labels"]
    equal(labels["org.opencontainers.image.revision"], "4246187", "the commit")


@check
def large(aws: Scope) -> None:
    """A layer that is larger than a part is uploaded in parts, none but the last of which may be
    small."""
    create(aws)
    size = aws.ecr.initiate_layer_upload(repositoryName=REPOSITORY)["partSize"]
    content = b"layer" * (size // 5 + 1)
    name = upload(aws, content)
    request = {"repositoryName": REPOSITORY, "layerDigests": [name]}
    (layer,) = aws.ecr.batch_check_layer_availability(**request)["layers"]
    equal((layer["layerDigest"], layer["layerSize"]), (name, len(content)))
    begun = aws.ecr.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]
    for first, part in ((0, b"a"), (1, b"b")):
        aws.ecr.upload_layer_part(
            repositoryName=REPOSITORY,
            uploadId=begun,
            partFirstByte=first,
            partLastByte=first,
            layerPartBlob=part,
        )
    refused(
        "LayerPartTooSmallException",
        aws.ecr.complete_layer_upload,
        repositoryName=REPOSITORY,
        uploadId=begun,
        layerDigests=[digest(b"ab")],
    )


@check
def tags_move(aws: Scope) -> None:
    """A tag moves to another image, and the image that it leaves stays without one."""
    create(aws)
    first, second = image(aws, "1"), image(aws, "2")
    push(aws, first, "latest")
    refused("ImageAlreadyExistsException", push, aws=aws, manifest=first, tag="latest")
    push(aws, first, "1")
    push(aws, second, "latest")
    found = aws.ecr.list_images(repositoryName=REPOSITORY)["imageIds"]
    told = {one["imageTag"]: one["imageDigest"] for one in found}
    equal(told, {"1": digest(first.encode()), "latest": digest(second.encode())})
    push(aws, second, "1")
    untagged = aws.ecr.list_images(repositoryName=REPOSITORY, filter={"tagStatus": "UNTAGGED"})
    equal(untagged["imageIds"], [{"imageDigest": digest(first.encode())}])


@check
def tags_stay(aws: Scope) -> None:
    """In an IMMUTABLE repository a tag never moves, but for those that are excluded."""
    create(aws, imageTagMutability="IMMUTABLE")
    first, second = image(aws, "1"), image(aws, "2")
    push(aws, first, "1")
    refused("ImageTagAlreadyExistsException", push, aws=aws, manifest=second, tag="1")
    changed = aws.ecr.put_image_tag_mutability(
        repositoryName=REPOSITORY,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "env.*"}],
    )
    equal(changed["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION", "the mutability")
    for manifest in (first, second):
        push(aws, manifest, "env.prod")
    refused("ImageTagAlreadyExistsException", push, aws=aws, manifest=second, tag="1")
    aws.ecr.put_image_tag_mutability(repositoryName=REPOSITORY, imageTagMutability="MUTABLE")
    push(aws, second, "1")


@check
def deleted(aws: Scope) -> None:
    """A tag is taken off an image; an image is deleted by its digest, with all its tags."""
    create(aws)
    manifest = image(aws, "1")
    name = digest(manifest.encode())
    for tag in ("a", "b", "c"):
        push(aws, manifest, tag)
    answer = aws.ecr.batch_delete_image(
        repositoryName=REPOSITORY, imageIds=[{"imageTag": "a"}, {"imageTag": "none"}]
    )
    equal(answer["imageIds"], [{"imageTag": "a", "imageDigest": name}])
    equal([failure["failureCode"] for failure in answer["failures"]], ["ImageNotFound"])
    rest = aws.ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": name}])[
        "imageIds"
    ]
    equal(sorted(one["imageTag"] for one in rest), ["b", "c"], "the tags")
    equal(aws.ecr.list_images(repositoryName=REPOSITORY)["imageIds"], [])


@check
def an_index(aws: Scope) -> None:
    """An index needs the images that it names, and is read as it is."""
    create(aws)
    child = image(aws, "1")
    entry = descriptor(OCI_MANIFEST, digest(child.encode()), len(child))
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]})
    refused("ReferencedImagesNotFoundException", push, aws=aws, manifest=index, tag="multi")
    push(aws, child)
    put = push(aws, index, "multi")
    equal(put["imageManifestMediaType"], OCI_INDEX, "the media type")
    answer = aws.ecr.batch_get_image(
        repositoryName=REPOSITORY,
        imageIds=[{"imageTag": "multi"}],
        acceptedMediaTypes=[OCI_INDEX, OCI_MANIFEST],
    )
    equal(answer["images"][0]["imageManifest"], index, "the manifest")


@check
def listed(aws: Scope) -> None:
    """Repositories and images are listed in pages."""
    names = [f"r{number}" for number in range(5)]
    for name in names:
        aws.ecr.create_repository(repositoryName=name)
    repositories = paged(aws.ecr, "describe_repositories", "repositories", 5)
    equal(sorted(one["repositoryName"] for one in repositories), names)
    create(aws)
    for number in range(5):
        push(aws, image(aws, str(number)), str(number))
    ids = paged(aws.ecr, "list_images", "imageIds", 5, repositoryName=REPOSITORY)
    equal(sorted(one["imageTag"] for one in ids), list("01234"))
    details = paged(aws.ecr, "describe_images", "imageDetails", 5, repositoryName=REPOSITORY)
    equal(sorted(one["imageTags"][0] for one in details), list("01234"))
    tagged = aws.ecr.describe_images(repositoryName=REPOSITORY, filter={"tagStatus": "UNTAGGED"})
    equal(tagged["imageDetails"], [], "those without a tag")


@check
def refused_pushes(aws: Scope) -> None:
    """A manifest that is broken, is not what it is said to be, or names layers that are not there
    is refused, and so is a layer that is not what it is said to be."""
    create(aws)
    manifest = image(aws, "1")
    refused("InvalidParameterException", push, aws=aws, manifest="no JSON", tag="1")
    wrong = {"imageDigest": digest(b"another")}
    refused("ImageDigestDoesNotMatchException", push, aws=aws, manifest=manifest, tag="1", **wrong)
    stray = json.loads(manifest)
    stray["config"]["digest"] = digest(b"nothing")
    refused("LayersNotFoundException", push, aws=aws, manifest=json.dumps(stray), tag="1")
    begun = aws.ecr.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]
    part = {"repositoryName": REPOSITORY, "uploadId": begun, "layerPartBlob": b"abc"}
    refused(
        "InvalidLayerPartException",
        aws.ecr.upload_layer_part,
        partFirstByte=5,
        partLastByte=7,
        **part,
    )
    aws.ecr.upload_layer_part(partFirstByte=0, partLastByte=2, **part)
    refused(
        "InvalidLayerException",
        aws.ecr.complete_layer_upload,
        repositoryName=REPOSITORY,
        uploadId=begun,
        layerDigests=[digest(b"another")],
    )
    nobody = "00000000-0000-0000-0000-000000000000"
    refused(
        "UploadNotFoundException",
        aws.ecr.complete_layer_upload,
        repositoryName=REPOSITORY,
        uploadId=nobody,
        layerDigests=[digest(b"abc")],
    )
    refused(
        "UploadNotFoundException",
        aws.ecr.upload_layer_part,
        partFirstByte=0,
        partLastByte=2,
        **{**part, "uploadId": nobody},
    )


@check
def not_there(aws: Scope) -> None:
    """What is not there is an error, or a failure where several are asked for."""
    nothing = {"repositoryName": "none"}
    tag = [{"imageTag": "1"}]
    for call, more in (
        (aws.ecr.batch_check_layer_availability, {"layerDigests": [digest(b"a")]}),
        (aws.ecr.batch_delete_image, {"imageIds": tag}),
        (aws.ecr.batch_get_image, {"imageIds": tag}),
        (aws.ecr.describe_images, {"imageIds": tag}),
        (aws.ecr.get_download_url_for_layer, {"layerDigest": digest(b"a")}),
        (aws.ecr.get_lifecycle_policy, {}),
        (aws.ecr.get_repository_policy, {}),
        (aws.ecr.initiate_layer_upload, {}),
        (aws.ecr.list_images, {}),
        (aws.ecr.put_image, {"imageManifest": "{}"}),
        (aws.ecr.put_image_tag_mutability, {"imageTagMutability": "MUTABLE"}),
    ):
        refused("RepositoryNotFoundException", call, **nothing, **more)
    create(aws)
    here = {"repositoryName": REPOSITORY}
    refused("ImageNotFoundException", aws.ecr.describe_images, imageIds=tag, **here)
    missing = aws.ecr.batch_get_image(imageIds=tag, **here)
    equal([failure["failureCode"] for failure in missing["failures"]], ["ImageNotFound"])
    refused("LifecyclePolicyNotFoundException", aws.ecr.get_lifecycle_policy, **here)
    refused("RepositoryPolicyNotFoundException", aws.ecr.get_repository_policy, **here)
    refused(
        "LayersNotFoundException",
        aws.ecr.get_download_url_for_layer,
        layerDigest=digest(b"a"),
        **here,
    )
    refused("InvalidParameterException", aws.ecr.create_repository, repositoryName="No Capitals")
    refused("InvalidParameterException", aws.ecr.list_images, nextToken="made up", **here)


@check
def tagged(aws: Scope) -> None:
    """A repository is tagged and untagged."""
    arn = create(aws, tags=[{"Key": "team", "Value": "search"}])["repositoryArn"]
    aws.ecr.tag_resource(
        resourceArn=arn, tags=[{"Key": "team", "Value": "shop"}, {"Key": "b", "Value": ""}]
    )
    tags = aws.ecr.list_tags_for_resource(resourceArn=arn)["tags"]
    equal({tag["Key"]: tag["Value"] for tag in tags}, {"team": "shop", "b": ""}, "the tags")
    aws.ecr.untag_resource(resourceArn=arn, tagKeys=["b", "none"])
    tags = aws.ecr.list_tags_for_resource(resourceArn=arn)["tags"]
    equal(tags, [{"Key": "team", "Value": "shop"}], "the tags")
    nothing = arn.replace(REPOSITORY, "none")
    tags = [{"Key": "a", "Value": "1"}]
    refused("RepositoryNotFoundException", aws.ecr.tag_resource, resourceArn=nothing, tags=tags)
    refused("RepositoryNotFoundException", aws.ecr.list_tags_for_resource, resourceArn=nothing)
    refused(
        "RepositoryNotFoundException", aws.ecr.untag_resource, resourceArn=nothing, tagKeys=["a"]
    )


@check
def authorised(aws: Scope) -> None:
    """The token for the registry is a user and a password, and says where to use it."""
    (data,) = aws.ecr.get_authorization_token()["authorizationData"]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":", 1)
    equal(user, "AWS", "the user")
    holds(password, "there is a password")
    equal(data["proxyEndpoint"], f"https://{aws.account}.dkr.ecr.{aws.region}.amazonaws.com")
