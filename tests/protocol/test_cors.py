"""What browsers are told of other origins. Documents are written and read by botocore."""

from __future__ import annotations

import json
from typing import Any

import botocore.parsers
import botocore.serialize
import botocore.session
import pytest

from gateway.protocol import cors
from gateway.protocol.cors import Rule
from gateway.protocol.errors import S3Error

ASKED = {"origin": "http://studio:8080", "access-control-request-method": "GET"}
MODEL = botocore.session.get_session().get_service_model("s3")
WHOLE = {
    "ID": "all & <more>",
    "AllowedMethods": ["GET", "PUT", "POST", "DELETE", "HEAD"],
    "AllowedOrigins": ["https://*.example", "http://studio:8080"],
    "AllowedHeaders": ["x-amz-*", "content-type"],
    "ExposeHeaders": ["ETag", "x-amz-request-id"],
    "MaxAgeSeconds": 60,
}
LEAST = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}


def document(*rules: dict[str, Any]) -> bytes:
    """CORSConfiguration, as botocore sends it."""
    serializer = botocore.serialize.create_serializer("rest-xml")
    given = {"Bucket": "b", "CORSConfiguration": {"CORSRules": list(rules)}}
    body = serializer.serialize_to_request(given, MODEL.operation_model("PutBucketCors"))["body"]
    return bytes(body)


def shown(rules: list[Rule]) -> Any:
    """The rules as botocore reads them."""
    shape = MODEL.operation_model("GetBucketCors").output_shape
    answer = {"status_code": 200, "headers": {}, "body": cors.render(rules)}
    return botocore.parsers.create_parser("rest-xml").parse(answer, shape)["CORSRules"]


def rule(**more: Any) -> dict[str, Any]:
    return {**LEAST, **more}


# ---- a bucket without rules


def test_a_preflight_allows_the_headers_asked_for_and_no_others() -> None:
    asked = {**ASKED, "access-control-request-headers": "Range, X-Amz-Date,"}
    answer = dict(cors.preflight(None, asked))
    assert answer["access-control-allow-headers"] == "range, x-amz-date"
    assert "access-control-allow-headers" not in dict(cors.preflight(None, ASKED))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
def test_a_preflight_allows_every_method_that_s3_has(method: str) -> None:
    answer = dict(cors.preflight(None, {**ASKED, "access-control-request-method": method}))
    assert method in answer["access-control-allow-methods"].split(", ")
    assert answer["access-control-allow-origin"] == "*"
    assert int(answer["access-control-max-age"]) > 0


@pytest.mark.parametrize("rules", [None, [Rule(("GET",), ("*",))]])
@pytest.mark.parametrize("method", ["PATCH", "get", "GET, HEAD", ",", " "])
def test_a_method_that_s3_does_not_have_is_forbidden(method: str, rules: list[Rule] | None) -> None:
    with pytest.raises(S3Error) as caught:
        cors.preflight(rules, {**ASKED, "access-control-request-method": method})
    assert (caught.value.code, caught.value.status) == ("AccessForbidden", 403)


@pytest.mark.parametrize("rules", [None, [Rule(("GET",), ("*",))]])
@pytest.mark.parametrize("missing", ASKED)
def test_a_preflight_without_origin_or_method_is_a_bad_request(
    missing: str, rules: list[Rule] | None
) -> None:
    with pytest.raises(S3Error) as caught:
        cors.preflight(rules, {name: value for name, value in ASKED.items() if name != missing})
    assert (caught.value.code, caught.value.status) == ("BadRequest", 400)


def test_every_answer_may_be_read_by_a_page_and_cached_for_its_origin_only() -> None:
    assert cors.answer(None, "PUT", {}) == cors.ALWAYS
    always = dict(cors.ALWAYS)
    assert always["access-control-allow-origin"] == "*"
    assert always["vary"] == "Origin"
    exposed = set(always["access-control-expose-headers"].split(", "))
    assert exposed >= {"ETag", "Content-Length", "Content-Range", "Accept-Ranges", "Content-Type"}
    assert exposed >= {"x-amz-version-id", "x-amz-request-id", "x-labelgate-commit"}
    assert "access-control-allow-credentials" not in always


# ---- the document


