"""aws-chunked bodies: frames written here by the letter of AWS's documentation, read by us.

The signatures come from a signer of a few lines on hashlib and hmac; AWS's own numbers are in
test_aws_examples.py.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.chunked import LINE_BYTES_MAX, SIGNED_CHUNK_BYTES_MIN, ChunkDecoder
from gateway.protocol.errors import S3Error
from gateway.protocol.sigv4 import ChunkSigner, Claim

SECRET = "a/secret+key"
TIME, DATE, REGION = "20261124T160000Z", "20261124", "eu-west-1"
SEED = hashlib.sha256(b"the signature of the request").hexdigest()
TRAILER = "x-amz-checksum-crc32"
VALUE = "AAAAAA=="
BIG = b"0123456789abcdef" * (SIGNED_CHUNK_BYTES_MIN // 16)
PLAIN, SIGNED, SIGNED_TRAILING = "plain", "signed", "signed with trailers"
FORMS = [PLAIN, SIGNED, SIGNED_TRAILING]


@dataclass(frozen=True)
class Body:
    """A framed body and what is announced of it."""

    wire: bytes
    content: bytes
    form: str

    def decoder(self, *, length: int | None = None, secret: str = SECRET) -> ChunkDecoder:
        signer = None
        if self.form != PLAIN:
            trailing = "-TRAILER" if self.form == SIGNED_TRAILING else ""
            payload = f"STREAMING-AWS4-HMAC-SHA256-PAYLOAD{trailing}"
            claim = Claim("ID", DATE, REGION, TIME, 0, "host", SEED, payload)
            signer = ChunkSigner(claim, secret)
        announced = None if self.form == SIGNED else TRAILER
        return ChunkDecoder(len(self.content) if length is None else length, signer, announced)


def reference_signature(kind: str, previous: str, *digests: str) -> str:
    key = b"AWS4" + SECRET.encode()
    for step in (DATE, REGION, "s3", "aws4_request"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    scope = f"{DATE}/{REGION}/s3/aws4_request"
    to_sign = "\n".join([f"AWS4-HMAC-SHA256-{kind}", TIME, scope, previous, *digests])
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def framed(
    chunks: Sequence[bytes],
    form: str,
    *,
    trailers: Mapping[str, str] | None = None,
    lf: bytes = b"",
) -> Body:
    """The chunks as a client frames them. lf: what AWS's own example has behind a trailer."""
    if trailers is None:
        trailers = {} if form == SIGNED else {TRAILER: VALUE}
    previous = SEED
    wire = b""
    for chunk in [*chunks, b""]:
        wire += b"%x" % len(chunk)
        if form != PLAIN:
            previous = reference_signature("PAYLOAD", previous, sha256(b""), sha256(chunk))
            wire += b";chunk-signature=" + previous.encode()
        wire += b"\r\n" + chunk + (b"\r\n" if chunk else b"")
    for name, value in trailers.items():
        wire += f"{name}:{value}".encode() + lf + b"\r\n"
    if form == SIGNED_TRAILING:
        lines = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        signature = reference_signature("TRAILER", previous, sha256(lines.encode()))
        wire += f"x-amz-trailer-signature:{signature}\r\n".encode()
    return Body(wire + b"\r\n", b"".join(chunks), form)


def decoded(decoder: ChunkDecoder, pieces: Sequence[bytes]) -> tuple[bytes, dict[str, str]]:
    content = b"".join(part for piece in pieces for part in decoder.feed(piece))
    return content, dict(decoder.finish())


def refusal(body: Body, wire: bytes, *, length: int | None = None) -> str:
    """The one code that `wire` is refused with, whole and byte by byte."""
    codes = set()
    for pieces in ([wire], [wire[n : n + 1] for n in range(len(wire))]):
        with pytest.raises(S3Error) as caught:
            decoded(body.decoder(length=length), pieces)
        codes.add(caught.value.code)
    assert len(codes) == 1, codes
    return codes.pop()


