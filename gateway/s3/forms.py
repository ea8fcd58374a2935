"""PostObject: what a browser's form uploads. A form is a PUT in other words, behind a policy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from urllib.parse import quote

from gateway.auth.identity import NOBODY, Identity
from gateway.protocol import formpolicy, forms, operations, payload, presigned
from gateway.protocol.errors import S3Error
from gateway.protocol.formpolicy import Claim, Policy
from gateway.protocol.forms import FormReader
from gateway.s3.body import OBJECT_BYTES_MAX, content_length, messages
from gateway.s3.call import Call, Posted
from gateway.s3.objects import location
from gateway.s3.response import XML, Response
from gateway.s3.writing import put_object
from gateway.versioning.names import check_key

_ABOUT_SENDING = ("host", "referer", "user-agent", "x-amz-expected-bucket-owner")


async def post_object(call: Call) -> Response:
    """PostObject: as PutObject once the policy of the form, where it has one, lets it be sent.

    Nothing of the file is read before that. Raises what FormReader and Policy raise.
    """
    bucket, headers = call.request.bucket, call.request.headers
    reader = FormReader(headers.get("content-type", ""))
    if call.identity.algorithm:
        raise presigned.is_one_of_several(headers)
    length = content_length(headers)
    if length is None:
        raise S3Error("MissingContentLength")
    body = messages(call)
    begun = await _fields(reader, body)
    fields = forms.named(reader.fields, reader.filename)
    key = check_key(formpolicy.required(fields, "key"))
    least, most = await _admit(call, fields) or (0, OBJECT_BYTES_MAX)
    call.request = replace(
        call.request,
        method="PUT",
        raw_path=f"/{quote(bucket)}/{quote(key)}",
        raw_query="",
        query=(),
        headers={**_kept(headers), **forms.headers_of(fields)},
    )
    call.operation = operations.PUT_OBJECT
    # The file is shorter than the form: what is known of its size spares a small one the disk.
    most = min(most, OBJECT_BYTES_MAX, max(length, least))
    call.posted = Posted(_file(reader, begun, body), least, most)
    return _taken(call, fields, await put_object(call))


async def _fields(reader: FormReader, body: AsyncIterator[bytes]) -> list[bytes]:
    """Read up to the file. The bytes of it that came along."""
    async for piece in body:
        begun = reader.feed(piece)
        if reader.has_file:
            return begun
    reader.finish()  # raises, as there was none
    return []


async def _file(
    reader: FormReader, begun: list[bytes], body: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The bytes of the file, to the end of the form."""
    for piece in begun:
        yield piece
    async for data in body:
        for piece in reader.feed(data):
            yield piece
    reader.finish()


async def _admit(call: Call, fields: Mapping[str, str]) -> tuple[int, int] | None:
    """Make the call that of whoever signed the form; the sizes that its policy lets a file have."""
    claim = formpolicy.claim(fields)
    if claim is None:
        call.identity = Identity(NOBODY, payload.UNSIGNED)
        return None
    call.identity = await _signer(call, claim)
    policy: Policy = formpolicy.parse(claim.text)
    policy.demand(fields, call.request.bucket, call.services.clock())
    return policy.sizes


async def _signer(call: Call, claim: Claim) -> Identity:
    gate = call.services.gate
    if claim.scope is None:
        gate.accept_v2()
    key = await gate.signer(claim.access_key_id, claim.check_signature)
    return Identity(key, payload.UNSIGNED, algorithm=claim.algorithm, posted=True)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Of the form's own headers, those that are about who sent it and where to."""
    return {name: headers[name] for name in _ABOUT_SENDING if name in headers}


def _taken(call: Call, fields: Mapping[str, str], put: Response) -> Response:
    """The answer to a form, from that to its PUT."""
    request = call.request
    etag = dict(put.headers)["etag"]
    place = location(request.bucket, request.key)
    target = forms.redirect(fields, bucket=request.bucket, key=request.key, etag=etag)
    if target is not None:
        return Response(303, [("location", target), *put.headers])
    scheme = "https" if request.secure else "http"
    url = f"{scheme}://{request.headers.get('host', '')}{place}"
    headers = [("location", url), *put.headers]
    status = forms.success_status(fields)
    if status != 201:
        return Response(status, headers)
    document = forms.post_response(location=url, bucket=request.bucket, key=request.key, etag=etag)
    return Response(201, [XML, *headers], document)