def test_rules_come_back_as_they_were_given_also_through_what_a_bucket_keeps() -> None:
    given = [WHOLE, LEAST]
    rules = cors.parse_rules(document(*given))
    assert shown(rules) == given
    kept = json.loads(json.dumps([one.to_json() for one in rules]))
    assert [Rule.from_json(form) for form in kept] == rules


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (rule(AllowedMethods=["GET", "PATCH"]), "Unsupported method is PATCH"),
        (rule(AllowedMethods=["get"]), "Unsupported method is get"),
        (rule(AllowedOrigins=["http://*.a.*"]), "can not have more than one wildcard"),
        (rule(AllowedHeaders=["x-*-*"]), "can not have more than one wildcard"),
        (rule(ExposeHeaders=["x-*"]), "do not support wildcard for ExposeHeader"),
        (rule(ExposeHeaders=["a\r\nset-cookie: b"]), "printable ASCII"),
        (rule(AllowedOrigins=["http://ü"]), "printable ASCII"),
        (rule(ID="x" * 256), "at most 255"),
    ],
)
def test_a_rule_that_aws_refuses_is_refused_with_the_reason(given: Any, says: str) -> None:
    with pytest.raises(S3Error) as caught:
        cors.parse_rules(document(given))
    assert (caught.value.code, caught.value.status) == ("InvalidRequest", 400)
    assert says in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<CORSConfiguration/>",
        b"<Other><CORSRule/></Other>",
        document({"AllowedMethods": ["GET"], "AllowedOrigins": []}),
        document({"AllowedMethods": [], "AllowedOrigins": ["*"]}),
        document(LEAST).replace(b"<AllowedOrigin>*<", b"<AllowedOrigin><"),
        document(rule(MaxAgeSeconds=1)).replace(b">1<", b">-1<"),
        document(rule(MaxAgeSeconds=1)).replace(b">1<", b">soon<"),
    ],
)
def test_what_is_no_configuration_is_malformed(body: bytes) -> None:
    with pytest.raises(S3Error, match="MalformedXML"):
        cors.parse_rules(body)


def test_a_bucket_has_at_most_a_hundred_rules() -> None:
    assert len(cors.parse_rules(document(*[LEAST] * 100))) == 100
    with pytest.raises(S3Error, match="100 rules"):
        cors.parse_rules(document(*[LEAST] * 101))


# ---- a bucket with rules


@pytest.mark.parametrize(
    ("pattern", "origin", "matches"),
    [
        ("*suffix", "foo.suffix", True),
        ("*suffix", "foo.suffix.get", False),
        ("start*end", "startend", True),
        ("start*end", "start1end", True),
        ("start*end", "0start1end", False),
        ("start*tart", "start", False),
        ("prefix*", "prefix", True),
        ("prefix*", "bla.prefix", False),
        ("http://a", "http://a", True),
        ("http://a", "http://A", False),
        ("*", "null", True),
    ],
)
def test_an_origin_is_matched_by_a_pattern_with_one_wildcard(
    pattern: str, origin: str, matches: bool
) -> None:
    answer = dict(cors.answer([Rule(("GET",), (pattern,))], "GET", {"origin": origin}))
    everybody = "*" if pattern == "*" else origin
    assert answer.get("access-control-allow-origin") == (everybody if matches else None)
    assert answer["vary"] == "Origin"


def test_the_first_rule_that_matches_counts() -> None:
    rules = [
        Rule(("PUT",), ("*",)),
        Rule(("GET", "HEAD"), ("http://a",), exposed=("ETag",), seconds=7),
        Rule(("GET",), ("*",)),
    ]
    assert dict(cors.answer(rules, "GET", {"origin": "http://a"})) == {
        "access-control-allow-origin": "http://a",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, HEAD",
        "access-control-expose-headers": "ETag",
        "access-control-max-age": "7",
        "vary": "Origin",
    }
    assert dict(cors.answer(rules, "GET", {"origin": "http://b"})) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET",
        "vary": "Origin",
    }


def test_nothing_is_told_to_a_page_that_no_rule_is_for_nor_to_who_is_no_page() -> None:
    rules = [Rule(("GET",), ("http://a",))]
    for method, headers in (("GET", {"origin": "b"}), ("PUT", {"origin": "http://a"}), ("GET", {})):
        assert cors.answer(rules, method, headers) == (("vary", "Origin"),)


def test_a_preflight_needs_a_rule_for_its_origin_its_method_and_each_of_its_headers() -> None:
    rules = [
        Rule(("GET",), ("http://studio:8080",)),
        Rule(("GET", "PUT"), ("http://studio:8080",), headers=("X-Amz-*", "range")),
    ]
    headers = {**ASKED, "access-control-request-headers": "Range, x-amz-date"}
    answer = dict(cors.preflight(rules, headers))
    assert answer["access-control-allow-methods"] == "GET, PUT"
    assert answer["access-control-allow-headers"] == "range, x-amz-date"
    assert answer["vary"].startswith("Origin, ")
    assert dict(cors.preflight(rules, ASKED))["access-control-allow-methods"] == "GET"
    for refused in (
        {**headers, "origin": "http://other"},
        {**headers, "access-control-request-method": "DELETE"},
        {**headers, "access-control-request-headers": "range, cookie"},
    ):
        with pytest.raises(S3Error, match="AccessForbidden"):
            cors.preflight(rules, refused)
