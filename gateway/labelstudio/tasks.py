"""Knows from which object each task was made, as Label Studio does; asked beforehand.

A label has to be written at once, so nobody waits for Label Studio: what it says of tasks is
fetched in the background as they come to be, and is there when the first label of one comes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx

from gateway.labelstudio.client import PAGE, TIMEOUT, Client, NoAnswer, Project, Storage
from gateway.lineage.recorder import Named
from gateway.lineage.uris import SourceUri

log = logging.getLogger(__name__)

LOOK_S = 10.0
NAMES_MAX = 500_000
"""Some 150 bytes each; of a project with more the oldest tasks go."""


@dataclass(slots=True)
class _Known:
    """What is known of a project. tasks: how many it had. names: keys by the task's id."""

    tasks: int = 0
    names: dict[int, str] = field(default_factory=dict)
    sources: Sequence[Storage] = ()


class Tasks:
    """The objects that tasks were made from."""

    def __init__(self, client: Client, *, look_s: float = LOOK_S) -> None:
        self._client = client
        self._look_s = look_s
        self._projects: dict[int, _Known] = {}
        self._silent = False

    def named(self, project: int | None, task: int) -> SourceUri | None:
        """See gateway.lineage.recorder.Named. Answers at once."""
        known = None if project is None else self._projects.get(project)
        key = None if known is None else known.names.get(task)
        if known is None or key is None:
            return None
        buckets = {one.bucket for one in known.sources if _below(key, one.prefix)}
        # Two storages may hold such a key, and Label Studio does not say which it was.
        return SourceUri(buckets.pop(), key) if len(buckets) == 1 else None

    async def watch(self) -> None:
        """Ask again and again, for ever."""
        while True:
            try:
                await self.look()
                self._silent = False
            except NoAnswer as error:
                if not self._silent:
                    log.warning("Label Studio is not asked for the files of tasks: %s", error)
                self._silent = True
            except Exception:
                log.exception("Label Studio's answer is not understood")
            await asyncio.sleep(self._look_s)

    async def look(self) -> None:
        """Ask for what is new. Raises NoAnswer."""
        projects = await self._client.projects()
        for project in projects:
            known = self._projects.setdefault(project.id, _Known())
            if known.tasks != project.tasks:
                await self._catch_up(project, known)
        for gone in self._projects.keys() - {project.id for project in projects}:
            del self._projects[gone]

    async def _catch_up(self, project: Project, known: _Known) -> None:
        known.sources = await self._client.sources(project.id)
        if project.tasks < known.tasks:
            known.tasks = 0  # some were deleted, so that pages begin elsewhere
        page = known.tasks // PAGE + 1
        while True:
            found = await self._client.files(project.id, page)
            known.names.update((task, key) for task, key in found if key)
            if len(found) < PAGE:
                break
            page += 1
        known.tasks = project.tasks
        while len(known.names) > NAMES_MAX:
            del known.names[next(iter(known.names))]


def _below(key: str, prefix: str) -> bool:
    folder = prefix.strip("/")
    return not folder or key.startswith(f"{folder}/")


@asynccontextmanager
async def watched(url: str, token: str) -> AsyncIterator[Named]:
    """What a Label Studio knows of its tasks, while in context."""
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        tasks = Tasks(Client(http, url, token))
        watching = asyncio.create_task(tasks.watch())
        try:
            yield tasks.named
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
