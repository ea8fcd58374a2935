"""obstore: Rust's object_store, with conditional puts, parts over threads, and signed URLs."""

import os
import urllib.request
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

ODD = "dir/a b+c %2F ümlaut&=?#'😀.txt"


def objects(store):
    assert bytes(store.get("seed/old+new ü.txt").bytes()) == b"seeded"
    store.put("dir/small.txt", Path("small.txt"))
    store.put(ODD, b"odd name")
    store.copy(ODD, "copied")
    store.put("big", Path("big.bin"), chunk_size=5 * 1024**2, max_concurrency=4)
    big = Path("big.bin").read_bytes()
    assert bytes(store.get("big").bytes()) == big
    assert store.head("big")["e_tag"].endswith('-3"')
    middle = store.get_ranges("big", starts=[255, 1048575], ends=[257, 1048578])
    assert [bytes(one) for one in middle] == [b"\xff\x00", b"\xff\x00\x01"]
    try:
        store.get("none")
    except FileNotFoundError:
        return
    raise AssertionError("a missing key was read")


def conditions(store):
    first = store.put("once", b"1", mode="create")
    try:
        store.put("once", b"2", mode="create")
    except AlreadyExistsError:
        pass
    else:
        raise AssertionError("an object was created twice")
    second = store.put("once", b"2", mode={"e_tag": first["e_tag"]})
    try:
        store.put("once", b"3", mode={"e_tag": first["e_tag"]})
    except PreconditionError:
        pass
    else:
        raise AssertionError("an update passed over another")
    old = store.get("once", options={"version": first["version"]})
    assert bytes(old.bytes()) == b"1"
    assert second["version"] != first["version"]
    store.rename("once", "twice")
    store.delete(["twice", "never there"])


def lists(store):
    whole = [one["path"] for page in store.list("seed", chunk_size=1) for one in page]
    assert whole == ["seed/deep/er.txt", "seed/old+new ü.txt"], whole
    level = store.list_with_delimiter("seed")
    assert [one["path"] for one in level["objects"]] == ["seed/old+new ü.txt"]
    assert level["common_prefixes"] == ["seed/deep"]
    after = [one["path"] for page in store.list("seed", offset="seed/e") for one in page]
    assert after == ["seed/old+new ü.txt"]


def urls(store):
    put = obstore.sign(store, "PUT", "by url", timedelta(minutes=5))
    urllib.request.urlopen(urllib.request.Request(put, b"by url", method="PUT")).close()
    get = obstore.sign(store, "GET", "by url", timedelta(minutes=5))
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"by url"
    urllib.request.urlopen(
        urllib.request.Request(
            obstore.sign(store, "DELETE", "by url", timedelta(minutes=5)), method="DELETE"
        )
    ).close()


def main():
    store = S3Store(
        os.environ["S3_BUCKET"],
        endpoint=os.environ["S3_ENDPOINT"],
        client_options={"allow_http": True},
        checksum_algorithm="SHA256",
    )
    objects(store)
    conditions(store)
    lists(store)
    urls(store)


main()
