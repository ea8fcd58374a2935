"""Checksums: zlib, awscrt and hashlib are the judges."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable

import pytest
from awscrt import checksums as crt
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import checksums
from gateway.protocol.errors import S3Error

WHOLE: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "CRC32C": lambda data: crt.crc32c(data).to_bytes(4, "big"),
    "CRC64NVME": lambda data: crt.crc64nvme(data).to_bytes(8, "big"),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
}
CRCS = ("CRC32", "CRC32C", "CRC64NVME")
PIECES = st.lists(st.binary(max_size=200), min_size=1, max_size=5)
GOOD = base64.b64encode(b"\0\1\2\3").decode()


def wire(algorithm: str, data: bytes) -> str:
    return base64.b64encode(WHOLE[algorithm](data)).decode()


@given(PIECES, st.sampled_from(sorted(WHOLE)))
def test_a_checksum_is_the_same_however_the_bytes_arrive(
    pieces: list[bytes], algorithm: str
) -> None:
    running = checksums.new(algorithm)
    for piece in pieces:
        running.update(piece)
    assert running.base64() == wire(algorithm, b"".join(pieces))


@given(PIECES, st.sampled_from(CRCS))
def test_the_crc_of_parts_combines_to_that_of_the_whole(
    pieces: list[bytes], algorithm: str
) -> None:
    parts = [(wire(algorithm, piece), len(piece)) for piece in pieces]
    assert checksums.combine(algorithm, parts) == wire(algorithm, b"".join(pieces))


def test_a_composite_is_the_checksum_of_the_checksums_and_their_number() -> None:
    joined = WHOLE["SHA256"](b"a") + WHOLE["SHA256"](b"b")
    expected = f"{wire('SHA256', joined)}-2"
    assert checksums.composite("SHA256", [wire("SHA256", b"a"), wire("SHA256", b"b")]) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc32": GOOD, "x-amz-checksum-crc32c": GOOD},
        {"x-amz-checksum-md5": GOOD},
        {"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-checksum-crc32": GOOD},
        {"x-amz-trailer": "x-amz-meta-a"},
        {"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
        {"x-amz-sdk-checksum-algorithm": "CRC32C", "x-amz-checksum-crc32": GOOD},
        {"x-amz-sdk-checksum-algorithm": "MD4"},
    ],
)
def test_a_declaration_that_cannot_be_checked_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(S3Error) as caught:
        checksums.declared(headers)
    assert caught.value.code == "InvalidRequest"


def test_a_declaration_is_read_from_a_header_or_announced_for_a_trailer() -> None:
    assert checksums.declared({}) is None
    assert checksums.declared({"x-amz-checksum-mode": "ENABLED"}) is None
    found = checksums.declared({"x-amz-checksum-crc32": GOOD})
    assert found == checksums.Declared("CRC32", GOOD, None)
    payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    headers = {"x-amz-trailer": "X-Amz-Checksum-CRC32", "x-amz-content-sha256": payload}
    announced = checksums.declared(headers)
    assert announced is not None
    assert announced.with_value({"x-amz-checksum-crc32": GOOD}).value == GOOD
    with pytest.raises(S3Error):
        announced.with_value({})


@pytest.mark.parametrize("value", ["", "x", "AAAA", base64.b64encode(b"a" * 15).decode()])
def test_a_content_md5_that_is_none_is_an_invalid_digest(value: str) -> None:
    with pytest.raises(S3Error) as caught:
        checksums.content_md5({"content-md5": value})
    assert caught.value.code == "InvalidDigest"


def test_a_content_md5_is_sixteen_bytes() -> None:
    digest = hashlib.md5(b"a").digest()
    text = base64.b64encode(digest).decode()
    assert checksums.content_md5({"content-md5": text}) == digest
    assert checksums.content_md5({}) is None


@given(
    st.lists(st.tuples(st.binary(max_size=20), st.integers(1, 5 << 30)), min_size=2, max_size=4),
    st.sampled_from(CRCS),
)
def test_parts_of_any_size_combine_as_awscrt_combines_them(
    parts: list[tuple[bytes, int]], algorithm: str
) -> None:
    theirs = getattr(crt, f"combine_{algorithm.lower()}")
    total = int.from_bytes(WHOLE[algorithm](parts[0][0]), "big")
    for data, size in parts[1:]:
        total = theirs(total, int.from_bytes(WHOLE[algorithm](data), "big"), size)
    width = 8 if algorithm == "CRC64NVME" else 4
    expected = base64.b64encode(total.to_bytes(width, "big")).decode()
    ours = checksums.combine(algorithm, [(wire(algorithm, data), size) for data, size in parts])
    assert ours == expected


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256"])
def test_a_sha_cannot_be_combined(algorithm: str) -> None:
    with pytest.raises(KeyError):
        checksums.combine(algorithm, [(wire(algorithm, b"a"), 1)])


@pytest.mark.parametrize("algorithm", sorted(WHOLE))
@given(data=st.binary(max_size=40))
def test_a_value_of_every_algorithm_is_read_and_no_longer_or_shorter_one(
    algorithm: str, data: bytes
) -> None:
    name, value = f"x-amz-checksum-{algorithm.lower()}", wire(algorithm, data)
    headers = {name: f" {value} ", "x-amz-sdk-checksum-algorithm": algorithm.lower()}
    assert checksums.declared(headers) == checksums.Declared(algorithm, value, None)
    raw = base64.b64decode(value)
    for wrong in (raw + b"\0", raw[:-1], b""):
        with pytest.raises(S3Error, match="BadDigest"):
            checksums.declared({name: base64.b64encode(wrong).decode()})


@pytest.mark.parametrize(
    "value", ["nonsense", "", "AAECAx==", "AAECAw", "AAECAw===", "AAEC Aw==", "AAECAw==\n\n="]
)
def test_what_no_encoder_writes_is_the_checksum_of_no_body(value: str) -> None:
    with pytest.raises(S3Error, match="BadDigest: Value for x-amz-checksum-crc32 header"):
        checksums.declared({"x-amz-checksum-crc32": value})


def test_what_only_speaks_of_checksums_declares_none() -> None:
    said = {"algorithm": "SHA256", "type": "COMPOSITE", "mode": "ENABLED"}
    assert checksums.declared({f"x-amz-checksum-{name}": v for name, v in said.items()}) is None
    assert checksums.declared({"x-amz-sdk-checksum-algorithm": "CRC32"}) is None


def test_a_trailer_brings_a_value_or_is_refused() -> None:
    announced = checksums.Declared("CRC32", None, "x-amz-checksum-crc32")
    with pytest.raises(S3Error, match="MalformedTrailerError"):
        announced.with_value({"x-amz-checksum-crc32c": GOOD})
    with pytest.raises(S3Error, match="BadDigest"):
        announced.with_value({"x-amz-checksum-crc32": "nonsense"})


@pytest.mark.parametrize("algorithm", sorted(WHOLE))
def test_a_completion_claims_a_checksum_with_or_without_the_number_of_its_parts(
    algorithm: str,
) -> None:
    name, value = f"x-amz-checksum-{algorithm.lower()}", wire(algorithm, b"a")
    for claimed in (value, f"{value}-3"):
        assert checksums.of_completion({name: claimed}) == (algorithm, claimed)
    assert checksums.of_completion({"x-amz-checksum-type": "COMPOSITE"}) is None
    with pytest.raises(S3Error, match="BadDigest"):
        checksums.of_completion({name: "bad-3"})
    with pytest.raises(S3Error, match="InvalidRequest"):
        checksums.of_completion({name: value, "x-amz-checksum-md5": GOOD})


def test_the_number_of_parts_must_agree_where_it_is_claimed() -> None:
    assert checksums.agree("a=", "a=")
    assert checksums.agree("a=-3", "a=-3")
    assert checksums.agree("a=", "a=-3")
    assert not checksums.agree("a=-2", "a=-3")
    assert not checksums.agree("b=", "a=-3")
