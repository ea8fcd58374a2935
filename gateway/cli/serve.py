"""labelgate serve."""

from __future__ import annotations

import errno
import re
import sys
from typing import Annotated, Any

import typer

from gateway.cli.errors import CommandError, WrongUse
from gateway.cli.options import ConfigOption, DataOption, common_of, examples
from gateway.cli.output import say
from gateway.cli.settings import load_settings
from gateway.cli.welcome import welcome
from gateway.config import Settings, SettingsRefused

EXAMPLES = examples(
    "serve",
    "serve --data /srv/labelgate --host 0.0.0.0 --port 9000",
    "serve --credentials-file keys.toml --admin-port 9001",
    "serve --store pachyderm --pachd-address pachd.example:30650",
)
_MARKDOWN = re.compile(r"[;,] see \[.*?\]\(.*?\)|`")


def setting(name: str, metavar: str) -> Any:
    """The option of a setting; what it means stands in gateway.config, once."""
    field = Settings.model_fields[name]
    described = _MARKDOWN.sub("", field.description or "")
    default = {True: "on", False: "off", None: "", (): ""}.get(field.default, field.default)
    shown = f" [default: {default}]" if default != "" else ""
    return typer.Option(
        f"--{name.replace('_', '-')}",
        metavar=metavar,
        help=described + shown,
        show_default=False,
    )


def serve(
    *,
    context: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    host: Annotated[str | None, setting("host", "ADDRESS")] = None,
    port: Annotated[str | None, setting("port", "N")] = None,
    admin_host: Annotated[str | None, setting("admin_host", "ADDRESS")] = None,
    admin_port: Annotated[str | None, setting("admin_port", "N")] = None,
    store: Annotated[str | None, setting("store", "NAME")] = None,
    pachd_address: Annotated[str | None, setting("pachd_address", "ADDRESS")] = None,
    pachyderm_cache_bytes: Annotated[str | None, setting("pachyderm_cache_bytes", "N")] = None,
    replicas: Annotated[str | None, setting("replicas", "URL,URL")] = None,
    replica_url: Annotated[str | None, setting("replica_url", "URL")] = None,
    access_key_id: Annotated[str | None, setting("access_key_id", "ID")] = None,
    secret_access_key: Annotated[str | None, setting("secret_access_key", "SECRET")] = None,
    credentials_file: Annotated[str | None, setting("credentials_file", "FILE")] = None,
    default_versioning: Annotated[str | None, setting("default_versioning", "STATE")] = None,
    bucket_names: Annotated[str | None, setting("bucket_names", "any|s3")] = None,
    lineage_headers: Annotated[str | None, setting("lineage_headers", "on|off")] = None,
    lineage_person_key: Annotated[str | None, setting("lineage_person_key", "SECRET")] = None,
    lineage_person_key_file: Annotated[
        str | None, setting("lineage_person_key_file", "FILE")
    ] = None,
    lineage_embed: Annotated[str | None, setting("lineage_embed", "on|off")] = None,
    labelstudio_url: Annotated[str | None, setting("labelstudio_url", "URL")] = None,
    labelstudio_token: Annotated[str | None, setting("labelstudio_token", "SECRET")] = None,
    labelstudio_token_file: Annotated[str | None, setting("labelstudio_token_file", "FILE")] = None,
    openlineage_transport: Annotated[str | None, setting("openlineage_transport", "NAME")] = None,
    openlineage_url: Annotated[str | None, setting("openlineage_url", "URL")] = None,
    openlineage_endpoint: Annotated[str | None, setting("openlineage_endpoint", "PATH")] = None,
    openlineage_api_key: Annotated[str | None, setting("openlineage_api_key", "SECRET")] = None,
    openlineage_api_key_file: Annotated[
        str | None, setting("openlineage_api_key_file", "FILE")
    ] = None,
    openlineage_file: Annotated[str | None, setting("openlineage_file", "FILE")] = None,
    openlineage_namespace: Annotated[str | None, setting("openlineage_namespace", "NAME")] = None,
    openlineage_datasets: Annotated[
        str | None, setting("openlineage_datasets", "prefix|object")
    ] = None,
    openlineage_depth: Annotated[str | None, setting("openlineage_depth", "N")] = None,
    openlineage_tries: Annotated[str | None, setting("openlineage_tries", "N")] = None,
    openlineage_hours: Annotated[str | None, setting("openlineage_hours", "N")] = None,
    trigger_commands: Annotated[str | None, setting("trigger_commands", "on|off")] = None,
    trigger_private_webhooks: Annotated[
        str | None, setting("trigger_private_webhooks", "on|off")
    ] = None,
    sigv2: Annotated[str | None, setting("sigv2", "on|off")] = None,
) -> None:
    """Start the gateway, and say what to paste into Label Studio. Ctrl-C stops it.

    Text for people goes to stdout, the log to stderr, one JSON object a line. Other users of the
    machine can see what is typed here: give secrets by environment or file.
    """
    settings = load_settings(
        common_of(context).over(data, config),
        {
            "host": host,
            "port": port,
            "admin_host": admin_host,
            "admin_port": admin_port,
            "store": store,
            "pachd_address": pachd_address,
            "pachyderm_cache_bytes": pachyderm_cache_bytes,
            "replicas": replicas,
            "replica_url": replica_url,
            "access_key_id": access_key_id,
            "secret_access_key": secret_access_key,
            "credentials_file": credentials_file,
            "default_versioning": default_versioning,
            "bucket_names": bucket_names,
            "lineage_headers": lineage_headers,
            "lineage_person_key": lineage_person_key,
            "lineage_person_key_file": lineage_person_key_file,
            "lineage_embed": lineage_embed,
            "labelstudio_url": labelstudio_url,
            "labelstudio_token": labelstudio_token,
            "labelstudio_token_file": labelstudio_token_file,
            "openlineage_transport": openlineage_transport,
            "openlineage_url": openlineage_url,
            "openlineage_endpoint": openlineage_endpoint,
            "openlineage_api_key": openlineage_api_key,
            "openlineage_api_key_file": openlineage_api_key_file,
            "openlineage_file": openlineage_file,
            "openlineage_namespace": openlineage_namespace,
            "openlineage_datasets": openlineage_datasets,
            "openlineage_depth": openlineage_depth,
            "openlineage_tries": openlineage_tries,
            "openlineage_hours": openlineage_hours,
            "trigger_commands": trigger_commands,
            "trigger_private_webhooks": trigger_private_webhooks,
            "sigv2": sigv2,
        },
    )
    run(settings)


