"""Install what examples/retrain trains with into .retrain/: `python -m scripts.retrain_env`."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.environment import ROOT, Environment, ready

_PINS = Path(__file__).with_name("retrain-constraints.txt")
ENVIRONMENT = Environment(ROOT / ".retrain", f"--requirement={_PINS}", _PINS)


def main() -> int:
    """Install where needed."""
    return ready(ENVIRONMENT, "Installing scikit-learn into .retrain/ (once, half a minute) ...")


if __name__ == "__main__":
    sys.exit(main())
