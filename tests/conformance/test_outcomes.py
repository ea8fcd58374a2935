"""What pytest reports of the suite is read as it was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import s3tests

REPORT = """\
<testsuites><testsuite>
<testcase classname="s3tests.functional.test_s3" name="test_good[a-1]"/>
<testcase classname="s3tests.functional.test_s3" name="test_bad"><failure message="x"/></testcase>
<testcase classname="s3tests.functional.test_s3" name="test_left_behind"><error/></testcase>
<testcase classname="s3tests.functional.test_s3" name="test_skipped"><skipped/></testcase>
<testcase classname="s3tests.functional.test_headers" name="test_good"/>
</testsuite></testsuites>
"""


def test_only_a_test_without_any_complaint_has_passed(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert dict(s3tests._outcomes(report)) == {
        "test_good[a-1]": True,
        "test_bad": False,
        "test_left_behind": False,
        "test_skipped": False,
        "test_headers.py::test_good": True,
    }


def test_what_is_no_checkout_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(s3tests.SuiteError, match="is no checkout of s3-tests"):
        s3tests.run(tmp_path, [], tmp_path / "log")
