"""pyarrow.fs: the C++ SDK, with folders as empty objects whose names end in a slash."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

BUCKET = os.environ["S3_BUCKET"]
ODD = "dir/a b+c %2F ümlaut&=?#'😀.txt"
SMALL_PARTS = 5 * 1024**2


def write(files, key, body):
    with files.open_output_stream(f"{BUCKET}/{key}") as stream:
        stream.write(body)


def read(files, key):
    with files.open_input_stream(f"{BUCKET}/{key}") as stream:
        return stream.read()


def objects(files):
    assert read(files, "seed/old+new ü.txt") == b"seeded"
    write(files, "dir/small.txt", Path("small.txt").read_bytes())
    write(files, ODD, b"odd name")
    files.copy_file(f"{BUCKET}/{ODD}", f"{BUCKET}/copied")
    big = Path("big.bin").read_bytes()
    with files.open_output_stream(f"{BUCKET}/big") as stream:
        for start in range(0, len(big), SMALL_PARTS):
            stream.write(big[start : start + SMALL_PARTS])
    with files.open_input_file(f"{BUCKET}/big") as whole:
        assert whole.size() == len(big)
        assert whole.read_at(3, 1048575) == b"\xff\x00\x01"
    try:
        read(files, "none")
    except FileNotFoundError:
        pass
    else:
        raise AssertionError("a missing key was read")


def folders(files):
    kinds = {one.path: one.type for one in files.get_file_info(fs.FileSelector(f"{BUCKET}/seed"))}
    assert kinds == {
        f"{BUCKET}/seed/deep": fs.FileType.Directory,
        f"{BUCKET}/seed/old+new ü.txt": fs.FileType.File,
    }, kinds
    (nothing,) = files.get_file_info([f"{BUCKET}/none"])
    assert nothing.type == fs.FileType.NotFound
    files.create_dir(f"{BUCKET}/made/here", recursive=True)
    write(files, "made/here/file", b"1")
    files.move(f"{BUCKET}/made/here/file", f"{BUCKET}/made/here/moved")
    inside = files.get_file_info(fs.FileSelector(f"{BUCKET}/made", recursive=True))
    assert sorted(one.path for one in inside) == [
        f"{BUCKET}/made/here",
        f"{BUCKET}/made/here/moved",
    ]
    files.delete_dir(f"{BUCKET}/made")
    (gone,) = files.get_file_info([f"{BUCKET}/made"])
    assert gone.type == fs.FileType.NotFound


def tables(files):
    table = pa.table({"id": range(1000), "label": ["cat", "dog"] * 500})
    root = f"{BUCKET}/table"
    pq.write_to_dataset(table, root, partition_cols=["label"], filesystem=files)
    back = pq.read_table(root, filesystem=files, filters=[("label", "=", "dog")])
    assert back.num_rows == 500
    files.delete_dir(root)


def main():
    files = fs.S3FileSystem(
        endpoint_override=os.environ["S3_ENDPOINT"], allow_bucket_creation=True, scheme="http"
    )
    objects(files)
    folders(files)
    tables(files)


main()
