"""What is doubtful about the lineage of an object: findings on the sources of its record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.lineage.evidence import Evidence
from gateway.lineage.standing import Standing, Standings
from gateway.lineage.written import Used, used
from gateway.versioning.model import Json

_WEAK = frozenset({Evidence.HEAD_AT_PUT, Evidence.EXTERNAL})


class Doubt(StrEnum):
    """What is found wanting.

    STALE: the source's URI names another version today. DANGLING: it names nothing today, or the
    version that was used is erased. WEAK: the version is a guess, or not known of a source
    elsewhere. MISSING: there was no such source when the object was written. CHANGED_DURING: the
    source was replaced while the work was going on.
    """

    STALE = "stale"
    DANGLING = "dangling"
    WEAK = "weak"
    MISSING = "missing"
    CHANGED_DURING = "changed-during"


@dataclass(frozen=True, slots=True)
class Found:
    """One doubt about one source."""

    doubt: Doubt
    source: Used


async def doubts(record: Json, standings: Standings) -> list[Found]:
    """What is doubtful about each source of a record. Cost: see Standings, a source."""
    found = []
    for source in used(record):
        standing = await standings.of(source)
        found += [Found(doubt, source) for doubt in _of_one(source, standing)]
    return found


def _of_one(source: Used, standing: Standing | None) -> Iterator[Doubt]:
    if standing is Standing.STALE:
        yield Doubt.STALE
    elif standing is Standing.GONE:
        yield Doubt.DANGLING
    if source.evidence in _WEAK and source.version_id is None:
        yield Doubt.WEAK
    elif source.evidence == Evidence.MISSING:
        yield Doubt.MISSING
    if source.changed_during:
        yield Doubt.CHANGED_DURING
