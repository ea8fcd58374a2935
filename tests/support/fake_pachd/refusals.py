"""What pachd says no with: a status and a text. Most of them are UNKNOWN with a text only."""

from __future__ import annotations

import grpc

Code = grpc.StatusCode


class Refusal(Exception):
    """An error answer. text: as pachd words it, lines joined by newlines."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(f"{code.name}: {text}")
        self.code = code
        self.text = text

    def within(self, what: str) -> Refusal:
        """The same, met while doing `what`."""
        return Refusal(self.code, f"{what}: {self.text}")


def plain(text: str) -> Refusal:
    """An error that pachd gives no status of its own."""
    return Refusal(Code.UNKNOWN, text)


def missing(text: str) -> Refusal:
    """Something is not there."""
    return Refusal(Code.NOT_FOUND, text)


def exists(text: str) -> Refusal:
    """Something is there already."""
    return Refusal(Code.ALREADY_EXISTS, text)


def panic() -> Refusal:
    """A handler that fell over a message it did not expect; the process lives on."""
    return Refusal(
        Code.ABORTED, "panic: runtime error: invalid memory address or nil pointer dereference"
    )
