"""Bucket policies: what they allow and deny, and what is refused because it is not evaluated."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.errors import S3Error
from gateway.protocol.operations import OPERATIONS, RIGHT_BY_ACTION, Right
from gateway.protocol.policy import Policy, Verdict, parse, resource
from gateway.protocol.policykeys import Facts, known
from gateway.protocol.request import Request, parse_query

BASE: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::labels/*",
}
ALLOW, DENY, SILENT = Verdict.ALLOW, Verdict.DENY, Verdict.SILENT


def policy(*statements: Mapping[str, Any], **fields: Any) -> Policy:
    rows = [{**BASE, **one} for one in statements]
    return parse(json.dumps({"Version": "2012-10-17", "Statement": rows, **fields}))


def refusal(document: Any) -> S3Error:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(S3Error) as caught:
        parse(text)
    assert (caught.value.code, caught.value.status) == ("MalformedPolicy", 400)
    return caught.value


def refused(**changes: Any) -> str:
    """Why a statement with those changes is refused. None takes a field away."""
    row = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    return refusal({"Statement": [row]}).message


def facts(
    query: str = "", headers: Mapping[str, str] | None = None, client: str = "10.1.2.3", **more: Any
) -> Facts:
    request = Request("GET", "/labels/k", query, parse_query(query), headers or {}, client=client)
    return Facts(request, 1_795_536_000_000, **more)


def judged(
    found: Policy, action: str = "s3:GetObject", key: str | None = "k", about: Facts | None = None
) -> Verdict:
    return found.judge(action, [resource("labels", key)], about or facts())


def under(operator: str, key: str, value: Any, about: Facts) -> bool:
    """Whether a statement with that one condition applies."""
    return judged(policy({"Condition": {operator: {key: value}}}), about=about) is ALLOW


# ---- effect, principal, action, resource


def test_deny_goes_before_allow_and_silence_is_neither() -> None:
    allow, deny = {}, {"Effect": "Deny"}
    assert judged(policy(allow)) is ALLOW
    assert judged(policy(deny)) is DENY
    assert judged(policy(allow, deny)) is DENY
    assert judged(policy(deny, allow)) is DENY
    assert judged(policy(allow), "s3:PutObject") is SILENT
    assert judged(policy(allow), key=None) is SILENT


@pytest.mark.parametrize(
    ("principal", "meant"),
    [
        ("*", {None, "alice", "bob"}),
        ({"AWS": "*"}, {None, "alice", "bob"}),
        ({"AWS": "alice"}, {"alice"}),
        ({"AWS": ["alice", "arn:aws:iam::bob:root"]}, {"alice", "bob"}),
        ({"CanonicalUser": "bob"}, {"bob"}),
        ({"AWS": "arn:aws:iam::alice:user/laptop"}, {"alice"}),
        ({"AWS": "arn:aws:iam::alice:user/phone"}, set()),
        ({"AWS": "123456789012"}, set()),
    ],
)
def test_a_principal_is_everybody_an_account_or_a_key(principal: Any, meant: set[Any]) -> None:
    found = policy({"Principal": principal})
    for account in (None, "alice", "bob"):
        about = facts(account=account, key_name="laptop")
        assert (judged(found, about=about) is ALLOW) == (account in meant)


PATTERNS = st.text("ab*?/", min_size=1, max_size=6)


@given(PATTERNS, st.text("ab/", max_size=6))
def test_a_resource_is_a_glob_that_crosses_slashes(pattern: str, key: str) -> None:
    found = policy({"Resource": f"arn:aws:s3:::labels/{pattern}"})
    assert (judged(found, key=key) is ALLOW) == fnmatchcase(key, pattern)


def test_many_stars_are_no_work() -> None:
    found = policy({"Resource": f"arn:aws:s3:::labels/{'*a' * 50}*b"})
    assert judged(found, key="a" * 1000) is SILENT
    assert judged(found, key="a" * 1000 + "b") is ALLOW


def test_a_resource_may_hold_what_is_special_elsewhere() -> None:
    found = policy({"Resource": ["arn:aws:s3:::labels/a[b].(c)+é\n", "arn:aws:s3:::labels/x"]})
    assert judged(found, key="a[b].(c)+é\n") is ALLOW
    assert judged(found, key="x") is ALLOW
    assert judged(found, key="ab") is SILENT
    assert judged(policy({"Resource": "*"}), key=None) is ALLOW


@pytest.mark.parametrize(
    ("action", "meant"),
    [
        ("*", {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"}),
        ("s3:*", {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"}),
        ("s3:Get*", {"s3:GetObject", "s3:GetObjectVersion"}),
        ("S3:getobject", {"s3:GetObject"}),
        (["s3:Put?bject", "s3:GetObjectVersion"], {"s3:PutObject", "s3:GetObjectVersion"}),
    ],
)
def test_an_action_is_a_glob_without_case(action: Any, meant: set[str]) -> None:
    found = policy({"Action": action})
    for one in ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"):
        assert (judged(found, one) is ALLOW) == (one in meant)


def test_every_operation_has_an_action_that_a_policy_may_name() -> None:
    unnamed = {"ListBuckets", "ListDirectoryBuckets"}  # of no bucket
    for row in OPERATIONS:
        assert (row.action in RIGHT_BY_ACTION) == (row.name not in unnamed), row.name


@pytest.mark.parametrize("action", sorted(RIGHT_BY_ACTION))
def test_what_no_policy_gives_cannot_be_allowed_by_name_and_can_be_denied(action: str) -> None:
    parse(json.dumps({"Statement": [{**BASE, "Action": action, "Effect": "Deny"}]}))
    if RIGHT_BY_ACTION[action] in {Right.ADMIN, Right.ERASE}:
        assert action in refused(Action=action)
    else:
        policy({"Action": action})


# ---- conditions


@given(
    st.sampled_from(["", "ab", "aB", "x"]),
    st.lists(st.sampled_from(["ab", "AB", "x", "a*", "?"]), min_size=1, max_size=3),
)
def test_strings_are_compared_as_the_operator_says(value: str, wanted: list[str]) -> None:
    about = facts(headers={"referer": value})
    for operator, holds in [
        ("StringEquals", value in wanted),
        ("StringEqualsIgnoreCase", value.lower() in [one.lower() for one in wanted]),
        ("StringLike", any(fnmatchcase(value, one) for one in wanted)),
    ]:
        negated = operator.replace("String", "StringNot", 1)
        assert under(operator, "aws:Referer", wanted, about) == holds
        assert under(negated, "aws:Referer", wanted, about) != holds


def test_what_is_not_there_meets_negations_and_if_exists_only() -> None:
    nothing = facts()
    for operator, met in [
        ("StringEquals", False),
        ("StringLike", False),
        ("StringNotEquals", True),
        ("StringNotLike", True),
        ("StringEqualsIfExists", True),
        ("StringNotEqualsIfExists", True),
    ]:
        assert under(operator, "aws:Referer", "x", nothing) == met
    there = facts(headers={"referer": "y"})
    assert not under("StringEqualsIfExists", "aws:Referer", "x", there)
    for operator, about, met in [
        ("true", nothing, True),
        ("false", nothing, False),
        ("true", there, False),
        ("false", there, True),
    ]:
        assert under("Null", "aws:Referer", operator, about) == met


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32))
def test_an_address_is_within_a_network(client: Any, network: Any, bits: int) -> None:
    about = facts(client=str(client))
    within = client in ipaddress.ip_network(f"{network}/{bits}", strict=False)
    assert under("IpAddress", "aws:SourceIp", f"{network}/{bits}", about) == within
    assert under("NotIpAddress", "aws:SourceIp", f"{network}/{bits}", about) != within
    mapped = facts(client=f"::ffff:{client}")
    assert under("IpAddress", "aws:SourceIp", f"{network}/{bits}", mapped) == within


def test_an_address_that_is_none_is_within_no_network() -> None:
    for client in ("", "unix", "::1"):
        assert not under("IpAddress", "aws:SourceIp", "0.0.0.0/0", facts(client=client))
        assert under("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", facts(client=client))
    assert under("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "::1"], facts(client="::1"))


@pytest.mark.parametrize(
    ("operator", "value", "met"),
    [
        ("NumericEquals", "10", True),
        ("NumericNotEquals", "10", False),
        ("NumericLessThan", "10", False),
        ("NumericLessThanEquals", "10", True),
        ("NumericGreaterThan", 9, True),
        ("NumericGreaterThanEquals", "11", False),
    ],
)
def test_numbers_are_compared(operator: str, value: Any, met: bool) -> None:
    assert under(operator, "s3:max-keys", value, facts("max-keys=10")) == met
    negated = operator == "NumericNotEquals"
    assert under(operator, "s3:max-keys", value, facts("max-keys=many")) == negated


@pytest.mark.parametrize(
    ("operator", "value", "met"),
    [
        ("DateLessThan", "2026-11-24T16:00:01Z", True),
        ("DateLessThan", "2026-11-24T16:00:00Z", False),
        ("DateGreaterThanEquals", "2026-11-24T16:00:00Z", True),
        ("DateGreaterThan", "1795535999", True),
    ],
)
def test_times_are_compared(operator: str, value: str, met: bool) -> None:
    assert under(operator, "aws:CurrentTime", value, facts()) == met
    assert under(operator, "aws:EpochTime", value, facts()) == met


@pytest.mark.parametrize(
    ("key", "value", "query", "headers", "more"),
    [
        ("s3:prefix", "a/", "prefix=a%2F", {}, {}),
        ("s3:prefix", "over", "prefix=a", {}, {"overrides": {"s3:prefix": "over"}}),
        ("s3:delimiter", "/", "delimiter=/", {}, {}),
        ("s3:VersionId", "v", "versionId=v", {}, {}),
        ("s3:x-amz-acl", "private", "", {"x-amz-acl": "private"}, {}),
        ("s3:x-amz-grant-read", "id=a", "", {"x-amz-grant-read": "id=a"}, {}),
        ("s3:x-amz-copy-source", "b/k", "", {"x-amz-copy-source": "/b/k"}, {}),
        ("s3:x-amz-copy-source", "b/k", "", {"x-amz-copy-source": "b/k"}, {}),
        ("s3:x-amz-copy-source", "b/k l", "", {"x-amz-copy-source": "b/%6b%20l"}, {}),
        ("s3:x-amz-copy-source", "b/k", "", {"x-amz-copy-source": "b/k?versionId=v"}, {}),
        ("s3:x-amz-metadata-directive", "COPY", "", {"x-amz-metadata-directive": "COPY"}, {}),
        (
            "s3:x-amz-server-side-encryption",
            "AES256",
            "",
            {"x-amz-server-side-encryption": "AES256"},
            {},
        ),
        ("s3:RequestObjectTag/a b", "c&", "", {"x-amz-tagging": "a+b=c%26&x=y"}, {}),
        ("s3:ExistingObjectTag/Ab", "c", "", {}, {"existing_tags": {"Ab": "c"}}),
        ("aws:UserAgent", "agent", "", {"user-agent": "agent"}, {}),
        ("aws:SourceIp", "10.1.2.3", "", {}, {}),
        ("aws:PrincipalAccount", "alice", "", {}, {"account": "alice"}),
        ("aws:username", "laptop", "", {}, {"account": "alice", "key_name": "laptop"}),
        ("s3:authType", "REST-HEADER", "", {}, {"account": "alice"}),
        ("s3:authType", "REST-QUERY-STRING", "", {}, {"account": "alice", "presigned": True}),
        ("s3:authType", "POST", "", {}, {"account": "alice", "posted": True}),
        ("s3:signatureversion", "AWS", "", {}, {"account": "a", "signature_version": "AWS"}),
    ],
)
def test_a_key_is_what_the_request_says(
    key: str, value: str, query: str, headers: dict[str, str], more: dict[str, Any]
) -> None:
    about = facts(query, headers, **more)
    head, slash, tag = key.partition("/")
    for spelled in (key, head.upper() + slash + tag):
        assert under("StringEquals", spelled, value, about)
    assert not under("StringEquals", key, f"{value}x", about)


def test_nobody_has_neither_account_nor_signature() -> None:
    for key in ("aws:PrincipalAccount", "aws:userid", "aws:username", "s3:authType"):
        assert under("Null", key, True, facts())
        assert under("Null", key, "true", facts())


def test_a_tag_keeps_its_case() -> None:
    about = facts(existing_tags={"Ab": "c"})
    assert not under("StringEquals", "s3:ExistingObjectTag/ab", "c", about)
    found = policy({"Condition": {"StringEquals": {"s3:ExistingObjectTag/Ab": "c"}}})
    assert found.asks_for_tags
    assert not policy({}).asks_for_tags


def test_transport_is_told_as_it_is() -> None:
    plain = facts()
    safe = Facts(Request("GET", "/", "", (), {}, secure=True), 0)
    for about, value in [(plain, "false"), (safe, "true")]:
        assert under("Bool", "aws:SecureTransport", value, about)
        assert under("Bool", "aws:SecureTransport", value == "true", about)
        assert not under("Bool", "aws:SecureTransport", value == "false", about)


def test_all_conditions_must_be_met_and_any_of_their_values() -> None:
    both = {
        "StringEquals": {"s3:prefix": ["a", "b"], "s3:delimiter": "/"},
        "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
    }
    found = policy({"Condition": both})
    assert judged(found, about=facts("prefix=b&delimiter=/")) is ALLOW
    assert judged(found, about=facts("prefix=c&delimiter=/")) is SILENT
    assert judged(found, about=facts("prefix=a")) is SILENT
    assert judged(found, about=facts("prefix=a&delimiter=/", client="11.0.0.1")) is SILENT


@pytest.mark.parametrize(
    "key", ["aws:SourceVpc", "s3:x", "aws:", "", "s3:ExistingObjectTag/", "x/y"]
)
def test_a_key_nobody_can_answer_is_none(key: str) -> None:
    assert known(key) is None
    assert f"{key} is not evaluated" in refused(Condition={"StringEquals": {key: "x"}})


# ---- what is refused


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Effect": "Perhaps"}, "Perhaps"),
        ({"Effect": None}, "effect"),
        ({"Principal": None}, "principal"),
        ({"Principal": "alice"}, "principal"),
        ({"Principal": {}}, "principal"),
        ({"Principal": {"Service": "logging.s3.amazonaws.com"}}, "Service"),
        ({"Principal": {"Federated": "x"}}, "Federated"),
        ({"Principal": {"AWS": "arn:aws:iam::alice:role/x"}}, "role/x"),
        ({"Principal": {"AWS": "arn:aws:iam::alice:user/*"}}, "user/*"),
        ({"Principal": {"AWS": "al*"}}, "al*"),
        ({"NotPrincipal": {"AWS": "alice"}}, "NotPrincipal"),
        ({"NotAction": "s3:GetObject"}, "NotAction"),
        ({"NotResource": "*"}, "NotResource"),
        ({"Action": None}, "Action"),
        ({"Action": []}, "Action"),
        ({"Action": "s3:Nothing"}, "s3:Nothing"),
        ({"Action": "ec2:Start*"}, "ec2:Start*"),
        ({"Action": "s3:PutBucket*"}, "no policy gives"),
        ({"Resource": None}, "Resource"),
        ({"Resource": "labels/*"}, "labels/*"),
        ({"Resource": "arn:aws:s3:::labels/${aws:username}"}, "variables"),
        ({"Condition": "x"}, "Condition"),
        ({"Condition": {"StringEquals": "x"}}, "Condition"),
        ({"Condition": {"ArnLike": {"s3:prefix": "x"}}}, "ArnLike"),
        ({"Condition": {"ForAnyValue:StringEquals": {"s3:prefix": "x"}}}, "ForAnyValue"),
        ({"Condition": {"NullIfExists": {"s3:prefix": "true"}}}, "NullIfExists"),
        ({"Condition": {"Null": {"s3:prefix": "x"}}}, "Null"),
        ({"Condition": {"Bool": {"aws:SecureTransport": "x"}}}, "Bool"),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "x"}}}, "aws:SourceIp"),
        ({"Condition": {"NumericEquals": {"s3:max-keys": "x"}}}, "s3:max-keys"),
        ({"Condition": {"DateEquals": {"aws:CurrentTime": "x"}}}, "aws:CurrentTime"),
        ({"Condition": {"StringEquals": {"s3:prefix": []}}}, "s3:prefix"),
        ({"Condition": {"StringEquals": {"s3:prefix": {"a": 1}}}}, "s3:prefix"),
        ({"Condition": {"StringEquals": {"s3:prefix": "${aws:username}"}}}, "variables"),
        ({"Sid": 1}, "Sid"),
        ({"Extra": "x"}, "Extra"),
    ],
)
def test_what_is_not_evaluated_is_refused_by_its_name(changes: dict[str, Any], why: str) -> None:
    assert why in refused(**changes)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "x",
        "[]",
        "1",
        "{}",
        "[" * 100_000,
        {"Statement": []},
        {"Statement": ["x"]},
        {"Statement": [BASE], "Version": "2020-01-01"},
        {"Statement": [BASE], "More": 1},
        {"Statement": [{**BASE, "Effect": []}]},
        {"Statement": [{**BASE, "Effect": {}}]},
        {"Statement": [{**BASE, "Sid": "x" * 20_480}]},
        '{"Statement": [], "Statement": [' + json.dumps(BASE) + "]}",
    ],
)
def test_what_is_no_policy_is_malformed(document: Any) -> None:
    refusal(document)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["Statement", "Effect", "Principal", "AWS", "Action", "Resource",
                         "Condition", "StringEquals", "s3:prefix", "Sid"]), inner, max_size=4,
    ),
    max_leaves=12,
))  # fmt: skip
def test_no_json_makes_anything_but_a_policy_or_a_refusal(document: Any) -> None:
    try:
        parse(json.dumps(document))
    except S3Error as error:
        assert error.code == "MalformedPolicy"


def test_a_statement_may_stand_alone_and_a_version_may_be_missing() -> None:
    assert judged(parse(json.dumps({"Id": "x", "Statement": {**BASE, "Sid": "a b"}}))) is ALLOW


def test_a_resource_of_another_bucket_is_refused() -> None:
    names = ["labels", "master.labels"]
    for bucket in ("labels", "master.labels", "*", "l?bels", "mas*"):
        policy({"Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}).check_bucket(
            names
        )
    policy({"Resource": "*"}).check_bucket(names)
    for bucket in ("other", "labels2", "dev.labels", ""):
        with pytest.raises(S3Error, match="invalid resource") as caught:
            policy({"Resource": f"arn:aws:s3:::{bucket}/k"}).check_bucket(names)
        assert caught.value.code == "MalformedPolicy"


# ---- public


@pytest.mark.parametrize(
    ("changes", "public"),
    [
        ({}, True),
        ({"Effect": "Deny"}, False),
        ({"Principal": {"AWS": "alice"}}, False),
        ({"Principal": {"AWS": ["alice", "*"]}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.1", "0.0.0.0/1"]}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "2001::/16"}}}, True),
        ({"Condition": {"IpAddressIfExists": {"aws:SourceIp": "10.0.0.1"}}}, True),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.1"}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalAccount": "alice"}}}, False),
        ({"Condition": {"StringNotEquals": {"aws:PrincipalAccount": "alice"}}}, True),
        ({"Condition": {"StringLike": {"aws:username": "*"}}}, True),
        ({"Condition": {"StringEquals": {"aws:Referer": "http://x"}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
    ],
)
def test_a_policy_is_public_unless_it_fixes_who_may_come(
    changes: dict[str, Any], public: bool
) -> None:
    assert policy(changes).public == public
    assert policy({"Principal": {"AWS": "alice"}}, changes).public == public
