"""The rule that chooses which version of a source was worked with, and says how sure that is.

Pure: what was served, what the branch had and when are given to it. The best evidence there is
wins, in the order of gateway.lineage.evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.lineage.evidence import Evidence
from gateway.lineage.reads import Read
from gateway.lineage.span import Readers, Span
from gateway.versioning.names import CommitId


@dataclass(frozen=True, slots=True)
class Turn:
    """From since_ms on the branch's head had that version of the key; None: it had none."""

    since_ms: int
    version: CommitId | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A version and its evidence; no version where it is missing.

    read_ms: when it was served, where that is the evidence.
    changed_during: the branch got another version of the source after the work had begun.
    """

    evidence: Evidence
    version: CommitId | None = None
    read_ms: int | None = None
    changed_during: bool = False


def choose(
    turns: Sequence[Turn],
    span: Span | None,
    reads: Sequence[Read] = (),
    *,
    whole: bool = True,
    key_name: str = "",
) -> Choice:
    """The version of a branch's object that was worked with.

    turns: newest first, from the head as the write came back to the span's beginning, as far as
        known; one at least.
    span: when the work was; None: not known. reads: of that object, oldest first.
    whole: see ReadLog. key_name: of the key that signed the write.
    """
    now = turns[0].version
    if span is None:
        return Choice(Evidence.MISSING if now is None else Evidence.HEAD_AT_PUT, now)
    changed = any(turn.since_ms > span.opened_ms for turn in turns)
    at_open = next((turn.version for turn in turns if turn.since_ms <= span.opened_ms), None)
    read = _last(reads, span, key_name)
    if read is not None and span.covers(read):
        return Choice(Evidence.OBSERVED, read.version, read.time_ms, changed)
    # Another gateway may have served a newer version since.
    if read is not None and (whole or read.version == at_open):
        return Choice(Evidence.OBSERVED_BEFORE, read.version, read.time_ms, changed)
    if at_open is not None:
        return Choice(Evidence.HEAD_AT_OPEN, at_open, changed_during=changed)
    if now is not None:
        return Choice(Evidence.HEAD_AT_PUT, now, changed_during=changed)
    return Choice(Evidence.MISSING, changed_during=changed)


def _last(reads: Sequence[Read], span: Span, key_name: str) -> Read | None:
    """The last read, before the work was saved, of those that tell most of what was seen.

    On a screen: those by links, which only browsers follow; else those by the writer's key, which
    is Label Studio passing on what it fetched; else anybody's.
    """
    past = [read for read in reads if read.time_ms <= span.until_ms]
    by_link = [read for read in past if read.presigned]
    by_key = [read for read in past if not read.presigned]
    by_writer = [read for read in by_key if read.key_name == key_name]
    match span.readers:
        case Readers.SCREEN:
            counted = by_link or by_writer or by_key
        case Readers.SYNC:
            counted = by_writer or by_key
        case Readers.NOBODY:
            counted = []
    return counted[-1] if counted else None
