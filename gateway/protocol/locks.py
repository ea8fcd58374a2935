"""Object lock: a bucket's default retention, an object's retention and its legal hold.

Modes are S3's own words. What holds a version back, and for how long, is the domain's to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.protocol import dates
from gateway.protocol.documents import child, optional, parse, required
from gateway.protocol.errors import S3Error
from gateway.protocol.responses import document

GOVERNANCE = "GOVERNANCE"
COMPLIANCE = "COMPLIANCE"
MODE_HEADER = "x-amz-object-lock-mode"
UNTIL_HEADER = "x-amz-object-lock-retain-until-date"
HOLD_HEADER = "x-amz-object-lock-legal-hold"
BYPASS_HEADER = "x-amz-bypass-governance-retention"
ENABLED_HEADER = "x-amz-bucket-object-lock-enabled"
_MODES = (GOVERNANCE, COMPLIANCE)
_DAYS_MAX, _YEARS_MAX = 36_500, 100
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class DefaultRetention:
    """What new versions of a bucket are kept for: days or years, one of which is 0."""

    mode: str
    days: int = 0
    years: int = 0

    def until(self, now_ms: int) -> int:
        """When a retention ends that begins now, in ms; a year has 365 days, as at AWS."""
        return now_ms + (self.days + 365 * self.years) * _DAY_MS


@dataclass(frozen=True, slots=True)
class Retention:
    """A version is kept until then, in ms."""

    mode: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Lock:
    """What a write says of its object. hold: None where it says nothing."""

    retention: Retention | None
    hold: bool | None


def parse_configuration(body: bytes) -> DefaultRetention | None:
    """The default retention of an ObjectLockConfiguration; None where it has no rule.

    Raises MalformedXML, InvalidRetentionPeriod.
    """
    form = parse(body, "ObjectLockConfiguration")
    if optional(form, "ObjectLockEnabled") not in {None, "Enabled"}:
        raise S3Error("MalformedXML")
    rule = child(form, "Rule")
    if rule is None:
        return None
    default = child(rule, "DefaultRetention")
    if default is None:
        raise S3Error("MalformedXML")
    mode = _mode(required(default, "Mode"))
    days, years = optional(default, "Days"), optional(default, "Years")
    if (days is None) == (years is None):
        raise S3Error("MalformedXML")
    return DefaultRetention(mode, _period(days, _DAYS_MAX), _period(years, _YEARS_MAX))


def render_configuration(default: DefaultRetention | None) -> bytes:
    """ObjectLockConfiguration of a bucket that has object lock."""
    rule = ""
    if default is not None:
        period = (
            f"<Days>{default.days}</Days>" if default.days else f"<Years>{default.years}</Years>"
        )
        rule = (
            f"<Rule><DefaultRetention><Mode>{default.mode}</Mode>{period}</DefaultRetention></Rule>"
        )
    return document(
        "ObjectLockConfiguration", f"<ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}"
    )


def parse_retention(body: bytes, now_ms: int) -> Retention | None:
    """A Retention document; None where it is empty, which ends one.

    Raises MalformedXML, InvalidArgument (a day that is past).
    """
    form = parse(body, "Retention")
    mode, until = optional(form, "Mode"), optional(form, "RetainUntilDate")
    if mode is None and until is None:
        return None
    if mode is None or until is None:
        raise S3Error("MalformedXML")
    until_ms = dates.parse(until)
    if until_ms is None:
        raise S3Error("MalformedXML")
    return Retention(_mode(mode), _future(until_ms, until, now_ms))


def render_retention(retention: Retention) -> bytes:
    """Retention."""
    return document(
        "Retention",
        f"<Mode>{retention.mode}</Mode>"
        f"<RetainUntilDate>{dates.iso(retention.until_ms)}</RetainUntilDate>",
    )


def parse_legal_hold(body: bytes) -> bool:
    """Whether a LegalHold document puts one on. Raises MalformedXML."""
    status = required(parse(body, "LegalHold"), "Status")
    if status not in {"ON", "OFF"}:
        raise S3Error("MalformedXML")
    return status == "ON"


def render_legal_hold(on: bool) -> bytes:
    """LegalHold."""
    return document("LegalHold", f"<Status>{_on(on)}</Status>")


def of_write(headers: Mapping[str, str], now_ms: int) -> Lock:
    """What the headers of a write say. Raises InvalidArgument."""
    mode, until, hold = (headers.get(name) for name in (MODE_HEADER, UNTIL_HEADER, HOLD_HEADER))
    if (mode is None) != (until is None):
        raise _invalid(
            f"{UNTIL_HEADER} and {MODE_HEADER} must both be supplied",
            MODE_HEADER if mode is None else UNTIL_HEADER,
            "",
        )
    if hold not in {None, "ON", "OFF"}:
        raise _invalid("Legal Hold must be either of 'ON' or 'OFF'", HOLD_HEADER, str(hold))
    retention = None
    if mode is not None and until is not None:
        retention = _retention(mode, until, now_ms)
    return Lock(retention, None if hold is None else hold == "ON")


def shown(retention: Retention | None, hold: bool | None) -> list[tuple[str, str]]:
    """The headers that tell a reader of it."""
    headers = []
    if retention is not None:
        headers += [(MODE_HEADER, retention.mode), (UNTIL_HEADER, dates.iso(retention.until_ms))]
    if hold is not None:
        headers.append((HOLD_HEADER, _on(hold)))
    return headers


def asks_bypass(headers: Mapping[str, str]) -> bool:
    """Whether the caller wants a retention in governance mode not to count."""
    return headers.get(BYPASS_HEADER, "").lower() == "true"


def _retention(mode: str, until: str, now_ms: int) -> Retention:
    if mode not in _MODES:
        raise _invalid("Unknown wormMode directive.", MODE_HEADER, mode)
    until_ms = dates.parse(until)
    if until_ms is None:
        raise _invalid(
            "The retain until date must be provided in ISO 8601 format", UNTIL_HEADER, until
        )
    return Retention(mode, _future(until_ms, until, now_ms))


def _mode(text: str) -> str:
    if text not in _MODES:
        raise S3Error("MalformedXML")
    return text


def _period(text: str | None, most: int) -> int:
    if text is None:
        return 0
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise S3Error("MalformedXML")
    if int(text) <= 0:
        raise S3Error("InvalidRetentionPeriod")
    if int(text) > most:
        raise S3Error("InvalidRetentionPeriod", f"Default retention period is at most {most}.")
    return int(text)


def _future(until_ms: int, text: str, now_ms: int) -> int:
    if until_ms <= now_ms:
        raise _invalid("The retain until date must be in the future!", UNTIL_HEADER, text)
    return until_ms


def _invalid(message: str, name: str, value: str) -> S3Error:
    return S3Error("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)


def _on(hold: bool) -> str:
    return "ON" if hold else "OFF"
