"""From the ASGI scope to the Request that signatures are checked on: what was sent, as sent."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from gateway.protocol.request import Request, parse_query

Scope = MutableMapping[str, Any]


def read_request(scope: Scope, request_id: str) -> Request:
    """The request of an ASGI scope. Raises InvalidURI.

    The headers are taken now: a server may add trailers later. The space around a value is none of
    it (RFC 9110, 5.5), though httptools hands it on.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.strip(b" \t").decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    raw_query = scope["query_string"].decode("latin-1")
    client = scope.get("client")
    return Request(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        raw_query=raw_query,
        query=parse_query(raw_query),
        headers=headers,
        secure=scope.get("scheme") == "https",
        client=client[0] if client else "",
        id=request_id,
    )
