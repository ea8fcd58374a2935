"""gateway.observability.metrics: what a scraper reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from gateway.observability.figures import StoreFigures
from gateway.observability.metrics import OTHER, Metrics
from gateway.observability.pachyderm import PachydermEvents, PachydermFigures

PLACE = {"project": "default", "repo": "labels", "branch": "master"}
ANSWER = {"seconds": 0.002, "ttfb": 0.001, "bytes_in": 10, "bytes_out": 20}


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    page = metrics.render("text/plain")[0].decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((f"labelgate_{name}", frozenset(labels.items())))


@pytest.fixture
def metrics() -> Metrics:
    """Fresh metrics whose clock stands at 1234 s."""
    return Metrics(version="1.2.3", engine="embedded", places_max=2, now=lambda: 1234.0)


def answered(metrics: Metrics, operation: str = "GetObject", code: int = 200, **more: Any) -> None:
    metrics.request_started()
    metrics.request_done(operation=operation, code=code, **{**ANSWER, **more})


def test_a_request_is_counted_timed_and_weighed(metrics):
    answered(metrics)
    answered(metrics, code=404)
    assert value(metrics, "requests_total", operation="GetObject", code="200") == 1
    assert value(metrics, "requests_total", operation="GetObject", code="404") == 1
    assert value(metrics, "request_duration_seconds_count", operation="GetObject") == 2
    assert value(metrics, "request_ttfb_seconds_sum", operation="GetObject") == 0.002
    assert value(metrics, "bytes_total", direction="in") == 20
    assert value(metrics, "bytes_total", direction="out") == 40
    assert value(metrics, "throttled_total") == 0


def test_requests_in_flight_go_up_and_down(metrics):
    metrics.request_started()
    assert value(metrics, "requests_in_flight") == 1
    metrics.request_done(operation="GetObject", code=200, **ANSWER)
    assert value(metrics, "requests_in_flight") == 0


def test_an_answer_of_503_is_throttling(metrics):
    answered(metrics, code=503)
    assert value(metrics, "throttled_total") == 1


def test_a_commit_is_counted_timed_and_dated(metrics):
    metrics.commit(**PLACE, kind="put", seconds=0.001)
    assert value(metrics, "commits_total", **PLACE, kind="put") == 1
    assert value(metrics, "commit_duration_seconds_count", engine="embedded") == 1
    assert value(metrics, "last_commit_timestamp_seconds", **PLACE) == 1234


def test_a_put_that_changes_nothing_is_counted_and_is_no_commit(metrics):
    metrics.noop(**PLACE)
    assert value(metrics, "noop_puts_total", **PLACE) == 1
    assert value(metrics, "commits_total", **PLACE, kind="put") is None


def test_links_are_counted_by_evidence_and_those_without_a_version_as_unresolved(metrics):
    for evidence in ("pinned", "head-at-put", "missing"):
        metrics.lineage_link(evidence)
    assert value(metrics, "lineage_links_total", evidence="missing") == 1
    assert value(metrics, "lineage_unresolved_total", reason="missing") == 1
    assert value(metrics, "lineage_unresolved_total", reason="pinned") is None


def test_refusals_of_the_gate_are_counted_by_their_code(metrics):
    metrics.auth_failure("SignatureDoesNotMatch")
    assert value(metrics, "auth_failures_total", reason="SignatureDoesNotMatch") == 1


def test_branches_beyond_the_cap_share_one_series_and_it_is_said(metrics):
    for number in range(5):
        branch = {**PLACE, "branch": f"b{number}"}
        metrics.commit(**branch, kind="put", seconds=0.001)
        metrics.noop(**branch)
    others = dict.fromkeys(PLACE, OTHER)
    assert value(metrics, "commits_total", **others, kind="put") == 3
    assert value(metrics, "noop_puts_total", **others) == 3
    assert value(metrics, "commits_total", **{**PLACE, "branch": "b0"}, kind="put") == 1
    assert value(metrics, "commits_total", **{**PLACE, "branch": "b4"}, kind="put") is None
    assert value(metrics, "label_values_capped_total") == 6


def test_what_runs_is_told(metrics):
    assert value(metrics, "build_info", version="1.2.3", engine="embedded") == 1


def test_store_figures_are_there_once_somebody_gives_them(metrics):
    assert value(metrics, "store_objects") is None
    metrics.store_figures(lambda: StoreFigures({"database": 8192}, 3))
    assert value(metrics, "store_bytes", kind="database") == 8192
    assert value(metrics, "store_objects") == 3


def test_a_store_that_fails_to_give_figures_does_not_break_the_page(metrics, caplog):
    def fail() -> StoreFigures:
        raise OSError("gone")

    metrics.store_figures(fail)
    assert value(metrics, "store_bytes", kind="database") is None
    assert value(metrics, "throttled_total") == 0
    assert "could not give its figures" in caplog.text


def test_every_name_is_ours_or_the_process_collectors(metrics):
    answered(metrics)
    assert {name.split("_")[0] for name, _ in samples(metrics)} == {"labelgate", "process"}


def test_two_gateways_of_one_process_do_not_share_metrics(metrics):
    other = Metrics(version="1", engine="embedded")
    answered(other)
    assert value(metrics, "requests_total", operation="GetObject", code="200") is None


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain"),
        (None, "text/plain"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics"),
    ],
)
def test_the_page_has_the_form_the_scraper_asked_for(accept, content_type, metrics):
    page, given = metrics.render(accept)
    assert given.startswith(content_type)
    assert page.endswith(b"# EOF\n") == content_type.startswith("application/openmetrics")


WORKER = """
from gateway.observability.metrics import Metrics
metrics = Metrics(version="1", engine="embedded")
metrics.request_started()
metrics.request_done(
    operation="GetObject", code=200, seconds=.1, ttfb=.1, bytes_in=0, bytes_out=0
)
metrics.request_started()
metrics.close()
print(metrics.render("")[0].decode())
"""


def test_each_of_several_workers_shows_the_sum_of_all(tmp_path: Path):
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(3):
        last = subprocess.run(
            [sys.executable, "-c", WORKER], env=env, capture_output=True, text=True, check=True
        ).stdout
    assert 'labelgate_requests_total{code="200",operation="GetObject"} 3.0' in last
    # Those that have ended have nothing in flight, though each left a request unfinished.
    assert "labelgate_requests_in_flight 1.0" not in last
    assert "labelgate_requests_in_flight 3.0" not in last


def test_the_ways_of_commits_to_pachyderm_are_counted(metrics):
    events = metrics.pachyderm_events()
    for name in ("a", "b", "c", "d", "e"):
        events.committed("labels", "master", SimpleNamespace(id=name))
    events.finished("a", 0.31)
    events.committed("labels", "master", SimpleNamespace(id="a"))  # heard of late
    events.spoiled("b", "file / directory path collision", "x/y")
    events.retried("rolled_back")
    assert value(metrics, "pachyderm_commit_seconds_count") == 1
    assert value(metrics, "pachyderm_commit_seconds_bucket", le="0.5") == 1
    assert value(metrics, "pachyderm_unfinished_commits") == 3
    assert value(metrics, "pachyderm_spoiled_commits_total") == 1
    assert value(metrics, "pachyderm_retries_total", reason="rolled_back") == 1


def test_a_store_in_front_of_pachyderm_is_asked_for_its_cache_and_its_line(metrics):
    cache = {"bytes": 5, "memory_bytes": 2, "hits": 7, "misses": 3, "other": 1}
    metrics.pachyderm_figures(lambda: PachydermFigures(circuit_open=True, cache=cache))
    assert value(metrics, "pachyderm_circuit_open") == 1
    assert value(metrics, "pachyderm_cache_bytes", place="disk") == 5
    assert value(metrics, "pachyderm_cache_bytes", place="memory") == 2
    assert value(metrics, "pachyderm_cache_hits_total") == 7
    assert value(metrics, "pachyderm_cache_misses_total") == 3


def test_a_pachyderm_store_that_cannot_be_asked_does_not_spoil_the_page(metrics, caplog):
    def ask() -> PachydermFigures:
        raise ValueError("closed")

    metrics.pachyderm_figures(ask)
    assert value(metrics, "pachyderm_circuit_open") is None
    assert "closed" in caplog.text


def test_what_was_passed_on_is_counted_by_outcome(metrics):
    metrics.forwarded("answered")
    assert value(metrics, "forwarded_total", outcome="answered") == 1


def test_a_commit_of_which_nothing_more_is_heard_is_on_its_way_no_longer():
    registry, now = CollectorRegistry(), 0.0
    events = PachydermEvents(registry, monotonic=lambda: now)
    events.committed("labels", "master", SimpleNamespace(id="deleted"))
    assert registry.get_sample_value("labelgate_pachyderm_unfinished_commits") == 1
    now = 601.0
    events.finished("another", 1.0)
    assert registry.get_sample_value("labelgate_pachyderm_unfinished_commits") == 0
