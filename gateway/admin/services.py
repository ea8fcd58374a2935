"""What the admin app works with, and who is asking it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.auth.credentials import Key
from gateway.auth.gate import Gate, Identity
from gateway.observability.metrics import Metrics
from gateway.versioning.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """Put together by the composition root.

    version: of this program. clock: now, in milliseconds since 1970 UTC.
    """

    store: Store
    metrics: Metrics
    gate: Gate
    version: str
    clock: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed request: the services at hand, whose key signed, and the id of the request."""

    services: Services
    identity: Identity
    request_id: str

    @property
    def store(self) -> Store:
        """The store behind every repo."""
        return self.services.store

    @property
    def key(self) -> Key:
        """The key that signed, with its grants."""
        return self.identity.key
