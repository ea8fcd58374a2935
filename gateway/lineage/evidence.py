"""How sure the version of a source is, in one word each; best first.

The words appear in lineage records, in the `x-amz-meta-lineage-evidence` header and as a metric's
label, so they never change their meaning.
"""

from __future__ import annotations

from enum import StrEnum


class Evidence(StrEnum):
    """Why a lineage record names the version of a source that it names.

    PINNED: the version is certain: the bucket names a commit or a tag, or this write copied it.
    OBSERVED: this gateway served that version while the work was going on.
    OBSERVED_BEFORE: this gateway served that version earlier; a cache may have shown it since.
    HEAD_AT_OPEN: it was at the branch's head when the work began.
    HEAD_AT_PUT: it was at the branch's head when the result was written.
    EXTERNAL: the source is not in a repo here that the writer may read; its version is not known.
    MISSING: the repo is here, but neither the ref nor the key that is named in it.
    """

    PINNED = "pinned"
    OBSERVED = "observed"
    OBSERVED_BEFORE = "observed-before"
    HEAD_AT_OPEN = "head-at-open"
    HEAD_AT_PUT = "head-at-put"
    EXTERNAL = "external"
    MISSING = "missing"
