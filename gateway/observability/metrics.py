"""What is counted and timed, as Prometheus reads it.

Every name begins with `labelgate_`, but for the process collector's, which keeps the names that
every dashboard knows (`process_resident_memory_bytes` ...). Never a key, an access key, an
annotator or an error's text as a label.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from gateway.observability.figures import StoreCollector, StoreFigures
from gateway.observability.pachyderm import PachydermCollector, PachydermEvents, PachydermFigures
from gateway.versioning.names import UPLOADS, is_upload

PLACES_MAX = 200
OTHER = "_other"
MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
# From OpenTelemetry's 5 ms to 10 s, and finer below: a save takes about a millisecond.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_THROTTLED = 503
_UNRESOLVED = frozenset({"external", "missing"})
_PLACE = ("project", "repo", "branch")

_Place = tuple[str, str, str]


class _Timers(NamedTuple):
    """The timers of one operation."""

    seconds: Histogram
    ttfb: Histogram


class _Instruments:
    """The metrics themselves, one attribute for each, without their label values."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"labelgate_{name}", text, labels, registry=registry)

        def timer(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(f"labelgate_{name}", text, labels, registry=registry, buckets=SECONDS)

        def gauge(name: str, text: str, across: Any, *labels: str) -> Gauge:
            """across: how the values of several worker processes become one."""
            return Gauge(
                f"labelgate_{name}", text, labels, registry=registry, multiprocess_mode=across
            )

        self.requests = counter(
            "requests_total", "S3 requests, by operation and status code.", "operation", "code"
        )
        self.seconds = timer(
            "request_duration_seconds", "From a request to the end of its answer.", "operation"
        )
        self.ttfb = timer(
            "request_ttfb_seconds", "From a request to the first byte of its answer.", "operation"
        )
        self.in_flight = gauge("requests_in_flight", "S3 requests being answered.", "livesum")
        self.transferred = counter("bytes_total", "Bytes of bodies, in and out.", "direction")
        self.auth_failures = counter(
            "auth_failures_total", "Requests the gate refused, by S3 error code.", "reason"
        )
        self.throttled = counter("throttled_total", "S3 requests answered 503: try again.")
        self.commits = counter("commits_total", "Commits made through S3.", *_PLACE, "kind")
        self.noops = counter(
            "noop_puts_total", "PUTs of an unchanged label, which made no commit.", *_PLACE
        )
        self.commit_seconds = timer(
            "commit_duration_seconds", "What a commit took in the store.", "engine"
        )
        self.last_commit = gauge(
            "last_commit_timestamp_seconds",
            "When a branch last took a commit from this gateway, since 1970.",
            "max",
            *_PLACE,
        )
        self.links = counter(
            "lineage_links_total", "Sources that writes were linked to, by evidence.", "evidence"
        )
        self.unresolved = counter(
            "lineage_unresolved_total", "Sources of writes without a version, by reason.", "reason"
        )
        self.capped = counter(
            "label_values_capped_total",
            "Samples counted under _other, because too many branches have series of their own.",
        )
        self.forwarded = counter(
            "forwarded_total",
            "S3 requests for repos that another replica owns, by what became of them.",
            "outcome",
        )
        self.deliveries = counter(
            "deliveries_total",
            "Tries to tell a receiver of a commit: delivered, failed, or parked for good.",
            "channel",
            "outcome",
        )
        self.behind = gauge(
            "deliveries_behind_branches",
            "Branches with commits that a receiver was not told of yet.",
            "livemax",
            "channel",
        )
        self.parked = gauge(
            "deliveries_parked",
            "Commits that a receiver could not be told of; they wait to be replayed.",
            "livemax",
            "channel",
        )
        self.firings = counter(
            "trigger_firings_total",
            "Tries to do what a trigger fired: done, failed, or parked for good.",
            "action",
            "outcome",
        )
        self.firings_parked = gauge(
            "trigger_firings_parked",
            "What triggers fired and could not be done; it waits to be replayed.",
            "livemax",
        )
        self.build = gauge(
            "build_info", "Always 1; the labels say what runs.", "max", "version", "engine"
        )


class _Branch:
    """The metrics of one branch, or of all that are beyond the cap."""

    def __init__(self, instruments: _Instruments, place: _Place) -> None:
        self._instruments = instruments
        self._place = place
        self._by_kind: dict[str, Counter] = {}
        self.noops = instruments.noops.labels(*place)
        self.last_commit = instruments.last_commit.labels(*place)

    def commits(self, kind: str) -> Counter:
        """The counter of commits of that kind."""
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = self._instruments.commits.labels(*self._place, kind)
        return found


class Metrics:
    """The metrics of one gateway, in a registry of its own.

    engine: the kind of store. places_max: how many branches (project, repo, branch) get series of
    their own; later ones share `_other`. now: seconds since 1970 UTC.
    Label sets are looked up once and kept: a request costs a few microseconds in all.
    """

    def __init__(
        self,
        *,
        version: str,
        engine: str,
        places_max: int = PLACES_MAX,
        now: Callable[[], float] = time.time,
    ) -> None:
        # Each counter would otherwise bring a second series that tells when it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._multiprocess = MULTIPROCESS_DIR in os.environ
        self._registry = CollectorRegistry()
        self._instruments = _Instruments(self._registry)
        self._places_max = places_max
        self._now = now
        self._collectors: list[Collector] = []
        self._requests: dict[tuple[str, int], Counter] = {}
        self._timers: dict[str, _Timers] = {}
        self._branches: dict[_Place, _Branch] = {}
        self._bytes_in = self._instruments.transferred.labels("in")
        self._bytes_out = self._instruments.transferred.labels("out")
        self._commit_seconds = self._instruments.commit_seconds.labels(engine)
        self._instruments.build.labels(version, engine).set(1)
        if not self._multiprocess:
            ProcessCollector(registry=self._registry)

    def request_started(self) -> None:
        """An S3 request came in."""
        self._instruments.in_flight.inc()

    def request_done(
        self,
        *,
        operation: str,
        code: int,
        seconds: float,
        ttfb: float,
        bytes_in: int,
        bytes_out: int,
    ) -> None:
        """An S3 request is over. operation: S3's name or `Unknown`; code: the HTTP status."""
        self._instruments.in_flight.dec()
        requests = self._requests.get((operation, code))
        if requests is None:
            requests = self._instruments.requests.labels(operation, str(code))
            self._requests[operation, code] = requests
        requests.inc()
        timers = self._timers.get(operation)
        if timers is None:
            timers = self._timers[operation] = _Timers(
                self._instruments.seconds.labels(operation),
                self._instruments.ttfb.labels(operation),
            )
        timers.seconds.observe(seconds)
        timers.ttfb.observe(ttfb)
        if bytes_in:
            self._bytes_in.inc(bytes_in)
        if bytes_out:
            self._bytes_out.inc(bytes_out)
        if code == _THROTTLED:
            self._instruments.throttled.inc()

    def auth_failure(self, reason: str) -> None:
        """The gate refused a request. reason: a code of the closed table of S3 errors."""
        self._instruments.auth_failures.labels(reason).inc()

    def commit(self, *, project: str, repo: str, branch: str, kind: str, seconds: float) -> None:
        """A commit landed."""
        place = self._branch(project, repo, branch)
        place.commits(kind).inc()
        place.last_commit.set(self._now())
        self._commit_seconds.observe(seconds)

    def noop(self, *, project: str, repo: str, branch: str) -> None:
        """A PUT was no change."""
        self._branch(project, repo, branch).noops.inc()

    def lineage_link(self, evidence: str) -> None:
        """A write was linked to a source with that evidence."""
        self._instruments.links.labels(evidence).inc()
        if evidence in _UNRESOLVED:
            self._instruments.unresolved.labels(evidence).inc()

    def forwarded(self, outcome: str) -> None:
        """A request was another replica's. outcome: `answered`, `unreachable` or `broken`."""
        self._instruments.forwarded.labels(outcome).inc()

    def delivery(self, channel: str, outcome: str) -> None:
        """A receiver was told of a commit. outcome: `delivered`, `failed` or `parked`."""
        self._instruments.deliveries.labels(channel, outcome).inc()

    def deliveries_left(self, channel: str, *, behind: int, parked: int) -> None:
        """How many branches a receiver is behind on, and how many commits it never took."""
        self._instruments.behind.labels(channel).set(behind)
        self._instruments.parked.labels(channel).set(parked)

    def firing(self, action: str, outcome: str) -> None:
        """What a trigger fired was tried. outcome: `done`, `failed` or `parked`."""
        self._instruments.firings.labels(action, outcome).inc()

    def firings_parked(self, count: int) -> None:
        """How much of what triggers fired was given up."""
        self._instruments.firings_parked.set(count)

    def store_figures(self, ask: Callable[[], StoreFigures]) -> None:
        """Show what `ask` answers at each scrape; it must be quick, on whatever thread."""
        self._collect(StoreCollector(ask))

    def pachyderm_events(self) -> PachydermEvents:
        """What counts the ways of commits to Pachyderm; once."""
        return PachydermEvents(self._registry)

    def pachyderm_figures(self, ask: Callable[[], PachydermFigures]) -> None:
        """As store_figures, of a store in front of Pachyderm."""
        self._collect(PachydermCollector(ask))

    def render(self, accept: str | None) -> tuple[bytes, str]:
        """The page for a scraper that accepts `accept`, and its content type.

        With several workers (PROMETHEUS_MULTIPROC_DIR) it is the sum of all of them, whichever
        is asked; figures of single processes are absent then.
        """
        encode, content_type = choose_encoder(accept or "")
        registry = self._registry
        if self._multiprocess:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            for collector in self._collectors:
                registry.register(collector)
        return encode(registry), content_type

    def close(self) -> None:
        """This process serves no more: with several workers its requests in flight are gone."""
        if self._multiprocess:
            mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]

    def _collect(self, collector: Collector) -> None:
        self._collectors.append(collector)
        if not self._multiprocess:
            self._registry.register(collector)

    def _branch(self, *place: str) -> _Branch:
        project, repo, branch = place
        if is_upload(branch):
            branch = UPLOADS  # each has one of its own, that is soon gone
        found = self._branches.get((project, repo, branch))
        if found is not None:
            return found
        labels = (project, repo, branch)
        if len(self._branches) >= self._places_max:
            # Beyond the cap nothing new is kept: not even the name, which a client chooses.
            self._instruments.capped.inc()
            labels = (OTHER, OTHER, OTHER)
            if labels in self._branches:
                return self._branches[labels]
        made = self._branches[labels] = _Branch(self._instruments, labels)
        return made
