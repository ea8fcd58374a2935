"""What a key may do, and the grants that are understood."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.auth.grants import Grants, GrantsError, Scope, parse_grants
from gateway.protocol.operations import Right


@pytest.mark.parametrize("right", Right)
def test_all_reaches_everything_and_own_only_what_its_account_owns(right: Right) -> None:
    assert Grants(Scope.ALL).allows(right, owned=False)
    assert Grants(Scope.ALL).allows(right, owned=True)
    assert Grants(Scope.OWN).allows(right, owned=True)
    assert not Grants(Scope.OWN).allows(right, owned=False)


@pytest.mark.parametrize("scope", Scope)
def test_every_key_may_make_repos(scope: Scope) -> None:
    assert Grants(scope).may_create_repos


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_is_read_by_its_word(scope: Scope) -> None:
    assert parse_grants(scope.value) == Grants(scope)


@pytest.mark.parametrize("value", ["", "ALL", "read", None, True, 1, {"rights": ["read"]}, []])
def test_what_is_no_grant_gives_no_right(value: Any) -> None:
    with pytest.raises(GrantsError, match='use "all" or "own"'):
        parse_grants(value)
