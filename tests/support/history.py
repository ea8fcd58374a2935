"""What a branch has gone through, as the JSON API tells it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from live import LiveGateway
from raw import signed


class Branch:
    """A branch of a repo, by the name of its bucket."""

    def __init__(self, gateway: LiveGateway, bucket: str) -> None:
        self.bucket = bucket
        self._gateway = gateway

    @property
    def head(self) -> str:
        """The newest commit."""
        newest: str = self._get(self.bucket, "log", limit=1)["commits"][0]["id"]
        return newest

    def log(self) -> list[dict[str, Any]]:
        """The newest 1,000 commits, newest first; `changes` is their number."""
        commits: list[dict[str, Any]] = self._get(self.bucket, "log", limit=1000)["commits"]
        return commits

    def since(self, commit: str) -> list[dict[str, Any]]:
        """The commits after that one, oldest first; `changes` is the list, with lineage."""
        ids = [one["id"] for one in self.log()]
        assert commit in ids, f"{commit} is no commit of {self.bucket}"
        return [self._with_changes(each) for each in reversed(ids[: ids.index(commit)])]

    def lineage(self, key: str, commit: str | None = None) -> dict[str, Any]:
        """The lineage record of the key, now or as that commit has it."""
        bucket = f"{commit}.{self.bucket}" if commit else self.bucket
        record: dict[str, Any] = self._get(bucket, "lineage", key=key)["record"]
        return record

    def _with_changes(self, commit: str) -> dict[str, Any]:
        page = self._get(f"{commit}.{self.bucket}", "commit")
        return {**page["commit"], "changes": page["changes"]}

    def _get(self, ref: str, what: str, **query: Any) -> dict[str, Any]:
        target = f"/-/api/v1/refs/{ref}/{what}"
        if query:
            target += "?" + urlencode(sorted(query.items()), quote_via=quote, safe="")
        answer = signed(self._gateway, "GET", target)
        assert answer.status == 200, f"{target}: {answer.status} {answer.body.decode()}"
        found: dict[str, Any] = json.loads(answer.body)
        return found
