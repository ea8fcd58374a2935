"""What is doubtful about the lineage of the objects of a state."""

from __future__ import annotations

import asyncio

from gateway.admin.history import at_out
from gateway.admin.refs import LISTED, resolve_ref, spell
from gateway.admin.services import Caller
from gateway.admin.sources import SourcesSeen
from gateway.admin.traced import CheckOut, FindingOut
from gateway.auth.sight import list_seen
from gateway.lineage.checking import Found, doubts
from gateway.lineage.query import made_by
from gateway.lineage.standing import Standings
from gateway.lineage.uris import SourceUri
from gateway.versioning.errors import Erased, NoKey
from gateway.versioning.names import CommitId


async def check_page(caller: Caller, ref: str, *, prefix: str, after: str, limit: int) -> CheckOut:
    """What is doubtful about the lineage of the objects at `ref`, of those the caller may read.

    A copy is judged by the record of what it is a copy of. Raises what resolve_ref does.
    """
    at = await resolve_ref(caller, ref)
    sight = await caller.access.sight(at, LISTED)
    page = await list_seen(caller.store, at, sight, prefix=prefix, after=after, limit=limit)
    standings, seen = Standings(caller.store), SourcesSeen(caller)
    findings: list[FindingOut] = []
    bucket = spell(at)
    for entry in page.entries:
        await asyncio.sleep(0)
        try:
            info = await caller.store.stat(at, entry.key)
        except (NoKey, Erased):
            continue  # erased since the page was read
        record = await made_by(caller.store, at, info)
        if record is None:
            continue
        name = SourceUri(bucket, entry.key)
        found = await doubts(await seen.of_record(record), standings)
        findings += [_finding_out(name, info.version, one) for one in found]
    return CheckOut(
        at=at_out(at), findings=findings, looked_at=len(page.entries), next_after=page.next_after
    )


def _finding_out(name: SourceUri, version: CommitId, found: Found) -> FindingOut:
    return FindingOut(
        object=str(name),
        version=version,
        finding=found.doubt,
        source=str(found.source.named),
        evidence=found.source.evidence,
        details=dict(found.source.form),
    )
