"""Files and their directories as pachd lists them: in order, checked, sized and hashed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fake_pachd.contents import Content, Tree, digest
from fake_pachd.names import as_dir, is_dir
from fake_pachd.refusals import plain

PAGE_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a directory: its path ends in a slash, and size and hash are of all beneath."""

    path: str
    datum: str
    size: int
    hash: bytes
    content: Content | None


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a tree is looked at.

    prefix: of all paths. keep: whether a path counts. whole: with a directory that counts counts
    all beneath. lower and upper: a span of paths, the upper end not in it; "" is no bound.
    """

    prefix: str
    keep: Callable[[str], bool]
    whole: bool = False
    lower: str = ""
    upper: str = ""
    datum: str = ""


def below(path: str) -> Callable[[str], bool]:
    """Whether something is that file, or in that directory. path: cleaned, "" for the root."""
    return lambda one: one == path or one.startswith(path + "/")


def check_order(tree: Tree, prefix: str = "", datum: str = "", lower: str = "") -> None:
    """Refuse two files of one path, and a file with another beneath it.

    As pachd: only neighbours are compared, so a path that sorts between hides the collision.
    """
    before: tuple[str, str] | None = None
    for key in _keys(tree, prefix, datum, lower):
        if before is not None and before[0] == key[0]:
            raise plain(
                "duplicate path output by different datums"
                f" ({before[0]} from {before[1]} and {key[0]} from {key[1]})"
            )
        if before is not None and key[0].startswith(before[0] + "/"):
            raise plain(f"file / directory path collision ({key[0]})")
        before = key


def entries(tree: Tree, chosen: Selection) -> Iterator[Entry]:
    """What is chosen, in bytewise order of the paths."""
    check_order(tree, chosen.prefix, chosen.datum, chosen.lower)
    rows = list(_filtered(_with_directories(tree, chosen), chosen))
    made: dict[int, tuple[Entry, int]] = {}
    for at, (path, _) in enumerate(rows):
        if chosen.upper and path >= chosen.upper:
            return
        yield _entry(tree, rows, at, made)[0]


def _keys(tree: Tree, prefix: str, datum: str, lower: str) -> Iterator[tuple[str, str]]:
    keys = tree.keys
    for at in range(bisect_left(keys, (max(prefix, lower), "")), len(keys)):
        if not keys[at][0].startswith(prefix):
            if keys[at][0] > prefix:
                return
            continue
        if not datum or keys[at][1] == datum:
            yield keys[at]


def _with_directories(tree: Tree, chosen: Selection) -> Iterator[tuple[str, str]]:
    """Each directory before what is in it, unless it sorts before where the reading begins."""
    lowest, last = chosen.lower or chosen.prefix, ""
    for key in _keys(tree, chosen.prefix, chosen.datum, chosen.lower):
        waiting, path = [], key[0]
        while path != "/":
            path = as_dir(path.rstrip("/").rpartition("/")[0])
            if last >= path or path < lowest:
                break
            waiting.append(path)
        for path in reversed(waiting):
            yield path, ""
        last = key[0]
        yield key


def _filtered(rows: Iterator[tuple[str, str]], chosen: Selection) -> Iterator[tuple[str, str]]:
    inside = ""
    for row in rows:
        if inside and row[0].startswith(inside):
            yield row
        elif chosen.keep(row[0]):
            inside = row[0] if chosen.whole and is_dir(row[0]) else ""
            yield row


def _entry(
    tree: Tree, rows: list[tuple[str, str]], at: int, made: dict[int, tuple[Entry, int]]
) -> tuple[Entry, int]:
    """The entry of a row, and the first row behind all that is beneath it."""
    path, datum = rows[at]
    if (path, datum) in tree.files:
        content = tree.files[path, datum]
        return Entry(path, datum, content.size, content.hash, content), at + 1
    if at not in made:
        size, hashes, following = 0, [], at + 1
        while following < len(rows) and rows[following][0].startswith(path):
            child, following = _entry(tree, rows, following, made)
            size += child.size
            hashes.append(child.hash)
        made[at] = Entry(path, "", size, digest(b"".join(hashes)), None), following
    return made[at]
