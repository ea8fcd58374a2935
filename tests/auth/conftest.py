"""The tests of who asks, and what they may do."""

from __future__ import annotations

from coroutines import pytest_pyfunc_call, runner

__all__ = ["pytest_pyfunc_call", "runner"]
