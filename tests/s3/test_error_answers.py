"""Each error as AWS answers it: status, code, the fields that go with the code, and a log line."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from xml.sax.saxutils import escape

import pytest
from botocore.auth import HmacV1Auth, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from live import ACCESS_KEY_ID, LiveGateway
from raw import Answer, presigned, send, signed
from waiting import until
from wire import SIGNED, ChunkSigner, sign

MIB = 1024 * 1024


@dataclass(frozen=True)
class Site:
    """A bucket `errors` with the object `k` of ten bytes, and how to ask about it."""

    gateway: LiveGateway
    s3: Any
    bucket: str = "master.errors"

    def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        **how: Any,
    ) -> Answer:
        return signed(self.gateway, method, f"/{self.bucket}{target}", body, headers, **how)

    def upload(self, *parts: bytes) -> tuple[str, list[str]]:
        """A new upload of `big`: its id and the ETags of its parts, without their quotes."""
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="big")["UploadId"]
        etags = [
            self.s3.upload_part(
                Bucket=self.bucket, Key="big", UploadId=upload, PartNumber=number, Body=part
            )["ETag"].strip('"')
            for number, part in enumerate(parts, 1)
        ]
        return upload, etags

    def complete(self, upload: str, *parts: tuple[int, str]) -> Answer:
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in parts
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
        return self.ask("POST", f"/big?uploadId={upload}", body.encode())


@pytest.fixture(scope="module")
def site(gateway: LiveGateway, s3: Any) -> Site:
    """The bucket and the object that the errors are about."""
    site = Site(gateway, s3)
    s3.create_bucket(Bucket=site.bucket)
    s3.put_object(Bucket=site.bucket, Key="k", Body=b"0123456789")
    return site


@dataclass(frozen=True)
class Case:
    """What is done, and what AWS answers. fields: the value of each, None where it only has to be
    there."""

    code: str
    status: int
    do: Callable[[Site], Answer]
    fields: Mapping[str, str | None] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.code


NOWHERE = "0" * 32
MD5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
XML_MD5 = base64.b64encode(hashlib.md5(b"<").digest()).decode()
SHA256 = hashlib.sha256(b"other").hexdigest()


def small_part(site: Site) -> Answer:
    upload, (first, last) = site.upload(b"small", b"last")
    return site.complete(upload, (1, first), (2, last))


def unordered_parts(site: Site) -> Answer:
    upload, (first, last) = site.upload(bytes(5 * MIB), b"last")
    return site.complete(upload, (2, last), (1, first))


def unknown_part(site: Site) -> Answer:
    upload, _ = site.upload(b"only")
    return site.complete(upload, (7, "0" * 32))


def small_chunk(site: Site) -> Answer:
    headers = {"X-Amz-Content-SHA256": SIGNED, "x-amz-decoded-content-length": "9"}
    request = sign(site.gateway, "PUT", f"/{site.bucket}/framed", headers=headers)
    body = ChunkSigner.behind(request).stream([b"small", b"last"])
    return send(site.gateway, "PUT", request.target, body, request.headers)


LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def skewed(site: Site) -> Answer:
    with patch("botocore.auth.get_current_datetime", return_value=LONG_AGO):
        return site.ask("GET", "/k")


def expired(site: Site) -> Answer:
    with patch("botocore.auth.get_current_datetime", return_value=LONG_AGO):
        target = presigned(site.gateway, "GET", f"/{site.bucket}/k", expires=60)
    return send(site.gateway, "GET", target)


def tags(*pairs: tuple[str, str]) -> bytes:
    rows = "".join(f"<Tag><Key>{k}</Key><Value>{v}</Value></Tag>" for k, v in pairs)
    return f"<Tagging><TagSet>{rows}</TagSet></Tagging>".encode()


CASES = (
    Case("NoSuchKey", 404, lambda s: s.ask("GET", "/none"), {"Key": "none"}),
    Case("NoSuchBucket", 404, lambda s: signed(s.gateway, "GET", "/master.none"),
         {"BucketName": "master.none"}),
    Case("BucketNotEmpty", 409, lambda s: s.ask("DELETE", ""), {"BucketName": "master.errors"}),
    Case("InvalidBucketName", 400, lambda s: signed(s.gateway, "PUT", "/a.b.c.d"),
         {"BucketName": "a.b.c.d"}),
    Case("NoSuchVersion", 404, lambda s: s.ask("GET", f"/k?versionId={NOWHERE}"),
         {"Key": "k", "VersionId": NOWHERE}),
    Case("NoSuchUpload", 404, lambda s: s.ask("GET", "/k?uploadId=none"), {"UploadId": "none"}),
    Case("InvalidPart", 400, unknown_part,
         {"UploadId": None, "PartNumber": "7", "ETag": "0" * 32}),
    Case("InvalidPartOrder", 400, unordered_parts, {"UploadId": None}),
    Case("EntityTooSmall", 400, small_part, {"ProposedSize": "5", "MinSizeAllowed": "5242880"}),
    Case("InvalidPartNumber", 416, lambda s: s.ask("GET", "/k?partNumber=3"),
         {"PartNumberRequested": "3", "ActualPartCount": "1"}),
    Case("InvalidRange", 416, lambda s: s.ask("GET", "/k", headers={"range": "bytes=10-"}),
         {"RangeRequested": "bytes=10-", "ActualObjectSize": "10"}),
    Case("PreconditionFailed", 412, lambda s: s.ask("GET", "/k", headers={"if-match": '"x"'}),
         {"Condition": "If-Match"}),
    Case("PreconditionFailed", 412, lambda s: s.ask("PUT", "/k", b"x", {"if-none-match": "*"}),
         {"Condition": "If-None-Match"}),
    Case("InvalidArgument", 400, lambda s: s.ask("GET", "?max-keys=x"),
         {"ArgumentName": "max-keys", "ArgumentValue": "x"}),
    Case("BadDigest", 400, lambda s: s.ask("PUT", "/k", b"body", {"content-md5": MD5}),
         {"ExpectedDigest": None, "CalculatedDigest": None}),
    Case("InvalidDigest", 400, lambda s: s.ask("PUT", "/k", b"body", {"content-md5": "x"}),
         {"Content-MD5": "x"}),
    Case("XAmzContentSHA256Mismatch", 400,
         lambda s: send(s.gateway, "PUT", f"/{s.bucket}/k", b"body",
                        sign(s.gateway, "PUT", f"/{s.bucket}/k",
                             headers={"X-Amz-Content-SHA256": SHA256}).headers),
         {"ClientComputedContentSHA256": SHA256,
          "S3ComputedContentSHA256": hashlib.sha256(b"body").hexdigest()}),
    Case("InvalidAccessKeyId", 403, lambda s: s.ask("GET", "/k", access="NOBODY"),
         {"AWSAccessKeyId": "NOBODY"}),
    Case("RequestTimeTooSkewed", 403, skewed,
         {"RequestTime": None, "ServerTime": None, "MaxAllowedSkewMilliseconds": "900000"}),
    Case("AccessDenied", 403, expired,
         {"X-Amz-Expires": "60", "Expires": None, "ServerTime": None}),
    Case("AuthorizationHeaderMalformed", 400,
         lambda s: s.ask("GET", "/k", after={"Authorization": "AWS4-HMAC-SHA256 Credential=x"})),
    Case("KeyTooLongError", 400, lambda s: s.ask("PUT", f"/{'x' * 1025}", b"x"),
         {"Size": "1025", "MaxSizeAllowed": "1024"}),
    Case("MetadataTooLarge", 400,
         lambda s: s.ask("PUT", "/k", b"x", {"x-amz-meta-a": "x" * 3000}),
         {"MaxSizeAllowed": "2048", "Size": None}),
    Case("MethodNotAllowed", 405, lambda s: s.ask("POST", "?acl"),
         {"Method": "POST", "ResourceType": "ACL"}),
    Case("InvalidTag", 400, lambda s: s.ask("PUT", "/k?tagging", tags(("x" * 129, "v"))),
         {"TagKey": "x" * 129}),
    Case("InvalidTag", 400, lambda s: s.ask("PUT", "/k?tagging", tags(("k", "v" * 257))),
         {"TagKey": "k", "TagValue": "v" * 257}),
    Case("InvalidChunkSizeError", 403, small_chunk, {"Chunk": "1", "BadChunkSize": "5"}),
    Case("MalformedXML", 400, lambda s: s.ask("POST", "?delete", b"<", {"content-md5": XML_MD5})),
    Case("NotImplemented", 501, lambda s: s.ask("GET", "/k?torrent")),
    Case("NotImplemented", 501,
         lambda s: s.ask("PUT", "/k", b"x", {"x-amz-server-side-encryption": "AES256"}),
         {"Header": "x-amz-server-side-encryption"}),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_error_has_awss_status_code_and_fields(site: Site, case: Case) -> None:
    answer = case.do(site)
    assert (answer.status, answer.code) == (case.status, case.code), answer.body
    root = ET.fromstring(answer.body)
    assert (root.tag, answer.headers["content-type"]) == ("Error", "application/xml")
    assert root.findtext("RequestId") == answer.headers["x-amz-request-id"]
    assert root.findtext("HostId") == answer.headers["x-amz-id-2"]
    assert root.findtext("Message")
    for name, value in case.fields.items():
        found = root.findtext(name)
        assert found is not None if value is None else found == value, (name, found)
    if case.status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_log_says_what_was_wrong(site: Site, case: Case) -> None:
    answer = case.do(site)
    line = log_line(site.gateway, answer.headers["x-amz-request-id"])
    assert (line["status"], line["error"]) == (case.status, case.code)
    message = ET.fromstring(answer.body).findtext("Message")
    assert message
    assert line["why"].startswith(message)
    assert case.fields.get("ArgumentName") or "" in line["why"]


def test_a_refused_head_has_no_body_but_a_log_line(site: Site) -> None:
    answer = site.ask("HEAD", "/none")
    assert (answer.status, answer.body) == (404, b"")
    line = log_line(site.gateway, answer.headers["x-amz-request-id"])
    assert (line["error"], line["why"]) == ("NoSuchKey", "The specified key does not exist.")


def log_line(gateway: LiveGateway, request_id: str) -> dict[str, Any]:
    """The line of a request, which a thread writes a little later."""

    def found() -> dict[str, Any] | None:
        for line in gateway.log.read_text().splitlines():
            if f'"request_id": "{request_id}"' in line:
                return dict(json.loads(line))
        return None

    line = until(found, f"a log line of request {request_id}")
    assert line is not None
    return line


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/k", {}),
        ("/a%20b%2Fc//d?prefix=%C3%BC&acl&a=2&a=1", {"x-amz-meta-b": " two   spaces "}),
        ("?versions&delimiter=%2F", {"content-type": "a/b; c=d"}),
    ],
)
def test_a_wrong_signature_is_shown_what_was_to_be_signed(
    site: Site, target: str, headers: dict[str, str]
) -> None:
    url = f"{site.gateway.url}/{site.bucket}{target}"
    request = AWSRequest("GET", url, headers)
    auth = S3SigV4Auth(Credentials(ACCESS_KEY_ID, "wrong"), "s3", "us-east-1")
    auth.add_auth(request)
    signature = request.headers["Authorization"].rpartition("=")[2]
    answer = send(
        site.gateway, "GET", f"/{site.bucket}{target}", headers=dict(request.headers.items())
    )
    del request.headers["Authorization"]
    canonical = auth.canonical_request(request)
    to_sign = auth.string_to_sign(request, canonical)
    shown = ET.fromstring(answer.body)
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert shown.findtext("CanonicalRequest") == canonical
    assert shown.findtext("CanonicalRequestBytes") == canonical.encode().hex(" ")
    assert shown.findtext("StringToSign") == to_sign
    assert shown.findtext("StringToSignBytes") == to_sign.encode().hex(" ")
    assert shown.findtext("SignatureProvided") == signature
    assert shown.findtext("AWSAccessKeyId") == ACCESS_KEY_ID


def test_a_wrong_v2_signature_is_shown_what_was_to_be_signed(site: Site) -> None:
    request = AWSRequest("GET", f"{site.gateway.url}/{site.bucket}/k?acl", {"x-amz-meta-a": "1"})
    auth = HmacV1Auth(Credentials(ACCESS_KEY_ID, "wrong"))
    auth.add_auth(request)
    answer = send(
        site.gateway, "GET", f"/{site.bucket}/k?acl", headers=dict(request.headers.items())
    )
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    date = request.headers["Date"]
    wanted = f"GET\n\n\n{date}\nx-amz-meta-a:1\n/{site.bucket}/k?acl"
    assert answer.field("StringToSign") == escape(wanted)
