"""The few calls of Label Studio's REST API that the demo and the tests need.

One method a call, JSON in and out. An answer of 400 or more raises httpx.HTTPStatusError with the
answer's text, except where a method says that it returns the answer as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

import httpx

Json = dict[str, Any]
Direction = Literal["source", "target"]

# A sync and the deletion of many tasks run inside their request.
TIMEOUT_SECONDS = 180
_PATHS: dict[Direction, str] = {"source": "/api/storages/s3", "target": "/api/storages/export/s3"}


class StudioApi:
    """A signed-in client of one Label Studio. Several threads may share it."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Token {token}"},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def projects(self) -> list[Json]:
        """The newest 100 projects."""
        found: list[Json] = self._get("/api/projects/", page_size=100)["results"]
        return found

    def create_project(self, title: str, labeling_config: str) -> Json:
        """A new project. labeling_config: its XML."""
        return self._post("/api/projects/", {"title": title, "label_config": labeling_config})

    def storages(self, direction: Direction, project: int) -> list[Json]:
        """The S3 storages of a project."""
        found = self._get(_collection(direction), project=project)
        return list(found["results"] if isinstance(found, dict) else found)

    def validate_storage(self, direction: Direction, settings: Json) -> httpx.Response:
        """Label Studio's own check of a storage; the answer as it is."""
        return self._http.post(f"{_PATHS[direction]}/validate", json=settings)

    def create_storage(self, direction: Direction, settings: Json) -> Json:
        """A new S3 storage; settings name its `project`.

        Label Studio checks a target and writes the project's annotations to it before it answers.
        """
        return self._post(_collection(direction), settings)

    def sync_storage(self, direction: Direction, storage: int) -> Json:
        """Read a source, or write a target, now; the storage with its `status` afterwards."""
        return self._post(f"{_PATHS[direction]}/{storage}/sync", {})

    def tasks(self, project: int) -> list[Json]:
        """The first 500 tasks of a project with what is in them, by id."""
        found = self._get("/api/tasks", project=project, fields="all", page_size=500)
        return sorted(found["tasks"], key=lambda task: int(task["id"]))

    def count_tasks(self, project: int) -> int:
        """How many tasks the project has."""
        return int(self._get(f"/api/projects/{project}/")["task_number"])

    def annotate(
        self, task: int, result: Sequence[Json], *, skip: bool = False, lead_time: float = 4.2
    ) -> Json:
        """Submit an annotation (or skip the task), as the annotator's button does.

        lead_time: the seconds of work that the browser counted.
        """
        body = {"result": list(result), "was_cancelled": skip, "lead_time": lead_time}
        return self._post(f"/api/tasks/{task}/annotations/", body)

    def update_annotation(self, annotation: int, result: Sequence[Json]) -> Json:
        """Change an annotation, as the annotator's Update does."""
        path = f"/api/annotations/{annotation}/"
        answer = self._checked(self._http.patch(path, json={"result": list(result)}))
        changed: Json = answer.json()
        return changed

    def delete_annotation(self, annotation: int) -> None:
        """Delete one annotation."""
        self._checked(self._http.delete(f"/api/annotations/{annotation}/"))

    def bulk_delete_annotations(self, project: int, tasks: Sequence[int]) -> None:
        """Delete all annotations of these tasks by the data manager's action."""
        self._checked(
            self._http.post(
                "/api/dm/actions",
                params={"id": "delete_tasks_annotations", "project": project},
                json={"selectedItems": {"all": False, "included": list(tasks)}},
            )
        )

    def import_tasks(self, project: int, tasks: Sequence[Json]) -> None:
        """Import tasks, with annotations inside where they have some; no storage hears of it."""
        self._checked(self._http.post(f"/api/projects/{project}/import", json=list(tasks)))

    def _get(self, path: str, **params: Any) -> Any:
        return self._checked(self._http.get(path, params=params)).json()

    def _post(self, path: str, body: Mapping[str, Any]) -> Json:
        made: Json = self._checked(self._http.post(path, json=body)).json()
        return made

    @staticmethod
    def _checked(answer: httpx.Response) -> httpx.Response:
        if answer.is_error:
            request = answer.request
            raise httpx.HTTPStatusError(
                f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:2000]}",
                request=request,
                response=answer,
            )
        return answer


def _collection(direction: Direction) -> str:
    """The collection's path: with a final slash for sources, without one for targets."""
    return _PATHS[direction] + ("/" if direction == "source" else "")
