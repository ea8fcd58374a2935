"""An S3 client, as far as commands that move objects need one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode
from xml.parsers.expat import ExpatError

import httpx
import xmltodict

from gateway.cli.client import KeyPair
from gateway.cli.errors import CommandError, NotReachable
from gateway.protocol import sigv4
from gateway.protocol.headers import encode_metadata

TIMEOUT = httpx.Timeout(300, connect=5)
_EMPTY = hashlib.sha256(b"").hexdigest()
_PIECE = 1024 * 1024

OURS = ".labelgate-"
"""How the names of files begin that are ours, beside those of objects."""


class Listed(NamedTuple):
    """An object of a list. etag: bare."""

    key: str
    size: int
    etag: str


class S3:
    """Requests by path; several threads may share it. Raises CommandError, NotReachable.

    key: None: unsigned. token: of a session. proxies: take those of the environment.
    """

    def __init__(
        self,
        endpoint: str,
        key: KeyPair | None,
        *,
        region: str = "us-east-1",
        token: str | None = None,
        proxies: bool = False,
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._key, self._region = key, region
        self._always = {"accept-encoding": "identity"}
        if token:
            self._always["x-amz-security-token"] = token
        try:
            self._http = httpx.Client(timeout=TIMEOUT, trust_env=proxies)
        except ImportError as error:
            raise CommandError(f"the proxy of the environment cannot be used: {error}") from None

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def objects(self, bucket: str, prefix: str = "") -> Iterator[Listed]:
        """Every object whose key begins so, by key."""
        query = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
        while True:
            with self._sent("GET", bucket, query=query) as response:
                found, following = self._page(response.read())
            yield from found
            if following is None:
                return
            query["continuation-token"] = following

    def _page(self, body: bytes) -> tuple[list[Listed], str | None]:
        try:
            page = xmltodict.parse(body, force_list=("Contents",))["ListBucketResult"]
            # Some write a space as `+` where they encode (AWS does), none leaves a `+` as it is.
            found = [
                Listed(
                    unquote_plus(one["Key"]), int(one["Size"]), (one.get("ETag") or "").strip('"')
                )
                for one in page.get("Contents", ())
            ]
            more = page["IsTruncated"] == "true"
            return found, str(page["NextContinuationToken"]) if more else None
        except (ExpatError, LookupError, TypeError, ValueError):
            raise CommandError(f"{self._endpoint} does not list a bucket as S3 does") from None

    def get(
        self, bucket: str, key: str, file: Path, *, md5: bool = True
    ) -> tuple[httpx.Headers, str]:
        """Write an object into a file; the answer's headers and the body's MD5.

        The file is whole or as it was. md5: an ETag without parts is the MD5 of the body, which
        elsewhere not all of them are.
        """
        named = hashlib.sha256(file.name.encode()).hexdigest()[:32]
        partial = file.with_name(f"{OURS}{named}.partial")
        digest = hashlib.md5(usedforsecurity=False)
        try:
            with self._sent("GET", bucket, key) as response, partial.open("wb") as out:
                for piece in response.iter_raw():
                    digest.update(piece)
                    out.write(piece)
            etag = response.headers.get("etag", "").strip('"')
            if md5 and "-" not in etag and digest.hexdigest() != etag:
                raise CommandError(f"{key}: the bytes that came are not the object's", "try again")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        return response.headers, digest.hexdigest()

    def put(self, bucket: str, key: str, file: Path, headers: Mapping[str, str]) -> None:
        """Make an object of a file. headers: of its content, and `x-amz-meta-*`."""
        with file.open("rb") as body:
            sha256 = hashlib.file_digest(body, "sha256").hexdigest()
            size = body.tell()
            body.seek(0)

            def pieces() -> Iterator[bytes]:
                left = size
                while left > 0 and (piece := body.read(min(left, _PIECE))):
                    left -= len(piece)
                    yield piece
                if left or body.read(1):
                    raise CommandError(f"{file} changed while it was sent", "try again")

            sent = {**headers, "content-length": str(size)}
            with self._sent("PUT", bucket, key, headers=sent, sha256=sha256, body=pieces()):
                pass

    def erase(self, bucket: str, key: str, version: str, message: str) -> None:
        """Erase a version. message: why. Raises CommandError also where there is none such."""
        # A DELETE of what is not there succeeds in S3: a wrong id would look like a right one.
        with self._sent("GET", bucket, key, query={"versionId": version}):
            pass
        [(name, words)] = encode_metadata({"labelgate-message": " ".join(message.split())})
        headers = {name: words} if message else {}
        with self._sent("DELETE", bucket, key, query={"versionId": version}, headers=headers):
            pass

    @contextmanager
    def _sent(
        self,
        method: str,
        bucket: str,
        key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        sha256: str = _EMPTY,
        body: Any = None,
    ) -> Iterator[httpx.Response]:
        path = "/" + "/".join(map(_segment, [bucket, *([] if key is None else key.split("/"))]))
        target = path + ("?" + urlencode(query, quote_via=quote) if query else "")
        told = {**self._always, **(headers or {})}
        try:
            request = self._http.build_request(
                method, self._endpoint + target, content=body, headers=told
            )
            if request.url.raw_path.decode("ascii") != target:
                raise CommandError(f"{key!r} of {bucket!r} cannot be asked for")
            self._sign(request, told, sha256)
            response = self._http.send(request, stream=True)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise NotReachable(f"{self._endpoint} does not answer S3 ({error})") from None
        except UnicodeError:
            raise CommandError(f"a header of {key!r} is not ASCII") from None
        try:
            if not response.is_success:
                raise _refused(response.read(), response.status_code)
            yield response
        except httpx.TransportError as error:
            raise NotReachable(f"the transfer broke off ({error})", "try again") from None
        finally:
            response.close()

    def _sign(self, request: httpx.Request, told: Mapping[str, str], sha256: str) -> None:
        if self._key is None:
            return
        signed = sigv4.sign(
            request.method,
            request.url.raw_path.decode("ascii"),
            {"host": request.headers["host"], **told},
            sha256=sha256,
            access_key_id=self._key.access_key_id,
            secret=self._key.secret_access_key,
            now_ms=time.time_ns() // 1_000_000,
            region=self._region,
        )
        request.headers.update(signed)


def _segment(text: str) -> str:
    """A part of a path. What is only dots would else be resolved before it is sent."""
    return text.replace(".", "%2E") if text in {".", ".."} else quote(text, safe="~")


def _refused(body: bytes, status: int) -> CommandError:
    try:
        error = xmltodict.parse(body)["Error"]
        return CommandError(f"{error['Message']} [{error['Code']}]")
    except Exception:  # noqa: BLE001 - whatever it is, it is no answer of ours
        return CommandError(f"S3 answered HTTP {status}, not as labelgate does")
