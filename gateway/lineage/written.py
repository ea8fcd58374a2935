"""What a commit wrote, as the forms that leave the house tell it.

Pure views of a commit, its changes and their lineage records (gateway.lineage.record).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.lineage.uris import SCHEME, SourceUri
from gateway.versioning.model import NOTHING, ChangeInfo, Commit, Json
from gateway.versioning.names import BucketName, CommitId, RepoName

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Used:
    """A source as a record tells of it (see gateway.lineage.record for what may be left out)."""

    form: Json

    @property
    def evidence(self) -> str:
        """One of gateway.lineage.evidence."""
        return str(self.form["evidence"])

    @property
    def changed_during(self) -> bool:
        """Whether its branch got another version of it while the work was going on."""
        return bool(self.form.get("changed_during"))

    @property
    def named(self) -> SourceUri:
        """The object as the label or its writer named it."""
        bucket, _, key = str(self.form["uri"]).removeprefix(SCHEME).partition("/")
        return SourceUri(bucket, key)

    @property
    def key(self) -> str:
        """Of the object, raw; of a state that was named whole the beginning of its keys."""
        return self.named.key

    @property
    def repo(self) -> RepoName | None:
        """Where it is; None of an external source."""
        form = self.form
        return RepoName(form["repo"], form["project"]) if "repo" in form else None

    @property
    def version(self) -> CommitId | None:
        """The version id of the object; None where it is not known."""
        return self.form.get("commit")

    @property
    def version_id(self) -> str | None:
        """What the S3 of an external source calls its version; None where nobody said."""
        return self.form.get("version_id")

    @property
    def bucket(self) -> str:
        """The branch or tag it is in, whatever its version; as it was named where that is unknown.

        Several spellings mean one branch (`raw`, `master.raw`): this is one of them.
        """
        ref = self.form.get("ref")
        if self.repo is None or ref is None:
            return self.named.bucket
        return str(BucketName(self.repo, ref))

    @property
    def exact(self) -> SourceUri:
        """That very version, where it is known; else the object as it was named."""
        if self.repo is None or self.version is None:
            return self.named
        bucket = BucketName(self.repo, self.form["ref"], self.version)
        return SourceUri(str(bucket), self.named.key)


def annotations_of(record: Json) -> frozenset[int]:
    """Label Studio's ids of the annotations in a write; empty where it is no label."""
    all_told = (record, *record.get("annotations", ()))
    return frozenset(one["annotation"] for one in all_told if one.get("annotation") is not None)


@dataclass(frozen=True, slots=True)
class Written:
    """One object that a commit wrote or deleted, with the record of that write."""

    commit: Commit
    change: ChangeInfo

    @property
    def key(self) -> str:
        """Of the object, raw."""
        return self.change.key

    @property
    def record(self) -> Json:
        """The lineage record; empty where there is none: erased, or written by another tool."""
        return NOTHING if self.change.lineage is None else self.change.lineage

    @property
    def living(self) -> SourceUri:
        """The object on its branch, whatever its version."""
        return SourceUri(bucket_of(self.commit), self.key)

    @property
    def exact(self) -> SourceUri:
        """The version that this commit made."""
        commit = self.commit
        return SourceUri(str(BucketName(commit.repo, commit.branch, commit.id)), self.key)

    @property
    def sources(self) -> Iterator[Used]:
        """What it was derived from, in the record's order."""
        return used(self.record)


def used(record: Json) -> Iterator[Used]:
    """The sources of a record, in its order; the states that went into a pipeline are some too."""
    yield from map(Used, record.get("sources", ()))
    for state in record.get("provenance", ()):
        bucket = BucketName(RepoName(state["repo"], state["project"]), None, state["commit"])
        form = {"uri": f"{SCHEME}{bucket}/", "evidence": "pinned", "ref": None, "path": ""}
        yield Used(form | dict(state))


def bucket_of(commit: Commit) -> str:
    """The bucket a commit was made in."""
    return str(BucketName(commit.repo, commit.branch))


def iso(time_ms: int) -> str:
    """Milliseconds since 1970 UTC as RFC 3339 has it: `2026-11-24T16:00:00.000Z`."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
