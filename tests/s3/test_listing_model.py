"""Every list of a bucket beside a plain sorted model of it, for any keys, history and question."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live import LiveGateway, live_gateway

PIECES = [
    "a", "b", "/", "//", ".", "..", "-", "%", "%2F", "+", " ", "&", "<", "\x01", "\n", "\x7f",
    "\N{LATIN SMALL LETTER U WITH DIAERESIS}", "\N{FULLWIDTH TILDE}", "\N{GRINNING FACE}",
]  # fmt: skip
KEYS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
# Short words of the same alphabet, so that they are the beginning of some key as a rule.
WORDS = st.lists(st.sampled_from(PIECES), max_size=2).map("".join)
DELIMITERS = st.sampled_from(["", "/", "/", "//", "a", "b/", "%", "\x01", "\N{GRINNING FACE}"])
LIMITS = st.integers(1, 4) | st.just(1000)
STEPS = st.tuples(
    st.sampled_from(["put", "put", "put", "delete", "delete", "Suspended", "Enabled"]),
    st.integers(0, 7),
)
NULL = "null"

_serial = itertools.count(1)


class Row(NamedTuple):
    """What a list shows. version: "" where versions are not asked for, or for a prefix."""

    name: str
    is_prefix: bool
    version: str = ""
    is_latest: bool = False
    is_marker: bool = False


@dataclass
class Model:
    """A bucket worked out the slow way: for each key what happened, newest first."""

    name: str
    state: str  # of versioning: Unset, Enabled or Suspended
    history: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)

    def add(self, key: str, version: str | None, *, is_marker: bool) -> None:
        """A write, as the bucket's state has it. version: what the answer called it."""
        versions = self.history.setdefault(key, [])
        if self.state != "Enabled":  # there is one null version of a key at most
            assert version in {None, NULL}
            versions[:] = [one for one in versions if one[0] != NULL]
        else:
            assert version not in {None, NULL}
        if self.state != "Unset" or not is_marker:
            versions.insert(0, (version or NULL, is_marker))
        if not versions:
            del self.history[key]

    def current(self) -> list[Row]:
        """The objects that are there."""
        return [Row(key, False) for key in self._sorted() if not self.history[key][0][1]]

    def versions(self) -> list[Row]:
        """Everything that was."""
        return [
            Row(key, False, version, at == 0, is_marker)
            for key in self._sorted()
            for at, (version, is_marker) in enumerate(self.history[key])
        ]

    def _sorted(self) -> list[str]:
        return sorted(self.history, key=str.encode)


def rolled_up(rows: Sequence[Row], prefix: str, delimiter: str) -> list[Row]:
    """The rows below a prefix, those with a delimiter behind it as one row of their beginning."""
    found: list[Row] = []
    for row in rows:
        if not row.name.startswith(prefix):
            continue
        at = row.name.find(delimiter, len(prefix)) if delimiter else -1
        shown = row if at < 0 else Row(row.name[: at + len(delimiter)], True)
        if shown not in found:
            found.append(shown)
    return found


def behind(rows: Sequence[Row], marker: str) -> list[Row]:
    """The rows of names that sort behind a marker."""
    return [row for row in rows if row.name.encode() > marker.encode()]


@dataclass(frozen=True)
class Question:
    """What a list is asked."""

    prefix: str
    delimiter: str
    marker: str
    limit: int

    def answer(self, rows: Sequence[Row]) -> list[Row]:
        """What S3 shows; a prefix that is the marker itself has been shown before."""
        found = rolled_up(behind(rows, self.marker), self.prefix, self.delimiter)
        return [row for row in found if not (row.is_prefix and row.name == self.marker)]

    @property
    def asked(self) -> dict[str, Any]:
        return {"Prefix": self.prefix, "Delimiter": self.delimiter, "MaxKeys": self.limit}


QUESTIONS = st.builds(Question, WORDS, DELIMITERS, st.just("") | KEYS | WORDS, LIMITS)


def page_rows(page: Mapping[str, Any]) -> list[Row]:
    """What a page shows, in the order of S3: by name, and versions as they come."""
    rows = [Row(one["Key"], False) for one in page.get("Contents", [])]
    rows += [Row(one["Prefix"], True) for one in page.get("CommonPrefixes", [])]
    return sorted(rows, key=lambda row: row.name.encode())


