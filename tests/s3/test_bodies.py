"""The body on its way in: aws-chunked in its three forms, checksums, 100-continue, limits."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest
from awscrt import checksums as crt
from live import LiveGateway
from raw import Answer, send, signed
from wire import (
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    ChunkSigner,
    Conversation,
    chunk,
    head,
    nothing_written,
    refused,
    sign,
    signing_key,
    unsigned_stream,
)

BODY = b"what the annotator said " * 8000  # 192,000 bytes
SMALL = b"hello"


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


VALUES = {
    "crc32": crc32,
    "crc32c": lambda data: base64.b64encode(crt.crc32c(data).to_bytes(4, "big")).decode(),
    "crc64nvme": lambda data: base64.b64encode(crt.crc64nvme(data).to_bytes(8, "big")).decode(),
    "sha1": lambda data: base64.b64encode(hashlib.sha1(data).digest()).decode(),
    "sha256": lambda data: base64.b64encode(hashlib.sha256(data).digest()).decode(),
}


def streaming(token: str, size: int, **more: str) -> dict[str, str]:
    return {
        "X-Amz-Content-SHA256": token,
        "Content-Encoding": "aws-chunked",
        "X-Amz-Decoded-Content-Length": str(size),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def put_stream(gateway: LiveGateway, target: str, headers: dict[str, str], body: bytes) -> Answer:
    request = sign(gateway, "PUT", target, headers=headers)
    return send(gateway, "PUT", target, body, request.headers)


def signed_stream(gateway: LiveGateway, target: str, pieces: list[bytes], **more: str) -> Answer:
    size = sum(map(len, pieces))
    request = sign(gateway, "PUT", target, headers=streaming(SIGNED, size, **more))
    return send(gateway, "PUT", target, ChunkSigner.behind(request).stream(pieces), request.headers)


def read(s3: Any, bucket: str) -> Any:
    return s3.get_object(Bucket=bucket, Key="k")["Body"].read()


# ---- aws-chunked


def test_the_chunk_signer_of_these_tests_agrees_with_awss_published_example() -> None:
    scope = "20130524/us-east-1/s3/aws4_request"
    key = signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", scope)
    seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    signer = ChunkSigner(key, "20130524T000000Z", scope, seed)
    framed = signer.stream([b"a" * 65536, b"a" * 1024])
    for signature in (
        b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ):
        assert b";chunk-signature=" + signature in framed


@pytest.mark.parametrize(
    "pieces", [[BODY], [BODY[:8192], BODY[8192:]], [SMALL], [], [BODY[:70000]] * 3]
)
def test_a_stream_of_signed_chunks_is_stored_without_its_frames(
    gateway: LiveGateway, s3: Any, bucket: str, pieces: list[bytes]
) -> None:
    answer = signed_stream(gateway, f"/{bucket}/k", pieces)
    assert (answer.status, answer.code) == (200, "")
    whole = b"".join(pieces)
    assert read(s3, bucket) == whole
    assert answer.headers["etag"] == f'"{hashlib.md5(whole).hexdigest()}"'


@pytest.mark.parametrize("algorithm", VALUES)
def test_a_signed_stream_with_a_trailer_is_stored_without_its_frames(
    gateway: LiveGateway, s3: Any, bucket: str, algorithm: str
) -> None:
    target, name = f"/{bucket}/k", f"x-amz-checksum-{algorithm}"
    headers = streaming(SIGNED_TRAILER, len(BODY), x_amz_trailer=name)
    request = sign(gateway, "PUT", target, headers=headers)
    pieces, value = [BODY[:100_000], BODY[100_000:]], VALUES[algorithm](BODY)
    body = ChunkSigner.behind(request).stream_with_trailer(pieces, name, value)
    answer = send(gateway, "PUT", target, body, request.headers)
    assert (answer.status, answer.code) == (200, "")
    assert answer.headers[name] == value
    assert read(s3, bucket) == BODY


@pytest.mark.parametrize("algorithm", VALUES)
@pytest.mark.parametrize("data", [b"", SMALL, BODY], ids=["empty", "small", "large"])
def test_an_unsigned_stream_with_a_trailer_is_stored_without_its_frames(
    gateway: LiveGateway, s3: Any, bucket: str, algorithm: str, data: bytes
) -> None:
    name = f"x-amz-checksum-{algorithm}"
    headers = streaming(UNSIGNED_TRAILER, len(data), x_amz_trailer=name.upper())
    body = unsigned_stream([data] if data else [], {name: VALUES[algorithm](data)})
    answer = put_stream(gateway, f"/{bucket}/k", headers, body)
    assert (answer.status, answer.code) == (200, "")
    assert answer.headers[name] == VALUES[algorithm](data)
    assert read(s3, bucket) == data


def test_a_stream_without_content_length_in_http_chunks_is_taken(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    """As pyarrow and boto3 behind TLS send it: two framings in each other, cut anywhere."""
    name = "x-amz-checksum-crc32"
    headers = streaming(
        UNSIGNED_TRAILER, len(BODY), x_amz_trailer=name, Transfer_Encoding="chunked"
    )
    inner = unsigned_stream([BODY[:150_000], BODY[150_000:]], {name: crc32(BODY)})
    outer = b"".join(chunk(inner[at : at + 7919]) for at in range(0, len(inner), 7919))
    with Conversation(gateway) as wire:
        wire.say(sign(gateway, "PUT", f"/{bucket}/k", headers=headers).bytes())
        wire.say(outer + b"0\r\n\r\n")
        status, _, _ = wire.hear_answer()
    assert status == 200
    assert read(s3, bucket) == BODY


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("aws-chunked", None),
        ("gzip,aws-chunked", "gzip"),
        ("aws-chunked, gzip", "gzip"),
        ("gzip", "gzip"),
        ("AWS-Chunked", None),
    ],
)
def test_aws_chunked_is_not_kept_as_content_encoding(
    gateway: LiveGateway, s3: Any, bucket: str, given: str, kept: str | None
) -> None:
    name = "x-amz-checksum-crc32"
    headers = streaming(UNSIGNED_TRAILER, 5, x_amz_trailer=name)
    headers["Content-Encoding"] = given
    body = unsigned_stream([SMALL], {name: crc32(SMALL)})
    assert put_stream(gateway, f"/{bucket}/k", headers, body).status == 200
    assert s3.head_object(Bucket=bucket, Key="k").get("ContentEncoding") == kept


GOOD = unsigned_stream([BODY], {"x-amz-checksum-crc32": crc32(BODY)})


@pytest.mark.parametrize(
    ("body", "size", "code"),
    [
        (BODY, len(BODY), "IncompleteBody"),
        (GOOD.replace(b"\r\n", b"\n", 1), len(BODY), "IncompleteBody"),
        (b"zz\r\n" + GOOD, len(BODY), "IncompleteBody"),
        (b"-5\r\nhello\r\n0\r\n\r\n", 5, "IncompleteBody"),
        (b"5\r\nhelloXX0\r\n\r\n", 5, "IncompleteBody"),
        (b"f" * 16 + b"\r\nhello", 5, "IncompleteBody"),
        (GOOD, len(BODY) - 1, "IncompleteBody"),
        (GOOD, len(BODY) + 1, "IncompleteBody"),
        (GOOD[:-10], len(BODY), "IncompleteBody"),
        (chunk(BODY), len(BODY), "IncompleteBody"),
        (unsigned_stream([BODY], {}), len(BODY), "MalformedTrailerError"),
        (unsigned_stream([BODY], {"x-amz-checksum-sha1": "AAAA"}), len(BODY), "MalformedTrailer"),
        (unsigned_stream([BODY], {"x-amz-meta-x": "1"}), len(BODY), "MalformedTrailerError"),
        (chunk(BODY) + b"0\r\nno colon\r\n\r\n", len(BODY), "MalformedTrailerError"),
        (unsigned_stream([BODY], {"x-amz-checksum-crc32": crc32(b"x")}), len(BODY), "BadDigest"),
        (unsigned_stream([BODY], {"x-amz-checksum-crc32": "??"}), len(BODY), "BadDigest"),
    ],
)
def test_a_stream_that_is_not_what_it_says_writes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, body: bytes, size: int, code: str
) -> None:
    headers = streaming(UNSIGNED_TRAILER, size, x_amz_trailer="x-amz-checksum-crc32")
    with nothing_written(s3, bucket):
        answer = put_stream(gateway, f"/{bucket}/k", headers, body)
        assert answer.status == 400, answer.body
        assert answer.code.startswith(code)


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_a_chunk_with_a_wrong_signature_writes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, broken: int
) -> None:
    target = f"/{bucket}/k"
    request = sign(gateway, "PUT", target, headers=streaming(SIGNED, len(BODY)))
    body = ChunkSigner.behind(request).stream([BODY[:100_000], BODY[100_000:]])
    parts = body.split(b"chunk-signature=")
    spoilt = parts[broken + 1]
    parts[broken + 1] = (b"0" if spoilt[:1] != b"0" else b"1") + spoilt[1:]
    with nothing_written(s3, bucket):
        answer = send(gateway, "PUT", target, b"chunk-signature=".join(parts), request.headers)
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_bytes_changed_behind_their_chunk_signature_write_nothing(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    target = f"/{bucket}/k"
    request = sign(gateway, "PUT", target, headers=streaming(SIGNED, len(BODY)))
    body = ChunkSigner.behind(request).stream([BODY]).replace(b"annotator", b"annotat0r", 1)
    with nothing_written(s3, bucket):
        answer = send(gateway, "PUT", target, body, request.headers)
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_a_wrong_trailer_signature_writes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    target, name = f"/{bucket}/k", "x-amz-checksum-crc32"
    headers = streaming(SIGNED_TRAILER, len(BODY), x_amz_trailer=name)
    request = sign(gateway, "PUT", target, headers=headers)
    body = ChunkSigner.behind(request).stream_with_trailer([BODY], name, crc32(BODY))
    at = body.index(b"trailer-signature:") + len(b"trailer-signature:")
    spoilt = body[:at] + (b"0" if body[at : at + 1] != b"0" else b"1") + body[at + 1 :]
    with nothing_written(s3, bucket):
        answer = send(gateway, "PUT", target, spoilt, request.headers)
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_small_chunks_before_the_last_are_refused_in_signed_streams(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    with nothing_written(s3, bucket):
        answer = signed_stream(gateway, f"/{bucket}/k", [b"x" * 8191, b"y" * 8192])
        assert answer.code == "InvalidChunkSizeError"
        assert (answer.field("Chunk"), answer.field("BadChunkSize")) == ("1", "8191")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"X-Amz-Decoded-Content-Length": ""}, "MissingContentLength"),
        ({"X-Amz-Decoded-Content-Length": "x"}, "InvalidArgument"),
        ({"X-Amz-Decoded-Content-Length": "9" * 5000}, "InvalidArgument"),
        ({"X-Amz-Decoded-Content-Length": str(5 * 1024**3 + 1)}, "EntityTooLarge"),
        ({"x-amz-trailer": "x-amz-checksum-md5"}, "InvalidRequest"),
        ({"x-amz-trailer": "x-amz-meta-a"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": crc32(SMALL)}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "SHA256"}, "InvalidRequest"),
        ({"X-Amz-Content-SHA256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}, "NotImplemented"),
        ({"X-Amz-Content-SHA256": "STREAMING-SOMETHING"}, "InvalidArgument"),
    ],
)
def test_a_stream_with_senseless_headers_writes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, changed: dict[str, str], code: str
) -> None:
    headers = streaming(UNSIGNED_TRAILER, 5, x_amz_trailer="x-amz-checksum-crc32")
    headers = {name.lower(): value for name, value in headers.items()}
    headers |= {name.lower(): value for name, value in changed.items()}
    token = headers.pop("x-amz-content-sha256")
    with nothing_written(s3, bucket):
        body = unsigned_stream([SMALL], {"x-amz-checksum-crc32": crc32(SMALL)})
        answer = put_stream(
            gateway, f"/{bucket}/k", {"X-Amz-Content-SHA256": token, **headers}, body
        )
        assert answer.code == code, answer.body
        assert answer.status in {400, 411, 501}


def test_only_puts_and_parts_may_stream(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    target = f"/{bucket}?delete"
    document = b"<Delete><Object><Key>k</Key></Object></Delete>"
    headers = streaming(UNSIGNED_TRAILER, len(document), x_amz_trailer="x-amz-checksum-crc32")
    request = sign(gateway, "POST", target, headers=headers)
    body = unsigned_stream([document], {"x-amz-checksum-crc32": crc32(document)})
    with nothing_written(s3, bucket):
        answer = send(gateway, "POST", target, body, request.headers)
        assert (answer.status, answer.code) == (400, "InvalidRequest")


def test_a_trailer_of_the_http_framing_is_no_header(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    name = "x-amz-checksum-crc32"
    headers = streaming(UNSIGNED_TRAILER, 5, x_amz_trailer=name, Transfer_Encoding="chunked")
    inner = unsigned_stream([SMALL], {name: crc32(SMALL)})
    with Conversation(gateway) as wire:
        wire.say(sign(gateway, "PUT", f"/{bucket}/k", headers=headers).bytes())
        wire.say(chunk(inner) + b"0\r\nx-amz-meta-smuggled: 1\r\ncontent-type: a/b\r\n\r\n")
        assert wire.hear_answer()[0] == 200
    shown = s3.head_object(Bucket=bucket, Key="k")
    assert (shown["Metadata"], shown["ContentType"]) == ({}, "binary/octet-stream")


# ---- checksums


@pytest.mark.parametrize("algorithm", VALUES)
def test_a_declared_checksum_is_checked_kept_and_echoed(
    gateway: LiveGateway, s3: Any, bucket: str, algorithm: str
) -> None:
    name, target = f"x-amz-checksum-{algorithm}", f"/{bucket}/k"
    value = VALUES[algorithm](BODY)
    answer = signed(gateway, "PUT", target, BODY, headers={name: value})
    assert (answer.status, answer.headers[name]) == (200, value)
    assert answer.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    shown = signed(gateway, "HEAD", target, headers={"x-amz-checksum-mode": "ENABLED"})
    assert shown.headers[name] == value
    with nothing_written(s3, bucket):
        wrong = signed(gateway, "PUT", target, BODY + b"!", headers={name: value})
        assert (wrong.status, wrong.code) == (400, "BadDigest")


def test_without_a_declared_checksum_crc64nvme_is_computed(
    gateway: LiveGateway, bucket: str
) -> None:
    answer = signed(gateway, "PUT", f"/{bucket}/k", BODY)
    assert answer.headers["x-amz-checksum-crc64nvme"] == VALUES["crc64nvme"](BODY)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-md5": ""}, "InvalidDigest"),
        ({"content-md5": "abc"}, "InvalidDigest"),
        ({"content-md5": base64.b64encode(b"x" * 15).decode()}, "InvalidDigest"),
        ({"content-md5": base64.b64encode(b"x" * 16).decode()}, "BadDigest"),
        ({"x-amz-checksum-crc32": "abc"}, "BadDigest"),
        ({"x-amz-checksum-crc32": base64.b64encode(b"x" * 5).decode()}, "BadDigest"),
        ({"x-amz-checksum-md5": "AAAA"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": crc32(SMALL), "x-amz-checksum-sha1": "x"}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "CRC99"}, "InvalidRequest"),
        ({"x-amz-content-sha256": "0" * 64}, "XAmzContentSHA256Mismatch"),
        ({"x-amz-content-sha256": "nonsense"}, "InvalidArgument"),
    ],
)
@pytest.mark.parametrize("data", [SMALL, BODY], ids=["small", "large"])
def test_a_body_that_is_not_what_its_headers_say_writes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, headers: dict[str, str], code: str, data: bytes
) -> None:
    target = f"/{bucket}/k"
    token = {name: value for name, value in headers.items() if name == "x-amz-content-sha256"}
    if token:
        headers = {"X-Amz-Content-SHA256": token["x-amz-content-sha256"]}
    with nothing_written(s3, bucket):
        request = sign(gateway, "PUT", target, data, headers)
        answer = send(gateway, "PUT", target, data, request.headers)
        assert (answer.status, answer.code) == (400, code), answer.body


def test_content_md5_that_holds_is_accepted(gateway: LiveGateway, bucket: str) -> None:
    md5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()
    answer = signed(gateway, "PUT", f"/{bucket}/k", BODY, headers={"content-md5": md5})
    assert answer.status == 200


def test_an_object_of_more_than_5_gib_is_refused_before_it_is_sent(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    headers = {"Content-Length": str(5 * 1024**3 + 1), "Expect": "100-continue"}
    with nothing_written(s3, bucket), Conversation(gateway) as wire:
        wire.say(sign(gateway, "PUT", f"/{bucket}/k", headers=headers).bytes())
        status, _, body = wire.hear_answer()
        assert status == 400
        assert b"<Code>EntityTooLarge</Code>" in body
        assert b"<MaxSizeAllowed>5368709120</MaxSizeAllowed>" in body


def test_a_document_of_more_than_2_mib_is_refused(gateway: LiveGateway, bucket: str) -> None:
    answer = signed(gateway, "POST", f"/{bucket}?delete", b" " * (2 * 1024**2 + 1))
    assert (answer.status, answer.code) == (400, "MaxMessageLengthExceeded")


# ---- Expect: 100-continue


@pytest.mark.parametrize("data", [b"", SMALL, BODY], ids=["empty", "small", "large"])
def test_expect_is_answered_at_once_and_the_body_taken(
    gateway: LiveGateway, s3: Any, bucket: str, data: bytes
) -> None:
    headers = {"Expect": "100-continue", "Content-Length": str(len(data))}
    with Conversation(gateway) as wire:
        request = sign(gateway, "PUT", f"/{bucket}/k", data, headers)
        wire.say(request.bytes())
        assert wire.hear_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.say(data)
        status, shown, _ = wire.hear_answer()
        assert (status, shown.get("connection")) == (200, None)
        wire.say(sign(gateway, "GET", f"/{bucket}/k").bytes())  # the connection goes on
        assert wire.hear_answer()[2] == data


@pytest.mark.parametrize("why", ["wrong secret", "anonymous", "condition", "no bucket", "commit"])
def test_a_refused_expect_gets_no_100_and_the_connection_is_closed(
    gateway: LiveGateway, s3: Any, bucket: str, why: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    at = head(s3, bucket)
    target = {
        "no bucket": "/master.nowhere/k",
        "commit": f"/{at}.{bucket}/k",
    }.get(why, f"/{bucket}/k")
    headers = {"Expect": "100-continue", "Content-Length": str(len(BODY))}
    if why == "condition":
        headers["If-None-Match"] = "*"
    secret = {"secret": "wrong"} if why == "wrong secret" else {}
    request = sign(gateway, "PUT", target, BODY, headers, **secret)
    if why == "anonymous":
        request.headers.pop("Authorization")
    with nothing_written(s3, bucket), Conversation(gateway) as wire:
        wire.say(request.bytes())
        status, shown, body = wire.hear_answer()
        assert status in {403, 404, 412}
        assert body.startswith(b"<?xml")
        assert shown["connection"] == "close"
        assert wire.closed()


def test_a_body_that_ends_early_writes_nothing_and_is_no_5xx(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    failures = gateway.metric("labelgate_requests_total", code="500")
    with nothing_written(s3, bucket):
        for data in (BODY, SMALL):
            with Conversation(gateway) as wire:
                wire.say(sign(gateway, "PUT", f"/{bucket}/k", data).bytes(data[:-3]))
        with refused("404", 404):
            s3.head_object(Bucket=bucket, Key="k")
    assert gateway.metric("labelgate_requests_total", code="500") == failures


def test_memory_stays_flat_while_a_large_body_passes(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    def resident() -> int:
        status = (f"/proc/{gateway.process.pid}/status",)
        from pathlib import Path

        lines = Path(*status).read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    s3.put_object(Bucket=bucket, Key="warm", Body=bytes(16 * 1024**2))
    before = resident()
    s3.put_object(Bucket=bucket, Key="k", Body=bytes(192 * 1024**2))
    body = s3.get_object(Bucket=bucket, Key="k")["Body"]
    assert sum(map(len, body.iter_chunks(1024**2))) == 192 * 1024**2
    assert resident() - before < 48 * 1024
