"""A client of Label Studio's REST API: the few calls that read what its labels do not say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import httpx

PAGE = 500
TIMEOUT = httpx.Timeout(30, connect=5)
_UNAUTHORIZED = 401
_NOT_FOUND = 404


class NoAnswer(Exception):
    """Label Studio did not answer, or not as it should; the text holds no secret."""


class Project(NamedTuple):
    """tasks: how many it has."""

    id: int
    tasks: int


class Storage(NamedTuple):
    """A source storage on S3: where its tasks are made from."""

    bucket: str
    prefix: str


class Client:
    """Signed requests to one Label Studio.

    token: a legacy token, or a personal access token, which is a JWT that is traded for others that
    last for minutes.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        self._http = http
        self._url = url
        self._token = token
        self._personal = token.count(".") == 2
        self._access: str | None = None

    async def projects(self) -> Sequence[Project]:
        """Every project that the token may see. Raises NoAnswer, as all of these."""
        found: list[Project] = []
        while True:
            page = len(found) // PAGE + 1
            answer = await self._get("/api/projects/", page=page, page_size=PAGE)
            found += [Project(one["id"], one["task_number"]) for one in answer["results"]]
            if answer["next"] is None:
                return found

    async def sources(self, project: int) -> Sequence[Storage]:
        """The S3 source storages of a project."""
        answer = await self._get("/api/storages/s3/", project=project)
        listed = answer["results"] if isinstance(answer, dict) else answer
        return [Storage(one["bucket"], one["prefix"] or "") for one in listed]

    async def files(self, project: int, page: int) -> Sequence[tuple[int, str | None]]:
        """Of the tasks of a page, which begins at 1: the id, and the key each was made from."""
        answer = await self._get(
            "/api/tasks", project=project, page=page, page_size=PAGE, fields="all"
        )
        tasks = [] if answer is None else answer["tasks"]
        return [(one["id"], one.get("storage_filename")) for one in tasks]

    async def _get(self, path: str, **query: Any) -> Any:
        """The document; None where there is no such page."""
        try:
            response = await self._asked(path, query)
            if response.status_code == _UNAUTHORIZED and self._personal:
                self._access = None
                response = await self._asked(path, query)
            if response.status_code == _NOT_FOUND:
                return None
            if not response.is_success:
                raise NoAnswer(f"GET {path}: HTTP {response.status_code}")
            return response.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            raise NoAnswer(f"GET {path}: {type(error).__name__}") from None

    async def _asked(self, path: str, query: dict[str, Any]) -> httpx.Response:
        scheme = "Token"
        token = self._token
        if self._personal:
            scheme, token = "Bearer", await self._traded()
        headers = {"authorization": f"{scheme} {token}"}
        return await self._http.get(self._url + path, params=query, headers=headers)

    async def _traded(self) -> str:
        if self._access is None:
            response = await self._http.post(
                f"{self._url}/api/token/refresh", json={"refresh": self._token}
            )
            if not response.is_success:
                raise NoAnswer(f"POST /api/token/refresh: HTTP {response.status_code}")
            self._access = str(response.json()["access"])
        return self._access
