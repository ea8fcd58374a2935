"""Label Studio gives browsers links to the gateway, or fetches for them itself."""

from __future__ import annotations

import httpx
import pytest
from studios import Desk, Work, pictures, wired

from scripts.example import BOXES

pytestmark = pytest.mark.labelstudio

KEY = "scenes/scene-3.png"


def resolve(work: Work, **headers: str) -> httpx.Response:
    """Label Studio's answer to the browser that shows the picture."""
    return work.look(work.api.tasks(work.project)[2]["id"], KEY, **headers)


def test_the_link_for_a_browser_is_the_picture_for_whoever_has_it(http_desk: Desk) -> None:
    work = pictures(http_desk)
    answer = resolve(work)
    assert answer.status_code == 303
    link = answer.headers["location"]
    assert link.startswith(f"{http_desk.gateway.url}/{work.raw.bucket}/{KEY}?")
    origin = {"Origin": http_desk.studio.url}
    shown = httpx.get(link, headers=origin, trust_env=False)
    assert shown.status_code == 200
    assert shown.content == BOXES.objects()[KEY]
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["access-control-allow-origin"] in {"*", http_desk.studio.url}
    part = httpx.get(link, headers={**origin, "Range": "bytes=1-3"}, trust_env=False)
    assert (part.status_code, part.content) == (206, b"PNG")
    forged = link[:-1] + ("0" if link[-1] != "0" else "1")
    refused = httpx.get(forged, headers=origin, trust_env=False)
    assert refused.status_code == 403
    assert refused.headers["access-control-allow-origin"] in {"*", http_desk.studio.url}


def test_without_presigned_links_label_studio_passes_the_picture_on(desk: Desk) -> None:
    raw, labels = desk.buckets()
    for key, body in BOXES.objects().items():
        desk.gateway.s3().put_object(Bucket=raw, Key=key, Body=body, ContentType="image/png")
    work = wired(desk, BOXES, raw, labels, presign=False)
    whole = resolve(work)
    assert (whole.status_code, whole.content) == (200, BOXES.objects()[KEY])
    assert whole.headers["content-type"] == "image/png"
    part = resolve(work, Range="bytes=1-3")
    assert (part.status_code, part.content) == (206, b"PNG")
