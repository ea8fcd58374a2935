"""The examples as data, and the one way to wire each into a Label Studio.

An example is a folder of `examples/`: a labeling config, storage settings just as Label Studio's
API takes them, and objects for the source bucket. Everything here may be done again: what is
there already is found and left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from examples.boxes.images import images
from scripts.environment import ROOT

if TYPE_CHECKING:
    from scripts.studio_api import Direction, Json, StudioApi

EXAMPLES = ROOT / "examples"


class SyncFailedError(Exception):
    """Label Studio read its source only in part, or not at all; the text is its own."""


@dataclass(frozen=True, slots=True)
class Example:
    """One example. read_objects: the source's objects, by their name below its prefix."""

    name: str
    title: str
    read_objects: Callable[[], Mapping[str, bytes]]

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return EXAMPLES / self.name

    @property
    def labeling_config(self) -> str:
        """The project's labeling config, XML."""
        return (self.folder / "labeling-config.xml").read_text(encoding="utf-8")

    def storage(self, direction: Direction) -> Json:
        """The settings of a storage, without the project it is for."""
        return self.settings(f"{direction}-storage")

    def settings(self, name: str) -> Json:
        """The settings of a storage by the name of their file, without the project it is for."""
        file = self.folder / f"{name}.json"
        settings: Json = json.loads(file.read_text(encoding="utf-8"))
        return settings

    def objects(self) -> dict[str, bytes]:
        """What to put into the source's bucket: key -> body."""
        prefix = self.storage("source")["prefix"]
        return {f"{prefix}/{name}": body for name, body in self.read_objects().items()}


def _task_files() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (EXAMPLES / "sentiment" / "tasks").iterdir()}


SENTIMENT = Example("sentiment", "Sentiment of reviews", _task_files)
BOXES = Example("boxes", "Boxes around shapes", images)
BY_NAME = {example.name: example for example in (SENTIMENT, BOXES)}


def upload(s3: Any, example: Example) -> int:
    """Make the example's buckets and put what is missing in the source's; how many were put.

    s3: a boto3 client. What is there already is not put again, as every PUT is a commit.
    """
    directions: tuple[Direction, ...] = ("source", "target")
    for direction in directions:
        s3.create_bucket(Bucket=example.storage(direction)["bucket"])
    bucket = example.storage("source")["bucket"]
    missing = [
        (key, body)
        for key, body in sorted(example.objects().items())
        if not _is_there(s3, bucket, key)
    ]
    for key, body in missing:
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    return len(missing)


def wire(api: StudioApi, example: Example, *, target: str = "target-storage") -> int:
    """The example's project in Label Studio, with its storages and its tasks; the project's id.

    target: the file with the settings of where labels go. Raises httpx.HTTPError, SyncFailedError.
    """
    project = _project(api, example)
    source = _storage(api, "source", project, example.storage("source"))
    _storage(api, "target", project, example.settings(target))
    synced = api.sync_storage("source", source)
    if synced["status"] != "completed":
        raise SyncFailedError(f"Label Studio could not read the source: {synced.get('traceback')}")
    return project


def _project(api: StudioApi, example: Example) -> int:
    for project in api.projects():
        if project["title"] == example.title:
            return int(project["id"])
    return int(api.create_project(example.title, example.labeling_config)["id"])


def _storage(api: StudioApi, direction: Direction, project: int, settings: Json) -> int:
    for storage in api.storages(direction, project):
        if (storage["bucket"], storage["prefix"]) == (settings["bucket"], settings["prefix"]):
            return int(storage["id"])
    return int(api.create_storage(direction, {**settings, "project": project})["id"])


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True
