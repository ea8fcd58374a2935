"""GetObjectAttributes: what a HEAD tells and more, each attribute only where it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.protocol import attributes, dates
from gateway.s3.call import Call
from gateway.s3.response import Response, xml
from gateway.s3.versions import find, read_headers
from gateway.versioning.model import Attributes


async def get_object_attributes(call: Call) -> Response:
    """GetObjectAttributes of the object, or of one version."""
    bucket = await call.bucket()
    asked = attributes.parse(call.request.headers)
    info = await find(call, bucket)
    headers = [
        ("last-modified", dates.http_date(info.modified_ms)),
        *read_headers(bucket, info),
    ]
    told = attributes.Told(
        etag=info.etag,
        size=info.size,
        checksums=info.attributes.checksums,
        composite=info.attributes.composite,
        parts=_parts(info.attributes),
    )
    return xml(attributes.render(asked, told), *headers)


def _parts(of: Attributes) -> Sequence[tuple[int, Mapping[str, str]]]:
    """Size and checksums of each part, the latter where they were kept."""
    if not of.part_checksums:
        return [(size, {}) for size in of.part_sizes]
    (algorithm,) = of.checksums
    sums = zip(of.part_sizes, of.part_checksums, strict=True)
    return [(size, {algorithm: checksum}) for size, checksum in sums]
