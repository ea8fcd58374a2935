"""A virtual environment beside the gateway's, for a program whose pins the gateway does not want.

Its versions are those of a constraints file; while that file and the Python are the same, making it
again does nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Environment:
    """folder: where it is made. package: what is installed. constraints: the pins."""

    folder: Path
    package: str
    constraints: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "venv" / "bin" / "python"

    def installed(self) -> bool:
        """Whether it is there, whole, and made from these pins by this Python."""
        ready = self.folder / "ready"
        return (
            self.python.exists()
            and ready.exists()
            and ready.read_text(encoding="utf-8").strip() == self._fingerprint()
        )

    def install(self) -> None:
        """Make it anew. Raises CalledProcessError."""
        venv, ready = self.folder / "venv", self.folder / "ready"
        ready.unlink(missing_ok=True)
        shutil.rmtree(venv, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(venv))
        _run(
            str(self.python),
            *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--constraint", str(self.constraints), self.package),
        )
        ready.write_text(self._fingerprint() + "\n", encoding="utf-8")

    def _fingerprint(self) -> str:
        """What it is made of: the path too, as a moved environment does not run."""
        made_of = f"{sys.version}\n{self.folder}\n{self.package}\n".encode()
        return hashlib.sha256(made_of + self.constraints.read_bytes()).hexdigest()


def ready(environment: Environment, note: str) -> int:
    """Install where needed; say so, because it takes a while. An exit status."""
    if environment.installed():
        return 0
    sys.stderr.write(note + "\n")
    try:
        environment.install()
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{environment.package} could not be installed: {error}\n")
        return 1
    return 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 (no shell, our own paths)
