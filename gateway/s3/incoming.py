"""What a write says of its object that may change later without making a version.

Tags, access list, retention and hold: they are kept beside the version (side state), by the one
who writes it, in the commit that makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.protocol import acl as acls
from gateway.protocol import locks as lock_headers
from gateway.protocol import tagging
from gateway.protocol.operations import Right
from gateway.s3 import locks
from gateway.s3.access import acl_of_write
from gateway.s3.call import Call
from gateway.s3.tagging import TAGS
from gateway.versioning.holds import HOLD, RETENTION
from gateway.versioning.model import Json, Snapshot

ACL = "acl"


async def side(call: Call, branch: Snapshot, tags: Mapping[str, str] | None = None) -> Json:
    """The side state a write's object begins with.

    tags: those of a copy's source, where they come along; else the request's own.
    Raises InvalidArgument, InvalidTag, InvalidRequest (no object lock on the bucket), AccessDenied
    (retention or hold without the right to set them, tags or access list that a policy denies).
    """
    return retained(call, branch, await said(call, branch, tags))


async def said(call: Call, branch: Snapshot, tags: Mapping[str, str] | None = None) -> Json:
    """The same without what the bucket adds when the object is made: for an upload, which is not.

    The form is JSON. Raises what side does.
    """
    headers = call.request.headers
    form: dict[str, Any] = {}
    if tags is None and tagging.HEADER in headers:
        tags = tagging.parse_header(headers[tagging.HEADER])
    if tags:
        # Who may not do so by a request of its own may not by the way either.
        await call.check_denials(branch, "s3:PutObject", "s3:PutObjectTagging", tags=tags)
        form[TAGS] = dict(tags)
    lock = lock_headers.of_write(headers, call.services.clock())
    # Whoever may write cannot therefore fill a bucket with what nobody can erase.
    if lock.retention is not None:
        locks.require(branch)
        await call.allow(branch, Right.ADMIN, call.key, action="s3:PutObjectRetention")
        form[RETENTION] = locks.beside(lock.retention)
    if lock.hold is not None:
        locks.require(branch)
        await call.allow(branch, Right.ADMIN, call.key, action="s3:PutObjectLegalHold")
        form[HOLD] = lock.hold
    if acls.asked(headers):
        await call.check_denials(branch, "s3:PutObjectAcl")
    acl = acl_of_write(call, branch)
    if acl is not None:
        form[ACL] = acl
    return form


def retained(call: Call, branch: Snapshot, given: Json) -> Json:
    """`given` with the bucket's default retention, which begins now, where it has none."""
    default = locks.default_of(branch)
    if default is None or RETENTION in given:
        return given
    until = default.until(call.services.clock())
    return {**given, RETENTION: locks.beside(lock_headers.Retention(default.mode, until))}