def run(settings: Settings) -> None:
    """Serve until stopped. Raises WrongUse (settings), CommandError (the port is taken)."""
    # The server's own imports take longer than most other commands run.
    from gateway.auth.credentials import CredentialsError  # noqa: PLC0415
    from gateway.observability.logs import configure_logging  # noqa: PLC0415
    from gateway.server import Running  # noqa: PLC0415
    from gateway.server import serve as serve_until_stopped  # noqa: PLC0415

    def ready(running: Running) -> None:
        say_lines(welcome(settings, running))
        sys.stdout.flush()

    configure_logging()
    try:
        serve_until_stopped(settings, ready)
    except (SettingsRefused, CredentialsError) as error:
        raise WrongUse(str(error), "`labelgate config check` tests the settings") from None
    except OSError as error:
        raise _of_system(error, settings) from None


def say_lines(text: str) -> None:
    """Several lines for people."""
    for line in text.splitlines():
        say(line)


def _of_system(error: OSError, settings: Settings) -> CommandError:
    match error.errno:
        case errno.EADDRINUSE:
            hint = "stop what listens there, or take another port: --port 9001 (0: any free one)"
        case errno.EACCES | errno.EPERM if error.filename is None:
            hint = "ports below 1024 need a privilege: take one above"
        case errno.EADDRNOTAVAIL:
            hint = "--host takes an address of this machine, or 0.0.0.0 for all of them"
        case _:
            hint = f"see whether this user may write in {settings.data_dir}"
    text = str(error) if error.filename else error.strerror or str(error)
    return CommandError(text, hint)
