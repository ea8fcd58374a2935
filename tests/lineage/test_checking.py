"""How sources stand today, and what is doubtful about them."""

from __future__ import annotations

from typing import Any

import pytest
from hands import Hand

from gateway.lineage.checking import doubts
from gateway.lineage.standing import Standing, Standings
from gateway.lineage.written import Used
from gateway.versioning.model import Erase
from gateway.versioning.names import CommitId
from gateway.versioning.store import Store


def used(path: str, commit: CommitId | None, bucket: str = "master.raw", **more: Any) -> Used:
    form: dict[str, Any] = {"uri": f"s3://{bucket}/{path}", "evidence": "observed"}
    form |= {"repo": "raw", "project": "default", "ref": "master", "path": path, **more}
    return Used(form if commit is None else form | {"commit": commit})


async def standing(store: Store, source: Used) -> Standing | None:
    return await Standings(store).of(source)


async def test_a_source_stands_by_what_its_uri_names_now(store: Store, raw: Hand) -> None:
    version = await raw.put("a")
    assert await standing(store, used("a", version)) is Standing.CURRENT
    await raw.put("a", b"new")
    assert await standing(store, used("a", version)) is Standing.STALE
    await raw.delete("a")
    assert await standing(store, used("a", version)) is Standing.GONE
    assert await standing(store, used("a", version, "dev.raw")) is Standing.GONE
    assert await standing(store, used("a", None)) is None


async def test_what_is_pinned_stays_as_it_is(store: Store, raw: Hand) -> None:
    version = await raw.put("a")
    await store.create_tag((await raw.head()).repo.name, "v1", await raw.head(), account="ann")
    await raw.put("a", b"new")
    for bucket in ("v1.raw", f"{version}.raw", f"{version}.master.raw"):
        assert await standing(store, used("a", version, bucket, pinned=version)) is Standing.CURRENT


async def test_an_erased_version_is_gone_whatever_stands_there(store: Store, raw: Hand) -> None:
    version = await raw.put("a")
    await raw.put("a", b"new")
    await raw.write(Erase("a", version))
    assert await standing(store, used("a", version)) is Standing.GONE
    assert await standing(store, used("a", version, f"{version}.raw")) is Standing.GONE


@pytest.mark.parametrize("prefix", ["", "day/"])
async def test_a_state_stands_while_nothing_of_it_differs(
    store: Store, raw: Hand, prefix: str
) -> None:
    state = await raw.put("day/1")
    assert await standing(store, used(prefix, state)) is Standing.CURRENT
    await raw.put("other")
    other = Standing.STALE if prefix == "" else Standing.CURRENT
    assert await standing(store, used(prefix, state)) is other
    await raw.put("day/1", b"new")
    assert await standing(store, used(prefix, state)) is Standing.STALE


@pytest.mark.parametrize(
    ("evidence", "found"),
    [
        ("pinned", []), ("observed", []), ("observed-before", []), ("head-at-open", []),
        ("head-at-put", ["weak"]), ("external", ["weak"]), ("missing", ["missing"]),
    ],
)  # fmt: skip
async def test_evidence_that_is_a_guess_is_a_doubt(
    store: Store, raw: Hand, evidence: str, found: list[str]
) -> None:
    version = await raw.put("a")
    known = None if evidence in {"external", "missing"} else version
    record = {"sources": [dict(used("a", known, evidence=evidence).form)]}
    assert [one.doubt for one in await doubts(record, Standings(store))] == found


async def test_a_version_elsewhere_that_is_named_is_no_guess(store: Store) -> None:
    source = {"uri": "s3://old/a", "evidence": "external", "version_id": "3HL4"}
    assert await doubts({"sources": [source]}, Standings(store)) == []
    del source["version_id"]
    assert [one.doubt for one in await doubts({"sources": [source]}, Standings(store))] == ["weak"]


async def test_each_doubt_about_each_source_is_told(store: Store, raw: Hand) -> None:
    old, gone = await raw.put("a"), await raw.put("b")
    await raw.put("a", b"new")
    await raw.delete("b")
    sources = [
        used("a", old, evidence="head-at-put", changed_during=True),
        used("b", gone),
        used("c", None, evidence="missing"),
    ]
    found = await doubts({"sources": [dict(one.form) for one in sources]}, Standings(store))
    assert [(one.source.key, str(one.doubt)) for one in found] == [
        ("a", "stale"), ("a", "weak"), ("a", "changed-during"), ("b", "dangling"), ("c", "missing"),
    ]  # fmt: skip
