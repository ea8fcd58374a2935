"""Ceph's s3-tests as a witness: an environment for a checkout of it, and one run on a gateway.

The suite is nobody's dependency and none of its code is here. It wants three accounts, and empties
every bucket it made before and after each test, so one run is one process, one test at a time.
"""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.environment import ROOT, Environment

_PINS = Path(__file__).with_name("s3tests-constraints.txt")
ENVIRONMENT = Environment(ROOT / ".s3tests", f"--requirement={_PINS}", _PINS)
# What a store of versioned labels is not for: expiry on a clock, other tiers, and Ceph's own logs.
SELECTION = "not lifecycle and not cloud and not logging"
MODULE = "test_s3.py"
_FUNCTIONAL = "s3tests/functional"
_ACCOUNTS = ("main", "alt", "tenant")
_START_SECONDS_MAX = _STOP_SECONDS_MAX = 60


class SuiteError(Exception):
    """The suite could not be run; the text says why."""


def run(checkout: Path, further: Iterable[str], log: Path) -> dict[str, bool]:
    """Whether each name passed: SELECTION of test_s3.py, then the `further` names.

    A name is the suite's own, behind its file and `::` where that is not test_s3.py. What the
    suite and the gateway print goes to `log`. Takes some minutes. Raises SuiteError.
    """
    if not (checkout / _FUNCTIONAL / MODULE).is_file():
        raise SuiteError(f"{checkout} is no checkout of s3-tests: {_FUNCTIONAL}/{MODULE} is absent")
    with tempfile.TemporaryDirectory(prefix="labelgate-s3tests-") as folder, log.open("wb") as out:
        work = Path(folder)
        with _gateway(work, out.fileno()) as port:
            _write_config(work / "s3tests.conf", port)
            passed = _pytest(checkout, work, out.fileno(), MODULE, "-k", SELECTION)
            return passed | _pytest(checkout, work, out.fileno(), *further)


def _pytest(checkout: Path, work: Path, out: int, *what: str) -> dict[str, bool]:
    """One run of pytest in the checkout, which is left as it was."""
    report = work / "report.xml"
    report.unlink(missing_ok=True)
    arguments = [f"{_FUNCTIONAL}/{one}" if one.startswith("test_") else one for one in what]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LABELGATE_"))},
        "S3TEST_CONF": str(work / "s3tests.conf"),
        "AWS_MAX_ATTEMPTS": "1",  # a retry hides what the first answer was
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    subprocess.run(  # noqa: S603 (no shell, our own paths)
        [
            *(str(ENVIRONMENT.python), "-m", "pytest", "-p", "no:cacheprovider", "-q"),
            *("--tb=short", "--show-capture=no", f"--junitxml={report}", *arguments),
        ],
        cwd=checkout,
        env=environment,
        stdout=out,
        stderr=out,
        check=False,  # that tests fail is a result
    )
    if not report.exists():
        raise SuiteError("pytest gave no report; see the log")
    return dict(_outcomes(report))


def _outcomes(report: Path) -> Iterator[tuple[str, bool]]:
    """An error in setup or teardown counts as a failure: it is our bucket that was in the way."""
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 (pytest wrote it just now)
        file = case.attrib["classname"].rpartition(".")[2] + ".py"
        name = case.attrib["name"]
        yield name if file == MODULE else f"{file}::{name}", len(case) == 0


@contextmanager
def _gateway(work: Path, out: int) -> Iterator[int]:
    """The port of a gateway on an empty store, with settings that anybody may use."""
    credentials = work / "keys.json"
    credentials.write_text(json.dumps({"keys": [_key(name) for name in _ACCOUNTS]}))
    process = subprocess.Popen(  # noqa: S603 (no shell, our own paths)
        [
            *(sys.executable, "-m", "gateway", "serve", "--data", str(work / "data")),
            *("--port", "0", "--credentials-file", str(credentials)),
            *("--default-versioning", "unset"),
            *("--bucket-names", "s3"),
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=out,
        env={k: v for k, v in os.environ.items() if not k.startswith("LABELGATE_")},
    )
    try:
        yield _port(process, work / "data" / "run" / "server.json")
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], address: Path) -> int:
    """The port that the gateway took, once it has written it down."""
    deadline = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        if address.exists():
            found = json.loads(address.read_text(encoding="utf-8"))
            return int(found["s3_endpoint"].rsplit(":", 1)[1])
        time.sleep(0.05)
    raise SuiteError("the gateway did not start; see the log")


def _key(account: str) -> dict[str, str]:
    return {"name": account, "account": account, "grants": "own", **_pair(account)}


def _pair(account: str) -> dict[str, str]:
    return {
        "access_key_id": f"LGCONFORMANCE{account.upper()}".ljust(20, "0"),
        "secret_access_key": f"conformance-{account}-secret",
    }


def _write_config(file: Path, port: int) -> None:
    """The suite's own configuration. It reads the sections on IAM whether or not it tests that."""
    config = configparser.RawConfigParser(default_section="DEFAULT")
    config["DEFAULT"] = {"host": "127.0.0.1", "port": str(port), "is_secure": "False"}
    config["fixtures"] = {"bucket prefix": "lg-{random}-"}
    for section, account in (
        *((f"s3 {account}", account) for account in _ACCOUNTS),
        *(("iam", "main"), ("iam root", "main"), ("iam alt root", "alt")),
    ):
        config[section] = _identity(account)
    config["s3 main"]["api_name"] = "eu-central-1"
    config["s3 tenant"]["tenant"] = "tenant"
    with file.open("w", encoding="utf-8") as out:
        config.write(out)


def _identity(account: str) -> Mapping[str, str]:
    pair = _pair(account)
    return {
        "display_name": account,
        "user_id": account,
        "email": f"{account}@example.com",
        "access_key": pair["access_key_id"],
        "secret_key": pair["secret_access_key"],
    }
