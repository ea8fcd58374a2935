"""The index of one repo: what it takes, what it refuses, and what becomes of a damaged file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from recorded import START_MS, commit, commit_id, deleted, wrote

from gateway.stores.pachyderm import landing
from gateway.stores.pachyderm.index import RepoIndex
from gateway.stores.pachyderm.words import Recorded
from gateway.stores.timeline import flusher
from gateway.stores.timeline.database import all_rows, first_row
from gateway.versioning.errors import InvalidKey, NoKey, NoVersion, Unavailable
from gateway.versioning.model import ChangeKind
from gateway.versioning.names import CommitId, RepoName

REPO = RepoName("labels")
SOME = [commit(1, None), commit(2, 1, [wrote("a"), wrote("b/c", b"2")]), commit(3, 2, [wrote("d")])]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the index of a test lies; the folder is not there yet."""
    return tmp_path / "index" / "labels.db"


@pytest.fixture
def index(file: Path, runner: asyncio.Runner) -> Iterator[RepoIndex]:
    made = runner.run(RepoIndex.open(file, REPO))
    yield made
    runner.run(made.close())


async def keys(index: RepoIndex, number: int) -> list[str]:
    """What is there at the commit of that number."""
    page = await index.list(at(index, number))
    return [entry.key for entry in page.entries]


def at(index: RepoIndex, number: int) -> object:
    point = index.point(commit_id(number))
    assert point is not None
    return point


# ---- taking commits


async def test_an_unknown_parent_is_refused_with_all_that_came_along(index: RepoIndex):
    with pytest.raises(KeyError):
        await index.apply([*SOME, commit(9, 8, [wrote("z")])])
    assert index.count == 0
    assert index.point(commit_id(1)) is None
    await index.apply(SOME)
    assert (index.count, await keys(index, 3)) == (3, ["a", "b/c", "d"])


async def test_commits_that_are_there_are_passed_over(index: RepoIndex):
    await index.apply(SOME)
    await index.apply(SOME[1:])
    await index.apply([SOME[0], SOME[0]])
    await index.apply([])
    assert index.count == 3


async def test_what_one_transaction_shares_stands_or_falls_alone(index: RepoIndex):
    tasks = [
        index.apply(SOME),
        index.apply([commit(9, 8)]),
        index.apply([commit(4, 3, [wrote("e")])]),
        index.apply([commit(5, 2, [wrote("f")])]),
    ]
    made = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in made] == [type(None), KeyError, type(None), type(None)]
    assert await keys(index, 4) == ["a", "b/c", "d", "e"]
    assert await keys(index, 5) == ["a", "b/c", "f"]


async def test_ids_and_times_stay_as_they_were_given(index: RepoIndex):
    late = commit(1, None, time_ms=START_MS + 5, changes=(wrote("a"),))
    early = commit(2, 1, time_ms=START_MS - 5, changes=(wrote("a", b"2"),))
    await index.apply([late, early])
    assert [one.time_ms for one in await index.log(at(index, 2))] == [START_MS - 5, START_MS + 5]
    info = index.object_info(at(index, 2), "a")
    assert (info.modified_ms, info.version) == (START_MS - 5, commit_id(2))


async def test_a_delete_of_what_is_not_there_is_a_marker(index: RepoIndex):
    await index.apply([commit(1, None), commit(2, 1, [deleted("a")])])
    with pytest.raises(NoKey) as missing:
        index.object_info(at(index, 2), "a")
    assert missing.value.marker == commit_id(2)
    found = index.stat(at(index, 2), "a")
    assert found is not None
    assert (found[0].live, found[1]) == (False, commit_id(2))
    (version,) = (await index.versions(at(index, 2))).versions
    assert (version.marker, version.latest) == (True, True)
    (change,) = await index.changes(at(index, 2))
    assert change.kind is ChangeKind.DELETE


async def test_of_two_files_with_one_key_the_last_counts(index: RepoIndex):
    both = [wrote("%61", b"1", path="/%2561"), wrote("b"), wrote("%61", b"2", path="/%61")]
    await index.apply([commit(1, None, both)])
    info = index.object_info(at(index, 1), "%61")
    assert (info.size, info.content.path) == (1, "/%61")
    assert {one.key for one in index.recorded(commit_id(1)).changes} == {"%61", "b"}
    assert index.commit_info(at(index, 1)).change_count == 2


