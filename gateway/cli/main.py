"""labelgate: the command. Exit codes are told in gateway.cli.errors."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated

import typer

from gateway import __version__
from gateway.cli import (
    changing,
    diff,
    importing,
    log,
    person,
    reindex,
    serve,
    show,
    transfer,
    verify,
)
from gateway.cli.branch import branch
from gateway.cli.config import config
from gateway.cli.deliveries import deliveries
from gateway.cli.errors import REFUSED, CommandError
from gateway.cli.lineage import lineage
from gateway.cli.options import Common, ConfigOption, DataOption, examples
from gateway.cli.output import note
from gateway.cli.repo import repo
from gateway.cli.tag import tag
from gateway.cli.trigger import trigger

INTERRUPTED = 130

log_of_program = logging.getLogger(__name__)

app = typer.Typer(
    name="labelgate",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "serve                                      start; says what to paste into Label Studio",
        "log master.labels                          one commit for each save",
        "lineage s3://master.labels/sentiment/1     from which text, at which version",
    )
    + "\n\n\b\nExit codes:\n  0  done\n  1  refused, or found wanting\n  2  wrong use\n"
    "  3  server not reachable",
)


def _version(asked: bool) -> None:
    if asked:
        print(f"labelgate {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print it and exit."),
    ] = False,
) -> None:
    """The S3 endpoint to give Label Studio, so that every saved label is a commit."""
    del version
    context.obj = Common(data, config)


app.command("serve", epilog=serve.EXAMPLES)(serve.serve)
app.add_typer(repo, name="repo")
app.add_typer(branch, name="branch")
app.add_typer(tag, name="tag")
app.command("log", epilog=log.EXAMPLES)(log.log)
app.command("show", epilog=show.EXAMPLES)(show.show)
app.command("diff", epilog=diff.EXAMPLES)(diff.diff)
app.command("promote", epilog=changing.PROMOTE_EXAMPLES)(changing.promote)
app.command("revert", epilog=changing.REVERT_EXAMPLES)(changing.revert)
app.command("restore", epilog=changing.RESTORE_EXAMPLES)(changing.restore)
app.command("download", epilog=transfer.DOWNLOAD_EXAMPLES)(transfer.download)
app.command("upload", epilog=transfer.UPLOAD_EXAMPLES)(transfer.upload)
app.command("import", epilog=importing.EXAMPLES)(importing.import_)
app.command("erase", epilog=transfer.ERASE_EXAMPLES)(transfer.erase)
app.add_typer(lineage, name="lineage")
app.add_typer(trigger, name="trigger")
app.add_typer(deliveries, name="deliveries")
app.command("person", epilog=person.EXAMPLES)(person.person)
app.command("verify", epilog=verify.EXAMPLES)(verify.verify)
app.command("reindex", epilog=reindex.EXAMPLES)(reindex.reindex)
app.add_typer(config, name="config")


def main() -> None:
    """Run the command of this process' arguments and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A key that the terminal's encoding does not know must not break the table it is in.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="labelgate")
    except CommandError as error:
        note(f"labelgate: {error}")
        if error.hint:
            note(f"  {error.hint}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has enough; Python would complain of it once more at its end.
        with suppress(OSError):
            sys.stdout.close()
        sys.exit(REFUSED)
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        note(f"labelgate: {place}{error.strerror or error}")
        sys.exit(REFUSED)
    except Exception as error:
        if logging.getLogger().hasHandlers():  # a server's log takes the traceback
            log_of_program.exception("the server ends")
        note(f"labelgate: this should not have happened: {type(error).__name__}: {error}")
        sys.exit(REFUSED)
