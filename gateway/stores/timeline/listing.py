"""A page of a listing: one walk over a state that skips what is rolled up."""

from __future__ import annotations

from gateway.stores.timeline.state import State
from gateway.stores.timeline.tree import Nodes, Row

LAST = chr(0x10FFFF)
BEHIND_ALL = b"\xff"  # no UTF-8 begins with it


def page(
    nodes: Nodes, state: State, *, prefix: str, after: str, limit: int, delimiter: str
) -> tuple[list[Row], list[str], str | None]:
    """Rows, rolled-up prefixes, and where to go on (None: this was all). See Store.list."""
    rows: list[Row] = []
    prefixes: list[str] = []
    start = first_position(prefix, after, delimiter)
    last = ""
    while start is not None:
        following: str | None = None
        for row in state.rows(nodes, start):
            if not row.key.startswith(prefix):
                return rows, prefixes, None
            if len(rows) + len(prefixes) >= limit:
                return rows, prefixes, last if limit else None
            rolled = rolled_up(row.key, prefix, delimiter)
            if rolled is None:
                rows.append(row)
                last = row.key
                continue
            prefixes.append(rolled)
            last = rolled
            following = successor(rolled)
            break
        start = following
    return rows, prefixes, None


def raw(text: str) -> bytes:
    """The bytes that `text` is compared by, lone surrogates included: no key holds one."""
    return text.encode("utf-8", "surrogatepass")


def first_position(prefix: str, after: str, delimiter: str) -> str | None:
    """The least key that may be shown behind `after`; None where there is none.

    An `after` that is itself a rolled-up prefix skips all of it (seaweedfs#8089: its echo as a
    marker must not make the same page again).
    """
    if not after or after < prefix:
        return prefix
    rolled = rolled_up(after, prefix, delimiter)
    if rolled == after:
        return successor(rolled)
    return after + "\0"


def rolled_up(key: str, prefix: str, delimiter: str) -> str | None:
    """The common prefix `key` belongs to: to the first delimiter behind `prefix`; None for none."""
    if not delimiter or not key.startswith(prefix):
        return None
    at = key.find(delimiter, len(prefix))
    return None if at < 0 else key[: at + len(delimiter)]


def successor(prefix: str) -> str | None:
    """The least string behind all that begin with `prefix`; None where there is none."""
    stem = prefix.rstrip(LAST)
    if not stem:
        return None
    code = ord(stem[-1]) + 1
    # Surrogates are no characters of UTF-8.
    return stem[:-1] + chr(0xE000 if code == 0xD800 else code)
