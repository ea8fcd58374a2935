"""What is measured: each function gives samples of ours and of the peer, in the unit of its row."""

from __future__ import annotations

import base64
import hashlib
import os
import statistics
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ET  # what we parse is what the two servers wrote
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

from bench.client import Connection, Server, at_once, prepared

KIB, MIB = 1024, 1024 * 1024
BRANCH = "master"
_RUN = f"{os.getpid():x}{int(time.time()):x}"


@dataclass(frozen=True, slots=True)
class Samples:
    """Figures of either side."""

    ours: list[float]
    peer: list[float]


def _send(server: Server, method: str, path: str, body: bytes = b"", **more: str) -> bytes:
    connection = Connection(server)
    try:
        return connection.send(prepared(server, method, path, body, more or None)).body
    finally:
        connection.close()


@cache
def _bucket(server: Server, use: str) -> str:
    """A bucket of this run; both servers see it."""
    name = f"{BRANCH}.bench-{use}-{_RUN}"
    _send(server, "PUT", f"/{name}")
    return name


def _ms(server: Server, times: int, method: str, path: str, body: bytes = b"") -> list[float]:
    """Milliseconds of one request after the other on one connection."""
    connection = Connection(server)
    found = []
    for _ in range(times):
        request = prepared(server, method, path, body)
        start = time.perf_counter()
        connection.send(request)
        found.append((time.perf_counter() - start) * 1000)
    connection.close()
    return found


