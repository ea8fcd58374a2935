"""Public access block and ownership: botocore writes and reads the documents."""

from __future__ import annotations

import itertools
from typing import Any

import botocore.session
import pytest
from botocore.parsers import RestXMLParser

from gateway.protocol.errors import S3Error
from gateway.protocol.publicaccess import (
    Ownership,
    PublicAccessBlock,
    ownership,
    parse_block,
    parse_ownership,
    render_block,
    render_ownership,
)

NAMES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@pytest.fixture(scope="module")
def client() -> Any:
    return botocore.session.Session().create_client(
        "s3", aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )


def sent(client: Any, operation: str, **parameters: Any) -> bytes:
    model = client.meta.service_model.operation_model(operation)
    request = client._serializer.serialize_to_request({"Bucket": "b", **parameters}, model)
    return bytes(request["body"])


def read(client: Any, operation: str, document: bytes) -> dict[str, Any]:
    shape = client.meta.service_model.operation_model(operation).output_shape
    answer = {"status_code": 200, "headers": {}, "body": document}
    return dict(RestXMLParser().parse(answer, shape))


@pytest.mark.parametrize("flags", list(itertools.product([True, False], repeat=4)))
def test_a_block_is_what_botocore_says_and_reads(client: Any, flags: tuple[bool, ...]) -> None:
    said = dict(zip(NAMES, flags, strict=True))
    body = sent(client, "PutPublicAccessBlock", PublicAccessBlockConfiguration=said)
    block = parse_block(body)
    assert block == PublicAccessBlock(*flags)
    assert PublicAccessBlock.from_json(block.to_json()) == block
    found = read(client, "GetPublicAccessBlock", render_block(block))
    assert found["PublicAccessBlockConfiguration"] == said


def test_what_a_block_leaves_out_is_off(client: Any) -> None:
    body = sent(
        client, "PutPublicAccessBlock", PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    assert parse_block(body) == PublicAccessBlock(block_acls=True)
    assert PublicAccessBlock.from_json(None) == PublicAccessBlock()


@pytest.mark.parametrize("setting", Ownership)
def test_an_ownership_is_what_botocore_says_and_reads(client: Any, setting: Ownership) -> None:
    controls = {"Rules": [{"ObjectOwnership": setting.value}]}
    body = sent(client, "PutBucketOwnershipControls", OwnershipControls=controls)
    assert parse_ownership(body) is setting
    found = read(client, "GetBucketOwnershipControls", render_ownership(setting))
    assert found["OwnershipControls"] == controls
    assert ownership(setting.value) is setting


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<PublicAccessBlockConfiguration/>",
        (
            b"<PublicAccessBlockConfiguration><BlockPublicAcls>yes</BlockPublicAcls>"
            b"</PublicAccessBlockConfiguration>"
        ),
        b"<Other><BlockPublicAcls>true</BlockPublicAcls></Other>",
    ],
)
def test_a_block_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        parse_block(body)
    assert caught.value.code == "MalformedXML"


@pytest.mark.parametrize(
    "rules",
    [
        b"",
        b"<Rule/>",
        b"<Rule><ObjectOwnership>Nobody</ObjectOwnership></Rule>",
        b"<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>" * 2,
    ],
)
def test_controls_of_no_one_rule_are_malformed(rules: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        parse_ownership(b"<OwnershipControls>" + rules + b"</OwnershipControls>")
    assert caught.value.code == "MalformedXML"


def test_an_ownership_that_is_none_is_an_invalid_argument() -> None:
    with pytest.raises(S3Error) as caught:
        ownership("Nobody")
    assert caught.value.fields["ArgumentName"] == "x-amz-object-ownership"
