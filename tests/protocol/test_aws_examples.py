"""The worked examples of AWS's documentation, number by number.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html,
.../sigv4-query-string-auth.html, .../sigv4-streaming.html, .../sigv4-streaming-trailers.html and,
for version 2, https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest

from gateway.protocol import sigv2, sigv4
from gateway.protocol.chunked import ChunkDecoder
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request, parse_query

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW_MS = 1_369_353_600_000  # 20130524T000000Z
SCOPE = "20130524/us-east-1/s3/aws4_request"
EMPTY = hashlib.sha256(b"").hexdigest()


def request_v4(
    method: str, target: str, signature: str, headers: Mapping[str, str] | None = None
) -> Request:
    path, _, query = target.partition("?")
    signed = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": EMPTY,
        "x-amz-date": "20130524T000000Z",
        **(headers or {}),
    }
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{SCOPE},"
        f"SignedHeaders={';'.join(sorted(signed))},Signature={signature}"
    )
    return Request(
        method, path, query, parse_query(query), signed | {"authorization": authorization}
    )


def believed_v4(request: Request) -> sigv4.Claim:
    claim = sigv4.parse(request)
    assert claim is not None
    sigv4.check_time(claim, NOW_MS)
    sigv4.check_signature(claim, request, SECRET)
    return claim


PUT = {
    "date": "Fri, 24 May 2013 00:00:00 GMT",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "x-amz-content-sha256": hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
}


@pytest.mark.parametrize(
    ("method", "target", "headers", "signature"),
    [
        pytest.param(
            "GET", "/test.txt", {"range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", id="get_object",
        ),
        pytest.param(
            "PUT", "/test%24file.text", PUT,
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd", id="put_object",
        ),
        pytest.param(
            "GET", "/?lifecycle", {},
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543", id="get_lifecycle",
        ),
        pytest.param(
            "GET", "/?max-keys=2&prefix=J", {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", id="list_objects",
        ),
    ],
)  # fmt: skip
def test_awss_example_of_a_signed_header_is_believed(
    method: str, target: str, headers: dict[str, str], signature: str
) -> None:
    assert believed_v4(request_v4(method, target, signature, headers)).expires is None
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        believed_v4(request_v4("DELETE", target, signature, headers))


def test_awss_example_of_a_presigned_url_is_believed() -> None:
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
        "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    host = {"host": "examplebucket.s3.amazonaws.com"}
    claim = believed_v4(Request("GET", "/test.txt", query, parse_query(query), host))
    assert (claim.expires, claim.payload) == (86400, "UNSIGNED-PAYLOAD")


CHUNKED = {
    "host": "s3.amazonaws.com",
    "content-encoding": "aws-chunked",
    "x-amz-decoded-content-length": "66560",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
}
SIGNED = CHUNKED | {
    "content-length": "66824",
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
}
TRAILING = CHUNKED | {
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "x-amz-trailer": "x-amz-checksum-crc32c",
}


def framed(signatures: list[str], trailers: bytes = b"") -> bytes:
    """65 KiB of "a" in a chunk of 64 KiB and one of 1 KiB, as in both examples."""
    pieces = [b"a" * 65536, b"a" * 1024, b""]
    chunks = [
        b"%x;chunk-signature=%s\r\n%s%s" % (len(piece), name.encode(), piece, b"\r\n" * bool(piece))
        for piece, name in zip(pieces, signatures, strict=True)
    ]
    return b"".join([*chunks, trailers, b"\r\n"])


def decoded(request: Request, body: bytes, trailer: str | None) -> tuple[bytes, Mapping[str, str]]:
    decoder = ChunkDecoder(66560, sigv4.ChunkSigner(believed_v4(request), SECRET), trailer)
    return b"".join(decoder.feed(body)), decoder.finish()


SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
SIGNATURES = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
]


def test_awss_example_of_signed_chunks_is_believed() -> None:
    body = framed(SIGNATURES)
    assert len(body) == int(SIGNED["content-length"])
    request = request_v4("PUT", "/examplebucket/chunkObject.txt", SEED, SIGNED)
    assert decoded(request, body, None) == (b"a" * 66560, {})


def test_awss_example_of_signed_trailers_is_believed_and_no_other_value_is() -> None:
    seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    signatures = [
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ]
    trailers = (
        b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
        b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"
    )
    request = request_v4("PUT", "/examplebucket/chunkObject.txt", seed, TRAILING)
    body = framed(signatures, trailers)
    content, found = decoded(request, body, "x-amz-checksum-crc32c")
    assert (content, found) == (b"a" * 66560, {"x-amz-checksum-crc32c": "sOO8/Q=="})
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        decoded(request, body.replace(b"sOO8/Q==", b"sOO8/A=="), "x-amz-checksum-crc32c")


def believed_v2(request: Request) -> sigv2.Claim:
    claim = sigv2.parse(request)
    assert claim is not None
    sigv2.check_signature(claim, request, SECRET)
    return claim


UPLOAD = {
    "date": "Tue, 27 Mar 2007 21:06:08 +0000",
    "content-md5": "4gJE4saaMU4BqNR0kLY+lw==",
    "content-type": "application/x-download",
    "x-amz-acl": "public-read",
    "x-amz-meta-reviewedby": "joe@johnsmith.net,jane@johnsmith.net",
    "x-amz-meta-filechecksum": "0x02661779",
    "x-amz-meta-checksumalgorithm": "crc32",
}


@pytest.mark.parametrize(
    ("method", "target", "headers", "signature"),
    [
        pytest.param(
            "GET", "/johnsmith/photos/puppy.jpg", {"date": "Tue, 27 Mar 2007 19:36:42 +0000"},
            "bWq2s1WEIj+Ydj0vQ697zp+IXMU=", id="object_get",
        ),
        pytest.param(
            "PUT", "/johnsmith/photos/puppy.jpg",
            {"date": "Tue, 27 Mar 2007 21:15:45 +0000", "content-type": "image/jpeg"},
            "MyyxeRY7whkBe+bq8fHCL/2kKUg=", id="object_put",
        ),
        pytest.param(
            "GET", "/johnsmith/?prefix=photos&max-keys=50&marker=puppy",
            {"date": "Tue, 27 Mar 2007 19:42:41 +0000"},
            "htDYFYduRNen8P9ZfE/s9SuKy0U=", id="list",
        ),
        pytest.param(
            "GET", "/johnsmith/?acl", {"date": "Tue, 27 Mar 2007 19:44:46 +0000"},
            "c2WLPFtWHVgbEmeEG93a4cG37dM=", id="fetch",
        ),
        pytest.param(
            "PUT", "/static.johnsmith.net/db-backup.dat.gz", UPLOAD,
            "ilyl83RwaSoYIEdixDQcA4OnAnc=", id="upload",
        ),
        pytest.param(
            "GET", "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re",
            {"date": "Wed, 28 Mar 2007 01:49:49 +0000"},
            "DNEZGsoieTZ92F3bUfSPQcbGmlM=", id="unicode_keys",
        ),
    ],
)  # fmt: skip
def test_awss_example_of_version_2_is_believed(
    method: str, target: str, headers: dict[str, str], signature: str
) -> None:
    path, _, query = target.partition("?")
    signed = headers | {"authorization": f"AWS {KEY_ID}:{signature}"}
    assert believed_v2(Request(method, path, query, parse_query(query), signed)).expires is None
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        believed_v2(Request("DELETE", path, query, parse_query(query), signed))


def test_awss_example_of_a_url_presigned_by_version_2_is_believed() -> None:
    query = f"AWSAccessKeyId={KEY_ID}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
    request = Request("GET", "/johnsmith/photos/puppy.jpg", query, parse_query(query), {})
    assert believed_v2(request).expires == 1_175_139_620
