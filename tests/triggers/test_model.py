"""Which triggers there can be, and which would fire themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.triggers.model import (
    Action,
    Count,
    Do,
    InvalidTrigger,
    On,
    Trigger,
    When,
    loop_of,
)
from gateway.versioning.errors import InvalidName
from gateway.versioning.names import RepoName

REPO = RepoName("labels")
WEBHOOK = Do(Action.WEBHOOK, "https://host/hook")


def trigger(
    name: str = "t", on: On = On.BRANCH, where: str = "dev", do: Do = WEBHOOK, **more: Any
) -> Trigger:
    when = more.pop("when", When({}))
    return Trigger(name, REPO, on, where, when, do, "ann", 1, 2, **more)


def promotes(name: str, where: str, to: str, on: On = On.BRANCH) -> Trigger:
    return trigger(name, on, where, Do(Action.PROMOTE, to))


def test_it_is_kept_as_json_and_comes_back() -> None:
    whole = trigger(
        when=When({Count.TASKS: 5, Count.BYTES: 7}, 1.5, "0 2 * * *", every=True),
        do=Do(Action.COMMAND, argv=("a", "b"), seconds=9.0),
        prefix="x/",
    )
    assert Trigger.from_json(REPO, "t", whole.to_json()) == whole
    assert whole.checked() == whole


@pytest.mark.parametrize(
    "wrong",
    [
        trigger("a b"), trigger(""), trigger("x" * 101), trigger(where="v1.2"),
        trigger(on=On.TAG, where="v 1"), trigger(on=On.TAG, where="v*", when=When({}, 5)),
        trigger(when=When({Count.COMMITS: 0})), trigger(when=When({}, -1)),
        trigger(when=When({}, None, "every day")), trigger(when=When({}, None, "0 0 2 * * *")),
        trigger(when=When({}, None, "99 2 * * *")),
        trigger(do=Do(Action.WEBHOOK, "ftp://x")), trigger(do=Do(Action.WEBHOOK, "x", form="xml")),
        trigger(do=Do(Action.COMMAND)), trigger(do=Do(Action.COMMAND, argv=("a\0",))),
        trigger(do=Do(Action.COMMAND, argv=("a",), seconds=0)),
        trigger(do=Do(Action.PROMOTE, "v1.2")),
        trigger(do=Do(Action.TAG, "same")), trigger(do=Do(Action.TAG, "v 1 {date}")),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(wrong: Trigger) -> None:
    with pytest.raises((InvalidTrigger, InvalidName)):
        wrong.checked()


def test_where_it_looks() -> None:
    assert trigger().looks_at_branch("dev")
    assert not trigger().looks_at_branch("develop")
    tags = trigger(on=On.TAG, where="v*")
    assert tags.looks_at_tag("v1")
    assert not tags.looks_at_tag("w1")
    assert not tags.looks_at_branch("v*")


@pytest.mark.parametrize(
    ("others", "new", "way"),
    [
        ([], promotes("a", "dev", "master"), None),
        ([], promotes("a", "dev", "dev"), ["a"]),
        ([promotes("b", "master", "dev")], promotes("a", "dev", "master"), ["a", "b"]),
        (
            [promotes("b", "master", "x", On.PROMOTE), promotes("c", "x", "dev")],
            promotes("a", "dev", "master"), ["a", "b", "c"],
        ),
        ([promotes("b", "master", "x")], promotes("a", "dev", "master"), None),
        (
            [trigger("b", On.TAG, "v*", Do(Action.PROMOTE, "dev"))],
            trigger("a", do=Do(Action.TAG, "v{number}")), ["a", "b"],
        ),
        (
            [trigger("b", On.TAG, "w*", Do(Action.PROMOTE, "dev"))],
            trigger("a", do=Do(Action.TAG, "v{number}")), None,
        ),
        (
            [replace(promotes("b", "master", "dev"), repo=RepoName("other"))],
            promotes("a", "dev", "master"), None,
        ),
    ],
)  # fmt: skip
def test_a_loop_is_found_by_whatever_way(
    others: list[Trigger], new: Trigger, way: list[str] | None
) -> None:
    assert loop_of(others, new) == way
