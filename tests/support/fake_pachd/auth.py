"""Who asks and what they may: tokens, roles, and the rights that roles give."""

from __future__ import annotations

import secrets
import time

from fake_pachd.model import RepoKey
from fake_pachd.refusals import Code, Refusal, plain

ROOT = "pach:root"
EVERYBODY = "allClusterUsers"
CLUSTER = ("CLUSTER", "")

_READER = frozenset(
    "REPO_" + right
    for right in (
        "READ",
        "INSPECT_COMMIT",
        "LIST_COMMIT",
        "LIST_BRANCH",
        "LIST_FILE",
        "INSPECT_FILE",
    )
)
_WRITER = _READER | {
    "REPO_WRITE",
    "REPO_DELETE_COMMIT",
    "REPO_CREATE_BRANCH",
    "REPO_DELETE_BRANCH",
}
_OWNER = _WRITER | {"REPO_MODIFY_BINDINGS", "REPO_DELETE"}
_PROJECT_WRITER = frozenset({"PROJECT_LIST_REPO", "PROJECT_CREATE_REPO"})
_PROJECT_OWNER = _OWNER | _PROJECT_WRITER | {"PROJECT_DELETE", "PROJECT_MODIFY_BINDINGS"}
ROLES: dict[str, frozenset[str]] = {
    "repoReader": _READER,
    "repoWriter": _WRITER,
    "repoOwner": _OWNER,
    "projectViewer": frozenset({"PROJECT_LIST_REPO"}),
    "projectWriter": _PROJECT_WRITER,
    "projectOwner": _PROJECT_OWNER,
    "projectCreator": frozenset({"PROJECT_CREATE"}),
    "clusterAdmin": _PROJECT_OWNER | {"PROJECT_CREATE"},
}

Resource = tuple[str, str]
"""A kind and a name: ("REPO", "default/labels"), ("PROJECT", "default") or CLUSTER."""


def repo_resource(key: RepoKey) -> Resource:
    """A repo."""
    return "REPO", f"{key.project}/{key.name}"


class Auth:
    """Off until `activate`; then every call needs a token."""

    def __init__(self) -> None:
        self.active = False
        self._tokens: dict[str, tuple[str, float | None]] = {}
        self._bindings: dict[Resource, dict[str, set[str]]] = {}

    def activate(self, root_token: str = "root-token") -> str:
        """Turn it on for all that is there and comes; the token of the root is given back."""
        self.active = True
        self._tokens[root_token] = ROOT, None
        self._bindings.setdefault(CLUSTER, {}).update(
            {ROOT: {"clusterAdmin"}, EVERYBODY: {"projectCreator"}}
        )
        return root_token

    def deactivate(self) -> None:
        """Off again: tokens are not looked at."""
        self.active = False

    def add_token(self, subject: str, token: str = "", *, expires_s: float | None = None) -> str:
        """A token of "robot:gw" or whoever; expires_s: from now, negative for one in the past."""
        token = token or secrets.token_hex(16)
        self._tokens[token] = subject, None if expires_s is None else time.time() + expires_s
        return token

    def revoke_token(self, token: str) -> None:
        """Nobody knows it any more."""
        self._tokens.pop(token, None)

    def grant(self, subject: str, *roles: str, repo: str = "", project: str = "") -> None:
        """Roles on a repo ("labels" or "project/labels"), a project, or the cluster."""
        unknown = set(roles) - ROLES.keys()
        assert not unknown, unknown
        self.bind(self._resource(repo, project), subject, *roles)

    def revoke(self, subject: str, *, repo: str = "", project: str = "") -> None:
        """All roles of somebody there."""
        self._bindings.get(self._resource(repo, project), {}).pop(subject, None)

    def bind(self, resource: Resource, subject: str = "", *roles: str) -> None:
        """Roles on something; without a subject only that it can be given roles on."""
        found = self._bindings.setdefault(resource, {})
        if subject:
            found.setdefault(subject, set()).update(roles)

    def unbind(self, resource: Resource) -> None:
        """It is gone."""
        self._bindings.pop(resource, None)

    def expiration(self, token: str) -> float | None:
        """When a known token ends, as seconds since 1970."""
        return self._tokens[token][1]

    def who(self, token: str | None) -> str:
        """The subject of a token."""
        if not self.active:
            raise Refusal(Code.UNIMPLEMENTED, "the auth service is not activated")
        if not token:
            raise Refusal(Code.UNAUTHENTICATED, "no authentication token (try logging in)")
        if token not in self._tokens:
            raise Refusal(
                Code.UNAUTHENTICATED,
                "provided auth token is corrupted or has expired (try logging in again)",
            )
        subject, until = self._tokens[token]
        if until is not None and until < time.time():
            raise Refusal(Code.INTERNAL, "token expiration is in the past")
        return subject

    def missing(self, subject: str, resource: Resource, rights: list[str]) -> list[str]:
        """Those of the rights that the subject lacks. Refuses what roles cannot be given on."""
        left = [right for right in rights if right not in self._rights(subject, CLUSTER)]
        if not left or resource == CLUSTER:
            return left
        levels = [resource]
        if resource[0] == "REPO":
            levels.insert(0, ("PROJECT", resource[1].partition("/")[0]))
        for level in levels:
            if level not in self._bindings:
                raise plain(f"no role binding exists for {level[0]} {level[1]}")
            left = [right for right in left if right not in self._rights(subject, level)]
            if not left:
                break
        return left

    def check(self, subject: str, resource: Resource, *rights: str) -> None:
        """Refuses who lacks one of the rights."""
        if self.missing(subject, resource, list(rights)):
            raise Refusal(
                Code.PERMISSION_DENIED,
                f"{subject} is not authorized to perform this operation - needs permissions"
                f" [{' '.join(rights)}] on {resource[0]} {resource[1]}. Run `pachctl auth"
                " roles-for-permission` to find roles that grant a given permission.",
            )

    def _rights(self, subject: str, resource: Resource) -> set[str]:
        found = self._bindings.get(resource, {})
        roles = found.get(subject, set()) | found.get(EVERYBODY, set())
        return {right for role in roles for right in ROLES[role]}

    @staticmethod
    def _resource(repo: str, project: str) -> Resource:
        if repo:
            return repo_resource(RepoKey.of(repo))
        return ("PROJECT", project) if project else CLUSTER
