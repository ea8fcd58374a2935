"""What a write is found by: the terms that follow from its lineage record. Pure.

A store keeps an index of them, which is derived from the records it keeps, so that one rule gives
the terms both as a write lands and when the index is made anew. The fields that are read here are
written by gateway.lineage.record; for a commit that a pipeline made, `provenance` by its store.

A term is bytes whose order is that of an answer: of sources by path, then the newest version first.
The terms are part of a store's format: whoever changes them raises its number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gateway.versioning.model import Json
from gateway.versioning.names import CommitId, RepoName

_SOURCE, _EXTERNAL, _ANNOTATOR, _PERSON, _TASK = b"s", b"x", b"a", b"p", b"t"
_VERSION_BYTES = 16
_UNKNOWN = b"\xff" * _VERSION_BYTES  # sorts behind every version that is known
_BEHIND = b"\xff" * (_VERSION_BYTES + 1)  # no UTF-8 and no version goes on so


class Terms(NamedTuple):
    """The terms from `first` on that come before `end`."""

    first: bytes
    end: bytes


def terms(record: Json) -> frozenset[bytes]:
    """The terms of one write; none of a record that is not of our form. Linear in its sources."""
    try:
        return frozenset((*_sources(record), *_annotators(record), *_tasks(record)))
    except (TypeError, ValueError, KeyError, AttributeError):
        return frozenset()


def of_source(repo: RepoName, path: str, version: CommitId | None = None) -> Terms:
    """What was made from an object: from that version of it, or from any.

    path: "" or one that ends with `/` names all objects that begin so, at the commit `version`, as
    a source that was named whole.
    """
    place = _place(repo, path) + b"\0"
    if version is not None:
        return _only(place + _newest_first(version))
    return Terms(place, place + _BEHIND)


def below_source(repo: RepoName, prefix: str) -> Terms:
    """What was made from any object whose key begins so."""
    place = _place(repo, prefix)
    return Terms(place, place + _BEHIND)


def of_external(uri: str) -> Terms:
    """What was made from an object elsewhere. uri: as the record has it."""
    return _only(_EXTERNAL + uri.encode())


def of_annotator(annotator: int) -> Terms:
    """What somebody labeled, by Label Studio's id of the user."""
    return _only(_ANNOTATOR + b"%d" % annotator)


def of_person(annotator_hash: str) -> Terms:
    """What somebody labeled in any Label Studio, by the keyed hash of their address."""
    return _only(_PERSON + annotator_hash.encode())


def of_task(task: int, project: int | None = None) -> Terms:
    """The labels of one task, by Label Studio's ids. project: None for any."""
    if project is not None:
        return _only(_task(task, project))
    begins = _task(task, None)
    return Terms(begins, begins + _BEHIND)


def term_of(source: Json) -> bytes:
    """The term that a write has for one source, by the source's form in the record."""
    if "repo" not in source:
        return _EXTERNAL + bytes(source["uri"].encode())
    place = _place(RepoName(source["repo"], source["project"]), source["path"])
    version = source.get("commit")
    return place + b"\0" + (_UNKNOWN if version is None else _newest_first(version))


# ---- from a record


def _sources(record: Json) -> Iterator[bytes]:
    yield from map(term_of, record.get("sources", ()))
    for source in record.get("provenance", ()):
        repo = RepoName(source["repo"], source["project"])
        yield _place(repo, "") + b"\0" + _newest_first(source["commit"])


def _annotators(record: Json) -> Iterator[bytes]:
    listed = record.get("annotations") or [record]
    for one in listed:
        if (annotator := one.get("annotator")) is not None:
            yield _ANNOTATOR + b"%d" % annotator
        if (person := one.get("annotator_hash")) is not None:
            yield _PERSON + person.encode()


def _tasks(record: Json) -> Iterator[bytes]:
    task = record.get("task")
    if task is not None:
        yield _task(task, record.get("project"))


# ---- forms


def _task(task: int, project: int | None) -> bytes:
    return _TASK + b"%d/" % task + (b"" if project is None else b"%d" % project)


def _place(repo: RepoName, path: str) -> bytes:
    return _SOURCE + f"{repo.project}\0{repo.name}\0{path}".encode()


def _newest_first(version: str) -> bytes:
    return bytes(byte ^ 0xFF for byte in bytes.fromhex(version))


def _only(term: bytes) -> Terms:
    return Terms(term, term + b"\0")
