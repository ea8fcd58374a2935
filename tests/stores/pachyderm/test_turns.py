"""Whose turn it is: one at a time, repos in turn, and nobody who left is given one."""

from __future__ import annotations

import asyncio

from gateway.stores.pachyderm.turns import Turns
from gateway.versioning.names import RepoName

A, B = RepoName("a"), RepoName("b")


async def test_repos_take_turns_and_nobody_is_in_together():
    turns, order = Turns(), []
    inside = 0

    async def one(repo: RepoName, name: str) -> None:
        nonlocal inside
        async with turns.of(repo):
            inside += 1
            assert inside == 1
            order.append(name)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(
        *(one(A, f"a{number}") for number in range(4)), *(one(B, f"b{number}") for number in "01")
    )
    assert order == ["a0", "a1", "b0", "a2", "b1", "a3"]
    assert not turns._held


async def test_who_leaves_while_waiting_is_passed_over():
    turns, order = Turns(), []

    async def one(repo: RepoName, name: str) -> None:
        async with turns.of(repo):
            order.append(name)
            await asyncio.sleep(0.01)

    first, second, third = [asyncio.create_task(one(A, name)) for name in "123"]
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(first, third)
    assert order == ["1", "3"]


async def test_a_turn_that_was_given_to_who_is_just_leaving_goes_on():
    turns, order = Turns(), []

    async def one(name: str) -> None:
        async with turns.of(A):
            order.append(name)

    async with turns.of(A):
        second, third = asyncio.create_task(one("2")), asyncio.create_task(one("3"))
        await asyncio.sleep(0)
    second.cancel()  # it was given the turn a moment ago
    await asyncio.gather(second, return_exceptions=True)
    await third
    assert order == ["3"]
    assert not turns._held
