"""Preconditions: of reads, of copy sources, of writes (RFC 9110, 13, as S3 bends it)."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.protocol import dates
from gateway.protocol.errors import S3Error

_COPY = "x-amz-copy-source-"


def evaluate_read(
    headers: Mapping[str, str], etag: str, modified_ms: int, now_ms: int
) -> int | None:
    """None: go on; 304: the client has it. Raises PreconditionFailed. etag: bare.

    An ETag test that is given overrides the date test beside it. A client that has what was
    changed last in the future has a broken clock: that test does not count (RFC 9110, 13.1.3).
    """
    failed, unmodified = _evaluate(headers, "", etag, modified_ms, now_ms)
    if failed:
        raise S3Error("PreconditionFailed", Condition=failed)
    return 304 if unmodified else None


def is_current(if_range: str, etag: str, modified_ms: int) -> bool:
    """Whether what an If-Range header names (an ETag or a date) is still the object."""
    since = _seconds(if_range)
    return modified_ms // 1000 <= since if since is not None else _bare(if_range) == etag


def evaluate_copy_source(
    headers: Mapping[str, str], etag: str, modified_ms: int, now_ms: int
) -> None:
    """Raise PreconditionFailed unless the source may be copied; for copies it is 412 always."""
    failed, unmodified = _evaluate(headers, _COPY, etag, modified_ms, now_ms)
    if failed or unmodified:
        raise S3Error("PreconditionFailed", Condition=failed or unmodified)


def write_condition(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """If-Match and If-None-Match of a write, bare. Raises NotImplemented for both, or for several.

    AWS takes no other If-None-Match than `*`. An ETag there means what HTTP says, as on a read.
    """
    match = headers.get("if-match")
    none_match = headers.get("if-none-match")
    if match is not None and none_match is not None:
        raise S3Error(
            "NotImplemented", Header="If-Match", extra={"additionalHeader": "If-None-Match"}
        )
    for name, given in (("If-Match", match), ("If-None-Match", none_match)):
        if given is not None and (not _bare(given) or "," in given):
            raise S3Error("NotImplemented", f"{name} of a write takes one ETag or *.", Header=name)
    return (
        None if match is None else _bare(match),
        None if none_match is None else _bare(none_match),
    )


def _evaluate(
    headers: Mapping[str, str], prefix: str, etag: str, modified_ms: int, now_ms: int
) -> tuple[str, str]:
    """Which test failed, and which says "you have it"; "" for none."""
    seconds = modified_ms // 1000
    match = headers.get(f"{prefix}if-match")
    if match is not None:
        if not _matches(match, etag):
            return "If-Match", ""
    elif (since := _seconds(headers.get(f"{prefix}if-unmodified-since"))) is not None and (
        seconds > since
    ):
        return "If-Unmodified-Since", ""
    none_match = headers.get(f"{prefix}if-none-match")
    if none_match is not None:
        if _matches(none_match, etag):
            return "", "If-None-Match"
    elif (since := _seconds(headers.get(f"{prefix}if-modified-since"))) is not None and (
        seconds <= since <= now_ms // 1000
    ):
        return "", "If-Modified-Since"
    return "", ""


def _matches(header: str, etag: str) -> bool:
    return any(_bare(one) in {"*", etag} for one in header.split(","))


def _bare(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')


def _seconds(text: str | None) -> int | None:
    """A date that cannot be read is no test at all."""
    if text is None:
        return None
    ms = dates.parse(text)
    return None if ms is None else ms // 1000
