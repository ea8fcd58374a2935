"""labelgate download, upload, import, erase."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway, live_gateway

Printed = Callable[..., Any]
STATE = ".labelgate-download.json"
MANY = 900
_serial = itertools.count(1)


def put(s3: Any, bucket: str, key: str, body: bytes = b"x") -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != STATE
    }


def objects_of(s3: Any, bucket: str) -> dict[str, bytes]:
    listed = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket).search("Contents[]")
    return {
        one["Key"]: s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
        for one in listed
        if one is not None
    }


def folder_of(parent: Path, files: dict[str, bytes]) -> Path:
    folder = parent / "files"
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


# ---- download


def test_a_state_is_downloaded(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed, tmp_path: Path
) -> None:
    master, folder = f"master.{repo}", tmp_path / "new" / "labels"
    bodies = {
        "a": b"1",
        "a.partial": b"no part",
        "day/1": b"2",
        "day/two words+ü%.json": b"3",
        "e": b"",
    }
    for key, body in bodies.items():
        put(s3, master, key, body)
    put(s3, master, "folder/", b"")
    gateway.cli("tag", "create", f"v1.{repo}", "--from", master)
    put(s3, master, "a", b"later")
    told = printed("download", f"v1.{repo}", str(folder))
    assert (told["objects"], told["fetched"]) == (6, 6)
    assert files_below(folder) == bodies
    assert (folder / "folder").is_dir()


def test_a_download_fetches_only_what_is_missing_or_other(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed, tmp_path: Path
) -> None:
    master = f"master.{repo}"
    for key in "abc":
        put(s3, master, key, b"same")
    assert printed("download", master, str(tmp_path))["fetched"] == 3
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_bytes(b"mine")
    (tmp_path / "other").write_bytes(b"stays")
    assert printed("download", master, str(tmp_path))["fetched"] == 2
    assert files_below(tmp_path) == {**dict.fromkeys("abc", b"same"), "other": b"stays"}
    assert "0 were fetched" in gateway.cli("download", master, str(tmp_path)).stdout
    put(s3, master, "c", b"new!")
    assert printed("download", master, str(tmp_path))["fetched"] == 1


def test_an_object_of_parts_is_fetched_once(
    s3: Any, repo: str, printed: Printed, tmp_path: Path
) -> None:
    where = {"Bucket": f"master.{repo}", "Key": "big"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"one part")
    s3.complete_multipart_upload(
        **where,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    fetched = [printed("download", f"master.{repo}", str(tmp_path))["fetched"] for _ in range(2)]
    assert fetched == [1, 0]
    assert (tmp_path / "big").read_bytes() == b"one part"


def test_a_prefix_and_a_time_are_downloaded(
    s3: Any, repo: str, printed: Printed, tmp_path: Path
) -> None:
    master = f"master.{repo}"
    put(s3, master, "day/1", b"then")
    time.sleep(1.1)  # times are told in seconds
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    put(s3, master, "day/1", b"now")
    put(s3, master, "night/1", b"now")
    printed("download", f"{master}@{then}", str(tmp_path / "then"))
    printed("download", f"{master}/night/", str(tmp_path / "night"))
    assert files_below(tmp_path / "then") == {"day/1": b"then"}
    assert files_below(tmp_path / "night") == {"night/1": b"now"}


@pytest.mark.parametrize("key", ["../x", "/etc/x", "a//b", "a/./b", "x" * 260, STATE])
def test_keys_that_no_file_can_have_are_refused(
    gateway: LiveGateway, s3: Any, repo: str, tmp_path: Path, key: str
) -> None:
    put(s3, f"master.{repo}", key)
    put(s3, f"master.{repo}", "good/1")
    folder = tmp_path / "in" / "it"
    refused = gateway.cli("download", f"master.{repo}", str(folder), check=False)
    assert refused.returncode == 1
    assert "cannot be a file" in refused.stderr
    assert not folder.exists()
    gateway.cli("download", f"master.{repo}/good/", str(folder))
    assert files_below(folder) == {"good/1": b"x"}


def test_an_object_that_is_a_folder_of_others_is_refused(
    gateway: LiveGateway, s3: Any, repo: str, tmp_path: Path
) -> None:
    put(s3, f"master.{repo}", "a")
    put(s3, f"master.{repo}", "a/b")
    refused = gateway.cli("download", f"master.{repo}", str(tmp_path), check=False)
    assert refused.returncode == 1
    assert "no file can be both" in refused.stderr


# ---- upload


def test_a_folder_is_uploaded_in_one_commit(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed, tmp_path: Path
) -> None:
    master = f"master.{repo}"
    put(s3, master, "in/a.json", b"old")
    kept = put(s3, master, "stays")
    files = {"a.json": b"{}", "day/two words+ü%.txt": b"2", "e": b""}
    folder = folder_of(tmp_path, files)
    assert "3 of 3" in gateway.cli("upload", str(folder), f"{master}/in/", "--dry-run").stdout
    assert printed("log", master, "--limit", "1")[0]["id"] == kept
    told = printed("upload", str(folder), f"{master}/in/", "-m", "of the agency")
    assert (told["objects"], told["sent"]) == (3, 3)
    [newest, before] = printed("log", master, "--limit", "2")
    assert (newest["id"], before["id"]) == (told["head"], kept)
    assert (newest["kind"], newest["message"], newest["changes"], newest["parents"]) == (
        "upload",
        "of the agency",
        3,
        [kept],
    )
    assert objects_of(s3, master) == {"stays": b"x", **{f"in/{k}": v for k, v in files.items()}}
    assert s3.head_object(Bucket=master, Key="in/a.json")["ContentType"] == "application/json"
    assert [one["name"] for one in printed("branch", "list", repo)] == ["master"]


def test_what_is_there_already_is_passed_over(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed, tmp_path: Path
) -> None:
    master = f"master.{repo}"
    folder = folder_of(tmp_path, {"a": b"1", "b": b"2"})
    first = printed("upload", str(folder), master)["head"]
    assert "already" in gateway.cli("upload", str(folder), master).stdout
    assert printed("upload", str(folder), master)["head"] == first
    (folder / "b").write_bytes(b"3")
    assert printed("upload", str(folder), master)["sent"] == 1
    assert objects_of(s3, master) == {"a": b"1", "b": b"3"}


def test_what_was_uploaded_is_not_made_from_its_way_there(
    repo: str, printed: Printed, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, {"a": b"1"})
    head = printed("upload", str(folder), f"master.{repo}")["head"]
    told = printed("lineage", "of", f"master.{repo}/a")
    assert (told["record"]["kind"], told["version"]) == ("upload", head)
    assert told["record"].get("sources", []) == []


def test_an_upload_that_was_broken_off_goes_on(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed, tmp_path: Path
) -> None:
    master = f"master.{repo}"
    head = put(s3, master, "stays")
    files = {f"{number:04}": str(number).encode() for number in range(MANY)}
    folder = folder_of(tmp_path, files)
    sending = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gateway",
            "--data",
            str(gateway.data_dir),
            "upload",
            str(folder),
            master,
        ],
        env=dict(gateway.env),
    )
    try:
        staging = _wait_for_some(s3, repo, sending)
    finally:
        sending.send_signal(signal.SIGKILL)
        sending.wait()
    assert objects_of(s3, master) == {"stays": b"x"}
    sent = s3.list_objects_v2(Bucket=staging, Prefix="0")["KeyCount"]
    assert 3 < sent < MANY
    printed("upload", str(folder), master)
    assert objects_of(s3, master) == {"stays": b"x", **files}
    assert printed("log", master, "--limit", "1")[0]["parents"] == [head]
    # What had come was not sent again.
    puts = gateway.metric("labelgate_commits_total", kind="put", branch=staging.split(".")[0])
    assert MANY <= puts < MANY + sent
    assert [one["name"] for one in printed("branch", "list", repo)] == ["master"]


def _wait_for_some(s3: Any, repo: str, sending: subprocess.Popen[bytes]) -> str:
    """The bucket that the upload sends to, once it has sent some."""
    while sending.poll() is None:
        buckets = [one["Name"] for one in s3.list_buckets()["Buckets"]]
        for bucket in buckets:
            if not (bucket.startswith("upload_") and bucket.endswith(f".{repo}")):
                continue
            if s3.list_objects_v2(Bucket=bucket, Prefix="0")["KeyCount"] > 3:
                return str(bucket)
    raise AssertionError("it was faster than the test")


def test_an_upload_is_refused_before_anything_is_sent(
    gateway: LiveGateway, repo: str, printed: Printed, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, {"a": b"1"})
    gateway.cli("branch", "protect", f"master.{repo}")
    refused = gateway.cli("upload", str(folder), f"master.{repo}", check=False)
    assert refused.returncode == 1
    assert "protected" in refused.stderr
    assert [one["name"] for one in printed("branch", "list", repo)] == ["master"]


def test_an_upload_goes_to_a_branch(gateway: LiveGateway, repo: str, tmp_path: Path) -> None:
    gateway.cli("tag", "create", f"v1.{repo}", "--from", f"master.{repo}")
    refused = gateway.cli("upload", str(tmp_path), f"v1.{repo}", check=False)
    assert refused.returncode == 2
    assert "goes to a branch" in refused.stderr


# ---- import


class Elsewhere:
    """An S3 that is another gateway, with versions of its own."""

    def __init__(self, other: LiveGateway) -> None:
        self.url = other.url
        self.s3 = other.s3()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    with live_gateway(tmp_path_factory.mktemp("elsewhere") / "data") as other:
        yield Elsewhere(other)


@pytest.fixture
def old(elsewhere: Elsewhere) -> str:
    """A bucket elsewhere."""
    name = f"old-{next(_serial)}"
    elsewhere.s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def imported(gateway: LiveGateway, elsewhere: Elsewhere) -> Callable[..., Any]:
    def imported(*arguments: str, check: bool = True, key: str | None = None) -> Any:
        signs = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": key or SECRET_ACCESS_KEY,
        }
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "--data", str(gateway.data_dir), "import",
             *arguments, "--endpoint", elsewhere.url],
            check=check, capture_output=True, text=True, timeout=60, env={**gateway.env, **signs},
        )  # fmt: skip
        return json.loads(done.stdout) if "--json" in arguments else done

    return imported


def test_a_bucket_is_imported_in_one_commit_with_its_versions(
    gateway: LiveGateway,
    s3: Any,
    repo: str,
    printed: Printed,
    elsewhere: Elsewhere,
    old: str,
    imported: Printed,
) -> None:
    master, put_there = f"master.{repo}", elsewhere.s3.put_object
    put_there(Bucket=old, Key="texts/a b+ü", Body=b"old")
    version = put_there(
        Bucket=old, Key="texts/a b+ü", Body=b"1", ContentType="text/plain", Metadata={"who": "me"}
    )["VersionId"]
    put_there(Bucket=old, Key="texts/deep/2", Body=b"2", CacheControl="no-store")
    put_there(Bucket=old, Key="not/this", Body=b"3")
    before = put(s3, master, "stays")
    assert "2 of 2" in imported(f"s3://{old}/texts/", f"{master}/in/", "--dry-run").stdout
    told = imported(f"s3://{old}/texts/", f"{master}/in/", "--json")
    assert (told["objects"], told["sent"]) == (2, 2)
    assert objects_of(s3, master) == {"stays": b"x", "in/a b+ü": b"1", "in/deep/2": b"2"}
    [newest] = printed("log", master, "--limit", "1")
    assert (newest["id"], newest["parents"]) == (told["head"], [before])
    assert newest["message"] == f"Import s3://{old}/texts/ from {elsewhere.url}"
    head = s3.head_object(Bucket=master, Key="in/a b+ü")
    assert (head["ContentType"], head["Metadata"]["who"]) == ("text/plain", "me")
    assert s3.head_object(Bucket=master, Key="in/deep/2")["CacheControl"] == "no-store"
    record = printed("lineage", "of", f"{master}/in/a b+ü")["record"]
    assert record["sources"] == [
        {"uri": f"s3://{old}/texts/a b+ü", "evidence": "external", "version_id": version}
    ]
    assert version in gateway.cli("lineage", "of", f"{master}/in/a b+ü").stdout
    sought = "--source", f"s3://{old}/texts/a b+ü", "--current"
    [found] = printed("lineage", "find", *sought)
    assert (found["object"], found["version"]) == (f"s3://{master}/in/a b+ü", told["head"])
    assert printed("lineage", "check", master) == []
    assert "already" in imported(f"s3://{old}/texts/", f"{master}/in/").stdout


def test_an_import_that_is_refused_there_changes_nothing(
    repo: str, printed: Printed, elsewhere: Elsewhere, old: str, imported: Printed
) -> None:
    master = f"master.{repo}"
    elsewhere.s3.put_object(Bucket=old, Key="a", Body=b"1")
    [head] = printed("log", master, "--limit", "1")
    for origin, key, code in [
        ("s3://nobucket", None, "NoSuchBucket"),
        (f"s3://{old}", "wrong", "SignatureDoesNotMatch"),
    ]:
        refused = imported(origin, master, check=False, key=key)
        assert refused.returncode == 1
        assert code in refused.stderr
    refused = imported(f"s3://{old}", master, "--anonymous", check=False)
    assert "AccessDenied" in refused.stderr
    assert imported(old, master, check=False).returncode == 2
    assert printed("log", master, "--limit", "1") == [head]
    assert [one["name"] for one in printed("branch", "list", repo)] == ["master"]


# ---- erase


def test_a_version_is_erased(gateway: LiveGateway, s3: Any, repo: str, printed: Printed) -> None:
    master = f"master.{repo}"
    version = put(s3, master, "a b", b"of Jane Doe")
    put(s3, master, "a b", b"of nobody")
    told = printed("erase", f"{master}/a b", "--version", version, "--reason", "GDPR 17")
    assert told["version"] == version
    with pytest.raises(ClientError, match="erased"):
        s3.get_object(Bucket=master, Key="a b", VersionId=version)
    assert s3.get_object(Bucket=master, Key="a b")["Body"].read() == b"of nobody"
    refused = gateway.cli("erase", f"{master}/a b", "--version", "0" * 32, check=False)
    assert refused.returncode == 1
    assert "NoSuchVersion" in refused.stderr
