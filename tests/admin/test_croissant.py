"""A tag as a Croissant dataset, through the API."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from api import Api, error_of
from croissants import judged
from labels import annotation, encoded

PART_BYTES = 5 * 1024 * 1024


def put(s3: Any, bucket: str, key: str, body: bytes = b"x", **more: Any) -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body, **more)["VersionId"])


def described(api: Api, ref: str, **query: str) -> Any:
    response = api.get(f"/refs/{ref}/croissant", **query)
    assert response.status_code == 200, response.text
    return response.json()


def files(form: Any) -> dict[str, Any]:
    return {one["name"]: one for one in form["distribution"] if one["@type"] == "cr:FileObject"}


def multipart(s3: Any, bucket: str, key: str, parts: list[bytes]) -> None:
    at = {"Bucket": bucket, "Key": key}
    upload = s3.create_multipart_upload(**at)["UploadId"]
    made = [
        {
            "PartNumber": n,
            "ETag": s3.upload_part(**at, UploadId=upload, PartNumber=n, Body=part)["ETag"],
        }
        for n, part in enumerate(parts, 1)
    ]
    s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": made})


def test_a_tag_is_described_as_it_was_and_its_labels_load_after_download(
    api: Api, s3: Any, repo: str, tmp_path: Path
) -> None:
    labels = {
        f"sentiment/{n}": encoded(annotation({"text": f"s3://raw/{n}"}, id=n)) for n in (4, 5)
    }
    for key, body in labels.items():
        put(s3, f"master.{repo}", key, body)
    commit = put(s3, f"master.{repo}", "img/1.png", b"png")
    assert api.post(f"/repos/{repo}/tags", {"name": "v1", "from": repo}).status_code == 201
    put(s3, f"master.{repo}", "sentiment/4", b"later")
    form = described(api, f"v1.{repo}")
    assert (form["name"], form["identifier"]) == (f"v1.{repo}", commit)

    # As any S3 client would: the bucket and the key that the address names, the bytes' digest.
    for name, told in files(form).items():
        bucket, _, _ = told["contentUrl"].removeprefix("s3://").partition("/")
        body = s3.get_object(Bucket=bucket, Key=name)["Body"].read()
        assert told["sha256"] == hashlib.sha256(body).hexdigest()
        assert told["contentSize"] == f"{len(body)} B"
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(body)
    types = {name: told["encodingFormat"] for name, told in files(form).items()}
    assert types == dict.fromkeys(labels, "application/json") | {"img/1.png": "image/png"}

    found = judged(form, tmp_path, "labels/records")
    assert found["errors"] == []
    assert len(found["files"]) == 3
    loaded = {one["labels/key"]: one["labels/text"] for one in found["records"]}
    assert loaded == {key: body.decode() for key, body in labels.items()}


def test_every_way_of_writing_leaves_a_digest(api: Api, s3: Any, repo: str, tmp_path: Path) -> None:
    bucket = f"master.{repo}"
    parts = [b"1" * PART_BYTES, b"2"]
    put(s3, bucket, "once", b"abc", ContentType="text/csv")
    s3.copy_object(Bucket=bucket, Key="copied", CopySource={"Bucket": bucket, "Key": "once"})
    multipart(s3, bucket, "parts", parts)
    form = described(api, bucket)
    told = files(form)
    sha256, md5 = hashlib.sha256, lambda data: hashlib.md5(data, usedforsecurity=False)
    assert told["once"]["sha256"] == sha256(b"abc").hexdigest()
    assert told["copied"]["md5"] == md5(b"abc").hexdigest()
    assert told["parts"]["sha256"] == sha256(b"".join(parts)).hexdigest()
    assert told["once"]["encodingFormat"] == "text/csv"
    assert judged(form, tmp_path)["errors"] == []


def test_a_part_can_be_described(api: Api, s3: Any, repo: str) -> None:
    for key in ("a/1", "b/1"):
        put(s3, f"master.{repo}", key)
    assert list(files(described(api, repo, prefix="a/"))) == ["a/1"]
    assert files(described(api, repo, prefix="c/")) == {}


def test_more_than_a_page_is_whole(api: Api, s3: Any, repo: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: put(s3, f"master.{repo}", f"{n:04}"), range(1003)))
    assert len(files(described(api, repo))) == 1003


def test_what_the_asker_may_not_read_is_not_described(house: Any) -> None:
    response = house.reader.get("/refs/raw/croissant")
    assert list(files(response.json())) == ["open/1"]
    assert "secret" not in response.text
    refused = house.reader.get("/refs/raw/croissant", prefix="secret/")
    assert (refused.status_code, error_of(refused)["code"]) == (403, "AccessDenied")
