"""What stands in tests/conformance/: names of s3-tests, sorted, and why those that fail do.

core.txt: what a store of versioned labels is for. passing.txt: what passed when it was last
written. failing.txt: everything else, each name below the reason. contradicting.txt: names of the
core that ask for what AWS documents otherwise, in the same form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.environment import ROOT

FOLDER = ROOT / "tests" / "conformance"
CORE, PASSING = FOLDER / "core.txt", FOLDER / "passing.txt"
FAILING, CONTRADICTING = FOLDER / "failing.txt", FOLDER / "contradicting.txt"

# The first that is found in a name is its area.
_AREAS = tuple(
    (title, re.compile(pattern))
    for title, pattern in (
        ("headers of requests", r"^test_headers"),
        ("form POST", r"post_object"),
        ("encryption", r"sse|encrypt|_enc[_\[]|kms"),
        ("object lock", r"object_lock"),
        ("CORS", r"cors"),
        ("listing", r"fetchowner|bucket_list(v2)?_objects_anonymous"),
        ("ACLs, ownership", r"access_bucket|_acl_canned|_acl_grant"),
        ("policies, public access", r"policy|public|block"),
        ("tagging", r"tagging|_tags"),
        ("ACLs, ownership", r"acl|owner|anon|_put_authenticated"),
        ("raw and presigned requests", r"_raw_|100_continue|_bad_auth|invalid_auth"),
        ("conditional reads, ranges", r"get_object_if|ranged"),
        ("conditional writes", r"_if_|_if(none)?(non)?match"),
        ("checksums, attributes", r"checksum|cksum|attributes"),
        ("multipart", r"multipart|get_part"),
        ("versions", r"version|delete_marker"),
        ("copy", r"copy"),
        ("listing", r"list|key_count"),
        ("atomic writes", r"atomic"),
        ("buckets", r"bucket"),
        ("objects", r""),
    )
)


@dataclass(frozen=True, slots=True)
class Group:
    """Names with one reason. why: Markdown, one sentence or two."""

    why: str
    names: tuple[str, ...]


def area(name: str) -> str:
    """What a test is about, by its name: the classification is ours, not the suite's."""
    return next(title for title, pattern in _AREAS if pattern.search(name))


def areas() -> tuple[str, ...]:
    """Their titles."""
    return tuple(sorted({title for title, _ in _AREAS}))


def names(file: Path) -> list[str]:
    """One name a line."""
    return file.read_text(encoding="utf-8").splitlines()


def groups(file: Path) -> list[Group]:
    """Paragraphs: lines that begin with `# ` are the reason for the names below them."""
    paragraphs = file.read_text(encoding="utf-8").split("\n\n")
    return [_group(text.splitlines()) for text in paragraphs if text.strip()]


def write_names(file: Path, found: Iterable[str]) -> None:
    """Sorted, one a line."""
    file.write_text("".join(f"{name}\n" for name in sorted(found)), encoding="utf-8")


def write_groups(file: Path, found: Iterable[Group]) -> None:
    """As `groups` reads them; a reason that no name is left for goes."""
    kept = [group for group in found if group.names]
    text = "\n".join("".join(f"{line}\n" for line in _lines(group)) for group in kept)
    file.write_text(text, encoding="utf-8")


def counts(outcomes: Mapping[str, bool]) -> Iterator[tuple[str, int, int]]:
    """For each area: its title, how many of its names passed, and how many there are."""
    for title in areas():
        of_area = [passed for name, passed in outcomes.items() if area(name) == title]
        if of_area:
            yield title, sum(of_area), len(of_area)


def is_selected(name: str) -> bool:
    """Whether a name is of the file that is run as a whole."""
    return "::" not in name


def _group(lines: list[str]) -> Group:
    why = " ".join(line[2:] for line in lines if line.startswith("# "))
    return Group(why, tuple(line for line in lines if not line.startswith("#")))


def _lines(group: Group) -> Iterator[str]:
    words, line = group.why.split(), "#"
    for word in words:
        if len(line) + len(word) >= 100:
            yield line
            line = "#"
        line += f" {word}"
    yield line
    yield from sorted(group.names)
