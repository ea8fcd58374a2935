"""What S3 shows of versions: a state of the branch, which is a view of a history that is kept.

Enabled: each write is a version of its own. Unset and Suspended: what is written is the version
`null`, which takes the place of an older one in the view.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.versioning.model import Snapshot

PROPERTY = "versioning"
PROTECTED = "protected"
"""Of a branch: what it holds changes by promote, revert and restore alone."""


class State(StrEnum):
    """The S3 versioning state of a bucket, as its branch's property has it."""

    ENABLED = "enabled"
    SUSPENDED = "suspended"
    UNSET = "unset"


def state_of(bucket: Snapshot) -> State:
    """The state a bucket is in; commits and tags show all their versions, too."""
    return State(bucket.properties.get(PROPERTY, State.ENABLED))


def writes_null(branch: Snapshot) -> bool:
    """Whether what is written there becomes the version `null`."""
    return state_of(branch) is not State.ENABLED
