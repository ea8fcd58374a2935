"""Texts of a real pachd, and the kinds of errors they are."""

from __future__ import annotations

import grpc
import pytest
from grpc import StatusCode

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.faults import kind_of, refused
from gateway.versioning import errors

ID = "0123456789ab4def8123456789abcdef"

MISSING = [
    ("repo", "repo default/norepo not found"),
    ("repo", "pick commit tx: commit default/norepo@ not found\nrepo default/norepo not found"),
    ("repo", "start commit in transaction: repo default/norepo not found"),
    ("repo", "ensure repo exists: repo default/norepo not found"),
    ("repo", "repos default/x.user not found"),
    ("repo", "repo noproj/s5 not found"),
    (
        "repo",
        (
            "inspect branch in transaction: repo (id=0, project=default, name=norepo, type=user) "
            "not found\nbranch (id=0, branch=default/norepo@master) not found\n"
            'branch "master" not found in repo default/norepo'
        ),
    ),
    (
        "repo",
        (
            "get commit by commit key: repo (id=0, project=default, name=norepo, type=user) "
            f"not found\ncommit (int_id=0, commit_id=default/norepo.user@{ID}) not found"
        ),
    ),
    (
        "branch",
        (
            "pick commit tx: commit default/s5@ not found\n"
            'branch "nobranch" not found in repo default/s5'
        ),
    ),
    (
        "branch",
        (
            'get branch "default/s5.user@nobranch": branch (id=0, branch=default/s5@nobranch) not '
            "found"
        ),
    ),
    (
        "commit",
        f"pick commit tx: commit default/s5@{ID} not found\ncommit default/s5@{ID} not found",
    ),
    (
        "commit",
        (
            f"pick commit tx: commit default/s5@{'0' * 32} not found\n"
            'branch "" not found in repo default/s5'
        ),
    ),
    ("commit", f"no commits found for commitset {ID}"),
    ("commit", f"unable to inspect default/s6@{ID}: commit default/s6@{ID} not found"),
    ("project", 'cannot find project "x": get project by name: project "x" not found'),
    (
        "project",
        (
            "pick commit tx: picking commit: picking branch: picking repo: picking project: "
            'project "noproj" not found'
        ),
    ),
    ("file", f"file /nope not found in repo default/s5 at commit {ID}"),
    ("file", "get file: file /a: b\nc not found in repo default/s5 at commit x"),
    ("file", f"commit/{ID} does not contain item: (/nope)"),
    ("file_set", f"tracker does not contain item: (fileset/{ID})"),
    ("other", "nothing that is known"),
]


@pytest.mark.parametrize(("what", "text"), MISSING)
def test_what_is_missing_is_told_by_the_text(what: str, text: str):
    fault = kind_of(StatusCode.NOT_FOUND, text)
    assert isinstance(fault, faults.NotFound)
    assert (fault.what, fault.text, fault.code) == (what, text, StatusCode.NOT_FOUND)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("file_set", "add file set: path does not exist"),
        ("file_set", "get file: path does not exist"),
        ("file_set", "parsing fileset.Token: too short to be Token len=5"),
        ("file_set", "the operation would create a dangling reference"),
        ("repo", "no role binding exists for REPO default/norepo"),
        (
            "repo",
            (
                "apply edits: edit #0: pick repo: picking repo: get repo info with id: repo (id=0, "
                "project=default, name=norepo, type=user) not found"
            ),
        ),
    ],
)
def test_some_that_is_missing_comes_without_the_status(what: str, text: str):
    fault = kind_of(StatusCode.UNKNOWN, text)
    assert isinstance(fault, faults.NotFound)
    assert fault.what == what


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        (faults.AlreadyExists, StatusCode.ALREADY_EXISTS, "repo default/s1 already exists"),
        (
            faults.AlreadyExists,
            StatusCode.FAILED_PRECONDITION,
            'apply edits: edit #0: add_key target key "k" already exists; use edit_key instead',
        ),
        (
            faults.Denied,
            StatusCode.PERMISSION_DENIED,
            (
                "robot:gw is not authorized to perform this operation - needs permissions "
                "[REPO_READ] on REPO default/a1. Run ..."
            ),
        ),
        (faults.Unauthenticated, StatusCode.UNAUTHENTICATED, "no authentication token"),
        (faults.Unauthenticated, StatusCode.INTERNAL, "token expiration is in the past"),
        (
            faults.Busy,
            StatusCode.UNKNOWN,
            f"start commit in transaction: parent commit default/s@{ID} has not been finished",
        ),
        (faults.Busy, StatusCode.UNAVAILABLE, f"commit default/s6@{ID} not finished"),
        (faults.RolledBack, StatusCode.UNKNOWN, "commit unexpectedly resulted in rollback"),
        (
            faults.AlreadyFinished,
            StatusCode.UNKNOWN,
            f"commit default/s1@{ID} has already finished",
        ),
        (
            faults.OutputBranch,
            StatusCode.UNKNOWN,
            "cannot start a commit on an output branch: default/out@master",
        ),
        (faults.Collision, StatusCode.UNKNOWN, "file / directory path collision (/a/b)"),
        (
            faults.TooLarge,
            StatusCode.RESOURCE_EXHAUSTED,
            "grpc: received message larger than max (22020117 vs. 20971520)",
        ),
        (faults.PfsError, StatusCode.UNIMPLEMENTED, "unknown method X for service pfs_v2.API"),
        (faults.PfsError, StatusCode.UNKNOWN, "EOF"),
    ],
)
def test_refusals_are_told_apart(kind: type[faults.PfsError], code: StatusCode, text: str):
    fault = kind_of(code, text)
    assert type(fault) is kind
    assert (fault.code, fault.text) == (code, text)


