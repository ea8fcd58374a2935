"""Build hook: the messages of gateway/stores/pachyderm/pfs.proto as Python, by protoc.

Runs for wheels, sdists and editable installs, so after a change `make` makes them anew.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "gateway/stores/pachyderm"
MADE = (f"{FOLDER}/pfs_pb2.py", f"{FOLDER}/pfs_pb2.pyi")


def generate(root: Path) -> None:
    """Write the two files beside the .proto. Raises RuntimeError when protoc refuses it."""
    from grpc_tools import protoc  # noqa: PLC0415 - only where something is built

    with as_file(files("grpc_tools") / "_proto") as well_known:
        failed = protoc.main(
            [
                "protoc",
                f"--proto_path={root}",
                f"--proto_path={well_known}",
                f"--python_out={root}",
                f"--pyi_out={root}",
                f"{FOLDER}/pfs.proto",
            ]
        )
    if failed:
        raise RuntimeError(f"protoc refused {FOLDER}/pfs.proto")


class Messages(BuildHookInterface):  # type: ignore[type-arg]
    """What hatchling calls."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Make the files (an sdist brings them) and name them, since git ignores them."""
        root = Path(self.root)
        generate(root)
        build_data["artifacts"] += [f"/{name}" for name in MADE]
