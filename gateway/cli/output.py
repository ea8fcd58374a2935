"""What commands print: tables for people, one JSON document for programs.

A table on a terminal fits its width; piped, each row is one line, however long.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_COLUMNS = 100_000
WRAPPED_COLUMNS_MIN = 24
BETWEEN_COLUMNS = 3
NUMBERS = frozenset({"size", "old size", "new size", "changes", "branches", "tags", "commits"})
_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


def print_json(document: Any) -> None:
    """Print one JSON document on stdout, and nothing else."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(document, indent=2, ensure_ascii=not utf8))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, wrapped: Sequence[str] = ()
) -> None:
    """Print rows below their headings. wrapped: the columns that give way on a terminal."""
    cells = [[shown(cell) for cell in row] for row in rows]
    table = Table(box=SIMPLE_HEAD if _on_terminal() else None, pad_edge=False)
    needed = 0
    for number, column in enumerate(columns):
        natural = max(cell_len(text) for text in (column, *(row[number] for row in cells)))
        gives_way = column in wrapped
        needed += BETWEEN_COLUMNS + (min(natural, WRAPPED_COLUMNS_MIN) if gives_way else natural)
        table.add_column(
            column,
            no_wrap=not gives_way,
            overflow="fold",
            justify="right" if column in NUMBERS else "left",
        )
    for row in cells:
        table.add_row(*(Text(text) for text in row))
    _print(table, columns_min=needed)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print names and values, one a line; those that are None are left out."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value is not None:
            table.add_row(name, Text(shown(value)))
    _print(table)


def say(text: str) -> None:
    """A line for people, on stdout."""
    print(shown(text))


def note(text: str) -> None:
    """A line for people that is no result, on stderr."""
    print(shown(text), file=sys.stderr)


def shown(value: object) -> str:
    """`value` as text that cannot steer a terminal: keys and messages are other people's."""
    return str(value).translate(_ESCAPED)


def short_time(iso: str) -> str:
    """`2026-11-01T12:00:00.000Z` as people read it, to the second."""
    return iso[:19].replace("T", " ")


def human_size(size: int) -> str:
    """Bytes as people read them."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def _print(table: Table, *, columns_min: int = 0) -> None:
    """Print a table. columns_min: what it needs; a narrower terminal breaks the lines itself."""
    console = Console(highlight=False, width=None if _on_terminal() else PIPED_COLUMNS)
    console.width = max(console.width, columns_min)
    with console.capture() as captured:
        console.print(table)
    # Cells are padded to their column's width; the padding at the end of a line says nothing.
    lines = captured.get().splitlines()
    print("\n".join(line.rstrip() for line in lines))
