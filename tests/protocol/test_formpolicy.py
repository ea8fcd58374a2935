"""The policy of a form: signed by botocore, and by the letter of AWS's page on version 2."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import boto3
import pytest
from botocore.config import Config

from gateway.protocol import formpolicy
from gateway.protocol.errors import S3Error

SECRET = "test/secret+key"
SOON = "2030-01-01T00:00:00Z"
SOON_MS = 1893456000000
BEFORE_MS = SOON_MS - 1
SENT = {"key": "user/k", "policy": "p", "signature": "s", "awsaccesskeyid": "a"}


def encoded(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def policy(*conditions: Any, expiration: str = SOON) -> formpolicy.Policy:
    return formpolicy.parse(encoded({"expiration": expiration, "conditions": list(conditions)}))


def demand(made: formpolicy.Policy, now_ms: int = BEFORE_MS, **fields: str) -> None:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    made.demand({**SENT, **named}, "b", now_ms)


def denied(made: formpolicy.Policy, now_ms: int = BEFORE_MS, **fields: str) -> str:
    with pytest.raises(S3Error) as caught:
        demand(made, now_ms, **fields)
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)
    assert caught.value.message.startswith("Invalid according to Policy: ")
    return caught.value.message.removeprefix("Invalid according to Policy: ")


def signed_by_botocore(version: str) -> dict[str, str]:
    client = boto3.client(
        "s3", endpoint_url="http://s", aws_access_key_id="AKID", aws_secret_access_key=SECRET,
        region_name="eu-west-9", config=Config(signature_version=version),
    )  # fmt: skip
    fields = client.generate_presigned_post("b", "user/k", Conditions=[{"acl": "private"}])[
        "fields"
    ]
    return {name.lower(): value for name, value in {**fields, "acl": "private"}.items()}


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_what_botocore_signs_is_taken_and_may_be_sent(version: str) -> None:
    fields = signed_by_botocore(version)
    claim = formpolicy.claim(fields)
    assert claim is not None
    assert claim.access_key_id == "AKID"
    assert claim.algorithm == {"s3": "AWS", "s3v4": "AWS4-HMAC-SHA256"}[version]
    claim.check_signature(SECRET)
    made = formpolicy.parse(claim.text)
    made.demand(fields, "b", made.expires_ms)
    with pytest.raises(S3Error, match="Policy expired"):
        made.demand(fields, "b", made.expires_ms + 1)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("change", ["secret", "policy", "signature"])
def test_another_secret_policy_or_signature_does_not_match(version: str, change: str) -> None:
    fields = signed_by_botocore(version)
    if change == "policy":
        fields["policy"] = encoded({"expiration": SOON, "conditions": []})
    if change == "signature":
        name = "signature" if version == "s3" else "x-amz-signature"
        fields[name] = fields[name][::-1] + "ü"
    claim = formpolicy.claim(fields)
    assert claim is not None
    with pytest.raises(S3Error) as caught:
        claim.check_signature(SECRET + "x" if change == "secret" else SECRET)
    assert caught.value.code == "SignatureDoesNotMatch"


def test_version_2_signs_the_policy_as_it_is_sent() -> None:
    text = encoded({"expiration": SOON, "conditions": []})
    digest = hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()
    fields = {"awsaccesskeyid": "A", "policy": text, "signature": base64.b64encode(digest).decode()}
    claim = formpolicy.claim(fields)
    assert claim is not None
    claim.check_signature(SECRET)


def test_a_form_without_any_of_a_signature_is_nobodys() -> None:
    assert formpolicy.claim({"key": "k", "acl": "public-read"}) is None


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_signature_of_which_something_is_missing_is_refused_by_its_name(version: str) -> None:
    whole = signed_by_botocore(version)
    names = {
        "s3": ("awsaccesskeyid", "signature", "policy"),
        "s3v4": (
            "policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature",
        ),
    }[version]  # fmt: skip
    for name in names:
        for fields in ({k: v for k, v in whole.items() if k != name}, {**whole, name: ""}):
            with pytest.raises(S3Error) as caught:
                formpolicy.claim(fields)
            assert (caught.value.code, caught.value.status) == ("InvalidArgument", 400)
            assert str(caught.value.fields["ArgumentName"]).lower() == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-algorithm", "AWS4-HMAC-SHA1"),
        ("x-amz-credential", "AKID/20260101/eu-west-9/ec2/aws4_request"),
        ("x-amz-credential", "AKID"),
        ("x-amz-date", "20200101T000000Z"),
        ("x-amz-date", "yesterday"),
    ],
)
def test_a_field_of_a_signature_that_is_not_as_it_must_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(S3Error) as caught:
        formpolicy.claim({**signed_by_botocore("s3v4"), name: value})
    assert (caught.value.code, caught.value.fields["ArgumentValue"]) == ("InvalidArgument", value)


def test_a_session_token_is_refused() -> None:
    with pytest.raises(S3Error) as caught:
        formpolicy.claim({**signed_by_botocore("s3v4"), "x-amz-security-token": "t"})
    assert caught.value.code == "InvalidToken"


@pytest.mark.parametrize(
    "document",
    [
        [],
        "x",
        {"conditions": []},
        {"expiration": SOON},
        {"EXPIRATION": SOON, "conditions": []},
        {"expiration": SOON, "CONDITIONS": []},
        {"expiration": SOON, "conditions": {}},
        {"expiration": "2030-01-01 00:00:00+00:00", "conditions": []},
        {"expiration": "2030-13-01T00:00:00Z", "conditions": []},
        {"expiration": SOON_MS, "conditions": []},
        *(
            {"expiration": SOON, "conditions": [one]}
            for one in (
                {},
                {"acl": "private", "key": "k"},
                {"acl": 1},
                [],
                "x",
                ["eq", "$key"],
                ["eq", "key", "k"],
                ["eq", "$key", 1],
                ["ends-with", "$key", "k"],
                ["content-length-range", 0],
                ["content-length-range", 0, 1, 2],
                ["content-length-range", -1, 0],
                ["content-length-range", 0, "x"],
                ["content-length-range", 0, True],
                ["content-length-range", 0, 1.5],
            )
        ),
    ],
)
def test_what_is_no_policy_is_refused(document: Any) -> None:
    with pytest.raises(S3Error) as caught:
        formpolicy.parse(encoded(document))
    assert (caught.value.code, caught.value.status) == ("InvalidPolicyDocument", 400)


@pytest.mark.parametrize("text", ["", "%", "e30", base64.b64encode(b"[" * 15_000).decode(), "/w=="])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(S3Error) as caught:
        formpolicy.parse(text)
    assert caught.value.code == "InvalidPolicyDocument"


def test_a_policy_holds_to_the_end_of_its_time() -> None:
    made = policy({"bucket": "b"}, ["starts-with", "$key", ""])
    demand(made, SOON_MS)
    assert denied(made, SOON_MS + 1) == "Policy expired."


def test_names_of_fields_and_operators_count_without_their_case_and_values_with_it() -> None:
    made = policy({"bUcKeT": "b"}, ["StArTs-WiTh", "$KeY", "user/"], ["EQ", "$AcL", "private"])
    demand(made, acl="private")
    assert denied(made, acl="Private").startswith("Policy Condition failed: ")


def test_a_condition_on_a_field_that_was_not_sent_is_one_on_an_empty_one() -> None:
    base = ({"bucket": "b"}, ["starts-with", "$key", "user/"])
    demand(policy(*base, ["starts-with", "$x-amz-meta-a", ""]))
    denied(policy(*base, ["starts-with", "$x-amz-meta-a", "b"]))
    denied(policy(*base, ["eq", "$x-amz-meta-a", "b"]))
    denied(policy(*base, ["eq", "$x-amz-meta-a", ""]), x_amz_meta_a="b")


def test_every_field_must_be_named_but_those_that_a_policy_cannot_name() -> None:
    made = policy({"bucket": "b"}, ["starts-with", "$key", "user/"])
    demand(made, x_ignore_me="x", x_amz_checksum_sha256="c", file="f", x_amz_signature="s")
    assert denied(made, acl="public-read") == "Extra input fields: acl"
    assert denied(policy(["eq", "$key", "user/k"])) == "Extra input fields: bucket"
    assert denied(policy({"bucket": "b"})) == "Extra input fields: key"


def test_the_bucket_is_the_one_that_is_posted_to_whatever_the_form_says() -> None:
    made = policy({"bucket": "other"}, ["starts-with", "$key", ""])
    denied(made, bucket="other")


def test_each_of_several_content_types_must_begin_as_the_policy_says() -> None:
    made = policy(
        {"bucket": "b"}, ["starts-with", "$key", ""], ["starts-with", "$Content-Type", "image/"]
    )
    demand(made, content_type="image/jpg,image/png")
    denied(made, content_type="image/jpg,text/html")


def test_ranges_of_sizes_narrow_each_other() -> None:
    assert policy().sizes is None
    assert policy(["content-length-range", 1, 10]).sizes == (1, 10)
    assert policy(["Content-Length-Range", "1", "10"], ["content-length-range", 5, 20]).sizes == (
        5,
        10,
    )
