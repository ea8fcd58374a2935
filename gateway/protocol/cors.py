"""CORS: which pages of other origins a browser lets read answers of ours.

A bucket's rules decide; the first that matches counts. A bucket without rules lets every origin
read: nothing here is guarded by cookies, and Label Studio's pages have to.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gateway.protocol.documents import Element, optional, parse, rows
from gateway.protocol.errors import S3Error, escape
from gateway.protocol.responses import document

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
EXPOSED = (
    "Content-Length, Content-Range, Accept-Ranges, Content-Type, ETag, Last-Modified, "
    "x-amz-version-id, x-amz-delete-marker, x-amz-request-id, x-amz-id-2, x-labelgate-commit"
)
PREFLIGHT_SECONDS = 3000
RULES_MAX = 100
ID_CHARS_MAX = 255
_ANY = "*"
_METHOD, _HEADERS = "access-control-request-method", "access-control-request-headers"
_VARY = ("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
Headers = tuple[tuple[str, str], ...]

REFUSED: Headers = (_VARY,)
"""Of a preflight that is refused: nothing that a page may do."""

# Where a bucket has no rules. A cached answer without these would be served to a page that needs
# them, hence on every answer (HumanSignal/label-studio#4284).
ALWAYS: Headers = (
    ("access-control-allow-origin", _ANY),
    ("access-control-expose-headers", EXPOSED),
    ("vary", "Origin"),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One CORSRule. seconds: how long a browser may remember it; None: not said."""

    methods: tuple[str, ...]
    origins: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    seconds: int | None = None
    id: str | None = None

    def matches(self, origin: str, method: str, headers: Iterable[str]) -> bool:
        """Whether it lets `origin` send that method with these headers."""
        return (
            method in self.methods
            and any(_matches(pattern, origin) for pattern in self.origins)
            and all(
                any(_matches(pattern.lower(), name.lower()) for pattern in self.headers)
                for name in headers
            )
        )

    def to_json(self) -> dict[str, Any]:
        """The form that a bucket keeps."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value is not None and value != ()
        }

    @classmethod
    def from_json(cls, form: Mapping[str, Any]) -> Rule:
        """The inverse of to_json."""
        lists = {name: tuple(value) for name, value in form.items() if isinstance(value, list)}
        return cls(**{**form, **lists})


def parse_rules(body: bytes) -> list[Rule]:
    """The rules of a CORSConfiguration. Raises MalformedXML, InvalidRequest."""
    listed = rows(parse(body, "CORSConfiguration"), "CORSRule")
    if not listed:
        raise S3Error("MalformedXML")
    if len(listed) > RULES_MAX:
        raise S3Error(
            "InvalidRequest",
            f"The number of CORS rules should not exceed allowed limit of {RULES_MAX} rules.",
        )
    return [_rule(row) for row in listed]


def render(rules: Iterable[Rule]) -> bytes:
    """CORSConfiguration."""
    return document("CORSConfiguration", "".join(_rendered(rule) for rule in rules))


def answer(
    rules: Sequence[Rule] | None, method: str, request_headers: Mapping[str, str]
) -> Headers:
    """What any answer says to the page that asked. rules: None where the bucket has none."""
    if rules is None:
        return ALWAYS
    origin = request_headers.get("origin")
    # Some pages announce the method of the request that the answer is for (as in a preflight).
    asked = request_headers.get(_METHOD, method)
    for rule in rules if origin else ():
        if rule.matches(origin or "", asked, ()):
            return _granted(rule, origin or "")
    return (("vary", "Origin"),)


def preflight(rules: Sequence[Rule] | None, request_headers: Mapping[str, str]) -> Headers:
    """What a browser is told that asks before it sends.

    Raises BadRequest (no origin, or no method that there is), AccessForbidden.
    """
    origin = request_headers.get("origin")
    if not origin:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    method = request_headers.get(_METHOD, "")
    if not method:
        raise S3Error("BadRequest", "Invalid Access-Control-Request-Method: null")
    asked = [one.strip().lower() for one in request_headers.get(_HEADERS, "").split(",")]
    names = [name for name in asked if name]
    allowed = (("access-control-allow-headers", ", ".join(names)),) if names else ()
    if rules is None:
        if method not in METHODS:
            raise _forbidden(method)
        return (
            *ALWAYS[:2],
            ("access-control-allow-methods", ", ".join(METHODS)),
            *allowed,
            ("access-control-max-age", str(PREFLIGHT_SECONDS)),
            _VARY,
        )
    for rule in rules:
        if rule.matches(origin, method, names):
            return (*_granted(rule, origin)[:-1], *allowed, _VARY)
    raise _forbidden(method)


def _granted(rule: Rule, origin: str) -> Headers:
    everybody = _ANY in rule.origins
    return (
        ("access-control-allow-origin", _ANY if everybody else origin),
        ("access-control-allow-methods", ", ".join(rule.methods)),
        *((("access-control-expose-headers", ", ".join(rule.exposed)),) if rule.exposed else ()),
        *((("access-control-allow-credentials", "true"),) if not everybody else ()),
        *((("access-control-max-age", str(rule.seconds)),) if rule.seconds is not None else ()),
        ("vary", "Origin"),
    )


def _matches(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern`, whose one `*` stands for anything."""
    start, star, end = pattern.partition(_ANY)
    if not star:
        return text == pattern
    return len(text) >= len(start) + len(end) and text.startswith(start) and text.endswith(end)