def version_rows(page: Mapping[str, Any]) -> set[Row]:
    """botocore tells objects and markers apart, so their order among each other is lost."""
    return {
        *(Row(one["Prefix"], True) for one in page.get("CommonPrefixes", [])),
        *(
            Row(one["Key"], False, one["VersionId"], one["IsLatest"], is_marker)
            for kind, is_marker in (("Versions", False), ("DeleteMarkers", True))
            for one in page.get(kind, [])
        ),
    }


def pages(rows: Sequence[Row], limit: int) -> Iterator[tuple[list[Row], bool]]:
    """Cut into pages, each with whether there are more."""
    for at in range(0, max(len(rows), 1), limit):
        yield list(rows[at : at + limit]), len(rows) > at + limit


def built(s3: Any, state: str, keys: Sequence[str], steps: Sequence[tuple[str, int]]) -> Model:
    """A new bucket after these steps, and the model of it. state: of a new bucket's versioning."""
    model = Model(f"master.model{next(_serial)}", state)
    s3.create_bucket(Bucket=model.name)
    for what, number in steps:
        key = keys[number % len(keys)]
        if what in {"Suspended", "Enabled"}:
            s3.put_bucket_versioning(Bucket=model.name, VersioningConfiguration={"Status": what})
            model.state = what
            continue
        done = (
            s3.delete_object(Bucket=model.name, Key=key)
            if what == "delete"
            else s3.put_object(Bucket=model.name, Key=key, Body=b"x")
        )
        model.add(key, done.get("VersionId"), is_marker=what == "delete")
    return model


