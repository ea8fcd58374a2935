"""Run Ceph's s3-tests against a gateway and compare with what passed: `make conformance`.

LABELGATE_S3TESTS names a checkout of the suite; without it there is nothing to run. Fails when a
name that passed no longer does or is gone, when one of the core does not pass, and when a name that
fails has no reason in tests/conformance/failing.txt, which docs/compatibility.md is made from.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import s3tests, s3tests_lists
from scripts.environment import ready
from scripts.s3tests_lists import CONTRADICTING, CORE, FAILING, PASSING, Group

CHECKOUT = "LABELGATE_S3TESTS"
_LOG = s3tests.ENVIRONMENT.folder / "last.log"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run says beside the committed lists; each a list of names."""

    lost: list[str]
    vanished: list[str]
    core_failed: list[str]
    unexplained: list[str]
    gained: list[str]

    @property
    def good(self) -> bool:
        """Whether nothing got worse and every failure has its reason."""
        return not (self.lost or self.vanished or self.core_failed or self.unexplained)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: nothing to run, or nothing got worse. 1: something did. 2: the suite could not be run."""
    parser = argparse.ArgumentParser(prog="python -m scripts.conformance", description=__doc__)
    parser.add_argument(
        "--update", action="store_true", help="add the names that now pass to the list"
    )
    update = parser.parse_args(arguments).update
    checkout = os.environ.get(CHECKOUT)
    if not checkout:
        _say(f"{CHECKOUT} is not set: name a checkout of ceph/s3-tests to run it.")
        return 0
    if ready(s3tests.ENVIRONMENT, "Installing what s3-tests needs into .s3tests/ (once) ..."):
        return 2
    further = [name for name in s3tests_lists.names(CORE) if not s3tests_lists.is_selected(name)]
    _say(f"Running s3-tests, one test at a time (some minutes); log: {_LOG}")
    try:
        outcomes = s3tests.run(Path(checkout).resolve(), further, _LOG)
    except (s3tests.SuiteError, OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    verdict = compared(outcomes)
    _say("\n".join([*_table(outcomes), *_told(verdict)]))
    if update and verdict.gained:
        take_over(outcomes)
        _say(f"{len(verdict.gained)} names added to {PASSING.name}; run `make pages`.")
    return 0 if verdict.good else 1


def compared(outcomes: Mapping[str, bool]) -> Verdict:
    """A run beside the committed lists."""
    known = set(s3tests_lists.names(PASSING))
    excused = {name for group in s3tests_lists.groups(CONTRADICTING) for name in group.names}
    explained = {name for group in s3tests_lists.groups(FAILING) for name in group.names} | excused
    passed = {name for name, good in outcomes.items() if good}
    failed = outcomes.keys() - passed
    return Verdict(
        lost=sorted(known & failed),
        vanished=sorted(known - outcomes.keys()),
        core_failed=sorted(set(s3tests_lists.names(CORE)) - passed - excused),
        unexplained=sorted(failed - explained),
        gained=sorted(passed - known),
    )


def take_over(outcomes: Mapping[str, bool]) -> None:
    """Add what passes. A name that passed before stays: losing one is a decision, not an update."""
    passing = {name for name, good in outcomes.items() if good} | set(s3tests_lists.names(PASSING))
    s3tests_lists.write_names(PASSING, passing)
    for file in (FAILING, CONTRADICTING):
        s3tests_lists.write_groups(
            file,
            (
                Group(group.why, tuple(name for name in group.names if name not in passing))
                for group in s3tests_lists.groups(file)
            ),
        )


def _table(outcomes: Mapping[str, bool]) -> Iterator[str]:
    yield f"\n{'area':<30} {'passed':>6} {'failed':>6} {'total':>6}"
    for title, passed, total in s3tests_lists.counts(outcomes):
        yield f"{title:<30} {passed:>6} {total - passed:>6} {total:>6}"
    core = set(s3tests_lists.names(CORE))
    for title, of in (
        (s3tests.MODULE, [good for name, good in outcomes.items() if "::" not in name]),
        ("the core", [outcomes.get(name, False) for name in core]),
    ):
        yield f"{title:<30} {sum(of):>6} {len(of) - sum(of):>6} {len(of):>6}"


def _told(verdict: Verdict) -> Iterator[str]:
    for title, found in (
        ("passed before and no longer do", verdict.lost),
        ("passed before and are gone from the suite", verdict.vanished),
        ("belong to the core and do not pass", verdict.core_failed),
        (f"fail without a reason in {FAILING.name}", verdict.unexplained),
        ("pass now; `make conformance UPDATE=1` adds them to the list", verdict.gained),
    ):
        if found:
            yield f"\n{len(found)} {title}:"
            yield from (f"  {name}" for name in found)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
