"""The settings of a bucket that are not offered: see gateway.protocol.configurations."""

from __future__ import annotations

from gateway.protocol import configurations
from gateway.protocol.configurations import SETTINGS
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import OPERATIONS, Level, Operation
from gateway.s3.body import read_document
from gateway.s3.call import Call, Handler
from gateway.s3.response import NO_CONTENT, Response, xml


async def get_setting(call: Call) -> Response:
    """Get...: that it is not there, or what holds instead."""
    await call.bucket()
    return xml(SETTINGS[call.operation.marker].answer())


async def list_settings(call: Call) -> Response:
    """List...: none."""
    await call.bucket()
    return xml(configurations.render_list(SETTINGS[call.operation.marker]))


async def put_setting(call: Call) -> Response:
    """Put...: taken where it changes nothing, else refused with the reason."""
    await call.branch()
    SETTINGS[call.operation.marker].demand(await read_document(call))
    return Response(200)


async def delete_setting(call: Call) -> Response:
    """Delete...: it is not there."""
    await call.branch()
    setting = SETTINGS[call.operation.marker]
    if setting.listed:
        raise S3Error(setting.missing)
    return Response(NO_CONTENT)


def _handler(row: Operation) -> Handler:
    if row.method != "GET":
        return put_setting if row.method == "PUT" else delete_setting
    return list_settings if row.name.startswith("List") else get_setting


HANDLERS: dict[str, Handler] = {
    row.name: _handler(row)
    for row in OPERATIONS
    if row.level is Level.BUCKET and row.marker in SETTINGS
}
