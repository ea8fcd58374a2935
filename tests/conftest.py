"""Fixtures every room may use: a live gateway, a client for it, and a bucket of one's own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from live import LiveGateway, live_gateway
from pachds import any_pachd, environment

# A real Label Studio at work on the gateway: only the tests that ask for one start it.
pytest_plugins = ("studios",)

# A loaded machine, or a first run that has yet to build Hypothesis' tables, is no failure.
settings.register_profile("labelgate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("labelgate")

_serial = itertools.count(1)

# Why a test may be skipped where everything that `make test` installs is there.
EXPECTED_SKIPS: tuple[str, ...] = (
    "LABELGATE_TEST_PACHD is not set",
    "LABELGATE_S3TESTS is not set",
    "LABELGATE_OPENLINEAGE_SPEC is not set",
    "this store cannot (capability `",
    # Minutes to build, so `make test` leaves them to `make clients`.
    *(f"the {name} client is not built" for name in ("go", "rust", "java", "hadoop")),
    *(f"there is no {tool}" for tool in ("npm", "go", "cargo", "mvn")),
)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skip that nobody expected is a failure: a check that did not run proves nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None:
        return
    reasons = [str(report.longrepr) for report in reporter.stats.get("skipped", [])]
    unexpected = [why for why in reasons if not any(known in why for known in EXPECTED_SKIPS)]
    if unexpected and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"unexpected skips: {unexpected}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """One gateway process for the whole session, on the embedded store, with one known key."""
    with live_gateway(tmp_path_factory.mktemp("gateway") / "data") as serving:
        yield serving


@pytest.fixture(scope="session")
def pachyderm_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """The same in front of a pachd: the fake one, or a real one where an address is given."""
    folder = tmp_path_factory.mktemp("pachyderm") / "data"
    with any_pachd() as address, live_gateway(folder, **environment(address)) as serving:
        yield serving


@pytest.fixture(scope="session")
def s3(gateway: LiveGateway) -> Any:
    """A boto3 client with the gateway's key."""
    return gateway.s3()


@pytest.fixture
def bucket(s3: Any) -> str:
    """A new, empty bucket: branch `master` of a repo nobody else uses."""
    name = f"master.repo{next(_serial)}"
    s3.create_bucket(Bucket=name)
    return name
