"""A real Chromium, as an annotator has it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from studios import Desk

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; none is ever downloaded.

    Not for the whole session: while Playwright runs, its event loop is the main thread's, and no
    other test could have one.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("Chromium is not installed: run `make browser`")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield found
        found.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """While the page is still there, keep what it showed when the test failed."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if call.when == "call" and report.failed and isinstance(page, Page):
        picture = Path(item.funcargs["tmp_path"]) / "failed.png"
        page.screenshot(path=picture)
        report.sections.append(("screenshot", str(picture)))
    return report


@pytest.fixture
def page(browser: Browser, http_desk: Desk, tmp_path: Path) -> Iterator[Page]:
    """A page on which the annotator is logged in. On failure it is shown in tmp_path."""
    context = browser.new_context(
        base_url=http_desk.studio.url, viewport={"width": 1400, "height": 900}
    )
    page = context.new_page()
    page.goto("/user/login/", wait_until="domcontentloaded")
    page.fill("input[name=email]", http_desk.studio.login.username)
    page.fill("input[name=password]", http_desk.studio.login.password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url, wait_until="domcontentloaded")
    yield page
    context.close()