def expected(body: Body) -> tuple[bytes, dict[str, str]]:
    return body.content, {} if body.form == SIGNED else {TRAILER: VALUE}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "chunks", [[], [b"x"], [BIG], [BIG, b"tail"], [BIG, BIG + b"\r\n", b"\r\n"]], ids=len
)
def test_every_framing_is_decoded_whole_and_byte_by_byte(form: str, chunks: list[bytes]) -> None:
    body = framed(chunks, form)
    assert decoded(body.decoder(), [body.wire]) == expected(body)
    single = [body.wire[n : n + 1] for n in range(len(body.wire))]
    assert decoded(body.decoder(), single) == expected(body)


@given(
    st.sampled_from(FORMS),
    st.lists(st.binary(max_size=40), max_size=3),
    st.binary(min_size=1, max_size=60),
    st.sets(st.integers(0, 40_000), max_size=12),
)
def test_no_split_of_the_wire_changes_what_is_decoded(
    form: str, starts: list[bytes], last: bytes, cuts: set[int]
) -> None:
    body = framed([*(start + BIG for start in starts), last], form)
    edges = [0, *sorted(cut % len(body.wire) for cut in cuts), len(body.wire)]
    pieces = [body.wire[a:b] for a, b in itertools.pairwise(edges)]
    assert decoded(body.decoder(), pieces) == expected(body)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=6), st.integers(1, 9))
def test_unsigned_chunks_may_be_of_any_size(chunks: list[bytes], step: int) -> None:
    body = framed(chunks, PLAIN)
    pieces = [body.wire[n : n + step] for n in range(0, len(body.wire), step)]
    assert decoded(body.decoder(), pieces) == expected(body)


@pytest.mark.parametrize("form", FORMS)
def test_a_body_cut_anywhere_is_incomplete(form: str) -> None:
    body = framed([b"some content"], form)
    for stop in range(len(body.wire)):
        with pytest.raises(S3Error) as caught:
            decoded(body.decoder(), [body.wire[:stop]])
        assert caught.value.code == "IncompleteBody", stop


@pytest.mark.parametrize("form", FORMS)
def test_nothing_may_follow_the_end(form: str) -> None:
    body = framed([b"some content"], form)
    assert refusal(body, body.wire + b"\r\n") == "IncompleteBody"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"c\r\n", b"g\r\n"),
        (b"c\r\n", b"-c\r\n"),
        (b"c\r\n", b"+c\r\n"),
        (b"c\r\n", b"c" + b" " * 2 * LINE_BYTES_MAX + b"\r\n"),
        (b"c\r\n", b"0xc\r\n"),
        (b"c\r\n", b" c\r\n"),
        (b"c\r\n", b"\r\n"),
        (b"c\r\n", b"c\n"),
        (b"c\r\n", b"b\r\n"),
        (b"c\r\n", b"d\r\n"),
        (b"c\r\n", b"f" * 17 + b"\r\n"),
        (b"c\r\n", b"c;chunk-signature=" + b"0" * 64 + b"\r\n"),
        (b"content\r\n", b"content"),
        (b"content\r\n", b"contentXX"),
        (b"content\r\n", b"content\n"),
    ],
)
def test_malformed_framing_is_an_incomplete_body(old: bytes, new: bytes) -> None:
    body = framed([b"some content"], PLAIN)
    assert refusal(body, body.wire.replace(old, new, 1)) == "IncompleteBody"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b";chunk-signature=", b";signature="),
        (b";chunk-signature=", b"; chunk-signature="),
        (b";chunk-signature=", b""),
        (b"c;", b"c;x=y;"),
    ],
)
def test_a_signed_chunk_without_its_signature_is_an_incomplete_body(old: bytes, new: bytes) -> None:
    body = framed([b"some content"], SIGNED)
    assert refusal(body, body.wire.replace(old, new, 1)) == "IncompleteBody"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("by", [-1, 1])
