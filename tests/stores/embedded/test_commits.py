"""What a commit leaves in the tables."""

from __future__ import annotations

import hashlib

from hands import About, Hand, put

from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.timeline import records
from gateway.stores.timeline.database import all_rows


async def test_a_record_names_its_parent_by_the_full_hash_and_nothing_that_can_be_erased(
    hand: Hand, store: EmbeddedStore
):
    about = About("ann", "put", "the-message", {"the-metadata": "x"})
    await hand.write(
        await put(store, "the-key", b"the-body", lineage={"the-lineage": 1}), about=about
    )
    first, second = all_rows(
        store._reader.connection, "SELECT hash, record FROM commits ORDER BY n"
    )
    assert records.decode(second[1])["parents"] == [first[0].hex()]
    assert hashlib.sha256(second[1]).digest() == second[0]
    digests = (hashlib.sha256(b"the-body").hexdigest(), hashlib.md5(b"the-body").hexdigest())
    for word in ("the-message", "the-metadata", "the-key", "the-body", "the-lineage", *digests):
        assert word.encode() not in second[1]