@pytest.fixture(scope="module")
def unset_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a gateway whose new buckets have no versioning."""
    folder = tmp_path_factory.mktemp("unset") / "data"
    with live_gateway(folder, LABELGATE_DEFAULT_VERSIONING="unset") as serving:
        yield serving.s3()


@pytest.fixture(params=["Enabled", "Unset"])
def state(request: pytest.FixtureRequest) -> str:
    """What new buckets are in."""
    return str(request.param)


@pytest.fixture
def client(state: str, s3: Any, unset_s3: Any) -> Any:
    """A client of the gateway whose new buckets are in that state."""
    return s3 if state == "Enabled" else unset_s3


bucket_of_any_history = given(
    keys=st.lists(KEYS, min_size=1, max_size=8, unique=True),
    steps=st.lists(STEPS, max_size=16),
    questions=st.lists(QUESTIONS, min_size=1, max_size=6),
)
on_a_live_server = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@on_a_live_server
@bucket_of_any_history
def test_any_list_of_objects_is_that_of_a_sorted_model(
    client: Any,
    state: str,
    operation: str,
    keys: list[str],
    steps: list[tuple[str, int]],
    questions: list[Question],
) -> None:
    model = built(client, state, keys, steps)
    for question in questions:
        start = "Marker" if operation == "list_objects" else "StartAfter"
        more = {start: question.marker}
        for wanted, is_cut in pages(question.answer(model.current()), question.limit):
            page = getattr(client, operation)(Bucket=model.name, **question.asked, **more)
            assert (page_rows(page), page["IsTruncated"]) == (wanted, is_cut), question
            if operation == "list_objects":
                more = {"Marker": page.get("NextMarker") or (wanted[-1].name if wanted else "")}
            else:
                assert page["KeyCount"] == len(wanted)
                more |= {"ContinuationToken": page.get("NextContinuationToken", "")}


@on_a_live_server
@bucket_of_any_history
def test_any_list_of_versions_is_that_of_a_sorted_model(
    client: Any,
    state: str,
    keys: list[str],
    steps: list[tuple[str, int]],
    questions: list[Question],
) -> None:
    model = built(client, state, keys, steps)
    for question in questions:
        more = {"KeyMarker": question.marker}
        for wanted, is_cut in pages(question.answer(model.versions()), question.limit):
            page = client.list_object_versions(Bucket=model.name, **question.asked, **more)
            assert (version_rows(page), page["IsTruncated"]) == (set(wanted), is_cut), question
            if is_cut:
                assert page["NextKeyMarker"] == wanted[-1].name
                assert page.get("NextVersionIdMarker", "") == wanted[-1].version
                more = {"KeyMarker": page["NextKeyMarker"]}
                if page.get("NextVersionIdMarker"):
                    more["VersionIdMarker"] = page["NextVersionIdMarker"]


@on_a_live_server
@given(
    keys=st.lists(KEYS, min_size=1, max_size=8, unique=True),
    steps=st.lists(STEPS, min_size=1, max_size=12),
    prefix=WORDS,
    delimiter=DELIMITERS,
)
def test_any_version_may_be_the_marker_of_a_list(
    client: Any,
    state: str,
    keys: list[str],
    steps: list[tuple[str, int]],
    prefix: str,
    delimiter: str,
) -> None:
    model = built(client, state, keys, steps)
    rows = model.versions()
    for at, row in enumerate(rows):
        if delimiter and row.name.endswith(delimiter):
            continue  # listed as a common prefix, which has no version to be named by
        page = client.list_object_versions(
            Bucket=model.name,
            Prefix=prefix,
            Delimiter=delimiter,
            KeyMarker=row.name,
            VersionIdMarker=row.version,
        )
        assert version_rows(page) == set(rolled_up(rows[at + 1 :], prefix, delimiter)), row


def sayable(what: Question | str) -> bool:
    """Whether XML can say it: botocore asks for no other encoding of uploads."""
    texts = [what] if isinstance(what, str) else [what.prefix, what.delimiter, what.marker]
    return all(text.isprintable() for text in texts)


@on_a_live_server
@given(
    keys=st.lists(KEYS, min_size=1, max_size=5, unique=True),
    begun=st.lists(st.integers(0, 4), max_size=8),
    questions=st.lists(QUESTIONS.filter(sayable), min_size=1, max_size=6),
)
def test_any_list_of_uploads_is_that_of_a_sorted_model(
    s3: Any, keys: list[str], begun: list[int], questions: list[Question]
) -> None:
    bucket = f"master.model{next(_serial)}"
    s3.create_bucket(Bucket=bucket)
    uploads: dict[str, list[str]] = {}
    for number in begun:
        key = keys[number % len(keys)]
        if sayable(key):
            begun_now = s3.create_multipart_upload(Bucket=bucket, Key=key)
            uploads.setdefault(key, []).append(begun_now["UploadId"])
    rows = [
        Row(key, False, upload)
        for key in sorted(uploads, key=str.encode)
        for upload in uploads[key]  # as they were begun
    ]
    for question in questions:
        asked = {"Prefix": question.prefix, "Delimiter": question.delimiter}
        more = {"KeyMarker": question.marker}
        for wanted, is_cut in pages(question.answer(rows), question.limit):
            page = s3.list_multipart_uploads(
                Bucket=bucket, **asked, **more, MaxUploads=question.limit
            )
            found = [Row(one["Key"], False, one["UploadId"]) for one in page.get("Uploads", [])]
            assert found == [row for row in wanted if not row.is_prefix], question
            prefixes = [one["Prefix"] for one in page.get("CommonPrefixes", [])]
            assert prefixes == [row.name for row in wanted if row.is_prefix], question
            assert page["IsTruncated"] == is_cut
            if is_cut:
                assert page["NextKeyMarker"] == wanted[-1].name
                more = {"KeyMarker": page["NextKeyMarker"]}
                if page.get("NextUploadIdMarker"):
                    more["UploadIdMarker"] = page["NextUploadIdMarker"]


@on_a_live_server
@given(
    names=st.sets(st.text("abc", min_size=3, max_size=5), min_size=1, max_size=8),
    prefix=st.text("abc", max_size=2),
    limit=st.integers(1, 4),
)
def test_any_list_of_buckets_is_that_of_a_sorted_model(
    gateway: LiveGateway, names: set[str], prefix: str, limit: int
) -> None:
    branch = f"listed{next(_serial)}"
    wanted = sorted(f"{branch}.{name}" for name in names)
    s3 = gateway.s3()
    for name in wanted:
        s3.create_bucket(Bucket=name)
    matching = [name for name in wanted if name.startswith(f"{branch}.{prefix}")]
    more: dict[str, str] = {}
    for page, is_cut in pages([Row(name, False) for name in matching], limit):
        answer = s3.list_buckets(Prefix=f"{branch}.{prefix}", MaxBuckets=limit, **more)
        assert [row["Name"] for row in answer["Buckets"]] == [row.name for row in page]
        assert ("ContinuationToken" in answer) == is_cut
        more = {"ContinuationToken": answer.get("ContinuationToken", "")}
