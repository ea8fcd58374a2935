"""labelgate lineage: of, find, graph, check."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from gateway.cli import doubts, found, graph, origin


class _OfIsTheDefault(TyperGroup):
    """`lineage s3://labels/1` is `lineage of s3://labels/1`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word in where no command stands."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["of", *args]
        return super().parse_args(ctx, args)


lineage = typer.Typer(
    no_args_is_help=True,
    cls=_OfIsTheDefault,
    help="Show where objects come from, and what was made from them.",
    rich_markup_mode=None,
)
lineage.command("of", epilog=origin.EXAMPLES)(origin.of)
lineage.command("find", epilog=found.EXAMPLES)(found.find)
lineage.command("graph", epilog=graph.EXAMPLES)(graph.graph)
lineage.command("check", epilog=doubts.EXAMPLES)(doubts.check)
