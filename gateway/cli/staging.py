"""Many objects to a branch in one commit, by way of a branch of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from gateway.cli.client import Client
from gateway.cli.errors import CommandError, WrongUse
from gateway.cli.progress import bars
from gateway.cli.refs import repo_of
from gateway.cli.s3 import S3, Listed
from gateway.versioning.errors import InvalidKey
from gateway.versioning.names import UPLOADS, check_key

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
    return Branch(bucket, at["ref"], repo_of(at), at["pinned"], at["commit"])


def missing(s3: S3, bucket: str, prefix: str, wanted: Iterable[Listed]) -> list[Listed]:
    """What of it a bucket does not have, or has other bytes of."""
    there = {one.key: one for one in s3.objects(bucket, prefix)}
    return [one for one in wanted if there.get(one.key) != one]


def bring(
    client: Client,
    s3: S3,
    to: Branch,
    wanted: Sequence[Listed],
    *,
    about: tuple[str, Mapping[str, str]],
    send: Callable[[str, str], None],
) -> str:
    """Make these objects, by their keys, in one commit; its id.

    about: message and metadata of the commit. send: to a bucket what has a key. Broken off, the
    branch is as it was, and the same once more goes on with what was not sent yet.
    """
    for one in wanted:
        try:
            check_key(one.key)
        except InvalidKey as error:
            raise CommandError(f"{one.key!r} cannot be an object: {error}") from None
    # Named by all that it will hold: who sends other bytes to the same keys is not in its way.
    content = "".join(f"{one.key}\0{one.size}\0{one.etag}\0" for one in wanted)
    name = UPLOADS + hashlib.sha256(f"{to.bucket}\0{content}".encode()).hexdigest()[:16]
    bucket = f"{name}.{to.repo}"
    try:
        client.post("repos", to.repo, "branches", body={"name": name, "from": to.pinned})
    except CommandError as error:
        if "AlreadyExists" not in str(error):
            raise
    try:
        left = [one.key for one in missing(s3, bucket, "", wanted)]
        each(left, lambda key: send(bucket, key), "objects sent")
        made = _bring_over(client, bucket, to.bucket, message=about[0], metadata=about[1])
    except CommandError as error:
        error.hint += (
            f"\n  what was sent waits on branch {name}: run it again to go on, or "
            f"`labelgate branch delete {bucket}`"
        )
        raise
    try:
        client.delete("repos", to.repo, "branches", name)
    except CommandError as error:
        if "NoRef" not in str(error):  # the same was sent by somebody else as well
            raise
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
