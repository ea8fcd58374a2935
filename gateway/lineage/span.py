"""When a source was before whoever made a label, as the times in the label's body tell it.

Media are looked at while the task is open. A file of tasks (JSON, JSONL, Parquet) is read once, by
the source sync that makes tasks of it: what it says later reaches nobody's screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gateway.lineage.labelstudio import Annotation, Label
from gateway.lineage.reads import Read
from gateway.lineage.taskfiles import TASK_FILES

# Label Studio stamps an annotation when it has arrived, and the browser has stopped its count of
# the lead time as it was sent off.
SUBMIT_MS = 2_000
# An annotation is stamped twice as it is created; updated later than that, it was edited.
CREATE_MS = 1_000
# A sync makes the tasks of a file one by one once it has read all of it.
SYNC_MS = 10 * 60 * 1000
_READ_BY_SYNCS = (*TASK_FILES, ".parquet")


class Readers(Enum):
    """Whose reads say what was seen: of an annotator's screen, of a source sync, or nobody's."""

    SCREEN = "screen"
    SYNC = "sync"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when; ms by this gateway's clock.

    since_ms: reads from then on were made for this work. opened_ms: the work began.
    until_ms: nothing that was served later had a part in it.
    """

    since_ms: int
    opened_ms: int
    until_ms: int
    readers: Readers = Readers.SCREEN

    def covers(self, read: Read) -> bool:
        """Whether a read fell into it."""
        return self.since_ms <= read.time_ms <= self.until_ms


def span_of(label: Label, key: str, put_ms: int, reads: Sequence[Read]) -> Span | None:
    """The span of the source `key`; None where the body has no times.

    reads: of that key. They tell a file that tasks were made of from one that is looked at.
    """
    seen = viewed(label, put_ms)
    if not key.lower().endswith(_READ_BY_SYNCS):
        return seen
    sync = synced(label, put_ms)
    if sync is None:
        return seen
    by_sync = any(sync.covers(read) and not read.presigned for read in reads)
    by_screen = seen is not None and any(map(seen.covers, reads))
    return seen if by_screen and not by_sync else sync


def viewed(label: Label, put_ms: int) -> Span | None:
    """The span of what was on the annotator's screen for the annotation that was saved last."""
    newest, saved = label.newest, _saved(label)
    if newest is None or saved is None:
        return None
    opened = _opened(newest, saved)
    if label.task_created_ms is not None:
        opened = max(opened, label.task_created_ms)
    opened = min(opened, saved)
    ahead = _ahead(label, put_ms)
    readers = Readers.SCREEN if newest.viewed else Readers.NOBODY
    return Span(opened - ahead, opened - ahead, saved - ahead, readers)


def synced(label: Label, put_ms: int) -> Span | None:
    """The span of the source sync that made the task; None where the body does not say when."""
    if label.task_created_ms is None:
        return None
    made = label.task_created_ms - _ahead(label, put_ms)
    return Span(made - SYNC_MS, made, made, Readers.SYNC)


def _opened(annotation: Annotation, saved: int) -> int:
    """When the annotator began, at the earliest."""
    begun = saved - int((annotation.lead_time_s or 0) * 1000) - SUBMIT_MS
    created = annotation.created_ms or saved
    if saved - created >= CREATE_MS:
        # The lead time of an edit holds that of the work before it too.
        return max(begun, created)
    if annotation.drafted_ms is not None:
        return min(begun, annotation.drafted_ms)
    return begun


def _ahead(label: Label, put_ms: int) -> int:
    """By how much Label Studio's clock is ahead at least: it saves before it writes."""
    saved = _saved(label)
    return 0 if saved is None else max(0, saved - put_ms)


def _saved(label: Label) -> int | None:
    newest = label.newest
    return None if newest is None else newest.updated_ms or newest.created_ms
