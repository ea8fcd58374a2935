"""What a store can say no to, in the words of the domain.

StoreError
├─ NotFound      NoRepo · NoRef · NoCommit · NoKey · NoVersion · NoUpload
├─ Refused       InvalidName · InvalidKey · ReadOnly · AlreadyExists · NotEmpty
│                ConditionFailed · HeadMoved · InvalidPart · Erased
│                PathConflict · Denied · Held
├─ Unsupported   the store's capabilities said so beforehand
├─ Unavailable   nothing was written; try again
├─ OutcomeUnknown   the disk failed so that nobody can say whether the write stands
└─ Corrupt       what is stored is not what was stored
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of everything a store or the grammar of names refuses."""


class NotFound(StoreError):
    """Something named does not exist."""


class NoRepo(NotFound):
    """There is no repo of that name."""


class NoRef(NotFound):
    """The repo has no branch or tag of that name."""


class NoCommit(NotFound):
    """No commit of that id belongs to the repo."""


class NoKey(NotFound):
    """The key is absent at that state.

    marker: the version id of the delete marker when it was deleted, None when it never was.
    null: that marker is the version NULL_VERSION.
    """

    def __init__(self, key: str, marker: str | None = None, *, null: bool = False) -> None:
        super().__init__(f"no object {key!r}")
        self.key = key
        self.marker = marker
        self.null = null


class NoVersion(NotFound):
    """The branch's history has no such version of the key."""


class NoUpload(NotFound):
    """The multipart upload is unknown, aborted or already completed."""


class Refused(StoreError):
    """The request is understood and will not be done."""


class InvalidName(Refused):
    """A name breaks the grammar; the text says which rule and what would do instead."""


class InvalidKey(Refused):
    """An object key no store can hold (empty, not UTF-8, too long)."""


class ReadOnly(Refused):
    """Commits and tags never change."""


class AlreadyExists(Refused):
    """The name is taken."""


class NotEmpty(Refused):
    """A branch that still shows something cannot be deleted."""


class ConditionFailed(Refused):
    """A precondition did not hold at the branch's head. condition: its name in `Condition`."""

    def __init__(self, condition: str) -> None:
        super().__init__(f"condition {condition} does not hold")
        self.condition = condition


class HeadMoved(Refused):
    """The branch is no longer at the commit the caller expected."""


class InvalidPart(Refused):
    """A part named at completion is missing or is not the one that was uploaded."""

    def __init__(self, number: int) -> None:
        super().__init__(f"part {number} is missing or was replaced")
        self.number = number


class Erased(Refused):
    """The content of that version was erased; the text says who, when and why."""


class Held(Refused):
    """A hold or a retention keeps that version, or a retention stays; the text says which."""


class PathConflict(Refused):
    """The store keeps files and directories, and one key would have to be both.

    key: what was to be written. other: the key that is there, or is written beside it, of which
    one is a directory of the other.
    """

    def __init__(self, key: str, other: str) -> None:
        super().__init__(
            f"{key!r} cannot be here beside {other!r}: this store keeps files and directories, and "
            "what has keys below it cannot be an object too. Delete one of the two, or choose "
            "another key."
        )
        self.key = key
        self.other = other


class Denied(Refused):
    """The store's own access control refuses; the text says what is missing."""


class Unsupported(StoreError):
    """This store cannot do that (see its capabilities)."""


class Unavailable(StoreError):
    """The store cannot answer now; nothing was written and trying again is safe."""


class OutcomeUnknown(StoreError):
    """The write may have landed or not; who wants to know looks before writing again."""


class Corrupt(StoreError):
    """Stored bytes fail their check. Nothing is guessed."""
