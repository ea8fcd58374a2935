"""Versions, nulls, markers and erasures of a store against a plain model of its history.

Hypothesis draws the steps; trees are small and made in between, so that erased rows are in them.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hands import REPO, Hand, put, ticking_clock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.embedded.verify import verify
from gateway.stores.timeline import flusher, history, tree
from gateway.stores.timeline.database import all_rows, connect
from gateway.stores.timeline.lines import Reader
from gateway.versioning.errors import Erased, NoKey, NoVersion
from gateway.versioning.model import About, Change, Delete, Erase
from gateway.versioning.names import NULL_VERSION, CommitId

KEYS = ["a", "a/1", "b", "b/1", "b/2", "c"]
ABOUT = About("eve", "test")


@dataclass
class Row:
    """What one commit did to one key. kind: put, marker, gone, or back (to: another row)."""

    version: CommitId
    kind: str
    null: bool = False
    body: bytes = b""
    to: Row | None = None
    erased: bool = False

    @property
    def is_version(self) -> bool:
        return self.kind in {"put", "marker"}


@dataclass(frozen=True)
class Saved:
    """A commit of the model."""

    id: CommitId
    parent: Saved | None
    rows: dict[str, Row]

    def history(self, key: str) -> Iterator[Row]:
        """The changes of a key, newest first."""
        at: Saved | None = self
        while at is not None:
            if key in at.rows:
                yield at.rows[key]
            at = at.parent

    def current(self, key: str) -> Row | None:
        """The put or marker that makes the key what it is; erased ones too."""
        row = next(self.history(key), None)
        if row is not None and row.kind == "back":
            row = row.to
        return None if row is None or not row.is_version else row

    def shown(self, key: str) -> list[Row]:
        found, null_seen = [], False
        for row in self.history(key):
            hidden = row.null and null_seen
            null_seen |= row.null
            if row.is_version and not row.erased and not hidden:
                found.append(row)
        return found

    def null(self, key: str) -> Row | None:
        return next((row for row in self.history(key) if row.null), None)


class World:
    """A store and its model, and steps that do the same to both."""

    def __init__(self, store: EmbeddedStore, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.heads: dict[str, Saved] = {}
        self.commits: list[Saved] = []

    async def begin(self) -> None:
        made = await self.store.create_branch(REPO, "master", account="ann", create_repo=True)
        self.save("master", made.commit, {})

    def save(self, branch: str, commit: CommitId, rows: dict[str, Row]) -> None:
        self.heads[branch] = Saved(commit, self.heads.get(branch), rows)
        self.commits.append(self.heads[branch])

    def hand(self, branch: str) -> Hand:
        return Hand(self.store, f"{branch}.labels")

    def branch(self, number: int) -> str:
        return sorted(self.heads)[number % len(self.heads)]

    # ---- steps

    async def write(self, number: int, keys: list[str], kind: str) -> None:
        branch = self.branch(number)
        bodies = {key: b"%d %s" % (len(self.commits), key.encode()) for key in keys}
        made = await self.hand(branch).write(
            *[await self._change(kind, key, body) for key, body in bodies.items()], about=ABOUT
        )
        assert made.commit is not None
        null = kind not in {"put", "delete"}
        kinds = {"put": "put", "null": "put", "delete": "marker", "null-delete": "marker"}
        rows = {
            key: Row(made.commit.id, kinds.get(kind, "gone"), null, body)
            for key, body in bodies.items()
        }
        self.save(branch, made.commit.id, rows)

    async def _change(self, kind: str, key: str, body: bytes) -> Change:
        if kind in {"put", "null"}:
            return await put(self.store, key, body, null=kind == "null")
        return Delete(key, null=kind != "delete", marker=kind != "unmarked")

    async def erase(self, number: int, keys: list[str], which: int) -> None:
        """Take a version of each key away, or several of one."""
        branch = self.branch(number)
        head = self.heads[branch]
        wanted: list[tuple[str, CommitId]] = []
        for key in keys:
            rows = [row for row in head.history(key) if row.is_version]
            if rows:
                wanted.append((key, rows[which % len(rows)].version))
            wanted.append((key, NULL_VERSION))
        going: list[tuple[str, Row]] = []
        for key, version in wanted:
            row = (
                head.null(key)
                if version == NULL_VERSION
                else next(row for row in head.history(key) if row.version == version)
            )
            if row is None or row.erased or not row.is_version or (key, row) in going:
                continue
            going.append((key, row))
        made = await self.hand(branch).write(
            *(Erase(key, version, "because") for key, version in wanted), about=ABOUT
        )
        assert sum(one.changed for one in made.outcomes) == len(going)
        if not going:
            assert made.commit is None
            return
        assert made.commit is not None
        before = {key: head.current(key) for key, _ in going}
        for _, row in going:
            row.erased = True
        backs = {}
        for key, now in before.items():
            if now is not None and any(now is row for _, row in going):
                left = head.shown(key)
                backs[key] = Row(made.commit.id, "back", to=left[0] if left else None)
        self.save(branch, made.commit.id, backs)

    async def fork(self, number: int) -> None:
        start = self.commits[number % len(self.commits)]
        name = f"b{len(self.heads)}"
        at = await self.hand("master").at(start.id)
        await self.store.create_branch(REPO, name, account="ann", start=at)
        self.heads[name] = start

    async def flush(self, number: int) -> None:
        reader = Reader(connect(self.folder / "store.db"))
        lines = [line for (line,) in all_rows(reader.connection, "SELECT line FROM line")]
        await asyncio.to_thread(
            flusher.flush, reader, self.store._writer, lines[number % len(lines)]
        )
        reader.connection.close()

    # ---- checks

    async def check(self) -> None:
        for saved in self.commits:
            await self.check_state(saved)
        for branch, head in self.heads.items():
            assert (await self.hand(branch).head()).commit == head.id
            await self.check_versions(head)

    async def check_state(self, saved: Saved) -> None:
        hand = self.hand("master")
        at = await hand.at(saved.id)
        live = []
        for key in KEYS:
            row = saved.current(key)
            if row is None:
                with pytest.raises(NoKey) as refusal:
                    await self.store.stat(at, key)
                assert refusal.value.marker is None
            elif row.erased:
                with pytest.raises(Erased, match="because"):
                    await self.store.stat(at, key)
            elif row.kind == "marker":
                with pytest.raises(NoKey) as refusal:
                    await self.store.stat(at, key)
                assert refusal.value.marker == row.version
            else:
                assert (await self.store.stat(at, key)).version == row.version
                assert await hand.read(key, at) == row.body
                live.append(key)
        assert await hand.all_keys(at, limit=4) == live

    async def check_versions(self, head: Saved) -> None:
        at = await self.hand("master").at(head.id)
        expected = [
            (key, row.version, row is head.current(key), row.kind == "marker", row.null)
            for key in KEYS
            for row in head.shown(key)
        ]
        for limit in (1, 3, 1000):
            found = []
            key: str | None = ""
            version = None
            while key is not None:
                page = await self.store.versions(
                    at, after_key=key, after_version=version, limit=limit
                )
                found += [(v.key, v.version, v.latest, v.marker, v.null) for v in page.versions]
                key, version = page.next_key, page.next_version
            assert found == expected
        for key in KEYS:
            row = head.null(key)
            refused = (
                NoVersion
                if row is None or not row.is_version
                else Erased
                if row.erased
                else NoKey
                if row.kind == "marker"
                else None
            )
            if refused is None:
                assert row is not None
                assert (await self.store.stat(at, key, NULL_VERSION)).version == row.version
            else:
                with pytest.raises(refused):
                    await self.store.stat(at, key, NULL_VERSION)


numbers = st.integers(0, 50)
some = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True)
kinds = st.sampled_from(["put", "put", "null", "null", "delete", "null-delete", "unmarked"])
steps = st.one_of(
    st.tuples(st.just("write"), numbers, some, kinds),
    st.tuples(st.just("write"), numbers, some, kinds),
    st.tuples(st.just("erase"), numbers, some, numbers),
    st.tuples(st.just("fork"), numbers),
    st.tuples(st.just("flush"), numbers),
)


async def live(folder: Path, plan: list[tuple[object, ...]]) -> None:
    store = await EmbeddedStore.open(folder, clock=ticking_clock())
    try:
        world = World(store, folder)
        await world.begin()
        for name, *how in plan:
            await getattr(world, str(name))(*how)
        await world.check()
        assert await store.refs()
    finally:
        await store.close()
    assert verify(folder, lambda *_: None) == []


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "LEAF_ROWS_MAX", 2)
    monkeypatch.setattr(tree, "CHILDREN_MAX", 2)
    monkeypatch.setattr(history, "_VERSIONS_A_TURN", 2)


@pytest.mark.usefixtures("_small")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(steps, min_size=4, max_size=25))
def test_a_history_shows_what_a_plain_model_shows(plan: list[tuple[object, ...]]):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(Path(folder) / "data", plan))
