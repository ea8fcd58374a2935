"""aws-chunked bodies as botocore frames them, arriving in pieces of any size."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum, Sha256Checksum
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.checksums import declared, new
from gateway.protocol.chunked import ChunkDecoder
from gateway.protocol.errors import S3Error

CLASSES = {"CRC32": Crc32Checksum, "SHA256": Sha256Checksum}


def framed(body: bytes, algorithm: str, chunk_bytes: int) -> tuple[bytes, str]:
    """The body as botocore sends it, and the name of its trailer."""
    name = f"x-amz-checksum-{algorithm.lower()}"
    wrapper = AwsChunkedWrapper(
        io.BytesIO(body),
        checksum_cls=CLASSES[algorithm],
        checksum_name=name,
        chunk_size=chunk_bytes,
    )
    return wrapper.read(), name


@given(
    st.binary(max_size=400),
    st.sampled_from(sorted(CLASSES)),
    st.integers(1, 500),
    st.lists(st.integers(0, 900), max_size=6),
)
def test_what_botocore_streams_is_read_with_its_checksum_wherever_it_is_cut(
    body: bytes, algorithm: str, chunk_bytes: int, cuts: list[int]
) -> None:
    wire, trailer = framed(body, algorithm, chunk_bytes)
    decoder = ChunkDecoder(len(body), None, trailer)
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    pieces = [piece for a, b in pairwise(edges) for piece in decoder.feed(wire[a:b])]
    assert b"".join(pieces) == body
    announced = declared(
        {
            "x-amz-trailer": trailer.title(),
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-sdk-checksum-algorithm": algorithm,
        }
    )
    assert announced is not None
    checksum = new(algorithm)
    checksum.update(body)
    assert announced.with_value(decoder.finish()).value == checksum.base64()


@given(st.binary(min_size=1, max_size=20), st.binary(min_size=1, max_size=4))
def test_bytes_behind_the_end_are_an_incomplete_body(body: bytes, behind: bytes) -> None:
    wire, trailer = framed(body, "CRC32", 1024)
    with pytest.raises(S3Error) as caught:
        fed(wire + behind, len(body), trailer)
    assert caught.value.code == "IncompleteBody"


def test_a_body_cut_anywhere_is_an_incomplete_body() -> None:
    wire, trailer = framed(b"some bytes", "CRC32", 4)
    for end in range(len(wire)):
        with pytest.raises(S3Error) as caught:
            fed(wire[:end], 10, trailer)
        assert caught.value.code == "IncompleteBody", wire[:end]


@given(st.binary(max_size=60), st.booleans())
def test_no_bytes_do_anything_but_decode_or_be_refused(wire: bytes, announced: bool) -> None:
    code = None
    try:
        fed(wire, 5, "x-amz-checksum-crc32" if announced else None)
    except S3Error as error:
        code = error.code
    assert code in {None, "IncompleteBody", "MalformedTrailerError"}


def test_a_piece_within_one_chunk_is_handed_on_and_not_copied() -> None:
    decoder = ChunkDecoder(1 << 20, None, None)
    decoder.feed(b"100000\r\n")
    piece = b"a" * 65536
    assert decoder.feed(piece)[0] is piece


def test_a_line_without_end_is_not_collected() -> None:
    decoder = ChunkDecoder(5, None, None)
    with pytest.raises(S3Error) as caught:
        list(map(decoder.feed, [b"0"] * 1000))
    assert caught.value.code == "IncompleteBody"


def fed(wire: bytes, length: int, trailer: str | None) -> None:
    decoder = ChunkDecoder(length, None, trailer)
    decoder.feed(wire)
    decoder.finish()
