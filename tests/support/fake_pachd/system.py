"""Calls about pachd itself, and about who asks."""

from __future__ import annotations

from fake_pachd.auth import CLUSTER
from fake_pachd.core import Caller, Core, method
from fake_pachd.wire import Empty, pfs, time_of

_NS = 1_000_000_000


class System:
    """Release and rights."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.version: tuple[int, int, int] = (2, 12, 0)

    @method("/versionpb_v2.API/GetVersion", "unary", Empty, token=False)
    async def get_version(self, request: Empty, caller: Caller) -> pfs.Version:
        major, minor, micro = self.version
        return pfs.Version(major=major, minor=minor, micro=micro)

    @method("/auth_v2.API/WhoAmI", "unary", pfs.WhoAmIRequest, token=False)
    async def who_am_i(self, request: pfs.WhoAmIRequest, caller: Caller) -> pfs.WhoAmIResponse:
        answer = pfs.WhoAmIResponse(username=self._core.auth.who(caller.token))
        until = self._core.auth.expiration(caller.token or "")
        if until is not None:
            answer.expiration.CopyFrom(time_of(int(until * _NS)))
        return answer

    @method("/auth_v2.API/Authorize", "unary", pfs.AuthorizeRequest, token=False)
    async def authorize(
        self, request: pfs.AuthorizeRequest, caller: Caller
    ) -> pfs.AuthorizeResponse:
        auth = self._core.auth
        subject = auth.who(caller.token)
        kind = pfs.ResourceType.Name(request.resource.type)
        resource = CLUSTER if kind == "CLUSTER" else (kind, request.resource.name)
        rights = {pfs.Permission.Name(number): number for number in request.permissions}
        lacking = auth.missing(subject, resource, list(rights))
        return pfs.AuthorizeResponse(
            authorized=not lacking,
            satisfied=[number for name, number in rights.items() if name not in lacking],
            missing=[rights[name] for name in lacking],
            principal=subject,
        )
