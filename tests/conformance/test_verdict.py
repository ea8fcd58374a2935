"""What a run of the suite is told beside the committed lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import conformance
from scripts.s3tests_lists import names


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`a` and `b` pass, `c` fails with a reason; `a` and `d` are the core, `d` excused."""
    for name, text in {
        "CORE": "a\nd\n",
        "PASSING": "a\nb\n",
        "FAILING": "# not here\nc\n",
        "CONTRADICTING": "# AWS says otherwise\nd\n",
    }.items():
        file = tmp_path / f"{name.lower()}.txt"
        file.write_text(text)
        monkeypatch.setattr(conformance, name, file)
    return tmp_path


GOOD = {"a": True, "b": True, "c": False, "d": False}


@pytest.mark.usefixtures("lists")
def test_a_run_like_the_last_is_good() -> None:
    assert conformance.compared(GOOD) == conformance.Verdict([], [], [], [], [])
    assert conformance.compared(GOOD).good


@pytest.mark.usefixtures("lists")
def test_a_name_that_no_longer_passes_is_lost() -> None:
    verdict = conformance.compared({**GOOD, "b": False})
    assert (verdict.lost, verdict.good) == (["b"], False)


@pytest.mark.usefixtures("lists")
def test_a_name_that_is_gone_is_missed() -> None:
    verdict = conformance.compared({name: good for name, good in GOOD.items() if name != "b"})
    assert (verdict.vanished, verdict.good) == (["b"], False)


@pytest.mark.usefixtures("lists")
def test_one_of_the_core_has_to_pass_unless_it_is_excused() -> None:
    verdict = conformance.compared({**GOOD, "a": False})
    assert (verdict.core_failed, verdict.good) == (["a"], False)


@pytest.mark.usefixtures("lists")
def test_a_failure_needs_a_reason() -> None:
    verdict = conformance.compared({**GOOD, "e": False})
    assert (verdict.unexplained, verdict.good) == (["e"], False)


def test_a_new_pass_is_good_and_is_added_when_it_is_asked_for(lists: Path) -> None:
    now = {**GOOD, "c": True, "b": False}
    verdict = conformance.compared(now)
    assert verdict.gained == ["c"]
    conformance.take_over(now)
    assert names(lists / "passing.txt") == ["a", "b", "c"]  # a loss is never taken over
    assert (lists / "failing.txt").read_text() == ""
