"""Any sequence of writes, branches, promotes, reverts and restores gives what a plain model gives.

The model is dictionaries: each commit has its whole tree and its parents. After each step every
commit there ever was is compared with it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from every_store import kind_of_store
from hands import Hand, new_branch
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.lineage.reads import ReadLog
from gateway.lineage.recorder import Recorder
from gateway.merging.carrying import Tools, Who
from gateway.merging.differing import Policy
from gateway.merging.promote import Wanted, Way, promote
from gateway.merging.undo import Terms, restore, revert
from gateway.stores.embedded.verify import verify
from gateway.versioning.names import CommitId
from gateway.versioning.store import Store

Tree = dict[str, bytes]
KEYS = ("a", "b", "dir/c", "dir/d")
BRANCHES = ("master", "dev", "own")


@dataclass
class Made:
    """A commit. parents: the first, and what was merged."""

    id: CommitId
    tree: Tree
    parents: list[CommitId]


@dataclass
class Model:
    commits: dict[CommitId, Made] = field(default_factory=dict)
    heads: dict[str, CommitId] = field(default_factory=dict)

    def add(self, branch: str, commit: CommitId, tree: Tree, *more: CommitId) -> None:
        before = [self.heads[branch]] if branch in self.heads else []
        self.commits[commit] = Made(commit, tree, [*before, *more])
        self.heads[branch] = commit

    def first_parents(self, commit: CommitId) -> list[CommitId]:
        found = []
        at: CommitId | None = commit
        while at is not None:
            found.append(at)
            parents = self.commits[at].parents
            at = parents[0] if parents else None
        return found

    def base(self, one: CommitId, other: CommitId) -> CommitId | None:
        mine, theirs = self.first_parents(one), self.first_parents(other)
        merged = [
            {second for at in way for second in self.commits[at].parents[1:]}
            for way in (mine, theirs)
        ]
        common = (set(mine) & set(theirs)) | (set(mine) & merged[1]) | (set(theirs) & merged[0])
        order = list(self.commits)
        return max(common, key=order.index, default=None)

    def tree(self, commit: CommitId | None) -> Tree:
        return {} if commit is None else self.commits[commit].tree


def three_way(base: Tree, source: Tree, target: Tree, policy: Policy) -> Tree | None:
    """The merged tree; None where there are conflicts and the policy is to fail."""
    result = dict(target)
    for key in KEYS:
        was, theirs, mine = base.get(key), source.get(key), target.get(key)
        if theirs in {was, mine}:
            continue
        if mine != was and policy is Policy.FAIL:
            return None
        if mine != was and policy is Policy.DESTINATION:
            continue
        if theirs is None:
            result.pop(key, None)
        else:
            result[key] = theirs
    return result


branches, keys = st.sampled_from(BRANCHES), st.sampled_from(KEYS)
policies, picks = st.sampled_from(list(Policy)), st.integers(0, 30)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), branches, keys, st.sampled_from([b"1", b"2", b"3"])),
        st.tuples(st.just("delete"), branches, keys),
        st.tuples(st.just("promote"), branches, branches, policies),
        st.tuples(st.just("revert"), branches, picks, picks, policies),
        st.tuples(st.just("restore"), branches, picks, st.sampled_from(["", "a", "dir/"])),
    ),
    max_size=14,
)


class World:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.model = Model()
        self.tools = Tools(store, Recorder(store, ReadLog()), Who("bob", "k", "r", 7))
        self.hands: dict[str, Hand] = {}

    async def begin(self) -> None:
        master = await new_branch(self.store, "master.labels")
        self.model.add("master", (await master.head()).commit, {})
        self.model.add("master", await master.put("a", b"0"), {"a": b"0"})
        self.hands = {"master": master, "dev": await master.branch("dev")}
        self.model.heads["dev"] = self.model.heads["master"]
        own = self.hands["own"] = await new_branch(self.store, "own.labels")
        self.model.add("own", (await own.head()).commit, {})

    async def put(self, branch: str, key: str, data: bytes) -> None:
        tree = {**self.model.tree(self.model.heads[branch]), key: data}
        self.model.add(branch, await self.hands[branch].put(key, data), tree)

    async def delete(self, branch: str, key: str) -> None:
        tree = dict(self.model.tree(self.model.heads[branch]))
        tree.pop(key, None)
        self.model.add(branch, await self.hands[branch].delete(key), tree)

    async def promote(self, source: str, target: str, policy: Policy) -> None:
        model, one, other = self.model, self.model.heads[source], self.model.heads[target]
        base = model.base(one, other)
        states = await self.hands[source].head(), await self.hands[target].head()
        found = await self.store.base(*states)
        assert (found and found.commit) == base
        made = await promote(self.tools, *states, Wanted(policy=policy))
        if base == one:
            assert made.way is Way.NOTHING
            return
        if self.store.capabilities.forward and other in model.first_parents(one):
            assert (made.way, made.head) == (Way.FORWARD, one)
            model.heads[target] = one
            return
        tree = three_way(model.tree(base), model.tree(one), model.tree(other), policy)
        if tree is None:
            assert (made.way, made.head) == (Way.REFUSED, other)
            return
        assert made.way is Way.MERGE
        if not self.store.capabilities.forward and tree == model.tree(other):
            assert made.head == other  # Pachyderm makes no commit of no change
            return
        model.add(target, made.head, tree, one)

    async def revert(self, branch: str, late: int, early: int, policy: Policy) -> None:
        history = self.model.first_parents(self.model.heads[branch])
        last, first = sorted((late % len(history), early % len(history)))
        if last == first:
            return
        hand = self.hands[branch]
        model, head = self.model, self.model.heads[branch]
        base, to = model.tree(history[last]), model.tree(history[first])
        made = await revert(
            self.tools, await hand.head(), await hand.at(history[last]),
            await hand.at(history[first]), Terms(policy=policy),
        )  # fmt: skip
        tree = three_way(base, to, model.tree(head), policy)
        self.brought(branch, made.head, tree)

    async def restore(self, branch: str, pick: int, path: str) -> None:
        commits = list(self.model.commits)
        at = commits[pick % len(commits)]
        hand = self.hands[branch]
        made = await restore(self.tools, await hand.head(), await hand.at(at), Terms(path=path))
        head = self.model.tree(self.model.heads[branch])

        def chosen(key: str) -> bool:
            return not path or key == path or (path.endswith("/") and key.startswith(path))

        kept = {key: data for key, data in head.items() if not chosen(key)}
        back = {key: data for key, data in self.model.tree(at).items() if chosen(key)}
        self.brought(branch, made.head, kept | back)

    def brought(self, branch: str, commit: CommitId, tree: Tree | None) -> None:
        before = self.model.heads[branch]
        if tree is None or tree == self.model.tree(before):
            assert commit == before
        else:
            assert commit != before
            self.model.add(branch, commit, tree)

    async def check(self) -> None:
        for branch, commit in self.model.heads.items():
            assert (await self.hands[branch].head()).commit == commit
        hand = self.hands["master"]
        for made in self.model.commits.values():
            at = await hand.at(made.id)
            tree = {key: await hand.read(key, at) for key in await hand.all_keys(at)}
            assert tree == made.tree
            assert list((await self.store.commit_info(at)).parents) == made.parents


async def live(kind: str, folder: Path, steps: list[tuple[Any, ...]]) -> None:
    made = kind_of_store(kind, folder)
    store = await made.open()
    try:
        world = World(store)
        await world.begin()
        for what, *arguments in steps:
            await getattr(world, what)(*arguments)
        await world.check()
    finally:
        await store.close()
        await made.close()


@settings(max_examples=60)
@given(steps)
def test_any_history_is_what_the_model_says(steps: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory() as name:
        asyncio.run(live("embedded", Path(name), steps))
        assert verify(Path(name, "data"), lambda *_: None) == []


@settings(max_examples=60)
@given(steps)
def test_any_history_on_pachyderm_is_what_the_model_says(steps: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory() as name:
        asyncio.run(live("pachyderm", Path(name), steps))
