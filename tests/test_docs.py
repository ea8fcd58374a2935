"""The documentation is true where a program can tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import NAMES, environment_name, flag_name
from gateway.protocol.configurations import SETTINGS
from gateway.protocol.operations import OPERATIONS, Level
from scripts import pages
from scripts.page_commands import commands

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
TEXTS = sorted(
    file
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", ".ci/*", "deploy/**/*.md")
    for file in ROOT.glob(pattern)
    if file.is_file()
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# Places of one machine: a home, a checkout, a temporary directory.
_MACHINE_PATH = re.compile(r"(?<![\w./~$}-])/(home|root|Users|work|tmp|mnt)/")


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_documented(name):
    page = (DOCS / "configuration.md").read_text()
    assert f"| `{name}` | `{flag_name(name)}` | `{environment_name(name)}` |" in page


def test_every_command_is_documented_with_its_options():
    page = (DOCS / "commands.md").read_text()
    for path, command in commands():
        assert f"## {path}\n" in page
        section = page.partition(f"## {path}\n")[2].partition("\n## ")[0]
        for parameter in command.params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                assert parameter.opts[0] in section, (path, parameter.opts)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_documented_as_it_is_offered(operation):
    tables = (DOCS / "compatibility.md").read_text().partition("## What to know")[0]
    (row,) = (line for line in tables.splitlines() if re.match(rf"\| {operation.name}[ ,]", line))
    refused = operation.method == "PUT" and operation.marker in SETTINGS
    works = operation.offered and not (refused and operation.level is Level.BUCKET)
    assert ("| works |" in row) == works
    assert ("| 501 |" in row) != works
    assert works or not row.endswith("|  |")  # it says why not


def test_no_generated_page_is_stale():
    assert [named(file) for file, _ in pages.stale()] == []


@pytest.mark.parametrize("file", TEXTS, ids=named)
def test_no_relative_link_is_dead(file):
    dead = [link for link in links(file) if not leads_somewhere(file, link)]
    assert dead == []


@pytest.mark.parametrize("file", TEXTS, ids=named)
def test_no_path_of_a_single_machine_is_named(file):
    assert _MACHINE_PATH.findall(file.read_text()) == []


def links(file: Path) -> Iterator[str]:
    prose = _FENCE.sub("", file.read_text())
    yield from (link for link in _LINK.findall(prose) if "://" not in link)


def leads_somewhere(file: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = file.parent / path if path else file
    if not target.exists():
        return False
    return not anchor or anchor in anchors(target)


def anchors(file: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
