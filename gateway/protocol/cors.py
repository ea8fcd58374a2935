"""CORS: what lets a browser read answers of ours from a page of Label Studio's.

Without a configuration of the bucket every origin may read: nothing here is guarded by cookies.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.protocol.errors import S3Error

METHODS = "GET, HEAD, PUT, POST, DELETE"
EXPOSED = (
    "Content-Length, Content-Range, Accept-Ranges, Content-Type, ETag, Last-Modified, "
    "x-amz-version-id, x-amz-delete-marker, x-amz-request-id, x-amz-id-2, x-labelgate-commit"
)
PREFLIGHT_SECONDS = 3000
# A cached answer without these would be served to a page that needs them, hence on every answer
# (HumanSignal/label-studio#4284).
ALWAYS = (
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", EXPOSED),
    ("vary", "Origin"),
)


def preflight(request_headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The answer to OPTIONS. Raises BadRequest (no origin or method), AccessForbidden (method)."""
    if not request_headers.get("origin"):
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    method = request_headers.get("access-control-request-method", "")
    if not method:
        raise S3Error("BadRequest", "Invalid Access-Control-Request-Method: null")
    if method not in METHODS.split(", "):
        raise S3Error("AccessForbidden", Method=method, ResourceType="OBJECT")
    asked = request_headers.get("access-control-request-headers", "")
    allowed = ", ".join(one.strip().lower() for one in asked.split(",") if one.strip())
    return (
        ("access-control-allow-methods", METHODS),
        *((("access-control-allow-headers", allowed),) if allowed else ()),
        ("access-control-max-age", str(PREFLIGHT_SECONDS)),
        ("vary", "Access-Control-Request-Headers, Access-Control-Request-Method"),
    )
