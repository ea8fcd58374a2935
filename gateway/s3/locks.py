"""Object lock: what keeps a version from being erased, and since when a bucket asks for it.

The default of a bucket is the branch's property `object_lock`; retention and legal hold are side
state of a version, which the store honours whoever wants to erase it (gateway.versioning.holds).
"""

from __future__ import annotations

from gateway.protocol import locks
from gateway.protocol.errors import S3Error
from gateway.protocol.locks import DefaultRetention, Retention
from gateway.protocol.operations import Right
from gateway.s3.body import read_document
from gateway.s3.call import Call
from gateway.s3.response import Response, xml
from gateway.s3.versions import allow_elsewhere, find
from gateway.versioning.errors import Unsupported
from gateway.versioning.holds import HOLD, RETENTION, loosening
from gateway.versioning.model import Json, ObjectInfo, Snapshot
from gateway.versioning.views import State, state_of

PROPERTY = "object_lock"
_NO_LOCK = (
    "This store erases nothing, and changes nothing beside a version: there is no object lock."
)
ENABLED: Json = {"enabled": True}
"""The property of a bucket that has object lock and no default retention."""


def is_enabled(bucket: Snapshot) -> bool:
    """Whether the bucket has object lock; once it has, it keeps it."""
    return PROPERTY in bucket.properties


def default_of(bucket: Snapshot) -> DefaultRetention | None:
    """What versions written without a retention of their own are kept for."""
    form = bucket.properties.get(PROPERTY, {})
    if "mode" not in form:
        return None
    return DefaultRetention(form["mode"].upper(), form.get("days", 0), form.get("years", 0))


def require(bucket: Snapshot) -> None:
    """Raise InvalidRequest unless the bucket has object lock."""
    if not is_enabled(bucket):
        raise S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")


def require_capable(call: Call) -> None:
    """Raise Unsupported where no hold could be taken off and no retention made longer."""
    if not call.store.capabilities.side:
        raise Unsupported(_NO_LOCK)


def beside(retention: Retention) -> Json:
    """A retention as side state."""
    return {"mode": retention.mode.lower(), "until": retention.until_ms}


def retention_of(info: ObjectInfo) -> Retention | None:
    """The retention of a version, also one that is over."""
    form = info.side.get(RETENTION)
    return None if not form else Retention(form["mode"].upper(), int(form["until"]))


def headers(info: ObjectInfo) -> list[tuple[str, str]]:
    """What a reader is told of retention and hold."""
    return locks.shown(retention_of(info), info.side.get(HOLD))


async def get_object_lock_configuration(call: Call) -> Response:
    """GetObjectLockConfiguration: that there is object lock, and the default retention."""
    bucket = await call.bucket()
    if not is_enabled(bucket):
        raise S3Error("ObjectLockConfigurationNotFoundError", BucketName=call.request.bucket)
    return xml(locks.render_configuration(default_of(bucket)))


async def put_object_lock_configuration(call: Call) -> Response:
    """PutObjectLockConfiguration: the default of what is written from now on.

    Switches object lock on where versions are Enabled; nothing switches it off again.
    """
    branch = await call.branch()
    default = locks.parse_configuration(await read_document(call))
    require_capable(call)
    if state_of(branch) is not State.ENABLED:
        raise S3Error(
            "InvalidBucketState",
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
        )
    form = dict(ENABLED)
    if default is not None:
        period = {"days": default.days} if default.days else {"years": default.years}
        form |= {"mode": default.mode.lower(), **period}
    await call.store.configure(branch, {PROPERTY: form})
    return Response(200)


async def get_object_retention(call: Call) -> Response:
    """GetObjectRetention: mode and day of a version, also when the day is past."""
    bucket = await call.bucket()
    require(bucket)
    retention = retention_of(await find(call, bucket))
    if retention is None:
        raise S3Error("NoSuchObjectLockConfiguration")
    return xml(locks.render_retention(retention))


async def put_object_retention(call: Call) -> Response:
    """PutObjectRetention: keep a version, or keep it longer.

    To keep it shorter or in another mode is to loosen it: that needs the right `erase` on every
    branch and tag that shows the version and the header that asks to bypass, and is never done to
    mode compliance.
    """
    branch = await call.branch()
    require(branch)
    now = call.services.clock()
    wanted = locks.parse_retention(await read_document(call), now)
    info = await find(call, branch)
    changes = {RETENTION: None if wanted is None else beside(wanted)}
    bypass = False
    if loosening(info.side, changes, now, bypass=False) is not None:
        bypass = await _may_bypass(call, branch, info)
    # Of the version that was looked at; whether it may be is judged again where it is done.
    await call.store.set_side(branch, call.key, info.version, changes, bypass=bypass)
    return Response(200)


async def get_object_legal_hold(call: Call) -> Response:
    """GetObjectLegalHold: ON or OFF, once either was said."""
    bucket = await call.bucket()
    require(bucket)
    hold = (await find(call, bucket)).side.get(HOLD)
    if hold is None:
        raise S3Error("NoSuchObjectLockConfiguration")
    return xml(locks.render_legal_hold(hold))


async def put_object_legal_hold(call: Call) -> Response:
    """PutObjectLegalHold: keep a version until the hold is taken off.

    To take it off needs the right on every branch and tag that shows the version.
    """
    branch = await call.branch()
    require(branch)
    on = locks.parse_legal_hold(await read_document(call))
    info = await find(call, branch)
    if not on:
        action = "s3:PutObjectLegalHold"
        await allow_elsewhere(call, branch, info.version, Right.ADMIN, call.key, action=action)
    await call.store.set_side(branch, call.key, info.version, {HOLD: on})
    return Response(200)


async def _may_bypass(call: Call, branch: Snapshot, info: ObjectInfo) -> bool:
    """Whether the caller asks to pass a retention. Raises AccessDenied where he may not."""
    if not locks.asks_bypass(call.request.headers):
        return False
    action = "s3:BypassGovernanceRetention"
    await call.allow(branch, Right.ERASE, call.key, action=action)
    await allow_elsewhere(call, branch, info.version, Right.ERASE, call.key, action=action)
    return True