def _fill(ours: Server, use: str, keys: list[str], size: int) -> str:
    """Put objects of `size` bytes through ours, many at once."""
    bucket = _bucket(ours, use)
    waiting = iter(keys)
    body = os.urandom(size)

    lock = threading.Lock()

    def put() -> None:
        connection = Connection(ours)
        while True:
            with lock:
                key = next(waiting, None)
            if key is None:
                break
            connection.send(prepared(ours, "PUT", f"/{bucket}/{key}", body))
        connection.close()

    threads = [threading.Thread(target=put) for _ in range(min(64, len(keys)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return bucket


def _seen(peer: Server, path: str) -> None:
    """Wait until the peer can read what was just written."""
    end = time.monotonic() + 120
    while True:
        try:
            _send(peer, "HEAD", path)
        except RuntimeError:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)
        else:
            return


# ---- the rows


def lone_put(ours: Server, peer: Server) -> Samples:
    def run(server: Server, times: int) -> list[float]:
        bucket = _bucket(server, f"lone-{server.name}")
        found = []
        for number in range(times):
            found += _ms(server, 1, "PUT", f"/{bucket}/k{number}", os.urandom(2 * KIB))
            time.sleep(0.5)  # a lone writer: the commit before is finished
        return found

    return Samples(run(ours, 20), run(peer, 10))


def put_rate(ours: Server, peer: Server, *, clients: int, seconds: float, use: str) -> Samples:
    def run(server: Server) -> list[float]:
        bucket = _bucket(server, f"{use}-{server.name}")
        body = os.urandom(2 * KIB)
        start = time.perf_counter()
        done = at_once(
            server,
            clients,
            seconds,
            lambda client, number: prepared(server, "PUT", f"/{bucket}/c{client}/{number}", body),
        )
        return [len(done) / (time.perf_counter() - start)]

    return Samples(run(ours), run(peer))


def get_rate(ours: Server, peer: Server, *, clients: int) -> Samples:
    bucket = _fill(ours, "get", ["one"], KIB)
    _seen(peer, f"/{bucket}/one")

    def run(server: Server, seconds: float) -> list[float]:
        request = prepared(server, "GET", f"/{bucket}/one")
        start = time.perf_counter()
        done = at_once(server, clients, seconds, lambda _client, _number: request)
        return [len(done) / (time.perf_counter() - start)]

    return Samples(run(ours, 3), run(peer, 10))


def head(ours: Server, peer: Server) -> Samples:
    bucket = _bucket(ours, "head")
    _send(ours, "PUT", f"/{bucket}/big", os.urandom(50 * MIB))
    _seen(peer, f"/{bucket}/big")
    path = f"/{bucket}/big"
    return Samples(_ms(ours, 200, "HEAD", path), _ms(peer, 7, "HEAD", path))


def ranged(ours: Server, peer: Server, *, again: bool) -> Samples:
    """64 KiB out of objects that the gateway has not read yet; then once more.

    pachd has read each of them once, so that neither side is measured while it wakes up: its first
    reading of an object takes some 0.3 s more for whoever asks.
    """

    def run(server: Server) -> list[float]:
        bucket = _bucket(peer, f"range-{server.name}")
        keys = [f"big{number}" for number in range(3)]
        if not again:
            for key in keys:
                _send(peer, "PUT", f"/{bucket}/{key}", os.urandom(64 * MIB))
        start_at = 30 * MIB
        span = {"range": f"bytes={start_at}-{start_at + 64 * KIB - 1}"}
        found = []
        for key in keys:
            if not again:
                _send(peer, "GET", f"/{bucket}/{key}", b"", **span)
            connection = Connection(server)
            for _ in range(5 if again else 1):
                request = prepared(server, "GET", f"/{bucket}/{key}", headers=span)
                start = time.perf_counter()
                got = connection.send(request)
                found.append((time.perf_counter() - start) * 1000)
                if len(got.body) != 64 * KIB:
                    raise RuntimeError(f"{server.name} answered {len(got.body)} bytes")
            connection.close()
        return found

    return Samples(run(ours), run(peer))


def listing(ours: Server, peer: Server) -> Samples:
    keys = [f"d{number // 100:03}/{number:05}" for number in range(10_000)]
    bucket = _fill(ours, "list", keys, 16)
    _seen(peer, f"/{bucket}/{keys[-1]}")

    def run(server: Server, pages: Callable[[Server, str], Iterator[int]]) -> float:
        start = time.perf_counter()
        count = sum(pages(server, bucket))
        if count != len(keys):
            raise RuntimeError(f"{server.name} listed {count} of {len(keys)} keys")
        return (time.perf_counter() - start) * 1000

    return Samples(
        [run(ours, _pages_v2) for _ in range(5)], [run(peer, _pages_v1) for _ in range(2)]
    )


def _pages_v2(server: Server, bucket: str) -> Iterator[int]:
    token = ""
    while True:
        more = f"&continuation-token={urllib.parse.quote(token, safe='')}" if token else ""
        page = ET.fromstring(_send(server, "GET", f"/{bucket}?list-type=2{more}"))
        yield len(page.findall("{*}Contents"))
        token = page.findtext("{*}NextContinuationToken") or ""
        if not token:
            return


def _pages_v1(server: Server, bucket: str) -> Iterator[int]:
    """By ListObjects V1: the peer leaves most keys out of a V2 listing, without an error."""
    marker = ""
    while True:
        more = f"?marker={urllib.parse.quote(marker, safe='')}" if marker else ""
        page = ET.fromstring(_send(server, "GET", f"/{bucket}{more}"))
        found = [one.text or "" for one in page.findall("{*}Contents/{*}Key")]
        yield len(found)
        if page.findtext("{*}IsTruncated") != "true":
            return
        marker = page.findtext("{*}NextMarker") or found[-1]


def delete(ours: Server, peer: Server) -> Samples:
    found = []
    for server in (ours, peer):
        keys = [f"k{number:04}" for number in range(1000)]
        bucket = _fill(ours, f"delete-{server.name}", keys, 16)
        _seen(peer, f"/{bucket}/{keys[-1]}")
        named = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
        body = f"<Delete><Quiet>true</Quiet>{named}</Delete>".encode()
        found.append(_ms_delete(server, bucket, body))
    return Samples([found[0]], [found[1]])


def _ms_delete(server: Server, bucket: str, body: bytes) -> float:
    md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    start = time.perf_counter()
    _send(server, "POST", f"/{bucket}?delete", body, **{"content-md5": md5})
    return (time.perf_counter() - start) * 1000


def multipart(ours: Server, peer: Server) -> Samples:
    body = os.urandom(8 * MIB)
    sizes = [8 * MIB] * 12 + [4 * MIB]

    def run(server: Server) -> float:
        bucket = _bucket(server, f"parts-{server.name}")
        path = f"/{bucket}/big"
        start = time.perf_counter()
        made = ET.fromstring(_send(server, "POST", f"{path}?uploads"))
        upload = made.findtext("{*}UploadId")
        etags = []
        connection = Connection(server)
        for number, size in enumerate(sizes, start=1):
            part = f"{path}?partNumber={number}&uploadId={upload}"
            answer = connection.send(prepared(server, "PUT", part, body[:size]))
            headers = {name.lower(): value for name, value in answer.headers.items()}
            etags.append(headers["etag"])
        connection.close()
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in enumerate(etags, start=1)
        )
        done = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        _send(server, "POST", f"{path}?uploadId={upload}", done)
        return (time.perf_counter() - start) * 1000

    return Samples([statistics.median(run(ours) for _ in range(3))], [run(peer)])


WORK: list[tuple[str, str, Callable[[Server, Server], Samples]]] = [
    ("lone PUT 2 KB", "ms", lone_put),
    (
        "PUT 2 KB, 8 at once, burst of 5 s",
        "/s",
        partial(put_rate, clients=8, seconds=5, use="burst"),
    ),
    (
        "PUT 2 KB, 8 at once, sustained",
        "/s",
        partial(put_rate, clients=8, seconds=30, use="eight"),
    ),
    (
        "PUT 2 KB, 64 at once, sustained",
        "/s",
        partial(put_rate, clients=64, seconds=30, use="many"),
    ),
    ("GET 1 KB again and again, 1 connection", "/s", partial(get_rate, clients=1)),
    ("GET 1 KB again and again, 32 connections", "/s", partial(get_rate, clients=32)),
    ("HEAD of 50 MiB", "ms", head),
    ("64 KiB of 64 MiB, first", "ms", partial(ranged, again=False)),
    ("64 KiB of 64 MiB, again", "ms", partial(ranged, again=True)),
    ("list all of 10,000 keys", "ms", listing),
    ("DeleteObjects of 1,000", "ms", delete),
    ("multipart 100 MiB", "ms", multipart),
]
"""Each row: its name, its unit, and what measures it."""
