"""Install MLflow in its own environment: `python -m scripts.mlflow_env`.

It runs the recipe of docs/mlflow.md in tests: MLflow's client, pandas and boto3, and of the rest
that MLflow brings what keeps runs in a file and reads the types of columns.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.environment import ROOT, Environment, ready

_PINS = Path(__file__).with_name("mlflow-constraints.txt")
ENVIRONMENT = Environment(ROOT / ".mlflow", f"--requirement={_PINS}", _PINS)


def main() -> int:
    """Install where needed."""
    return ready(ENVIRONMENT, "Installing MLflow into .mlflow/ (once, half a minute) ...")


if __name__ == "__main__":
    sys.exit(main())
