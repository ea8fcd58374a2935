"""The lineage record of one write: the JSON form that is kept in the commit.

Version 1. Times are ms since 1970 UTC. A field is left out only where this table says so; what a
field would say but nobody knows is null, and for sources the evidence says why.

    v               1
    kind            put, copy or delete; promote, revert or restore, where that brought an object
                    from another state (delete where it took one away)
    time            when the gateway took the write
    account         whose key signed it
    key_name        the name of that key
    request_id      of the request, as in the answer and the logs
    client_hint     what the client says of the attempt; unproven. Left out where it says nothing
    bucket, key     what was written, as `branch.repo[.project]` and the raw key

  of a put, a copy and what was brought:
    content         {size, etag, sha256}; no sha256 where the bytes did not pass in one piece
                    (a copy, an object made of parts)
    sources         list of {uri, evidence, repo, project, ref, path, commit, pinned, read,
                    changed_during, found, version_id}, those of the body first, then those that
                    the writer declared, then the file that the task was made of, then the origin
                    of a copy from elsewhere:
                    uri       s3://bucket/key, the key raw
                    evidence  one of gateway.lineage.evidence
                    repo, project, ref, path   where that is here; left out of an external source.
                              ref is null beside a commit
                    commit    the version id of the object; left out of external and missing ones.
                              Of a path that is empty or ends with `/` and is no object: the state
                              whose objects below it are the source
                    pinned    the commit that the bucket names, itself or by its tag; else left out
                    read      when that version was served, where it was observed; else left out
                    changed_during  true: the branch got another version of it, or lost it, between
                              the beginning of the work and this write; else left out
                    found     content: nobody named it; what the gateway served from it as the task
                              was made is the task's data. label-studio: its REST API says so.
                              Else left out
                    version_id  of an external source that the writer said this is a copy of: the id
                              of its version there; else left out
    sources_left_out    how many more there were; left out where there were none

  of a put:
    body            label: what follows was read from it. other: it is no label.
                    unread: too large (8 MiB), made of parts, or plainly no JSON object

  of a put whose body is a label:
    layout          annotation or task
    project, task   Label Studio's ids
    annotation      id of the annotation saved last; it is the one that annotator to times speak of
    annotator       id of its user, never a name or e-mail
    annotator_hash  keyed hash of its user's address, see gateway.lineage.person. Left out unless
                    `lineage_person_key` is set
    lead_time       seconds of work as the browser counted
    result_count    number of regions and choices
    work            of the annotation layout: the same in two annotations where one annotator made
                    both of one task, with the same regions. Null where that would say nothing
    duplicate_of    {annotation, key, version}: an annotation with the same work that was here
                    before. Label Studio makes a second one where the write of the first failed and
                    the annotator submits again. No key and version where that one never came to be
                    kept; left out of what is no such second one
    was_cancelled   the annotator skipped the task
    times           {task_created, created, updated, drafted}, by Label Studio's clock
    annotations     of the task layout only: list of {annotation, annotator, annotator_hash,
                    duplicate_of}, all in the body; duplicate_of is the id of one before it
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.lineage.evidence import Evidence
from gateway.lineage.labelstudio import Annotation, Label, Layout
from gateway.lineage.person import Persons
from gateway.lineage.resolve import Source

VERSION = 1
LABEL, OTHER, UNREAD = "label", "other", "unread"

Record = dict[str, Any]


def label_fields(label: Label, persons: Persons | None = None) -> Record:
    """The part of a record that is read from a label. persons: make hashes of annotators."""
    newest = label.newest
    fields: Record = {
        "layout": label.layout.value,
        "project": label.project,
        "task": label.task,
        "annotation": newest and newest.id,
        **_annotator(newest, persons),
        "lead_time": newest and newest.lead_time_s,
        "result_count": newest and newest.result_count,
        "was_cancelled": newest and newest.cancelled,
        "times": {
            "task_created": label.task_created_ms,
            "created": newest and newest.created_ms,
            "updated": newest and newest.updated_ms,
            "drafted": newest and newest.drafted_ms,
        },
    }
    if label.layout is Layout.TASK:
        first = {one.work: one.id for one in reversed(label.annotations)}
        fields["annotations"] = [
            {"annotation": one.id, **_annotator(one, persons), **_duplicate(one, first[one.work])}
            for one in label.annotations
        ]
    else:
        fields["work"] = newest and newest.work
    return fields


def _duplicate(one: Annotation, first: int) -> Record:
    return {} if one.work is None or one.id == first else {"duplicate_of": first}


def _annotator(one: Annotation | None, persons: Persons | None) -> Record:
    fields: Record = {"annotator": one and one.annotator}
    if persons is not None:
        called = one.called if one else None
        fields["annotator_hash"] = None if called is None else persons.hash_of(called)
    return fields


def source_fields(sources: Sequence[Source], left_out: int) -> Record:
    """The part of a record that says what a write was derived from."""
    fields: Record = {"sources": [_source(source) for source in sources]}
    if left_out:
        fields["sources_left_out"] = left_out
    return fields


def _source(source: Source) -> Record:
    form: Record = {"uri": str(source.uri), "evidence": source.evidence.value}
    if source.evidence is Evidence.EXTERNAL or source.repo is None:
        return form if source.version_id is None else form | {"version_id": source.version_id}
    form |= {
        "repo": source.repo.name,
        "project": source.repo.project,
        "ref": source.ref,
        "path": source.uri.key,
    }
    if source.version is not None:
        form["commit"] = source.version
    if source.pinned is not None:
        form["pinned"] = source.pinned
    if source.read_ms is not None:
        form["read"] = source.read_ms
    if source.changed_during:
        form["changed_during"] = True
    if source.found is not None:
        form["found"] = source.found
    return form
