"""A pachd in memory, for tests: what pachd 2.12 was observed to do, and knobs to make it misbehave.

Facts in tests/stores/pachyderm/observed.jsonl; the same tests run against a real pachd.
"""

from fake_pachd.fake import FakePachd
from fake_pachd.refusals import Refusal

__all__ = ["FakePachd", "Refusal"]
