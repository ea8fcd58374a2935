"""docs/commands.md, from the tree of commands, whatever they are."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from scripts.markdown import code, generated_from, table

_RULES = """\
`--data` and `--config` may stand before or after those commands that take them. REF is spelled as
a bucket: `[commit.]branch.repo[.project]`, a tag wherever a branch stands; a bare commit id will do
where only one repo has it.

Which server a command talks to: the one that `LABELGATE_ENDPOINT` names (the address that serves
`/-/`), else the one that runs on the data directory. With which key: `LABELGATE_ACCESS_KEY_ID` and
`LABELGATE_SECRET_ACCESS_KEY`, else the key that was made for the directory, else one that the
running server leaves there for its own user.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | refused, or found wanting |
| 2 | wrong use |
| 3 | server not reachable |
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        (
            generated_from("gateway/cli"),
            "# Commands\n",
            _RULES,
            *(part for path, command in commands() for part in _section(path, command)),
        )
    )


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its whole name, in the order of the help."""
    # Only now: the pages that need no command line can be made without one.
    from gateway.cli.main import app  # noqa: PLC0415

    yield from _leaves("labelgate", typer.main.get_command(app))


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, child in below.items():
        if not child.hidden:
            yield from _leaves(f"{path} {name}", child)


def _section(path: str, command: Any) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    yield f"## {path}\n"
    yield f"```\n{_usage(path, arguments, options)}\n```\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    rows = [(code(_name(one)), _meaning(one)) for one in (*arguments, *options)]
    if rows:
        yield table(("", "meaning"), rows) + "\n"
    if command.epilog:
        yield _examples(command.epilog)


def _usage(path: str, arguments: list[Any], options: list[Any]) -> str:
    pieces = [path, *(["[OPTIONS]"] if options else [])]
    for one in arguments:
        name = _name(one) + ("..." if one.nargs == -1 else "")
        pieces.append(name if one.required else f"[{name}]")
    return " ".join(pieces)


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    names = ", ".join((*parameter.opts, *parameter.secondary_opts))
    if parameter.is_flag:
        return names
    return f"{names} {parameter.metavar or parameter.type.name.upper()}"


def _meaning(parameter: Any) -> str:
    text = parameter.help or ""
    if parameter.param_type_name == "option" and parameter.required:
        return f"{text} [required]"
    default = parameter.default
    shown = isinstance(default, int | str) and not isinstance(default, bool) and default != ""
    return f"{text} [default: {default}]" if shown and "[default:" not in text else text


def _examples(epilog: str) -> str:
    """The indented lines of an epilog as code; the command line's marks are left out."""
    lines = [line.strip() for line in epilog.splitlines() if line.startswith("  ")]
    return "```\n" + "\n".join(lines) + "\n```\n" if lines else ""
