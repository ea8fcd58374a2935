"""A commit as an OpenLineage RunEvent COMPLETE (https://openlineage.io, specification 2-0-2).

    run      the commit: its id follows from the commit's, so an event sent again is the same run
    job      a Label Studio project, where all that was put are its labels; else the bucket
    outputs  what the commit wrote or deleted
    inputs   what that was derived from

Datasets are named as elsewhere in OpenLineage: namespace `s3://bucket`, the branch's or tag's
whatever the commit, and the key. By default a dataset is the beginning of keys: catalogues do not
bear one for each label. Which objects, at which versions, stands in the facets `subset` and
`labelgate_lineage`. Only ids of annotators are told, never names.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.lineage.facet import NAME, SCHEMA_URL, lineage_facet
from gateway.lineage.uris import SCHEME
from gateway.lineage.written import Used, Written, bucket_of, iso
from gateway.versioning.model import ChangeInfo, ChangeKind, Commit

SPEC = "https://openlineage.io/spec"
LOCATIONS_MAX = 1000

_RUNS = uuid.UUID("6f1b7a8e-3c52-5d0f-9c0e-8b8f6a4f2d11")
_KINDS = {"put": "INGEST", "upload": "INGEST"}


class Granularity(StrEnum):
    """What one dataset is: the beginning of keys, or an object."""

    PREFIX = "prefix"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Style:
    """How events are written.

    version: of this program. job_namespace: None for `label-studio`, where labels were written,
    and `labelgate`. depth: how many parts of a key, cut at `/`, a prefix has at most.
    """

    version: str
    job_namespace: str | None = None
    granularity: Granularity = Granularity.PREFIX
    depth: int = 1


@dataclass(frozen=True, slots=True)
class _Dataset:
    """What names a dataset."""

    bucket: str
    name: str

    @property
    def namespace(self) -> str:
        return f"{SCHEME}{self.bucket}"


def run_event(commit: Commit, changes: Iterable[ChangeInfo], style: Style) -> dict[str, Any]:
    """The event of a commit, as far as `changes` are its changes."""
    return _Event(commit, style).tell(changes)


class _Event:
    """One event under way: every facet names its maker."""

    def __init__(self, commit: Commit, style: Style) -> None:
        self._commit = commit
        self._style = style
        self._producer = f"urn:labelgate:{style.version}"

    def tell(self, changes: Iterable[ChangeInfo]) -> dict[str, Any]:
        """The whole event. A change that made no version, as an erase does not, is left out."""
        written = [
            Written(self._commit, change)
            for change in changes
            if change.kind is not ChangeKind.POINT
        ]
        return {
            "eventType": "COMPLETE",
            "eventTime": iso(self._commit.time_ms),
            "producer": self._producer,
            "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": self._run(),
            "job": self._job(written),
            "inputs": self._inputs(written),
            "outputs": self._outputs(written),
        }

    def _run(self) -> dict[str, Any]:
        commit, version = self._commit, self._style.version
        place = f"{commit.repo.project}/{commit.repo.name}/{commit.id}"
        facets = {
            "processing_engine": self._facet(
                "1-1-1/ProcessingEngineRunFacet", name="labelgate", version=version
            )
        }
        if request_id := commit.metadata.get("request_id"):
            facets["externalQuery"] = self._facet(
                "1-0-2/ExternalQueryRunFacet", externalQueryId=request_id, source="s3"
            )
        return {"runId": str(uuid.uuid5(_RUNS, place)), "facets": facets}

    def _job(self, written: Sequence[Written]) -> dict[str, Any]:
        kind = self._commit.kind
        projects = {one.record.get("project") for one in written}
        project = projects.pop() if kind == "put" and len(projects) == 1 else None
        ours = project is None
        job_type = self._facet(
            "2-0-4/JobTypeJobFacet",
            processingType="BATCH",
            integration="LABELGATE" if ours else "LABEL_STUDIO",
            jobType=_KINDS.get(kind, kind.upper()) if ours else "ANNOTATION",
            emissionPattern={
                "eventTrigger": "EVENT_BASED",
                "eventContentMode": "COMPLETE_SNAPSHOT",
            },
        )
        return {
            "namespace": self._style.job_namespace or ("labelgate" if ours else "label-studio"),
            "name": bucket_of(self._commit) if ours else f"project-{project}",
            "facets": {"jobType": job_type},
        }

    def _inputs(self, written: Sequence[Written]) -> list[dict[str, Any]]:
        used: dict[_Dataset, dict[str, Used]] = defaultdict(dict)
        for source in (source for one in written for source in one.sources):
            dataset = self._dataset(source.bucket, source.named.key)
            used[dataset].setdefault(source.exact.encoded, source)
        return [self._input(dataset, sources) for dataset, sources in used.items()]

    def _input(self, dataset: _Dataset, used: dict[str, Used]) -> dict[str, Any]:
        versions = {source.version for source in used.values()}
        version = versions.pop() if len(versions) == 1 else None
        input_facets = {
            "inputStatistics": self._facet(
                "1-0-0/InputStatisticsInputDatasetFacet", fileCount=len(used)
            )
        }
        if subset := _locations(list(used)):
            input_facets["subset"] = self._facet(
                "1-0-0/BaseSubsetDatasetFacet#InputSubsetInputDatasetFacet", inputCondition=subset
            )
        return {**self._named(dataset, version), "inputFacets": input_facets}

    def _outputs(self, written: Sequence[Written]) -> list[dict[str, Any]]:
        made: dict[_Dataset, list[Written]] = defaultdict(list)
        for one in written:
            made[self._dataset(one.living.bucket, one.key)].append(one)
        return [self._output(dataset, several) for dataset, several in made.items()]

    def _output(self, dataset: _Dataset, written: Sequence[Written]) -> dict[str, Any]:
        there = [one for one in written if one.change.kind is ChangeKind.PUT]
        told = self._named(dataset, self._commit.id)
        told["facets"][NAME] = {
            "_producer": self._producer, "_schemaURL": SCHEMA_URL, **lineage_facet(written),
        }  # fmt: skip
        if self._style.granularity is Granularity.OBJECT and not there:
            # Of a prefix it would say that all of it went.
            told["facets"]["lifecycleStateChange"] = self._facet(
                "1-0-1/LifecycleStateChangeDatasetFacet", lifecycleStateChange="DROP"
            )
        told["outputFacets"] = {
            "outputStatistics": self._facet(
                "1-0-2/OutputStatisticsOutputDatasetFacet",
                fileCount=len(there),
                size=sum(one.change.size for one in there),
            )
        }
        if subset := _locations([one.exact.encoded for one in there]):
            told["outputFacets"]["subset"] = self._facet(
                "1-0-0/BaseSubsetDatasetFacet#OutputSubsetOutputDatasetFacet",
                outputCondition=subset,
            )
        return told

    def _named(self, dataset: _Dataset, version: str | None) -> dict[str, Any]:
        """A dataset with what is said of any. version: where all of it that counts has the same."""
        facets = {
            "datasetType": self._facet("1-0-1/DatasetTypeDatasetFacet", datasetType="FILE"),
            "dataSource": self._facet(
                "1-0-1/DatasourceDatasetFacet", name=dataset.namespace, uri=dataset.namespace
            ),
        }
        if version is not None:
            facets["version"] = self._facet(
                "1-0-1/DatasetVersionDatasetFacet", datasetVersion=version
            )
        return {"namespace": dataset.namespace, "name": dataset.name, "facets": facets}

    def _dataset(self, bucket: str, key: str) -> _Dataset:
        if self._style.granularity is Granularity.OBJECT:
            return _Dataset(bucket, key)
        folders = key.split("/")[:-1]
        return _Dataset(bucket, "/".join(folders[: self._style.depth]) or "/")

    def _facet(self, schema: str, **members: Any) -> dict[str, Any]:
        """A facet of the specification. schema: `<version>/<file>`, and `#<type>` if not alike."""
        file, _, kind = schema.partition("#")
        kind = kind or file.rpartition("/")[2]
        url = f"{SPEC}/facets/{file}.json#/$defs/{kind}"
        return {"_producer": self._producer, "_schemaURL": url, **members}


def _locations(uris: Sequence[str]) -> dict[str, Any] | None:
    """A condition that names objects; None where it could not name all of them."""
    if not 0 < len(uris) <= LOCATIONS_MAX:
        return None
    return {"type": "location", "locations": list(uris)}
