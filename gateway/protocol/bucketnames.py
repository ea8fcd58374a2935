"""The names that AWS gives a general purpose bucket (user guide, "Bucket naming rules").

Ours may have more: `_`, capitals, and more than 63 characters. Who wants names that would do at AWS
as well, asks for these.
"""

from __future__ import annotations

import re

CHARS_MAX = 63
_CHARACTERS = re.compile(r"[a-z0-9.-]+")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def complaint(name: str) -> str | None:
    """Which of AWS's rules a bucket's name breaks; None for none."""
    if len(name) > CHARS_MAX:
        return f"it has more than {CHARS_MAX} characters"
    if _CHARACTERS.fullmatch(name) is None:
        return "it has other characters than lower-case letters, digits, dots and hyphens"
    if not all(part and part[0] != "-" and part[-1] != "-" for part in name.split(".")):
        return "each part between dots begins and ends with a letter or digit"
    if _ADDRESS.fullmatch(name) is not None:
        return "it is written like an IP address"
    if name.startswith(_RESERVED_PREFIXES) or name.endswith(_RESERVED_SUFFIXES):
        return "its beginning or its end is reserved"
    return None
