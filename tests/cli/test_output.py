"""What is printed where, and how."""

from __future__ import annotations

import pytest

from gateway.cli.output import human_size, print_table, shown


def test_a_table_without_rows_still_has_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["repo", "tags"], [])
    assert capsys.readouterr().out.split() == ["repo", "tags"]


def test_brackets_are_text_and_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["key"], [["[bold]a[/bold]"], [":smile:"]])
    assert capsys.readouterr().out.splitlines()[1:] == ["[bold]a[/bold]", ":smile:"]


def test_control_characters_are_shown_as_what_they_are() -> None:
    assert shown("a\x00\x1b\x7f\x9b\r\n") == r"a\x00\x1b\x7f\x9b\x0d\x0a"
    assert shown("ü 漢") == "ü 漢"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (5 * 1024**3, "5.0 GiB"),
        (1024**5, "1024.0 TiB"),
    ],
)
def test_sizes_are_shown_in_units_of_1024(size: int, text: str) -> None:
    assert human_size(size) == text
