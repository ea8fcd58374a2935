"""Many objects to a branch in one commit, by way of a branch of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from gateway.cli.client import Client
from gateway.cli.errors import CommandError, WrongUse
from gateway.cli.progress import bars
from gateway.cli.s3 import S3, Listed

AT_ONCE = 8

_T = TypeVar("_T")


class Branch(NamedTuple):
    """A branch that gets them. repo: with its project, if any. pinned: the bucket of its head."""

    bucket: str
    name: str
    repo: str
    pinned: str
    commit: str


def open_branch(client: Client, bucket: str) -> Branch:
    """The branch that a bucket names. Raises WrongUse, and CommandError if it takes no upload."""
    at = client.get("refs", bucket, "log", limit=1)["at"]
    if at["kind"] != "branch":
        raise WrongUse(f"{bucket!r} is no branch", "an upload goes to a branch")
    # Whether it may be written to is known before anything is sent.
    _bring_over(client, bucket, bucket, dry_run=True)
    repo = at["repo"] if at["project"] == "default" else f"{at['repo']}.{at['project']}"
    return Branch(bucket, at["ref"], repo, at["pinned"], at["commit"])


def bring(
    client: Client,
    s3: S3,
    to: Branch,
    wanted: Mapping[str, _T],
    message: str,
    *,
    same: Callable[[_T, Listed], bool],
    send: Callable[[str, str, _T], None],
) -> str:
    """Make objects of what is wanted, by their keys, in one commit; its id.

    same: whether an object is that already. send: to bucket and key. Broken off, the branch is as
    it was, and the same once more goes on with what was not sent yet.
    """
    name = "upload_" + hashlib.sha256(f"{to.bucket}\0{sorted(wanted)}".encode()).hexdigest()[:16]
    bucket = f"{name}.{to.repo}"
    try:
        body = {"name": name, "from": f"{to.name}.{to.repo}"}
        client.post("repos", to.repo, "branches", body=body)
    except CommandError as error:
        if "AlreadyExists" not in str(error):
            raise
    there = {one.key: one for one in s3.list(bucket)}
    left = [key for key, one in wanted.items() if key not in there or not same(one, there[key])]
    each(left, lambda key: send(bucket, key, wanted[key]), "objects sent")
    made = _bring_over(client, bucket, to.bucket, message=message)
    client.delete("repos", to.repo, "branches", name)
    return str(made["head"])


def each(items: Sequence[_T], work: Callable[[_T], None], what: str) -> None:
    """Do something with each, several at once; the first that fails ends it."""
    with bars() as progress, ThreadPoolExecutor(AT_ONCE) as threads:
        running = [threads.submit(work, item) for item in items]
        try:
            for done, future in enumerate(running, 1):
                future.result()
                progress(done, len(items), what)
        finally:
            for future in running:
                future.cancel()


def _bring_over(client: Client, source: str, target: str, **more: Any) -> Any:
    body = {"from": source, "policy": "source", "squash": True, **more}
    return client.post("refs", target, "promote", body=body)
