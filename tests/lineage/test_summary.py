"""The three header values that a label's lineage comes to."""

from __future__ import annotations

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st
from labels import annotation, encoded, task

from gateway.lineage.evidence import Evidence
from gateway.lineage.labelstudio import read
from gateway.lineage.resolve import Source
from gateway.lineage.summary import SOURCES_BYTES_MAX, summary
from gateway.lineage.uris import SourceUri
from gateway.versioning.names import CommitId, RepoName

COMMIT = CommitId("0123456789abcdef" * 2)


def external(key: str) -> Source:
    return Source(SourceUri("elsewhere", key), Evidence.EXTERNAL)


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert summary(None, []) == {}
    assert summary(read(encoded(task(annotations=[]))), []) == {}
    assert summary(read(encoded(annotation(completed_by=None))), []) == {}
    assert summary(read(encoded(annotation())), []) == {"author": "7"}


def test_a_source_is_named_by_its_version_with_its_project_where_that_is_not_default() -> None:
    uri = SourceUri("raw", "a b/ü,+%.png")
    plain = Source(uri, Evidence.HEAD_AT_PUT, RepoName("raw"), "master", COMMIT)
    assert summary(None, [plain])["sources"] == (
        f"s3://{COMMIT}.master.raw/a%20b/%C3%BC%2C%2B%25.png"
    )
    team = Source(uri, Evidence.PINNED, RepoName("raw", "team"), "dev", COMMIT, COMMIT)
    assert summary(None, [team])["sources"].startswith(f"s3://{COMMIT}.dev.raw.team/")


def test_evidence_is_each_word_once_in_the_sources_order() -> None:
    missing = Source(SourceUri("raw", "k"), Evidence.MISSING, RepoName("raw"), "master")
    assert summary(None, [external("1"), missing, external("2")])["evidence"] == "external,missing"


@given(st.lists(st.text(min_size=1, max_size=200), min_size=1, max_size=40))
def test_sources_are_whole_uris_of_at_most_1_kib_and_say_when_some_are_left_out(
    keys: list[str],
) -> None:
    keys = [key.encode("utf-8", "replace").decode() for key in keys]
    shown = summary(None, [external(key) for key in keys])["sources"]
    assert len(shown) <= SOURCES_BYTES_MAX == 1024
    assert shown.isascii()
    assert shown.isprintable()
    parts = shown.split(",")
    if parts[-1] == "...":
        parts.pop()
        assert len(parts) < len(keys)
    else:
        assert len(parts) == len(keys)
    assert [unquote(part) for part in parts] == [f"s3://elsewhere/{key}" for key in keys][
        : len(parts)
    ]