async def test_thousands_of_changes_come_in_at_once(index: RepoIndex):
    many = [wrote(f"k{number:05}") for number in range(6000)]
    await index.apply([commit(1, None, many), commit(2, 1, [deleted("k00000")])])
    page = await index.list(at(index, 2), after="k05990", limit=100)
    assert [entry.key for entry in page.entries][-1] == "k05999"
    assert index.recorded(commit_id(1)).changes == tuple(many)


async def test_states_on_the_way_are_made_trees_too(index: RepoIndex, file: Path):
    """So that an old commit reads as fast as the newest, though all came in at once."""
    commits = [
        commit(number, number - 1 if number else None, [wrote(f"k{number:05}")])
        for number in range(10_000)
    ]
    await index.apply(commits)
    flusher.flush(index._log_reader, index._writer, 1)
    seqs = [seq for (seq,) in all_rows(index.reader.connection, "SELECT seq FROM epoch ORDER BY 1")]
    assert seqs[-1] == 10_000
    steps = [later - before for before, later in zip([0, *seqs], seqs, strict=False)]
    assert max(steps) <= flusher.CHANGES_MAX
    for number in (1, 4095, 4096, 4097, 9999):
        page = await index.list(at(index, number), after=f"k{number - 1:05}")
        assert [entry.key for entry in page.entries] == [f"k{number:05}"]


async def test_a_long_range_below_a_new_line_becomes_a_tree(
    index: RepoIndex, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(flusher, "CHANGES_MAX", 10)
    commits = [
        commit(number, number - 1 if number else None, [wrote(f"k{number:02}")])
        for number in range(30)
    ]
    await index.apply([*commits, commit(99, 20, [wrote("fork")])])
    line = at(index, 99).line
    for _ in range(500):
        if first_row(index.reader.connection, "SELECT 1 FROM epoch WHERE line=?", (line,)):
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("the new line stands on a long range for ever")
    assert await keys(index, 99) == ["fork", *(f"k{number:02}" for number in range(21))]


# ---- looking things up


async def test_a_batch_is_found_by_its_id(index: RepoIndex):
    await index.apply(
        [
            commit(1, None, batch="b1", file_set="f1"),
            commit(2, 1),
            commit(3, 2, file_set="f3"),
        ]
    )
    assert index.find_batch("b1") == commit_id(1)
    assert index.find_batch("b2") is None
    assert index.find_batch("") is None
    assert [index.file_set(commit_id(number)) for number in (1, 2, 3, 4)] == ["f1", "", "f3", ""]


async def test_what_is_not_there_is_told_from_what_is_no_id(index: RepoIndex):
    await index.apply(SOME)
    assert index.point(CommitId("f" * 32)) is None
    assert index.point(CommitId("no id")) is None
    assert index.stat(at(index, 3), "z") is None
    with pytest.raises(KeyError):
        index.recorded(CommitId("f" * 32))
    with pytest.raises(InvalidKey):
        index.object_info(at(index, 3), "")
    for version in ("f" * 32, "no id", commit_id(3), commit_id(1)):
        with pytest.raises(NoVersion):
            index.object_info(at(index, 3), "a", CommitId(version))
    with pytest.raises(NoVersion):
        index.object_info(at(index, 2), "d", commit_id(3))
    assert index.object_info(at(index, 3), "a", commit_id(2)).version == commit_id(2)


async def test_commits_are_read_from_a_thread_while_others_come_in(index: RepoIndex):
    await index.apply(SOME)

    def all_of_them() -> list[Recorded]:
        return [one for _, one in index.since(0, 1000)]

    reading = [asyncio.to_thread(all_of_them) for _ in range(20)]
    coming = [index.apply([commit(n, n - 1, [wrote("k")])]) for n in range(4, 30)]
    for read in (await asyncio.gather(*reading, *coming))[:20]:
        assert read[:3] == SOME
    assert index.since(27, 10)[-1] == (29, commit(29, 28, [wrote("k")]))
    assert index.since(29, 10) == []


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("a/b", "a"),
        ("a/b/c/d", "a"),
        ("b", "b/c"),
        ("b/c/d", "b/c"),
        ("f", "f/"),
        ("f//", "f/"),
        ("a", None),
        ("b/", None),
        ("b/d", None),
        ("a-", None),
        ("gone", None),
        ("gone/x/y", None),
        ("b/c", None),
    ],
)
async def test_what_cannot_be_beside_a_key_is_named(index: RepoIndex, key: str, other: str | None):
    await index.apply(
        [
            *SOME,
            commit(4, 3, [wrote("f/"), wrote("gone/x"), wrote("gone/y")]),
            commit(5, 4, [deleted("gone/x"), deleted("gone/y")]),
        ]
    )
    assert index.conflict(at(index, 5), key) == other
    flusher.flush(index._log_reader, index._writer, 1)
    assert index.conflict(at(index, 5), key) == other
    await index.apply([commit(6, 5)])
    assert index.conflict(at(index, 6), key) == other


