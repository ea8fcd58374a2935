"""A source bucket that names a commit or a tag makes the lineage of its labels certain."""

from __future__ import annotations

import json

import pytest
from raw import signed
from studios import Desk, Work, box, pictures, wired

from scripts.example import BOXES

pytestmark = pytest.mark.labelstudio

KEY = "scenes/scene-2.png"


@pytest.fixture(params=["commit", "tag"])
def pinned(request: pytest.FixtureRequest, desk: Desk) -> tuple[Work, str, str]:
    """Pictures read by a commit or a tag, the commit, and the version of KEY in it.

    The branch has moved on since: KEY is another picture there.
    """
    first = pictures(desk)
    gateway, commit, version = desk.gateway, first.raw.head, first.version(KEY)
    repo = first.raw.bucket.removeprefix("master.")
    if request.param == "commit":
        bucket = f"{commit}.{repo}"
    else:
        bucket = f"v1.{repo}"
        body = json.dumps({"name": "v1", "from": f"{commit}.{repo}"}).encode()
        kind = {"Content-Type": "application/json"}
        made = signed(gateway, "POST", f"/-/api/v1/repos/{repo}/tags", body, kind)
        assert made.status == 201, made.body
    gateway.s3().put_object(Bucket=first.raw.bucket, Key=KEY, Body=b"another picture")
    return wired(desk, BOXES, bucket, desk.buckets()[1]), commit, version


def test_a_label_of_a_pinned_picture_names_that_very_version(
    pinned: tuple[Work, str, str],
) -> None:
    work, commit, version = pinned
    task = work.api.tasks(work.project)[1]
    annotation = work.api.annotate(task["id"], box("Square"))["id"]
    [source] = work.labels.lineage(work.key(annotation))["sources"]
    assert source["uri"] == f"s3://{work.raw.bucket}/{KEY}"
    assert source["evidence"] == "pinned"
    assert source["pinned"] == commit
    assert source["commit"] == version


def test_the_answer_for_a_label_says_in_its_headers_what_it_was_made_from(
    pinned: tuple[Work, str, str],
) -> None:
    work, _, version = pinned
    task = work.api.tasks(work.project)[1]
    annotation = work.api.annotate(task["id"], box("Square"))["id"]
    found = work.desk.gateway.s3().head_object(Bucket=work.labels.bucket, Key=work.key(annotation))
    shown = found["Metadata"]
    assert shown["lineage-author"] == "1"
    assert shown["lineage-evidence"] == "pinned"
    assert shown["lineage-sources"].startswith(f"s3://{version}.")
    assert shown["lineage-sources"].endswith(f"/{KEY}")
    assert "@" not in str(shown), "an e-mail address in the headers"
