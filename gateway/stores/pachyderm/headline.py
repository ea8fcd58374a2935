"""What people read of a commit of ours where Pachyderm lists it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gateway.stores.pachyderm.words import Written
from gateway.versioning.model import About, ChangeKind

_NAME_CHARS_MAX = 100
_NAMES_MAX = 3


def headline(requests: Sequence[tuple[About, Sequence[Written]]]) -> str:
    """What people read in a log: `labelgate: 2 puts by ann`."""
    kinds = Counter(
        ChangeKind.PUT if change.kind is ChangeKind.PUT else ChangeKind.DELETE
        for _, changes in requests
        for change in changes
    )
    names = list(dict.fromkeys(_readable(about.author) for about, _ in requests if about.author))
    shown = ", ".join(names[:_NAMES_MAX])
    if len(names) > _NAMES_MAX:
        shown += f" and {len(names) - _NAMES_MAX} more"
    counts = [
        f"{kinds[kind]} {kind.value}{'' if kinds[kind] == 1 else 's'}"
        for kind in (ChangeKind.PUT, ChangeKind.DELETE)
        if kinds[kind]
    ]
    what = ", ".join(counts) or ", ".join(dict.fromkeys(about.kind for about, _ in requests))
    return f"labelgate: {_readable(what) or 'nothing'}" + (f" by {shown}" if shown else "")


def _readable(text: str) -> str:
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable.encode("utf-8", "replace").decode()[:_NAME_CHARS_MAX]
