"""labelgate download, upload, import, erase."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

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
    (tmp_path / "big").write_bytes(b"own PART")
    assert printed("download", f"master.{repo}", str(tmp_path))["fetched"] == 1
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


def test_a_download_stays_in_its_directory(
    gateway: LiveGateway, s3: Any, repo: str, tmp_path: Path
) -> None:
    put(s3, f"master.{repo}", "sub/f")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "sub").symlink_to(tmp_path / "elsewhere")
    refused = gateway.cli("download", f"master.{repo}", str(tmp_path / "in"), check=False)
    assert refused.returncode == 1
    assert "leads out of" in refused.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_download_of_nothing_or_onto_a_file_says_so(
    gateway: LiveGateway, s3: Any, repo: str, tmp_path: Path
) -> None:
    put(s3, f"master.{repo}", "a")
    refused = gateway.cli("download", f"master.{repo}/typo/", str(tmp_path), check=False)
    assert (refused.returncode, "begins with" in refused.stderr) == (1, True)
    (tmp_path / "file").write_bytes(b"mine")
    refused = gateway.cli("download", f"master.{repo}", str(tmp_path / "file"), check=False)
    assert refused.returncode == 1
    assert "should not have happened" not in refused.stderr
    assert (tmp_path / "file").read_bytes() == b"mine"


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
    told = printed(
        "upload", str(folder), f"{master}/in/", "-m", "of the agency", "--metadata", "batch=7"
    )
    assert (told["objects"], told["sent"]) == (3, 3)
    [newest, before] = printed("log", master, "--limit", "2")
    assert (newest["id"], before["id"]) == (told["head"], kept)
    assert (newest["kind"], newest["message"], newest["changes"], newest["parents"]) == (
        "upload",
        "of the agency",
        3,
        [kept],
    )
    assert newest["metadata"]["meta-batch"] == "7"
    assert objects_of(s3, master) == {"stays": b"x", **{f"in/{k}": v for k, v in files.items()}}
    assert s3.head_object(Bucket=master, Key="in/a.json")["ContentType"] == "application/json"
    assert [one["name"] for one in printed("branch", "list", repo)] == ["master"]


def test_who_sends_other_files_to_the_same_keys_is_not_in_the_way(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed, tmp_path: Path
) -> None:
    master, names = f"master.{repo}", [str(number) for number in range(200)]
    running = []
    for who in "AB":
        folder = folder_of(tmp_path / who, {name: f"{who}{name}".encode() for name in names})
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "gateway", "--data", str(gateway.data_dir), "upload",
                 str(folder), master, "-m", who],
                env=dict(gateway.env),
            )
        )  # fmt: skip
    assert [one.wait(60) for one in running] == [0, 0]
    last, first = printed("log", master, "--limit", "2")
    assert {last["message"], first["message"]} == {"A", "B"}
    for commit in last, first:
        bodies = objects_of(s3, f"{commit['id']}.{repo}")
        assert bodies == {name: f"{commit['message']}{name}".encode() for name in names}


def test_an_upload_wins_over_what_is_written_meanwhile(
    gateway: LiveGateway, s3: Any, repo: str, tmp_path: Path
) -> None:
    master = f"master.{repo}"
    folder = folder_of(tmp_path, {str(number): b"upload" for number in range(100)})
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            put(s3, master, "1", b"meanwhile")

    writing = threading.Thread(target=write)
    writing.start()
    try:
        gateway.cli("upload", str(folder), master)
    finally:
        stop.set()
        writing.join()
    assert s3.get_object(Bucket=master, Key="2")["Body"].read() == b"upload"


def _links_to_a_directory(folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent)


def _leads_nowhere(folder: Path) -> None:
    (folder / "link").symlink_to("nowhere")


def _is_not_utf8(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_bytes(b"x")


def _is_too_long(folder: Path) -> None:
    deep = folder.joinpath(*["d" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "f").write_bytes(b"x")


def _is_empty(folder: Path) -> None:
    (folder / "a").unlink()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_links_to_a_directory, "is a link to a directory"),
        (_leads_nowhere, "is no file"),
        (_is_not_utf8, "is not UTF-8"),
        (_is_too_long, "cannot be an object"),
        (_is_empty, "holds no file"),
    ],
)
def test_what_cannot_be_sent_is_told_before_anything_is(
    gateway: LiveGateway,
    repo: str,
    printed: Printed,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    why: str,
) -> None:
    folder = folder_of(tmp_path, {"a": b"1"})
    spoil(folder)
    refused = gateway.cli("upload", str(folder), f"master.{repo}", check=False)
    assert refused.returncode == 1
    assert why in refused.stderr
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
    puts = gateway.metric("labelgate_commits_total", kind="put", repo=repo, branch="upload_")
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
            check=False, capture_output=True, text=True, timeout=60, env={**gateway.env, **signs},
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
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
    sought = "--source", f"s3://{old}/texts/a b+ü"
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
    refused = imported(f"s3://{old}/typo/", master, check=False)
    assert (refused.returncode, "begins with" in refused.stderr) == (1, True)
    assert printed("log", master, "--limit", "1") == [head]
    assert [one["name"] for one in printed("branch", "list", repo)] == ["master"]


def test_one_object_is_imported(
    s3: Any, repo: str, elsewhere: Elsewhere, old: str, imported: Printed
) -> None:
    elsewhere.s3.put_object(Bucket=old, Key="texts/a", Body=b"1", Metadata={"who": "=?x?="})
    imported(f"s3://{old}/texts/a", f"master.{repo}/in/")
    assert objects_of(s3, f"master.{repo}") == {"in/a": b"1"}


class Foreign(BaseHTTPRequestHandler):
    """An S3 that encodes as AWS does, has ETags that are no MD5, and a key that is a trap."""

    KEYS: ClassVar = "a+b%2Bc", "../master.x/evil", "x/./y"
    ASKED: ClassVar = "/bucket/a%20b%2Bc", "/bucket/%2E%2E/master.x/evil", "/bucket/x/%2E/y"

    def do_GET(self) -> None:
        if "list-type" in self.path:
            listed = "".join(
                f"<Contents><Key>{key}</Key><Size>4</Size><ETag>&quot;kms&quot;</ETag></Contents>"
                for key in self.KEYS
            )
            body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>"
        else:
            body = "body" if self.path in self.ASKED else ""
        self.send_response(200 if body else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


def test_keys_that_a_url_would_fold_stay_what_they_are(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Foreign) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        place = f"master.{repo}/a/b/"
        printed("import", "s3://bucket", place, "--endpoint", url, "--anonymous")
        server.shutdown()
    keys = {f"a/b/{key}" for key in ("a b+c", "../master.x/evil", "x/./y")}
    listed = s3.list_objects_v2(Bucket=f"master.{repo}")["Contents"]
    assert {one["Key"] for one in listed} == keys
    assert "master.x" not in {one["Name"] for one in s3.list_buckets()["Buckets"]}
    version = printed("log", f"master.{repo}", "--limit", "1")[0]["id"]
    printed("erase", f"master.{repo}/a/b/../master.x/evil", "--version", version)
    listed = s3.list_objects_v2(Bucket=f"master.{repo}")["Contents"]
    assert len(listed) == len(keys) - 1


@pytest.mark.parametrize("endpoint", ["", "ftp://x", "http://", "http://user:hunter2@127.0.0.1:1"])
def test_an_endpoint_is_an_address_without_a_password(
    gateway: LiveGateway, repo: str, endpoint: str
) -> None:
    refused = gateway.cli(
        "import", "s3://b", f"master.{repo}", "--endpoint", endpoint, "--anonymous", check=False
    )
    assert refused.returncode == 2
    assert "hunter2" not in refused.stderr


# ---- erase


def test_a_version_is_erased(gateway: LiveGateway, s3: Any, repo: str, printed: Printed) -> None:
    master = f"master.{repo}"
    version = put(s3, master, "a b", b"of Jane Doe")
    put(s3, master, "a b", b"of nobody")
    told = printed(
        "erase", f"{master}/a b", "--version", version, "--reason", "Löschung nach\nArt. 17"
    )
    assert told["version"] == version
    with pytest.raises(ClientError, match="erased"):
        s3.get_object(Bucket=master, Key="a b", VersionId=version)
    assert s3.get_object(Bucket=master, Key="a b")["Body"].read() == b"of nobody"
    refused = gateway.cli("erase", f"{master}/a b", "--version", "0" * 32, check=False)
    assert refused.returncode == 1
    assert "NoSuchVersion" in refused.stderr
