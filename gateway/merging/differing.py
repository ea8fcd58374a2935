"""Which keys of a branch another state is to decide: the merge of three states, key by key. Pure.

base: what both come from. target: the branch. source: what is brought to it. A key that only one of
them changed is that one's; one that both changed, and not alike, is a conflict.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Policy(StrEnum):
    """What is done about conflicts: nothing at all, or the one side or the other has its way."""

    FAIL = "fail"
    SOURCE = "source"
    DESTINATION = "destination"


@dataclass(frozen=True, slots=True)
class Decided:
    """keys: that become as the source has them, in order. conflicts: that both changed."""

    keys: tuple[str, ...]
    conflicts: tuple[str, ...]


def decide(
    differing: Collection[str], theirs: Collection[str], mine: Collection[str], policy: Policy
) -> Decided:
    """Decide about the keys that differ between source and target.

    theirs, mine: what source and target changed since the base.
    """
    brought, conflicts = [], []
    for key in sorted(set(differing) & set(theirs)):
        if key not in mine:
            brought.append(key)
            continue
        conflicts.append(key)
        if policy is Policy.SOURCE:
            brought.append(key)
    return Decided(tuple(brought), tuple(conflicts))
