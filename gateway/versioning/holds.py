"""What keeps a version from being erased: a legal hold, and a retention until a day. Pure.

Both are side state of the version: `hold` is true while it lasts; `retention` is
`{"mode": "governance" | "compliance", "until": ms since 1970 UTC}`.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from gateway.versioning.model import Json

HOLD = "hold"
RETENTION = "retention"


class Mode(StrEnum):
    """Whether somebody may do it all the same (governance) or nobody may (compliance)."""

    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


def refusal(side: Json, now_ms: int, *, bypass: bool) -> str | None:
    """Why that version must not be erased now; None where nothing keeps it.

    bypass: the caller may pass a retention of mode governance, and says so.
    """
    if side.get(HOLD):
        return "a legal hold is on it"
    retention = side.get(RETENTION)
    if not retention or int(retention["until"]) <= now_ms:
        return None
    if bypass and retention["mode"] == Mode.GOVERNANCE:
        return None
    until = dt.datetime.fromtimestamp(int(retention["until"]) // 1000, dt.UTC)
    return f"it is kept in mode {retention['mode']} until {until:%Y-%m-%dT%H:%M:%SZ}"


def loosening(side: Json, changes: Json, now_ms: int, *, bypass: bool) -> str | None:
    """Why that side state must not be changed so; None where nothing keeps it.

    A retention may always be longer. bypass: as in refusal.
    """
    old, new = side.get(RETENTION), changes.get(RETENTION)
    if not old or RETENTION not in changes:
        return None
    if new and new["mode"] == old["mode"] and new["until"] >= old["until"]:
        return None
    return refusal({RETENTION: old}, now_ms, bypass=bypass)
