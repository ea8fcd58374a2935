"""What a label's lineage comes to in three header values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.lineage.labelstudio import Label
from gateway.lineage.resolve import Source

SOURCES_BYTES_MAX = 1024
MORE = "..."


def summary(label: Label | None, sources: Sequence[Source]) -> dict[str, str]:
    """author, sources and evidence; what there is nothing to say of is left out.

    author: Label Studio's id of the user who saved last.
    sources: comma-separated, each at its exact version where that is known, percent-encoded.
    evidence: the words that hold for them, comma-separated, each once, in the sources' order.
    """
    values: dict[str, str] = {}
    newest = label and label.newest
    if newest and newest.annotator is not None:
        values["author"] = str(newest.annotator)
    if sources:
        values["sources"] = _cut(source.exact_uri.encoded for source in sources)
        values["evidence"] = ",".join(dict.fromkeys(source.evidence for source in sources))
    return values


def _cut(texts: Iterable[str]) -> str:
    """As many whole texts as fit, and `...` where some do not."""
    shown: list[str] = []
    left = SOURCES_BYTES_MAX - len(MORE)
    for text in texts:
        left -= len(text) + 1
        if left < 0:
            return ",".join([*shown, MORE])
        shown.append(text)
    return ",".join(shown)
