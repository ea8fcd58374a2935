"""Install Pachyderm's two Python clients, each in its own environment.

They are the independent witnesses of the Pachyderm store's tests: what they read is what another
user of the same repos would see. Their pins exclude each other and ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.environment import ROOT, Environment, ready

CLIENTS = {
    package: Environment(
        ROOT / ".pachyderm" / package,
        package,
        Path(__file__).with_name(f"{package}-constraints.txt"),
    )
    for package in ("python-pachyderm", "pachyderm-sdk")
}


def main() -> int:
    """Install where needed."""
    return max(
        ready(environment, f"Installing {name} into .pachyderm/ (once, half a minute) ...")
        for name, environment in CLIENTS.items()
    )


if __name__ == "__main__":
    sys.exit(main())
