"""Several changes as one: all with one commit id, or none."""

from __future__ import annotations

import copy
from typing import Any

from fake_pachd.branches import Branches
from fake_pachd.commits import Commits
from fake_pachd.core import Caller, Core, method
from fake_pachd.model import new_id
from fake_pachd.picking import branch_key
from fake_pachd.refusals import Refusal
from fake_pachd.repos import Repos
from fake_pachd.wire import more


class Transactions:
    """BatchTransaction only."""

    def __init__(self, core: Core, repos: Repos, branches: Branches, commits: Commits) -> None:
        self._core = core
        self._repos = repos
        self._branches = branches
        self._commits = commits

    @method("/transaction_v2.API/BatchTransaction", "unary", more.BatchTransactionRequest)
    async def batch_transaction(self, request: Any, caller: Caller) -> Any:
        world = self._core.world
        before = copy.deepcopy(world.repos)
        info = more.TransactionInfo(transaction={"id": new_id()}, requests=request.requests)
        for number, one in enumerate(request.requests, 1):
            try:
                await self._run(one, info, caller)
            except Refusal as refusal:
                world.repos = before
                self._core.forget_trees()
                total = len(request.requests)
                raise refusal.within(f"error running request {number} of {total}") from None
        return info

    async def _run(self, one: Any, info: Any, caller: Caller) -> None:
        answer = info.responses.add()
        match next(field.name for field, _ in one.ListFields()):
            case "create_repo":
                await self._repos.create_repo(one.create_repo, caller)
            case "start_commit":
                asked = one.start_commit
                made = self._commits.start_asked(asked, caller, info.transaction.id)
                answer.commit.CopyFrom(made)
                # Unlike everywhere else, these answers tell the branch.
                answer.commit.branch.CopyFrom(asked.branch)
            case "finish_commit":
                self._commits.finish_asked(one.finish_commit, caller)
            case "create_branch":
                self._branches.create(one.create_branch, caller, info.transaction.id)
            case "delete_branch":
                key, name = branch_key(one.delete_branch.branch)
                self._branches.remove(key, name, force=one.delete_branch.force)
