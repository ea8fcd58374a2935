"""A page of the uploads under way, with keys rolled up by a delimiter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.stores.timeline.listing import first_position, rolled_up, successor
from gateway.versioning.model import Upload, UploadPage


class UnderWay(Protocol):
    """Some uploads, by key, then by age."""

    def __call__(
        self, *, prefix: str, start: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[Upload]:
        """Those whose key begins with `prefix` and is >= start, or that come behind `after`."""


def page(
    under_way: UnderWay,
    *,
    prefix: str,
    after_key: str,
    after_upload: str,
    limit: int,
    delimiter: str,
) -> UploadPage:
    """See Store.uploads. Cost: a question for each rolled-up prefix and for each page."""
    shown: list[Upload] = []
    prefixes: list[str] = []
    after = (after_key, after_upload) if after_key and after_upload else None
    start = after_key if after else first_position(prefix, after_key, delimiter)
    while start is not None:
        room = limit - len(shown) - len(prefixes)
        found = under_way(prefix=prefix, start=start, after=after, limit=room + 1)
        after = None
        start = None
        for upload in found:
            if len(shown) + len(prefixes) >= limit:
                return _cut(shown, prefixes)
            rolled = rolled_up(upload.key, prefix, delimiter)
            if rolled is None:
                shown.append(upload)
                continue
            prefixes.append(rolled)
            start = successor(rolled)
            break
    return UploadPage(tuple(shown), tuple(prefixes))


def _cut(shown: list[Upload], prefixes: list[str]) -> UploadPage:
    """A full page; it goes on behind its last row, which is the greater of the two kinds'."""
    last = shown[-1] if shown else None
    if prefixes and (last is None or prefixes[-1] > last.key):
        return UploadPage(tuple(shown), tuple(prefixes), prefixes[-1], None)
    if last is None:
        return UploadPage((), ())
    return UploadPage(tuple(shown), tuple(prefixes), last.key, last.id)
