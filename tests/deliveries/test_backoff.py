"""How long to wait, and when to give up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.deliveries.backoff import RETRY_AFTER_S_MAX, Patience


def test_the_bound_doubles_up_to_a_maximum() -> None:
    patience = Patience(pause_s=1, pause_s_max=10)
    assert [patience.pause(tries, 1.0) for tries in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert patience.pause(10**6, 1.0) == 10


def test_any_time_below_the_bound_may_be_drawn() -> None:
    assert Patience(pause_s=8).pause(1, 0.0) == 0
    assert Patience(pause_s=8).pause(1, 0.25) == 2


def test_what_the_receiver_asks_for_is_kept_to_within_reason() -> None:
    assert Patience(pause_s=1).pause(1, 0.5, 30.0) == 30.5
    assert Patience(pause_s=1).pause(1, 0.0, 1e9) == RETRY_AFTER_S_MAX


@given(st.integers(1, 100), st.floats(0, 1))
def test_no_pause_is_longer_than_the_longest(tries: int, drawn: float) -> None:
    assert 0 <= Patience(pause_s_max=60).pause(tries, drawn) <= 60


def test_it_is_given_up_after_so_many_answers_or_so_long() -> None:
    patience = Patience(tries_max=3, age_s_max=60)
    assert not patience.spent(2, 59)
    assert patience.spent(3, 0)
    assert patience.spent(0, 60)
