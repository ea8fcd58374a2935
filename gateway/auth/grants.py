"""What a key may do: rights on buckets and on keys below a prefix.

`all`: everything, everywhere. `own`: everything on repos of the key's account, and making repos.
A list of `{rights, buckets, prefix}`, which unite: `buckets` is a glob over `branch.repo.project`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.protocol.globs import glob_regex
from gateway.protocol.operations import Right
from gateway.versioning.names import DEFAULT_PROJECT, KEY_BYTES_MAX, RepoName

Prefixes = tuple[str, ...]
"""The beginnings of the keys that a right reaches, sorted, none of them within another."""

NOWHERE: Final[Prefixes] = ()
EVERYWHERE: Final[Prefixes] = ("",)
REMEMBERED_MAX = 4096
_ANY = "*"
_FIELDS = frozenset({"rights", "buckets", "prefix"})
_PART = re.compile(r"[A-Za-z0-9_*?-]{1,200}")


class GrantsError(Exception):
    """Grants in a credentials file that cannot be honoured; the text says what would be."""


class Scope(StrEnum):
    """How far a key reaches whose grants are one word."""

    ALL = "all"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Grant:
    """Some rights on the buckets that a glob matches, on keys that begin with `prefix`."""

    rights: frozenset[Right]
    buckets: str
    prefix: str = ""

    @property
    def pattern(self) -> tuple[str, str, str]:
        """The glob's branch, repo and project; what it leaves out is `*`, or `default`."""
        match self.buckets.split("."):
            case [repo]:
                return _ANY, repo, DEFAULT_PROJECT
            case [branch, repo]:
                return branch, repo, DEFAULT_PROJECT
            case [branch, repo, project]:
                return branch, repo, project
        raise GrantsError(f"{self.buckets!r} is not a bucket's glob: write [branch.]repo[.project]")


@dataclass(frozen=True, slots=True)
class _Rule:
    """A grant with its glob compiled. every: its branch is `*`."""

    grant: Grant
    branch: re.Pattern[str]
    repo: re.Pattern[str]
    project: re.Pattern[str]
    every: bool

    @classmethod
    def of(cls, grant: Grant) -> _Rule:
        branch, repo, project = map(_compiled, grant.pattern)
        return cls(grant, branch, repo, project, every=grant.pattern[0] == _ANY)

    def is_of(self, repo: RepoName) -> bool:
        named = self.repo.fullmatch(repo.name) and self.project.fullmatch(repo.project)
        return named is not None

    def is_about(self, repo: RepoName, branch: str | None) -> bool:
        if branch is None:
            return self.every and self.is_of(repo)
        return self.branch.fullmatch(branch) is not None and self.is_of(repo)


class Grants:
    """The rights of one key. What it may do in a bucket is worked out once and then remembered."""

    __slots__ = ("_remembered", "_rules", "listed", "scope")

    def __init__(self, scope: Scope | None, listed: Iterable[Grant] = ()) -> None:
        self.scope = scope
        self.listed = tuple(listed)
        self._rules = tuple(map(_Rule.of, self.listed))
        self._remembered: dict[tuple[str | None, RepoName], Mapping[Right, Prefixes]] = {}

    def prefixes(
        self, right: Right, repo: RepoName, branch: str | None, *, owned: bool
    ) -> Prefixes:
        """Which keys of a branch `right` reaches. owned: the repo is of the key's account.

        branch: None stands for every branch, also one that was deleted or is still to be made.
        """
        if self.scope is not None:
            return EVERYWHERE if owned or self.scope is Scope.ALL else NOWHERE
        known = self._remembered.get((branch, repo))
        if known is None:
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            known = self._remembered[branch, repo] = self._reach(repo, branch)
        return known[right]

    def touches(self, right: Right, repo: RepoName, *, owned: bool) -> bool:
        """Whether `right` reaches anything in some branch of `repo`, be it there or not."""
        if self.scope is not None:
            return owned or self.scope is Scope.ALL
        return any(right in rule.grant.rights and rule.is_of(repo) for rule in self._rules)

    def _reach(self, repo: RepoName, branch: str | None) -> dict[Right, Prefixes]:
        grants = [rule.grant for rule in self._rules if rule.is_about(repo, branch)]
        return {
            right: outermost(grant.prefix for grant in grants if right in grant.rights)
            for right in Right
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grants):
            return NotImplemented
        return (self.scope, self.listed) == (other.scope, other.listed)

    def __hash__(self) -> int:
        return hash((self.scope, self.listed))

    def __repr__(self) -> str:
        return f"Grants({self.scope!r}, {self.listed!r})"


def outermost(prefixes: Iterable[str]) -> Prefixes:
    """`prefixes` sorted, without those that lie within another one."""
    kept: list[str] = []
    for prefix in sorted(set(prefixes)):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return tuple(kept)


def parse_grants(value: Any) -> Grants:
    """Grants as written in a credentials file. Raises GrantsError for anything not understood."""
    if value in (Scope.ALL, Scope.OWN):
        return Grants(Scope(value))
    if isinstance(value, list):
        return Grants(None, [_grant(row, f"grant {n}") for n, row in enumerate(value, 1)])
    raise GrantsError(
        f'{value!r} is not a grant; use "all", "own" or a list of {{rights, buckets, prefix}}'
    )


def _grant(row: Any, where: str) -> Grant:
    if not isinstance(row, Mapping):
        raise GrantsError(f"{where} is not a table of rights, buckets and prefix")
    if unknown := sorted(row.keys() - _FIELDS):
        raise GrantsError(f"{where} has an unknown field {unknown[0]!r}")
    return Grant(
        _rights(row.get("rights"), where),
        _buckets(row.get("buckets"), where),
        _prefix(row.get("prefix", ""), where),
    )


def _rights(value: Any, where: str) -> frozenset[Right]:
    known = ", ".join(Right)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise GrantsError(f"{where} needs `rights`, a list of some of: {known}")
    for one in value:
        if one not in list(Right):
            raise GrantsError(f"{where}: {one!r} is no right; there are {known}")
    return frozenset(map(Right, value))


def _buckets(value: Any, where: str) -> str:
    parts = value.split(".") if isinstance(value, str) else []
    if not 1 <= len(parts) <= 3 or not all(_PART.fullmatch(part) for part in parts):
        raise GrantsError(
            f"{where} needs `buckets`, a glob such as 'labels', 'dev-*.labels' or '*.*.project'; "
            f"not {value!r}"
        )
    return str(value)


def _prefix(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value.encode("utf-8", "replace")) > KEY_BYTES_MAX:
        raise GrantsError(f"{where}: `prefix` is the beginning of keys, at most 1,024 bytes")
    return value


def _compiled(glob: str) -> re.Pattern[str]:
    """One part of a bucket's glob. `*` and `?` stand for what a name can hold: never for a dot."""
    return re.compile(glob_regex(glob, char="[^.]"))
