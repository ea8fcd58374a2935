"""The index against plain dicts: any history of commits, applied in any chunks."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import commit, deleted, wrote

from gateway.stores.pachyderm.index import RepoIndex
from gateway.stores.pachyderm.paths import escape
from gateway.stores.pachyderm.words import Content, Recorded, Written
from gateway.stores.timeline import compare, flusher, history, tree
from gateway.stores.timeline.database import connect
from gateway.stores.timeline.derived import lines, missing_entries, unsound_states
from gateway.stores.timeline.lines import Reader
from gateway.versioning.errors import NoKey
from gateway.versioning.model import Attributes, ChangeKind, Difference
from gateway.versioning.names import CommitId, RepoName

REPO = RepoName("labels", "team")
KEYS = ["a", "a/", "a/b", "a/b/c", "a/é", "ab", "b", "b/1", "b/2", "%61", "é", "\U00010000"]

CHANGE = st.one_of(
    st.builds(
        wrote,
        st.sampled_from(KEYS),
        st.sampled_from([b"1", b"22", b""]),
        attributes=st.sampled_from([Attributes(), Attributes("text/plain")]),
        null=st.booleans(),
        lineage=st.sampled_from([{}, {"sources": ["s3://a/b"]}]),
        path=st.sampled_from([None, None, "/elsewhere"]),
        same_as=st.sampled_from([None, "same"]),
        side=st.sampled_from([{}, {"tags": {"a": "b"}, "hold": True}]),
    ),
    st.builds(deleted, st.sampled_from(KEYS), null=st.booleans()),
    st.builds(deleted, st.sampled_from(KEYS), kind=st.just(ChangeKind.POINT), null=st.just(True)),
)
CHANGES = st.lists(CHANGE, max_size=4, unique_by=lambda one: one.key)


@st.composite
def histories(draw: st.DrawFn) -> list[Recorded]:
    """Commits, parents first: mostly on behind the newest one, sometimes behind any or none."""
    made: list[Recorded] = []
    for number in range(draw(st.integers(1, 14))):
        parents = st.sampled_from([number - 1, number - 1, *range(number), None])
        made.append(
            commit(
                number,
                draw(parents) if number else None,
                draw(CHANGES),
                batch=draw(st.sampled_from(["", f"batch-{number}"])),
                file_set=draw(st.sampled_from(["", f"set-{number}"])),
                message=draw(st.sampled_from(["", "why"])),
                metadata=draw(st.sampled_from([{}, {"x": "y"}])),
            )
        )
    return made


@dataclass
class Model:
    """Each commit with all of the state behind it."""

    commits: dict[CommitId, Recorded] = field(default_factory=dict)
    states: dict[CommitId, dict[str, tuple[Written, CommitId]]] = field(default_factory=dict)

    def add(self, one: Recorded) -> None:
        self.commits[one.id] = one
        before = self.states[one.parent] if one.parent else {}
        self.states[one.id] = before | {change.key: (change, one.id) for change in one.changes}

    def live(self, at: CommitId) -> dict[str, tuple[Written, CommitId]]:
        return {
            key: found for key, found in self.states[at].items() if found[0].kind is ChangeKind.PUT
        }

    def behind(self, at: CommitId | None) -> Iterator[Recorded]:
        while at is not None:
            yield self.commits[at]
            at = self.commits[at].parent


@settings(max_examples=60)
@given(made=histories(), cuts=st.sets(st.integers(1, 13)), small=st.booleans(), data=st.data())
def test_any_history_in_any_chunks_is_what_a_dict_says(
    made: list[Recorded], cuts: set[int], small: bool, data: st.DataObject
):
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(tree, "LEAF_ROWS_MAX", 2)
        patch.setattr(tree, "CHILDREN_MAX", 3)
        patch.setattr(compare, "NEAR", 2)
        patch.setattr(history, "_VERSIONS_A_TURN", 2)
        if small:  # so that trees are made while commits come in
            patch.setattr(flusher, "CHANGES_MIN", 2)
            patch.setattr(flusher, "CHANGES_MAX", 4)
        asyncio.run(_run(Path(folder) / "index.db", made, cuts, data))


async def _run(file: Path, made: list[Recorded], cuts: set[int], data: st.DataObject) -> None:
    model = Model()
    for one in made:
        model.add(one)
    index = await RepoIndex.open(file, REPO)
    edges = [0, *sorted(cut for cut in cuts if cut < len(made)), len(made)]
    for start, stop in pairwise(edges):
        await index.apply(made[start:stop])
        # Once more, and with what came before: nothing changes.
        again = data.draw(st.integers(0, start))
        await index.apply(made[again:stop])
    await _check(index, model)
    await index.close()
    _check_tables(file)
    # What is in the file is all that is needed.
    index = await RepoIndex.open(file, REPO)
    await _check(index, model)
    await index.close()


async def _check(index: RepoIndex, model: Model) -> None:
    assert index.count == len(model.commits)
    assert [one for _, one in index.since(0, 100)] == list(model.commits.values())
    for number, at in enumerate(model.commits, start=1):
        assert index.since(number - 1, 1) == [(number, model.commits[at])]
        await _check_commit(index, model, at)
        _check_keys(index, model, at)
        await _check_pages(index, model, at)
        await _check_versions(index, model, at)
    for old in list(model.commits)[::3]:
        for new in list(model.commits)[::2]:
            await _check_diff(index, model, old, new)


async def _check_commit(index: RepoIndex, model: Model, at: CommitId) -> None:
    one, point = model.commits[at], index.point(at)
    assert point is not None
    assert index.recorded(at) == one
    assert index.file_set(at) == one.file_set
    assert not one.batch or index.find_batch(one.batch) == at
    info = index.commit_info(point)
    assert (info.id, info.repo, info.branch, info.kind) == (at, REPO, one.branch, one.kind)
    assert info.parents == ((one.parent,) if one.parent else ())
    assert (info.author, info.time_ms) == (one.author, one.time_ms)
    assert (info.message, info.metadata) == (one.message, one.metadata)
    assert info.change_count == len(one.changes)
    changes = await index.changes(point)
    assert [
        (change.key, change.kind, change.size, change.etag, change.lineage) for change in changes
    ] == [
        (change.key, change.kind, change.size, change.etag, change.lineage)
        for change in sorted(one.changes, key=lambda change: change.key)
    ]
    log = [before.id for before in await index.log(point)]
    assert log == [before.id for before in model.behind(at)]
    for path in ("a", "a/", "é"):
        assert [before.id for before in await index.log(point, path=path)] == [
            before.id
            for before in model.behind(at)
            if any(
                change.key == path or (path[-1] == "/" and change.key.startswith(path))
                for change in before.changes
            )
        ]
    assert [one.id for one in await index.log(point, after=at, limit=2)] == log[1:3]


def _check_keys(index: RepoIndex, model: Model, at: CommitId) -> None:
    point = index.point(at)
    assert point is not None
    live = model.live(at)
    for key in KEYS:
        change, version = model.states[at].get(key, (None, None))
        found = index.stat(point, key)
        if change is None:
            assert found is None
        else:
            assert found is not None
            assert (found[0].live, found[1]) == (key in live, version)
        if key in live:
            _check_object(index, change, version, index.object_info(point, key))
        else:
            with pytest.raises(NoKey) as missing:
                index.object_info(point, key)
            is_marked = change is not None and change.kind is ChangeKind.DELETE
            assert missing.value.marker == (version if is_marked else None)
        expected = {
            other for other in live if other.startswith(key + "/") or (key.startswith(other + "/"))
        }
        conflict = index.conflict(point, key)
        assert conflict in expected if expected else conflict is None


def _check_object(index: RepoIndex, change: Written, version: CommitId, info: object) -> None:
    assert (info.key, info.version, info.etag) == (change.key, version, change.etag)
    assert (info.attributes, info.null) == (change.attributes, change.null)
    assert info.side == change.side
    path = change.path or escape(change.key)
    assert info.content == Content(REPO, version, path, change.size, change.digest)
    assert index.lineage(info) == change.lineage


async def _check_pages(index: RepoIndex, model: Model, at: CommitId) -> None:
    point = index.point(at)
    live = sorted(model.live(at))
    for prefix in ("", "a/"):
        keys: list[str] = []
        after: str | None = ""
        while after is not None:
            page = await index.list(point, prefix=prefix, after=after, limit=2)
            for entry in page.entries:
                change = model.states[at][entry.key][0]
                assert (entry.size, entry.etag) == (change.size, change.etag)
            keys += [entry.key for entry in page.entries]
            after = page.next_after
        assert keys == [key for key in live if key.startswith(prefix)]
    rolled = await index.list(point, delimiter="/")
    assert [entry.key for entry in rolled.entries] == [key for key in live if "/" not in key]
    assert list(rolled.prefixes) == sorted(
        {key.partition("/")[0] + "/" for key in live if "/" in key}
    )


async def _check_versions(index: RepoIndex, model: Model, at: CommitId) -> None:
    point = index.point(at)
    shown: list[tuple[str, CommitId, bool, bool]] = []
    key, version = "", None
    while key is not None:
        page = await index.versions(point, after_key=key, after_version=version, limit=3)
        shown += [(one.key, one.version, one.marker, one.latest) for one in page.versions]
        key, version = page.next_key, page.next_version
    expected = [
        (key, one, change.kind is ChangeKind.DELETE, model.states[at][key][1] == one)
        for key in sorted(model.states[at])
        for one, change in _shown(model, at, key)
    ]
    assert shown == expected


def _shown(model: Model, at: CommitId, key: str) -> Iterator[tuple[CommitId, Written]]:
    """The versions of a key: of those that are `null` the newest, if that is one."""
    null_is_newer = False
    for one in model.behind(at):
        for change in one.changes:
            if change.key != key or (change.null and null_is_newer):
                continue
            null_is_newer = null_is_newer or change.null
            if change.kind is not ChangeKind.POINT:
                yield one.id, change


async def _check_diff(index: RepoIndex, model: Model, old: CommitId, new: CommitId) -> None:
    before, then = model.live(old), model.live(new)
    expected: list[tuple[str, Difference]] = []
    for key in sorted({*before, *then}):
        if key not in before:
            expected.append((key, Difference.ADDED))
        elif key not in then:
            expected.append((key, Difference.REMOVED))
        else:
            one, other = before[key][0], then[key][0]
            if (one.etag, one.attributes) != (other.etag, other.attributes):
                expected.append((key, Difference.CHANGED))
    found: list[tuple[str, Difference]] = []
    after: str | None = ""
    while after is not None:
        page = await index.diff(index.point(old), index.point(new), after=after, limit=3)
        found += [(one.key, one.difference) for one in page.entries]
        after = page.next_after
    assert found == expected


def _check_tables(file: Path) -> None:
    """What is derived of the changes is what they lead to."""
    reader = Reader(connect(file, read_only=True))
    for line in lines(reader):
        assert list(unsound_states(reader, line)) == []
        (tip,) = reader.connection.execute("SELECT tip FROM line WHERE line=?", (line,)).fetchone()
        assert all(missing_entries(reader, (line, seq)) == 0 for seq in range(1, tip + 1))
    reader.connection.close()
