"""`make bench-pachyderm`: the gateway and Pachyderm's own S3 gateway, both in front of one pachd.

Two servers that already run are measured in turn, in one run; what counts is the ratio. Both see
the same repos, so what one wrote is what the other lists.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.client import Server
from bench.pachyderm import work

AIMS = {
    "lone PUT 2 KB": 4,
    "PUT 2 KB, 8 at once, sustained": 12,
    "PUT 2 KB, 8 at once, burst of 5 s": 40,
    "PUT 2 KB, 64 at once, sustained": 50,
    "GET 1 KB again and again, 1 connection": 100,
    "GET 1 KB again and again, 32 connections": 100,
    "HEAD of 50 MiB": 100,
    "64 KiB of 64 MiB, first": 3,
    "64 KiB of 64 MiB, again": 50,
    "list all of 10,000 keys": 5,
    "DeleteObjects of 1,000": 50,
    "multipart 100 MiB": 4,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Both figures in `unit`; ratio: how many times better ours is."""

    name: str
    ours: float
    peer: float
    unit: str
    ratio: float
    aim: int


def row(name: str, ours: float, peer: float, unit: str) -> Row:
    """A row; a rate is better when it is higher, a time when it is lower."""
    ratio = ours / peer if unit == "/s" else peer / ours
    return Row(name, ours, peer, unit, ratio, AIMS[name])


def measure(ours: Server, peer: Server, only: str) -> list[Row]:
    """Every row whose name contains `only`, printed as it comes."""
    rows: list[Row] = []
    for name, unit, of in work.WORK:
        if only not in name:
            continue
        made = row(name, *_both(of, ours, peer), unit)
        rows.append(made)
        mark = "" if made.ratio >= made.aim else "   below the aim"
        print(
            f"{name:42} {made.ours:10.2f} {made.peer:10.2f} {unit:3} "
            f"{made.ratio:8.1f} x  (aim {made.aim}){mark}",
            flush=True,
        )
    return rows


def _both(of: Callable[[Server, Server], work.Samples], ours: Server, peer: Server) -> list[float]:
    found = of(ours, peer)
    return [statistics.median(found.ours), statistics.median(found.peer)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pachyderm", description=__doc__)
    parser.add_argument("--ours", required=True, help="URL of the gateway")
    parser.add_argument("--peer", required=True, help="URL of Pachyderm's S3 gateway")
    parser.add_argument("--access-key-id", default="bench")
    parser.add_argument("--secret-access-key", default="bench")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--json", type=Path, help="where to keep the result")
    given = parser.parse_args()
    pair = given.access_key_id, given.secret_access_key
    # Pachyderm's gateway takes any pair of two equal halves while its auth is off.
    ours, peer = Server("ours", given.ours, *pair), Server("peer", given.peer, pair[0], pair[0])
    print(f"{'':42} {'ours':>10} {'peer':>10}")
    rows = measure(ours, peer, given.only)
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in rows], indent=1) + "\n")
    return 0 if all(one.ratio >= one.aim for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
