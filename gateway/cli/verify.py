"""labelgate verify."""

from __future__ import annotations

from dataclasses import asdict

import typer

from gateway.cli.errors import REFUSED, CommandError, WrongUse
from gateway.cli.options import ConfigOption, DataOption, JsonOption, common_of, examples
from gateway.cli.output import print_json, print_table, say
from gateway.cli.progress import bars
from gateway.cli.settings import load_settings
from gateway.config import SettingsRefused
from gateway.versioning.errors import Corrupt

EXAMPLES = examples("verify", "verify --data /srv/labelgate --json")


def verify(
    context: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check the whole store: history, and every stored byte. A server may go on meanwhile.

    Ends with 1 when something is found.
    """
    # The store's own imports take longer than most other commands run.
    from gateway.app import verify as verify_store  # noqa: PLC0415

    settings = load_settings(common_of(context).over(data, config))
    try:
        with bars() as progress:
            findings = verify_store(settings, progress)
    except SettingsRefused as error:
        raise WrongUse(str(error)) from None
    except Corrupt as error:
        raise CommandError(str(error), "name its directory with --data") from None
    except Exception as error:
        # What is broken enough breaks the check itself, and that is what was asked.
        raise CommandError(
            f"{settings.data_dir} cannot be checked to its end: {type(error).__name__}: {error}",
            "the database is damaged, or this user may not read it",
        ) from error
    if json:
        print_json([asdict(finding) for finding in findings])
    elif findings:
        print_table(
            ["where", "problem"],
            [(one.where, one.problem) for one in findings],
            wrapped=["where", "problem"],
        )
    else:
        say(f"{settings.data_dir}: all is as it was stored")
    if findings:
        raise typer.Exit(REFUSED)
