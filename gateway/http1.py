"""HTTP/1.1 on a connection: uvicorn's protocol, where it does not hold for S3."""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS_MAX = 30


class Protocol(HttpToolsProtocol):
    """uvicorn's, with three things mended.

    It takes the trailers of a chunked body for headers of its request, which nobody signed. It
    waits for ever for the head of a request, so that silent connections would use up all files.
    And it loses the body of a request that asks for another protocol, as Java's HTTP client does
    with `Upgrade: h2c`; a server may answer such a one as it came (RFC 9110, 7.8).
    """

    parser: _Parser
    _waiting: asyncio.TimerHandle | None = None
    _upgrade: list[tuple[bytes, bytes]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = _Parser(self)
        self._upgrade = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn, and wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def on_message_begin(self) -> None:
        """As uvicorn, and wait for the rest of the head."""
        super().on_message_begin()
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        """As uvicorn, once a head is read that has a body as every other."""
        if self.parser.stops_here():
            return
        self._head_came()
        self.headers += self._upgrade
        self._upgrade = []
        super().on_headers_complete()
        self.headers = []  # what comes now is heard and forgotten; the scope has the list before

    def on_message_complete(self) -> None:
        """As uvicorn, for a message that had its body."""
        if not self.parser.stops_here():
            super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn, and wait no longer."""
        self._head_came()
        super().connection_lost(exc)

    def head_without_upgrade(self) -> bytes:
        """The head that was read last, for a parser; the application gets all of its headers."""
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            if name == b"upgrade":
                self._upgrade.append((name, value))
            else:
                lines.append(b"%b: %b" % (name, value))
        return b"\r\n".join([*lines, b"", b""])

    def _wait_for_head(self) -> None:
        self._head_came()
        self._waiting = self.loop.call_later(HEAD_SECONDS_MAX, self.transport.close)

    def _head_came(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class _Parser(httptools.HttpRequestParser):
    """httptools', which takes what follows a head with Upgrade for another protocol.

    This one reads that head a second time without Upgrade, and then what follows as its body.
    """

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._begin()

    def feed_data(self, data: bytes | memoryview) -> None:  # type: ignore[override]
        """As httptools; only CONNECT raises HttpParserUpgrade."""
        rest = memoryview(data)
        while rest:
            try:
                super().feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                if not self.stops_here():
                    raise
                rest = rest[upgrade.args[0] :]
                head = self._protocol.head_without_upgrade()
                self._begin()  # after `close` (and in HTTP/1.0) it would hear nothing more
                super().feed_data(head)
            else:
                return

    def stops_here(self) -> bool:
        """Whether the request being read is one whose head will be read again."""
        return self.should_upgrade() and self.get_method() != b"CONNECT"

    def _begin(self) -> None:
        super().__init__(self._protocol)
        # As uvicorn has it: what comes behind the last request of a connection is no error.
        self.set_dangerous_leniencies(lenient_data_after_close=True)
