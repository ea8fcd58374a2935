"""DeleteObject and DeleteObjects: markers, keys that are gone, and versions taken away for good.

A DELETE of a key leaves a delete marker, which hides it and loses nothing. A DELETE of a version
takes its content out of history (an erase): it needs the right `erase` on every branch and tag
that shows the version, and leaves a tombstone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.lineage.recorder import Write
from gateway.protocol import deletes, locks
from gateway.protocol.deletes import Gone, Kept, Wanted
from gateway.protocol.errors import S3Error
from gateway.protocol.headers import object_headers
from gateway.protocol.operations import Right
from gateway.s3.body import read_document
from gateway.s3.call import Call, version_id
from gateway.s3.errors import translate
from gateway.s3.response import NO_CONTENT, Response, xml
from gateway.s3.versions import COMMIT_HEADER, VERSION_HEADER, allow_elsewhere
from gateway.s3.writing import who
from gateway.versioning.errors import (
    ConditionFailed,
    Erased,
    Held,
    NoKey,
    NoVersion,
    StoreError,
    Unsupported,
)
from gateway.versioning.holds import refusal
from gateway.versioning.model import (
    Committed,
    Condition,
    Delete,
    Erase,
    ObjectInfo,
    Outcome,
    Ref,
    Snapshot,
)
from gateway.versioning.names import NULL_VERSION, CommitId, check_key
from gateway.versioning.views import State, state_of, writes_null

# Between looking at what an entry names and the commit of them all, that may have changed.
_ATTEMPTS = 3
_NO_ERASE = "This store keeps every version: it cannot take the content of one out of its history."


async def delete_object(call: Call) -> Response:
    """DeleteObject: always 204 where nothing forbids it, whether or not anything is there."""
    branch = await call.branch()
    wanted = Wanted(
        call.key, call.request.params.get("versionId"), deletes.terms(call.request.headers)
    )
    change = await _Deletion(call, branch).change(wanted)
    try:
        committed = await _commit(call, branch, [] if change is None else [change])
    except NoKey:  # somebody else was first, and the terms are of nothing now
        committed = Committed(None, ())
    gone = _gone(branch, wanted, committed.outcomes[0] if committed.outcomes else None)
    headers = _commit_headers(committed)
    if gone.marker is not None:
        headers.append(("x-amz-delete-marker", "true"))
    version = gone.version or gone.marker
    if version is not None and (gone.version or not writes_null(branch)):
        headers.append((VERSION_HEADER, version))
    return Response(NO_CONTENT, headers)


async def delete_objects(call: Call) -> Response:
    """DeleteObjects: up to 1,000 keys and versions in one commit, each with its own result."""
    branch = await call.branch()
    asked, quiet = deletes.parse_delete(await read_document(call, integrity=True))
    wanted = list(dict.fromkeys(asked))
    for _ in range(_ATTEMPTS):
        changes, gone, kept = await _judged(call, branch, wanted)
        try:
            committed = await _commit(call, branch, list(changes.values()))
        except (ConditionFailed, NoKey, Held):
            branch = await call.branch()
            continue
        gone += [
            _gone(branch, one, outcome)
            for one, outcome in zip(changes, committed.outcomes, strict=True)
        ]
        return xml(deletes.render([] if quiet else gone, kept), *_commit_headers(committed))
    raise S3Error("SlowDown", "What is to be deleted is written to all the time. Try again.")


@dataclass(frozen=True, slots=True)
class _Marker:
    """A delete marker. version: its commit."""

    version: CommitId


class _Deletion:
    """Turns what a client wants to be gone into changes, or says why not."""

    def __init__(self, call: Call, branch: Snapshot) -> None:
        headers = call.request.headers
        self._call = call
        self._branch = branch
        self._bypass = locks.asks_bypass(headers)
        self._reason = object_headers(headers).message
        self._others: Sequence[Ref] | None = None

    async def change(self, wanted: Wanted) -> Delete | Erase | None:
        """The change that does it; None where terms were given and nothing is there to meet them.

        Raises AccessDenied, PreconditionFailed, InvalidKey, InvalidArgument, Held.
        """
        key = check_key(wanted.key)
        version = None if wanted.version is None else version_id(wanted.version)
        unset = state_of(self._branch) is State.UNSET
        if version is None or (version == NULL_VERSION and unset):
            return await self._delete(key, wanted, unset=unset)
        return await self._erase(key, version, wanted)

    async def _delete(self, key: str, wanted: Wanted, *, unset: bool) -> Delete | None:
        if self._call.operation.by_key:
            await self._call.allow(self._branch, Right.DELETE, key)
        condition = None
        if wanted.terms.given:
            found = await self._found(key, None)
            if not isinstance(found, ObjectInfo):
                if found is not None:
                    wanted.terms.demand_of_marker()
                return None
            wanted.terms.demand(found.etag, found.modified_ms, found.size)
            condition = Condition(etag=found.etag)
        described = await self._call.services.recorder.describe_delete(
            Write.of_delete(self._branch, key, **who(self._call))
        )
        return Delete(
            key, described.record, condition, null=writes_null(self._branch), marker=not unset
        )

    async def _erase(self, key: str, version: CommitId, wanted: Wanted) -> Erase | None:
        if not self._call.store.capabilities.erase:
            raise Unsupported(_NO_ERASE)
        await self._call.allow(self._branch, Right.ERASE, key, version=version)
        found = await self._found(key, version)
        if found is None:
            return None
        if isinstance(found, ObjectInfo):
            wanted.terms.demand(found.etag, found.modified_ms, found.size)
            if why := refusal(found.side, self._call.services.clock(), bypass=self._bypass):
                raise Held(why)
        elif wanted.terms.given:
            wanted.terms.demand_of_marker()
        await self._allow_elsewhere(key, found.version)
        return Erase(key, found.version, self._reason, self._bypass)

    async def _found(self, key: str, version: CommitId | None) -> ObjectInfo | _Marker | None:
        """What is there: an object, a delete marker, or nothing (any more)."""
        try:
            return await self._call.store.stat(self._branch, key, version)
        except NoKey as error:
            return None if error.marker is None else _Marker(CommitId(error.marker))
        except (NoVersion, Erased):
            return None

    async def _allow_elsewhere(self, key: str, version: CommitId) -> None:
        """Raise AccessDenied unless the version may be taken from whatever else shows it."""
        store, repo = self._call.store, self._branch.repo.name
        if self._others is None:
            refs = await store.refs(repo)
            self._others = [ref for ref in refs if ref.name != self._branch.ref]
        if self._others:
            action = "s3:DeleteObjectVersion"
            await allow_elsewhere(
                self._call, self._branch, version, Right.ERASE, key, action=action
            )


async def _judged(
    call: Call, branch: Snapshot, wanted: Sequence[Wanted]
) -> tuple[dict[Wanted, Delete | Erase], list[Gone], list[Kept]]:
    """The changes to make, by what wants them; what is gone already; and what has to stay."""
    deletion = _Deletion(call, branch)
    changes: dict[Wanted, Delete | Erase] = {}
    gone: list[Gone] = []
    kept: list[Kept] = []
    for one in wanted:
        try:
            change = await deletion.change(one)
        except (S3Error, StoreError) as error:
            told = error if isinstance(error, S3Error) else translate(error, call.request)
            if told.status >= 500 and told.code != "NotImplemented":
                raise
            kept.append(Kept(one.key, one.version, told.code, told.message))
            continue
        if change is None:
            gone.append(_gone(branch, one, None))
        else:
            changes[one] = change
    return changes, gone, kept


async def _commit(call: Call, branch: Snapshot, changes: Sequence[Delete | Erase]) -> Committed:
    """Make the changes in one commit; nothing is committed where there are none."""
    if not changes:
        return Committed(None, ())
    kind = "erase" if all(isinstance(one, Erase) for one in changes) else "delete"
    return await call.commit(branch, changes, kind, object_headers(call.request.headers).message)


def _gone(branch: Snapshot, wanted: Wanted, outcome: Outcome | None) -> Gone:
    """What a client is told of something that is gone. outcome: None where it was before."""
    if wanted.version is not None:
        went = outcome is not None and outcome.marker
        return Gone(wanted.key, wanted.version, wanted.version if went else None)
    if outcome is None or state_of(branch) is State.UNSET:
        return Gone(wanted.key)
    return Gone(wanted.key, None, NULL_VERSION if writes_null(branch) else outcome.version)


def _commit_headers(committed: Committed) -> list[tuple[str, str]]:
    return [] if committed.commit is None else [(COMMIT_HEADER, committed.commit.id)]