def _forbidden(method: str) -> S3Error:
    return S3Error("AccessForbidden", Method=method, ResourceType="OBJECT")


def _rule(row: Element) -> Rule:
    methods, origins = _texts(row, "AllowedMethod"), _texts(row, "AllowedOrigin")
    if not methods or not origins:
        raise S3Error("MalformedXML")
    for method in methods:
        if method not in METHODS:
            raise S3Error(
                "InvalidRequest",
                "Found unsupported HTTP method in CORS config. Unsupported method is "
                f"{method[:ID_CHARS_MAX]}",
            )
    headers, exposed = _texts(row, "AllowedHeader"), _texts(row, "ExposeHeader")
    for name, patterns in (("AllowedOrigin", origins), ("AllowedHeader", headers)):
        for pattern in patterns:
            _check_value(name, pattern)
            if pattern.count(_ANY) > 1:
                raise S3Error(
                    "InvalidRequest", f'{name} "{pattern}" can not have more than one wildcard.'
                )
    for header in exposed:
        _check_value("ExposeHeader", header)
        if _ANY in header:
            raise S3Error(
                "InvalidRequest",
                f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard '
                "for ExposeHeader.",
            )
    rule_id = optional(row, "ID")
    if rule_id is not None and len(rule_id) > ID_CHARS_MAX:
        raise S3Error(
            "InvalidRequest", f"The ID of a CORS rule is at most {ID_CHARS_MAX} characters long."
        )
    return Rule(methods, origins, headers, exposed, _seconds(row), rule_id)


def _check_value(name: str, value: str) -> None:
    """What a rule says comes back in headers, where a line end would begin another one."""
    if not value.isascii() or not value.isprintable():
        raise S3Error("InvalidRequest", f"{name} must be printable ASCII.")


def _seconds(row: Element) -> int | None:
    text = optional(row, "MaxAgeSeconds")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise S3Error("MalformedXML")
    return int(text)


def _texts(row: Element, name: str) -> tuple[str, ...]:
    found = row.get(name, [])
    values = found if isinstance(found, list) else [found]
    texts = tuple(value for value in values if isinstance(value, str) and value)
    if len(texts) != len(values):
        raise S3Error("MalformedXML")
    return texts


def _rendered(rule: Rule) -> str:
    seconds = "" if rule.seconds is None else f"<MaxAgeSeconds>{rule.seconds}</MaxAgeSeconds>"
    return (
        "<CORSRule>"
        + ("" if rule.id is None else f"<ID>{escape(rule.id)}</ID>")
        + _elements("AllowedMethod", rule.methods)
        + _elements("AllowedOrigin", rule.origins)
        + _elements("AllowedHeader", rule.headers)
        + _elements("ExposeHeader", rule.exposed)
        + seconds
        + "</CORSRule>"
    )


def _elements(name: str, values: Iterable[str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for value in values)
