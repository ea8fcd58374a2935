"""Where commits are told: what a channel has to be, and how it says that it failed."""

from __future__ import annotations

from typing import Protocol

from gateway.versioning.model import Commit, Snapshot


class Undelivered(Exception):
    """A delivery failed; the text says why, and holds no secret.

    answered: the receiver had it and refused it, be it for its own troubles, so that the delivery
    itself may be what is wrong. retry_after_s: how long the receiver asks to be left alone.
    """

    def __init__(
        self, why: str, *, answered: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(why)
        self.answered = answered
        self.retry_after_s = retry_after_s


class Channel(Protocol):
    """One receiver of commits. name: never changes, what was told is remembered by it.

    target: where it goes, for people; without secrets.
    """

    name: str
    target: str

    def since_ms(self) -> int | None:
        """Nothing that is older is wanted; None: for now nothing at all."""

    def wants(self, branch: str, commit: Commit) -> bool:
        """Whether it is to be told of that commit, which came to that branch."""

    async def deliver(self, branch: str, at: Snapshot, commit: Commit) -> None:
        """Tell it what came to a branch. May be called again for the same commit.

        Raises Undelivered, StoreError.
        """
