"""Requests as botocore signs them, in the form that we check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.auth import HmacV1Auth, HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gateway.protocol.request import Request, parse_query

KEY_ID, SECRET = "LGTESTACCESSKEYID000", "test/secret+key=with~odd.characters"
HOST = "127.0.0.1:9000"
NOW_MS = 1_795_536_000_000
CREDENTIALS = Credentials(KEY_ID, SECRET)


def signed_v4(
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    region: str = "us-east-1",
    expires: int | None = None,
) -> Request:
    """The request as S3SigV4Auth, or S3SigV4QueryAuth where it `expires`, signs it at NOW_MS."""
    auth: Any
    if expires is None:
        auth = S3SigV4Auth(CREDENTIALS, "s3", region)
    else:
        auth = S3SigV4QueryAuth(CREDENTIALS, "s3", region, expires=expires)
    return _as_sent(auth, method, target, headers, body)


def signed_v2(
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    *,
    expires: int | None = None,
) -> Request:
    """The same by HmacV1Auth or HmacV1QueryAuth."""
    if expires is None:
        return _as_sent(HmacV1Auth(CREDENTIALS), method, target, headers, b"")
    with patch("time.time", return_value=NOW_MS / 1000):
        auth = HmacV1QueryAuth(CREDENTIALS, expires=expires)
        return _as_sent(auth, method, target, headers, b"")


def _as_sent(
    auth: Any, method: str, target: str, headers: Mapping[str, str] | None, body: bytes
) -> Request:
    now = dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC)
    sent = AWSRequest(method, f"http://{HOST}{target}", dict(headers or {}), body)
    with (
        patch("botocore.auth.get_current_datetime", return_value=now),
        patch("botocore.auth.formatdate", return_value=now.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    ):
        auth.add_auth(sent)
    parts = urlsplit(sent.url)
    shown = {name.lower(): str(value) for name, value in sent.headers.items()}
    return Request(
        method, parts.path, parts.query, parse_query(parts.query), {"host": HOST, **shown}
    )
