"""Bucket policies: the part of AWS's language that is evaluated here. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html

What is not evaluated is refused when a policy is set, by name, and never passed over:
docs/security.md says what there is.
"""

from __future__ import annotations

import ipaddress
import json
import operator as op
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NoReturn

from gateway.protocol import dates
from gateway.protocol.errors import S3Error
from gateway.protocol.globs import glob_regex
from gateway.protocol.operations import RIGHT_BY_ACTION, Right
from gateway.protocol.policykeys import EXISTING_TAG, Facts, known

BYTES_MAX = 20 * 1024
ADDED_BY_POLICY = frozenset({Right.READ, Right.WRITE, Right.DELETE})
"""What a policy or an ACL may add to what a key may do anyway."""

_ARN = "arn:aws:s3:::"
_VERSIONS = ("2012-10-17", "2008-10-17")
_ACCOUNT_ARN = re.compile(r"arn:aws:(?:iam|sts)::([^:]+):(root|user/(.+))")
_STATEMENT = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})
_DOCUMENT = frozenset({"Version", "Id", "Statement"})
_REQUESTER_KEYS = frozenset({"aws:principalaccount", "aws:userid", "aws:username"})
# A network wider than this is anybody's.
_IP_BITS_PUBLIC = {4: 8, 6: 32}

Test = Callable[[str], bool]
Maker = Callable[[str], Test]
"""Makes the test of one value of a condition; ValueError where that cannot be one."""


class Verdict(StrEnum):
    """What a policy says of a request. SILENT: nothing."""

    ALLOW = "Allow"
    DENY = "Deny"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a statement is about: everybody, an account, or one key of an account."""

    account: str | None = None
    key_name: str | None = None

    def matches(self, facts: Facts) -> bool:
        """Whether who asks is meant."""
        if self.account is None:
            return True
        return self.account == facts.account and self.key_name in {None, facts.key_name}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition key and the values that would do.

    tests: one for each value. negated: none of them may hold. without: whether it is met where the
    key is not there.
    """

    operator: str
    key: str
    values: tuple[str, ...]
    tests: tuple[Test, ...]
    negated: bool
    without: bool

    def met(self, facts: Facts) -> bool:
        """Whether the request meets it."""
        value = facts.value(self.key)
        if value is None:
            return self.without
        return any(test(value) for test in self.tests) is not self.negated

    @property
    def fixes_requester(self) -> bool:
        """Whether it leaves only requesters who are known beforehand: AWS's "not public"."""
        if self.without:
            return False
        if self.operator == "IpAddress":
            networks = [ipaddress.ip_network(value, strict=False) for value in self.values]
            return all(one.prefixlen >= _IP_BITS_PUBLIC[one.version] for one in networks)
        exact = self.operator in {"StringEquals", "StringEqualsIgnoreCase"}
        return exact and self.key in _REQUESTER_KEYS


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. actions: globs in lower case; resources: globs, both as regexes."""

    effect: Verdict
    principals: tuple[Principal, ...]
    actions: re.Pattern[str]
    resources: re.Pattern[str]
    resource_globs: tuple[str, ...]
    conditions: tuple[Condition, ...]

    def applies(self, action: str, resources: Iterable[str], facts: Facts) -> bool:
        """Whether it is about this request. resources: the ways its resource may be spelled."""
        return (
            self.actions.fullmatch(action.lower()) is not None
            and any(self.resources.fullmatch(one) for one in resources)
            and any(one.matches(facts) for one in self.principals)
            and all(one.met(facts) for one in self.conditions)
        )

    @property
    def public(self) -> bool:
        """Whether it lets in whoever comes."""
        return (
            self.effect is Verdict.ALLOW
            and any(one.account is None for one in self.principals)
            and not any(one.fixes_requester for one in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A bucket policy that can be evaluated.

    public: it lets in whoever comes, as AWS's public access block understands it.
    asks_for_tags: a condition is about the tags that the object has.
    """

    statements: tuple[Statement, ...]
    public: bool
    asks_for_tags: bool

    def judge(self, action: str, resources: Sequence[str], facts: Facts) -> Verdict:
        """Deny where any statement denies, else Allow where any allows. resources: as above."""
        applying = [one.effect for one in self.statements if one.applies(action, resources, facts)]
        if Verdict.DENY in applying:
            return Verdict.DENY
        return Verdict.ALLOW if applying else Verdict.SILENT

    def check_bucket(self, spellings: Iterable[str]) -> None:
        """Raise MalformedPolicy for a resource that is not of the bucket that is so spelled."""
        names = list(spellings)
        for statement in self.statements:
            for glob in statement.resource_globs:
                bucket = _regex(glob.removeprefix(_ARN).partition("/")[0])
                if not any(bucket.fullmatch(name) for name in names):
                    _refuse(f"Policy has invalid resource: {glob} is not of this bucket.")


