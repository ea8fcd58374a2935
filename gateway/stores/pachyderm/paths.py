"""Keys as paths of PFS and back.

PFS takes printable ASCII without its glob characters, folds empty, `.` and `..` segments, and
cannot be asked for a name that holds a backslash. What it does not take is percent-encoded, so that
ordinary names stay as they are and every key comes back.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_ENCODED = re.compile(r"[\\*?\[\]{}!()@+^%\x00-\x1f\x7f-\U0010ffff]")
_EMPTY = "%-"
"""An empty segment. No character encodes to it, so it cannot be anything else."""
_SEGMENTS = {"": _EMPTY, ".": "%2E", "..": "%2E%2E"}


def escape(key: str) -> str:
    """The path that holds `key`, from the root: `/a/b`. Different keys have different paths.

    Raises ValueError for an empty key, which would be the root itself.
    """
    if not key:
        raise ValueError("an empty key has no path")
    return "".join(f"/{_escape_segment(segment)}" for segment in key.split("/"))


def unescape(path: str) -> tuple[str, bool]:
    """The key of a path, and whether `escape` makes that path of it.

    A path that is not of our making shows under its own name, without the leading slash.
    """
    name = path.removeprefix("/")
    try:
        key = "/".join(_unescape_segment(segment) for segment in name.split("/"))
    except UnicodeDecodeError:
        return name, False
    return (key, True) if key and escape(key) == path else (name, False)


def ancestors(key: str) -> list[str]:
    """The keys that `key` lies beneath, outermost first: none of them can be a file beside it."""
    return [key[:at] for at, character in enumerate(key) if character == "/" and at]


def _escape_segment(segment: str) -> str:
    return _SEGMENTS.get(segment) or _ENCODED.sub(_percent, segment)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def _unescape_segment(segment: str) -> str:
    return "" if segment == _EMPTY else unquote_to_bytes(segment).decode()
