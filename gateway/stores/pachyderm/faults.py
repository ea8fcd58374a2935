"""What pachd says no with, as kinds of errors.

Most of its refusals carry the status UNKNOWN and are told apart by their text only, which changes
from release to release: so it is matched loosely, and what nobody knows stays a PfsError.
"""

from __future__ import annotations

import re
from typing import Literal

import grpc

from gateway.versioning import errors

Thing = Literal["repo", "branch", "commit", "file", "project", "file_set", "other"]

TEXT_CHARS_MAX = 2000


class PfsError(Exception):
    """An answer of pachd that is not what was asked for. text: its words, for logs and people."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(f"{code.name}: {text}")
        self.code = code
        self.text = text


class NotFound(PfsError):
    """what: the kind of thing that is missing."""

    def __init__(self, code: grpc.StatusCode, text: str, what: Thing) -> None:
        super().__init__(code, text)
        self.what = what


class AlreadyExists(PfsError):
    """The name is taken."""


class Denied(PfsError):
    """The token lacks a right that the text names."""


class Unauthenticated(PfsError):
    """No token, or one that is unknown or expired."""


class Busy(PfsError):
    """Somebody else's commit is under way there: back off and try again."""


class RolledBack(PfsError):
    """Pachyderm's database gave up: nothing was written, try again at once."""


class AlreadyFinished(PfsError):
    """The commit is finished and takes no more."""


class Unreachable(PfsError):
    """No answer came. sent: whether the call may have been executed all the same."""

    def __init__(self, code: grpc.StatusCode, text: str, *, sent: bool) -> None:
        super().__init__(code, text)
        self.sent = sent


class TooLarge(PfsError):
    """A message beyond the limit of one side."""


class OutputBranch(PfsError):
    """Only Pachyderm itself commits to a branch with provenance."""


class Collision(PfsError):
    """One path of the commit would have to be a file and a directory."""


_TEXTS: tuple[tuple[str, type[PfsError]], ...] = (
    ("commit unexpectedly resulted in rollback", RolledBack),
    ("could not serialize access", RolledBack),
    ("has already finished", AlreadyFinished),
    ("has not been finished", Busy),
    ("cannot start a commit on an output branch", OutputBranch),
    ("file / directory path collision", Collision),
    ("token expiration is in the past", Unauthenticated),
    ("is not authorized to perform this operation", Denied),
    ("already exists", AlreadyExists),
)

_CODES: dict[grpc.StatusCode, type[PfsError]] = {
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.RESOURCE_EXHAUSTED: TooLarge,
}

_NO_ANSWER = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}

# What gRPC says where there was no connection to send anything on.
_NEVER_SENT = ("failed to connect to all addresses", "DNS resolution failed", "connections to all")

# What is left of the status where pachd answers while a message is on its way to it.
_CUT_SHORT = "Internal error from Core"

_FILE_SET = re.compile(
    r"tracker does not contain item|(^|: )path does not exist$|parsing fileset\.Token"
    r"|would create a dangling reference"
)
_ABSENT: dict[Thing, type[errors.StoreError]] = {
    "repo": errors.NoRepo,
    "project": errors.NoRepo,
    "branch": errors.NoRef,
    "commit": errors.NoCommit,
}

# Said with the status UNKNOWN, too.
_NOT_FOUND = re.compile(rf"not found$|no role binding exists for REPO|{_FILE_SET.pattern}")

# The first that fits. Where several things are missing it is the outermost that counts; a commit
# id that is no UUID is looked for as a branch, whose name is empty in our calls.
_MISSING: tuple[tuple[Thing, re.Pattern[str]], ...] = (
    (
        "file",
        re.compile(
            r"(^|: )file .* not found in repo |^commit/\w+ does not contain item", re.DOTALL
        ),
    ),
    ("file_set", _FILE_SET),
    ("project", re.compile(r"(^|: )project \S+ not found", re.MULTILINE)),
    (
        "repo",
        re.compile(r"(^|: )repos? (\(.*?\)|\S+) not found|no role binding exists", re.MULTILINE),
    ),
    ("commit", re.compile(r'(^|: )branch "" not found|no commits found', re.MULTILINE)),
    ("branch", re.compile(r"(^|: )branch (\(.*?\)|\S+) not found", re.MULTILINE)),
    ("commit", re.compile(r"(^|: )commit (\(.*?\)|\S+) not found", re.MULTILINE)),
)


def classify(error: grpc.aio.AioRpcError) -> PfsError:
    """The kind of error that this answer is."""
    return kind_of(error.code(), error.details() or "")


def kind_of(code: grpc.StatusCode, text: str) -> PfsError:
    """As `classify`."""
    text = text.partition("\ngoroutine ")[0].strip()[:TEXT_CHARS_MAX]
    if text.endswith("context deadline exceeded"):
        code = grpc.StatusCode.DEADLINE_EXCEEDED  # ours, where pachd was the first to see it
    if code in _NO_ANSWER or text == _CUT_SHORT or text.endswith("context canceled"):
        return _unanswered(code, text)
    if code is grpc.StatusCode.NOT_FOUND or _NOT_FOUND.search(text):
        return NotFound(code, text, _missing(text))
    by_text = (kind for sign, kind in _TEXTS if sign in text)
    return next(by_text, _CODES.get(code, PfsError))(code, text)


def _unanswered(code: grpc.StatusCode, text: str) -> PfsError:
    if text.endswith("not finished"):
        return Busy(code, text)
    if text == _CUT_SHORT:
        return Unreachable(code, "it ended the upload without a reason", sent=True)
    return Unreachable(code, text, sent=not text.startswith(_NEVER_SENT))


def _missing(text: str) -> Thing:
    return next((what for what, sign in _MISSING if sign.search(text)), "other")


def refused(error: PfsError) -> errors.StoreError:
    """What the store says where nothing better is known. Of a write: only if it was not sent."""
    kind: type[errors.StoreError] = errors.Unavailable
    prefix = "Pachyderm cannot do that now: "
    match error:
        case NotFound():
            kind, prefix = _ABSENT.get(error.what, errors.Unavailable), ""
        case AlreadyExists():
            kind, prefix = errors.AlreadyExists, ""
        case Denied() | Unauthenticated():
            kind, prefix = errors.Denied, "Pachyderm refuses: "
        case OutputBranch():
            kind, prefix = errors.ReadOnly, "only a pipeline writes there: "
        case Unreachable():
            prefix = "Pachyderm does not answer: "
    return kind(prefix + _short(error))


def _short(error: PfsError) -> str:
    return error.text.rpartition("\n")[2][:300] or error.code.name
