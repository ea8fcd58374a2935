"""s3fs, fsspec's file system: caches listings, appends by copied parts, makes and drops buckets."""

import os
import urllib.request
from pathlib import Path

import fsspec

BUCKET = os.environ["S3_BUCKET"]
ODD = "dir/a b+c %2F ümlaut&=?#'😀.txt"


def objects(files):
    assert files.cat(f"{BUCKET}/seed/old+new ü.txt") == b"seeded"
    files.put("small.txt", f"{BUCKET}/dir/small.txt")
    files.pipe(f"{BUCKET}/{ODD}", b"odd name")
    files.cp_file(f"{BUCKET}/{ODD}", f"{BUCKET}/copied")  # `copy` takes the `?` for a pattern
    big = Path("big.bin").read_bytes()
    with files.open(f"{BUCKET}/big", "wb", block_size=5 * 1024**2) as out:
        for start in range(0, len(big), 1024**2):
            out.write(big[start : start + 1024**2])
    assert files.info(f"{BUCKET}/big")["ETag"].endswith('-3"')
    with files.open(f"{BUCKET}/big", "rb", block_size=65536) as whole:
        whole.seek(1048575)
        assert whole.read(3) == b"\xff\x00\x01"
    files.get(f"{BUCKET}/big", "back")
    assert Path("back").read_bytes() == big
    assert files.cat_file(f"{BUCKET}/big", start=-3) == b"\xfd\xfe\xff"
    try:
        files.cat(f"{BUCKET}/none")
    except FileNotFoundError:
        return
    raise AssertionError("a missing key was read")


def folders(files):
    assert files.ls(f"{BUCKET}/seed", detail=False) == [
        f"{BUCKET}/seed/deep",
        f"{BUCKET}/seed/old+new ü.txt",
    ]
    assert files.find(f"{BUCKET}/seed") == [
        f"{BUCKET}/seed/deep/er.txt",
        f"{BUCKET}/seed/old+new ü.txt",
    ]
    assert files.glob(f"{BUCKET}/seed/*/*.txt") == [f"{BUCKET}/seed/deep/er.txt"]
    assert files.isdir(f"{BUCKET}/seed")
    assert files.du(f"{BUCKET}/seed") == 12
    files.touch(f"{BUCKET}/made/empty")
    files.mv(f"{BUCKET}/made/empty", f"{BUCKET}/made/moved")
    assert files.exists(f"{BUCKET}/made/moved")
    files.rm(f"{BUCKET}/made", recursive=True)
    assert not files.exists(f"{BUCKET}/made")
    branch = BUCKET.replace("master.", "fsspec.")
    files.mkdir(branch)
    assert branch in files.ls("")
    files.rmdir(branch)


def growth(files):
    """An append to a large object copies it as the first part of a new one."""
    grown = f"{BUCKET}/grown"
    files.copy(f"{BUCKET}/big", grown)
    with files.open(grown, "ab", block_size=5 * 1024**2) as out:
        out.write(b"tail")
    assert files.size(grown) == files.size(f"{BUCKET}/big") + 4
    assert files.tail(grown, 6) == b"\xfe\xfftail"
    files.rm(grown)


def versions():
    aware = file_system(version_aware=True)
    with aware.open(f"{BUCKET}/changing", "wb") as out:
        out.write(b"old")
    with aware.open(f"{BUCKET}/changing", "rb") as reader:
        aware.pipe(f"{BUCKET}/changing", b"new")
        assert reader.read() == b"old"
    assert len(aware.object_version_info(f"{BUCKET}/changing")) == 2
    aware.rm(f"{BUCKET}/changing")


def urls(files):
    files.setxattr(f"{BUCKET}/copied", reviewed="yes")
    assert files.getxattr(f"{BUCKET}/copied", "reviewed") == "yes"
    files.put_tags(f"{BUCKET}/copied", {"kind": "copy"})
    assert files.get_tags(f"{BUCKET}/copied") == {"kind": "copy"}
    with urllib.request.urlopen(files.sign(f"{BUCKET}/{ODD}")) as answer:
        assert answer.read() == b"odd name"


def file_system(**further):
    return fsspec.filesystem("s3", endpoint_url=os.environ["S3_ENDPOINT"], **further)


def main():
    files = file_system()
    objects(files)
    folders(files)
    growth(files)
    versions()
    urls(files)


main()
