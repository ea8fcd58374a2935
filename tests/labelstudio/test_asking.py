"""What Label Studio itself says of its tasks: a real one, and answers that a real one may give."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from labels import annotation, encoded
from live import live_gateway
from receivers import Answer, Posted, receiving
from studios import Desk, pictures, texts
from waiting import until

from gateway.labelstudio.client import Client, NoAnswer, Project, Storage
from gateway.labelstudio.tasks import Tasks
from gateway.lineage.uris import SourceUri

Handler = Callable[[httpx.Request], httpx.Response]


def asked(handler: Handler, token: str = "legacy") -> Client:
    http = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return Client(http, "http://studio", token)


class Studio:
    """A Label Studio's answers. storages, files: of project 1; files: the key of each task."""

    def __init__(self) -> None:
        self.storages: list[Storage] = [Storage("master.raw", "reviews")]
        self.files: list[tuple[int, str | None]] = []
        self.pages: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        match request.url.path:
            case "/api/projects/":
                one = {"id": 1, "task_number": len(self.files)}
                return httpx.Response(200, json={"results": [one], "next": None})
            case "/api/storages/s3/":
                return httpx.Response(200, json=[one._asdict() for one in self.storages])
            case "/api/tasks":
                page, size = int(query["page"]), int(query["page_size"])
                self.pages.append(page)
                rows = self.files[(page - 1) * size : page * size]
                if not rows and page > 1:
                    return httpx.Response(404, json={"detail": "Invalid page."})
                tasks = [{"id": task, "storage_filename": key} for task, key in rows]
                return httpx.Response(200, json={"tasks": tasks})
        return httpx.Response(500)


@pytest.mark.labelstudio
def test_a_real_label_studio_says_of_which_file_each_task_is(http_desk: Desk) -> None:
    work, shown = texts(http_desk, naming=False), pictures(http_desk)

    async def look() -> Tasks:
        async with httpx.AsyncClient(trust_env=False) as http:
            studio = http_desk.studio
            tasks = Tasks(Client(http, studio.url, studio.login.token))
            await tasks.look()
            return tasks

    known = asyncio.run(look())
    for number, task in enumerate(work.api.tasks(work.project), 1):
        assert known.named(work.project, task["id"]) == SourceUri(
            work.raw.bucket, f"reviews/{number:03}.json"
        )
    task = shown.api.tasks(shown.project)[0]["id"]
    assert known.named(shown.project, task) == SourceUri(shown.raw.bucket, "scenes/scene-1.png")
    assert known.named(work.project, task) is None
    assert known.named(None, task) is None


def test_only_what_is_new_is_asked_for() -> None:
    studio = Studio()
    studio.files = [(n, f"reviews/{n}.json") for n in range(1, 1201)]

    async def look() -> None:
        tasks = Tasks(asked(studio))
        await tasks.look()
        assert studio.pages == [1, 2, 3]
        await tasks.look()
        assert studio.pages == [1, 2, 3]
        studio.files += [(1201, "reviews/new.json")]
        await tasks.look()
        assert studio.pages == [1, 2, 3, 3]
        assert tasks.named(1, 1201) == SourceUri("master.raw", "reviews/new.json")
        del studio.files[:700]
        await tasks.look()
        assert studio.pages == [1, 2, 3, 3, 1, 2]

    asyncio.run(look())


@pytest.mark.parametrize(
    ("storages", "bucket"),
    [
        ([], None),
        ([Storage("raw", "")], "raw"),
        ([Storage("raw", "reviews/")], "raw"),
        ([Storage("raw", "review")], None),
        ([Storage("raw", "reviews"), Storage("other", "pictures")], "raw"),
        ([Storage("raw", "reviews"), Storage("other", "")], None),
        ([Storage("raw", "reviews"), Storage("raw", "")], "raw"),
    ],
)
def test_a_file_is_of_the_one_storage_that_can_hold_it(
    storages: list[Storage], bucket: str | None
) -> None:
    studio = Studio()
    studio.storages, studio.files = storages, [(1, "reviews/1.json"), (2, None)]

    async def look() -> SourceUri | None:
        tasks = Tasks(asked(studio))
        await tasks.look()
        assert tasks.named(1, 2) is None
        return tasks.named(1, 1)

    found = asyncio.run(look())
    assert (found and found.bucket) == bucket


def test_a_personal_token_is_traded_and_traded_again_when_it_is_old() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/token/refresh":
            assert json.loads(request.content) == {"refresh": "a.b.c"}
            return httpx.Response(200, json={"access": f"access{len(seen)}"})
        seen.append(request.headers["authorization"])
        if len(seen) == 2:
            return httpx.Response(401)
        return httpx.Response(200, json={"results": [], "next": None})

    async def look() -> None:
        client = asked(handler, "a.b.c")
        await client.projects()
        await client.projects()

    asyncio.run(look())
    assert seen == ["Bearer access0", "Bearer access0", "Bearer access2"]


def _gone(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("gone")


@pytest.mark.parametrize(
    "handler",
    [
        lambda _request: httpx.Response(401), lambda _request: httpx.Response(500),
        lambda _request: httpx.Response(200, text="<html>"), _gone,
    ],
)  # fmt: skip
def test_what_is_no_answer_says_so_without_the_token(handler: Handler) -> None:
    with pytest.raises(NoAnswer) as refused:
        asyncio.run(asked(handler, "secret-token").projects())
    assert "secret-token" not in str(refused.value)


def test_projects_come_in_pages() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        ids = range((page - 1) * 500, min(page * 500, 700))
        rows = [{"id": n, "task_number": 0} for n in ids]
        return httpx.Response(200, json={"results": rows, "next": "x" if page == 1 else None})

    found = asyncio.run(asked(handler).projects())
    assert (len(found), found[-1]) == (700, Project(699, 0))


def test_a_label_is_told_its_file_and_no_put_waits(tmp_path: Path) -> None:
    """Over the socket; the rest of Label Studio is played."""
    studio = Studio()
    studio.storages = [Storage("raw", "")]

    def answer(posted: Posted) -> Answer:
        response = studio(httpx.Request("GET", f"http://studio{posted.path}"))
        return response.status_code, {}, response.content

    with receiving() as receiver:
        receiver.answer = answer
        env = {"LABELGATE_LABELSTUDIO_URL": receiver.url, "LABELGATE_LABELSTUDIO_TOKEN": "token"}
        with live_gateway(tmp_path / "data", **env) as gateway:
            s3 = gateway.s3()
            for name in ("raw", "labels"):
                s3.create_bucket(Bucket=name)
            version = s3.put_object(Bucket="raw", Key="t.parquet", Body=b"PAR1")["VersionId"]
            studio.files = [(11, "t.parquet")]
            until(lambda: studio.pages, "it is asked")

            def evidence() -> Any:
                form = annotation({"text": "x"}, project=1)
                form["lead_time"] = len(receiver.got)
                s3.put_object(Bucket="labels", Key="4", Body=encoded(form))
                head = s3.head_object(Bucket="labels", Key="4")["ResponseMetadata"]
                return head["HTTPHeaders"].get("x-amz-meta-lineage-sources")

            assert until(evidence, "it is told") == f"s3://{version}.master.raw/t.parquet"
            assert receiver.got[0].headers["authorization"] == "Token token"
            assert "token" not in gateway.log.read_text()
