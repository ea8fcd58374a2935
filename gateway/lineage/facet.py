"""`labelgate_lineage`: the OpenLineage facet that names each object with its sources' versions.

Its schema is schemas/<version>/LabelgateLineageDatasetFacet.json; one that has been sent is never
changed, a new form gets a new version.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from gateway.lineage.written import Used, Written
from gateway.versioning.model import ChangeKind, Json

NAME = "labelgate_lineage"
SCHEMA_URL = (
    "urn:labelgate:openlineage:1-0-0:LabelgateLineageDatasetFacet"
    "#/$defs/LabelgateLineageDatasetFacet"
)
OBJECTS_MAX = 1000
SOURCES_MAX = 100
"""Of one object. Receivers take a few MB; everything is told by labelgate itself."""

# What the record's fields are called here, where names are in camel case.
_NAMES = {
    "layout": "layout",
    "project": "projectId",
    "task": "taskId",
    "annotation": "annotationId",
    "annotator": "annotatorId",
    "lead_time": "leadTimeSeconds",
    "result_count": "resultCount",
    "was_cancelled": "wasCancelled",
}


def lineage_facet(written: Sequence[Written]) -> dict[str, Any]:
    """What one commit wrote, without the two members that every facet has."""
    commit = written[0].commit
    facet: dict[str, Any] = {
        "commit": commit.id,
        "parents": list(commit.parents),
        "kind": commit.kind,
        "author": commit.author,
        "objects": [_object(one) for one in written[:OBJECTS_MAX]],
    }
    if left_out := len(written[OBJECTS_MAX:]):
        facet["objectsLeftOut"] = left_out
    return facet


def _object(written: Written) -> dict[str, Any]:
    record, change = written.record, written.change
    told: dict[str, Any] = {"key": written.key, "change": change.kind.value}
    if change.kind is ChangeKind.PUT:
        told |= {"size": change.size, "etag": change.etag}
    told |= {name: record[field] for field, name in _NAMES.items() if record.get(field) is not None}
    if sha256 := record.get("content", {}).get("sha256"):
        told["contentSha256"] = sha256
    return told | _sources(record, list(written.sources))


def _sources(record: Json, sources: Sequence[Used]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if sources:
        told["sources"] = [_source(one) for one in islice(sources, SOURCES_MAX)]
    if left_out := record.get("sources_left_out", 0) + len(sources[SOURCES_MAX:]):
        told["sourcesLeftOut"] = left_out
    return told


def _source(source: Used) -> dict[str, Any]:
    told: dict[str, Any] = {"uri": source.named.encoded, "evidence": source.evidence}
    if source.version is not None:
        told |= {"exactUri": source.exact.encoded, "version": source.version}
    if source.changed_during:
        told["changedDuring"] = True
    return told
