"""Install the real Label Studio in its own environment: `python -m scripts.labelstudio_env`.

Label Studio pins about 150 packages that the gateway does not want, so it gets a virtual
environment beside the gateway's. The versions are those of `labelstudio-constraints.txt`; while
that file and the Python are the same, a second run does nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = Path(__file__).with_name("labelstudio-constraints.txt")
ENVIRONMENT = ROOT / ".labelstudio" / "venv"
COMMAND = ENVIRONMENT / "bin" / "label-studio"
_READY = ROOT / ".labelstudio" / "ready"


def installed() -> bool:
    """Whether the environment is there, whole, and made from these pins by this Python."""
    return (
        COMMAND.exists()
        and _READY.exists()
        and _READY.read_text(encoding="utf-8").strip() == _fingerprint()
    )


def install() -> None:
    """Make the environment anew, which takes a minute or two. Raises CalledProcessError."""
    _READY.unlink(missing_ok=True)
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(ENVIRONMENT))
    _run(
        str(ENVIRONMENT / "bin" / "python"),
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--constraint", str(CONSTRAINTS), "label-studio"),
    )
    _READY.write_text(_fingerprint() + "\n", encoding="utf-8")


def _fingerprint() -> str:
    """What the environment is made of: the path too, as a moved environment does not run."""
    made_of = f"{sys.version}\n{ENVIRONMENT}\n".encode() + CONSTRAINTS.read_bytes()
    return hashlib.sha256(made_of).hexdigest()


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 (no shell, our own paths)


def main() -> int:
    """Install where needed; say so, because it takes a while."""
    if installed():
        return 0
    sys.stderr.write("Installing Label Studio into .labelstudio/ (once, a minute or two) ...\n")
    try:
        install()
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"Label Studio could not be installed: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
