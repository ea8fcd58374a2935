"""An annotator draws a box around a shape, in a real browser, and later calls it something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Response, expect
from studios import Desk, Work, pictures
from waiting import until

pytestmark = [pytest.mark.labelstudio, pytest.mark.browser]

KEY = "scenes/scene-1.png"
CANVAS = ".konvajs-content"
SUBMIT = 'button[aria-label="Submit current annotation"]'
UPDATE = 'button[aria-label="submit"]:has-text("Update")'
REGION = ".lsf-outliner-item, .lsf-tree-node, .lsf-tree__node"
# The data manager's thumbnails are pictures too; the one to draw on was loaded by a script.
PICTURE_IS_SHOWN = """() => [...document.querySelectorAll('img[src^="blob:"]')].some(
  picture => picture.complete && picture.naturalWidth === 320 && picture.width > 0
)"""


@pytest.fixture
def work(http_desk: Desk) -> Work:
    return pictures(http_desk)


@pytest.fixture
def fetched(page: Page, work: Work) -> list[str]:
    """What the page, or its service worker, has asked the gateway for: URLs."""
    urls: list[str] = []

    def note(request: Request) -> None:
        if request.url.startswith(work.desk.gateway.url):
            urls.append(request.url)

    page.context.on("request", note)
    return urls


def open_first_task(page: Page, work: Work) -> dict[str, Any]:
    """The task whose picture is KEY, with the picture shown."""
    task = work.api.tasks(work.project)[0]
    page.goto(f"/projects/{work.project}/data?task={task['id']}", wait_until="domcontentloaded")
    expect(page.locator(SUBMIT)).to_be_visible(timeout=30_000)
    expect(page.locator(f"{CANVAS} canvas").first).to_be_visible()
    page.wait_for_function(PICTURE_IS_SHOWN)
    return task


def point(page: Page, across: float, down: float) -> tuple[float, float]:
    """A point of the picture, given in parts of its width and height."""
    area = page.locator(CANVAS).bounding_box()
    assert area is not None
    return area["x"] + area["width"] * across, area["y"] + area["height"] * down


def choose(page: Page, label: str) -> None:
    page.click(f'.lsf-label:has-text("{label}")')


def draw_box(page: Page) -> None:
    """Around the circle of the first picture."""
    page.mouse.move(*point(page, 0.11, 0.27))
    page.mouse.down()
    page.mouse.move(*point(page, 0.45, 0.73), steps=8)
    page.mouse.up()
    expect(page.locator(REGION).first).to_be_visible()


def save(page: Page, button: str, is_it: Callable[[Response], bool]) -> Response:
    """Press the button; Label Studio's answer, which it gives once the gateway has given its."""
    with page.expect_response(is_it) as answer:
        page.click(button)
    return answer.value


def submit(page: Page) -> int:
    """Submit the annotation; its id."""
    answer = save(page, SUBMIT, lambda a: a.request.method == "POST" and "/annotations" in a.url)
    assert answer.status == 201
    return int(answer.json()["id"])


def update(page: Page, annotation: int) -> None:
    """Update the annotation."""
    path = f"/api/annotations/{annotation}"
    answer = save(page, UPDATE, lambda a: a.request.method == "PATCH" and path in a.url)
    assert answer.status == 200


def test_a_box_that_is_drawn_and_then_relabelled_is_two_commits_that_name_the_picture(
    page: Page, work: Work
) -> None:
    before, version = work.labels.head, work.version(KEY)
    task = open_first_task(page, work)
    choose(page, "Circle")
    draw_box(page)
    annotation = submit(page)

    expect(page.locator(UPDATE)).to_be_visible()
    page.mouse.click(*point(page, 0.28, 0.5))
    choose(page, "Square")
    update(page, annotation)

    first, second = work.labels.since(before)
    key = work.key(annotation)
    for commit, label in ((first, "Circle"), (second, "Square")):
        [change] = commit["changes"]
        assert change["key"] == key
        lineage = change["lineage"]
        assert lineage["task"] == task["id"]
        assert lineage["annotation"] == annotation
        assert lineage["annotator"] == 1
        [source] = lineage["sources"]
        assert source["uri"] == f"s3://{work.raw.bucket}/{KEY}"
        assert source["commit"] == version
        [region] = json.loads(work.read(key, commit["id"]))["result"]
        assert region["value"]["rectanglelabels"] == [label]


def test_the_browser_reads_the_picture_from_the_gateway_by_a_presigned_url(
    page: Page, work: Work, fetched: list[str]
) -> None:
    open_first_task(page, work)
    until(lambda: fetched, "a request of the browser to the gateway")
    assert all(f"/{work.raw.bucket}/scenes/" in url for url in fetched)
    assert all("X-Amz-Signature=" in url for url in fetched)
    assert any(KEY in url for url in fetched)
