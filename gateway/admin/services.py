"""What the admin app works with, and who is asking it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.auth.access import Access
from gateway.auth.credentials import Key
from gateway.auth.gate import Gate
from gateway.auth.identity import Identity
from gateway.deliveries.desk import Desk
from gateway.lineage.recorder import Recorder
from gateway.observability.metrics import Metrics
from gateway.protocol.request import Request
from gateway.triggers.shelf import Shelf
from gateway.versioning.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """Put together by the composition root.

    version: of this program. clock: now, in milliseconds since 1970 UTC. desk: what others are
    told of commits. recorder: describes what is written. triggers: where
    they are kept; trigger_commands: whether they may run programs.
    """

    store: Store
    metrics: Metrics
    gate: Gate
    version: str
    clock: Callable[[], int]
    desk: Desk
    recorder: Recorder
    triggers: Shelf
    trigger_commands: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed request, the services at hand, and whose key signed."""

    services: Services
    identity: Identity
    request: Request

    @property
    def store(self) -> Store:
        """The store behind every repo."""
        return self.services.store

    @property
    def key(self) -> Key:
        """The key that signed, with its grants."""
        return self.identity.key

    @property
    def request_id(self) -> str:
        """The id of the request, as the log has it."""
        return self.request.id

    @property
    def access(self) -> Access:
        """What the request may do."""
        services = self.services
        return Access(services.store, self.identity, self.request, services.clock)
