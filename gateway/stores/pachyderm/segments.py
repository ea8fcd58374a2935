"""Segments: many commits in one file, from which a new replica fills its index.

gzip of JSON lines: one that says what it is, then one for each commit, parents first.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence

from gateway.stores.pachyderm.codec import recorded_form, recorded_from
from gateway.stores.pachyderm.words import Recorded

_HEADER = {"labelgate": "segment", "v": 1}
_LEVEL = 6


def encode(commits: Sequence[Recorded]) -> bytes:
    """The file of these commits; the same ones give the same bytes.

    Takes about 20 us a commit: of thousands, in a thread.
    """
    forms = [_HEADER, *map(recorded_form, commits)]
    text = "".join(json.dumps(form, separators=(",", ":")) + "\n" for form in forms)
    return gzip.compress(text.encode(), _LEVEL, mtime=0)


def decode(data: bytes) -> list[Recorded]:
    """The inverse of encode. Raises ValueError where it is damaged or of another version."""
    try:
        header, *lines = gzip.decompress(data).decode().splitlines()
        if json.loads(header) != _HEADER:
            raise ValueError(f"a segment of another version: {header[:80]!r}")
        return [recorded_from(json.loads(line)) for line in lines]
    except (OSError, EOFError, zlib.error, RecursionError, AttributeError) as error:
        raise ValueError(f"a damaged segment: {type(error).__name__}") from error
