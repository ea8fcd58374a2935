"""Tables: polars scans and sinks Parquet; delta-rs commits by conditional put, with no lock."""

import concurrent.futures
import os

import polars as pl
from deltalake import DeltaTable, write_deltalake

BUCKET = os.environ["S3_BUCKET"]
OPTIONS = {"aws_endpoint_url": os.environ["S3_ENDPOINT"], "aws_allow_http": "true"}
WRITERS = 4


def parquet():
    root = f"s3://{BUCKET}/labels"
    frame = pl.DataFrame({"id": range(1000), "label": ["cat", "dog"] * 500})
    frame.write_parquet(f"{root}/a=1/one.parquet", storage_options=OPTIONS)
    frame.lazy().sink_parquet(f"{root}/a=2/two.parquet", storage_options=OPTIONS)
    frame.write_csv(f"{root}.csv", storage_options=OPTIONS)
    found = pl.scan_parquet(f"{root}/**/*.parquet", storage_options=OPTIONS, hive_partitioning=True)
    dogs = found.filter(pl.col("label") == "dog").group_by("a").len().sort("a").collect()
    assert dogs.rows() == [(1, 500), (2, 500)], dogs
    assert pl.read_csv(f"{root}.csv", storage_options=OPTIONS).equals(frame)


def delta():
    root = f"s3://{BUCKET}/table"
    frame = pl.DataFrame({"id": [1, 2, 3], "label": ["cat", "dog", "cat"]})
    write_deltalake(root, frame, storage_options=OPTIONS)

    def append(number):
        rows = pl.DataFrame({"id": [10 + number], "label": [f"by {number}"]})
        write_deltalake(root, rows, mode="append", storage_options=OPTIONS)

    with concurrent.futures.ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(append, range(WRITERS)))
    table = DeltaTable(root, storage_options=OPTIONS)
    assert table.version() == WRITERS, table.version()
    assert pl.read_delta(table).height == 3 + WRITERS
    table.delete("label = 'cat'")
    first = pl.read_delta(root, version=0, storage_options=OPTIONS)
    assert first.sort("id").equals(frame)
    assert sorted(pl.read_delta(root, storage_options=OPTIONS)["id"]) == [2, 10, 11, 12, 13]
    assert table.optimize.compact()["numFilesAdded"] >= 0
    table.create_checkpoint()
    table.vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert DeltaTable(root, storage_options=OPTIONS).count() == 5


parquet()
delta()
