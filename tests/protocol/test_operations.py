"""The operation table, judged by botocore's model of S3."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config

from gateway.protocol.errors import S3Error
from gateway.protocol.operations import OPERATIONS, find
from gateway.protocol.request import Request, parse_query
from gateway.s3.handlers import HANDLERS

# Names of AWS for requests no client of ours can tell from another one's.
INDISTINCT = {"ListDirectoryBuckets"}


def request(method: str, target: str, **headers: str) -> Request:
    path, _, query = target.partition("?")
    return Request(method, path, query, parse_query(query), headers)


@pytest.fixture(scope="module")
def client() -> Any:
    # A session of its own: a client that has sent a request has changed its session's model of it.
    return botocore.session.Session().create_client(
        "s3",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        config=Config(s3={"addressing_style": "path"}, inject_host_prefix=False),
    )


def names() -> dict[str, str]:
    """Every name of every row, and the row's own name."""
    return {name: row.name for row in OPERATIONS for name in (row.name, *row.also)}


def test_the_table_names_every_operation_botocore_knows(client: Any) -> None:
    assert set(client.meta.service_model.operation_names) - names().keys() == set()


def test_no_operation_has_two_rows() -> None:
    assert len(names()) == sum(1 + len(row.also) for row in OPERATIONS)


def test_every_offered_operation_has_a_handler_and_no_other() -> None:
    assert {row.name for row in OPERATIONS if row.offered} == HANDLERS.keys()


def test_every_request_botocore_writes_finds_its_own_operation(client: Any) -> None:
    rows = {row.name: row for row in OPERATIONS}
    for name in client.meta.service_model.operation_names:
        if name in INDISTINCT:
            continue
        found = routed(serialised(client, name))
        assert found == names()[name], name
        assert rows[found].offered == (found in HANDLERS)


def serialised(client: Any, name: str) -> Request:
    """The request botocore would send for `name`, with every required parameter filled in."""
    model = client.meta.service_model.operation_model(name)
    parameters = filled(model.input_shape) if model.input_shape else {}
    parameters.pop("VersionId", None)
    if name in {"CopyObject", "UploadPartCopy"}:
        parameters["CopySource"] = "bucket/key"
    serializer = client._serializer
    sent = serializer.serialize_to_request(parameters, model)
    url = AWSRequest(
        sent["method"], "http://h" + sent["url_path"], params=sent["query_string"]
    ).prepare().url  # fmt: skip
    parts = urlsplit(url)
    headers = {k.lower(): str(v) for k, v in sent["headers"].items()}
    return Request(sent["method"], parts.path, parts.query, parse_query(parts.query), headers)


def filled(shape: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"string": "x" * 20, "integer": 1, "boolean": True, "blob": b"x"}
    made: dict[str, Any] = {}
    # Of a union one member is set, though none is required.
    names = shape.required_members or (list(shape.members)[:1] if shape.is_tagged_union else [])
    for name in names:
        member = shape.members[name]
        if member.type_name == "structure":
            made[name] = filled(member)
        elif member.type_name == "list":
            made[name] = [filled(member.member) if member.member.type_name == "structure" else "x"]
        elif member.type_name in {"timestamp", "long"}:
            made[name] = 1
        else:
            made[name] = (
                member.enum[0] if getattr(member, "enum", None) else values[member.type_name]
            )
    return made


def routed(sent: Request) -> str:
    try:
        return find(sent).name
    except S3Error as error:
        return error.message.split()[0] if error.code == "NotImplemented" else f"{sent}: {error}"


@pytest.mark.parametrize(
    ("method", "target"),
    [("PATCH", "/b/k"), ("PATCH", "/b"), ("POST", "/b/k"), ("PUT", "/b?versions"), ("DELETE", "/")],
)
def test_a_method_that_a_path_does_not_have_is_405_and_says_which_it_has(
    method: str, target: str
) -> None:
    with pytest.raises(S3Error) as caught:
        find(request(method, target))
    assert caught.value.code == "MethodNotAllowed"
    assert caught.value.headers["allow"]


@pytest.mark.parametrize("target", ["/b/k?acl&tagging", "/b?versions&uploads"])
def test_two_subresources_at_once_are_refused(target: str) -> None:
    with pytest.raises(S3Error) as caught:
        find(request("GET", target))
    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize("target", ["/b/k?versions", "/b/k?delete", "/b?uploadId=1", "/?acl"])
def test_a_subresource_of_another_level_never_falls_through(target: str) -> None:
    with pytest.raises(S3Error) as caught:
        find(request("GET", target))
    assert caught.value.code in {"InvalidArgument", "MethodNotAllowed"}


@pytest.mark.parametrize("target", ["/b/k?partNumber=1", "/b/k?uploadId=u"])
def test_a_half_named_part_never_becomes_an_object(target: str) -> None:
    with pytest.raises(S3Error) as caught:
        find(request("PUT", target))
    assert caught.value.code == "InvalidArgument"


def test_query_parameters_that_select_nothing_are_ignored() -> None:
    assert find(request("GET", "/b/k?x-id=GetObject&foo=bar")).name == "GetObject"
    assert find(request("GET", "/b?prefix=a&x-id=y")).name == "ListObjects"
