"""repo, branch, tag, log, show, diff, lineage: against a live server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from labels import annotation, encoded
from live import LiveGateway

Printed = Callable[..., Any]


def put(s3: Any, bucket: str, key: str, body: bytes = b"x") -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def test_what_is_made_is_listed(gateway: LiveGateway, repo: str, printed: Printed) -> None:
    assert printed("branch", "create", f"dev.{repo}", "--from", f"master.{repo}")["name"] == "dev"
    assert printed("tag", "create", f"v1.{repo}", "--from", f"dev.{repo}")["name"] == "v1"
    assert [one["name"] for one in printed("branch", "list", repo)] == ["dev", "master"]
    assert [one["name"] for one in printed("tag", "list", repo)] == ["v1"]
    [found] = [one for one in printed("repo", "list") if one["repo"] == repo]
    assert (found["branches"], found["tags"]) == (2, 1)
    assert repo in [one["repo"] for one in printed("branch", "list")]


def test_what_is_deleted_is_gone(repo: str, printed: Printed) -> None:
    printed("branch", "create", f"dev.{repo}")
    printed("tag", "create", f"v1.{repo}", "--from", repo)
    assert printed("branch", "delete", f"dev.{repo}") == {"deleted": f"dev.{repo}"}
    assert printed("tag", "delete", f"v1.{repo}") == {"deleted": f"v1.{repo}"}
    assert [one["name"] for one in printed("branch", "list", repo)] == ["master"]
    assert printed("tag", "list", repo) == []


def test_the_last_content_of_a_repo_goes_by_force_only(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    put(s3, f"master.{repo}", "a")
    refused = gateway.cli("branch", "delete", f"master.{repo}", check=False)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    printed("branch", "delete", f"master.{repo}", "--force")
    assert repo not in [one["repo"] for one in printed("repo", "list")]


def test_the_log_prints_as_many_commits_as_asked_for(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    commits = [put(s3, f"master.{repo}", f"k{n}") for n in range(3)][::-1]
    assert [one["id"] for one in printed("log", f"master.{repo}", "--limit", "2")] == commits[:2]
    assert [one["id"] for one in printed("log", f"master.{repo}", "k1")] == [commits[1]]
    assert printed("log", commits[1])[0]["id"] == commits[1]
    table = gateway.cli("log", f"master.{repo}", "--limit", "2")
    assert commits[0] in table.stdout
    assert "--limit" in table.stderr


def test_the_log_is_filtered(gateway: LiveGateway, s3: Any, repo: str, printed: Printed) -> None:
    def ids(*arguments: str) -> list[str]:
        return [one["id"] for one in printed("log", f"master.{repo}", *arguments)]

    form = annotation(id=1, completed_by={"id": 4711})
    form["task"]["id"] = 4712
    first = put(s3, f"master.{repo}", "1", encoded(form))
    second = put(s3, f"master.{repo}", "2")
    root = ids()[-1]
    assert ids("--annotator", "4711") == ids("--task", "4712") == [first]
    assert ids("--task", "4713") == []
    assert ids("--task", "4712", "--annotation", "1") == [first]
    assert ids("--task", "4712", "--annotation", "2") == []
    refused = gateway.cli("log", f"master.{repo}", "--annotation", "1", check=False)
    assert (refused.returncode, "of which task" in refused.stderr) == (1, True)
    assert ids("--author", "default") == [second, first, root]
    assert ids("--author", "nobody") == []
    time = printed("log", f"master.{repo}")[1]["time"]
    assert ids("--until", time)[0] in {first, second}
    assert root not in ids("--since", time) or len(ids()) == 3
    assert ids("--since", "2126-01-01") == ids("--until", "2020-01-01") == []
    assert printed("log", f"master.{repo}@2126-01-01")[0]["id"] == second


def test_a_commit_is_shown_with_all_its_changes(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    commit = put(s3, f"master.{repo}", "some/key", b"12345")
    shown = printed("show", f"{commit}.{repo}")
    assert shown["id"] == commit
    assert shown["change_count"] == 1
    assert [(one["key"], one["size"]) for one in shown["changes"]] == [("some/key", 5)]
    text = gateway.cli("show", commit).stdout
    assert commit in text
    assert "some/key" in text


def test_a_commit_that_erased_is_shown_with_the_versions_it_took(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    gone = put(s3, f"master.{repo}", "some/key")
    s3.delete_object(Bucket=f"master.{repo}", Key="some/key", VersionId=gone)
    shown = printed("show", f"master.{repo}")
    assert [(one["key"], one["version"]) for one in shown["erased"]] == [("some/key", gone)]
    text = gateway.cli("show", f"master.{repo}").stdout
    assert gone in text
    assert "some/key" in text


def test_a_diff_prints_what_differs(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    put(s3, f"master.{repo}", "a")
    printed("tag", "create", f"v1.{repo}", "--from", repo)
    put(s3, f"master.{repo}", "b")
    diff = printed("diff", f"v1.{repo}", f"master.{repo}")
    assert [(one["key"], one["difference"]) for one in diff] == [("b", "added")]
    assert printed("diff", repo, repo) == []
    assert gateway.cli("diff", repo, f"master.{repo}").stdout == "no differences\n"


def test_a_diff_of_several_pages_is_whole(s3: Any, repo: str, printed: Printed) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: put(s3, f"master.{repo}", f"{n:04}"), range(1003)))
    printed("branch", "create", f"empty.{repo}")
    diff = printed("diff", f"empty.{repo}", repo)
    assert [one["key"] for one in diff] == [f"{n:04}" for n in range(1003)]
    assert len(printed("log", repo, "--limit", "1002")) == 1002


def test_the_lineage_of_an_object_is_printed(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    source = put(s3, f"master.{repo}", "text ü?.txt")
    put(s3, f"master.{repo}", "dir/a b")
    found = printed("lineage", f"s3://master.{repo}/text ü?.txt")
    assert found["version"] == source
    assert found["record"]["key"] == "text ü?.txt"
    text = gateway.cli("lineage", f"s3://master.{repo}/dir/a b").stdout
    assert "account default" in text


def test_a_commit_is_shown_with_the_sources_of_each_change(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    uris = [f"s3://master.{repo}/{key}" for key in ("one", "two")]
    put(s3, f"master.{repo}", "one")
    put(s3, f"master.{repo}", "two")
    declared = {"labelgate-sources": ",".join(uris)}
    s3.put_object(Bucket=f"master.{repo}", Key="made", Body=b"x", Metadata=declared)
    sources = printed("show", repo)["changes"][0]["lineage"]["sources"]
    assert [one["uri"] for one in sources] == uris
    told = ", ".join(f"{one['uri']} ({one['evidence']})" for one in sources)
    assert told in gateway.cli("show", repo).stdout
    assert all(uri in gateway.cli("lineage", f"s3://{repo}/made").stdout for uri in uris)


def test_a_source_that_changed_while_the_label_was_made_is_pointed_out(
    gateway: LiveGateway, s3: Any, repo: str
) -> None:
    version = put(s3, f"master.{repo}", "picture")  # newer than the work on that label
    body = encoded(annotation({"image": f"s3://{repo}/picture"}))
    s3.put_object(Bucket=f"master.{repo}", Key="label", Body=body)
    [line] = [
        line
        for line in gateway.cli("lineage", f"s3://{repo}/label").stdout.splitlines()
        if version in line
    ]
    assert "head-at-put, changed meanwhile" in line


def test_an_older_version_has_its_own_lineage(s3: Any, repo: str, printed: Printed) -> None:
    first = put(s3, f"master.{repo}", "a", b"1")
    put(s3, f"master.{repo}", "a", b"22")
    found = printed("lineage", f"s3://master.{repo}/a", "--version", first)
    assert found["record"]["content"]["size"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("log", "no-such-repo"), 1, "labelgate repo list"),
        (("log", "nothing.{repo}"), 1, "labelgate branch list"),
        (("log", "{repo}@2025-11-01T12:00Z"), 1, "was not there then"),
        (("show", "0" * 32), 1, "no commit"),
        (("branch", "create", "feature/x.{repo}"), 1, "'feature_x' would do"),
        (("branch", "create", "{repo}"), 2, "<branch>.<repo>"),
        (("branch", "delete", "nothing.{repo}"), 1, "labelgate branch list"),
        (("lineage", "{repo}"), 2, "s3://<bucket>/<key>"),
        (("lineage", "{repo}/key"), 1, "NoKey"),
        (("lineage", "s3://{repo}/nothing"), 1, "NoKey"),
        (("repo", "create", "{repo}"), 1, "AlreadyExists"),
        (("tag", "create", "v1.{repo}"), 2, "--from"),
        (("log",), 2, "REF"),
        (("nothing",), 2, "No such command"),
    ],
)
def test_a_refusal_says_why_on_stderr_and_in_the_exit_code(
    gateway: LiveGateway, repo: str, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = gateway.cli(*(one.format(repo=repo) for one in arguments), check=False)
    assert done.returncode == code
    assert told in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_key_cannot_steer_the_terminal(
    gateway: LiveGateway, s3: Any, repo: str, printed: Printed
) -> None:
    put(s3, f"master.{repo}", "a\x1b[31mred")
    text = gateway.cli("show", repo).stdout
    assert "\x1b" not in text
    assert r"a\x1b[31mred" in text
    assert printed("show", repo)["changes"][0]["key"] == "a\x1b[31mred"


def test_a_piped_row_is_one_line_however_long(gateway: LiveGateway, s3: Any, repo: str) -> None:
    commit = put(s3, f"master.{repo}", "k" * 900)
    lines = gateway.cli("show", repo).stdout.splitlines()
    assert [line for line in lines if "k" * 900 in line]
    [row] = [line for line in gateway.cli("log", repo).stdout.splitlines() if commit in line]
    assert row == row.rstrip()
    assert "\x1b" not in row


def test_json_is_the_same_whatever_the_locale(gateway: LiveGateway, s3: Any, repo: str) -> None:
    put(s3, f"master.{repo}", "ü")
    plain = {**gateway.env, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    foreign = LiveGateway(gateway.url, gateway.data_dir, gateway.process, gateway.log, plain)
    shown = json.loads(foreign.cli("show", repo, "--json").stdout)
    assert shown["changes"][0]["key"] == "ü"
    assert foreign.cli("show", repo).returncode == 0
