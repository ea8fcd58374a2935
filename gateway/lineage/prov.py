"""A commit as W3C PROV-JSON (https://www.w3.org/submissions/prov-json/).

    activity   the commit
    entity     each version that it made, each version that it used (`version:`), and the object
               that a version is a version of, as a bucket and key name it (`s3:`)
    agent      the account whose key signed, the annotators

A version has one name whatever ref it was seen through, so documents of several commits join to
one graph. What a derivation's evidence is stands on it as `lg:evidence`. A delete ends the object
on its branch (wasInvalidatedBy). A change that made no version (an erase, a delete without a
marker) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from gateway.lineage.uris import SCHEME
from gateway.lineage.written import Used, Written, iso
from gateway.versioning.model import ChangeInfo, ChangeKind, Commit, Json
from gateway.versioning.names import RepoName

PREFIXES = {
    "s3": SCHEME,
    "lg": "urn:labelgate:lineage:",
    "version": "urn:labelgate:version:",
    "commit": "urn:labelgate:commit:",
    "account": "urn:labelgate:account:",
    "annotator": "urn:labelgate:annotator:",
}
# Of the record: what is said of a version by the same word.
_TOLD = ("layout", "project", "task", "annotation", "lead_time", "result_count", "was_cancelled")


def document(commit: Commit, changes: Iterable[ChangeInfo]) -> dict[str, Any]:
    """PROV-JSON of a commit, as far as `changes` are its changes."""
    made = _Document(commit)
    for change in changes:
        made.tell(Written(commit, change))
    return {"prefix": PREFIXES, **made.sections}


class _Document:
    """A document under way: its sections by name, and in each the members by id."""

    def __init__(self, commit: Commit) -> None:
        self.sections: dict[str, dict[str, dict[str, Any]]] = {}
        self._said: set[tuple[str, ...]] = set()
        self._activity = _commit(commit.repo, commit.id)
        self._time = iso(commit.time_ms)
        account = f"account:{quote(commit.author, safe='')}"
        self._add(
            "activity",
            self._activity,
            {
                "prov:startTime": self._time,
                "prov:endTime": self._time,
                "prov:type": _name("lg:Commit"),
                "prov:label": commit.message or None,
                "lg:kind": commit.kind,
                "lg:branch": commit.branch,
            },
        )
        self._add("agent", account, {"prov:type": _name("lg:Account")})
        self._relate("wasAssociatedWith", activity=self._activity, agent=account)
        for parent in commit.parents:
            informant = _commit(commit.repo, parent)
            self._relate("wasInformedBy", informed=self._activity, informant=informant)

    def tell(self, written: Written) -> None:
        """Take one change of the commit in."""
        match written.change.kind:
            case ChangeKind.PUT | ChangeKind.ERASED:
                self._tell_version(written)
            case ChangeKind.DELETE:
                living = self._object(written.living.encoded)
                self._relate(
                    "wasInvalidatedBy", entity=living, activity=self._activity, time=self._time
                )
            case ChangeKind.POINT:
                pass

    def _tell_version(self, written: Written) -> None:
        version = _version(written.commit.repo, written.commit.id, written.key)
        living = self._object(written.living.encoded)
        self._add("entity", version, _attributes(written))
        self._relate("specializationOf", specificEntity=version, generalEntity=living)
        self._relate("wasGeneratedBy", entity=version, activity=self._activity, time=self._time)
        for annotator in _annotators(written.record):
            agent = f"annotator:{annotator}"
            self._add("agent", agent, {"prov:type": _name("prov:Person")})
            self._relate("wasAttributedTo", entity=version, agent=agent)
        for source in written.sources:
            used = self._source(source)
            self._relate("used", activity=self._activity, entity=used)
            self._relate(
                "wasDerivedFrom",
                {
                    "lg:evidence": source.evidence,
                    "lg:changed_during": source.changed_during or None,
                },
                generatedEntity=version,
                usedEntity=used,
                activity=self._activity,
            )

    def _source(self, source: Used) -> str:
        """The entity a source is: a version where that is known."""
        living = self._object(source.named.encoded)
        if source.repo is None or source.version is None:
            return living
        version = _version(source.repo, source.version, source.named.key)
        self._add("entity", version, {"prov:location": source.exact.encoded})
        self._relate("specializationOf", specificEntity=version, generalEntity=living)
        return version

    def _object(self, uri: str) -> str:
        name = f"s3:{uri.removeprefix(SCHEME)}"
        self._add("entity", name, {"prov:location": uri})
        return name

    def _add(self, section: str, name: str, attributes: Json) -> None:
        """A member; what several changes say of it is united."""
        self.sections.setdefault(section, {}).setdefault(name, {}).update(_known(attributes))

    def _relate(self, relation: str, attributes: Json | None = None, /, **ends: str) -> None:
        """A relation, once however often it holds."""
        told = {f"prov:{end}": value for end, value in ends.items()} | _known(attributes or {})
        said = (relation, *told.values())
        if said not in self._said:
            self._said.add(said)
            self.sections.setdefault(relation, {})[f"_:r{len(self._said)}"] = told


def _attributes(written: Written) -> Json:
    record = written.record
    content = record.get("content", {})
    said = {f"lg:{name}": record.get(name) for name in _TOLD}
    return said | {
        "prov:type": _name("lg:Label" if record.get("body") == "label" else "lg:Object"),
        "prov:location": written.exact.encoded,
        "lg:size": written.change.size,
        "lg:etag": written.change.etag or None,
        "lg:sha256": content.get("sha256"),
        "lg:sources_left_out": record.get("sources_left_out"),
        "lg:erased": True if written.change.kind is ChangeKind.ERASED else None,
    }


def _known(attributes: Json) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _annotators(record: Json) -> list[int]:
    """Whose work it is: all annotators of a task, the one of an annotation."""
    several = [one["annotator"] for one in record.get("annotations", ())]
    found = several or [record.get("annotator")]
    return [one for one in dict.fromkeys(found) if one is not None]


def _commit(repo: RepoName, commit: str) -> str:
    return f"commit:{_place(repo)}/{commit}"


def _version(repo: RepoName, commit: str, key: str) -> str:
    return f"version:{_place(repo)}/{commit}/{quote(key)}"


def _place(repo: RepoName) -> str:
    return f"{repo.project}/{repo.name}"


def _name(qualified: str) -> dict[str, str]:
    return {"$": qualified, "type": "prov:QUALIFIED_NAME"}
