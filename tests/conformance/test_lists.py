"""The committed lists agree with each other, whether or not the suite is here to be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.s3tests_lists import (
    CONTRADICTING,
    CORE,
    FAILING,
    PASSING,
    Group,
    area,
    areas,
    groups,
    names,
    write_groups,
)

CORE_NAMES = 331
CONTRADICTING_MAX = 6
TEST_S3_PASSING_MIN = 480


def failing() -> list[str]:
    return [name for file in (FAILING, CONTRADICTING) for one in groups(file) for name in one.names]


def test_all_of_the_core_passes_but_for_what_contradicts_aws() -> None:
    excused = {name for group in groups(CONTRADICTING) for name in group.names}
    core = set(names(CORE))
    assert len(core) == CORE_NAMES
    assert sorted(core - set(names(PASSING)) - excused) == []
    assert excused <= core
    assert len(excused) <= CONTRADICTING_MAX


def test_at_least_480_names_of_test_s3_pass() -> None:
    assert sum("::" not in name for name in names(PASSING)) >= TEST_S3_PASSING_MIN


def test_no_name_stands_in_two_lists_or_twice() -> None:
    listed = names(PASSING) + failing()
    assert sorted(name for name in set(listed) if listed.count(name) > 1) == []
    assert names(PASSING) == sorted(names(PASSING))


@pytest.mark.parametrize("file", [FAILING, CONTRADICTING], ids=lambda file: file.name)
def test_every_name_that_fails_has_a_reason(file: Path) -> None:
    assert [group.names for group in groups(file) if not group.why] == []


def test_a_name_is_in_one_area() -> None:
    assert {area(name) for name in names(PASSING) + failing()} <= set(areas())
    assert area("test_versioning_obj_create_read_remove") == "versions"
    assert area("test_headers.py::test_object_create_bad_md5_bad") == "headers of requests"


def test_reasons_are_read_as_they_were_written(tmp_path: Path) -> None:
    found = [Group("Long enough to be wrapped. " * 9, ("test_b", "test_a[x-1]")), Group("b", ())]
    write_groups(tmp_path / "list.txt", found)
    assert groups(tmp_path / "list.txt") == [Group(found[0].why.strip(), ("test_a[x-1]", "test_b"))]
