"""From what a gateway serves to what the lineage of a label says, over the wire, on both stores."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from api import Api
from labels import annotation, encoded
from live import LiveGateway, live_gateway
from waiting import until

KEY = "images/1.png"
# Longer than two things that happen one after the other share a millisecond.
MOMENT_S = 0.01

_serial = itertools.count(1)


@dataclass
class Desk:
    """A source and a target bucket, and an annotator between them."""

    gateway: LiveGateway
    raw: str
    labels: str

    @property
    def s3(self) -> Any:
        return self.gateway.s3()

    def replace(self) -> str:
        """A new version of the picture."""
        body = f"picture {next(_serial)}".encode()
        return str(self.s3.put_object(Bucket=self.raw, Key=KEY, Body=body)["VersionId"])

    def opened(self) -> tuple[str, float]:
        """A picture that was there before the task is opened, and when it is opened: now."""
        version = self.replace()
        time.sleep(MOMENT_S)
        return version, time.time()

    def look(self) -> None:
        """Follow a link to the picture, as a browser does."""
        assert httpx.get(self.link(), trust_env=False).status_code == 200

    def link(self) -> str:
        """What Label Studio gives a browser for the picture."""
        asked = {"Bucket": self.raw, "Key": KEY}
        return str(self.s3.generate_presigned_url("get_object", Params=asked, ExpiresIn=60))

    def label(self, opened: float) -> bytes:
        """A label of the picture, saved now after work since `opened`."""
        now = time.time()
        saved = datetime.fromtimestamp(now, UTC).isoformat()
        form = annotation(
            {"image": f"s3://{self.raw}/{KEY}"},
            id=next(_serial),
            created_at=saved,
            updated_at=saved,
            lead_time=now - opened,
        )
        # Work is dated back a little for a submit that took its time, but never behind its task.
        form["task"]["created_at"] = datetime.fromtimestamp(opened, UTC).isoformat()
        return encoded(form)

    def save(self, opened: float) -> dict[str, Any]:
        """Put a label; what its record says of the picture."""
        self.s3.put_object(Bucket=self.labels, Key="1", Body=self.label(opened))
        return self.source()

    def source(self, key: str = "1") -> dict[str, Any]:
        answer = Api(self.gateway.url).get(f"/refs/{self.labels}/lineage", key=key)
        [source] = answer.json()["record"]["sources"]
        return dict(source)


def desk_on(gateway: LiveGateway) -> Desk:
    number = next(_serial)
    made = Desk(gateway, f"master.seen{number}", f"master.said{number}")
    for bucket in (made.raw, made.labels):
        made.s3.create_bucket(Bucket=bucket)
    return made


@pytest.fixture(params=["gateway", "pachyderm_gateway"])
def desk(request: pytest.FixtureRequest) -> Desk:
    return desk_on(request.getfixturevalue(request.param))


def test_a_picture_that_a_browser_was_given_is_observed(desk: Desk) -> None:
    version, opened = desk.opened()
    desk.look()
    source = desk.save(opened)
    assert (source["evidence"], source["commit"]) == ("observed", version)
    assert opened * 1000 - 1 <= source["read"] <= time.time() * 1000
    assert "changed_during" not in source


def test_a_picture_replaced_after_it_was_shown_is_told_as_it_was_shown(desk: Desk) -> None:
    version, opened = desk.opened()
    desk.look()
    desk.replace()
    source = desk.save(opened)
    assert (source["evidence"], source["commit"]) == ("observed", version)
    assert source["changed_during"] is True
    shown = desk.s3.head_object(Bucket=desk.labels, Key="1")["Metadata"]
    assert shown["lineage-evidence"] == "observed"
    assert version in shown["lineage-sources"]


def test_a_program_that_reads_beside_an_annotator_shows_nobody_anything(desk: Desk) -> None:
    version, opened = desk.opened()
    desk.look()
    desk.replace()
    desk.s3.get_object(Bucket=desk.raw, Key=KEY)
    assert desk.save(opened)["commit"] == version


def test_what_a_browser_has_already_is_observed_as_it_is_confirmed(desk: Desk) -> None:
    version, opened = desk.opened()
    etag = desk.s3.head_object(Bucket=desk.raw, Key=KEY)["ETag"]
    confirmed = httpx.get(desk.link(), headers={"If-None-Match": etag}, trust_env=False)
    assert confirmed.status_code == 304
    source = desk.save(opened)
    assert (source["evidence"], source["commit"]) == ("observed", version)


def test_what_was_only_asked_after_was_not_seen(desk: Desk) -> None:
    first = desk.replace()
    version, opened = desk.opened()
    desk.s3.head_object(Bucket=desk.raw, Key=KEY)
    desk.s3.get_object(Bucket=desk.raw, Key=KEY, VersionId=first)
    refused = httpx.get(f"{desk.gateway.url}/{desk.raw}/{KEY}", trust_env=False)
    assert refused.status_code == 403
    source = desk.save(opened)
    assert (source["evidence"], source["commit"]) == ("head-at-open", version)
    assert "read" not in source


def test_a_picture_shown_before_the_work_began_is_observed_before(desk: Desk) -> None:
    version = desk.replace()
    desk.look()
    time.sleep(MOMENT_S)
    source = desk.save(time.time())
    assert (source["evidence"], source["commit"]) == ("observed-before", version)


def test_a_picture_never_shown_is_the_one_at_the_head_as_the_work_began(desk: Desk) -> None:
    version, opened = desk.opened()
    desk.replace()
    source = desk.save(opened)
    assert (source["evidence"], source["commit"]) == ("head-at-open", version)
    assert source["changed_during"] is True


def test_a_picture_that_came_while_the_task_was_open(desk: Desk) -> None:
    opened = time.time() - 60
    version = desk.replace()
    source = desk.save(opened)
    assert (source["evidence"], source["commit"]) == ("head-at-put", version)
    assert source["changed_during"] is True


def test_a_form_is_a_put_in_other_words(desk: Desk) -> None:
    version, opened = desk.opened()
    desk.look()
    form = desk.s3.generate_presigned_post(desk.labels, "posted")
    file = {"file": ("label", desk.label(opened))}
    sent = httpx.post(form["url"], data=form["fields"], files=file, trust_env=False)
    assert sent.status_code == 204, sent.text
    source = desk.source("posted")
    assert (source["evidence"], source["commit"]) == ("observed", version)


def test_an_object_made_of_parts_has_no_times_to_go_by(desk: Desk) -> None:
    version, opened = desk.opened()
    desk.look()
    s3, place = desk.s3, {"Bucket": desk.labels, "Key": "parts"}
    declared = {"labelgate-sources": f"s3://{desk.raw}/{KEY}"}
    upload = s3.create_multipart_upload(**place, Metadata=declared)["UploadId"]
    part = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=desk.label(opened))
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)
    source = desk.source("parts")
    assert (source["evidence"], source["commit"]) == ("head-at-put", version)


def test_saving_again_keeps_the_first_record(desk: Desk) -> None:
    version, opened = desk.opened()
    desk.look()
    body = desk.label(opened)
    desk.s3.put_object(Bucket=desk.labels, Key="1", Body=body)
    first = desk.source()
    desk.replace()
    desk.look()
    drifted = json.loads(body) | {"created_ago": "5\u00a0minutes"}
    desk.s3.put_object(Bucket=desk.labels, Key="1", Body=encoded(drifted))
    assert desk.source() == first
    assert (first["commit"], first.get("changed_during")) == (version, None)


def test_what_was_served_is_known_after_a_restart(tmp_path: Path) -> None:
    with live_gateway(tmp_path / "data") as gateway:
        desk = desk_on(gateway)
        version, opened = desk.opened()
        desk.look()
        desk.replace()
    with live_gateway(tmp_path / "data") as gateway:
        desk.gateway = gateway
        source = desk.save(opened)
    assert (source["evidence"], source["commit"]) == ("observed", version)


def test_a_gateway_that_is_killed_keeps_what_it_wrote_a_second_ago(tmp_path: Path) -> None:
    with live_gateway(tmp_path / "data") as gateway:
        desk = desk_on(gateway)
        version, opened = desk.opened()
        desk.look()
        file = tmp_path / "data" / "reads.jsonl"
        until(lambda: file.exists() and version in file.read_text(), "the read is kept")
        gateway.process.kill()
    with live_gateway(tmp_path / "data") as gateway:
        desk.gateway = gateway
        assert desk.save(opened)["evidence"] == "observed"
