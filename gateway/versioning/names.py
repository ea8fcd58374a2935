"""Names of projects, repos and refs, and the grammar that spells them as a bucket.

`[commit.]branch.repo[.project]`: take off a leading commit id, then count the parts that
remain: 1 = repo, 2 = branch.repo, 3 = branch.repo.project. A tag stands wherever a branch does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType

from gateway.versioning.errors import InvalidKey, InvalidName

CommitId = NewType("CommitId", str)
"""32 lower-case hex digits, of any kind."""

NULL_VERSION = CommitId("null")
"""What the version is called that was written while the branch showed no versions."""

DEFAULT_BRANCH = "master"
DEFAULT_PROJECT = "default"
KEY_BYTES_MAX = 1024
UPLOADS = "upload_"
"""How the names of branches begin that hold an upload on its way; see is_upload."""
BUCKET_CHARS_MIN, BUCKET_CHARS_MAX = 3, 255

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_UPLOAD = re.compile(UPLOADS + r"[0-9a-f]{16}")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,50}")
_COMMIT = re.compile(r"[0-9a-f]{32}")


def is_commit_id(text: str) -> bool:
    """Whether `text` has the form of a commit id."""
    return _COMMIT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class RepoName:
    """A repo within its project."""

    name: str
    project: str = DEFAULT_PROJECT

    def __str__(self) -> str:
        return self.name if self.project == DEFAULT_PROJECT else f"{self.name}.{self.project}"


@dataclass(frozen=True, slots=True)
class BucketName:
    """What a bucket's spelling names: in a repo a ref, a commit, or a commit seen from a ref.

    ref: branch or tag as written; None stands for `master`, or for nothing beside a commit.
    """

    repo: RepoName
    ref: str | None = None
    commit: CommitId | None = None

    @property
    def branch(self) -> str:
        """The branch (or tag) this name means when no commit is named."""
        return self.ref or DEFAULT_BRANCH

    @property
    def canonical(self) -> str:
        """`branch.repo.project`, the form grants are matched against; the commit stays in front."""
        head = f"{self.commit}." if self.commit else ""
        return f"{head}{self.branch}.{self.repo.name}.{self.repo.project}"

    def __str__(self) -> str:
        """The shortest unambiguous spelling: `branch.repo`, and the project if not default."""
        parts = [self.commit] if self.commit else []
        if self.ref or not self.commit or self.repo.project != DEFAULT_PROJECT:
            parts.append(CommitId(self.branch))
        return ".".join([*parts, str(self.repo)])


def parse_bucket(text: str) -> BucketName:
    """`text` as a bucket name. Raises InvalidName saying what is wrong with it."""
    first, _, rest = text.partition(".")
    commit = CommitId(first) if is_commit_id(first) else None
    parts = (rest.split(".") if rest else []) if commit else text.split(".")
    match parts:
        case [repo]:
            return BucketName(_repo(repo), None, commit)
        case [ref, repo]:
            return BucketName(_repo(repo), check_name(ref, "branch"), commit)
        case [ref, repo, project]:
            return BucketName(
                _repo(repo, check_project(project)), check_name(ref, "branch"), commit
            )
        case []:
            raise InvalidName(f"{text!r} names a commit without its repo: write <commit>.<repo>")
    raise InvalidName(
        f"{text!r} has {len(parts)} parts: a bucket is [commit.]branch.repo[.project]"
    )


def parse_new_bucket(text: str) -> BucketName:
    """`text` as the name of a bucket to be made: a branch, never a commit."""
    if not BUCKET_CHARS_MIN <= len(text) <= BUCKET_CHARS_MAX:
        raise InvalidName(
            f"a bucket name has {BUCKET_CHARS_MIN} to {BUCKET_CHARS_MAX} characters, "
            f"not {len(text)}"
        )
    bucket = parse_bucket(text)
    if bucket.commit:
        raise InvalidName(f"{text!r} names a commit; commits are read, not created")
    return bucket


def check_name(text: str, what: str) -> str:
    """`text` if it may name a repo, branch or tag. Raises InvalidName with a suggestion."""
    if _NAME.fullmatch(text) is None:
        raise InvalidName(_complaint(text, what, "letters, digits, _ and -, at most 100"))
    if is_commit_id(text):
        raise InvalidName(f"{what} {text!r} looks like a commit id; choose another name")
    return text


def check_project(text: str) -> str:
    """`text` if it may name a project: alphanumeric first, at most 51 characters."""
    if _PROJECT.fullmatch(text) is None or is_commit_id(text):
        raise InvalidName(
            _complaint(text, "project", "letters, digits, _ and -, not first, at most 51")
        )
    return text


def is_upload(branch: str) -> bool:
    """Whether a branch holds an upload on its way: what comes of it is told, it itself is not."""
    return _UPLOAD.fullmatch(branch) is not None


def check_key(key: str) -> str:
    """`key` if it can name an object: 1 to 1,024 bytes of UTF-8."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise InvalidKey("an object key is UTF-8 text") from None
    if not key:
        raise InvalidKey("an object key has at least one character")
    if size > KEY_BYTES_MAX:
        raise InvalidKey(f"an object key has at most {KEY_BYTES_MAX} bytes, this one {size}")
    return key


def _repo(name: str, project: str = DEFAULT_PROJECT) -> RepoName:
    return RepoName(check_name(name, "repo"), project)


def _complaint(text: str, what: str, rule: str) -> str:
    suggestion = re.sub(r"[^A-Za-z0-9_-]+", "_", text).lstrip("-")[:100]
    hint = f"; {suggestion!r} would do" if suggestion and suggestion != text else ""
    return f"{text!r} cannot name a {what} ({rule}){hint}"
