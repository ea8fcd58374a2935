"""labelgate config: show, check."""

from __future__ import annotations

from typing import Any

import typer
from pydantic import SecretStr

from gateway.auth.credentials import CredentialsError, read_credentials
from gateway.auth.tokens import masked
from gateway.cli.errors import CommandError, WrongUse
from gateway.cli.options import ConfigOption, DataOption, JsonOption, common_of, examples
from gateway.cli.output import print_json, print_table, say
from gateway.cli.settings import load_settings
from gateway.config import NAMES, Settings, SettingsRefused, person_key

config = typer.Typer(
    no_args_is_help=True, help="Show and check the settings.", rich_markup_mode=None
)

REDACTED = "(secret)"


@config.command("show", epilog=examples("config show", "config show --data /srv/labelgate --json"))
def show(
    context: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show every setting, its value, and where that comes from. Secrets are left out."""
    settings = load_settings(common_of(context).over(data, config))
    rows = described(settings)
    if json:
        print_json(rows)
        return
    print_table(
        ["setting", "value", "from"],
        [(row["name"], _for_people(row["value"]), row["origin"]) for row in rows],
        wrapped=["value", "from"],
    )


@config.command("check", epilog=examples("config check", "config check --config labelgate.toml"))
def check(
    context: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check the settings and the credentials file, without starting anything.

    Ends with 2 where the settings cannot be understood, with 1 where the keys cannot be used.
    """
    settings = load_settings(common_of(context).over(data, config))
    keys = None
    if settings.credentials_file is not None:
        try:
            keys = len(read_credentials(settings.credentials_file))
        except CredentialsError as error:
            raise CommandError(str(error), "correct the credentials file") from None
    try:
        person_key(settings)
    except SettingsRefused as error:
        raise WrongUse(str(error)) from None
    pachd = _pachd(settings)
    if json:
        found = {"ok": True, "data_dir": str(settings.data_dir), "keys": keys}
        print_json(found if pachd is None else found | {"pachd": pachd})
    else:
        with_keys = "" if keys is None else f", {keys} keys in {settings.credentials_file}"
        with_pachd = "" if pachd is None else f", Pachyderm at {pachd}"
        say(f"the settings are well: data directory {settings.data_dir}{with_keys}{with_pachd}")


def _pachd(settings: Settings) -> str | None:
    """Where Pachyderm is looked for. Raises WrongUse."""
    if settings.store == "embedded":
        return None
    # The store's own imports take longer than most other commands run.
    from gateway.app import pachd_of  # noqa: PLC0415

    try:
        return pachd_of(settings)
    except SettingsRefused as error:
        raise WrongUse(str(error)) from None


def described(settings: Settings) -> list[dict[str, Any]]:
    """{name, value, origin} of every setting; no secret is in it."""
    return [
        {
            "name": name,
            "value": _shown(settings, name),
            "origin": str(settings.origin(name)),
        }
        for name in NAMES
    ]


def _shown(settings: Settings, name: str) -> object:
    value = getattr(settings, name)
    secret = settings.secret_access_key
    if name == "access_key_id" and secret is not None and value == secret.get_secret_value():
        return masked(str(value))  # a token is its own secret
    return _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return REDACTED
    if isinstance(value, tuple):
        return list(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _for_people(value: object) -> str:
    match value:
        case None | []:
            return "unset"
        case list():
            return ", ".join(map(str, value))
        case bool():
            return "on" if value else "off"
    return str(value)
