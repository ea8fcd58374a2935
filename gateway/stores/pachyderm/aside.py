"""What a replica remembers of the segments that it wrote and read (checkpoint.py)."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from gateway.stores.pachyderm.indexes import index_file
from gateway.stores.pachyderm.known import Known
from gateway.versioning.names import CommitId


@dataclass
class Aside:
    """What is known to be set aside of one index.

    upto: all commits up to this number are. names: the segments that were looked into.
    others: commits above `upto` that another replica set aside.
    """

    file: Path
    upto: int = 0
    names: set[str] = field(default_factory=set)
    others: set[CommitId] = field(default_factory=set)
    grown_s: float = 0.0
    not_before_s: float = 0.0

    @classmethod
    def of(cls, folder: Path, known: Known) -> Aside:
        """As it was left; from the start where nobody can tell, which does no harm."""
        file = index_file(folder, known)
        made = cls(file.with_name(file.name + "-segments"))
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            form = json.loads(made.file.read_text())
            made.upto, made.names = int(form["upto"]), set(form["names"])
        return made

    def save(self) -> None:
        """Derived, like the index: not made durable."""
        self.file.write_text(json.dumps({"upto": self.upto, "names": sorted(self.names)}))