def resource(bucket: str, key: str | None) -> str:
    """The ARN of a bucket or of an object in it."""
    return f"{_ARN}{bucket}" if key is None else f"{_ARN}{bucket}/{key}"


@lru_cache(maxsize=512)
def parse(text: str) -> Policy:
    """The policy of that document. Raises MalformedPolicy: what is wrong, or not evaluated here."""
    if len(text.encode("utf-8", "replace")) > BYTES_MAX:
        _refuse("Policy exceeds the maximum allowed document size: 20,480 bytes.")
    try:
        form = json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        _refuse("Policies must be valid JSON and the first byte must be '{'")
    if not isinstance(form, dict):
        _refuse("Policies must be valid JSON and the first byte must be '{'")
    _only(form, _DOCUMENT, "the policy")
    if form.get("Version", _VERSIONS[-1]) not in _VERSIONS:
        _refuse(f"The policy must contain a valid version string: {' or '.join(_VERSIONS)}.")
    listed = form.get("Statement")
    rows = listed if isinstance(listed, list) else [listed]
    if not rows or not all(isinstance(row, dict) for row in rows):
        _refuse("Missing required field Statement")
    statements = tuple(map(_statement, rows))
    conditions = [one for statement in statements for one in statement.conditions]
    return Policy(
        statements,
        public=any(one.public for one in statements),
        asks_for_tags=any(one.key.startswith(EXISTING_TAG) for one in conditions),
    )


def _statement(row: Mapping[str, Any]) -> Statement:
    _only(row, _STATEMENT, "a statement")
    if not isinstance(row.get("Sid", ""), str):
        _refuse("Sid is a text.")
    effect = row.get("Effect")
    if effect not in (Verdict.ALLOW.value, Verdict.DENY.value):  # it may be no text at all
        _refuse(f"Invalid effect: {effect}")
    actions = _texts(row, "Action")
    for action in actions:
        _check_action(action, allowing=effect == Verdict.ALLOW)
    resources = _texts(row, "Resource")
    for one in resources:
        if one != "*" and not one.startswith(_ARN):
            _refuse(f"Policy has invalid resource: {one}; it begins with {_ARN}")
    return Statement(
        Verdict(effect),
        tuple(_principals(row.get("Principal"))),
        _regex(*(action.lower() for action in actions)),
        _regex(*resources),
        tuple(resources),
        tuple(_conditions(row.get("Condition", {}))),
    )


def _check_action(action: str, *, allowing: bool) -> None:
    glob = _regex(action.lower())
    rights = {right for name, right in RIGHT_BY_ACTION.items() if glob.fullmatch(name.lower())}
    if not rights:
        _refuse(f"Policy has invalid action: {action}")
    if allowing and rights.isdisjoint(ADDED_BY_POLICY):
        _refuse(
            f"{action} needs the right {' or '.join(sorted(rights))}, which no policy gives: "
            "only the grants of a key do."
        )


def _principals(value: Any) -> list[Principal]:
    if value == "*":
        return [Principal()]
    if not isinstance(value, dict) or not value:
        _refuse("Invalid principal in policy")
    found = []
    for kind in value:
        if kind not in {"AWS", "CanonicalUser"}:
            _refuse(f"Invalid principal in policy: {kind} is not evaluated by this server.")
        found += [_principal(text) for text in _texts(value, kind)]
    return found


def _principal(text: str) -> Principal:
    if text == "*":
        return Principal()
    match = _ACCOUNT_ARN.fullmatch(text)
    if match is None and not text.startswith("arn:") and "*" not in text:
        return Principal(text)
    if match is None or "*" in text:
        _refuse(
            f"Invalid principal in policy: {text}; write an account, arn:aws:iam::ACCOUNT:root or "
            "arn:aws:iam::ACCOUNT:user/KEYNAME."
        )
    return Principal(match[1], match[3])


def _conditions(form: Any) -> list[Condition]:
    if not isinstance(form, dict) or not all(isinstance(row, dict) for row in form.values()):
        _refuse("Condition is a table of operators, each with a table of keys.")
    return [
        _condition(operator, key, _values(row, key))
        for operator, row in form.items()
        for key in row
    ]


