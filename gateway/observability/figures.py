"""What the store says of itself, asked anew at every scrape."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """What a store can say cheaply. byte_counts: by kind; objects: None where it cannot tell."""

    byte_counts: Mapping[str, int] = field(default_factory=dict)
    objects: int | None = None


class StoreCollector(Collector):
    """`labelgate_store_bytes{kind}` and `labelgate_store_objects`."""

    def __init__(self, ask: Callable[[], StoreFigures]) -> None:
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        """The figures of now; none where the store fails to say, as a scrape goes on without it."""
        try:
            figures = self._ask()
        except Exception:
            log.exception("the store could not give its figures")
            return
        sizes = GaugeMetricFamily(
            "labelgate_store_bytes",
            "What the store takes up, and what is free beside it.",
            labels=["kind"],
        )
        for kind, count in figures.byte_counts.items():
            sizes.add_metric([kind], count)
        yield sizes
        if figures.objects is not None:
            yield GaugeMetricFamily(
                "labelgate_store_objects", "Objects at the heads of all branches.", figures.objects
            )

    def describe(self) -> list[Metric]:
        """Nothing: the registry would otherwise ask the store when this is registered."""
        return []
