"""The tests of replicas that pass writes on."""

from __future__ import annotations

from coroutines import pytest_pyfunc_call, runner

__all__ = ["pytest_pyfunc_call", "runner"]
