"""labelgate reindex, on both stores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from live import live_gateway
from pachds import any_pachd, environment


def test_what_is_derived_is_made_anew_from_pachyderm_alone(run: Any, tmp_path: Path) -> None:
    with any_pachd() as address:
        env = environment(address)
        with live_gateway(tmp_path / "data", **env) as serving:
            s3 = serving.s3()
            s3.create_bucket(Bucket="master.relabeled")
            for number in range(3):
                s3.put_object(Bucket="master.relabeled", Key="a", Body=b"%d" % number)
            before = s3.list_object_versions(Bucket="master.relabeled")["Versions"]
            done = serving.cli("reindex", check=False)
            assert done.returncode == 1
            assert "stop it" in done.stderr
        shutil.rmtree(tmp_path / "data" / "pachyderm")
        done = run("reindex", "--data", str(tmp_path / "data"), "--json", **env)
        assert done.returncode == 0, done.stderr
        [row] = [row for row in json.loads(done.stdout) if row["repo"] == "relabeled"]
        assert row["commits"] >= 4
        assert "relabeled" in run("reindex", "--data", str(tmp_path / "data"), **env).stdout
        with live_gateway(tmp_path / "data", **env) as serving:
            after = serving.s3().list_object_versions(Bucket="master.relabeled")["Versions"]
        assert after == before


def test_the_embedded_store_is_indexed_anew_beside_a_server(run: Any, tmp_path: Path) -> None:
    with live_gateway(tmp_path / "data") as serving:
        s3 = serving.s3()
        s3.create_bucket(Bucket="master.relabeled")
        s3.put_object(Bucket="master.relabeled", Key="a", Body=b"1")
        done = run("reindex", "--data", str(tmp_path / "data"), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [{"repo": "relabeled", "commits": 2}]
        s3.put_object(Bucket="master.relabeled", Key="a", Body=b"2")
        assert s3.get_object(Bucket="master.relabeled", Key="a")["Body"].read() == b"2"