@pytest.mark.parametrize(
    ("code", "text", "sent"),
    [
        (StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: ...", False),
        (StatusCode.UNAVAILABLE, "DNS resolution failed for pachd:30650: ...", False),
        (StatusCode.UNAVAILABLE, "Stream removed (Socket closed)", True),
        (StatusCode.UNAVAILABLE, "keepalive watchdog timeout", True),
        (StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", True),
        (StatusCode.CANCELLED, "Received RST_STREAM with error code 8", True),
        (StatusCode.INTERNAL, "Internal error from Core", True),
        (StatusCode.UNKNOWN, "watcher cancelled: context canceled", True),
    ],
)
def test_no_answer_says_whether_the_call_may_have_been_done(
    code: StatusCode, text: str, sent: bool
):
    fault = kind_of(code, text)
    assert isinstance(fault, faults.Unreachable)
    assert fault.sent is sent


def test_a_deadline_that_pachd_saw_first_is_one():
    text = "inspect finishing or finished commit: watcher cancelled: context deadline exceeded"
    fault = kind_of(StatusCode.UNKNOWN, text)
    assert isinstance(fault, faults.Unreachable)
    assert fault.code is StatusCode.DEADLINE_EXCEEDED


def test_a_panic_of_pachd_keeps_its_first_line_only():
    fault = kind_of(StatusCode.ABORTED, "panic: nil pointer\ngoroutine 7 [running]:\nmain.go:1")
    assert fault.text == "panic: nil pointer"


def test_a_text_without_end_is_cut():
    assert len(kind_of(StatusCode.UNKNOWN, "x" * 1_000_000).text) == faults.TEXT_CHARS_MAX


def test_an_answer_of_grpc_is_classified_by_status_and_text():
    none = grpc.aio.Metadata()
    error = grpc.aio.AioRpcError(StatusCode.UNKNOWN, none, none, "x has already finished")
    assert isinstance(faults.classify(error), faults.AlreadyFinished)
    empty = faults.classify(grpc.aio.AioRpcError(StatusCode.UNKNOWN, none, none, None))
    assert (type(empty), empty.text) == (faults.PfsError, "")


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        (errors.NoRepo, StatusCode.NOT_FOUND, "repo default/x not found"),
        (errors.NoRepo, StatusCode.NOT_FOUND, 'project "x" not found'),
        (errors.NoRef, StatusCode.NOT_FOUND, 'branch "x" not found in repo default/x'),
        (errors.NoCommit, StatusCode.NOT_FOUND, f"commit default/x@{ID} not found"),
        (errors.Unavailable, StatusCode.NOT_FOUND, f"tracker does not contain item: ({ID})"),
        (errors.AlreadyExists, StatusCode.ALREADY_EXISTS, "repo default/x already exists"),
        (errors.Denied, StatusCode.PERMISSION_DENIED, "needs permissions [REPO_READ]"),
        (errors.Denied, StatusCode.UNAUTHENTICATED, "no authentication token"),
        (errors.ReadOnly, StatusCode.UNKNOWN, "cannot start a commit on an output branch: x"),
        (errors.Unavailable, StatusCode.UNAVAILABLE, "failed to connect to all addresses"),
        (errors.Unavailable, StatusCode.UNKNOWN, "commit unexpectedly resulted in rollback"),
        (errors.Unavailable, StatusCode.INTERNAL, ""),
    ],
)
def test_what_the_store_says_of_it(kind: type[errors.StoreError], code: StatusCode, text: str):
    said = refused(kind_of(code, text))
    assert type(said) is kind
    assert text in str(said)


def test_what_the_store_says_is_short():
    said = refused(kind_of(StatusCode.UNKNOWN, "first\n" + "x" * 5000))
    assert len(str(said)) < 400
    assert "first" not in str(said)
