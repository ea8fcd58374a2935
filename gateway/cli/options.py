"""Options that several commands share, and what was given before the command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="The store's directory.", metavar="DIR", show_default=False),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The settings file; else labelgate.toml in the data directory.",
        metavar="FILE",
        show_default=False,
    ),
]
Message = Annotated[
    str, typer.Option("--message", "-m", metavar="TEXT", help="Of the commit.", show_default=False)
]
Metadata = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata", metavar="NAME=TEXT", help="Of the commit; may be given several times."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of a table.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Also the repo's last ref, so that all its commits go.")
]
RefArgument = Annotated[
    str,
    typer.Argument(
        metavar="REF",
        help="[commit.]branch.repo[.project], a tag for the branch, or a commit id.",
    ),
]


@dataclass(frozen=True, slots=True)
class Common:
    """The options given before the command."""

    data: Path | None = None
    config: Path | None = None

    def over(self, data: Path | None, config: Path | None) -> Common:
        """With those given after the command, which count more."""
        return Common(data or self.data, config or self.config)

    @property
    def flags(self) -> Mapping[str, Any]:
        """The settings among them, for gateway.config.load."""
        return {} if self.data is None else {"data_dir": self.data}


def common_of(context: typer.Context) -> Common:
    """The options given before the command."""
    common: Common = context.obj
    return common


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  labelgate {line}" for line in lines)
