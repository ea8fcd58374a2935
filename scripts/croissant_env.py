"""Install mlcroissant in its own environment: `python -m scripts.croissant_env`.

It judges our descriptions of datasets in tests. It brings pandas, scipy and rdflib, which nothing
else here wants.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.environment import ROOT, Environment, ready

ENVIRONMENT = Environment(
    ROOT / ".croissant",
    "mlcroissant",
    Path(__file__).with_name("mlcroissant-constraints.txt"),
)


def main() -> int:
    """Install where needed."""
    return ready(ENVIRONMENT, "Installing mlcroissant into .croissant/ (once, a minute) ...")


if __name__ == "__main__":
    sys.exit(main())