def _condition(operator: str, key: str, values: list[str]) -> Condition:
    name = known(key)
    if name is None:
        _refuse(f"Policy has an invalid condition key: {key} is not evaluated by this server.")
    plain = operator.removesuffix("IfExists")
    if plain == "Null" and operator == plain:
        if not set(values) <= {"true", "false"}:
            _refuse("Null takes true or false.")
        there = "false" in values
        return Condition(
            plain, name, tuple(values), (lambda _: there,), negated=False, without="true" in values
        )
    if plain not in _OPERATORS:
        _refuse(f"Invalid Condition type : {operator} is not evaluated by this server.")
    test_of, negated = _OPERATORS[plain]
    try:
        tests = tuple(map(test_of, values))
    except ValueError:
        _refuse(f"Invalid value of {operator} for {key}: {', '.join(values)}")
    return Condition(
        plain, name, tuple(values), tests, negated=negated, without=negated or operator != plain
    )


def _values(row: Mapping[str, Any], key: str) -> list[str]:
    listed = row[key] if isinstance(row[key], list) else [row[key]]
    shown = [str(one).lower() if isinstance(one, bool | int) else one for one in listed]
    if not shown or not all(isinstance(one, str) for one in shown):
        _refuse(f"The condition on {key} needs texts.")
    if any("${" in one for one in shown):
        _refuse(f"Policy variables are not evaluated by this server: {key}.")
    return shown


def _texts(row: Mapping[str, Any], name: str) -> list[str]:
    """A field that is a text or a list of them."""
    value = row.get(name)
    listed: list[Any] = value if isinstance(value, list) else [value]
    texts = [one for one in listed if isinstance(one, str) and one]
    if not listed or len(texts) < len(listed):
        _refuse(f"Missing required field {name}")
    if any("${" in one for one in texts):
        _refuse(f"Policy variables are not evaluated by this server: {name}.")
    return texts


def _only(form: Mapping[str, Any], names: frozenset[str], where: str) -> None:
    if unknown := sorted(form.keys() - names):
        _refuse(f"Unknown field {unknown[0]} in {where}: it is not evaluated by this server.")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    form = dict(pairs)
    if len(form) < len(pairs):
        raise ValueError("a name twice")
    return form


def _refuse(message: str) -> NoReturn:
    raise S3Error("MalformedPolicy", message)


def _regex(*globs: str) -> re.Pattern[str]:
    """What any of the globs matches: `*` any text, `?` any character."""
    return re.compile("|".join(map(glob_regex, globs)), re.DOTALL)


def _equals(wanted: str) -> Test:
    return lambda value: value == wanted


def _equals_ignoring_case(wanted: str) -> Test:
    return lambda value: value.lower() == wanted.lower()


def _like(wanted: str) -> Test:
    pattern = _regex(wanted)
    return lambda value: pattern.fullmatch(value) is not None


def _boolean(wanted: str) -> Test:
    if wanted.lower() not in {"true", "false"}:
        raise ValueError(wanted)
    return _equals_ignoring_case(wanted)


def _within(wanted: str) -> Test:
    network = ipaddress.ip_network(wanted, strict=False)

    def test(value: str) -> bool:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address) in network

    return test


def _compared(number: Callable[[str], float], holds: Callable[[float, float], bool]) -> Maker:
    def make(wanted: str) -> Test:
        limit = number(wanted)

        def test(value: str) -> bool:
            try:
                return holds(number(value), limit)
            except ValueError:
                return False

        return test

    return make


def _moment(text: str) -> float:
    if text.isdigit():
        return float(text)
    found = dates.parse(text)
    if found is None:
        raise ValueError(text)
    return found / 1000


_OPERATORS: Final[Mapping[str, tuple[Maker, bool]]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringEqualsIgnoreCase": (_equals_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_equals_ignoring_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "Bool": (_boolean, False),
    "IpAddress": (_within, False),
    "NotIpAddress": (_within, True),
} | {
    f"{kind}{name}": (_compared(number, holds), negated)
    for kind, number in (("Numeric", float), ("Date", _moment))
    for name, holds, negated in (
        ("Equals", op.eq, False),
        ("NotEquals", op.eq, True),
        ("LessThan", op.lt, False),
        ("LessThanEquals", op.le, False),
        ("GreaterThan", op.gt, False),
        ("GreaterThanEquals", op.ge, False),
    )
}
