"""labelgate promote, revert, restore, branch protect and log, repo delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from labels import annotation, encoded
from live import LiveGateway

Printed = Callable[..., Any]


def put(s3: Any, bucket: str, key: str, body: bytes = b"x") -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def test_labels_are_promoted(gateway: LiveGateway, s3: Any, repo: str, printed: Printed) -> None:
    dev, master = f"dev.{repo}", f"master.{repo}"
    printed("branch", "create", dev, "--from", master)
    head = put(s3, dev, "a")
    assert "would be moved" in gateway.cli("promote", dev, master, "--dry-run").stdout
    assert printed("promote", dev, master)["head"] == head
    assert "already" in gateway.cli("promote", dev, master).stdout
    put(s3, dev, "b")
    put(s3, master, "c")
    said = "--metadata", "ticket=L-7", "--metadata", "reviewer=ü=ann"
    told = gateway.cli("promote", dev, master, "-m", "week 48", *said).stdout
    assert "1 added" in told
    [newest] = printed("log", master, "--limit", "1")
    assert (newest["kind"], newest["message"]) == ("promote", "week 48")
    assert newest["metadata"]["meta-ticket"] == "L-7"
    assert newest["metadata"]["meta-reviewer"] == "ü=ann"
    assert gateway.cli("promote", dev, master, "--metadata", "ticket", check=False).returncode == 2
    for bad in "Ticket=1", "ticket=" + "x" * 2048:
        refused = gateway.cli("promote", dev, master, "--metadata", bad, check=False)
        assert (refused.returncode, "metadata" in refused.stderr) == (1, True)
    put(s3, dev, "a", b"theirs")
    put(s3, master, "a", b"mine")
    refused = gateway.cli("promote", dev, master, check=False)
    assert refused.returncode == 1
    assert "--policy" in refused.stderr
    tried = gateway.cli("promote", dev, master, "--dry-run").stdout
    assert "conflict: a" in tried
    gateway.cli("promote", dev, master, "--policy", "destination", "--expect",
                printed("log", master, "--limit", "1")[0]["id"])  # fmt: skip
    assert s3.get_object(Bucket=master, Key="a")["Body"].read() == b"mine"


def test_a_bad_day_is_taken_back(gateway: LiveGateway, s3: Any, repo: str) -> None:
    master = f"master.{repo}"
    before = put(s3, master, "a", b"good")
    for number in range(3):
        last = put(s3, master, f"day/{number}")
    told = gateway.cli("revert", f"{before}..{last}.{master}").stdout
    assert "3 keys" in told
    bad = put(s3, master, "a", b"bad")
    gateway.cli("revert", f"{bad}.{master}")
    assert s3.get_object(Bucket=master, Key="a")["Body"].read() == b"good"
    assert "as it was" in gateway.cli("revert", f"{bad}.{master}").stdout


@pytest.mark.parametrize("what", ["x", "master.labels", "..master.labels", "a..b.master.labels"])
def test_revert_wants_a_commit_and_a_branch(gateway: LiveGateway, what: str) -> None:
    refused = gateway.cli("revert", what, check=False)
    assert refused.returncode == 2
    assert "<commit>.<branch>.<repo>" in refused.stderr


def test_one_label_of_a_month_ago_is_recovered(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    master = f"master.{repo}"
    then = put(s3, master, "sentiment/1", b"then")
    put(s3, master, "sentiment/1", b"now")
    put(s3, master, "sentiment/2", b"now")
    assert "1 keys" in gateway.cli(
        "restore", f"{master}/sentiment/1", "--at", then, "--dry-run"
    ).stdout  # fmt: skip
    assert printed("restore", f"s3://{master}/sentiment/1", "--at", then)["keys"] == ["sentiment/1"]
    assert s3.get_object(Bucket=master, Key="sentiment/1")["Body"].read() == b"then"


def test_a_branch_is_protected_and_its_moves_are_told(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    master = f"master.{repo}"
    assert printed("branch", "protect", master)["protected"] is True
    [shown] = printed("branch", "list", repo)
    assert shown["protected"] is True
    assert "not protected" in gateway.cli("branch", "unprotect", master).stdout
    [made] = printed("branch", "log", master)
    assert made["action"] == "create branch"
    assert made["new"] in gateway.cli("branch", "log", master).stdout
    printed("branch", "create", f"dev.{repo}", "--from", master)
    put(s3, f"dev.{repo}", "a")
    printed("promote", f"dev.{repo}", master, "-m", "week 48: reviewed")
    [moved, _] = printed("branch", "log", master)
    assert (moved["action"], moved["why"]) == ("forward", "week 48: reviewed")


def test_a_repo_goes_when_its_name_is_said_again(
    gateway: LiveGateway, repo: str, printed: Printed
) -> None:
    refused = gateway.cli("repo", "delete", repo, check=False)
    assert refused.returncode == 1
    assert "--confirm" in refused.stderr
    assert printed("repo", "delete", repo, "--confirm", repo) == {"deleted": repo}
    assert repo not in [one["repo"] for one in printed("repo", "list")]


def test_changes_of_labels_are_told_as_such(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    master = f"master.{repo}"
    result = annotation()["result"]
    then = put(s3, master, "1", encoded(annotation()))
    result[0]["value"]["rectanglelabels"] = ["Bus"]
    put(s3, master, "1", encoded(annotation(result=result, created_ago="2 days")))
    put(s3, master, "notes.txt", b"x")
    old = f"{then}.{repo}"
    label, other = printed("diff", old, master, "--labels")
    assert [one["what"] for one in label["label"]["changes"]] == ["relabelled"]
    assert other["label"] is None
    told = gateway.cli("diff", old, master, "--labels").stdout
    assert "changed 1  (task 11)" in told
    assert "relabelled label: Car -> Bus" in told
    assert "added notes.txt" in told
    assert printed("diff", old, master)[0]["label"] is None
