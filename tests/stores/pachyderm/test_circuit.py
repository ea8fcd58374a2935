"""When calls are no longer tried, and when they are again."""

from __future__ import annotations

import asyncio
import time

import grpc
import pytest

from gateway.stores.pachyderm import circuit as circuits
from gateway.stores.pachyderm.circuit import Circuit
from gateway.stores.pachyderm.faults import Unreachable


class Probe:
    """Answers what it is told to, and counts."""

    def __init__(self) -> None:
        self.answers = False
        self.asked = 0

    async def __call__(self) -> bool:
        self.asked += 1
        return self.answers


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(circuits, "PROBE_EVERY_S", 0.01)


async def fail(circuit: Circuit, times: int) -> None:
    for _ in range(times):
        circuit.failed(circuit.enter(), "gone")


async def test_nothing_is_known_before_the_first_answer():
    circuit = Circuit(Probe())
    assert circuit.state == "unknown"
    circuit.enter()
    assert circuit.state == "unknown"
    circuit.answered()
    assert circuit.state == "reachable"


async def test_it_opens_after_three_failures_in_a_row():
    circuit = Circuit(Probe())
    await fail(circuit, 2)
    circuit.answered()
    await fail(circuit, 2)
    circuit.enter()
    await fail(circuit, 1)
    assert circuit.state == "unreachable"
    with pytest.raises(Unreachable, match="gone") as caught:
        circuit.enter()
    assert caught.value.sent is False
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    await circuit.close()


async def test_calls_that_fail_together_are_one_failure():
    circuit = Circuit(Probe())
    began = [circuit.enter() for _ in range(100)]
    for began_s in began:
        circuit.failed(began_s, "gone")
    circuit.enter()
    assert circuit.state == "unknown"


async def test_one_probe_at_a_time_finds_it_again():
    probe = Probe()
    circuit = Circuit(probe)
    began = [time.monotonic() for _ in range(5)]
    await fail(circuit, 3)
    for began_s in began:
        circuit.failed(began_s, "more")
    await asyncio.sleep(0.1)
    assert 1 <= probe.asked <= 11
    assert circuit.state == "unreachable"
    probe.answers = True
    await asyncio.sleep(0.05)
    asked = probe.asked
    assert circuit.state == "reachable"
    circuit.enter()
    await asyncio.sleep(0.05)
    assert probe.asked == asked
    await fail(circuit, 2)
    circuit.enter()  # counts from nothing again
    await circuit.close()


async def test_closing_ends_the_search():
    probe = Probe()
    circuit = Circuit(probe)
    await circuit.close()
    await fail(circuit, 3)
    await circuit.close()
    asked = probe.asked
    await asyncio.sleep(0.05)
    assert probe.asked == asked
