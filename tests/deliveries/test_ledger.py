"""What is remembered of deliveries, over restarts and between processes."""

from __future__ import annotations

from pathlib import Path

from gateway.deliveries.ledger import NAME, Ledger, Place
from gateway.versioning.names import CommitId, RepoName

MASTER = Place(RepoName("labels"), "master")
DEV = Place(RepoName("labels", "vision"), "dev")
ONE, TWO = CommitId("1" * 32), CommitId("2" * 32)


def test_a_channel_keeps_the_time_of_its_first_start(ledger: Ledger) -> None:
    assert ledger.since("a", 5) == 5
    assert ledger.since("a", 9) == 5
    assert ledger.since("b", 9) == 9


def test_how_far_a_channel_is_told_is_its_own(ledger: Ledger, tmp_path: Path) -> None:
    ledger.move("a", MASTER, ONE)
    ledger.move("a", DEV, ONE)
    ledger.move("a", MASTER, TWO)
    other = Ledger(tmp_path)
    assert other.told("a") == {MASTER: TWO, DEV: ONE}
    assert other.told("b") == {}
    other.forget("a", DEV)
    other.close()
    assert ledger.told("a") == {MASTER: TWO}


def test_what_is_given_up_is_kept_until_somebody_asks(ledger: Ledger) -> None:
    ledger.park("a", MASTER, ONE, tries=3, at_ms=7, why="no")
    ledger.park("a", MASTER, TWO, tries=1, at_ms=8, why="no")
    ledger.park("b", DEV, ONE, tries=1, at_ms=9, why="no")
    first, second, third = ledger.parked()
    assert (first.place, first.commit, first.tries, first.at_ms, first.why, first.again) == (
        MASTER, ONE, 3, 7, "no", False,
    )  # fmt: skip
    assert ledger.parked(after=first.id, limit=1) == [second]
    assert (ledger.count_parked("a"), ledger.count_parked("b")) == (2, 1)
    ledger.ask_again(second.id)
    assert [one.id for one in ledger.asked_again("a")] == [second.id]
    assert ledger.asked_again("b") == []
    ledger.drop(third.id)
    assert ledger.parked_one(third.id) is None


def test_what_is_given_up_again_is_the_same_entry(ledger: Ledger) -> None:
    ledger.park("a", MASTER, ONE, tries=3, at_ms=7, why="no")
    [first] = ledger.parked()
    ledger.ask_again(first.id)
    ledger.park("a", MASTER, ONE, tries=1, at_ms=8, why="still no")
    [again] = ledger.parked()
    assert (again.id, again.tries, again.why, again.again) == (first.id, 4, "still no", False)


def test_nobody_else_may_read_the_file(ledger: Ledger, tmp_path: Path) -> None:
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
