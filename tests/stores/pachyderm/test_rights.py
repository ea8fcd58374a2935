"""With Pachyderm's auth on and a token that owns its repos, but may drop no commits.

Dropping takes a right on the cluster.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fake_pachd import FakePachd
from hands import Hand

from gateway.stores.pachyderm.channel import Pachd
from gateway.stores.pachyderm.pfs import GIVEN_UP, Pfs
from gateway.stores.pachyderm.store import PachydermStore
from gateway.stores.pachyderm.target import Target
from gateway.versioning.names import RepoName

REPO = RepoName("labels")


@asynccontextmanager
async def as_owner(fake: FakePachd, folder: Path) -> AsyncIterator[tuple[Pfs, PachydermStore]]:
    fake.auth.activate("root")
    token = fake.auth.add_token("robot:gw")
    pachd = Pachd(Target(fake.address, tls=False, root_certificates=None, token=token))
    pfs = Pfs(pachd)
    store = await PachydermStore.open(
        pfs, folder, clock=lambda: time.time_ns() // 1_000_000, cache_bytes=2**20
    )
    try:
        yield pfs, store
    finally:
        await store.close()
        await pachd.close()


async def test_a_commit_that_may_not_be_dropped_is_given_up_and_the_branch_goes_on(
    fake: FakePachd, tmp_path: Path
):
    async with as_owner(fake, tmp_path) as (pfs, store):
        await store.create_branch(REPO, "master", account="ann", create_repo=True)
        hand = Hand(store)
        first = await hand.put("a", b"1")
        stuck = await pfs.start_commit(REPO, "master", "labelgate: what never came to be")
        await pfs.drop_commit(REPO, stuck)
        given_up = await pfs.inspect_commit(REPO, stuck)
        assert (given_up.description, given_up.error) == (GIVEN_UP, GIVEN_UP)
        second = await hand.put("b", b"2")
        assert await hand.keys() == ["a", "b"]
        assert [await hand.read("a"), await hand.read("b")] == [b"1", b"2"]
        assert {first, second} <= set(await hand.log())
