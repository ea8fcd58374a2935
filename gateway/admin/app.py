"""The app under `/-/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway.admin.api import api
from gateway.admin.edge import App, Edge
from gateway.admin.errors import Refusal, answer
from gateway.admin.health import health_routes
from gateway.admin.services import Services
from gateway.protocol.errors import S3Error
from gateway.triggers.model import InvalidTrigger
from gateway.versioning.errors import StoreError

OPENAPI_PATH = "/-/api/openapi.json"
_BY_STATUS = {404: "NoSuchAddress", 405: "MethodNotAllowed"}
_DESCRIPTION = """\
Every request is signed with AWS Signature Version 4 (service `s3`, any region) by one of the keys
that S3 takes: `curl --aws-sigv4 aws:amz:us-east-1:s3 --user <id>:<secret> <url>`. The body's
SHA-256 is part of the signature: a client that does not send `x-amz-content-sha256` by itself
(curl before version 8) has to be given that header where there is a body.
"""


def create_admin(services: Services) -> App:
    """The ASGI app that answers under `/-/`: health, metrics, the JSON API and its OpenAPI."""
    app = FastAPI(
        title="labelgate",
        description=_DESCRIPTION,
        version=services.version,
        openapi_url=OPENAPI_PATH,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(health_routes(services))
    app.include_router(api)
    for kind in (StoreError, S3Error, InvalidTrigger, Refusal, Exception):
        app.add_exception_handler(kind, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_route)
    return Edge(app, services)


def _refused(request: Request, error: Exception) -> JSONResponse:
    refused = answer(error, request.state.request_id)
    return JSONResponse({"error": refused.error}, refused.status, refused.headers)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    """A parameter or body that does not fit: 400, with what does not fit where."""
    assert isinstance(error, RequestValidationError)
    problems = [_problem(one) for one in error.errors()]
    message = "; ".join(f"{one['where']}: {one['problem']}" for one in problems)
    return _refused(request, Refusal(400, "InvalidRequest", message, problems=problems))


def _problem(error: Mapping[str, Any]) -> dict[str, str]:
    return {"where": ".".join(str(part) for part in error["loc"]), "problem": str(error["msg"])}


def _no_route(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _BY_STATUS.get(error.status_code, "BadRequest")
    message = f"{request.method} {request.url.path}: {error.detail}; see {OPENAPI_PATH}"
    response = _refused(request, Refusal(error.status_code, code, message))
    response.headers.update(error.headers or {})
    return response