def test_the_decoded_length_is_the_one_promised(form: str, by: int) -> None:
    body = framed([b"some content"], form)
    assert refusal(body, body.wire, length=len(body.content) + by) == "IncompleteBody"


def test_a_chunk_longer_than_the_promise_is_refused_before_its_bytes_come() -> None:
    decoder = ChunkDecoder(10, None, None)
    with pytest.raises(S3Error, match="IncompleteBody"):
        decoder.feed(b"ffffffffffffffff\r\n")


@pytest.mark.parametrize("form", [SIGNED, SIGNED_TRAILING])
def test_only_the_last_signed_chunk_may_be_short(form: str) -> None:
    short = BIG[:-1]
    body = framed([BIG, short, b"x"], form)
    with pytest.raises(S3Error) as caught:
        decoded(body.decoder(), [body.wire])
    assert (caught.value.code, caught.value.status) == ("InvalidChunkSizeError", 403)
    assert caught.value.fields == {"Chunk": 2, "BadChunkSize": len(short)}
    last = framed([BIG, short], form)
    assert decoded(last.decoder(), [last.wire]) == expected(last)


@pytest.mark.parametrize("form", [SIGNED, SIGNED_TRAILING])
def test_a_changed_byte_of_content_is_found_by_its_chunks_signature(form: str) -> None:
    body = framed([BIG, b"tail"], form)
    assert refusal(body, body.wire.replace(b"tail", b"tall")) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_chunks_signature_is_checked_also_that_of_the_empty_one(number: int) -> None:
    body = framed([BIG, b"tail"], SIGNED)
    parts = body.wire.split(b";chunk-signature=")
    parts[number + 1] = b"0" * 64 + parts[number + 1][64:]
    assert refusal(body, b";chunk-signature=".join(parts)) == "SignatureDoesNotMatch"


def test_chunks_in_another_order_do_not_match() -> None:
    other = bytes(reversed(BIG))
    body = framed([BIG, other], SIGNED)
    head = len(b"2000;chunk-signature=") + 64 + 2
    size = head + len(BIG) + 2
    first, second, rest = body.wire[:size], body.wire[size : 2 * size], body.wire[2 * size :]
    assert refusal(body, second + first + rest) == "SignatureDoesNotMatch"


def test_another_secret_does_not_match() -> None:
    body = framed([b"x"], SIGNED)
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        decoded(body.decoder(secret="another"), [body.wire])


@pytest.mark.parametrize("form", [PLAIN, SIGNED_TRAILING])
@pytest.mark.parametrize(
    "trailers",
    [{}, {"x-amz-checksum-sha1": VALUE}, {TRAILER: VALUE, "x-amz-meta-a": "b"}],
    ids=["none", "another", "one too many"],
)
def test_a_trailer_that_is_not_the_announced_one_is_malformed(
    form: str, trailers: dict[str, str]
) -> None:
    body = framed([b"x"], form, trailers=trailers)
    assert refusal(body, body.wire) == "MalformedTrailerError"


def test_a_trailer_nobody_announced_is_malformed() -> None:
    body = framed([b"x"], SIGNED, trailers={TRAILER: VALUE})
    assert refusal(body, body.wire) == "MalformedTrailerError"


@pytest.mark.parametrize(
    "line",
    [b"no colon", b": value", b"na me:value", b"\xff:x", TRAILER.encode() + b":a b", b"x:\x00"],
)
def test_a_line_that_is_no_trailer_is_malformed(line: bytes) -> None:
    body = framed([b"x"], PLAIN)
    wire = body.wire.replace(f"{TRAILER}:{VALUE}".encode(), line)
    assert refusal(body, wire) == "MalformedTrailerError"


def test_a_trailer_signature_in_an_unsigned_stream_is_malformed() -> None:
    body = framed([b"x"], PLAIN)
    wire = body.wire[:-2] + b"x-amz-trailer-signature:" + b"0" * 64 + b"\r\n\r\n"
    assert refusal(body, wire) == "MalformedTrailerError"


