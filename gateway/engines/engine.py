"""What the composition root gets of a store, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.auth.tokens import TokenVerifier
from gateway.observability.figures import StoreFigures
from gateway.observability.pachyderm import PachydermFigures
from gateway.versioning.store import Store


@dataclass(frozen=True, slots=True)
class Engine:
    """A store and what comes with it.

    figures: what it says of itself at a scrape; pachyderm: what it says beside, where it is in
    front of a Pachyderm. tokens: who knows the tokens that it gives out;
    None: it gives out none.
    """

    store: Store
    figures: Callable[[], StoreFigures]
    pachyderm: Callable[[], PachydermFigures] | None = None
    tokens: TokenVerifier | None = None
