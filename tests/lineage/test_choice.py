"""The rule of evidence, case by case: times are seconds, versions are letters."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.lineage.choice import Choice, Turn, choose
from gateway.lineage.evidence import Evidence
from gateway.lineage.reads import Read
from gateway.lineage.span import Readers, Span
from gateway.versioning.names import CommitId

WRITER = "label-studio"
WORK = Span(100, 100, 200)
SYNC = Span(40, 100, 100, Readers.SYNC)
IMPORT = Span(100, 100, 200, Readers.NOBODY)


def read(version: str, at: int, by: str = WRITER, *, link: bool = False) -> Read:
    return Read(at, CommitId(version), by, link)


def turn(at: int, version: str | None) -> Turn:
    return Turn(at, None if version is None else CommitId(version))


@dataclass(frozen=True)
class Case:
    """turns: oldest first, as they happened. expected: evidence, version, read, changed_during."""

    why: str
    turns: list[Turn]
    expected: tuple[str, str | None, int | None, bool]
    reads: tuple[Read, ...] = ()
    span: Span | None = WORK
    whole: bool = True


STILL = [turn(10, "a")]
MOVED = [turn(10, "a"), turn(150, "b")]
CASES = [
    Case("served while the task was open", STILL, ("observed", "a", 120, False), (read("a", 120),)),
    Case("served in the first instant", STILL, ("observed", "a", 100, False), (read("a", 100),)),
    Case("served in the last instant", STILL, ("observed", "a", 200, False), (read("a", 200),)),
    Case("replaced after it was looked at", MOVED, ("observed", "a", 120, True), (read("a", 120),)),
    Case(
        "replaced, and looked at again",
        MOVED,
        ("observed", "b", 160, True),
        (read("a", 120), read("b", 160)),
    ),
    Case(
        "what is served after the save was not seen",
        [turn(10, "a"), turn(250, "b")],
        ("observed", "a", 120, True),
        (read("a", 120), read("b", 260)),
    ),
    Case(
        "deleted while the task was open",
        [turn(10, "a"), turn(150, None)],
        ("observed", "a", 120, True),
        (read("a", 120),),
    ),
    Case("from a browser's cache", STILL, ("observed-before", "a", 90, False), (read("a", 90),)),
    Case(
        "from a cache, and replaced before the task was opened",
        [turn(10, "a"), turn(95, "b")],
        ("observed-before", "a", 90, False),
        (read("a", 90),),
    ),
    Case(
        "another gateway may have served what came since",
        [turn(10, "a"), turn(95, "b")],
        ("head-at-open", "b", None, False),
        (read("a", 90),),
        whole=False,
    ),
    Case(
        "another gateway can have served nothing else",
        MOVED,
        ("observed-before", "a", 90, True),
        (read("a", 90),),
        whole=False,
    ),
    Case("never served", STILL, ("head-at-open", "a", None, False)),
    Case("never served, then replaced", MOVED, ("head-at-open", "a", None, True)),
    Case(
        "replaced in the instant in which the task was opened",
        [turn(10, "a"), turn(100, "b")],
        ("head-at-open", "b", None, False),
    ),
    Case(
        "served after the save only", STILL, ("head-at-open", "a", None, False), (read("a", 201),)
    ),
    Case("came while the task was open", [turn(150, "b")], ("head-at-put", "b", None, True)),
    Case(
        "was deleted as the task was opened, and came back",
        [turn(10, "a"), turn(50, None), turn(150, "b")],
        ("head-at-put", "b", None, True),
    ),
    Case("the body has no times", MOVED, ("head-at-put", "b", None, False), span=None),
    Case(
        "without times a read proves nothing",
        MOVED,
        ("head-at-put", "b", None, False),
        (read("a", 120),),
        span=None,
    ),
    Case("never there", [turn(0, None)], ("missing", None, None, False)),
    Case("never there, and no times", [turn(0, None)], ("missing", None, None, False), span=None),
    Case("deleted before", [turn(10, "a"), turn(50, None)], ("missing", None, None, False)),
    Case(
        "deleted meanwhile, and never served",
        [turn(10, "a"), turn(150, None)],
        ("head-at-open", "a", None, True),
    ),
    Case(
        "what a browser followed a link to counts before what a program fetched",
        MOVED,
        ("observed", "a", 120, True),
        (read("a", 120, link=True), read("b", 160, "training")),
    ),
    Case(
        "a program's read does not make up for the browser's, which was earlier",
        MOVED,
        ("observed-before", "a", 90, True),
        (read("a", 90, link=True), read("b", 160, "training")),
    ),
    Case(
        "what Label Studio fetched counts before what others did",
        MOVED,
        ("observed", "a", 120, True),
        (read("a", 120), read("b", 160, "training")),
    ),
    Case(
        "a source storage with another key",
        STILL,
        ("observed", "a", 120, False),
        (read("a", 120, "reader"),),
    ),
    Case(
        "a task of a file is what the sync read",
        MOVED,
        ("observed", "a", 99, True),
        (read("a", 99), read("b", 160)),
        span=SYNC,
    ),
    Case(
        "a browser's read is no sync",
        STILL,
        ("head-at-open", "a", None, False),
        (read("a", 99, link=True),),
        span=SYNC,
    ),
    Case(
        "what was imported nobody looked at",
        MOVED,
        ("head-at-open", "a", None, True),
        (read("a", 120),),
        span=IMPORT,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_the_best_evidence_there_is_wins(case: Case) -> None:
    newest_first = case.turns[::-1]
    chosen = choose(newest_first, case.span, case.reads, whole=case.whole, key_name=WRITER)
    evidence, version, read_ms, changed = case.expected
    assert chosen == Choice(
        Evidence(evidence), None if version is None else CommitId(version), read_ms, changed
    )


def test_every_word_about_a_branch_has_a_case() -> None:
    words = {case.expected[0] for case in CASES}
    # The others need no choice: see test_resolve.
    assert words == set(Evidence) - {Evidence.PINNED, Evidence.EXTERNAL}
