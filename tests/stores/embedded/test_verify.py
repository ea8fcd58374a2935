"""`verify`: a sound store is sound, and whatever is tampered with is found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from hands import ABOUT, REPO, START_MS, Hand, etag_of, put, staged, ticking_clock

from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.embedded.verify import Finding, verify
from gateway.stores.timeline import flusher
from gateway.stores.timeline.database import connect, first_row
from gateway.stores.timeline.lines import Reader
from gateway.versioning.errors import Corrupt
from gateway.versioning.model import About, Attributes, Part, Put

LARGE = bytes(range(256)) * 1000


SLIPPED_IN = (
    "INSERT INTO change SELECT line, seq, CAST('new' AS BLOB), ord, kind, nul, body, blob, "
    "manifest, size, mtime, etag, digest, attrs, same_as, origin, to_line, to_seq, salt "
    "FROM change WHERE kind=1 LIMIT 1"
)


def found(folder: Path) -> list[Finding]:
    return verify(folder, lambda *_: None)


async def build(folder: Path) -> None:
    """A store with something of every kind in it."""
    store = await EmbeddedStore.open(folder, clock=ticking_clock())
    await store.create_branch(REPO, "master", account="ann", create_repo=True)
    hand = Hand(store)
    about = About("ann", "put", "a message", {"request": "r1"})
    attributes = Attributes(content_type="text/plain")
    lineage = {"source": "s", "task": 1}
    first = await put(store, "small", b"small", attributes=attributes, lineage=lineage)
    await hand.write(first, about=about)
    await hand.put("large", LARGE)
    upload = await store.create_upload(
        await hand.head(), "parts", Attributes(), account="ann", about={}
    )
    for number, data in ((1, LARGE[::-1]), (2, b"tail")):
        content = await staged(store, data)
        part = Part(number, len(data), etag_of(data), START_MS, content=content)
        await store.put_part(upload, part)
    parts = await store.parts(upload)
    change = Put("parts", None, len(LARGE) + 4, "tag-2", Attributes())
    await store.complete_upload(await hand.head(), upload, parts, change, ABOUT)
    reader = Reader(connect(folder / "store.db"))
    flusher.flush(reader, store._writer, 1)
    reader.connection.close()
    dev = await hand.branch("dev")
    await hand.delete("small")
    await dev.put("dev", b"dev")
    await store.create_tag(REPO, "v1", await hand.head(), account="ann")
    await store.close()


@pytest.fixture
def built(folder: Path, runner: asyncio.Runner) -> Path:
    runner.run(build(folder))
    return folder


def flip(connection: apsw.Connection, table: str, column: str, where: str = "1") -> None:
    """Change one bit of one value."""
    (value,) = first_row(connection, f"SELECT {column} FROM {table} WHERE {where}")
    flipped: object
    if isinstance(value, int):
        flipped = value ^ 1
    elif isinstance(value, str):
        flipped = value[:-1] + chr(ord(value[-1]) ^ 1)
    else:
        flipped = value[:-1] + bytes([value[-1] ^ 1])
    connection.execute(
        f"UPDATE {table} SET {column}=? WHERE {column}=? AND {where}", (flipped, value)
    )
    assert connection.changes() >= 1


async def test_a_sound_store_is_sound(built: Path):
    assert found(built) == []


async def test_an_empty_store_is_sound(store: EmbeddedStore, folder: Path):
    assert found(folder) == []


@pytest.mark.parametrize(
    ("table", "column", "where"),
    [
        ("body", "data", "length(data)>3"),
        ("blob", "sha", "1"),
        ("blob", "size", "1"),
        ("blob", "file", "1"),
        ("manifest", "digest", "1"),
        ("manifest", "size", "ord=1"),
        ("change", "attrs", "attrs!=''"),
        ("change", "etag", "etag!=''"),
        ("change", "size", "kind=1"),
        ("change", "mtime", "1"),
        ("change", "key", "1"),
        ("change", "kind", "kind=1"),
        ("change", "nul", "1"),
        ("change", "digest", "digest IS NOT NULL"),
        ("change", "salt", "1"),
        ("part", "data", "ord=0"),
        ("part", "data", "ord=1 AND length(data)>2"),
        ("part", "salt", "ord=0"),
        ("commits", "record", "1"),
        ("commits", "hash", "1"),
        ("commits", "id", "1"),
        ("reflog", "who", "who!=''"),
        ("reflog", "at", "1"),
        ("reflog", "hash", "1"),
        ("ref", "seq", "name='v1'"),
        ("line", "tip", "1"),
        ("line", "hist_seq", "hist_seq IS NOT NULL"),
        ("node", "data", "1"),
        ("entry", "seq", "1"),
        ("epoch", "seq", "1"),
    ],
)
async def test_one_bit_that_flipped_is_found(built: Path, table: str, column: str, where: str):
    connection = connect(built / "store.db")
    flip(connection, table, column, where)
    connection.close()
    assert found(built) != []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM commits WHERE n=(SELECT max(n) FROM commits)",
        "DELETE FROM commits WHERE n>3",
        "DELETE FROM commits WHERE n=2",
        "DELETE FROM change WHERE seq=2",
        "DELETE FROM part WHERE ord=1",
        "DELETE FROM found",
        "DELETE FROM part WHERE ord=0",
        "DELETE FROM body",
        "DELETE FROM blob",
        "DELETE FROM manifest WHERE ord=1",
        "UPDATE manifest SET ord=-1 WHERE ord=1",
        "UPDATE commits SET seq=9 WHERE line=1 AND seq=5",
        "DELETE FROM entry WHERE seq=2",
        "DELETE FROM node",
        "DELETE FROM reflog WHERE n=1",
        "UPDATE epoch SET root=NULL",
        "UPDATE line SET root=NULL, pre_line=NULL, pre_from=NULL, pre_to=NULL",
        SLIPPED_IN,
    ],
)
async def test_what_is_missing_or_was_slipped_in_is_found(built: Path, statement: str):
    connection = connect(built / "store.db")
    connection.execute(statement)
    assert connection.changes() >= 1
    connection.close()
    assert found(built) != []


def _flip_file(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    "harm",
    [
        _flip_file,
        lambda file: file.unlink(),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(file.read_bytes() + b"x"),
    ],
    ids=["flipped", "missing", "shorter", "longer"],
)
async def test_a_content_file_that_is_not_what_it_was_is_found(
    built: Path, harm: Callable[[Path], object]
):
    file = min((built / "blobs").rglob("*-*"))
    harm(file)
    assert [one.where for one in found(built)] == [str(file.relative_to(built))]


async def test_a_finding_names_the_commit_that_is_not_what_it_was(built: Path):
    connection = connect(built / "store.db")
    (commit,) = first_row(connection, "SELECT id FROM commits WHERE line=1 AND seq=2")
    flip(connection, "part", "data", "ord=1 AND length(data)>2")
    connection.close()
    assert [one.where for one in found(built)] == [commit.hex()]


async def test_what_cannot_be_read_at_all_is_a_finding_too(built: Path):
    """Pages of the file overwritten one by one: each is found, or held nothing."""
    file = built / "store.db"
    with connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    sound = file.read_bytes()
    harmed = 0
    for page in range(1, len(sound) // 8192):
        file.write_bytes(sound[: page * 8192] + b"\xa5" * 8192 + sound[(page + 1) * 8192 :])
        harmed += bool(found(built))
    assert harmed >= len(sound) // 8192 // 2


async def test_what_is_no_store_is_said_to_be_none(tmp_path: Path):
    with pytest.raises(Corrupt):
        found(tmp_path)
    (tmp_path / "store.db").write_bytes(b"something else" * 1000)
    with pytest.raises(Corrupt):
        found(tmp_path)


async def test_a_store_is_sound_while_it_is_written_to(
    hand: Hand, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(flusher, "CHANGES_MIN", 10)
    monkeypatch.setattr(flusher, "CHANGES_MAX", 10)
    checked = asyncio.ensure_future(asyncio.to_thread(found, folder))
    number = 0
    while not checked.done() or number < 60:
        await hand.put(f"k{number}", b"x" if number % 20 else LARGE)
        if number % 15 == 0:
            await (await hand.branch(f"b{number}")).put("mine")
        number += 1
    assert await checked == []
    assert found(folder) == []


async def test_progress_goes_to_the_end_of_each_part(built: Path):
    seen: list[tuple[int, int, str]] = []
    verify(built, lambda *told: seen.append(told))
    parts = list(dict.fromkeys(what for _, _, what in seen))
    assert parts == ["database", "commits", "states", "contents"]
    for part in parts:
        told = [(done, total) for done, total, what in seen if what == part]
        assert told == sorted(told)
        assert told[-1][0] == told[-1][1]
