"""The JSON API as an independent client sees it: signed by botocore, sent by httpx."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY

API = "/-/api/v1"


@dataclass(frozen=True)
class Api:
    """One key's view of the API of the server at `url`."""

    url: str
    access: str = ACCESS_KEY_ID
    secret: str = SECRET_ACCESS_KEY

    def get(self, path: str, /, **query: str | int) -> httpx.Response:
        return self.send("GET", API + path, query)

    def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return self.send("POST", API + path, body=json.dumps(body).encode())

    def delete(self, path: str, /, **query: str | int) -> httpx.Response:
        return self.send("DELETE", API + path, query)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        sent: bytes | None = None,
    ) -> httpx.Response:
        """Sign `body`, send `sent` in its place where it is given."""
        target = quote(path) + ("?" + urlencode(query, quote_via=quote) if query else "")
        request = AWSRequest(method, self.url + target, dict(headers or {}), body)
        if body and "content-type" not in request.headers:
            request.headers["content-type"] = "application/json"
        S3SigV4Auth(Credentials(self.access, self.secret), "s3", "eu-west-9").add_auth(request)
        signed = dict(request.headers.items())
        content = body if sent is None else sent
        return httpx.request(
            method, self.url + target, headers=signed, content=content, trust_env=False
        )


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error document of a refusal, after checking the shape that all of them have."""
    document = response.json()
    assert list(document) == ["error"]
    error: dict[str, Any] = document["error"]
    assert error["code"]
    assert error["message"]
    assert error["request_id"] == response.headers["x-request-id"]
    return error
