"""What a command ends with when it does not end well.

0  done
1  refused, or found wanting
2  wrong use
3  server not reachable
"""

from __future__ import annotations

REFUSED, WRONG_USE, NOT_REACHABLE = 1, 2, 3


class CommandError(Exception):
    """What went wrong, and what to do next (hint; may be empty). exit_code: see above."""

    exit_code = REFUSED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class WrongUse(CommandError):
    """The command was given something it cannot work with."""

    exit_code = WRONG_USE


class NotReachable(CommandError):
    """No labelgate answers where one is looked for."""

    exit_code = NOT_REACHABLE
