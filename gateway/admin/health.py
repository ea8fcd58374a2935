"""Health and metrics: open to whoever can reach the port."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway.admin.services import Services
from gateway.versioning.errors import StoreError

METHODS = ["GET", "HEAD"]


def health_routes(services: Services) -> APIRouter:
    """`/-/healthz`, `/-/readyz`, `/-/metrics`."""
    routes = APIRouter(prefix="/-", include_in_schema=False)

    @routes.api_route("/healthz", methods=METHODS)
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @routes.api_route("/readyz", methods=METHODS)
    async def readyz() -> JSONResponse:
        try:
            await services.store.check()
        except StoreError as error:
            return JSONResponse({"status": "unavailable", "reason": str(error)}, 503)
        return JSONResponse({"status": "ready"})

    @routes.api_route("/metrics", methods=METHODS)
    async def metrics(request: Request) -> Response:
        page, content_type = services.metrics.render(request.headers.get("accept", ""))
        return Response(page, headers={"content-type": content_type})

    return routes
