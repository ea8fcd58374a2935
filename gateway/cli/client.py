"""A client of the JSON API, for the commands."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from gateway.cli.errors import CommandError, NotReachable
from gateway.protocol import sigv4

API = "/-/api/v1"
TIMEOUT = httpx.Timeout(60, connect=5)

_HINTS = {
    "NoRepo": "`labelgate repo list` shows the repos this key may read",
    "NoRef": "`labelgate branch list` and `labelgate tag list` show what there is",
    "NoCommit": "`labelgate log REF` shows the commits of a branch",
    "NoKey": "a REF with a commit in front (<commit>.<repo>) shows what was there before",
    "NoVersion": "`labelgate log REF KEY` shows the commits that changed the key",
    "NotEmpty": "--force deletes it all the same",
    "ReadOnly": "`labelgate tag delete` deletes tags, `labelgate branch delete` branches",
    "Unavailable": "nothing was changed; try again",
    "Conflicts": "`--dry-run --json` lists them; --policy source or destination decides them",
    "HeadMoved": "somebody wrote meanwhile: look at `labelgate log`, and try again",
    "NotConfirmed": "give it with --confirm REPO",
    "RequestTimeTooSkewed": "set the clock of this machine",
}
_KEY_REFUSED = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key to sign with. origin: where it was found, for messages."""

    access_key_id: str
    secret_access_key: str
    origin: str


class Client:
    """Signed requests to one server.

    keys: tried in order while the server does not know them. absent: what it means when nothing
    answers, and what to do then.
    """

    def __init__(self, endpoint: str, keys: Sequence[KeyPair], absent: NotReachable) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._keys = list(keys)
        self._absent = absent
        # A proxy of the environment cannot reach this machine's own loopback.
        self._http = httpx.Client(timeout=TIMEOUT, trust_env=not _is_loopback(endpoint))

    @property
    def key(self) -> KeyPair:
        """The key that requests are signed with: once one was answered, one the server knows."""
        return self._keys[0]

    @property
    def endpoint(self) -> str:
        """The base URL, without a final slash."""
        return self._endpoint

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def get(self, *path: str, **query: str | int | None) -> dict[str, Any]:
        """The document at an address below the API. Raises CommandError, NotReachable."""
        return self._request("GET", path, query)

    def post(self, *path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What was made. Raises as get."""
        return self._request("POST", path, {}, json.dumps(body).encode())

    def put(self, *path: str) -> dict[str, Any]:
        """Set what the address names. Raises as get."""
        return self._request("PUT", path, {})

    def delete(self, *path: str, **query: str | int | None) -> dict[str, Any]:
        """Take it away; what was left behind, if anything. Raises as get."""
        return self._request("DELETE", path, query)

    def pages(self, *path: str, **query: str | int | None) -> Iterator[dict[str, Any]]:
        """The document and the pages that follow it. Raises as get."""
        while True:
            page = self.get(*path, **query)
            yield page
            if page["next_after"] is None:
                return
            query["after"] = page["next_after"]

    def _request(
        self,
        method: str,
        path: Sequence[str],
        query: Mapping[str, str | int | None],
        body: bytes = b"",
    ) -> dict[str, Any]:
        target = "/".join([API, *(quote(part, safe="") for part in path)])
        asked = {name: value for name, value in query.items() if value is not None}
        if asked:
            target += "?" + urlencode(asked, quote_via=quote)
        while True:
            response = self._send(method, target, body)
            answer = _document(response)
            if response.is_success:
                return answer
            error = answer["error"]
            if error["code"] in _KEY_REFUSED and len(self._keys) > 1:
                self._keys.pop(0)
                continue
            raise self._refused(error)

    def _send(self, method: str, target: str, body: bytes) -> httpx.Response:
        headers = {"content-type": "application/json"} if body else {}
        try:
            request = self._http.build_request(
                method, self._endpoint + target, content=body, headers=headers
            )
            key = self._keys[0]
            signed = sigv4.sign(
                method,
                request.url.raw_path.decode("ascii"),
                {"host": request.headers["host"], **headers},
                sha256=hashlib.sha256(body).hexdigest(),
                access_key_id=key.access_key_id,
                secret=key.secret_access_key,
                now_ms=time.time_ns() // 1_000_000,
            )
            request.headers.update(signed)
            return self._http.send(request)
        except httpx.TimeoutException:
            raise NotReachable(
                f"{self._endpoint} does not answer in time", "look at the log of the server"
            ) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise NotReachable(f"{self._absent} ({error})", self._absent.hint) from None

    def _refused(self, error: Mapping[str, Any]) -> CommandError:
        code, message = error["code"], error["message"]
        hint = _HINTS.get(code, "")
        if code in _KEY_REFUSED:
            hint = f"the key used is {self._keys[0].origin}"
        return CommandError(f"{message} [{code}]", hint)


def _document(response: httpx.Response) -> dict[str, Any]:
    """The JSON object that was answered; empty where there is no body. Raises NotReachable."""
    if response.status_code == httpx.codes.NO_CONTENT:
        return {}
    try:
        answer = response.json()
        if isinstance(answer, dict) and (response.is_success or "code" in answer["error"]):
            return answer
    except (ValueError, KeyError, TypeError):
        pass
    raise NotReachable(
        f"{response.url.scheme}://{response.url.netloc.decode()} answers, "
        f"but not as labelgate does (HTTP {response.status_code})",
        "look at what listens there, and at LABELGATE_ENDPOINT",
    )


def _is_loopback(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
