"""Commits of PFS as the Pachyderm store records them: some by hand, any by hypothesis."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from gateway.stores.pachyderm.words import Recorded, Written
from gateway.versioning.model import Attributes, ChangeKind
from gateway.versioning.names import CommitId

START_MS = 1_700_000_000_000


def commit_id(number: int) -> CommitId:
    """Ids in no order, as PFS's are."""
    return CommitId(hashlib.md5(b"%d" % number).hexdigest())


def wrote(key: str, body: bytes = b"x", **more: Any) -> Written:
    """A put of these bytes."""
    made = Written(
        key,
        ChangeKind.PUT,
        len(body),
        hashlib.md5(body).hexdigest(),
        hashlib.sha256(body).digest(),
    )
    return replace(made, **more)


def deleted(key: str, **more: Any) -> Written:
    """A delete."""
    return replace(Written(key, ChangeKind.DELETE), **more)


def commit(
    number: int, parent: int | None, changes: Sequence[Written] = (), **more: Any
) -> Recorded:
    """The commit of that number, behind the one of another."""
    made = Recorded(
        commit_id(number),
        None if parent is None else commit_id(parent),
        "master",
        START_MS + number,
        "put",
        "ann",
        changes=tuple(changes),
    )
    return replace(made, **more)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
KEY = TEXT.filter(bool)
TEXTS: st.SearchStrategy[Mapping[str, str]] = st.dictionaries(TEXT, TEXT, max_size=2)
JSON = st.dictionaries(
    TEXT,
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXT,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
        max_leaves=4,
    ),
    max_size=2,
)
SIZE = st.integers(0, 2**63 - 1)
ATTRIBUTES = st.builds(
    Attributes,
    content_type=TEXT,
    headers=TEXTS,
    metadata=TEXTS,
    checksums=TEXTS,
    composite=st.booleans(),
    part_sizes=st.lists(SIZE, max_size=3).map(tuple),
    lineage=TEXTS,
)
WRITTEN = st.builds(
    Written,
    key=KEY,
    kind=st.sampled_from([ChangeKind.PUT, ChangeKind.DELETE, ChangeKind.POINT]),
    size=SIZE,
    etag=TEXT,
    digest=st.binary(max_size=40),
    attributes=ATTRIBUTES,
    same_as=st.none() | TEXT,
    null=st.booleans(),
    lineage=JSON,
    path=st.none() | TEXT,
    side=JSON,
)
COMMIT_ID = st.text("0123456789abcdef", min_size=32, max_size=32).map(CommitId)
RECORDED = st.builds(
    Recorded,
    id=COMMIT_ID,
    parent=st.none() | COMMIT_ID,
    branch=TEXT,
    time_ms=st.integers(0, 253_402_300_799_999),
    kind=TEXT,
    author=TEXT,
    message=TEXT,
    metadata=TEXTS,
    changes=st.lists(WRITTEN, max_size=3, unique_by=lambda one: one.key).map(tuple),
    batch=TEXT,
    file_set=TEXT,
)
