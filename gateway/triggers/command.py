"""Commands: a program of this machine, without a shell, in a group of its own, for so long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from gateway.deliveries.channel import Undelivered
from gateway.triggers.model import Trigger
from gateway.triggers.shelf import Firing
from gateway.versioning.names import BucketName

OUTPUT_CHARS_MAX = 4000
# What a program needs to find other programs, its own settings and a place for its files. Keys of
# the gateway's are none of its business.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE")
_END_S = 5.0


async def run(trigger: Trigger, firing: Firing, folder: Path, environ: Mapping[str, str]) -> str:
    """Run it; the end of what it printed. Raises Undelivered where it fails or takes too long."""
    env = {name: environ[name] for name in _KEPT if name in environ} | variables(trigger, firing)
    try:
        process = await asyncio.create_subprocess_exec(
            *trigger.do.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=folder,
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        raise Undelivered(f"{trigger.do.argv[0]}: {error.strerror}", answered=True) from None
    reading = asyncio.create_task(_end_of(process.stdout))
    try:
        async with asyncio.timeout(trigger.do.seconds):
            code = await process.wait()
    except TimeoutError:
        await _end(process)
        output = await reading
        raise Undelivered(
            f"it took longer than {trigger.do.seconds:g} s\n{output}", answered=True
        ) from None
    except asyncio.CancelledError:
        await asyncio.shield(_end(process))
        reading.cancel()
        raise
    output = await reading
    if code:
        raise Undelivered(f"exit code {code}\n{output}", answered=True)
    return output


def variables(trigger: Trigger, firing: Firing) -> dict[str, str]:
    """What it is told, as environment variables."""
    repo = trigger.repo
    pinned = BucketName(repo, firing.ref.split(".")[0], firing.commit)
    return {
        "LABELGATE_TRIGGER": trigger.name,
        "LABELGATE_FIRING": firing.id,
        "REF": firing.ref,
        "COMMIT": firing.commit,
        "PINNED": str(pinned),
        "SINCE": firing.since or "",
        "TEST": "1" if firing.test else "",
    }


async def _end_of(stream: asyncio.StreamReader | None) -> str:
    """The end of an output, however long that is."""
    assert stream is not None
    kept = b""
    while piece := await stream.read(64 * 1024):
        kept = (kept + piece)[-4 * OUTPUT_CHARS_MAX :]
    return kept.decode(errors="replace")[-OUTPUT_CHARS_MAX:].strip()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program and whatever it started: politely, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            async with asyncio.timeout(_END_S):
                await process.wait()
        except TimeoutError:
            continue
        if number == signal.SIGTERM:
            # Children that outlive it keep its output open.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return
