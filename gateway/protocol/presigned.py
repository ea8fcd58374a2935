"""What a presigned URL carries in its query in place of headers.

SDKs put `x-amz-*` headers of the request they presign into the query (the JavaScript one all of
them, SigV2 signers the content type too): the browser that sends it knows nothing of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from gateway.protocol import checksums
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request

# The same tests that make the signature be looked for in the query. Were a parameter taken for a
# header where that is not so, it would be one that nobody signed.
_V4 = re.compile(r"(?:^|&)x-amz-signature=", re.IGNORECASE)
_V2 = re.compile(r"(?:^|&)AWSAccessKeyId=")
_NAME = re.compile(r"x-amz-[a-z0-9_.-]+")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OF_SIGNATURE = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)
_CONTENT = frozenset({"content-type", "content-md5"})


def effective(request: Request) -> Request:
    """`request` with the headers its presigned query stands for; itself where there are none.

    A header that was sent goes before the parameter of its name. The value of a checksum is none
    of them: SDKs compute it of the body they have when they sign, as a rule none, and S3 passes it
    over. Only for what is done with a request: its signature is that of the headers as sent.
    Raises InvalidArgument.
    """
    if not request.raw_query:
        return request
    if _V4.search(request.raw_query):
        parameters = amz_parameters(request)
    elif _V2.search(request.raw_query):
        parameters = amz_parameters(request) | content_parameters(request)
    else:
        return request
    carried = {name: value for name, value in parameters.items() if not checksums.is_value(name)}
    return replace(request, headers={**carried, **request.headers}) if carried else request


def amz_parameters(request: Request) -> dict[str, str]:
    """The `x-amz-*` parameters that stand for headers, as these would have been sent."""
    return {
        name: value
        for name, value in _parameters(request)
        if _NAME.fullmatch(name) and name not in _OF_SIGNATURE
    }


def content_parameters(request: Request) -> dict[str, str]:
    """Content-Type and Content-MD5 where a SigV2 signer put them into the query."""
    return {name: value for name, value in _parameters(request) if name in _CONTENT}


def _parameters(request: Request) -> list[tuple[str, str]]:
    """The query with names in lower case and values as header values: bytes seen as Latin-1."""
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    for pair in request.raw_query.split("&"):
        raw_name, _, raw_value = pair.partition("=")
        name = _latin1(raw_name).lower()
        if name not in _CONTENT and not name.startswith("x-amz-"):
            continue
        value = _latin1(raw_value).strip(" \t")
        # A line end here would be one in a header of a later answer.
        if name in seen or _UNPRINTABLE.search(value):
            raise S3Error(
                "InvalidArgument",
                f"The parameter {name} cannot stand for a header.",
                ArgumentName=name,
                ArgumentValue=value,
            )
        seen.add(name)
        found.append((name, value))
    return found


def _latin1(raw: str) -> str:
    return unquote_to_bytes(raw.replace("+", " ").encode("latin-1")).decode("latin-1")


def is_one_of_several(headers: Mapping[str, str]) -> S3Error:
    """The refusal of a presigned request that has an Authorization header as well."""
    return S3Error(
        "InvalidArgument",
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
        "Signature query string parameter or the Authorization header should be specified",
        ArgumentName="Authorization",
        ArgumentValue=headers.get("authorization", "").partition(" ")[0],
    )
