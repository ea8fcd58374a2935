"""Make S3 clients ready that are no part of the test environment: `python -m scripts.clients`.

They are witnesses of the endpoint's tests: what the users of each language have. Python's are in
one environment, as aiobotocore pins a botocore of its own; each other language has one program in
tests/clients, built into .clients/ from its lock file. A missing toolchain is said, and no failure.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.environment import ROOT, Environment, ready

BUILT = ROOT / ".clients"
SOURCES = ROOT / "tests" / "clients"
_PINS = Path(__file__).with_name("client-constraints.txt")
PYTHON = Environment(BUILT / "python", f"--requirement={_PINS}", _PINS)


@dataclass(frozen=True, slots=True)
class Program:
    """A client in another language.

    tool: what builds it. build: the command, run in the sources' copy below .clients/. run: what
    runs it then from anywhere, `{0}` being that folder. environment: what the build is told.
    """

    name: str
    tool: str
    build: Sequence[str]
    run: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where it is built. The sources are copied there, so that no build writes to the tree."""
        return BUILT / self.name

    @property
    def command(self) -> list[str]:
        """What runs it."""
        return [part.format(self.folder) for part in self.run]

    def why_absent(self) -> str | None:
        """Why it cannot run, if it cannot."""
        if shutil.which(self.tool) is None:
            return f"there is no {self.tool}"
        stamp = self.folder / "ready"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != self._fingerprint():
            return f"the {self.name} client is not built (make clients)"
        return None

    def make(self) -> None:
        """Build it anew; what an earlier build left may help. Raises CalledProcessError."""
        (self.folder / "ready").unlink(missing_ok=True)
        shutil.copytree(SOURCES / self.name, self.folder, dirs_exist_ok=True)
        subprocess.run(  # noqa: S603 (no shell, our own command)
            self.build, cwd=self.folder, env={**os.environ, **self.environment}, check=True
        )
        (self.folder / "ready").write_text(self._fingerprint(), encoding="utf-8")

    def _fingerprint(self) -> str:
        made_of = hashlib.sha256(f"{self.folder}\n{self.build}\n".encode())
        for file in self._sources():
            made_of.update(f"{file}\n".encode() + file.read_bytes())
        return made_of.hexdigest()

    def _sources(self) -> Iterator[Path]:
        yield from sorted(one for one in (SOURCES / self.name).rglob("*") if one.is_file())


_MAVEN = (
    *("mvn", "--quiet", "--batch-mode", "compile"),
    *("dependency:copy-dependencies", "-DoutputDirectory=target/libraries"),
)
_JAVA = ("java", "-cp", "{0}/target/classes:{0}/target/libraries/*", "Client")
PROGRAMS = {
    program.name: program
    for program in (
        Program(
            "javascript",
            "npm",
            ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"),
            ("node", "{0}/client.mjs"),
        ),
        Program("go", "go", ("go", "build", "-o", "client", "."), ("{0}/client",)),
        Program(
            "rust",
            "cargo",
            ("cargo", "build", "--quiet", "--locked"),
            ("{0}/target/debug/client",),
            {"CARGO_TARGET_DIR": "target"},
        ),
        Program("java", "mvn", _MAVEN, _JAVA),
        Program("hadoop", "mvn", _MAVEN, _JAVA),
    )
}


def main(names: Sequence[str]) -> int:
    """Make those ready that are named, or all. An exit status."""
    wanted = names or ["python", *PROGRAMS]
    return max([_python() if name == "python" else _program(PROGRAMS[name]) for name in wanted])


def _python() -> int:
    return ready(PYTHON, "Installing S3 clients of Python into .clients/ (once, half a minute) ...")


def _program(program: Program) -> int:
    if shutil.which(program.tool) is None:
        sys.stderr.write(f"No {program.tool}: the {program.name} client is left out.\n")
        return 0
    if program.why_absent() is None:
        return 0
    sys.stderr.write(f"Building the {program.name} client in .clients/ (once) ...\n")
    try:
        program.make()
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"The {program.name} client could not be built: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
