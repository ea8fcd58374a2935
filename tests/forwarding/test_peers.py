"""Which of the others are there."""

from __future__ import annotations

import httpx

from gateway.forwarding.peers import LIVE_SECONDS, Peers
from gateway.versioning.names import RepoName

ONE, TWO, THREE = "http://one:9000", "http://two:9000", "http://three:9000"


class World:
    """Replicas that answer or not, and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.up = {"one", "two", "three"}
        self.asked: list[str] = []
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.peers = Peers([ONE, TWO, THREE], TWO, http, monotonic=lambda: self.now)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if request.url.host not in self.up:
            raise httpx.ConnectError("refused")
        return httpx.Response(200)


async def test_alone_until_the_others_answer() -> None:
    world = World()
    assert world.peers.live == [TWO]
    await world.peers.look()
    assert sorted(world.peers.live) == sorted([ONE, TWO, THREE])
    assert sorted(world.asked) == [f"{ONE}/-/healthz", f"{THREE}/-/healthz"]


async def test_who_does_not_answer_is_gone_in_a_few_seconds_and_comes_back() -> None:
    world = World()
    await world.peers.look()
    world.up = {"one"}
    world.now += LIVE_SECONDS - 1
    await world.peers.look()
    assert THREE in world.peers.live
    world.now += 1
    assert sorted(world.peers.live) == sorted([ONE, TWO])
    world.up.add("three")
    await world.peers.look()
    assert THREE in world.peers.live


async def test_who_is_found_lost_is_gone_at_once() -> None:
    world = World()
    await world.peers.look()
    world.peers.lost(ONE)
    assert sorted(world.peers.live) == sorted([TWO, THREE])


async def test_what_this_one_owns_has_no_owner_elsewhere() -> None:
    world = World()
    await world.peers.look()
    owners = {world.peers.owner(RepoName(f"r{n}")) for n in range(100)}
    assert owners == {None, ONE, THREE}