async def test_what_was_deleted_since_the_newest_tree_is_in_nobodys_way(index: RepoIndex):
    await index.apply([commit(1, None, [wrote("a/x"), wrote("a/y"), wrote("a/z")])])
    flusher.flush(index._log_reader, index._writer, 1)
    await index.apply([commit(2, 1, [deleted("a/x"), deleted("a/y")])])
    assert index.conflict(at(index, 2), "a") == "a/z"
    await index.apply([commit(3, 2, [deleted("a/z")])])
    assert index.conflict(at(index, 3), "a") is None
    assert index.conflict(at(index, 2), "a") == "a/z"
    # Beside it, on a line of its own.
    await index.apply(
        [commit(4, 2, [deleted("a/z"), wrote("a/w")]), commit(5, 4, [deleted("a/w")])]
    )
    assert index.conflict(at(index, 4), "a") == "a/w"
    assert index.conflict(at(index, 5), "a") is None


# ---- the file


async def test_what_was_applied_is_there_when_the_file_is_opened_again(file: Path):
    index = await RepoIndex.open(file, REPO)
    await index.apply(SOME)
    await index.close()
    await index.close()
    with pytest.raises(Unavailable):
        await index.apply(SOME)
    index = await RepoIndex.open(file, REPO)
    assert [one for _, one in index.since(0, 10)] == SOME
    await index.close()


def garbage(file: Path) -> None:
    file.write_bytes(os.urandom(20_000))


def text(file: Path) -> None:
    file.write_text("no database")


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:30_000])


def overwritten(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[100:8192] = bytes(8092)
    file.write_bytes(data)


def of_another_program(file: Path) -> None:
    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE x(y)")
    connection.close()


def of_another_format(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("UPDATE meta SET value=999 WHERE name='format'")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "damage", [garbage, text, truncated, overwritten, of_another_program, of_another_format]
)
async def test_a_damaged_file_is_made_anew(file: Path, damage: object):
    index = await RepoIndex.open(file, REPO)
    await index.apply(SOME)
    await index.close()
    damage(file)
    index = await RepoIndex.open(file, REPO)
    assert index.count == 0
    await index.apply(SOME)
    assert await keys(index, 3) == ["a", "b/c", "d"]
    await index.close()
    index = await RepoIndex.open(file, REPO)
    assert index.count == 3
    await index.close()


async def test_a_file_that_others_use_is_not_taken_from_them(
    index: RepoIndex, file: Path, monkeypatch: pytest.MonkeyPatch
):
    await index.apply(SOME)
    monkeypatch.setattr(landing, "FORMAT", landing.FORMAT + 1)
    with pytest.raises(Unavailable, match="other processes use it"):
        await RepoIndex.open(file, REPO)
    assert await keys(index, 3) == ["a", "b/c", "d"]
    await index.close()
    other = await RepoIndex.open(file, REPO)
    assert other.count == 0
    await other.close()


async def test_a_folder_that_cannot_be_used_is_unavailable(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        await RepoIndex.open(tmp_path / "file" / "x.db", REPO)
    (tmp_path / "x.db").mkdir()
    with pytest.raises(Unavailable):
        await RepoIndex.open(tmp_path / "x.db", REPO)


async def test_two_who_have_the_file_open_see_each_other(index: RepoIndex, file: Path):
    other = await RepoIndex.open(file, REPO)
    await asyncio.gather(index.apply(SOME), other.apply(SOME))
    assert index.count == other.count == 3
    chains = [
        one.apply([commit(n, n - 10 if n >= 20 else 3, [wrote(f"k{n}")])])
        for n in range(10, 40)
        for one in (index, other)
    ]
    await asyncio.gather(*chains)
    for one in (index, other):
        assert one.count == 33
        assert await keys(one, 39) == ["a", "b/c", "d", "k19", "k29", "k39"]
    await other.close()
