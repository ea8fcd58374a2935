"""What an operation answers, before it is finished for the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

XML = ("content-type", "application/xml")


@dataclass(slots=True)
class Response:
    """Status, headers (lower-case names) and a body.

    body: whole, or pieces as they are read; pieces need a content-length among the headers.
    """

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""


def xml(body: bytes, *headers: tuple[str, str]) -> Response:
    """A 200 with an XML document."""
    return Response(200, [XML, *headers], body)


NO_CONTENT = 204
