"""Install the real Label Studio in its own environment: `python -m scripts.labelstudio_env`.

Label Studio pins about 150 packages that the gateway does not want.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.environment import ROOT, Environment, ready

ENVIRONMENT = Environment(
    ROOT / ".labelstudio",
    "label-studio",
    Path(__file__).with_name("labelstudio-constraints.txt"),
)
COMMAND = ENVIRONMENT.python.with_name("label-studio")


def main() -> int:
    """Install where needed."""
    note = "Installing Label Studio into .labelstudio/ (once, a minute or two) ..."
    return ready(ENVIRONMENT, note)


if __name__ == "__main__":
    sys.exit(main())
