"""What is counted of a store in front of Pachyderm."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

# A commit is finished in 0.3 s where nothing waits before it; a long way behind that it waits.
_SECONDS = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300)
_LOST_SECONDS = 600.0
_ENDED_KEPT = 64
_PREFIX = "labelgate_pachyderm"
_CACHE = {
    "hits": "Blocks of content that were read from the local cache.",
    "misses": "Blocks of content that were read from Pachyderm.",
    "evictions": "Blocks that made room for others.",
    "damaged": "Blocks that failed their check and were fetched again.",
    "failures": "Times that the cache could not use its folder.",
}


class HasId(Protocol):
    """A commit, as far as it matters here."""

    @property
    def id(self) -> str:
        """What it is known by."""


class PachydermEvents:
    """Counts what happens to commits on their way (the store's Events).

    monotonic: seconds on a clock that never goes back.
    """

    def __init__(
        self, registry: CollectorRegistry, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._on_their_way: dict[str, float] = {}
        self._ended: deque[str] = deque(maxlen=_ENDED_KEPT)
        self._seconds = Histogram(
            f"{_PREFIX}_commit_seconds",
            "From a commit's answer until Pachyderm has finished it.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._unfinished = Gauge(
            f"{_PREFIX}_unfinished_commits",
            "Commits of this gateway that Pachyderm has not finished yet.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._spoiled = Counter(
            f"{_PREFIX}_spoiled_commits_total",
            "Commits that Pachyderm dropped because another writer's paths collided with them.",
            registry=registry,
        )
        self._retries = Counter(
            f"{_PREFIX}_retries_total",
            "Steps of a commit that were done again, by reason.",
            ["reason"],
            registry=registry,
        )

    def committed(self, repo: object, branch: str, recorded: HasId) -> None:
        """A commit stands, and Pachyderm goes on to finish it."""
        del repo, branch
        if recorded.id not in self._ended:  # Pachyderm can be quicker than who waits for it
            self._on_their_way[recorded.id] = self._monotonic()
            self._show()

    def finished(self, commit: str, seconds: float) -> None:
        """Pachyderm has finished a commit, so long after it stood."""
        self._seconds.observe(seconds)
        self._end(commit)

    def spoiled(self, commit: str, error: str, culprit: str) -> None:
        """Pachyderm dropped what a commit wrote."""
        del error, culprit
        self._spoiled.inc()
        self._end(commit)

    def retried(self, reason: str) -> None:
        """A step is done again. reason: one of a few words."""
        self._retries.labels(reason).inc()

    def _end(self, commit: str) -> None:
        self._ended.append(commit)
        self._on_their_way.pop(commit, None)
        self._show()

    def _show(self) -> None:
        # Of one that was deleted on its way nothing more is heard.
        lost = self._monotonic() - _LOST_SECONDS
        while self._on_their_way:
            oldest = next(iter(self._on_their_way))
            if self._on_their_way[oldest] > lost:
                break
            del self._on_their_way[oldest]
        self._unfinished.set(len(self._on_their_way))


@dataclass(frozen=True, slots=True)
class PachydermFigures:
    """What the store can say at once. cache: by name, those that end in `bytes` go up and down."""

    circuit_open: bool
    cache: Mapping[str, int] = field(default_factory=dict)


class PachydermCollector(Collector):
    """Asks for the figures anew at every scrape."""

    def __init__(self, ask: Callable[[], PachydermFigures]) -> None:
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        """The figures of now; none where they cannot be had, as a scrape goes on without them."""
        try:
            figures = self._ask()
        except Exception:
            log.exception("the store could not give its figures")
            return
        yield GaugeMetricFamily(
            f"{_PREFIX}_circuit_open",
            "1 while Pachyderm does not answer, so that nothing waits for it.",
            int(figures.circuit_open),
        )
        sizes = GaugeMetricFamily(
            f"{_PREFIX}_cache_bytes", "What the cached contents take up.", labels=["place"]
        )
        for name, place in (("bytes", "disk"), ("memory_bytes", "memory")):
            if name in figures.cache:
                sizes.add_metric([place], figures.cache[name])
        yield sizes
        for name, text in _CACHE.items():
            if name in figures.cache:
                yield CounterMetricFamily(f"{_PREFIX}_cache_{name}", text, figures.cache[name])

    def describe(self) -> list[Metric]:
        """Nothing: the registry would otherwise ask the store when this is registered."""
        return []
