"""Bars for what takes longer than a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn


@contextmanager
def bars() -> Iterator[Callable[[int, int | None, str], None]]:
    """A bar on stderr for each thing that is worked on; nothing where that is no terminal.

    Yields what is told how much is done: (done, total, what); total None: nobody knows.
    """
    console = Console(stderr=True)
    shown_bars: dict[str, TaskID] = {}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:

        def progress(done: int, total: int | None, what: str) -> None:
            if what not in shown_bars:
                shown_bars[what] = shown.add_task(what, total=total)
            shown.update(shown_bars[what], completed=done, total=total)

        yield progress