def test_a_trailer_sent_twice_is_malformed() -> None:
    body = framed([b"x"], PLAIN)
    line = f"{TRAILER}:{VALUE}\r\n".encode()
    assert refusal(body, body.wire.replace(line, line * 2)) == "MalformedTrailerError"


def test_signed_trailers_need_their_signature_last_and_right() -> None:
    body = framed([b"x"], SIGNED_TRAILING)
    start = body.wire.index(b"x-amz-trailer-signature:")
    line = body.wire[start:-2]
    trailer = f"{TRAILER}:{VALUE}\r\n".encode()
    assert refusal(body, body.wire.replace(line, b"")) == "SignatureDoesNotMatch"
    assert refusal(body, body.wire.replace(line, line[:24] + b"\r\n")) == "MalformedTrailerError"
    assert refusal(body, body.wire.replace(trailer + line, line + trailer)) == (
        "MalformedTrailerError"
    )
    changed = body.wire.replace(VALUE.encode(), b"AAAAAQ==")
    assert refusal(body, changed) == "SignatureDoesNotMatch"


def test_a_trailers_name_counts_in_any_case_and_its_value_without_spaces() -> None:
    body = framed([b"x"], PLAIN)
    wire = body.wire.replace(TRAILER.encode() + b":", b"X-Amz-Checksum-CRC32: \t")
    assert decoded(body.decoder(), [wire]) == (b"x", {TRAILER: VALUE})


@pytest.mark.parametrize("form", [PLAIN, SIGNED_TRAILING])
def test_the_line_feed_awss_documentation_puts_behind_a_trailer_is_taken(form: str) -> None:
    body = framed([b"x"], form, lf=b"\n")
    assert decoded(body.decoder(), [body.wire]) == (b"x", {TRAILER: VALUE})


@pytest.mark.parametrize("start", [b"", b"1\r\nx\r\n", b"1\r\nx\r\n0\r\n"])
def test_a_line_without_an_end_is_refused_before_it_is_long(start: bytes) -> None:
    drops = [b"0" * 16] * (LINE_BYTES_MAX // 16 + 1)
    assert fed_until_refused(ChunkDecoder(1, None, TRAILER), [start, *drops]) <= len(drops)
    whole = [start + b"0" * (1 << 20)]
    assert fed_until_refused(ChunkDecoder(1, None, TRAILER), whole) == 0


def test_trailers_without_number_are_refused() -> None:
    lines = [b"x-%d:y\r\n" % number for number in range(100)]
    assert fed_until_refused(ChunkDecoder(0, None, TRAILER), [b"0\r\n", *lines]) < 20


def fed_until_refused(decoder: ChunkDecoder, pieces: Sequence[bytes]) -> int:
    """How many pieces were taken before one was refused."""
    for number, piece in enumerate(pieces):
        try:
            decoder.feed(piece)
        except S3Error:
            return number
    raise AssertionError("nothing was refused")


@given(st.binary(max_size=200), st.sampled_from(FORMS), st.integers(1, 50))
def test_no_bytes_make_the_decoder_do_anything_but_decode_or_refuse(
    noise: bytes, form: str, step: int
) -> None:
    body = framed([b"some content"], form)
    for wire in (noise, body.wire[: len(noise)] + noise, body.wire[: -len(noise) or None] + noise):
        pieces = [wire[n : n + step] for n in range(0, len(wire), step)]
        assert answered(body.decoder(), pieces) in {
            "", "IncompleteBody", "MalformedTrailerError", "SignatureDoesNotMatch",
            "InvalidChunkSizeError",
        }  # fmt: skip


def answered(decoder: ChunkDecoder, pieces: Sequence[bytes]) -> str:
    try:
        decoded(decoder, pieces)
    except S3Error as error:
        return error.code
    return ""
