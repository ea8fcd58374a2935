"""The answers of a real pachd as scenarios; see `play`."""

from observed import changes, collisions, commits, errors, file_sets, history, paths, rights
from observed.play import SCENARIOS, Row, play, rows

__all__ = [
    "SCENARIOS",
    "Row",
    "changes",
    "collisions",
    "commits",
    "errors",
    "file_sets",
    "history",
    "paths",
    "play",
    "rights",
    "rows",
]
