"""What a key may do: rights on repos.

`all`: everything, everywhere. `own`: everything on repos of the key's account, and making repos.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.protocol.operations import Right


class GrantsError(Exception):
    """Grants in a credentials file that cannot be honoured; the text says what would be."""


class Scope(StrEnum):
    """How far a key reaches."""

    ALL = "all"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Grants:
    """The rights of one key."""

    scope: Scope

    def allows(self, right: Right, *, owned: bool) -> bool:
        """Whether this key may use `right` on a repo; owned: the repo is of the key's account.

        The two scopes make no difference between rights; the parameter stands for those that will.
        """
        del right
        return self.scope is Scope.ALL or owned

    @property
    def may_create_repos(self) -> bool:
        """Whether this key may make a repo (which its account then owns)."""
        return True


def parse_grants(value: Any) -> Grants:
    """Grants as written in a credentials file. Raises GrantsError for anything not understood."""
    if value in (Scope.ALL, Scope.OWN):
        return Grants(Scope(value))
    if isinstance(value, list):
        raise GrantsError('lists of grants are not offered by this version; use "all" or "own"')
    raise GrantsError(f'{value!r} is not a grant; use "all" or "own"')
