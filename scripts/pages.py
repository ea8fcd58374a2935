"""The generated pages of docs/: `python -m scripts.pages` writes them, `--check` compares.

The pages follow the code: settings, the table of S3 operations, the command line.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from scripts import page_commands, page_compatibility, page_configuration

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES: dict[str, Callable[[], str]] = {
    "commands.md": page_commands.page,
    "compatibility.md": page_compatibility.page,
    "configuration.md": page_configuration.page,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """0: done, or all pages are as they would be written; 1: a page is stale."""
    parser = argparse.ArgumentParser(prog="python -m scripts.pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where stale")
    check = parser.parse_args(arguments).check
    stale_pages = list(stale())
    for file, text in stale_pages:
        name = file.relative_to(ROOT)
        if check:
            sys.stderr.write(f"{name} is stale: run `make pages`\n")
        else:
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{name} written\n")
    return 1 if check and stale_pages else 0


def stale() -> Iterator[tuple[Path, str]]:
    """Each page that is not what it would be written as now, and what that is."""
    for name, page in PAGES.items():
        file, text = DOCS / name, page()
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            yield file, text


if __name__ == "__main__":
    sys.exit(main())
