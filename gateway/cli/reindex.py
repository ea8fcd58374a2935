"""labelgate reindex."""

from __future__ import annotations

import typer

from gateway.cli.connection import running_at
from gateway.cli.errors import CommandError, NotReachable, WrongUse
from gateway.cli.options import ConfigOption, DataOption, JsonOption, common_of, examples
from gateway.cli.output import print_json, print_table, say
from gateway.cli.progress import bars
from gateway.cli.settings import load_settings
from gateway.config import SettingsRefused
from gateway.versioning.errors import StoreError, Unavailable

EXAMPLES = examples("reindex", "reindex --data /srv/labelgate --json")


def reindex(
    context: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make anew what is derived from the commits: what finds them by key and by lineage.

    In front of Pachyderm that is all this machine has of them: stop the server first; every commit
    is read again from Pachyderm, about 50 a second. The embedded store makes it in one step, some
    30 seconds for a million labels, while the writes of a running server wait.
    """
    # The store's own imports take longer than most other commands run.
    from gateway.app import reindex as reindex_store  # noqa: PLC0415

    settings = load_settings(common_of(context).over(data, config))
    endpoint = running_at(settings.data_dir) if settings.store == "pachyderm" else None
    if endpoint is not None:
        raise CommandError(
            f"the server at {endpoint} works with {settings.data_dir}", "stop it, then try again"
        )
    try:
        with bars() as progress:
            made = reindex_store(settings, lambda what, count: progress(count, None, what))
    except SettingsRefused as error:
        raise WrongUse(str(error)) from None
    except Unavailable as error:
        raise NotReachable(str(error), "nothing is lost; try again once it answers") from None
    except StoreError as error:
        raise CommandError(str(error)) from None
    if json:
        print_json([{"repo": repo, "commits": count} for repo, count in made.items()])
    elif made:
        print_table(["repo", "commits"], list(made.items()))
    else:
        say("there is no repo")
