"""labelgate person."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gateway.cli.errors import WrongUse
from gateway.cli.options import ConfigOption, DataOption, JsonOption, common_of, examples
from gateway.cli.output import print_json, say
from gateway.cli.settings import load_settings
from gateway.config import SettingsRefused, person_key
from gateway.lineage.person import Persons

EXAMPLES = examples(
    "person < address.txt                     the address is on nobody's screen",
    "person ann@example.com --json",
)


def person(
    context: typer.Context,
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="[ADDRESS]",
            help="The e-mail address, or the user name where a body has no address. Others of the "
            "machine can see it here: left out, one line of standard input is it.",
            show_default=False,
        ),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Print the hash by which records name a person, `annotator_hash`. Asks no server.

    Needs the key of the server: `lineage_person_key` or `lineage_person_key_file`.
    """
    settings = load_settings(common_of(context).over(data, config))
    try:
        key = person_key(settings)
    except SettingsRefused as error:
        raise WrongUse(str(error)) from None
    if key is None:
        raise WrongUse(
            "no key for hashes of people is set",
            "set lineage_person_key_file (or LABELGATE_LINEAGE_PERSON_KEY) as for the server",
        )
    called = (sys.stdin.readline() if address is None else address).strip()
    if not called:
        raise WrongUse("no address was given", "as the argument, or as a line of standard input")
    found = Persons(key).hash_of(called)
    if json:
        print_json({"annotator_hash": found})
    else:
        say(found)
