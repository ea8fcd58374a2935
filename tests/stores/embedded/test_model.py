"""The whole store against two plain models: a dict a commit, and a scan over the change rows.

Random steps from a seed, which is the test's parameter. Nodes, states and turns are made small, so
that a few hundred steps meet everything that is rare with large ones.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hands import ABOUT, REPO, etag_of, put, ticking_clock, whole

from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.embedded.verify import verify
from gateway.stores.timeline import compare, flusher, history, tree
from gateway.stores.timeline.database import all_rows, connect, first_row
from gateway.stores.timeline.lines import Reader
from gateway.versioning.errors import NoKey
from gateway.versioning.model import Change, Delete, Difference, Snapshot
from gateway.versioning.names import BucketName, CommitId, parse_bucket

KEYS = [f"{folder}{name}" for folder in ("", "d/", "d/e/", "é/") for name in "abcdefg"]
STORES = 2  # on one directory, as two processes would have it
Objects = dict[str, tuple[str, int]]  # key -> (ETag, size)


@dataclass
class Saved:
    """A commit as the dict model knows it. changes: key -> body, None for a delete."""

    parent: CommitId | None
    changes: dict[str, bytes | None]
    state: dict[str, bytes]
    markers: dict[str, CommitId] = field(default_factory=dict)


class Scan:
    """Oracle: follows `hist` and reads every change row; no entry, tree, range or cache."""

    def __init__(self, file: Path) -> None:
        self._connection = connect(file, read_only=True)

    def close(self) -> None:
        self._connection.close()

    def changes(self, commit: CommitId) -> list[tuple[CommitId, str, bool, str, int]]:
        """(commit, key, put, ETag, size) of all the history, newest first."""
        line, seq = first_row(
            self._connection, "SELECT line, seq FROM commits WHERE id=?", (bytes.fromhex(commit),)
        )
        found: list[tuple[CommitId, str, bool, str, int]] = []
        while line is not None:
            found += [
                (CommitId(made.hex()), key.decode(), kind == 1, etag, size)
                for made, key, kind, etag, size in all_rows(
                    self._connection,
                    "SELECT m.id, c.key, c.kind, c.etag, c.size FROM change c "
                    "JOIN commits m USING(line, seq) WHERE line=? AND seq<=? ORDER BY seq DESC",
                    (line, seq),
                )
            ]
            line, seq = first_row(
                self._connection, "SELECT hist_line, hist_seq FROM line WHERE line=?", (line,)
            )
        return found

    def state(self, commit: CommitId) -> Objects:
        objects: Objects = {}
        for _, key, is_put, etag, size in reversed(self.changes(commit)):
            objects.pop(key, None)
            if is_put:
                objects[key] = (etag, size)
        return objects


class World:
    """Two stores on one directory, the dict model, and steps that do the same to both."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.clock = ticking_clock()
        self.numbers = itertools.count()
        self.commits: dict[CommitId, Saved] = {}
        self.branches: dict[str, CommitId] = {}
        self.tags: dict[str, CommitId] = {}

    async def begin(self) -> None:
        self.stores = [
            await EmbeddedStore.open(self.folder, clock=self.clock) for _ in range(STORES)
        ]
        self.store = self.stores[0]
        await self.new_branch("master", None)
        self.scan = Scan(self.folder / "store.db")

    async def end(self) -> None:
        self.scan.close()
        for store in self.stores:
            await store.close()

    async def at(self, commit: CommitId) -> Snapshot:
        return await self.store.resolve(BucketName(REPO, None, commit))

    async def head(self, branch: str) -> Snapshot:
        at = await self.store.resolve(parse_bucket(f"{branch}.labels"))
        assert at.commit == self.branches[branch]
        return at

    # ---- steps

    async def step(self) -> None:
        steps = [self.write] * 12 + [self.flush] * 2 + [self.race, self.fork, self.tag]
        steps += [self.reopen, self.drop, self.wipe]
        self.store = self.random.choice(self.stores)
        await self.random.choice(steps)()

    async def write(self) -> None:
        """One commit of a few changes on some branch."""
        branch = self.random.choice(sorted(self.branches))
        await self._write(branch, self.random.sample(KEYS, self.random.choice([1, 1, 1, 2, 5])))

    async def wipe(self) -> None:
        """Delete nearly everything of a branch."""
        branch = self.random.choice(sorted(self.branches))
        await self._write(branch, KEYS[2:], puts=0.0)

    async def _write(self, branch: str, keys: list[str], puts: float = 0.7) -> None:
        wanted = {key: self._body() if self.random.random() < puts else None for key in keys}
        made = await self.store.commit(
            await self.head(branch), [await self._change(*item) for item in wanted.items()], ABOUT
        )
        assert made.commit is not None
        self.save(branch, made.commit.id, wanted)

    async def race(self) -> None:
        """Several branches written at once, so that they share a transaction."""
        bodies = {branch: self._body() for branch in self.branches}
        key = self.random.choice(KEYS)
        heads = [await self.head(branch) for branch in bodies]
        changes = [await self._change(key, body) for body in bodies.values()]
        made = await asyncio.gather(
            *(self.store.commit(at, [one], ABOUT) for at, one in zip(heads, changes, strict=True))
        )
        for branch, committed in zip(bodies, made, strict=True):
            assert committed.commit is not None
            self.save(branch, committed.commit.id, {key: bodies[branch]})

    async def fork(self) -> None:
        """A branch at some head, tag or old commit."""
        if len(self.branches) < 5:
            source = self.random.choice([*self.branches.values(), *self._old()])
            await self.new_branch(f"b{next(self.numbers)}", source)

    async def tag(self) -> None:
        name, commit = f"t{next(self.numbers)}", self.random.choice([*self.branches.values()])
        await self.store.create_tag(REPO, name, await self.at(commit), account="ann")
        self.tags[name] = commit

    async def drop(self) -> None:
        """Delete a branch; its commits stay."""
        if len(self.branches) > 2:
            branch = self.random.choice(sorted(self.branches))
            await self.store.delete_branch(REPO, branch)
            del self.branches[branch]

    async def flush(self) -> None:
        """Materialise the tip of some line."""
        reader = Reader(connect(self.folder / "store.db"))
        lines = [line for (line,) in all_rows(reader.connection, "SELECT line FROM line")]
        flusher.flush(reader, self.store._writer, self.random.choice(lines))
        reader.connection.close()

    async def reopen(self) -> None:
        self.stores.remove(self.store)
        await self.store.close()
        self.store = await EmbeddedStore.open(self.folder, clock=self.clock)
        self.stores.append(self.store)

    async def new_branch(self, name: str, start: CommitId | None) -> None:
        snapshot = None if start is None else await self.at(start)
        made = await self.store.create_branch(
            REPO, name, account="ann", start=snapshot, create_repo=True
        )
        self.branches[name] = made.commit
        if start is None:
            self.commits[made.commit] = Saved(None, {}, {})

    def save(self, branch: str, commit: CommitId, changes: dict[str, bytes | None]) -> None:
        parent = self.branches[branch]
        before = self.commits[parent]
        saved = Saved(parent, changes, dict(before.state), dict(before.markers))
        for key, body in changes.items():
            saved.state.pop(key, None)
            saved.markers.pop(key, None)
            if body is None:
                saved.markers[key] = commit
            else:
                saved.state[key] = body
        self.commits[commit] = saved
        self.branches[branch] = commit

    async def _change(self, key: str, body: bytes | None) -> Change:
        return Delete(key) if body is None else await put(self.store, key, body)

    def _body(self) -> bytes:
        return self.random.randbytes(self.random.choice([0, 3, 3, 3, 40]))

    def _old(self) -> list[CommitId]:
        return self.random.sample(sorted(self.commits), min(3, len(self.commits)))

    # ---- checks

    async def check(self) -> None:
        self.store = self.random.choice(self.stores)
        for commit in {*self.branches.values(), *self.tags.values(), *self._old()}:
            await self.check_points(commit)
            await self.check_list(commit)
            await self.check_versions(commit)
            await self.check_log(commit)
        for _ in range(3):
            await self.check_diff(*self.random.choices(sorted(self.commits), k=2))

    async def check_points(self, commit: CommitId) -> None:
        at, saved = await self.at(commit), self.commits[commit]
        for key in KEYS:
            if key in saved.state:
                info = await self.store.stat(at, key)
                assert await whole(await self.store.read(info)) == saved.state[key]
                assert self.commits[info.version].changes[key] == saved.state[key]
                continue
            with pytest.raises(NoKey) as refusal:
                await self.store.stat(at, key)
            assert refusal.value.marker == saved.markers.get(key)

    async def check_list(self, commit: CommitId) -> None:
        at, objects = await self.at(commit), self.scan.state(commit)
        state = self.commits[commit].state
        assert objects == {key: (etag_of(body), len(body)) for key, body in state.items()}
        prefix = self.random.choice(["", "d", "d/", "é/"])
        expected = [(key, *objects[key]) for key in sorted(objects) if key.startswith(prefix)]
        found: list[tuple[str, str, int]] = []
        after: str | None = ""
        while after is not None:
            page = await self.store.list(at, prefix=prefix, after=after, limit=5)
            found += [(one.key, one.etag, one.size) for one in page.entries]
            after = page.next_after
        assert found == expected

    async def check_versions(self, commit: CommitId) -> None:
        at = await self.at(commit)
        expected = []
        seen: set[str] = set()
        for made, key, is_put, etag, size in self.scan.changes(commit):
            expected.append((key, made, key not in seen, not is_put, etag, size))
            seen.add(key)
        expected.sort(key=lambda one: one[0])
        found = []
        key, version = "", None
        limit = self.random.randint(1, 9)
        while key is not None:
            page = await self.store.versions(at, after_key=key, after_version=version, limit=limit)
            found += [
                (one.key, one.version, one.latest, one.marker, one.etag, one.size)
                for one in page.versions
            ]
            key, version = page.next_key, page.next_version
        assert found == expected

    async def check_log(self, commit: CommitId) -> None:
        at = await self.at(commit)
        expected = []
        walked: CommitId | None = commit
        while walked is not None:
            expected.append(walked)
            walked = self.commits[walked].parent
        log = await self.store.log(at, limit=10_000)
        assert [one.id for one in log] == expected
        for path in ("a", "d/"):
            touched = [
                one
                for one in expected
                if any(
                    key == path or (path == "d/" and key.startswith(path))
                    for key in self.commits[one].changes
                )
            ]
            assert [one.id for one in await self.store.log(at, path=path, limit=10_000)] == touched

    async def check_diff(self, old: CommitId, new: CommitId) -> None:
        before, then = self.scan.state(old), self.scan.state(new)
        expected = [
            (
                key,
                Difference.ADDED
                if key not in before
                else Difference.REMOVED
                if key not in then
                else Difference.CHANGED,
            )
            for key in sorted({*before, *then})
            if before.get(key) != then.get(key)
        ]
        found: list[tuple[str, Difference]] = []
        after: str | None = ""
        while after is not None:
            page = await self.store.diff(
                await self.at(old), await self.at(new), after=after, limit=4
            )
            found += [(one.key, one.difference) for one in page.entries]
            after = page.next_after
        assert found == expected


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "LEAF_ROWS_MAX", 4)
    monkeypatch.setattr(tree, "CHILDREN_MAX", 4)
    monkeypatch.setattr(compare, "NEAR", 3)
    monkeypatch.setattr(history, "_VERSIONS_A_TURN", 2)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("seed", range(6))
async def test_a_random_life_leaves_what_plain_models_say(
    seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    if seed % 2:  # the flusher works beside us too
        monkeypatch.setattr(flusher, "CHANGES_MIN", 5)
        monkeypatch.setattr(flusher, "CHANGES_MAX", 10)
    world = World(folder, seed)
    await world.begin()
    for number in range(160):
        await world.step()
        if number % 20 == 19:
            await world.check()
    await world.end()
    assert verify(folder, lambda *_: None) == []
