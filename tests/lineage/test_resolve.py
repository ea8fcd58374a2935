"""From a URI to a version, and how sure that is."""

from __future__ import annotations

from hands import Hand

from gateway.lineage.evidence import Evidence
from gateway.lineage.resolve import Source, copied, resolve
from gateway.lineage.uris import SourceUri
from gateway.versioning.model import Repo, Snapshot
from gateway.versioning.names import parse_bucket
from gateway.versioning.store import Store


async def everywhere(_place: Repo | Snapshot, _key: str) -> bool:
    return True


async def one(store: Store, bucket: str, key: str, *, readable: bool = True) -> Source:
    async def may_read(_place: Repo | Snapshot, _key: str) -> bool:
        return readable

    [source] = await resolve(store, [SourceUri(bucket, key)], may_read)
    return source


async def test_a_branch_gives_the_version_at_its_head_now(store: Store, raw: Hand) -> None:
    await raw.put("k", b"old")
    version = await raw.put("k", b"new")
    await raw.put("other")
    for bucket in ("raw", "master.raw", "master.raw.default"):
        source = await one(store, bucket, "k")
        assert (source.evidence, source.version) == (Evidence.HEAD_AT_PUT, version)
        assert (source.ref or "master", source.pinned) == ("master", None)
        assert str(source.exact_uri).startswith(f"s3://{version}.")


async def test_a_commit_pins_the_version_whatever_its_branch_does(store: Store, raw: Hand) -> None:
    version = await raw.put("k", b"old")
    commit = await raw.put("other")
    await raw.put("k", b"new")
    for bucket in (f"{commit}.raw", f"{commit}.master.raw"):
        source = await one(store, bucket, "k")
        assert (source.evidence, source.version, source.pinned) == (
            Evidence.PINNED, version, commit,
        )  # fmt: skip
        assert source.exact_uri.key == "k"
        assert source.exact_uri.bucket.startswith(version)


async def test_a_tag_pins_as_its_commit_does(store: Store, raw: Hand) -> None:
    version = await raw.put("k", b"old")
    await store.create_tag((await raw.head()).repo.name, "v1", await raw.head(), account="ann")
    await raw.put("k", b"new")
    source = await one(store, "v1.raw", "k")
    assert (source.evidence, source.version, source.pinned, source.ref) == (
        Evidence.PINNED, version, version, "v1",
    )  # fmt: skip


async def test_what_is_not_there_in_a_repo_that_is_here_is_missing(store: Store, raw: Hand) -> None:
    await raw.put("gone")
    await raw.delete("gone")
    for bucket, key in [
        ("master.raw", "never"), ("master.raw", "gone"), ("dev.raw", "k"),
        ("f" * 32 + ".raw", "k"), ("f" * 32 + ".dev.raw", "k"), ("raw", "k" * 1025),
    ]:  # fmt: skip
        source = await one(store, bucket, key)
        assert (source.evidence, source.version) == (Evidence.MISSING, None), bucket
        assert source.repo is not None
        assert source.exact_uri == SourceUri(bucket, key)


async def test_what_is_nowhere_here_is_external(store: Store, raw: Hand) -> None:
    for bucket in ("elsewhere", "master.elsewhere", "a.b.c.d", "Under/Score", "raw.raw.other"):
        source = await one(store, bucket, "k")
        assert (source.evidence, source.repo) == (Evidence.EXTERNAL, None)


async def test_a_repo_the_writer_may_not_read_tells_nothing(store: Store, raw: Hand) -> None:
    await raw.put("k")
    for bucket, key in [("raw", "k"), ("raw", "never"), ("dev.raw", "k"), ("f" * 32 + ".raw", "k")]:
        source = await one(store, bucket, key, readable=False)
        assert (source.evidence, source.repo, source.version) == (Evidence.EXTERNAL, None, None)


async def test_order_is_kept_and_each_bucket_is_one_state(store: Store, raw: Hand) -> None:
    first, second = await raw.put("a"), await raw.put("b")
    uris = [SourceUri("raw", "b"), SourceUri("no.where", "x"), SourceUri("raw", "a")]
    found = await resolve(store, uris, everywhere)
    assert [source.uri for source in found] == uris
    assert [source.version for source in found] == [second, None, first]


async def test_a_copy_is_certain_of_its_source(store: Store, raw: Hand) -> None:
    version = await raw.put("k")
    commit = await raw.put("other")
    from_branch = copied(await raw.head(), await raw.stat("k"))
    assert (from_branch.evidence, from_branch.version, from_branch.pinned) == (
        Evidence.PINNED, version, None,
    )  # fmt: skip
    at = await store.resolve(parse_bucket(f"{commit}.raw"))
    from_commit = copied(at, await store.stat(at, "k"))
    assert (from_commit.version, from_commit.pinned) == (version, commit)


async def test_a_key_that_names_all_below_it_is_the_state_it_is_in(store: Store, raw: Hand) -> None:
    first = await raw.put("day/1")
    head = await raw.put("other")
    for key in ("", "day/"):
        source = await one(store, f"{first}.raw", key)
        assert (source.evidence, source.version, source.pinned) == (
            Evidence.PINNED, first, first,
        )  # fmt: skip
        source = await one(store, "raw", key)
        assert (source.evidence, source.version) == (Evidence.HEAD_AT_PUT, head)


async def test_where_nothing_is_below_it_such_a_key_is_missing(store: Store, raw: Hand) -> None:
    await raw.put("day")
    assert (await one(store, "raw", "day/")).evidence is Evidence.MISSING
    await raw.delete("day")
    assert (await one(store, "raw", "")).evidence is Evidence.MISSING


async def test_an_object_whose_key_ends_so_is_that_object(store: Store, raw: Hand) -> None:
    version = await raw.put("day/")
    await raw.put("day/1")
    source = await one(store, "raw", "day/")
    assert (source.evidence, source.version) == (Evidence.HEAD_AT_PUT, version)
