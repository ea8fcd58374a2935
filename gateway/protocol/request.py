"""One S3 request as it was sent: what is signed, routed on and read by every operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote_to_bytes

from gateway.protocol.errors import S3Error


@dataclass(frozen=True)
class Request:
    """Method, target and headers, taken once from the wire.

    raw_path: percent-encoded as sent, beginning with `/`.
    query: decoded pairs in the order sent; a parameter without `=` has the value "".
    headers: names in lower case; a repeated header's values are joined with ",".
    """

    method: str
    raw_path: str
    raw_query: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    secure: bool = False
    client: str = ""
    id: str = field(default="", compare=False)

    @cached_property
    def params(self) -> Mapping[str, str]:
        """The query as a mapping; the first of a repeated parameter counts."""
        return dict(reversed(self.query))

    @cached_property
    def target(self) -> tuple[str, str]:
        """Bucket and key, decoded; "" where the path names none.

        They are split at the first slash that was sent as a slash: `%2F` belongs to the key.
        Raises InvalidURI where they are not UTF-8.
        """
        bucket, _, key = self.raw_path.lstrip("/").partition("/")
        if self.raw_path.startswith("//"):  # an empty bucket, not a key that begins with a slash
            bucket, key = "", ""
        try:
            return _unquoted(bucket), _unquoted(key)
        except UnicodeError:
            raise S3Error("InvalidURI", "The path is not percent-encoded UTF-8.") from None

    @property
    def has_body(self) -> bool:
        """Whether the headers announce a body of at least one byte, or of unknown length."""
        length = self.headers.get("content-length", "")
        return "transfer-encoding" in self.headers or length not in {"", "0"}

    @property
    def bucket(self) -> str:
        """The bucket named in the path, or ""."""
        return self.target[0]

    @property
    def key(self) -> str:
        """The object key named in the path, or ""."""
        return self.target[1]


def parse_query(raw: str) -> tuple[tuple[str, str], ...]:
    """Decoded pairs of a raw query string, order and repeats kept; `+` is a space.

    Raises InvalidURI where a name or value is not UTF-8.
    """
    if not raw:
        return ()
    try:
        return tuple(
            (_unquoted(name.replace("+", " ")), _unquoted(value.replace("+", " ")))
            for name, _, value in (pair.partition("=") for pair in raw.split("&") if pair)
        )
    except UnicodeError:
        raise S3Error("InvalidURI", "The query is not percent-encoded UTF-8.") from None


def _unquoted(text: str) -> str:
    """Decoded. The characters of a target are bytes: what was sent as bare UTF-8 is that, too."""
    return unquote_to_bytes(text.encode("latin-1")).decode()
