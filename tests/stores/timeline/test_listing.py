"""Pages of a state (a tree and what lies over it) against a plain sorted list."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.stores.timeline import listing, tree
from gateway.stores.timeline.state import State
from gateway.stores.timeline.tree import Node, Row


class MemoryNodes:
    """tree.NewNodes in a list."""

    def __init__(self) -> None:
        self.kept: list[Node] = []

    def get(self, node: int) -> Node:
        return self.kept[node]

    def add(self, node: Node) -> int:
        self.kept.append(node)
        return len(self.kept) - 1


def oracle(
    keys: list[str], prefix: str, after: str, limit: int, delimiter: str
) -> tuple[list[str], list[str], str | None]:
    """What Store.list promises, by walking every key."""
    shown: list[str] = []
    rolled_up: set[str] = set()
    for key in keys:
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        item = key if at < 0 else key[: at + len(delimiter)]
        if key <= after or (at >= 0 and item == after) or item in rolled_up:
            continue
        if len(shown) == limit:
            return _split(shown, rolled_up, shown[-1] if limit else None)
        shown.append(item)
        if at >= 0:
            rolled_up.add(item)
    return _split(shown, rolled_up, None)


def _split(
    shown: list[str], rolled_up: set[str], following: str | None
) -> tuple[list[str], list[str], str | None]:
    entries = [item for item in shown if item not in rolled_up]
    return entries, [item for item in shown if item in rolled_up], following


TEXT = st.text(alphabet="a/-\ud7ff\ue000\U0010ffff", max_size=5)
KEYS = st.sets(TEXT.filter(bool), max_size=40)


@given(
    below=KEYS,
    over=st.dictionaries(TEXT.filter(bool), st.booleans(), max_size=20),
    prefix=TEXT,
    after=TEXT,
    limit=st.integers(0, 10),
    delimiter=st.sampled_from(["", "/", "-", "--", "/a", "\U0010ffff"]),
)
@example({"\U0010ffff/x"}, {}, "", "\U0010ffff/", 3, "/")
@example({"a", "b"}, {"a": False}, "", "", 1, "")
def test_a_page_is_what_a_walk_over_every_key_gives(
    below: set[str], over: dict[str, bool], prefix: str, after: str, limit: int, delimiter: str
):
    nodes = MemoryNodes()
    root, _ = tree.apply(nodes, None, [(key, Row(key, 1, 1, "", 0, 0)) for key in sorted(below)])
    delta = {key: Row(key, 1, 2, "", 0, 0) if kept else None for key, kept in over.items()}
    state = State(1, root, delta, sorted(delta))
    keys = sorted(below - set(over) | {key for key, kept in over.items() if kept})

    rows, prefixes, following = listing.page(
        nodes, state, prefix=prefix, after=after, limit=limit, delimiter=delimiter
    )

    expected = oracle(keys, prefix, after, limit, delimiter)
    assert ([row.key for row in rows], prefixes, following) == expected
    assert all(row.seq == (2 if row.key in over else 1) for row in rows)


@given(KEYS, st.integers(1, 5), st.sampled_from(["", "/", "--"]), TEXT)
def test_pages_go_on_to_show_all_that_one_page_shows(
    below: set[str], limit: int, delimiter: str, prefix: str
):
    nodes = MemoryNodes()
    root, _ = tree.apply(nodes, None, [(key, Row(key, 1, 1, "", 0, 0)) for key in sorted(below)])
    state = State(1, root, {}, [])
    shown: list[str] = []
    after: str | None = ""
    while after is not None:
        rows, prefixes, after = listing.page(
            nodes, state, prefix=prefix, after=after, limit=limit, delimiter=delimiter
        )
        shown += sorted([*(row.key for row in rows), *prefixes])
    entries, prefixes, _ = oracle(sorted(below), prefix, "", 1000, delimiter)
    assert shown == sorted([*entries, *prefixes])


@given(TEXT, TEXT)
def test_a_successor_is_behind_all_that_begin_with_it_and_nothing_else(prefix: str, more: str):
    end = listing.successor(prefix)
    if end is None:
        assert set(prefix) <= {listing.LAST}
        return
    assert prefix + more < end
    assert listing.raw(prefix + more) < listing.raw(end)
    end.encode()
    assert not (prefix < more < end) or more.startswith(prefix)
