"""Writes by what the index of lineage finds them by."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.admin.errors import Refusal
from gateway.admin.models import iso
from gateway.admin.refs import open_repo
from gateway.admin.services import Caller
from gateway.admin.sources import SourcesSeen, may_read
from gateway.admin.traced import SourceOut, WriteOut, WritesOut
from gateway.auth.access import readable_repos
from gateway.lineage.graph import Node
from gateway.lineage.sought import source_terms
from gateway.lineage.standing import Standing, Standings
from gateway.lineage.uris import SCHEME, SourceUri, parse_place
from gateway.lineage.written import Used, used
from gateway.versioning.errors import Erased, InvalidKey, NoKey
from gateway.versioning.model import FoundWrite, Json
from gateway.versioning.names import BucketName, CommitId, RepoName, check_key, is_upload
from gateway.versioning.terms import Terms, of_annotator, of_person, of_task, term_of

LOOKED_AT_MAX = 2000


@dataclass(frozen=True, slots=True)
class Sought:
    """By what writes are looked for: one of source, annotator, person and task.

    source: an s3 URI, of an object, or of all in a bucket or below a `/`. person: the keyed hash.
    project: of the task, by Label Studio's id. repo: where; everywhere when None. current: only
    writes that stand on their branch still. standing: only where the source stands so.
    """

    source: str | None = None
    annotator: int | None = None
    person: str | None = None
    task: int | None = None
    project: int | None = None
    repo: str | None = None
    current: bool = False
    standing: Standing | None = None


async def writes_page(
    caller: Caller, sought: Sought, *, after: str | None, limit: int
) -> WritesOut:
    """Writes of the repos the caller may read, where they may read what was written.

    Raises Refusal, and what open_repo and source_terms do.
    """
    terms = await _terms(caller, sought)
    repos = await _repos(caller, sought.repo)
    begun = None if after is None else _cursor(after)
    rows = _Rows(caller, sought)
    looked_at = 0
    for repo in repos:
        if begun is not None and _order(repo) < _order(begun[0]):
            continue
        last = begun[1] if begun is not None and begun[0] == repo else None
        while True:
            page = await caller.store.find_writes(repo, terms, after=last, limit=limit)
            for write in page:
                last, looked_at = write, looked_at + 1
                await rows.take(repo, write)
                if len(rows.shown) == limit or looked_at == LOOKED_AT_MAX:
                    return WritesOut(writes=rows.shown, next_after=_spelled(repo, last))
            if len(page) < limit:
                break
    return WritesOut(writes=rows.shown, next_after=None)


class _Rows:
    """The rows of an answer, of those writes that the caller may read and asked for."""

    def __init__(self, caller: Caller, sought: Sought) -> None:
        self.shown: list[WriteOut] = []
        self._caller = caller
        self._sought = sought
        self._seen = SourcesSeen(caller)
        self._standings = Standings(caller.store)

    async def take(self, repo: RepoName, write: FoundWrite) -> None:
        """Show one write where it is to be shown."""
        # A store that answers at once would keep every other request waiting for the page.
        await asyncio.sleep(0)
        record = write.lineage
        living = record.get("bucket") or str(BucketName(repo, None, write.commit))
        current = await self._current(living, write)
        ref = living.split(".", maxsplit=1)[0]
        if (self._sought.current and not current) or is_upload(ref):
            return
        then = await self._standings.state(str(BucketName(repo, None, write.commit)))
        if then is None or not await may_read(self._caller, then, write.key):
            return
        source = None
        if self._sought.source is not None:
            form = await self._form(write)
            if form is None:
                return
            source = await self._source(form)
            if self._sought.standing not in {None, source.standing}:
                return
        self.shown.append(_write_out(repo, write, living, current=current, source=source))

    async def _current(self, living: str, write: FoundWrite) -> bool:
        at = await self._standings.state(living)
        if at is None:
            return False
        try:
            return (await self._caller.store.stat(at, write.key)).version == write.commit
        except (NoKey, Erased):
            return False

    async def _form(self, write: FoundWrite) -> Json | None:
        """The source that the write was found by; None where the caller may not read it."""
        record = await self._seen.of_record(write.lineage)
        return next((one.form for one in used(record) if term_of(one.form) == write.term), None)

    async def _source(self, form: Json) -> SourceOut:
        found = Used(form)
        return SourceOut(
            uri=str(found.named),
            version=found.version,
            evidence=found.evidence,
            changed_during=found.changed_during,
            standing=await self._standings.of(found),
        )


def _write_out(
    repo: RepoName, write: FoundWrite, living: str, *, current: bool, source: SourceOut | None
) -> WriteOut:
    record = write.lineage
    exact = Node(repo, write.commit, write.key, ref=living.split(".", maxsplit=1)[0])
    return WriteOut(
        object=str(SourceUri(living, write.key)),
        exact=str(exact.uri),
        version=write.commit,
        current=current,
        time=iso(record["time"]),
        kind=record["kind"],
        account=record.get("account"),
        project=record.get("project"),
        task=record.get("task"),
        annotation=record.get("annotation"),
        annotator=record.get("annotator"),
        annotator_hash=record.get("annotator_hash"),
        source=source,
    )


async def _terms(caller: Caller, sought: Sought) -> Terms:
    asked = {
        name: value
        for name, value in (
            ("source", sought.source),
            ("annotator", sought.annotator),
            ("person", sought.person),
            ("task", sought.task),
        )
        if value is not None
    }
    if len(asked) != 1:
        raise Refusal(
            400, "InvalidRequest", "ask for writes by one of source, annotator, person and task"
        )
    if sought.task is None and sought.project is not None:
        raise Refusal(400, "InvalidRequest", "project: of which task?")
    if sought.source is None and sought.standing is not None:
        raise Refusal(400, "InvalidRequest", "standing: of which source?")
    if sought.annotator is not None:
        return of_annotator(sought.annotator)
    if sought.person is not None:
        return of_person(sought.person)
    if sought.task is not None:
        return of_task(sought.task, sought.project)
    uri = parse_place(f"{SCHEME}{(sought.source or '').removeprefix(SCHEME)}")
    if uri is None:
        raise Refusal(400, "InvalidRequest", f"source is {sought.source!r}: write s3://bucket/key")
    return await source_terms(caller.store, uri)


async def _repos(caller: Caller, text: str | None) -> Sequence[RepoName]:
    if text is not None:
        return [(await open_repo(caller, text)).name]
    found = [repo.name for repo in await readable_repos(caller.access, caller.store)]
    return sorted(found, key=_order)


def _order(repo: RepoName) -> tuple[str, str]:
    return repo.project, repo.name


def _spelled(repo: RepoName, write: FoundWrite) -> str:
    """A cursor: where a page ended."""
    form = [repo.project, repo.name, write.term.hex(), write.commit, write.key]
    return base64.urlsafe_b64encode(json.dumps(form).encode()).decode("ascii").rstrip("=")


def _cursor(text: str) -> tuple[RepoName, FoundWrite]:
    try:
        padded = text + "=" * (-len(text) % 4)
        project, name, term, commit, key = json.loads(base64.urlsafe_b64decode(padded))
        write = FoundWrite(bytes.fromhex(term), CommitId(commit), check_key(key), {})
        bytes.fromhex(commit)
        return RepoName(name, project), write
    except (ValueError, TypeError, AttributeError, binascii.Error, InvalidKey):
        raise Refusal(400, "InvalidRequest", "after: pass on a next_after as it came") from None
