"""Any key, header and split of a body through a live server, with botocore at the other end."""

from __future__ import annotations

import itertools
import re
from typing import Any
from urllib.parse import urlsplit

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from live import LiveGateway
from raw import send
from wire import (
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    ChunkSigner,
    Conversation,
    refused,
    sign,
    unsigned_stream,
)

KEY_BYTES_MAX = 1024
# XML has no place for the three that are left out, whatever they are escaped to.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffe\uffff")
PIECES = st.sampled_from(
    ["/", "//", ".", "..", "/./", "/../", "%", "%2F", "%25", "+", " ", "?", "#", "&", ";", "=", ":",
     "~", "\\", "'", '"', "<", "\t", "\r", "\n", "\x01", "\x7f", "\x85", "\N{NO-BREAK SPACE}",
     "\N{GRINNING FACE}", "e\u0301", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\u2028"]
)  # fmt: skip
KEYS = (
    st.lists(PIECES | CHARACTERS | st.text(CHARACTERS, max_size=9), min_size=1, max_size=12)
    .map("".join)
    .filter(lambda key: 0 < len(key.encode()) < KEY_BYTES_MAX)
)
LONGEST = ["x" * KEY_BYTES_MAX, "\N{SNOWMAN}" * 341 + "/", "/" * KEY_BYTES_MAX]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_serial = itertools.count(1)

on_a_live_server = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@on_a_live_server
@given(KEYS)
@example(LONGEST[0])
@example(LONGEST[1])
@example(LONGEST[2])
def test_any_key_is_one_object_to_every_operation(gateway: LiveGateway, s3: Any, key: str) -> None:
    bucket = f"master.any-key{next(_serial)}"
    s3.create_bucket(Bucket=bucket)
    place = {"Bucket": bucket, "Key": key}
    version = s3.put_object(**place, Body=key.encode())["VersionId"]
    assert s3.get_object(**place)["Body"].read() == key.encode()
    assert s3.get_object(**place, VersionId=version)["VersionId"] == version
    assert s3.head_object(**place)["ContentLength"] == len(key.encode())
    for list_objects in (s3.list_objects, s3.list_objects_v2):
        listed = list_objects(Bucket=bucket, Prefix=key)
        assert [row["Key"] for row in listed["Contents"]] == [key]
    versions = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    assert next(row["VersionId"] for row in versions if row["Key"] == key) == version

    s3.copy_object(Bucket=bucket, Key="copy", CopySource={**place, "VersionId": version})
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == key.encode()
    for signature_version in ("s3v4", "s3"):
        signer = gateway.s3(signature_version=signature_version)
        url = urlsplit(signer.generate_presigned_url("get_object", Params=place))
        assert send(gateway, "GET", f"{url.path}?{url.query}").body == key.encode()

    if _CONTROL.search(key):  # what XML 1.0 has no place for, botocore cannot say or hear in it
        s3.delete_object(**place)
        s3.delete_object(Bucket=bucket, Key="copy")
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        return
    upload = s3.create_multipart_upload(**place)["UploadId"]
    uploads = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(row["Key"], row["UploadId"]) for row in uploads] == [(key, upload)]
    s3.abort_multipart_upload(**place, UploadId=upload)
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}, {"Key": "copy"}]})
    assert [row["Key"] for row in gone["Deleted"]] == [key, "copy"]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(**place)
    assert caught.value.response["Error"]["Key"] == key


VALUES = st.text(
    st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40
).filter(lambda text: text == text.strip())
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=12)
SYSTEM = ("CacheControl", "ContentDisposition", "ContentLanguage", "ContentType")


@on_a_live_server
@given(
    metadata=st.dictionaries(NAMES, VALUES, max_size=4),
    system=st.dictionaries(st.sampled_from(SYSTEM), VALUES),
)
def test_any_header_comes_back_as_it_was_signed(
    s3: Any, bucket: str, metadata: dict[str, str], system: dict[str, str]
) -> None:
    # Ours by name: they steer the commit, or are worked out when read.
    metadata = {n: v for n, v in metadata.items() if not n.startswith(("lineage-", "labelgate-"))}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata=metadata, **system)
    for answer in (s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k")):
        assert answer["Metadata"] == metadata
        assert {name: answer[name] for name in system} == system


FULL = st.integers(8192, 20_000)  # of all signed chunks but the last


@on_a_live_server
@given(
    token=st.sampled_from([SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER]),
    sizes=st.lists(FULL, max_size=4),
    last=st.integers(1, 9000),
    cuts=st.lists(st.integers(1, 90_000), max_size=6),
)
def test_any_split_of_a_stream_is_the_same_object(
    gateway: LiveGateway, s3: Any, bucket: str, token: str, sizes: list[int], last: int,
    cuts: list[int],
) -> None:  # fmt: skip
    chunks = [bytes([at % 251]) * size for at, size in enumerate([*sizes, last])]
    body = b"".join(chunks)
    trailing = checksum_of(body)
    headers = {
        "X-Amz-Content-SHA256": token,
        "x-amz-decoded-content-length": str(len(body)),
        **({} if token == SIGNED else {"x-amz-trailer": trailing[0]}),
    }
    # Its length is known only when it is framed, and it is framed by what signs the headers.
    request = sign(gateway, "PUT", f"/{bucket}/k", headers=headers)
    signer = ChunkSigner.behind(request)
    if token == SIGNED:
        framed = signer.stream(chunks)
    elif token == SIGNED_TRAILER:
        framed = signer.stream_with_trailer(chunks, *trailing)
    else:
        framed = unsigned_stream(chunks, dict([trailing]))
    request.headers["Content-Length"] = str(len(framed))
    ends = sorted({cut for cut in cuts if cut < len(framed)} | {len(framed)})
    with Conversation(gateway) as talk:
        talk.say(request.bytes())
        for start, stop in zip([0, *ends], ends, strict=False):
            talk.say(framed[start:stop])
        assert talk.hear_answer()[0] == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def checksum_of(body: bytes) -> tuple[str, str]:
    """A trailer, worked out by botocore."""
    from botocore.httpchecksum import Crc32Checksum

    checksum = Crc32Checksum()
    checksum.update(body)
    return "x-amz-checksum-crc32", checksum.b64digest()
