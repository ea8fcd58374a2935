"""What pachd says no with, breaks off, or gets wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from sending import (
    BIG,
    COMMIT,
    PLENTY,
    REPO,
    UNREACHABLE,
    Sender,
    get,
    missing,
    opened,
    stored,
    until,
)

from gateway.stores.pachyderm.faults import Denied, PfsError
from gateway.stores.pachyderm.pfs import Place
from gateway.versioning import errors


@pytest.fixture
def sender() -> Sender:
    """Has no files yet."""
    return Sender()


async def test_a_failure_goes_to_all_who_wait_and_is_not_remembered(
    sender: Sender, tmp_path: Path
) -> None:
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    sender.gate = asyncio.Event()
    sender.fail = lambda call: UNREACHABLE
    readers = [asyncio.create_task(get(contents, content, 0, 10)) for _ in range(10)]
    await until(lambda: sender.calls)
    sender.gate.set()
    given = await asyncio.gather(*readers, return_exceptions=True)
    assert {type(error) for error in given} == {errors.Unavailable}
    assert len(sender.calls) == 1
    assert stored(tmp_path) == []
    sender.fail = lambda call: None
    assert await get(contents, content, 0, 10) == BIG[:10]
    await contents.close()


@pytest.mark.parametrize("bytes_max", [0, PLENTY])
@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (missing("commit"), errors.Corrupt, "was removed in Pachyderm"),
        (missing("repo"), errors.Corrupt, "was removed in Pachyderm"),
        (missing("project"), errors.Corrupt, "was removed in Pachyderm"),
        (missing("file"), errors.Corrupt, "no longer in commit"),
        (UNREACHABLE, errors.Unavailable, "does not answer"),
        (Denied(grpc.StatusCode.PERMISSION_DENIED, "needs REPO_READ"), errors.Denied, "REPO_READ"),
        (PfsError(grpc.StatusCode.UNKNOWN, "what?"), errors.Unavailable, "what?"),
    ],
)
async def test_what_pachd_refuses_is_said_in_our_words(
    sender: Sender,
    tmp_path: Path,
    bytes_max: int,
    answer: PfsError,
    error: type[Exception],
    text: str,
) -> None:
    content = sender.add(BIG)
    contents = opened(sender, tmp_path, bytes_max)
    sender.fail = lambda call: answer
    for stop in (10, len(BIG)):
        with pytest.raises(error, match=text):
            await get(contents, content, 0, stop)
    await contents.close()


@pytest.mark.parametrize("bytes_max", [0, PLENTY])
@pytest.mark.parametrize(
    ("recorded", "text"), [(len(BIG) + 1, "ends too early"), (len(BIG) - 1, "goes on behind")]
)
async def test_a_file_of_another_length_is_corrupt_and_its_end_is_not_kept(
    sender: Sender, tmp_path: Path, bytes_max: int, recorded: int, text: str
) -> None:
    content = replace(sender.add(BIG), size=recorded)
    contents = opened(sender, tmp_path, bytes_max)
    for _ in range(2):
        with pytest.raises(errors.Corrupt, match=text):
            await get(contents, content)
    await contents.close()


@pytest.mark.parametrize("bytes_max", [0, PLENTY])
async def test_a_call_that_breaks_off_is_taken_up_where_it_was(
    sender: Sender, tmp_path: Path, bytes_max: int
) -> None:
    sender.message_bytes = 700_000
    content = sender.add(BIG)
    contents = opened(sender, tmp_path, bytes_max)
    sender.fail = lambda call: UNREACHABLE if call.sent else None
    assert await get(contents, content) == BIG
    assert [call.offset for call in sender.calls] == list(range(0, len(BIG), 700_000))
    await contents.close()


@pytest.mark.parametrize("bytes_max", [0, PLENTY])
async def test_a_commit_under_way_is_read_from_its_file_set(
    sender: Sender, tmp_path: Path, bytes_max: int
) -> None:
    content = sender.add(BIG, at=Place.of_file_set("f" * 32))
    contents = opened(sender, tmp_path, bytes_max)
    assert await get(contents, content, file_set="f" * 32) == BIG
    assert {call.at for call in sender.calls} == {Place.of_file_set("f" * 32)}
    await contents.close()


@pytest.mark.parametrize("bytes_max", [0, PLENTY])
@pytest.mark.parametrize("held", [None, BIG[:1_500_000]])
async def test_where_the_file_set_is_gone_the_commit_is_read(
    sender: Sender, tmp_path: Path, bytes_max: int, held: bytes | None
) -> None:
    content = sender.add(BIG)
    if held is not None:
        sender.add(held, at=Place.of_file_set("f" * 32))
        sender.fail = lambda call: (
            missing("file_set") if call.sent and call.at != Place(REPO, COMMIT) else None
        )
    contents = opened(sender, tmp_path, bytes_max)
    assert await get(contents, content, file_set="f" * 32) == BIG
    assert sender.calls[-1].at == Place(REPO, COMMIT)
    await contents.close()
