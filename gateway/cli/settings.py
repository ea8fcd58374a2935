"""The settings a command works with."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gateway.cli.errors import WrongUse
from gateway.cli.options import Common
from gateway.config import Settings, SettingsError, load


def load_settings(common: Common, flags: Mapping[str, object] | None = None) -> Settings:
    """The settings in force under these options and further flags, by setting. Raises WrongUse."""
    try:
        return load({**common.flags, **(flags or {})}, os.environ, common.config)
    except SettingsError as error:
        raise WrongUse(
            str(error), "`labelgate config show` tells where each value comes from"
        ) from None
