"""Pages of what a key may read, beside a plain sorted model of the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shelf import Shelf, Sorted, rolled

from gateway.auth.grants import outermost
from gateway.auth.sight import list_seen, versions_seen
from gateway.protocol.errors import S3Error
from gateway.versioning.names import CommitId

AT = Shelf().branch()
KEYS = st.text("ab/", min_size=1, max_size=5)
PREFIXES = st.lists(st.text("ab/", max_size=3), min_size=1, max_size=3).map(outermost)


async def listed(keys: dict[str, int], sight: Any, page: int, **asked: str) -> list[str]:
    """All pages, put together: keys and roll-ups in their order."""
    names: list[str] = []
    after = asked.pop("after", "")
    while True:
        found = await list_seen(Sorted(keys), AT, sight, after=after, limit=page, **asked)  # type: ignore[arg-type]
        shown = sorted([*(one.key for one in found.entries), *found.prefixes])
        assert len(shown) <= page
        names += shown
        if found.next_after is None:
            return names
        assert shown, "a page that goes on shows something"
        after = found.next_after


@given(
    st.dictionaries(KEYS, st.just(1), max_size=15),
    PREFIXES,
    st.text("ab/", max_size=3),
    st.sampled_from(["", "/", "a"]),
    st.integers(1, 4),
    st.text("ab/", max_size=3),
)
def test_pages_show_what_is_in_sight_and_nothing_else(
    keys: dict[str, int], sight: Any, prefix: str, delimiter: str, page: int, after: str
) -> None:
    if not any(one.startswith(prefix) or prefix.startswith(one) for one in sight):
        with pytest.raises(S3Error) as caught:
            asyncio.run(listed(keys, sight, page, prefix=prefix))
        assert caught.value.code == "AccessDenied"
        return
    visible = [key for key in sorted(keys) if key.startswith(sight) and key.startswith(prefix)]
    groups = {key: rolled(key, prefix, delimiter) for key in visible if key > after}
    names = dict.fromkeys(group or key for key, group in groups.items())
    wanted = [name for name in names if name != after]
    found = asyncio.run(listed(keys, sight, page, prefix=prefix, delimiter=delimiter, after=after))
    assert found == wanted


@given(
    st.dictionaries(KEYS, st.integers(1, 3), max_size=10),
    PREFIXES,
    st.sampled_from(["", "/"]),
    st.integers(1, 3),
)
def test_pages_of_versions_too(keys: dict[str, int], sight: Any, delimiter: str, page: int) -> None:
    async def all_pages() -> list[tuple[str, str | None]]:
        rows: list[tuple[str, str | None]] = []
        key, version = "", None
        while True:
            found = await versions_seen(
                Sorted(keys),  # type: ignore[arg-type]
                AT, sight, after_key=key, after_version=version, limit=page, delimiter=delimiter,
            )  # fmt: skip
            shown: list[tuple[str, str | None]] = [(one.key, one.version) for one in found.versions]
            shown += [(one, None) for one in found.prefixes]
            rows += sorted(shown, key=lambda row: row[0])
            if found.next_key is None:
                return rows
            assert shown
            key, version = found.next_key, found.next_version

    wanted: list[tuple[str, str | None]] = []
    for key, count in sorted(keys.items()):
        group = rolled(key, "", delimiter)
        if not key.startswith(sight) or (group, None) in wanted:
            continue
        if group is not None:
            wanted.append((group, None))
        else:
            wanted += [(key, CommitId(f"{n:032x}")) for n in range(count, 0, -1)]
    assert asyncio.run(all_pages()) == wanted


def test_a_delimiter_that_begins_where_the_rights_begin_is_refused() -> None:
    with pytest.raises(S3Error, match="cuts through") as caught:
        asyncio.run(listed({"a--b": 1}, ("a-",), 1, prefix="", delimiter="--"))
    assert caught.value.code == "InvalidArgument"
