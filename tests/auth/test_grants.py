"""What a key may do, and the grants that are understood."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.grants import (
    EVERYWHERE,
    NOWHERE,
    REMEMBERED_MAX,
    Grant,
    Grants,
    GrantsError,
    Scope,
    outermost,
    parse_grants,
)
from gateway.protocol.operations import Right
from gateway.versioning.names import RepoName

LABELS = RepoName("labels")


def listed(*rows: tuple[str, str, str]) -> Grants:
    """Grants of (rights, buckets, prefix)."""
    return parse_grants(
        [{"rights": rights.split(), "buckets": glob, "prefix": at} for rights, glob, at in rows]
    )


def reads(grants: Grants, bucket: str) -> bool:
    """Whether the canonical `branch.repo.project` may be read, all of it."""
    branch, repo, project = bucket.split(".")
    name = RepoName(repo, project)
    return grants.prefixes(Right.READ, name, branch, owned=False) == EVERYWHERE


@pytest.mark.parametrize("right", Right)
def test_all_reaches_everything_and_own_only_what_its_account_owns(right: Right) -> None:
    for branch in ("master", None):
        for owned in (True, False):
            everything = Grants(Scope.ALL).prefixes(right, LABELS, branch, owned=owned)
            assert everything == EVERYWHERE
            own = Grants(Scope.OWN).prefixes(right, LABELS, branch, owned=owned)
            assert own == (EVERYWHERE if owned else NOWHERE)
            assert Grants(Scope.OWN).touches(right, LABELS, owned=owned) == owned


def test_a_list_gives_nothing_for_owning_the_repo() -> None:
    for grants in (Grants(None), listed(("read", "other", ""))):
        assert grants.prefixes(Right.READ, LABELS, "master", owned=True) == NOWHERE
        assert not grants.touches(Right.READ, LABELS, owned=True)


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        (
            "labels",
            "master.labels.default dev.labels.default",
            "master.labels.p master.raw.default",
        ),
        ("master.labels", "master.labels.default", "dev.labels.default master.labels.p"),
        ("*.labels.p", "a.labels.p", "a.labels.default a.raw.p"),
        ("dev-*.labels", "dev-1.labels.default dev-.labels.default", "dev.labels.default"),
        ("v?.l*", "v1.labels.default", "v12.labels.default v.labels.default"),
        ("*", "a.b.default", "a.b.p"),
        ("*.*.*", "a.b.c master.labels.default", ""),
        ("labels.raw", "labels.raw.default", "master.labels.default master.labels.raw"),
    ],
)
def test_a_glob_is_over_branch_repo_and_project(glob: str, yes: str, no: str) -> None:
    grants = listed(("read", glob, ""))
    assert [name for name in yes.split() if not reads(grants, name)] == []
    assert [name for name in no.split() if reads(grants, name)] == []


NAMES = st.text("ab-_", min_size=1, max_size=4)
PARTS = st.text("ab-_*?", min_size=1, max_size=4)


@given(st.lists(PARTS, min_size=1, max_size=3), NAMES, NAMES, NAMES)
def test_a_glob_matches_part_by_part_as_fnmatch_does(
    parts: list[str], branch: str, repo: str, project: str
) -> None:
    whole = {1: ["*", *parts, "default"], 2: [*parts, "default"], 3: parts}[len(parts)]
    wanted = all(map(fnmatchcase, (branch, repo, project), whole))
    assert reads(listed(("read", ".".join(parts), "")), f"{branch}.{repo}.{project}") == wanted


def test_grants_unite() -> None:
    grants = listed(
        ("read", "labels", "a/"),
        ("read write", "labels", "b/"),
        ("read", "*.labels", "a/deeper/"),
        ("delete", "master.labels", ""),
        ("admin", "raw", ""),
    )
    for branch, right, wanted in [
        ("master", Right.READ, ("a/", "b/")),
        ("master", Right.WRITE, ("b/",)),
        ("master", Right.DELETE, EVERYWHERE),
        ("dev", Right.DELETE, NOWHERE),
        ("master", Right.ADMIN, NOWHERE),
        ("master", Right.ERASE, NOWHERE),
    ]:
        for _ in range(2):  # worked out, then remembered
            assert grants.prefixes(right, LABELS, branch, owned=False) == wanted
    assert grants.touches(Right.DELETE, LABELS, owned=False)
    assert not grants.touches(Right.ADMIN, LABELS, owned=False)


def test_every_branch_is_given_by_a_star_only() -> None:
    everywhere = listed(("read", "labels", ""), ("write", "m*.labels", ""))
    assert everywhere.prefixes(Right.READ, LABELS, None, owned=False) == EVERYWHERE
    assert everywhere.prefixes(Right.WRITE, LABELS, None, owned=False) == NOWHERE


def test_what_is_remembered_has_a_bound() -> None:
    grants = listed(("read", "labels", ""))
    for number in range(REMEMBERED_MAX + 10):
        grants.prefixes(Right.READ, RepoName(f"r{number}"), "master", owned=False)
    assert len(grants._remembered) <= REMEMBERED_MAX
    assert reads(grants, "master.labels.default")


@given(st.lists(st.text("ab", max_size=4)), st.text("ab", max_size=6))
def test_the_outermost_prefixes_reach_what_all_of_them_reach(texts: list[str], key: str) -> None:
    kept = outermost(texts)
    assert key.startswith(kept) == key.startswith(tuple(texts))
    assert not any(one != other and one.startswith(other) for one in kept for other in kept)


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_is_read_by_its_word(scope: Scope) -> None:
    assert parse_grants(scope.value) == Grants(scope)


def test_a_list_is_read_row_by_row() -> None:
    rows = [
        {"rights": ["read", "write"], "buckets": "labels"},
        {"rights": ["erase"], "buckets": "master.labels.p", "prefix": "a/"},
    ]
    wanted = (
        Grant(frozenset({Right.READ, Right.WRITE}), "labels"),
        Grant(frozenset({Right.ERASE}), "master.labels.p", "a/"),
    )
    assert parse_grants(rows) == Grants(None, wanted)
    assert parse_grants([]) == Grants(None)


@pytest.mark.parametrize("value", ["", "ALL", "read", None, True, 1, {"rights": ["read"]}])
def test_what_is_no_grant_gives_no_right(value: Any) -> None:
    with pytest.raises(GrantsError, match='use "all", "own" or a list'):
        parse_grants(value)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("read", "not a table"),
        ({"buckets": "b"}, "needs `rights`"),
        ({"rights": [], "buckets": "b"}, "needs `rights`"),
        ({"rights": "read", "buckets": "b"}, "needs `rights`"),
        ({"rights": ["list"], "buckets": "b"}, "'list' is no right"),
        ({"rights": ["read"]}, "needs `buckets`"),
        ({"rights": ["read"], "buckets": ""}, "needs `buckets`"),
        ({"rights": ["read"], "buckets": "a..b"}, "needs `buckets`"),
        ({"rights": ["read"], "buckets": "a.b.c.d"}, "needs `buckets`"),
        ({"rights": ["read"], "buckets": "[ab]"}, "needs `buckets`"),
        ({"rights": ["read"], "buckets": ["b"]}, "needs `buckets`"),
        ({"rights": ["read"], "buckets": "b", "prefix": 1}, "`prefix`"),
        ({"rights": ["read"], "buckets": "b", "prefix": "é" * 600}, "`prefix`"),
        ({"rights": ["read"], "buckets": "b", "key": "x"}, "unknown field 'key'"),
    ],
)
def test_a_row_that_is_not_understood_is_named(row: Any, why: str) -> None:
    with pytest.raises(GrantsError, match=why) as caught:
        parse_grants([{"rights": ["read"], "buckets": "labels"}, row])
    assert "grant 2" in str(caught.value)
