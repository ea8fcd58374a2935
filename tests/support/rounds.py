"""A round: what every program in tests/clients does with one bucket, and what it must leave there.

A program is told where by its environment (`S3_ENDPOINT`, `S3_BUCKET`, the usual AWS_ names) and is
run in a folder with `small.txt`, `big.bin` and `a b+c.txt`. In its own words it reads what boto3
wrote, writes what LEFT tells, lists, reads ranges and missing keys, and uses URLs it presigned
where it can presign. It ends with a status other than 0, and says why, where anything is not so.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from live import LiveGateway

ODD = "dir/a b+c %2F ümlaut&=?#'😀.txt"
SEEDED = {"seed/old+new ü.txt": b"seeded", "seed/deep/er.txt": b"deeper"}
LEFT = {
    ODD: b"odd name",
    "copied": b"odd name",
    "dir/small.txt": b"0123456789",
    "big": bytes(range(256)) * (12 * 4096),
    **SEEDED,
}
ROUND_SECONDS_MAX = 120


def seed(s3: Any, bucket: str) -> None:
    """What a program finds."""
    for key, body in SEEDED.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def run_round(
    command: Sequence[str | Path],
    gateway: LiveGateway,
    bucket: str,
    *,
    folder: Path,
    environment: Mapping[str, str],
) -> None:
    """One program's round. Fails with what it said."""
    done = subprocess.run(
        [*command],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**environment, "S3_ENDPOINT": gateway.url, "S3_BUCKET": bucket},
        timeout=ROUND_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def left_behind(s3: Any, bucket: str) -> dict[str, bytes]:
    """Every object and its body, as boto3 reads them, which checks their checksums."""
    rows = s3.list_objects_v2(Bucket=bucket)["Contents"]
    return {row["Key"]: s3.get_object(Bucket=bucket, Key=row["Key"])["Body"].read() for row in rows}
