"""The read log: which versions this gateway has served from branches lately, and when.

A branch's name says nothing of what somebody saw through it: the bytes that were served do. A read
is a GET that was answered with bytes, or with 304 as they were in the reader's hands already;
one of a version that was named, or of a commit or tag, is certain without being remembered.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

from gateway.lineage.taskfiles import TASK_FILES
from gateway.versioning.model import ObjectInfo, RefKind, Snapshot
from gateway.versioning.names import CommitId

READS_MAX = 50_000
READS_MAX_OF_ONE = 64
AGE_MS_MAX = 7 * 24 * 3600 * 1000
FILE_READS_MAX = 20_000


class Place(NamedTuple):
    """An object as its readers name it."""

    project: str
    repo: str
    branch: str
    key: str


class Read(NamedTuple):
    """One read. key_name: of the key that signed. presigned: by a link, as browsers are given."""

    time_ms: int
    version: CommitId
    key_name: str
    presigned: bool


Heard = Callable[[Place, Read], None]


def _nobody(_place: Place, _read: Read) -> None:
    pass


class ReadLog:
    """The latest reads by object, bounded by age and number; the objects read least lately go.

    whole: nobody else serves these branches, so that what is not in here was not served.
    heard: told of each read as it is noted.
    """

    def __init__(
        self, *, whole: bool = True, heard: Heard = _nobody, reads_max: int = READS_MAX
    ) -> None:
        self.whole = whole
        self._heard = heard
        self._reads_max = reads_max
        self._places: OrderedDict[Place, deque[Read]] = OrderedDict()
        self._count = 0
        self._file_reads: list[tuple[int, Place, Read]] = []

    def __len__(self) -> int:
        return self._count

    def served(self, at: Snapshot, info: ObjectInfo, read_by: str, *, link: bool, ms: int) -> None:
        """Note that `info` was served from `at`. O(1): it is on the way of every GET."""
        if at.kind is RefKind.BRANCH:
            self.note(place_of(at, info.key), Read(ms, info.version, read_by, link))

    def note(self, place: Place, read: Read) -> None:
        """Take in a read that is later than those before it."""
        self.recall(place, read)
        self._heard(place, read)

    def recall(self, place: Place, read: Read) -> None:
        """Take in a read that was noted before, without telling of it again."""
        reads = self._places.get(place)
        if reads is None:
            reads = self._places[place] = deque(maxlen=READS_MAX_OF_ONE)
        else:
            self._places.move_to_end(place)
        self._count += len(reads) < READS_MAX_OF_ONE
        reads.append(read)
        if not read.presigned and place.key.endswith(TASK_FILES):
            self._file_reads.append((read.time_ms, place, read))
            if len(self._file_reads) > FILE_READS_MAX:
                del self._file_reads[: FILE_READS_MAX // 2]
        while self._count > self._reads_max or self._oldest < read.time_ms - AGE_MS_MAX:
            self._count -= len(self._places.popitem(last=False)[1])

    def of(self, place: Place) -> Sequence[Read]:
        """The reads of an object, oldest first."""
        return tuple(self._places.get(place, ()))

    def of_files(self, since_ms: int, until_ms: int) -> Sequence[tuple[Place, Read]]:
        """The reads of files of tasks in that time, as a source sync makes them, oldest first."""
        times = self._file_reads
        first = bisect_left(times, since_ms, key=itemgetter(0))
        last = bisect_right(times, until_ms, key=itemgetter(0))
        return [(place, read) for _, place, read in times[first:last]]

    @property
    def _oldest(self) -> int:
        """When the object was read that was read least lately."""
        return next(iter(self._places.values()))[-1].time_ms


def place_of(at: Snapshot, key: str) -> Place:
    """The object `key` of the branch `at`."""
    repo = at.repo.name
    return Place(repo.project, repo.name, at.ref or "", key)
